"""Rows of a paste that are not the lines of the text: a terminal broke them, or a collector of logs wrote before each.

Neither can be seen for sure. So both are other readings of the paste, and whoever decodes keeps the one that says more.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ratecheck.cells import cells
from ratecheck.decode.lazy import lazy
from ratecheck.decode.records import begins

# No terminal that people copy from is narrower.
_LEAST_CELLS = 40
# What begins a line of its own, whatever stands before: a header, a status line; quotes, boxes and trees.
_BEGINS = lazy(r"[<>*│┃║▌▏╎┆|⎿]|[A-Za-z][A-Za-z0-9-]{1,60}: |HTTP/\d")
_ENDS = "│┃║▐|"
# A line that begins as the one before, digits aside, is the next of its kind.
_ALIKE = 8
_DIGITS_ALIKE = str.maketrans("123456789", "000000000")
# Text that is broken between words has many rows that are nearly full; rows of a terminal are full, or a line's end.
_NEARLY_CELLS = 12
# What a collector writes before every row: a time and a few words of its own, digits read as 0. No number alone, quote,
# brace or path: those belong to the text.
_STAMP = lazy(
    r"[^\"'{}/]{0,40}?00:00:00[.,0]*(?:Z|[+-]00:?00)?[\])]?"
    r"(?:[ \t]+(?!0+\b)[\w#.@\[\]-]{1,40}:?){0,2}(?:[ \t|:\]]+|(?<=Z))"
)
# Docker keeps each row as a value of JSON.
_DOCKER = ('{"log":"', '{"log": "')


class Reading(NamedTuple):
    """Lines that the rows of a paste may stand for."""

    lines: tuple[str, ...]
    numbers: tuple[int, ...]
    """The number (from 1) of each line's first row."""
    certain: bool = False
    """It is to be preferred to the rows as they stand where it says as much."""


def readings(rows: Sequence[str]) -> Iterator[Reading]:
    """Yield what else the rows of a paste may stand for."""
    for reading in (unwrapped(rows), unstamped(rows)):
        if reading is not None:
            yield reading


def unwrapped(rows: Sequence[str]) -> Reading | None:
    """Put full rows and what follows them together; ``None`` where no row is one that goes on.

    A terminal breaks a line where it is full, inside words and numbers. Where it breaks at a blank nothing needs to be
    done: lines are read as if a blank stood between them.

    It is certain where more than one row is full and fewer are nearly so, or where a number is broken.
    """
    sizes = list(map(cells, rows))
    width = max(sizes, default=0)
    if width < _LEAST_CELLS:
        return None
    lines: list[str] = []
    numbers: list[int] = []
    joins = in_numbers = fulls = 0
    full = False
    for number, (row, size) in enumerate(zip(rows, sizes, strict=True), 1):
        fulls += full
        if full and _goes_on(lines[-1], row):
            joins += 1
            in_numbers += lines[-1][-1].isdigit() and row[0].isdigit()
            lines[-1] += row
        else:
            lines.append(row)
            numbers.append(number)
        # A letter of two cells leaves one free where it does not fit.
        full = size == width or (size == width - 1 and not row.isascii())
    if not joins:
        return None
    nearly = sum(width - _NEARLY_CELLS <= size < width for size in sizes)
    return Reading(tuple(lines), tuple(numbers), fulls > max(nearly, 1) or joins == in_numbers)


def _goes_on(line: str, row: str) -> bool:
    if not row or row[0].isspace() or line[-1].isspace() or line[-1] in _ENDS:
        return False
    alike = row[:_ALIKE].translate(_DIGITS_ALIKE) == line[:_ALIKE].translate(_DIGITS_ALIKE)
    return not alike and not _BEGINS().match(row) and not begins(row)


def unstamped(rows: Sequence[str]) -> Reading | None:
    """Take off what a collector wrote before each row; ``None`` where the rows do not all begin alike, with a time.

    A body or a traceback of many lines is then one text again, and not a record a row.
    """
    written = [(number, row) for number, row in enumerate(rows, 1) if row.strip()]
    if len(written) < 2:
        return None
    numbers = tuple(number for number, _ in written)
    if all(row.startswith(_DOCKER) for _, row in written):
        texts = [_kept_by_docker(row) for _, row in written]
        return Reading(tuple(texts), numbers) if all(texts) else None
    # What the first and the last in order share, all others share as well.
    forms = [row.translate(_DIGITS_ALIKE) for _, row in written]
    low, high = min(forms), max(forms)
    alike = low[: next((at for at, (one, other) in enumerate(zip(low, high, strict=False)) if one != other), len(low))]
    stamp = _STAMP().match(alike)
    return None if stamp is None else Reading(tuple(row[stamp.end() :] for _, row in written), numbers)


def _kept_by_docker(row: str) -> str:
    import json

    try:
        text = json.loads(row)["log"]
    except (ValueError, RecursionError, KeyError):
        return ""
    return text if isinstance(text, str) else ""
