"""Prompts on disk: what kind of file it is, and its content piece by piece."""

import codecs
import glob
import json
import os
import re
import sys
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from enum import Enum, auto
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from ratecheck.errors import UsageError
from ratecheck.estimate.cutting import first_cut
from ratecheck.estimate.images import size_of
from ratecheck.net.local_images import IMAGE_HEAD_BYTES, IMAGE_SUFFIXES, completing
from ratecheck.net.parts import part_borders

if TYPE_CHECKING:
    from ratecheck.estimate.requests import Line

# Read at a time from a text: few enough to need no memory, many enough for the disk.
_BLOCK_BYTES = 1 << 18
# Looked at to tell what a file is.
_PEEK_BYTES = 1 << 13
# Of a file with a value a line: what the processor's cache holds.
_LINES_BYTES = 1 << 17
_LINES = frozenset({".jsonl", ".ndjson"})

# What Windows writes before a text, and what it says of it.
_MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}

_DECODER = json.JSONDecoder()

Advance = Callable[[int], None]
"""Called with how many bytes were read since the last time."""


class Unreadable(UsageError):
    """One input that cannot be read; the rest may go on."""


@dataclass(frozen=True, slots=True)
class TextFile:
    """A text, in blocks."""

    source: str
    blocks: Iterable[str]


@dataclass(frozen=True, slots=True)
class JsonFile:
    """One JSON value."""

    source: str
    value: Any
    text: str
    """As it stood there: it may turn out to be no request but a text to count."""


@dataclass(frozen=True, slots=True)
class LinesFile:
    """JSON values by line; one that cannot be read is told as a sentence."""

    source: str
    lines: "Iterator[Line]"
    whole: Callable[[Any], Any]
    """Puts the first bytes of local images where a value names them: most values name none."""


@dataclass(frozen=True, slots=True)
class ImageFile:
    """A picture; ``size`` in pixels is ``None`` where its bytes do not say."""

    source: str
    size: tuple[int, int] | None


Input = TextFile | JsonFile | LinesFile | ImageFile


def expand(arguments: list[str]) -> list[str]:
    """Return the files that arguments name: a pattern that no shell has expanded is expanded here."""
    found: list[str] = []
    for argument in arguments:
        if argument != "-" and not os.path.exists(argument) and glob.has_magic(argument):
            fitting = sorted(path for path in glob.glob(argument, recursive=True) if os.path.isfile(path))
            if not fitting:
                raise Unreadable(f"no file matches {argument}")
            found += fitting
        else:
            found.append(argument)
    return found


def _opened(path: str) -> BinaryIO:
    if path == "-":
        return sys.stdin.buffer
    try:
        if os.path.isdir(path):
            raise Unreadable(f"{path} is a directory", f"name files: {path.rstrip('/')}/*.md")
        return open(path, "rb")
    except FileNotFoundError:
        raise Unreadable(f"{path}: no such file") from None
    except (OSError, ValueError) as error:
        raise Unreadable(f"{path}: {getattr(error, 'strerror', None) or error}") from None


class _Form(Enum):
    IMAGE = auto()
    LINES = auto()
    JSON = auto()
    LIKE_JSON = auto()
    """A text that begins as JSON does, and may be some."""
    TEXT = auto()


def _form(source: str, head: bytes) -> tuple[_Form, str]:
    """Tell what a file is, and how its characters are encoded, by its name and what it begins with."""
    suffix = Path(source).suffix.lower()
    if head in (b"", *_MARKS):
        raise Unreadable(f"{source} is empty")
    if size_of(head) is not None or (suffix in IMAGE_SUFFIXES and b"\0" in head):
        return _Form.IMAGE, ""
    encoding = _encoding(head, source)
    if encoding != "utf-8":
        head = head.decode(encoding, "ignore").encode()  # what follows looks at characters
    if suffix in _LINES or (suffix not in (".txt", ".md", ".json") and _looks_like_lines(head)):
        return _Form.LINES, encoding
    if suffix == ".json":
        return _Form.JSON, encoding
    if suffix not in (".txt", ".md") and head.lstrip()[:1] in (b"{", b"["):
        # What starts as an object with a key was meant as JSON, wherever it came from.
        return _Form.JSON if re.match(rb'\s*\{\s*"', head) else _Form.LIKE_JSON, encoding
    return _Form.TEXT, encoding


def _encoding(head: bytes, source: str) -> str:
    for mark, name in _MARKS.items():
        if head.startswith(mark):
            return name
    if b"\0" in head:
        raise Unreadable(f"{source} is not text (it holds zero bytes)", "convert it to text first; PNG, JPEG, GIF and "
                         "WebP images are taken as they are")  # fmt: skip
    return "utf-8"


def _looks_like_lines(head: bytes) -> bool:
    first, end, rest = head.lstrip().partition(b"\n")
    if not (end and first.startswith(b"{") and rest.lstrip()[:1] == b"{"):
        return False
    try:
        json.loads(first)
    except (ValueError, RecursionError):
        return False
    return True


def _head(file: BinaryIO) -> bytes:
    return file.peek(_PEEK_BYTES) if hasattr(file, "peek") else b""


def read(path: str, advance: Advance = lambda _: None) -> Input:
    """Open one input (``-``: stdin) and tell what it is.

    Raises:
        Unreadable: missing, a directory, empty, binary, or JSON that does not parse (with line and column).
    """
    file = _opened(path)
    source = "stdin" if path == "-" else path
    form, encoding = _form(source, _head(file))
    if form is _Form.IMAGE:
        return ImageFile(source, size_of(file.read(IMAGE_HEAD_BYTES)))
    if form is _Form.LINES:
        if encoding == "utf-16":
            file = cast(BinaryIO, codecs.EncodedFile(file, "utf-8", encoding, "replace"))
        return LinesFile(source, _lines(file, advance), completing(source))
    if form is _Form.TEXT:
        return TextFile(source, _blocks(file, source, encoding, advance))
    return _json(file, source, encoding, form is _Form.JSON, advance)


@dataclass(frozen=True, slots=True)
class Large:
    """A large file of which parts can be read apart."""

    path: str
    encoding: str | None
    """Of a text; ``None``: values by line."""
    borders: list[int]
    """Where its parts begin, and its end."""

    @property
    def parts(self) -> int:
        """Return how many parts it has."""
        return len(self.borders) - 1


def large(path: str, part_bytes: int) -> Large | None:
    """Return the parts of a large file; ``None`` where it is no text and no values by line, or not in UTF-8."""
    try:
        with _opened(path) as file:
            form, encoding = _form(path, _head(file))
            size = os.fstat(file.fileno()).st_size
            if encoding == "utf-16":
                return None
            if form is _Form.LINES:
                return Large(path, None, part_borders(file.fileno(), size, _after_line, part_bytes))
            if form is _Form.TEXT:
                return Large(path, encoding, part_borders(file.fileno(), size, _safe_cut, part_bytes))
    except (Unreadable, OSError):
        pass  # whoever reads it says why
    return None


def _after_line(raw: bytes) -> int | None:
    return raw.find(b"\n") + 1 or None


def _safe_cut(raw: bytes) -> int | None:
    inside = re.match(rb"[\x80-\xbf]{0,3}", raw)  # the rest of a character that begins before
    skipped = inside.end() if inside else 0
    try:
        text = codecs.getincrementaldecoder("utf-8")("strict").decode(raw[skipped:])
    except UnicodeDecodeError:
        return None
    cut = first_cut(text)
    return None if cut is None else skipped + len(text[:cut].encode())


def _upto(file: BinaryIO, wanted: int, end: int | None) -> Iterator[bytes]:
    """Yield the file from where it is, ``wanted`` bytes at a time."""
    at = file.tell() if end is not None else 0
    while raw := file.read(wanted if end is None else min(wanted, end - at)):
        at += len(raw)
        yield raw
        if len(raw) < wanted and file.isatty():
            return  # a terminal says once that it has ended: asked again, it would wait for another Ctrl-D


def blocks_between(
    path: str, encoding: str, begin: int, end: int | None, advance: Advance = lambda _: None
) -> Iterator[str]:
    """Yield the text of a file from one byte to another, ``None`` for its end.

    Raises:
        Unreadable: it cannot be opened (any more), or is no UTF-8.
    """
    file = _opened(path)
    file.seek(begin)
    yield from _blocks(file, path, encoding if begin == 0 else "utf-8", advance, done=begin, end=end)


def lines_between(
    path: str, begin: int, end: int | None, advance: Advance = lambda _: None
) -> "Generator[Line, None, int]":
    """Yield the values of the lines of a file from one byte to another, and return how many lines there are.

    Raises:
        Unreadable: it cannot be opened (any more).
    """
    file = _opened(path)
    file.seek(begin)
    return (yield from _lines(file, advance, marked=begin == 0, end=end))


def _blocks(
    file: BinaryIO, source: str, encoding: str, advance: Advance, *, done: int = 0, end: int | None = None
) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    with file:
        for raw in chain(_upto(file, _BLOCK_BYTES, end), (b"",)):
            try:
                text = decoder.decode(raw, final=not raw)
            except UnicodeDecodeError as error:
                raise Unreadable(
                    f"{source} is not UTF-8 text (near byte {done + error.start:,})",
                    "convert it first, for example: iconv -f latin1 -t utf-8",
                ) from None
            if "\0" in text:
                raise Unreadable(f"{source} is not text (a zero byte near byte {done + text.index(chr(0)):,})")
            if text:
                yield text
            done += len(raw)
            advance(len(raw))


def why_broken(error: ValueError | RecursionError, line: bool = False) -> str:
    """Say in words why a text is no JSON, and where; within one line the column alone."""
    if isinstance(error, json.JSONDecodeError):
        place = f"column {error.colno}" if line else f"line {error.lineno}, column {error.colno}"
        return f"broken JSON at {place}: {error.msg}"
    if isinstance(error, RecursionError):
        return "JSON nested too deeply"
    if isinstance(error, UnicodeDecodeError):
        return f"not UTF-8 (near byte {error.start:,})"
    return f"unusable JSON: {error}"


def _json(file: BinaryIO, source: str, encoding: str, must: bool, advance: Advance) -> Input:
    with file:
        raw = file.read()
    advance(len(raw))
    try:
        text = raw.decode(encoding)
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        if not must and not isinstance(error, UnicodeDecodeError):
            return TextFile(source, (text,))  # text that only begins like JSON
        raise Unreadable(f"{source}: {why_broken(error)}") from None
    return JsonFile(source, completing(source)(value), text)


def _from_line(raw: bytes) -> Any:
    text = raw.decode("utf-8").rstrip("\r\n")
    try:
        value, end = _DECODER.raw_decode(text)
    except ValueError:
        end = -1
    # `json.loads` would find the same value, and more slowly: it is left to say what is wrong with a line.
    return value if end == len(text) else json.loads(text)


def _loader() -> Callable[[bytes], Any]:
    """Return what parses a line: orjson where the extra `fast` is there, and json for all that orjson refuses."""
    try:
        import orjson
    except ImportError:
        return _from_line

    def load(raw: bytes) -> Any:
        try:
            return orjson.loads(raw)
        except ValueError:  # lone surrogates, NaN, and what is really broken: json says where
            return _from_line(raw)

    return load


def _split(file: BinaryIO, advance: Advance, end: int | None) -> Iterator[bytes]:
    """Yield lines without their ends; reading in large blocks is half the work of reading line by line."""
    left = b""
    for block in _upto(file, _LINES_BYTES, end):
        advance(len(block))
        lines = block.split(b"\n")
        lines[0] = left + lines[0]
        left = lines.pop()
        yield from lines
    if left:
        yield left


def _lines(
    file: BinaryIO, advance: Advance, *, marked: bool = True, end: int | None = None
) -> "Generator[Line, None, int]":
    loads = _loader()
    number = 0
    with file:
        for number, raw in enumerate(_split(file, advance, end), 1):
            if number == 1 and marked and raw.startswith(codecs.BOM_UTF8):
                raw = raw[len(codecs.BOM_UTF8) :]
            try:
                value = loads(raw)
            except (ValueError, RecursionError) as error:
                if not raw.isspace() and raw:
                    yield number, None, why_broken(error, line=True)
                continue
            yield number, value, None
    return number
