"""Discrete events in virtual time: the next one is always the earliest, and of equals the one spawned first.

A process is a generator that yields the instant at which it wants to be woken and is sent the instant of waking:

    def bell(kernel):
        now_ns = yield 5 * NS_PER_S
        now_ns = yield now_ns + NS_PER_S

One ``heapreplace`` an event is all that the kernel adds to what processes do.
"""

from collections.abc import Callable, Generator
from heapq import heappop, heappush, heapreplace
from itertools import repeat

Process = Generator[int, int, None]


class Kernel:
    """The clock and the queue of a simulation."""

    def __init__(self) -> None:
        self.events = 0
        """Wakings so far."""
        self._spawned = 0
        self._heap: list[tuple[int, int, Callable[[int], int]]] = []

    @property
    def now_ns(self) -> int:
        """The instant of the next waking; 0 when there is none."""
        return self._heap[0][0] if self._heap else 0

    @property
    def idle(self) -> bool:
        """Whether every process has ended."""
        return not self._heap

    def spawn(self, process: Process) -> None:
        """Start a process: it runs to its first ``yield`` at once and is woken at the instant that it names there.

        That instant must not lie before the current one, here and at every later ``yield``.
        """
        try:
            at_ns = next(process)
        except StopIteration:
            return
        heappush(self._heap, (at_ns, self._spawned, process.send))
        self._spawned += 1

    def run(self, max_events: int) -> bool:
        """Wake processes in order, at most ``max_events`` times; return whether all of them have ended."""
        heap = self._heap
        done = 0
        try:
            for _ in repeat(None, max_events):
                if not heap:
                    return True
                now_ns, order, wake = heap[0]
                done += 1
                try:
                    # What a process spawns while it runs comes later in (time, order): it stays at heap[0].
                    next_ns = wake(now_ns)
                except StopIteration:
                    heappop(heap)
                    continue
                heapreplace(heap, (next_ns, order, wake))
            return not heap
        finally:
            self.events += done
