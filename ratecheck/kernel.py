"""Discrete events in virtual time: the next one is always the earliest, and of equals the one spawned first.

A process is a generator that yields the instant at which it wants to be woken, and is woken at that instant:

    def bell():
        yield 5 * NS_PER_S
        yield 6 * NS_PER_S

The queue holds one number for each process: instant and place in the order of spawning, side by side. Numbers are
compared without following pointers to what they stand for, so the queue stays fast when it no longer fits in a cache.
"""

from collections.abc import Callable, Iterator
from heapq import heappop, heappush, heapreplace
from itertools import repeat

Process = Iterator[int]

# Whole numbers below this are exact as floats, which compare several times faster; larger ones stay whole numbers,
# and Python compares the two kinds exactly.
_EXACT = 1 << 53


class Kernel:
    """The clock and the queue of a simulation of at most ``most_processes`` processes over its life."""

    def __init__(self, most_processes: int = 1 << 20) -> None:
        self.events = 0
        """Wakings so far."""
        self._most = most_processes
        self._bits = most_processes.bit_length()
        self._wakes: list[Callable[[], int] | None] = []
        self._heap: list[float] = []

    @property
    def now_ns(self) -> int:
        """The instant of the next waking; 0 when there is none."""
        return int(self._heap[0]) >> self._bits if self._heap else 0

    @property
    def idle(self) -> bool:
        """Whether every process has ended."""
        return not self._heap

    def spawn(self, process: Process) -> None:
        """Start a process: it runs to its first ``yield`` at once and is woken at the instant that it names there.

        That instant must not lie before the current one, here and at every later ``yield``.
        """
        # The place in the order is taken before the process runs: what it spawns itself comes after it.
        order, wake = len(self._wakes), process.__next__
        if order >= self._most:  # its place would run into the instant
            raise OverflowError(f"more processes than the {self._most} that the kernel was made for")
        self._wakes.append(wake)
        try:
            key = wake() << self._bits | order
        except StopIteration:
            self._wakes[order] = None
            return
        heappush(self._heap, float(key) if key < _EXACT else key)

    def run(self, max_events: int) -> bool:
        """Wake processes in order, at most ``max_events`` times; return whether all of them have ended."""
        heap, wakes, bits, mask, exact = self._heap, self._wakes, self._bits, (1 << self._bits) - 1, _EXACT
        done = 0
        try:
            for _ in repeat(None, max_events):
                if not heap:
                    return True
                order = int(heap[0]) & mask
                done += 1
                try:
                    # What a process spawns while it runs comes later in (time, order): it stays at heap[0].
                    key = wakes[order]() << bits | order  # type: ignore[misc]  # None only once it has left the queue
                except StopIteration:
                    heappop(heap)
                    wakes[order] = None
                    continue
                heapreplace(heap, float(key) if key < exact else key)
            return not heap
        finally:
            self.events += done
