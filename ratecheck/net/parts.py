"""A large log file read by two processes at once: whoever is free takes the next part; what they find is merged."""

import os
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, BinaryIO

from ratecheck.decode.paste import DecodeReport
from ratecheck.decode.records import next_record
from ratecheck.decode.stream import cuts_at_lines, decode_stream, read_log
from ratecheck.net.beside import MOST_NUMBERS, beside, handed_out, size_for_two

if TYPE_CHECKING:
    from ratecheck.decode.log import LogReader

# Below this a second process saves less than the 10 ms that it takes to start and to bring together.
_WORTH_BYTES = 32 << 20
# Some 10 ms of work: so long, at most, the first to end waits for the other.
_PART_BYTES = 4 << 20
# Of a part's beginning: where no line ends in it, the part before goes on.
_LOOK_BYTES = 64 << 10
_HEAD_BYTES = 4_096


def decode_file(
    stream: BinaryIO, *, source: str, worth_bytes: int = _WORTH_BYTES, meanwhile: Callable[[], object] | None = None
) -> DecodeReport:
    """Explain an open file as ``decode_stream`` does; a regular one of ``worth_bytes`` or more by two processes.

    ``meanwhile`` is called in this process while the other one reads.
    """
    starts = _starts(stream, worth_bytes)
    if starts is None:
        return decode_stream(stream.read, source=source)
    file = stream.fileno()
    from ratecheck.decode import log  # noqa: F401  # before there are two of us, so that it is imported once

    with handed_out(len(starts) - 1) as take, beside(lambda: _read(file, starts, iter(take, None))) as other:
        if meanwhile is not None:
            meanwhile()
        found = _read(file, starts, iter(take, None))
        found.merge(other())
    # Where the other process ended early, nobody has read what it had taken.
    found.merge(_read(file, starts, (part for part in range(len(starts) - 1) if part not in found.parts)))
    return found.report(source)


def _starts(stream: BinaryIO, worth_bytes: int) -> list[int] | None:
    """Where the parts of a file begin, and its end; ``None`` where it is better read by one process."""
    size = size_for_two(stream, worth_bytes)
    if size is None:
        return None
    file = stream.fileno()
    if os.lseek(file, 0, os.SEEK_CUR) != 0 or not cuts_at_lines(os.pread(file, _HEAD_BYTES, 0)):
        return None
    part_bytes = max(_PART_BYTES, size // MOST_NUMBERS + 1)
    starts = [0]
    for place in range(part_bytes, size, part_bytes):
        start = next_record(os.pread(file, _LOOK_BYTES, place))
        if start is not None and place + start < size:
            starts.append(place + start)
    return [*starts, size] if len(starts) > 1 else None


def _read(file: int, starts: list[int], parts: Iterable[int]) -> "LogReader":
    from ratecheck.decode.log import LogReader

    log = LogReader()
    for part in parts:
        log.begin(part)
        read_log(log, _from(file, starts[part], starts[part + 1]))
    return log


def _from(file: int, at: int, end: int) -> Callable[[int], bytes]:
    """Return what reads on from ``at`` to ``end``: by its own place, since two processes share the file's.

    A block ends with a line where it can: then nobody has to copy it to cut it there.
    """

    def read(wanted: int) -> bytes:
        nonlocal at
        wanted = min(wanted, end - at)
        tail = max(wanted - _HEAD_BYTES, 0)
        line_break = os.pread(file, wanted - tail, at + tail).rfind(b"\n")
        block = os.pread(file, tail + line_break + 1 if line_break >= 0 else wanted, at)
        at += len(block)
        return block

    return read
