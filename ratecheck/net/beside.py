"""Half of a large work done by a copy of this process, with an interpreter lock of its own."""

import os
import select
import stat
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import BinaryIO, Protocol, TypeVar

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

# Often enough for a bar that is drawn meanwhile, seldom enough to cost nothing.
_MEANWHILE_S = 0.1

_NUMBER_BYTES = 2
# What a pipe of one page holds.
MOST_NUMBERS = 4096 // _NUMBER_BYTES

# Where nothing cuts a file within this of its middle, it is better read as one.
_MIDDLE_BYTES = 1 << 20


def two_at_once() -> bool:
    """Return whether a copy of this process can work beside it."""
    return hasattr(os, "fork") and (os.cpu_count() or 1) > 1


def size_for_two(stream: BinaryIO, worth_bytes: int) -> int | None:
    """Return the size of a regular file of ``worth_bytes`` or more that a copy of this process can help to read.

    ``None`` where it cannot, or the file is better read by one.
    """
    try:
        about = os.fstat(stream.fileno())
    except OSError:
        return None
    large = stat.S_ISREG(about.st_mode) and about.st_size >= worth_bytes
    return about.st_size if large and two_at_once() else None


def second_half(stream: BinaryIO, worth_bytes: int, cut: Callable[[bytes], int | None]) -> int | None:
    """Return where the second half of a regular file begins: where ``cut`` says in the bytes that follow its middle.

    ``None`` where the file is better read as one: it is smaller than ``worth_bytes``, nothing cuts it near its middle,
    or there can be no copy.
    """
    size = size_for_two(stream, worth_bytes)
    if size is None:
        return None
    half = size // 2
    at = cut(os.pread(stream.fileno(), _MIDDLE_BYTES, half))
    return None if at is None else half + at


@contextmanager
def handed_out(numbers: int) -> Iterator[Callable[[], int | None]]:
    """Hand out the numbers below ``numbers``, in order, to whichever of this process and its copies asks next.

    What comes back returns a number that nobody else gets, ``None`` when there are no more. ``numbers`` is at most
    ``MOST_NUMBERS``: they wait in a pipe, and the smallest pipe of a system holds a page.
    """
    receiving, sending = os.pipe()
    with open(sending, "wb") as queue:
        queue.write(b"".join(number.to_bytes(_NUMBER_BYTES) for number in range(numbers)))

    def take() -> int | None:
        return int.from_bytes(raw) if (raw := os.read(receiving, _NUMBER_BYTES)) else None

    try:
        yield take
    finally:
        os.close(receiving)


class Outcome(Protocol[T_co]):
    """Waits for what another process works out; ``meanwhile`` is called ten times a second until then."""

    def __call__(self, meanwhile: Callable[[], object] | None = None) -> T_co: ...


@contextmanager
def beside(work: Callable[[], T]) -> Iterator[Outcome[T]]:
    """Start ``work`` in a copy of this process; what comes back waits for its outcome, which must be picklable.

    Where there can be no copy, or it fails, the work is done here when its outcome is asked for: an error is met
    where it can be told. A copy that nobody waits for any more is ended.
    """
    if not two_at_once():
        yield lambda meanwhile=None: work()
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

    def outcome(meanwhile: Callable[[], object] | None = None) -> T:
        nonlocal waited
        while meanwhile is not None and not select.select([pipe], [], [], _MEANWHILE_S)[0]:
            meanwhile()
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
