"""Client-side limiters as tutorials write them: they count calls and never see the SDK's own retries."""

from collections import deque

from ratecheck.durations import NS_PER_S
from ratecheck.errors import UsageError
from ratecheck.model import Dimension
from ratecheck.simulate.scenario import Scenario

THROTTLES = ("token-bucket", "leaky-bucket", "sliding-log")


class Throttle:
    """Each caller is told when it may go, first come first served."""

    def __init__(self, name: str, per_min: float, window_ns: int = 60 * NS_PER_S) -> None:
        self._interval_ns = round(60 * NS_PER_S / per_min)
        self._window_ns = window_ns
        # A bucket lets a minute's worth go at once; a leaky bucket paces evenly; a log counts the last minute.
        self._burst = max(int(per_min), 1) if name != "leaky-bucket" else 1
        self._log: deque[int] | None = deque(maxlen=self._burst) if name == "sliding-log" else None
        self._next_ns = 0

    def grant(self, now_ns: int) -> int:
        """Return the instant at which the caller may go, and count it."""
        if self._log is not None:
            at_ns = now_ns
            if len(self._log) == self._burst:
                at_ns = max(at_ns, self._log[0] + self._window_ns)
            self._log.append(at_ns)
            return at_ns
        at_ns = max(now_ns, self._next_ns - (self._burst - 1) * self._interval_ns)
        self._next_ns = max(self._next_ns, at_ns) + self._interval_ns
        return at_ns


def throttle_per_min(scenario: Scenario) -> float:
    """Return the rate of each client's throttle: as asked, else its fair share of the tightest limit.

    Raises ``UsageError`` where nothing says a rate.
    """
    remedies = scenario.remedies
    if remedies.throttle_per_min is not None:
        return remedies.throttle_per_min
    tokens = scenario.workload.tokens.high
    # What one call takes of a limit of that dimension.
    takes = {Dimension.REQUESTS: 1.0, Dimension.TOKENS: tokens, Dimension.INPUT_TOKENS: tokens}
    rates = [
        rule.limit.amount * 60 * NS_PER_S / rule.limit.window_ns / takes[rule.limit.dimension]
        for rule in scenario.profile.limits
        if takes.get(rule.limit.dimension)
    ]
    if not rates:
        raise UsageError("a throttle needs a rate: there is no limit to take a share of", "write --throttle NAME:30")
    return min(rates) / scenario.workload.clients
