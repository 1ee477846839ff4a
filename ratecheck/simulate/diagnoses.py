"""What a simulation shows, under codes that stay."""

from ratecheck import retry
from ratecheck.durations import NS_PER_S, human_s, human_wait_s, s_from_ns
from ratecheck.errors import UsageError
from ratecheck.model import Answer, Diagnosis, Dimension, Severity
from ratecheck.simulate.engine import charges_refusals
from ratecheck.simulate.gate import Charging
from ratecheck.simulate.report import Figures, PolicyOutcome, SimulateReport
from ratecheck.simulate.scenario import KeysScope, Scenario
from ratecheck.simulate.workload import offered_per_min
from ratecheck.wording import counted, units

# From here on retries are most of what is sent.
_MANY = 1.5

# A queue that is asked for more than it lets through grows for ever; a tenth above may be the draw.
_OVER = 1.1


def diagnose(report: SimulateReport) -> tuple[Diagnosis, ...]:
    """Return what the first policy's run shows, gravest first."""
    if not report.policies:
        return ()
    first = report.policies[0]
    run, scenario = first.outcome.figures, report.scenario
    found: list[Diagnosis | None] = [
        _never_fits(scenario), _cut(first, run), _amplified(first, run), _too_short(run, scenario),
        _overload(scenario, run), _unseen(scenario, run), _shared_keys(scenario), _in_step(first, scenario, run),
    ]  # fmt: skip
    return tuple(each for each in found if each is not None)


def _amplified(first: PolicyOutcome, run: Figures) -> Diagnosis | None:
    if run.amplification is None or run.amplification < _MANY:
        return None
    evidence = [first.sentence.rstrip(".")]
    if run.drained_at_s is not None and run.requests_limited:
        evidence.append(f"nothing was left after {human_s(run.drained_at_s)}")
    return Diagnosis(
        "RC301", Severity.BAD,
        f"{counted(run.calls, 'call')} became {counted(run.requests, 'request')}: {run.amplification:.1f} for each.",
        tuple(evidence), (f"Switch the SDK's retries off: {first.disable}",) if first.disable else (),
    )  # fmt: skip


def _too_short(run: Figures, scenario: Scenario) -> Diagnosis | None:
    """Retries that end before the limit has room again, where the server does not say how long that takes."""
    vain = run.vain
    if vain is None or scenario.hints:
        return None
    tried_s, room_s = s_from_ns(vain.last_ns - vain.at_ns), s_from_ns(vain.room_ns)
    evidence: tuple[str, ...] = ()
    moved = vain.later_ns is not None and vain.last_ns + vain.later_ns > vain.at_ns + vain.room_ns
    if vain.later_ns is not None and moved and charges_refusals(scenario):
        evidence = (
            f"after the last of them it was {human_wait_s(s_from_ns(vain.later_ns))} away: refused tries count too",
        )
    return Diagnosis(
        "RC302", Severity.BAD,
        f"Call {vain.call:,}: all retries were over within {human_s(tried_s)}, but room for it was "
        f"{human_wait_s(room_s)} away.",
        evidence,
        ("Wait that long before the first retry, or obey the server's Retry-After if it sends one.",),
    )  # fmt: skip


def _overload(scenario: Scenario, run: Figures) -> Diagnosis | None:
    offered = offered_per_min(scenario.workload)
    if offered is None:
        return None
    remedies = scenario.remedies
    asked = offered * (1 - remedies.cache) / remedies.merge
    if remedies.keys_scope is KeysScope.KEY:
        asked /= remedies.keys
    cost = Charging(scenario.profile).cost(
        round(scenario.workload.tokens.low * (1 - remedies.trim)), scenario.workload.max_output_tokens or None
    )
    for rule in scenario.profile.limits:
        if rule.limit.dimension is Dimension.CONCURRENCY or not rule.limit.amount:
            continue
        # Over a day's limit a short run is no overload.
        span_s = scenario.workload.duration_s or (scenario.workload.calls or 0) * scenario.workload.every_s
        if rule.limit.window_ns > 60 * NS_PER_S and span_s * NS_PER_S < rule.limit.window_ns:
            continue
        allowed = rule.limit.amount * 60 * NS_PER_S / rule.limit.window_ns
        wanted = asked * cost.of(rule.limit.dimension)
        if wanted > _OVER * allowed:
            return Diagnosis(
                "RC303", Severity.BAD if run.requests_limited else Severity.WARN,
                f"The calls alone ask for {wanted:,.0f} {units(rule.limit.dimension)} a minute; "
                f"the limit lets {allowed:,.4g} through: no retry rule can make up for that.",
                (), ("Send less, or slower: a throttle, a cache, merged calls, shorter prompts; or get more allowed.",),
            )  # fmt: skip
    return None


def _unseen(scenario: Scenario, run: Figures) -> Diagnosis | None:
    if scenario.remedies.throttle is None or run.requests <= run.calls or not run.requests_limited:
        return None
    return Diagnosis(
        "RC304", Severity.WARN,
        f"The throttle saw {counted(run.calls - run.calls_cached, 'call')}; "
        f"{counted(run.requests - run.calls, 'retry', 'retries')} passed it by.",
        (), ("Switch the SDK's retries off and put the throttle around every request.",),
    )  # fmt: skip


def _shared_keys(scenario: Scenario) -> Diagnosis | None:
    remedies = scenario.remedies
    if remedies.keys == 1 or remedies.keys_scope is not KeysScope.ORGANIZATION:
        return None
    return Diagnosis(
        "RC305", Severity.WARN,
        f"{remedies.keys} keys of one organisation share one limit: they change nothing.",
        (), ("Try `--keys-scope key`: it shows what separate accounts would do.",),
    )  # fmt: skip


def _in_step(first: PolicyOutcome, scenario: Scenario, run: Figures) -> Diagnosis | None:
    if scenario.workload.clients < 2 or not run.requests_limited or first.worst_case == 1:
        return None
    try:
        waits = retry.get(first.policy).waits(Answer(503))
    except UsageError:
        return None
    if not waits or any(most_s - least_s > 0.001 for least_s, most_s in waits):
        return None
    return Diagnosis(
        "RC306", Severity.WARN,
        f"{first.policy} adds no jitter: {counted(scenario.workload.clients, 'client')} that fail together try again "
        "together.",
        (), ("Add jitter: U(0.5, 1.5) times the wait is enough to spread them.",),
    )  # fmt: skip


def _never_fits(scenario: Scenario) -> Diagnosis | None:
    charging = Charging(scenario.profile)
    cost = charging.cost(round(scenario.workload.tokens.high), scenario.workload.max_output_tokens or None)
    for rule, amount in zip(scenario.profile.limits, charging.amounts(cost), strict=True):
        most = rule.limit.amount if rule.limit.burst is None else rule.limit.burst
        if rule.algorithm != "leaky_bucket" and amount > most and rule.limit.dimension is not Dimension.CONCURRENCY:
            return Diagnosis(
                "RC104", Severity.BAD,
                f"A call of this size takes {amount:,} of {most:,} {rule.name}: no wait ever lets it pass.",
                (f"charged by the rule {charging.rule.name}: {charging.rule.says}",),
                ("Make the prompt or max_tokens smaller, split the call, or have the limit raised.",),
            )  # fmt: skip
    return None


def _cut(first: PolicyOutcome, run: Figures) -> Diagnosis | None:
    if run.cut != "max_events":
        return None
    why = f"{first.policy} retries without end" if first.worst_case is None else "the bound is below what it takes"
    return Diagnosis(
        "RC307", Severity.WARN,
        f"Stopped after {run.events:,} events with {counted(run.calls_unfinished, 'call')} unfinished: {why}.",
        (), ("Go further with --max-events N.",),
    )  # fmt: skip
