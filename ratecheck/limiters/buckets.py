"""Buckets that refill bit by bit, their level kept in unit-nanoseconds."""

from ratecheck.durations import NS_PER_S
from ratecheck.limiters.rules import Rules
from ratecheck.model import Limit


class TokenBucket(Rules):
    """Refills continuously at ``amount`` per window up to ``burst``: OpenAI, Azure, Groq and Anthropic by their resets.

    https://platform.claude.com/docs/en/api/rate-limits names it (2026-10); the others' reset headers are proportional
    to what is used, which only continuous refill does (recorded, 2024-02 to 2026-04).
    """

    def __init__(self, limit: Limit) -> None:
        super().__init__(limit)
        self._window_ns = limit.window_ns
        self._amount = limit.amount
        self._burst = limit.amount if limit.burst is None else limit.burst
        self._full = self._burst * limit.window_ns
        self._level = self._full
        self._at_ns: int | None = None

    @property
    def largest(self) -> int | None:
        return self._burst

    def _now(self, now_ns: int) -> int:
        """The level at ``now_ns`` in unit-nanoseconds; stored by nobody."""
        if self._at_ns is None or now_ns <= self._at_ns:
            return self._level
        return min(self._full, self._level + (now_ns - self._at_ns) * self._amount)

    def _store(self, level: int, now_ns: int) -> None:
        self._level = level
        if self._at_ns is None or now_ns > self._at_ns:
            self._at_ns = now_ns

    def _until(self, missing: int, now_ns: int) -> int | None:
        """Nanoseconds until ``missing`` unit-nanoseconds have flowed in."""
        if self._amount == 0:
            return None
        late_ns = self._at_ns - now_ns if self._at_ns is not None and self._at_ns > now_ns else 0
        return late_ns - (-missing // self._amount)

    def wait_ns(self, amount: int, now_ns: int) -> int | None:
        missing = amount * self._window_ns - self._now(now_ns)
        if missing <= 0 or amount == 0:
            return 0
        return None if amount > self._burst else self._until(missing, now_ns)

    def level(self, now_ns: int) -> tuple[int, int]:
        level = self._now(now_ns)
        missing = self._full - level
        return max(level // self._window_ns, 0), (self._until(missing, now_ns) or 0) if missing else 0

    def charge(self, amount: int, now_ns: int) -> None:
        # A debt is cut at one full bucket, so that one wrong number cannot lock a key out for hours.
        self._store(max(self._now(now_ns) - amount * self._window_ns, -self._full), now_ns)

    def drain(self, amount: int, now_ns: int) -> None:
        level = self._now(now_ns)
        self._store(max(level - amount * self._window_ns, min(level, 0)), now_ns)

    def give_back(self, amount: int, now_ns: int, taken_ns: int | None = None) -> None:
        self._store(min(self._full, self._now(now_ns) + amount * self._window_ns), now_ns)

    def most_in(self, span_ns: int, largest: int) -> int | None:
        return (self._full + self._amount * max(span_ns - 1, 0)) // self._window_ns


class PlainBucket(TokenBucket):
    """The same with the usual case of ``admit`` in one step: a simulation asks it millions of times."""

    def admit(self, amount: int, now_ns: int, drains: bool = False) -> int | None:
        at_ns = self._at_ns
        if at_ns is None or now_ns < at_ns or not 0 < amount <= self._burst:
            return super().admit(amount, now_ns, drains)
        level = self._level + (now_ns - at_ns) * self._amount
        if level > self._full:
            level = self._full
        left = level - amount * self._window_ns
        if left >= 0:
            self._level, self._at_ns = left, now_ns
            return 0
        if drains and level > 0:
            self._level, self._at_ns = 0, now_ns
            left = -amount * self._window_ns
        return -(left // self._amount) if self._amount else None


class Gcra(TokenBucket):
    """An even pace: 60 a minute enforced as 1 a second (https://help.openai.com/en/articles/6891753, 2025-06).

    ``burst`` is what may come at once, by default one second's share and at least 1. A request larger than the burst
    but within ``amount`` passes when the way is clear and is paid off afterwards: at 30,000 tokens a minute a prompt of
    600 is not refused for ever.
    """

    def __init__(self, limit: Limit) -> None:
        share = max(limit.amount * NS_PER_S // limit.window_ns, min(limit.amount, 1))
        super().__init__(Limit(limit.dimension, limit.amount, limit.window_ns, limit.burst or share))
        self.limit = limit

    @property
    def largest(self) -> int | None:
        return max(self._amount, self._burst)

    def wait_ns(self, amount: int, now_ns: int) -> int | None:
        if self._burst < amount <= self._amount:
            amount = self._burst
        return super().wait_ns(amount, now_ns)

    def charge(self, amount: int, now_ns: int) -> None:
        owed = -max(self._full, self._amount * self._window_ns)
        self._store(max(self._now(now_ns) - amount * self._window_ns, owed), now_ns)

    def most_in(self, span_ns: int, largest: int) -> int | None:
        full = max(self._full, largest * self._window_ns)
        return (full + self._amount * max(span_ns - 1, 0)) // self._window_ns


class LeakyBucket(TokenBucket):
    """Admits while the bucket is not full; the last request may overflow it, and what is over has to leak away.

    So Azure's provisioned deployments work: under 100 % utilisation everything passes, whatever its size
    (https://learn.microsoft.com/azure/foundry/openai/concepts/provisioned-throughput, 2026-09).
    """

    @property
    def largest(self) -> int | None:
        return None if self._burst else 0

    def wait_ns(self, amount: int, now_ns: int) -> int | None:
        missing = 1 - self._now(now_ns)
        if missing <= 0 or amount == 0:
            return 0
        return self._until(missing, now_ns) if self._full else None

    def charge(self, amount: int, now_ns: int) -> None:
        # No cut: what an admitted request takes must leak away at the stated rate, or the rate would not hold.
        self._store(self._now(now_ns) - amount * self._window_ns, now_ns)

    def most_in(self, span_ns: int, largest: int) -> int | None:
        return (self._full + self._amount * max(span_ns - 1, 0)) // self._window_ns + largest
