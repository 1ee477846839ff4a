"""A large log file read by two processes at once: each takes a part, and what they find is brought together."""

import os
from collections.abc import Callable
from typing import BinaryIO

from ratecheck.decode.paste import DecodeReport
from ratecheck.decode.records import next_record
from ratecheck.decode.stream import cuts_at_lines, decode_stream, read_log
from ratecheck.net.beside import beside, second_half

# Below this a second process saves less than the 10 ms that it takes to start and to bring together.
_WORTH_BYTES = 32 << 20
_HEAD_BYTES = 4_096
# What one process reads in the 150 ms that it takes to import what draws tables and charts.
_MEANWHILE_BYTES = 45 << 20


def decode_file(
    stream: BinaryIO, *, source: str, worth_bytes: int = _WORTH_BYTES, meanwhile: Callable[[], object] | None = None
) -> DecodeReport:
    """Explain an open file as ``decode_stream`` does; a regular one of ``worth_bytes`` or more by two processes.

    ``meanwhile`` is called in this process while the other one reads, which takes the larger part then.
    """
    middle = _middle(stream, worth_bytes, _MEANWHILE_BYTES if meanwhile else 0)
    if middle is None:
        return decode_stream(stream.read, source=source)
    file = stream.fileno()
    from ratecheck.decode import log  # noqa: F401  # before there are two of us, so that it is imported once

    with beside(lambda: read_log(_from(file, middle))) as second:
        if meanwhile is not None:
            meanwhile()
        first = read_log(_from(file, 0, middle))
        first.append(second())
    return first.report(source)


def _middle(stream: BinaryIO, worth_bytes: int, meanwhile_bytes: int) -> int | None:
    """Where the first record of the second part begins; ``None`` where the file is better read as one."""
    middle = second_half(stream, worth_bytes, next_record, larger_by_bytes=meanwhile_bytes)
    if middle is None:
        return None
    file = stream.fileno()
    whole = os.lseek(file, 0, os.SEEK_CUR) == 0 and cuts_at_lines(os.pread(file, _HEAD_BYTES, 0))
    return middle if whole else None


def _from(file: int, at: int, end: int | None = None) -> Callable[[int], bytes]:
    """Return what reads on from ``at``: by its own place, since two processes share the file's.

    A block ends with a line where it can: then nobody has to copy it to cut it there.
    """

    def read(wanted: int) -> bytes:
        nonlocal at
        wanted = wanted if end is None else min(wanted, end - at)
        tail = max(wanted - _HEAD_BYTES, 0)
        line_break = os.pread(file, wanted - tail, at + tail).rfind(b"\n")
        block = os.pread(file, tail + line_break + 1 if line_break >= 0 else wanted, at)
        at += len(block)
        return block

    return read
