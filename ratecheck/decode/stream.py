"""Any input, of any size: a paste is read as a whole, a log block by block."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from ratecheck.decode.encoding import is_utf8, text_of, to_utf8
from ratecheck.decode.paste import DecodeReport, decode_text, looks_like_har
from ratecheck.decode.records import RECORD_BYTES, begins_at, last_record

if TYPE_CHECKING:
    from ratecheck.decode.log import LogReader

# Small enough to stay in a processor's own cache while it is searched for one needle after the other.
_BLOCK_BYTES = 256 << 10
# Up to here a text is a paste and is read as a whole.
_PASTE_BYTES = 64 << 10
# A HAR file is one JSON document: it is read whole, up to this.
_HAR_BYTES = 64 << 20


def decode_stream(read: Callable[[int], bytes], *, source: str = "-") -> DecodeReport:
    """Explain what ``read`` yields, however much it is: a paste as a whole, a log block by block.

    ``read(n)`` returns at most ``n`` bytes, none at the end. UTF-8 and UTF-16 are understood.
    """
    head = _filled(read, _PASTE_BYTES + 1)
    if looks_like_recording(head):
        from ratecheck.decode.recording import decode_recording

        return decode_recording(_lines(read, head), source=source)
    if len(head) <= _PASTE_BYTES:
        return decode_text(text_of(head), source=source)
    if looks_like_har(head[:1_000].decode("utf-8", "replace")):
        return decode_text(text_of(head + _filled(read, _HAR_BYTES)), source=source)
    from ratecheck.decode.log import LogReader  # not for a paste

    log = LogReader()
    read_log(log, read, head)
    return log.report(source)


def cuts_at_lines(head: bytes) -> bool:
    """Tell by its beginning whether a large input is a log that can be read from any line on."""
    return (
        is_utf8(head) and not looks_like_har(head[:1_000].decode("utf-8", "replace")) and not looks_like_recording(head)
    )


# The beginning of every line that a recorder writes; the first one of a file may be torn.
_RECORDED = b'{"schema":"ratecheck.attempt/1"'


def looks_like_recording(head: bytes) -> bool:
    """Tell by the beginning of an input whether `watch` or `serve` recorded it."""
    return head.startswith(_RECORDED) or b"\n" + _RECORDED in head


def _lines(read: Callable[[int], bytes], head: bytes) -> Iterator[bytes]:
    rest = head
    while block := read(_BLOCK_BYTES):
        *whole, rest = (rest + block).split(b"\n")
        yield from whole
        # A recorder's line ends long before; what does not is dropped piece by piece.
        rest = rest if len(rest) < _HAR_BYTES else b""
    yield from rest.splitlines()


def read_log(log: "LogReader", read: Callable[[int], bytes], head: bytes = b"") -> None:
    """Feed ``log`` with ``head`` and what ``read`` yields after it, block by block."""
    from ratecheck.decode.block import keep_memory  # not for a paste

    keep_memory()
    utf8 = to_utf8(head)
    rest = utf8(head)
    while block := read(_BLOCK_BYTES):
        block = utf8(block)
        # A block that begins with a record of its own needs no copy of the one before it.
        if not (rest.endswith(b"\n") and begins_at(block, 0)):
            cut = last_record(rest)
            if not cut and len(rest) > _BLOCK_BYTES:
                # No line break in sight: what may begin a refusal stays, the rest has been seen.
                cut = len(rest) - RECORD_BYTES
            rest, block = rest[:cut], rest[cut:] + block
        log.feed(rest)
        rest = block
    log.feed(rest)


def _filled(read: Callable[[int], bytes], wanted: int) -> bytes:
    parts = []
    while wanted > 0 and (part := read(wanted)):
        parts.append(part)
        wanted -= len(part)
    return b"".join(parts)
