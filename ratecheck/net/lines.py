"""Files with a JSON value a line."""

import codecs
import json
from collections.abc import Callable, Generator, Iterator
from typing import TYPE_CHECKING, Any, BinaryIO

from ratecheck.net.reading import Advance, opened, upto

if TYPE_CHECKING:
    from ratecheck.estimate.requests import Line

# Read at a time: what the processor's cache holds.
_BLOCK_BYTES = 1 << 17

_DECODER = json.JSONDecoder()


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
    for block in upto(file, _BLOCK_BYTES, end):
        advance(len(block))
        lines = block.split(b"\n")
        lines[0] = left + lines[0]
        left = lines.pop()
        yield from lines
    if left:
        yield left


def read_lines(
    file: BinaryIO, advance: Advance, *, marked: bool = True, end: int | None = None
) -> "Generator[Line, None, int]":
    """Yield the values of the lines of ``file`` from where it is to ``end``, close it, and return how many there are.

    ``marked``: it may begin with a byte order mark.
    """
    loads = _loader()
    number = 0
    with file:
        for number, raw in enumerate(_split(file, advance, end), 1):
            if len(raw) < 2 and not raw.strip():
                continue  # an empty line, of Windows too
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


def lines_between(
    path: str,
    begin: int,
    end: int | None,
    advance: Advance = lambda _: None,
    identity: tuple[int, int] | None = None,
) -> "Generator[Line, None, int]":
    """Yield the values of the lines of a file from one byte to another, and return how many lines there are.

    Raises:
        Unreadable: it cannot be opened (any more).
    """
    file = opened(path, identity)
    file.seek(begin)
    return (yield from read_lines(file, advance, marked=begin == 0, end=end))
