"""Files of text: opened with words for what can go wrong, and read piece by piece."""

import codecs
import os
import sys
from collections.abc import Callable, Iterator
from itertools import chain
from typing import BinaryIO

from ratecheck.errors import UsageError

# Read at a time from a text: few enough to need no memory, many enough for the disk.
_BLOCK_BYTES = 1 << 18

Advance = Callable[[int], None]
"""Called with how many bytes were read since the last time."""


class Unreadable(UsageError):
    """One input that cannot be read; the rest may go on."""


def opened(path: str, identity: tuple[int, int] | None = None) -> BinaryIO:
    """Open a file to read its bytes; ``-`` is stdin. ``identity``: device and number that it must have.

    Raises:
        Unreadable: missing, a directory, not ours to read.
    """
    if path == "-":
        return sys.stdin.buffer
    try:
        if os.path.isdir(path):
            raise Unreadable(f"{path} is a directory", f"name files: {path.rstrip('/')}/*.md")
        file = open(path, "rb")  # noqa: SIM115  # whoever reads it closes it
    except FileNotFoundError:
        raise Unreadable(f"{path}: no such file") from None
    except (OSError, ValueError) as error:
        raise Unreadable(f"{path}: {getattr(error, 'strerror', None) or error}") from None
    if identity is not None:
        about = os.fstat(file.fileno())
        if identity != (about.st_dev, about.st_ino):
            file.close()
            raise Unreadable(f"{path} was replaced by another file while it was read")
    return file


def upto(file: BinaryIO, wanted: int, end: int | None) -> Iterator[bytes]:
    """Yield the file from where it is, ``wanted`` bytes at a time."""
    at = file.tell() if end is not None else 0
    while raw := file.read(wanted if end is None else min(wanted, end - at)):
        at += len(raw)
        yield raw
        if len(raw) < wanted and file.isatty():
            return  # a terminal says once that it has ended: asked again, it would wait for another Ctrl-D


def blocks(
    file: BinaryIO, source: str, encoding: str, advance: Advance, *, done: int = 0, end: int | None = None
) -> Iterator[str]:
    """Yield the text of ``file`` from where it is, which is after ``done`` bytes, to ``end``; then close it.

    Raises:
        Unreadable: it is not in ``encoding``, or holds zero bytes.
    """
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    with file:
        for raw in chain(upto(file, _BLOCK_BYTES, end), (b"",)):
            try:
                text = decoder.decode(raw, final=not raw)
            except UnicodeDecodeError as error:
                from ratecheck.decode.encoding import chinese_text

                charset = "gb18030" if chinese_text(raw[: raw.rfind(b"\n")]) else "latin1"
                raise Unreadable(
                    f"{source} is not UTF-8 text (near byte {done + error.start:,})",
                    f"convert it first, for example: iconv -f {charset} -t utf-8",
                ) from None
            if "\0" in text:
                place = 2 * text.index("\0") if encoding == "utf-16" else raw.index(0)
                raise Unreadable(f"{source} is not text (a zero byte near byte {done + place:,})")
            if text:
                yield text
            done += len(raw)
            advance(len(raw))


def blocks_between(
    path: str,
    encoding: str,
    begin: int,
    end: int | None,
    advance: Advance = lambda _: None,
    identity: tuple[int, int] | None = None,
) -> Iterator[str]:
    """Yield the text of a file from one byte to another, ``None`` for its end.

    Raises:
        Unreadable: it cannot be opened (any more), or is no UTF-8.
    """
    file = opened(path, identity)
    file.seek(begin)
    yield from blocks(file, path, encoding if begin == 0 else "utf-8", advance, done=begin, end=end)
