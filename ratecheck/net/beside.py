"""Half of a large work done by a copy of this process, with an interpreter lock of its own."""

import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")


def two_at_once() -> bool:
    """Return whether a copy of this process can work beside it."""
    return hasattr(os, "fork") and (os.cpu_count() or 1) > 1


def copy() -> int:
    """Make a copy of this process; return its number here, and 0 in it."""
    with warnings.catch_warnings():
        # Python 3.12 warns of forks beside threads. Those here wait for work and hold no lock; the copy starts its own.
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


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
    child = copy()
    if child == 0:
        # Whatever happens, this copy of the program ends here, and says nothing.
        status = 1
        try:
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
        done = os.waitpid(child, 0)[1] == 0
        waited = True
        found: T = pickle.loads(answer) if done else work()
        return found

    with open(receiving, "rb") as pipe:
        try:
            yield outcome
        finally:
            if not waited:
                import signal

                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)
