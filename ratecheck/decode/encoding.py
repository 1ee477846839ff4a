"""Bytes of unknown origin -> text. UTF-8 unless a mark says otherwise, or what is Chinese and no UTF-8 is GB 18030.

What is broken is replaced, never refused.
"""

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
    return chinese_text(octets) or octets[skip:].decode(name, "replace")


def chinese_text(octets: bytes) -> str | None:
    """Return the text of bytes that are GB 18030 (GBK, GB 2312) and no UTF-8; ``None`` for all others.

    Nearly any bytes are some characters of it, so those that are used must be common ones: those of GB 2312.
    """
    if octets.isascii():
        return None
    try:
        octets.decode()
    except UnicodeDecodeError:
        pass
    else:
        return None
    try:
        text = octets.decode("gb18030")
        "".join(filter(_is_chinese, text)).encode("gb2312")
    except UnicodeError:
        return None
    return text if any(map(_is_chinese, text)) and not any("\x80" <= each < "\xa0" for each in text) else None


def _is_chinese(letter: str) -> bool:
    return "\u4e00" <= letter <= "\u9fff"


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
