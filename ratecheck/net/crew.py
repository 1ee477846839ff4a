"""Two copies of this process that share a job's parts, begun before the job is known.

The first copy prepares (it loads what the work needs) while this process still finds out what is to be done. Once it is
told the job, it is copied itself, and each of the two takes the next part when it is free.
"""

import gc
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, Generic, TypeVar

from ratecheck.net.beside import copy, die_with, killed, reaped

Job = TypeVar("Job")
Outcome = TypeVar("Outcome")

Work = Callable[[Job], tuple[int, Callable[[int], Outcome]]]
"""Gives how many parts a job has, and what does one of them, told its number."""

# Before each answer stands its length.
_LENGTH_BYTES = 4
# Read at a time; a pipe of Linux holds as much.
_READ_BYTES = 1 << 16


class Crew(Generic[Job, Outcome]):
    """Both copies, seen from the process that they answer to."""

    def __init__(self, prepare: Callable[[], object], work: "Work[Job, Outcome]") -> None:
        """Begin with ``prepare``, in a copy of this process; needs ``two_at_once()``.

        Raises:
            OSError: the system has no room for another process or its pipes.
        """
        parent = os.getpid()
        ends: list[int] = []
        try:
            for _ in range(3):
                ends += _pipe()
            child = copy()
        except OSError:
            for end in ends:
                os.close(end)
            raise
        told, self._orders, first, answering_first, second, answering_second = ends
        self._answers = [first, second]
        if child == 0:
            # Whatever happens, this copy of the program ends here, and says nothing: nobody waits for it to close a
            # stream that it shares with this process.
            try:
                die_with(parent)
                gc.disable()  # a copy lives for one job
                for mine in (self._orders, first, second):
                    os.close(mine)
                nothing = os.open(os.devnull, os.O_WRONLY)
                for stream in (1, 2):
                    os.dup2(nothing, stream)
                prepare()
                _work(told, answering_first, answering_second, work)
            finally:
                os._exit(0)
        for theirs in (told, answering_first, answering_second):
            os.close(theirs)
        self._child = child

    def begin(self, job: Job) -> None:
        """Tell the copies what to do; it must be picklable."""
        import pickle

        orders, self._orders = self._orders, -1
        with suppress(BrokenPipeError), open(orders, "wb") as told:  # broken: nobody is there to work
            pickle.dump(job, told, pickle.HIGHEST_PROTOCOL)

    def outcomes(self) -> Iterator[tuple[int, Outcome]]:
        """Yield parts' numbers and outcomes as they come; those of a copy that failed or was ended are missing."""
        import pickle
        import select

        held = {answers: bytearray() for answers in self._answers}
        while held:
            for answers in select.select(list(held), [], [])[0]:
                raw = os.read(answers, _READ_BYTES)
                if not raw:
                    del held[answers]
                    continue
                waiting = held[answers]
                waiting += raw
                while len(waiting) >= _LENGTH_BYTES:
                    end = _LENGTH_BYTES + int.from_bytes(waiting[:_LENGTH_BYTES])
                    if len(waiting) < end:
                        break
                    number, outcome = pickle.loads(waiting[_LENGTH_BYTES:end])
                    del waiting[:end]
                    yield number, outcome
        child, self._child = self._child, 0
        reaped(child)

    def end(self) -> None:
        """End the copies, whatever they are at: the second one at its next answer, which nobody takes."""
        for mine in (self._orders, *self._answers):
            if mine >= 0:
                os.close(mine)
        if self._child:
            killed(self._child)


def _pipe() -> list[int]:
    """Return both ends of a pipe: never the number of a standard stream that was closed, which is put back later."""
    import fcntl

    ends = list(os.pipe())
    for place, end in enumerate(ends):
        if end <= 2:
            ends[place] = fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 3)
            os.close(end)
    return ends


def _work(told: int, answering_first: int, answering_second: int, work: "Work[Any, Any]") -> None:
    import pickle

    from ratecheck.net.parts import handed_out

    with open(told, "rb") as orders:
        job = pickle.load(orders)
    numbers, do = work(job)
    with handed_out(numbers) as take:
        parent = os.getpid()
        other = copy()
        if other == 0:
            die_with(parent)
            os.close(answering_first)
            _answer(answering_second, take, do)
            return
        os.close(answering_second)
        try:
            _answer(answering_first, take, do)
        finally:
            reaped(other)  # it would die with this one


def _answer(answering: int, take: Callable[[], int | None], do: Callable[[int], Any]) -> None:
    import pickle

    for number in iter(take, None):
        raw = pickle.dumps((number, do(number)), pickle.HIGHEST_PROTOCOL)
        left = memoryview(len(raw).to_bytes(_LENGTH_BYTES) + raw)
        while left:
            left = left[os.write(answering, left) :]
    os.close(answering)
