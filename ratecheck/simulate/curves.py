"""Curves over the virtual time of a recorded run: what was left, and how many attempts a second."""

from collections.abc import Sequence

from ratecheck.durations import ns_from_s, s_from_ns
from ratecheck.simulate.engine import charges_refusals
from ratecheck.simulate.gate import Gate
from ratecheck.simulate.scenario import KeysScope, Scenario
from ratecheck.simulate.totals import Attempt

# Up to so many attempts each has a point of its own on the curve.
_EXACT = 2_000

Points = tuple[tuple[float, float], ...]


def remaining(scenario: Scenario, attempts: Sequence[Attempt], end_s: float, samples: int = 160) -> Points:
    """Return (seconds, requests left) over a run, refilling included, by letting the same limiter see it again.

    Empty where requests are not limited, or where several limits stand side by side.
    """
    several = scenario.remedies.keys > 1 and scenario.remedies.keys_scope is KeysScope.KEY
    drains = charges_refusals(scenario)
    limiter = Gate(scenario.profile, drains).requests
    if limiter is None or several or not attempts or end_s <= 0:
        return ()
    step_ns = max(ns_from_s(end_s) // samples, 1)
    points: list[tuple[float, float]] = [(0.0, float(limiter.level(0)[0]))]
    next_ns = step_ns
    # With thousands of attempts the even samples are a curve already.
    exact = len(attempts) <= _EXACT
    for attempt in sorted(attempts, key=lambda each: each.at_ns):
        while next_ns < attempt.at_ns:
            points.append((s_from_ns(next_ns), float(limiter.level(next_ns)[0])))
            next_ns += step_ns
        if attempt.outcome == "ok" or (attempt.outcome == "fault" and attempt.status is None):
            limiter.admit(1, attempt.at_ns, drains)
        elif drains:
            limiter.drain(1, attempt.at_ns)
        if exact:
            points.append((s_from_ns(attempt.at_ns), float(limiter.level(attempt.at_ns)[0])))
    while next_ns <= ns_from_s(end_s):
        points.append((s_from_ns(next_ns), float(limiter.level(next_ns)[0])))
        next_ns += step_ns
    return tuple(points)


def attempts_per_s(attempts: Sequence[Attempt], end_s: float, refused: bool, buckets: int = 60) -> Points:
    """Return (seconds, attempts a second) of those that were refused or of all others."""
    if not attempts or end_s <= 0:
        return ()
    width_s = end_s / buckets
    counts = [0] * (buckets + 1)
    for attempt in attempts:
        if (attempt.outcome == "limited") == refused:
            counts[min(int(s_from_ns(attempt.at_ns) / width_s), buckets)] += 1
    counts[buckets - 1] += counts.pop()
    return tuple((index * width_s, count / width_s) for index, count in enumerate(counts))


def refusals(attempts: Sequence[Attempt], end_s: float, buckets: int = 240) -> Points:
    """Return where to mark refused attempts on the zero line: one mark for all that would fall on the same spot."""
    width_s = end_s / buckets if end_s > 0 else 1.0
    times_s = (s_from_ns(each.at_ns) for each in attempts if each.outcome == "limited")
    spots = {int(at_s / width_s): at_s for at_s in times_s}
    return tuple((at_s, 0.0) for _, at_s in sorted(spots.items()))
