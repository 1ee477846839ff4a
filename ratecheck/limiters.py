"""The limiters that providers use, exact to the nanosecond and to the unit.

Every state is an integer. A bucket keeps its level in unit-nanoseconds: ``elapsed_ns * amount`` flows in, ``units *
window_ns`` goes out, so nothing drifts and a wait is one ceiling division. Each method is O(1) amortised; only the wait
and the settlement of a sliding log are a binary search. Time may stand still but never goes back: an instant before the
last one counts as the last one.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable
from typing import Protocol

from ratecheck.durations import NS_PER_S
from ratecheck.errors import UsageError
from ratecheck.model import Limit, Verdict


class Limiter(Protocol):
    """One limit, enforced in one way."""

    limit: Limit

    @property
    def largest(self) -> int | None:
        """The largest amount that can ever pass at once; ``None`` where there is none."""

    def wait_ns(self, amount: int, now_ns: int) -> int | None:
        """Nanoseconds until ``amount`` would pass: 0 for now, ``None`` when no clock can tell (too large, or taken)."""

    def level(self, now_ns: int) -> tuple[int, int]:
        """Whole units left, never below 0, and nanoseconds until all are there again."""

    def charge(self, amount: int, now_ns: int) -> None:
        """Take ``amount`` whether it fits or not: an admission, or what turned out to have been used (a debt)."""

    def drain(self, amount: int, now_ns: int) -> None:
        """Charge a refused request: it uses up what is left and never makes a debt that outlives one window."""

    def give_back(self, amount: int, now_ns: int, taken_ns: int | None = None) -> None:
        """Return what was taken at ``taken_ns`` (default: now), but for what time has returned by itself."""

    def admit(self, amount: int, now_ns: int, drains: bool = False) -> int | None:
        """Take ``amount`` and return 0, or take nothing and return the wait as ``wait_ns`` does.

        With ``drains`` a refusal is charged first, and the wait told is the one after that.
        """

    def most_in(self, span_ns: int, largest: int) -> int | None:
        """The most units that may be admitted in any ``span_ns``, no request being larger than ``largest``."""

    def peek(self, amount: int, now_ns: int) -> Verdict:
        """Say what ``take`` would say, and change nothing."""

    def take(self, amount: int, now_ns: int) -> Verdict:
        """Take ``amount`` if it fits now; a refusal takes nothing."""


class _Rules:
    """What all limiters do alike, in terms of ``wait_ns``, ``level`` and ``charge``."""

    def __init__(self, limit: Limit) -> None:
        if limit.amount < 0 or limit.window_ns < 1 or (limit.burst is not None and limit.burst < 0):
            raise UsageError(f"a limit of {limit.amount} {limit.dimension} in {limit.window_ns} ns makes no sense")
        self.limit = limit

    @property
    def largest(self) -> int | None:
        return self.limit.amount

    def wait_ns(self, amount: int, now_ns: int) -> int | None:
        raise NotImplementedError

    def level(self, now_ns: int) -> tuple[int, int]:
        raise NotImplementedError

    def charge(self, amount: int, now_ns: int) -> None:
        raise NotImplementedError

    def drain(self, amount: int, now_ns: int) -> None:
        self.charge(amount, now_ns)

    def admit(self, amount: int, now_ns: int, drains: bool = False) -> int | None:
        wait_ns = self.wait_ns(amount, now_ns)
        if wait_ns == 0:
            self.charge(amount, now_ns)
        elif drains:
            self.drain(amount, now_ns)
            return self.wait_ns(amount, now_ns)
        return wait_ns

    def peek(self, amount: int, now_ns: int) -> Verdict:
        wait_ns = self.wait_ns(amount, now_ns)
        return Verdict(wait_ns == 0, wait_ns, *self.level(now_ns))

    def take(self, amount: int, now_ns: int) -> Verdict:
        wait_ns = self.wait_ns(amount, now_ns)
        if wait_ns == 0:
            self.charge(amount, now_ns)
        return Verdict(wait_ns == 0, wait_ns, *self.level(now_ns))


class TokenBucket(_Rules):
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


class _PlainBucket(TokenBucket):
    """The same with the usual case of ``admit`` in one step: a simulation asks it millions of times."""

    def admit(self, amount: int, now_ns: int, drains: bool = False) -> int | None:
        at_ns = self._at_ns
        if at_ns is None or now_ns <= at_ns or not 0 < amount <= self._burst:
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


class FixedWindow(_Rules):
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


class SlidingLog(_Rules):
    """Remembers when each unit was taken; a unit counts until exactly one window later.

    The log is a Fenwick tree over the entries in order of time: appending is O(1) amortised, and "which entry's end
    frees enough" is a walk down the tree. It never holds more than ``amount`` units: older ones end first and so
    never decide a wait.
    """

    def __init__(self, limit: Limit) -> None:
        super().__init__(limit)
        self._clear()

    def _clear(self) -> None:
        self._times: list[int] = []
        self._units: list[int] = []
        self._tree: list[int] = [0]  # 1-based; node i sums the (i & -i) entries that end with entry i
        self._head = 0  # entries before it have ended
        self._gone = 0  # their units, which the tree still sums
        self._used = 0

    def _live(self, now_ns: int) -> tuple[int, int, int]:
        """First entry that still counts at ``now_ns``, units in the tree before it, units from it on."""
        if self._head == len(self._times) or self._times[self._head] + self.limit.window_ns > now_ns:
            return self._head, self._gone, self._used
        head = bisect_right(self._times, now_ns - self.limit.window_ns, self._head)
        gone, node = 0, head
        while node:
            gone += self._tree[node]
            node -= node & -node
        return head, gone, self._gone + self._used - gone

    def _evict(self, now_ns: int) -> None:
        self._head, self._gone, self._used = self._live(now_ns)
        # Half of the list being dead pays for moving the other half: O(1) an entry over its life.
        if self._head > 64 and 2 * self._head > len(self._times):
            times, units = self._times[self._head :], self._units[self._head :]
            self._clear()
            for at_ns, amount in zip(times, units, strict=True):
                self._append(at_ns, amount)

    def _append(self, at_ns: int, amount: int) -> None:
        self._times.append(at_ns)
        self._units.append(amount)
        node = len(self._times)
        total, child = amount, node - 1
        while child > node - (node & -node):
            total += self._tree[child]
            child -= child & -child
        self._tree.append(total)
        self._used += amount

    def _change(self, entry: int, amount: int) -> None:
        self._units[entry] += amount
        self._used += amount
        node = entry + 1
        while node < len(self._tree):
            self._tree[node] += amount
            node += node & -node

    def _entry_where(self, units: int) -> int:
        """Return the first entry with which the sum of all entries so far reaches ``units``."""
        node, step = 0, 1 << (len(self._tree).bit_length() - 1)
        while step:
            if node + step < len(self._tree) and self._tree[node + step] < units:
                node += step
                units -= self._tree[node]
            step >>= 1
        return node

    def wait_ns(self, amount: int, now_ns: int) -> int | None:
        head, gone, used = self._live(now_ns)
        missing = used + amount - self.limit.amount
        if missing <= 0 or amount == 0:
            return 0
        if amount > self.limit.amount:
            return None
        entry = head if self._units[head] >= missing else self._entry_where(gone + missing)
        return self._times[entry] + self.limit.window_ns - now_ns

    def level(self, now_ns: int) -> tuple[int, int]:
        _, _, used = self._live(now_ns)
        return max(self.limit.amount - used, 0), self._times[-1] + self.limit.window_ns - now_ns if used else 0

    def charge(self, amount: int, now_ns: int) -> None:
        self._evict(now_ns)
        if self._times and now_ns <= self._times[-1] and self._head < len(self._times):
            self._change(len(self._times) - 1, amount)
        elif amount:
            self._append(now_ns, amount)
        while self._used > self.limit.amount and self._head < len(self._times):
            over = min(self._used - self.limit.amount, self._units[self._head])
            self._change(self._head, -over)
            if self._units[self._head]:
                break
            self._head += 1

    def give_back(self, amount: int, now_ns: int, taken_ns: int | None = None) -> None:
        self._evict(now_ns)
        entry = bisect_left(self._times, now_ns if taken_ns is None else taken_ns, self._head)
        if entry < len(self._times):
            self._change(entry, -min(amount, self._units[entry]))
        while len(self._times) > self._head and not self._units[-1]:
            for each in (self._times, self._units, self._tree):
                each.pop()

    def most_in(self, span_ns: int, largest: int) -> int | None:
        return self.limit.amount * -(-max(span_ns, 1) // self.limit.window_ns)


class AzureSlices(TokenBucket):
    """A minute's budget that is also checked on slices of 10 s: a sixth of it in each, at least 1.

    https://learn.microsoft.com/azure/foundry/openai/how-to/quota (2026-09): slices of 1 s or 10 s. The minute itself
    refills continuously: so the recorded reset headers have it, against the page's "resets each minute".
    """

    slice_ns = 10 * NS_PER_S

    def __init__(self, limit: Limit) -> None:
        super().__init__(limit)
        share = -(-limit.amount * self.slice_ns // limit.window_ns)
        self._share = min(max(share, min(limit.amount, 1)), limit.amount)
        self._slice = FixedWindow(Limit(limit.dimension, self._share, self.slice_ns))

    def wait_ns(self, amount: int, now_ns: int) -> int | None:
        wait_ns = super().wait_ns(amount, now_ns)
        if wait_ns is None:
            return None
        # A request larger than a slice passes in a slice of its own.
        at_ns = now_ns + wait_ns
        return wait_ns + (self._slice.wait_ns(min(amount, self._share), at_ns) or 0)

    def charge(self, amount: int, now_ns: int) -> None:
        super().charge(amount, now_ns)
        self._slice.charge(amount, now_ns)

    def give_back(self, amount: int, now_ns: int, taken_ns: int | None = None) -> None:
        super().give_back(amount, now_ns)
        self._slice.give_back(amount, now_ns, taken_ns)

    def most_in(self, span_ns: int, largest: int) -> int | None:
        slices = self._slice.most_in(span_ns, largest) or 0
        return min(super().most_in(span_ns, largest) or 0, slices // max(self._share, 1) * max(self._share, largest))


class AzureSecondSlices(AzureSlices):
    """The same on slices of 1 s: 600 requests a minute pass as 10 a second."""

    slice_ns = NS_PER_S


class Concurrency(_Rules):
    """So many at a time. Only the end of another request makes room, so no refusal can name a wait."""

    def __init__(self, limit: Limit) -> None:
        super().__init__(limit)
        self._used = 0

    def wait_ns(self, amount: int, now_ns: int) -> int | None:
        return 0 if self._used + amount <= self.limit.amount or amount == 0 else None

    def level(self, now_ns: int) -> tuple[int, int]:
        return max(self.limit.amount - self._used, 0), 0

    def charge(self, amount: int, now_ns: int) -> None:
        self._used += amount

    def drain(self, amount: int, now_ns: int) -> None:
        """A refused request holds no place."""

    def give_back(self, amount: int, now_ns: int, taken_ns: int | None = None) -> None:
        self._used = max(self._used - amount, 0)

    def most_in(self, span_ns: int, largest: int) -> int | None:
        return None


ALGORITHMS: dict[str, Callable[[Limit], Limiter]] = {
    "token_bucket": _PlainBucket,
    "fixed_window": FixedWindow,
    "sliding_log": SlidingLog,
    "sliding_counter": SlidingCounter,
    "leaky_bucket": LeakyBucket,
    "gcra": Gcra,
    "quantised": Gcra,
    "azure_slices": AzureSlices,
    "azure_slices_1s": AzureSecondSlices,
    "concurrency": Concurrency,
}


def make(algorithm: str, limit: Limit) -> Limiter:
    """Return a full limiter. Raises ``UsageError`` for a name that is none of ``ALGORITHMS`` or a senseless limit."""
    if algorithm not in ALGORITHMS:
        raise UsageError(f"no limiter is called {algorithm!r}", f"one of {', '.join(ALGORITHMS)}")
    return ALGORITHMS[algorithm](limit)
