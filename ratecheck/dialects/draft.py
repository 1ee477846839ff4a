"""One limit while its headers come in, and what a bare number in its reset counts."""

from ratecheck.dialects import values, windows
from ratecheck.dialects.rules import HeaderRule, Means
from ratecheck.durations import MINUTE_S


class Draft:
    """One limit while its headers come in."""

    # A plain class: a dataclass would cost every start of the program a millisecond.
    __slots__ = (
        "headers", "in_two_units", "numbers", "reset", "rounded_to", "rule", "sentinel", "utilization", "whose",
        "window_s",
    )  # fmt: skip

    def __init__(self, rule: HeaderRule, whose: str | None) -> None:
        self.rule = rule
        self.whose = whose
        self.numbers: dict[Means, int] = {}
        self.reset: values.Delay | None = None
        self.window_s: float | None = None
        self.utilization: float | None = None
        self.headers: list[str] = []
        self.sentinel = False
        self.in_two_units = False
        """The reset's header is written in milliseconds by one route and in seconds by another."""
        self.rounded_to = 1
        """What the server rounds the remainder to."""

    @property
    def limit(self) -> int | None:
        return self.numbers.get(Means.LIMIT)

    @property
    def remaining(self) -> int | None:
        return self.numbers.get(Means.REMAINING)


def unit_of(
    delay: values.Delay | None, limit: int | None, remaining: int | None, window_s: float | None
) -> float | None:
    if delay is None or delay.bare is None or limit is None or remaining is None:
        return None
    # Where Azure states no renewal period, its limits are by the minute (documented).
    return windows.unit_of_reset(delay.bare, limit=limit, remaining=remaining, window_s=window_s or MINUTE_S)


def looks_like_milliseconds(draft: Draft, limit: int | None, remaining: int | None) -> float:
    """Return 0.001 where a bare reset makes a minute only as milliseconds, else 1.0: seconds are the usual unit.

    Only for names that speak of requests or tokens: those are the names whose senders refill bit by bit.
    """
    delay = draft.reset
    if delay is None or delay.bare is None or limit is None or remaining is None or draft.rule.dimension is None:
        return 1.0
    number = delay.bare
    as_seconds = windows.infer_window_s(limit=limit, remaining=remaining, reset_s=number, resolution_s=1.0)
    as_ms = windows.infer_window_s(limit=limit, remaining=remaining, reset_s=number / 1000, resolution_s=0.001)
    return 0.001 if as_ms == MINUTE_S and as_seconds is None else 1.0
