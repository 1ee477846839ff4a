"""What simulations come to: figures per policy, intervals over replicas, what each remedy changes."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ratecheck.durations import s_from_ns
from ratecheck.model import Diagnosis, Source
from ratecheck.simulate.scenario import Scenario
from ratecheck.simulate.totals import Attempt, Totals, Vain

# Two-sided 95 % quantiles of Student's t for 1, 2, … 30 degrees of freedom; beyond that the normal's 1.96 will do.
_T95 = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131, 2.120,
    2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
)  # fmt: skip


def percentile(values: Sequence[float], share: float) -> float | None:
    """Return the value that ``share`` of all do not exceed (nearest rank); ``None`` of nothing. ``values`` sorted."""
    return values[max(math.ceil(share * len(values)), 1) - 1] if values else None


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean over replicas and its 95 % confidence interval; no bounds of a single run."""

    mean: float
    low: float | None
    high: float | None


def interval(values: Sequence[float]) -> Interval | None:
    """Return mean and interval by Student's t; ``None`` of no value."""
    if not values:
        return None
    mean = math.fsum(values) / len(values)
    if len(values) == 1:
        return Interval(mean, None, None)
    degrees = len(values) - 1
    variance = math.fsum((value - mean) ** 2 for value in values) / degrees
    half = (_T95[degrees - 1] if degrees <= len(_T95) else 1.96) * math.sqrt(variance / len(values))
    return Interval(mean, mean - half, mean + half)


@dataclass(frozen=True, slots=True)
class Figures:
    """One run in numbers. Plain, so that it travels between processes."""

    calls: int
    calls_ok: int
    calls_cached: int
    calls_unfinished: int
    requests: int
    requests_ok: int
    requests_limited: int
    requests_faulted: int
    drained_at_s: float | None
    first_limited_call: int | None
    makespan_s: float
    latency_p50_s: float | None
    latency_p95_s: float | None
    latency_max_s: float | None
    events: int
    cut: str | None
    limited_by: Mapping[str, int]
    vain: Vain | None

    @property
    def amplification(self) -> float | None:
        """HTTP requests for each call that needed one; ``None`` where none did."""
        needed = self.calls - self.calls_cached - self.calls_unfinished
        return self.requests / needed if needed > 0 else None

    @property
    def success_share(self) -> float:
        """Calls that were answered."""
        return self.calls_ok / self.calls if self.calls else 1.0

    @property
    def wasted_share(self) -> float:
        """Requests that brought no answer."""
        return 1 - self.requests_ok / self.requests if self.requests else 0.0


def figures(totals: Totals) -> Figures:
    """Return the numbers of a run."""
    latencies = sorted(totals.latencies_ns)
    p50, p95 = percentile(latencies, 0.5), percentile(latencies, 0.95)
    return Figures(
        totals.calls, totals.calls_ok, totals.calls_cached, totals.unfinished, totals.requests, totals.requests_ok,
        totals.requests_limited, totals.requests_faulted,
        None if totals.drained_at_ns is None else s_from_ns(totals.drained_at_ns), totals.first_limited_call,
        s_from_ns(totals.end_ns), _s(p50), _s(p95), _s(latencies[-1] if latencies else None), totals.events, totals.cut,
        totals.limited_by, totals.vain,
    )  # fmt: skip


def _s(ns: float | None) -> float | None:
    return None if ns is None else ns / 1e9


MEASURED = ("amplification", "success_share", "wasted_share", "drained_at_s", "makespan_s", "latency_p50_s",
            "latency_p95_s", "requests", "calls_ok")  # fmt: skip
"""The figures that get an interval over replicas."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One policy under one set of remedies: the first seed's run, and intervals over all."""

    label: str
    figures: Figures
    intervals: Mapping[str, Interval | None]
    replicas: int
    attempts: tuple[Attempt, ...] = ()


@dataclass(frozen=True, slots=True)
class PolicyOutcome:
    """A client as it is."""

    policy: str
    version: str
    """The versions that the rule holds for."""
    checked: str
    sentence: str
    disable: str | None
    timeout_s: float | None
    worst_case: int | None
    outcome: Outcome
    source: Source


@dataclass(frozen=True, slots=True)
class Remedy:
    """One thing that the application could do, and what it changes."""

    title: str
    why: str
    code: tuple[str, ...]
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class SimulateReport:
    """All that ``simulate`` has to say."""

    seed: int
    replicas: int
    scenario: Scenario
    described: Mapping[str, Any]
    """The scenario in plain values, for people and JSON."""
    policies: tuple[PolicyOutcome, ...]
    remedies: tuple[Remedy, ...] = ()
    """For the first policy, best first."""
    diagnoses: tuple[Diagnosis, ...] = ()
    skipped: tuple[str, ...] = ()
    """Lines of a workload file that could not be read."""
    interrupted: bool = False
    notes: tuple[str, ...] = field(default=())


def summarise(label: str, runs: Sequence[Figures], attempts: Sequence[Attempt] = ()) -> Outcome:
    """Fold the replicas of one policy; the first is the base seed's."""
    intervals: dict[str, Interval | None] = {}
    for name in MEASURED:
        values = [value for run in runs if (value := getattr(run, name)) is not None]
        intervals[name] = interval(values)
    return Outcome(label, runs[0], intervals, len(runs), tuple(attempts))
