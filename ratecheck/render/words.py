"""Sentences in columns: wrapped at blanks, measured in cells, painted where colour is wanted.

Rich does this as well, and takes half as long to import as a whole answer takes to give; it is left to draw tables.
"""

import re

from ratecheck.cells import cells, cells_of

_WORD = re.compile(r"\s*\S+\s*")
_CONTROLS = dict.fromkeys((*range(9), *range(11, 32), 127))
_CODES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}


def wrapped(text: str, width: int) -> list[str]:
    """Return the text as lines of at most ``width`` columns; a longer word is cut, unless it is an address to copy."""
    lines = []
    for paragraph in text.translate(_CONTROLS).expandtabs(8).split("\n"):
        line, taken = "", 0
        for word in _WORD.findall(paragraph):
            long = cells(word.rstrip())
            if taken + long > width and taken:
                lines.append(line)
                line, taken = "", 0
            while long > width and "://" not in word:
                piece = _fitting(word, width)
                lines.append(piece)
                word = word[len(piece) :]
                long = cells(word.rstrip())
            line += word
            taken += cells(word)
        lines.append(line)
    return [line.rstrip() for line in lines]


def _fitting(word: str, width: int) -> str:
    taken = 0
    for index, character in enumerate(word):
        taken += cells_of(character)
        if taken > width and index:
            return word[:index]
    return word


def hanging(mark: str, text: str, width: int, indent: int = 0) -> list[str]:
    """Return the text behind a mark, its further lines below its first, all of it ``indent`` columns in."""
    room = max(width - indent - 2, 8)
    first, *rest = wrapped(text, room)
    margin = " " * indent
    return [f"{margin}{mark} {first}", *(f"{margin}  {line}" for line in rest)]


def painted(line: str, style: str, on: bool) -> str:
    """Return the line in a style (``"bold red"``), or as it is where there is no colour."""
    if not on or not line:
        return line
    return f"\x1b[{';'.join(_CODES[word] for word in style.split())}m{line}\x1b[0m"
