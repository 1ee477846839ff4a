"""Counters of windows that begin at fixed instants, or with a request."""

from ratecheck.durations import NS_PER_S
from ratecheck.limiters.rules import Rules
from ratecheck.model import Limit


class FixedWindow(Rules):
    """A counter that starts again at every multiple of the window: on the full minute where ``now_ns`` is wall time."""

    def __init__(self, limit: Limit) -> None:
        super().__init__(limit)
        self._window = 0
        self._used = 0

    def _now(self, now_ns: int) -> tuple[int, int, int]:
        """Window, use in it, and the instant as seen from it."""
        window = max(now_ns // self.limit.window_ns, self._window)
        return window, self._used if window == self._window else 0, max(now_ns, window * self.limit.window_ns)

    def wait_ns(self, amount: int, now_ns: int) -> int | None:
        window, used, _ = self._now(now_ns)
        if used + amount <= self.limit.amount or amount == 0:
            return 0
        return None if amount > self.limit.amount else (window + 1) * self.limit.window_ns - now_ns

    def level(self, now_ns: int) -> tuple[int, int]:
        window, used, _ = self._now(now_ns)
        return max(self.limit.amount - used, 0), (window + 1) * self.limit.window_ns - now_ns if used else 0

    def charge(self, amount: int, now_ns: int) -> None:
        self._window, used, _ = self._now(now_ns)
        self._used = used + amount

    def give_back(self, amount: int, now_ns: int, taken_ns: int | None = None) -> None:
        window, used, _ = self._now(now_ns)
        if taken_ns is None or taken_ns // self.limit.window_ns >= window:
            self._window, self._used = window, max(used - amount, 0)

    def most_in(self, span_ns: int, largest: int) -> int | None:
        window_ns = self.limit.window_ns
        return self.limit.amount * ((max(span_ns, 1) + window_ns - 2) // window_ns + 1)


class FirstUseWindow(Rules):
    """A counter whose window begins with the first request after the last window's end.

    So a counter with an expiry works (https://redis.io/docs/latest/commands/incr/, pattern "rate limiter", 2026-10).
    """

    def __init__(self, limit: Limit) -> None:
        super().__init__(limit)
        self._ends_ns: int | None = None
        self._used = 0

    def _now(self, now_ns: int) -> tuple[int, int]:
        """Use in the running window, and nanoseconds until it ends; both 0 where none is running."""
        if self._ends_ns is None or now_ns >= self._ends_ns:
            return 0, 0
        return self._used, self._ends_ns - now_ns

    def wait_ns(self, amount: int, now_ns: int) -> int | None:
        used, left_ns = self._now(now_ns)
        if used + amount <= self.limit.amount or amount == 0:
            return 0
        return None if amount > self.limit.amount else left_ns

    def level(self, now_ns: int) -> tuple[int, int]:
        used, left_ns = self._now(now_ns)
        return max(self.limit.amount - used, 0), left_ns if used else 0

    def charge(self, amount: int, now_ns: int) -> None:
        used, left_ns = self._now(now_ns)
        if not left_ns:
            if not amount:
                return
            self._ends_ns = now_ns + self.limit.window_ns
        self._used = used + amount

    def give_back(self, amount: int, now_ns: int, taken_ns: int | None = None) -> None:
        used, left_ns = self._now(now_ns)
        if left_ns and (taken_ns is None or taken_ns >= now_ns + left_ns - self.limit.window_ns):
            self._used = max(used - amount, 0)

    def most_in(self, span_ns: int, largest: int) -> int | None:
        window_ns = self.limit.window_ns
        return self.limit.amount * ((max(span_ns, 1) + window_ns - 2) // window_ns + 1)


class PacificDay(FixedWindow):
    """Days that begin at midnight Pacific standard time, 08:00 UTC, where ``now_ns`` is wall time.

    So Gemini's requests a day: https://ai.google.dev/gemini-api/docs/rate-limits (2026-10). In summer the real day
    begins an hour earlier.
    """

    # What is 08:00 outside is midnight inside.
    _ahead_ns = 16 * 3600 * NS_PER_S

    def wait_ns(self, amount: int, now_ns: int) -> int | None:
        return super().wait_ns(amount, now_ns + self._ahead_ns)

    def level(self, now_ns: int) -> tuple[int, int]:
        return super().level(now_ns + self._ahead_ns)

    def charge(self, amount: int, now_ns: int) -> None:
        super().charge(amount, now_ns + self._ahead_ns)

    def give_back(self, amount: int, now_ns: int, taken_ns: int | None = None) -> None:
        super().give_back(amount, now_ns + self._ahead_ns, None if taken_ns is None else taken_ns + self._ahead_ns)


class SlidingCounter(FixedWindow):
    """Two counters: the last window's weighs as much as it still overlaps the window that ends now."""

    def __init__(self, limit: Limit) -> None:
        super().__init__(limit)
        self._before = 0

    def _counts(self, now_ns: int) -> tuple[int, int, int, int]:
        """Window, the last window's use, this window's use, nanoseconds gone of this window."""
        window, used, at_ns = self._now(now_ns)
        before = self._before if window == self._window else self._used if window == self._window + 1 else 0
        return window, before, used, at_ns - window * self.limit.window_ns

    def wait_ns(self, amount: int, now_ns: int) -> int | None:
        amount_max, window_ns = self.limit.amount, self.limit.window_ns
        window, before, used, gone_ns = self._counts(now_ns)
        if used * window_ns + before * (window_ns - gone_ns) + amount * window_ns <= amount_max * window_ns:
            return 0
        if amount == 0:
            return 0
        if amount > amount_max:
            return None
        start_ns = window * window_ns
        if used + amount > amount_max:
            # Not in this window, however little the last one weighs: this one's count has to fade in the next.
            start_ns, before, used = start_ns + window_ns, used, 0
        return start_ns + window_ns - (amount_max - used - amount) * window_ns // before - now_ns

    def level(self, now_ns: int) -> tuple[int, int]:
        amount_max, window_ns = self.limit.amount, self.limit.window_ns
        window, before, used, gone_ns = self._counts(now_ns)
        left = ((amount_max - used) * window_ns - before * (window_ns - gone_ns)) // window_ns
        clear_ns = (window + 2 if used else window + 1) * window_ns
        return max(left, 0), clear_ns - now_ns if used or before else 0

    def _turn(self, now_ns: int) -> None:
        self._window, self._before, self._used, _ = self._counts(now_ns)

    def charge(self, amount: int, now_ns: int) -> None:
        self._turn(now_ns)
        self._used += amount

    def give_back(self, amount: int, now_ns: int, taken_ns: int | None = None) -> None:
        self._turn(now_ns)
        taken = self._window if taken_ns is None else taken_ns // self.limit.window_ns
        if taken >= self._window:
            self._used = max(self._used - amount, 0)
        elif taken == self._window - 1:
            self._before = max(self._before - amount, 0)
