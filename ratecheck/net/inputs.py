"""Prompts on disk: what kind of file it is, and its content piece by piece."""

import codecs
import glob
import json
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from ratecheck.errors import UsageError
from ratecheck.estimate.cutting import last_cut
from ratecheck.estimate.images import size_of
from ratecheck.net.beside import second_half

if TYPE_CHECKING:
    from ratecheck.estimate.requests import Line

# Read at a time from a text: few enough to need no memory, many enough for the disk.
_BLOCK_BYTES = 1 << 18
# Of an image: a JPEG's size may stand behind a thumbnail and a colour profile.
_HEAD_BYTES = 1 << 19
# Of a file with a value a line: what the processor's cache holds.
_LINES_BYTES = 1 << 17
# Below this a second process saves less than it takes to start and to bring together.
WORTH_BYTES = 16 << 20
_IMAGES = frozenset({".png", ".jpg", ".jpeg", ".gif", ".webp"})
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
    rest: Callable[[], Iterable[str]] | None = None
    """Of a large file, for another process: opens the second half; ``blocks`` are then those of the first."""


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
    rest: "Callable[[], Iterator[Line]] | None" = None
    """Of a large file, for another process: opens the second half; ``lines`` are then those of the first."""


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


def size_bytes(path: str) -> int | None:
    """Return the size of a file, ``None`` for stdin and what has none."""
    try:
        return os.stat(path).st_size if path != "-" else None
    except OSError:
        return None


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


def read(path: str, advance: Advance = lambda _: None) -> Input:
    """Open one input (``-``: stdin) and tell what it is; a large file comes in halves.

    Raises:
        Unreadable: missing, a directory, empty, binary, or JSON that does not parse (with line and column).
    """
    file = _opened(path)
    source = "stdin" if path == "-" else path
    head = file.peek(1 << 13) if hasattr(file, "peek") else b""
    suffix = Path(path).suffix.lower()
    if head in (b"", *_MARKS):
        raise Unreadable(f"{source} is empty")
    if size_of(head) is not None or (suffix in _IMAGES and b"\0" in head):
        return ImageFile(source, size_of(file.read(_HEAD_BYTES)))
    encoding = _encoding(head, source)
    if encoding != "utf-8":
        head = head.decode(encoding, "ignore").encode()  # what follows looks at characters
    if suffix in _LINES or (suffix not in (".txt", ".md", ".json") and _looks_like_lines(head)):
        whole = partial(_inlined, folder=Path(source).parent)
        if encoding == "utf-16":
            file = cast(BinaryIO, codecs.EncodedFile(file, "utf-8", encoding, "replace"))
            return LinesFile(source, _lines(file, advance), whole)
        middle = _middle(file, _after_line)
        if middle is None:
            return LinesFile(source, _lines(file, advance), whole)
        return LinesFile(source, _lines(file, _twice(advance), end=middle), whole, partial(_later_lines, path, middle))
    if suffix == ".json" or (suffix not in (".txt", ".md") and head.lstrip()[:1] in (b"{", b"[")):
        # What starts as an object with a key was meant as JSON, wherever it came from.
        must = suffix == ".json" or re.match(rb'\s*\{\s*"', head) is not None
        return _json(file, source, encoding, must, advance)
    middle = _middle(file, _safe_cut) if encoding.startswith("utf-8") else None
    if middle is None:
        return TextFile(source, _blocks(file, source, encoding, advance))
    file.close()  # each half opens it for itself, where it is read: maybe in another process
    first = _part(path, source, encoding, _twice(advance), 0, middle)
    return TextFile(source, first, partial(_part, path, source, "utf-8", lambda _: None, middle, None))


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


def _middle(file: BinaryIO, cut: Callable[[bytes], int | None]) -> int | None:
    """Where the second half of a file begins; ``None`` where it is better read as one, and for stdin."""
    return None if file is sys.stdin.buffer else second_half(file, WORTH_BYTES, cut)


def _after_line(raw: bytes) -> int | None:
    return raw.find(b"\n") + 1 or None


def _safe_cut(raw: bytes) -> int | None:
    inside = re.match(rb"[\x80-\xbf]{0,3}", raw)  # the rest of a character that begins before
    skipped = inside.end() if inside else 0
    try:
        text = codecs.getincrementaldecoder("utf-8")("strict").decode(raw[skipped:])
    except UnicodeDecodeError:
        return None
    cut = last_cut(text)
    return None if cut is None else skipped + len(text[:cut].encode())


def _twice(advance: Advance) -> Advance:
    """Both halves come on at the same pace, and one of them is seen here."""
    return lambda count: advance(2 * count)


def _upto(file: BinaryIO, wanted: int, end: int | None) -> Iterator[bytes]:
    """Yield the file from where it is, ``wanted`` bytes at a time."""
    at = file.tell() if end is not None else 0
    while raw := file.read(wanted if end is None else min(wanted, end - at)):
        at += len(raw)
        yield raw
        if len(raw) < wanted and file.isatty():
            return  # a terminal says once that it has ended: asked again, it would wait for another Ctrl-D


def _part(path: str, source: str, encoding: str, advance: Advance, begin: int, end: int | None) -> Iterator[str]:
    file = _opened(path)
    file.seek(begin)
    yield from _blocks(file, source, encoding, advance, done=begin, end=end)


def _later_lines(path: str, middle: int) -> "Iterator[Line]":
    file = _opened(path)
    before = sum(raw.count(b"\n") for raw in _upto(file, _BLOCK_BYTES, middle))
    return _lines(file, lambda _: None, before=before)


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
    return JsonFile(source, _inlined(value, Path(source).parent), text)


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


def _lines(file: BinaryIO, advance: Advance, *, before: int = 0, end: int | None = None) -> "Iterator[Line]":
    loads = _loader()
    with file:
        for number, raw in enumerate(_split(file, advance, end), before + 1):
            if number == 1 and raw.startswith(codecs.BOM_UTF8):
                raw = raw[len(codecs.BOM_UTF8) :]
            try:
                value = loads(raw)
            except (ValueError, RecursionError) as error:
                if not raw.isspace() and raw:
                    yield number, None, why_broken(error, line=True)
                continue
            yield number, value, None


def _inlined(value: Any, folder: Path) -> Any:
    """Put the first bytes of images that are named by a local path in their place, as data URLs."""
    stack = [value]
    while stack:
        each = stack.pop()
        if isinstance(each, dict):
            for key in ("url", "image_url"):
                named = each.get(key)
                if isinstance(named, str) and len(named) < 1024 and Path(named).suffix.lower() in _IMAGES:
                    each[key] = _data_url(named, folder) or named
            stack.extend(each.values())
        elif isinstance(each, list):
            stack.extend(each)
    return value


def _data_url(named: str, folder: Path) -> str | None:
    import base64

    if named.startswith(("http:", "https:", "data:")):
        return None
    try:
        with open(folder / named.removeprefix("file://"), "rb") as file:
            head = file.read(_HEAD_BYTES * 3 // 4)
    except (OSError, ValueError):
        return None
    return f"data:image/*;base64,{base64.b64encode(head).decode()}"
