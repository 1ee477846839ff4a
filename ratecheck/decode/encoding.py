"""Bytes of unknown origin -> text. UTF-8 unless a mark says otherwise; what is broken is replaced, never refused."""

import codecs
from collections.abc import Callable

_MARKS = (
    # UTF-32's mark begins with UTF-16's: it must be tried first.
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
    (codecs.BOM_UTF8, "utf-8"),
)
# Windows shells write UTF-16 without a mark as well: every other byte of plain ASCII is then zero.
_LOOKED_AT = 400
_ZERO_SHARE = 0.3


def _encoding(head: bytes) -> tuple[str, int]:
    for mark, name in _MARKS:
        if head.startswith(mark):
            return name, len(mark)
    looked = head[:_LOOKED_AT]
    for first, name in ((1, "utf-16-le"), (0, "utf-16-be")):
        if looked[first::2].count(0) > _ZERO_SHARE * len(looked) and looked[1 - first :: 2].count(0) == 0:
            return name, 0
    return "utf-8", 0


def is_utf8(head: bytes) -> bool:
    """Whether what begins with ``head`` is read as UTF-8, which can be cut at any line break."""
    return _encoding(head)[0] == "utf-8"


def text_of(octets: bytes) -> str:
    """Return the text that the bytes hold, whatever they are."""
    name, skip = _encoding(octets)
    return octets[skip:].decode(name, "replace")


def to_utf8(head: bytes) -> Callable[[bytes], bytes]:
    """Return what turns the blocks of a stream, the one that begins with ``head`` first, into UTF-8."""
    name, skip = _encoding(head)
    if name == "utf-8":
        return lambda block: block
    decoder = codecs.getincrementaldecoder(name)("replace")
    left = [skip]

    def convert(block: bytes) -> bytes:
        block, left[0] = block[left[0] :], 0
        return decoder.decode(block).encode("utf-8", "replace")

    return convert
