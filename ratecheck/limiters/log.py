"""A window that slides exactly: every unit remembered until its end."""

from bisect import bisect_left, bisect_right

from ratecheck.limiters.rules import Rules
from ratecheck.model import Limit


class SlidingLog(Rules):
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
