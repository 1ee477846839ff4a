"""Half of a large work done by a copy of this process, with an interpreter lock of its own."""

import os
import stat
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import BinaryIO, TypeVar

T = TypeVar("T")

# Where nothing cuts a file within this of its middle, it is better read as one.
_MIDDLE_BYTES = 1 << 20


def two_at_once() -> bool:
    """Return whether a copy of this process can work beside it."""
    return hasattr(os, "fork") and (os.cpu_count() or 1) > 1


def second_half(
    stream: BinaryIO, worth_bytes: int, cut: Callable[[bytes], int | None], *, larger_by_bytes: int = 0
) -> int | None:
    """Return where the second half of a regular file begins: where ``cut`` says in the bytes that follow its middle.

    ``None`` where the file is better read as one: it is smaller than ``worth_bytes``, nothing cuts it near its middle,
    or there can be no copy. The second half is larger by ``larger_by_bytes``, as far as the file goes.
    """
    try:
        about = os.fstat(stream.fileno())
    except OSError:
        return None
    if not two_at_once() or not stat.S_ISREG(about.st_mode) or about.st_size < worth_bytes:
        return None
    half = max(about.st_size - larger_by_bytes, 0) // 2
    at = cut(os.pread(stream.fileno(), _MIDDLE_BYTES, half))
    return None if at is None else half + at


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
    with warnings.catch_warnings():
        # Python 3.12 warns of forks beside threads. Those here wait for work and hold no lock; the copy starts its own.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
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
