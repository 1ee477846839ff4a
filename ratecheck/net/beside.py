"""Half of a large work done by a copy of this process, with an interpreter lock of its own."""

import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TypeVar

T = TypeVar("T")

# Linux: `prctl`'s option, and the signal that a copy is sent.
_PARENT_DEATH_SIGNAL, _KILL = 1, 9


def two_at_once() -> bool:
    """Return whether a copy of this process can work beside it."""
    return hasattr(os, "fork") and (os.cpu_count() or 1) > 1


def copy() -> int:
    """Make a copy of this process; return its number here, and 0 in it."""
    with warnings.catch_warnings():
        # Python 3.12 warns of forks beside threads. Those here wait for work and hold no lock; the copy starts its own.
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def reaped(child: int) -> bool | None:
    """Wait for a copy to end; return whether it did so by itself, ``None`` where the system does not tell.

    It does not where whoever started this program has it ignore the signal that a child ended.
    """
    try:
        return os.waitpid(child, 0)[1] == 0
    except ChildProcessError:
        return None


def killed(child: int) -> None:
    """End a copy, and wait until it has."""
    import signal

    with suppress(ProcessLookupError):
        os.kill(child, signal.SIGKILL)
    reaped(child)


def die_with(parent: int) -> None:
    """Have the system end this copy when the process ``parent`` dies that made it, where the system can."""
    from ctypes import c_int, c_ulong

    from ratecheck.clibrary import c_function

    prctl = c_function("prctl", c_int, c_int, c_ulong)
    if prctl is None:
        return
    prctl(_PARENT_DEATH_SIGNAL, _KILL)
    if os.getppid() != parent:
        os._exit(1)  # it has died already


@contextmanager
def beside(work: Callable[[], T]) -> Iterator[Callable[[], T]]:
    """Start ``work`` in a copy of this process; what comes back waits for its outcome, which must be picklable.

    Where there can be no copy, or it fails, the work is done here when its outcome is asked for: an error is met
    where it can be told. A copy that nobody waits for any more is ended.
    """
    if not two_at_once():
        yield work
        return
    import pickle

    receiving, sending = os.pipe()
    parent = os.getpid()
    child = copy()
    if child == 0:
        # Whatever happens, this copy of the program ends here, and says nothing.
        status = 1
        try:
            die_with(parent)
            os.close(receiving)
            with open(sending, "wb") as told:
                pickle.dump(work(), told, pickle.HIGHEST_PROTOCOL)
            status = 0
        finally:
            os._exit(status)
    os.close(sending)
    waited = False

    def outcome() -> T:
        nonlocal waited
        answer = pipe.read()
        done = reaped(child)
        waited = True
        if not done and (done is False or not answer.endswith(pickle.STOP)):
            return work()
        found: T = pickle.loads(answer)
        return found

    with open(receiving, "rb") as pipe:
        try:
            yield outcome
        finally:
            if not waited:
                killed(child)
