"""Prompts on disk: what kind of file it is, and its content piece by piece."""

import codecs
import glob
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from ratecheck.estimate.cutting import first_cut
from ratecheck.estimate.images import size_of
from ratecheck.net.lines import read_lines, why_broken
from ratecheck.net.local_images import IMAGE_HEAD_BYTES, IMAGE_SUFFIXES, completing
from ratecheck.net.parts import PART_BYTES, Large, part_borders
from ratecheck.net.reading import Advance, Unreadable, blocks, opened

if TYPE_CHECKING:
    from ratecheck.estimate.requests import Line

# Looked at to tell what a file is.
_PEEK_BYTES = 1 << 13
_LINES = frozenset({".jsonl", ".ndjson"})

# What Windows writes before a text, and what it says of it.
_MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


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
    file = opened(path)
    source = "stdin" if path == "-" else path
    try:
        form, encoding = _form(source, _head(file))
    except Unreadable:
        file.close()
        raise
    if form is _Form.IMAGE:
        with file:
            return ImageFile(source, size_of(file.read(IMAGE_HEAD_BYTES)))
    if form is _Form.LINES:
        if encoding == "utf-16":
            file = cast(BinaryIO, codecs.EncodedFile(file, "utf-8", encoding, "replace"))
        return LinesFile(source, read_lines(file, advance), completing(source))
    if form is _Form.TEXT:
        return TextFile(source, blocks(file, source, encoding, advance))
    return _json(file, source, encoding, form is _Form.JSON, advance)


def large(path: str, part_bytes: int) -> Large | None:
    """Return the parts of a large file; ``None`` where it is no text and no values by line, or not in UTF-8."""
    try:
        with opened(path) as file:
            form, encoding = _form(path, _head(file))
            about = os.fstat(file.fileno())
            size, identity = about.st_size, (about.st_dev, about.st_ino)
            if encoding == "utf-16":
                return None
            if form is _Form.LINES:
                # A line may hold a picture of some megabytes.
                borders = part_borders(file.fileno(), size, _after_line, part_bytes=part_bytes, look_bytes=PART_BYTES)
                return Large(path, None, borders, identity)
            if form is _Form.TEXT:
                borders = part_borders(file.fileno(), size, _safe_cut, part_bytes=part_bytes)
                return Large(path, encoding, borders, identity)
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
