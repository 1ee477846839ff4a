"""The rows of a terminal, put together again to the lines that they were."""

from collections.abc import Sequence
from typing import NamedTuple
from unicodedata import east_asian_width

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


class Unwrapped(NamedTuple):
    """Lines that a terminal may have broken, put together."""

    lines: tuple[str, ...]
    numbers: tuple[int, ...]
    """The number (from 1) of each line's first row."""
    certain: bool
    """More than one row goes on in the next and few are nearly full, or they break within a number."""


def _cells(row: str) -> int:
    if row.isascii():
        return len(row)
    return sum(2 if east_asian_width(each) in "WF" else 1 for each in row)


def unwrapped(rows: Sequence[str]) -> Unwrapped | None:
    """Put full rows and what follows them together; ``None`` where no row is one that goes on.

    A terminal breaks a line where it is full, inside words and numbers. Where it breaks at a blank nothing needs to be
    done: lines are read as if a blank stood between them.
    """
    cells = list(map(_cells, rows))
    width = max(cells, default=0)
    if width < _LEAST_CELLS:
        return None
    lines: list[str] = []
    numbers: list[int] = []
    joins = in_numbers = 0
    full = False
    for number, (row, size) in enumerate(zip(rows, cells, strict=True), 1):
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
    nearly = sum(width - _NEARLY_CELLS <= size < width for size in cells)
    return Unwrapped(tuple(lines), tuple(numbers), joins > max(nearly, 1) or joins == in_numbers)


def _goes_on(line: str, row: str) -> bool:
    if not row or row[0].isspace() or line[-1].isspace() or line[-1] in _ENDS:
        return False
    alike = row[:_ALIKE].translate(_DIGITS_ALIKE) == line[:_ALIKE].translate(_DIGITS_ALIKE)
    return not alike and not _BEGINS().match(row) and not begins(row)
