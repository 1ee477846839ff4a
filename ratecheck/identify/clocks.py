"""Whether the server's clock and this computer's agree: from Date headers, or from resets that are dates."""

from statistics import median

from ratecheck.durations import NS_PER_S, human_s
from ratecheck.identify.plan import Investigation
from ratecheck.identify.sight import Sight
from ratecheck.identify.weigh import REPORTED
from ratecheck.model import Diagnosis, Severity

# A Date header is a whole second, and an answer takes its time: less than this apart is the same time.
_SAME_TIME_S = 3.0
_SET = "Set this computer's clock (NTP); where the server's is wrong, wait by spans and not by dates."


def clock_findings(investigation: Investigation) -> list[Diagnosis]:
    """Return at most one finding: how far the two clocks are apart, and what that does to the resets."""
    stated = [sight.clock_ahead_s for sight in investigation.sights if sight.clock_ahead_s is not None]
    dated = any(sight.dated_resets for sight in investigation.sights)
    if stated:
        ahead_s = median(stated)
        slowest_s = max(_took_s(sight) for sight in investigation.sights)
        if abs(ahead_s) <= _SAME_TIME_S + slowest_s:
            return []
        says = f"The server's clock is {_apart(ahead_s)} this computer's, by its Date header."
        if dated:
            says += " Its resets are dates: they are read by that header here, but your client may read its own clock."
        return [Diagnosis("RC511", Severity.WARN if dated else Severity.NOTE, says, (), (_SET,) if dated else ())]
    late_s = _unexplained_s(investigation) if dated else None
    if late_s is None or abs(late_s) <= _SAME_TIME_S:
        return []
    says = (
        f"The resets are dates, no Date header came with them, and by what the limit then did the server's clock is "
        f"{_apart(late_s)} this computer's."
    )
    return [Diagnosis("RC511", Severity.WARN, says, (), (_SET,))]


def _took_s(sight: Sight) -> float:
    return (sight.answered_ns - sight.sent_ns) / NS_PER_S


def _apart(ahead_s: float) -> str:
    return f"{human_s(abs(ahead_s))} {'ahead of' if ahead_s > 0 else 'behind'}"


def _unexplained_s(investigation: Investigation) -> float | None:
    """Return how much later all resets are than the limiter that explains the rest; ``None`` where none is sure."""
    belief = investigation.main if investigation.enforced is None else None
    claims = belief.claims() if belief is not None else []
    if not claims or claims[0].share < REPORTED or claims[0].best.reset_off or claims[0].best.misses:
        return None
    off_ns = claims[0].best.reset_off_ns
    return off_ns / NS_PER_S if off_ns is not None else None
