"""A large file in parts: where they begin, and who takes which."""

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from ratecheck.net.beside import two_at_once

# Some 10 ms of work: so long, at most, the first to end waits for the other.
PART_BYTES = 4 << 20
# Looked at together to find where a part may begin.
_LOOK_BYTES = 64 << 10

_NUMBER_BYTES = 2
# What a pipe of one page holds.
MOST_NUMBERS = 4096 // _NUMBER_BYTES


class Large(NamedTuple):
    """A large file of which parts can be read apart."""

    path: str
    encoding: str | None
    """Of a text; ``None``: values by line."""
    borders: list[int]
    """Where its parts begin, and its end."""
    identity: tuple[int, int]
    """Device and number of the file that had that name: another one may have it by now."""

    @property
    def parts(self) -> int:
        """Return how many parts it has."""
        return len(self.borders) - 1


def regular_size(file: int | str) -> int | None:
    """Return the bytes of a regular file, by its name or as it is open, ``None`` for a pipe and what is not there."""
    try:
        about = os.stat(file)
    except (OSError, ValueError):
        return None
    return about.st_size if stat.S_ISREG(about.st_mode) else None


def size_for_two(file: int | str, worth_bytes: int) -> int | None:
    """Return the size of a regular file of ``worth_bytes`` or more that a copy of this process can help to read.

    ``None`` where it cannot, or the file is better read by one.
    """
    size = regular_size(file)
    return size if size is not None and size >= worth_bytes and two_at_once() else None


def part_borders(
    file: int, size: int, cut: Callable[[bytes], int | None], *, part_bytes: int = 0, look_bytes: int = _LOOK_BYTES
) -> list[int]:
    """Return where the parts of an open file begin, and its end: there are at most ``MOST_NUMBERS`` parts.

    ``cut`` says where a part may begin in the bytes that it is shown, ``None`` for nowhere. Where nothing cuts the
    first ``look_bytes`` of a part, the part before goes on.
    """
    part_bytes = max(part_bytes, PART_BYTES, size // MOST_NUMBERS + 1)
    borders = [0]
    for place in range(part_bytes, size, part_bytes):
        for at in range(place, min(place + look_bytes, size), _LOOK_BYTES):
            begin = cut(os.pread(file, _LOOK_BYTES, at))
            if begin is not None:
                if borders[-1] < at + begin < size:
                    borders.append(at + begin)
                break
    return [*borders, size]


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
