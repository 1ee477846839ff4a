"""Policies x replicas x remedies on one workload: what to run, and what is read out of it."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ratecheck import retry
from ratecheck.durations import NS_PER_S, human_s
from ratecheck.errors import UsageError
from ratecheck.retry import RetryPolicy
from ratecheck.retry.words import sentence
from ratecheck.simulate.diagnoses import diagnose
from ratecheck.simulate.engine import Run, patience_s
from ratecheck.simulate.options import STORY_LIMITER
from ratecheck.simulate.remedies import proposals
from ratecheck.simulate.report import Figures, Outcome, PolicyOutcome, Remedy, SimulateReport, figures, summarise
from ratecheck.simulate.scenario import Scenario
from ratecheck.simulate.totals import Attempt, Totals
from ratecheck.simulate.workload import calls_at_most, jobs, offered_per_min


@dataclass(frozen=True, slots=True)
class Task:
    """One run: what a worker process is handed."""

    scenario: Scenario
    policy: str
    seed: int
    record: bool = False


Done = tuple[Figures, tuple[Attempt, ...]]
RunTasks = Callable[[Sequence[Task]], Iterable[Done]]
"""How tasks are run, in order: one after the other, or spread over processes."""


def policy_of(scenario: Scenario, name: str) -> RetryPolicy:
    """Return the named policy with the scenario's own ``max_retries`` where it states one."""
    policy = retry.get(name)
    if scenario.remedies.retries_off:
        once = retry.get("no-retry")
        return replace(policy, build=once.build, max_retries=0, note="retries switched off")
    if scenario.max_retries is None or policy.max_retries is None:
        return policy
    return policy.with_max_retries(scenario.max_retries)


def perform(task: Task, tick: Callable[[Totals], None] | None = None) -> Done:
    """Run one task."""
    run = Run(task.scenario, policy_of(task.scenario, task.policy), task.seed, record=task.record)
    totals = run.go(tick)
    return figures(totals), tuple(totals.attempts)


def one_by_one(tasks: Sequence[Task]) -> Iterable[Done]:
    """Run tasks in this process."""
    for task in tasks:
        done = perform(task)
        yield done
        if done[0].cut == "interrupted":
            return


@dataclass(frozen=True, slots=True)
class Plan:
    """What a study will run, known before anything is."""

    scenario: Scenario
    seed: int
    replicas: int
    compare: bool
    keep_attempts: bool
    """Record every policy's attempts, not only those of the first."""

    @property
    def tasks(self) -> list[tuple[str, Task]]:
        """Every run with the name of the group it belongs to, groups in the order of telling."""
        listed: list[tuple[str, Task]] = []
        for index, name in enumerate(self.scenario.policies):
            for replica in range(self.replicas):
                record = replica == 0 and (index == 0 or self.keep_attempts)
                listed.append((f"policy {index}", Task(self.scenario, name, self.seed + replica, record)))
        patience = patience_s(self.scenario, policy_of(self.scenario, self.scenario.policies[0]))
        for index, proposal in enumerate(self._proposals()):
            for replica in range(self.replicas):
                task = Task(replace(proposal.scenario, max_retries=None), proposal.policy, self.seed + replica)
                if proposal.policy in self.scenario.policies:
                    task = replace(task, scenario=proposal.scenario)
                # A remedy changes what it names: the patience stays that of the client that is mended.
                task = replace(task, scenario=replace(task.scenario, timeout_s=patience))
                listed.append((f"remedy {index}", task))
        return listed

    def _proposals(self) -> list[Any]:
        if not (self.compare or self.scenario.story):
            return []
        policy = policy_of(self.scenario, self.scenario.policies[0])
        return proposals(self.scenario, policy, every=self.compare)

    def events_at_most(self) -> tuple[int, int | None]:
        """Return the fewest and the most events that the largest run can take; ``None`` where nothing bounds it.

        An event is a waking: at most two for a request (it is sent, its answer comes), one more for a call's start.
        """
        calls = calls_at_most(self.scenario.workload)
        worsts = [policy_of(self.scenario, name).worst_case for name in self.scenario.policies]
        if any(worst is None for worst in worsts):
            return calls, None
        return calls, calls * (2 * max(worst for worst in worsts if worst is not None) + 1)


def study(plan: Plan, run_tasks: RunTasks = one_by_one) -> SimulateReport:
    """Run what ``plan`` says and return the report; what is done so far where it is interrupted."""
    try:
        _check(plan)
    except KeyboardInterrupt:
        return SimulateReport(plan.seed, plan.replicas, plan.scenario, describe(plan.scenario), (), interrupted=True)
    named = plan.tasks
    groups: dict[str, list[Done]] = {}
    interrupted = False
    for (group, _), done in zip(named, _until_interrupted(run_tasks, [task for _, task in named]), strict=False):
        groups.setdefault(group, []).append(done)
        interrupted = interrupted or done[0].cut == "interrupted"
    interrupted = interrupted or sum(map(len, groups.values())) < len(named)
    policies = tuple(
        _told(plan, name, _outcome(name, groups[f"policy {index}"]))
        for index, name in enumerate(plan.scenario.policies)
        if f"policy {index}" in groups
    )
    remedies = [
        Remedy(proposal.title, proposal.why, proposal.code, _outcome(proposal.title, groups[f"remedy {index}"]))
        for index, proposal in enumerate(plan._proposals())
        if f"remedy {index}" in groups
    ]
    remedies.sort(key=lambda remedy: rank(remedy.outcome))
    report = SimulateReport(
        plan.seed, plan.replicas, plan.scenario, describe(plan.scenario), policies, tuple(remedies),
        interrupted=interrupted, notes=(*_patience_told(plan.scenario), *_forgiving_told(plan, policies)),
    )  # fmt: skip
    return replace(report, diagnoses=diagnose(report))


def _until_interrupted(run_tasks: RunTasks, tasks: Sequence[Task]) -> Iterable[Done]:
    try:
        yield from run_tasks(tasks)
    except KeyboardInterrupt:
        return


def rank(outcome: Outcome) -> tuple[float, float, float]:
    """Return what remedies are ranked by: calls answered, then requests wasted, then the slow calls' latency."""

    def mean(name: str, without: float) -> float:
        found = outcome.intervals.get(name)
        return without if found is None else found.mean

    return (-round(mean("success_share", 0.0), 6), round(mean("wasted_share", 0.0), 6), mean("latency_p95_s", 0.0))


def _outcome(label: str, done: Sequence[Done]) -> Outcome:
    return summarise(label, [each for each, _ in done], done[0][1])


def _told(plan: Plan, name: str, outcome: Outcome) -> PolicyOutcome:
    policy = policy_of(plan.scenario, name)
    return PolicyOutcome(
        name, str(policy.versions), policy.checked,
        sentence(policy), policy.disable, policy.timeout_s, policy.worst_case, outcome, policy.source,
    )  # fmt: skip


def _patience_told(scenario: Scenario) -> tuple[str, ...]:
    """Say what a timeout costs where nobody stated it: it can be most of a run."""
    if scenario.timeout_s is not None or all(o.kind != "timeout" for fault in scenario.faults for o in fault.outcomes):
        return ()
    told = []
    for name in scenario.policies:
        known_s = policy_of(scenario, name).timeout_s
        told.append(
            f"No answer within {human_s(known_s)} is a timeout: the default of {name} (--timeout)."
            if known_s is not None
            else f"How long {name} waits for an answer is not known: a timeout costs as long as an answer (--timeout)."
        )
    return tuple(told)


def _forgiving_told(plan: Plan, policies: Sequence[PolicyOutcome]) -> tuple[str, ...]:
    """Say of the story's refusal that a bucket would have let the call pass, where it would: the story again tells."""
    scenario = plan.scenario
    if not (scenario.story and policies and all(rule.algorithm == STORY_LIMITER for rule in scenario.profile.limits)):
        return ()

    def refused(attempts: Sequence[Attempt]) -> bool:
        return any((each.call, each.attempt, each.outcome) == (2, 1, "limited") for each in attempts)

    if not refused(policies[0].outcome.attempts):
        return ()
    again = replace(scenario, profile=scenario.profile.enforced_by("token_bucket"))
    if refused(perform(Task(again, scenario.policies[0], plan.seed, record=True))[1]):
        return ()
    return ("Many gateways count so; under --limiter token_bucket the next call would have passed by then.",)


def _check(plan: Plan) -> None:
    scenario = plan.scenario
    if not scenario.profile.limits:
        raise UsageError("there is no limit to simulate", "give --rpm, --tpm, --rpd, --profile or --limits FILE")
    for name in scenario.policies:
        policy_of(scenario, name)
    if not any(jobs(scenario.workload, scenario.remedies, plan.seed)):
        raise UsageError("no call arrives", "a longer --duration, a higher --rate or more --calls")


def describe(scenario: Scenario) -> dict[str, Any]:
    """Return the scenario in plain values: what was assumed, also where nobody asked for it."""
    workload, remedies, profile = scenario.workload, scenario.remedies, scenario.profile
    per = {rule.name.lower(): rule.limit.amount for rule in profile.limits}
    algorithms = list(dict.fromkeys(rule.algorithm for rule in profile.limits))
    return {
        "rpm": per.get("rpm"), "tpm": per.get("tpm"), "rpd": per.get("rpd"),
        "limiter": algorithms[0] if len(algorithms) == 1 else ",".join(algorithms),
        "calls": workload.calls, "clients": workload.clients,
        "arrivals": workload.arrivals.value,
        "every_s": workload.every_s if workload.arrivals.value == "schedule" else None,
        "rate_per_min": offered_per_min(workload),
        "duration_s": workload.duration_s,
        "tokens": str(workload.tokens) if workload.tokens.high else None,
        "max_output_tokens": workload.max_output_tokens or None,
        "output_tokens": None if workload.output_tokens is None else str(workload.output_tokens),
        "latency_s": scenario.latency_s.low if scenario.latency_s.fixed else str(scenario.latency_s),
        "timeout_s": scenario.timeout_s,
        "faults": [fault.text for fault in scenario.faults],
        "provider": profile.dialect, "profile": profile.name, "model": profile.model,
        "limits": [
            {
                "dimension": rule.limit.dimension.value, "limit": rule.limit.amount,
                "window_s": rule.limit.window_ns / NS_PER_S, "burst": rule.limit.burst, "algorithm": rule.algorithm,
            }
            for rule in profile.limits
        ],
        "refusals_say_how_long": scenario.hints,
        "max_retries": scenario.max_retries,
        "throttle": remedies.throttle, "throttle_per_min": remedies.throttle_per_min, "workers": remedies.workers,
        "retries_off": remedies.retries_off,
        "keys": remedies.keys, "keys_scope": remedies.keys_scope.value, "cache": remedies.cache,
        "merge": remedies.merge, "trim": remedies.trim, "cap_output": remedies.cap_output,
        "story": scenario.story, "max_events": scenario.max_events,
    }  # fmt: skip
