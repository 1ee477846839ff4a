"""Replay calls through a client's retry rule against a limiter, in virtual time; try what would help."""

from ratecheck.simulate.report import Figures, Outcome, PolicyOutcome, Remedy, SimulateReport
from ratecheck.simulate.scenario import Arrivals, KeysScope, Remedies, Scenario, Span, Workload
from ratecheck.simulate.study import Plan, Task, one_by_one, perform, study

__all__ = [
    "Arrivals", "Figures", "KeysScope", "Outcome", "Plan", "PolicyOutcome", "Remedies", "Remedy", "Scenario",
    "SimulateReport", "Span", "Task", "Workload", "one_by_one", "perform", "study",
]  # fmt: skip
