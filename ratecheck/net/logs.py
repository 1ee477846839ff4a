"""A large log file read by two processes at once: whoever is free takes the next part; what they find is merged."""

import os
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, BinaryIO

from ratecheck.decode.paste import DecodeReport
from ratecheck.decode.records import next_record
from ratecheck.decode.stream import cuts_at_lines, decode_stream, read_log
from ratecheck.net.beside import beside
from ratecheck.net.parts import handed_out, part_borders, size_for_two

if TYPE_CHECKING:
    from ratecheck.decode.log import LogReader

# Below this a second process saves less than the 10 ms that it takes to start and to bring together.
_WORTH_BYTES = 32 << 20
_HEAD_BYTES = 4_096


def decode_file(
    stream: BinaryIO, *, source: str, worth_bytes: int = _WORTH_BYTES, meanwhile: Callable[[], object] | None = None
) -> DecodeReport:
    """Explain an open file as ``decode_stream`` does; a regular one of ``worth_bytes`` or more by two processes.

    ``meanwhile`` is called in this process while the other one reads.
    """
    borders = _borders(stream, worth_bytes)
    if borders is None:
        return decode_stream(stream.read, source=source)
    file = stream.fileno()
    from ratecheck.decode import log  # noqa: F401  # before there are two of us, so that it is imported once

    with handed_out(len(borders) - 1) as take, beside(lambda: _read(file, borders, iter(take, None))) as other:
        if meanwhile is not None:
            meanwhile()
        found = _read(file, borders, iter(take, None))
        found.merge(other())
    # Where the other process ended early, nobody has read what it had taken.
    found.merge(_read(file, borders, (part for part in range(len(borders) - 1) if part not in found.parts)))
    return found.report(source)


def _borders(stream: BinaryIO, worth_bytes: int) -> list[int] | None:
    """Where the parts of a file begin, and its end; ``None`` where it is better read by one process."""
    try:
        file = stream.fileno()
    except OSError:
        return None
    size = size_for_two(file, worth_bytes)
    if size is None:
        return None
    if os.lseek(file, 0, os.SEEK_CUR) != 0 or not cuts_at_lines(os.pread(file, _HEAD_BYTES, 0)):
        return None
    borders = part_borders(file, size, next_record)
    return borders if len(borders) > 2 else None


def _read(file: int, borders: list[int], parts: Iterable[int]) -> "LogReader":
    from ratecheck.decode.log import LogReader

    log = LogReader()
    for part in parts:
        log.begin(part)
        read_log(log, _from(file, borders[part], borders[part + 1]))
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
