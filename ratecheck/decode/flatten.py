"""A paste as one flat line: layers of escaping, boxes, wraps and quoting go; the words stay, and so do their lines.

An error text reaches people through a JSON string in a Python repr in a log line in a terminal box. Undoing those
layers one by one fails on the first half-broken one, so all of them are undone at once: whatever number of backslashes
stands before a quote, the quote is meant; whatever stands for a line break is a blank.
"""

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from ratecheck.decode.lazy import lazy

# ANSI escapes first: they may stand anywhere, even inside a word.
_ANSI = lazy(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]{0,300}(?:\x07|\x1b\\)?|[@-Z\\-_])")
# What word processors and chats make of quotes.
_TYPESET = str.maketrans(dict.fromkeys("“”„‟", '"') | dict.fromkeys("‘’‚‛", "'"))
# A terminal box, a quoted mail or issue comment, a `curl -v` arrow, a tree of a command-line tool.
_LEFT = lazy(r"^[ \t]*(?:[│┃║▌▏╎┆|]+(?:[ \t]*[│┃║]){0,3}|⎿|(?:>[ \t]?)+|<(?=[ \t])|\*(?=[ \t]))[ \t]*")
_RIGHT = "│┃║▐"
_RULE = lazy(r"^[\s╭╮╰╯┌┐└┘├┤┬┴┼─━═╔╗╚╝╠╣+|-]{6,}$")
# util.inspect of Node breaks a long string into pieces: 'first\n' +
_CONCAT_TAIL = lazy(r"(?:\\n)?['\"`][ \t]*\+[ \t]*$")
# A run of backslashes is tried once, from its first: from each of them it would be quadratic.
_ESCAPED = lazy(
    r"(?<!\\)\\++(?:u\{?([0-9a-fA-F]{4})\}?|(r?n|[rtbf](?![a-z0-9])|[nt](?=[ {}\"'\\*\n]))|([\"'`/{}\[\]]))"
)
_BYTES = lazy(r"(?<!\\)(?:\\++x[0-9a-fA-F]{2})+")
_PERCENT = lazy(r"(?:%[0-9a-fA-F]{2})+")
_ENTITIES = {
    "&quot;": '"',
    "&#34;": '"',
    "&#39;": "'",
    "&#x27;": "'",
    "&lt;": "<",
    "&gt;": ">",
    "&nbsp;": " ",
    "&amp;": "&",
}
_ENTITY = lazy("|".join(map(re.escape, _ENTITIES)))
# How many %XX a line must hold before it is taken for percent-encoded; links often hold one or two.
_PERCENT_LEAST = 4
# A line longer than this is cut: no provider's error is that long, and every pattern stays fast.
LONGEST_LINE = 200_000


def _character(found: re.Match[str]) -> str:
    code, blank, literal = found.groups()
    if code:
        return chr(int(code, 16))
    return " " if blank else literal


def _octets(found: re.Match[str]) -> str:
    digits = re.findall(r"[0-9a-fA-F]{2}(?![0-9a-fA-F])", found[0])
    return bytes(int(pair, 16) for pair in digits).decode("utf-8", "replace")


def _percent(found: re.Match[str]) -> str:
    return bytes.fromhex(found[0].replace("%", "")).decode("utf-8", "replace")


def unescape(line: str) -> str:
    """Undo every layer of backslash, percent and HTML escaping of one line at once."""
    if "%" in line and len(re.findall(r"%[0-9a-fA-F]{2}", line)) >= _PERCENT_LEAST:
        line = _PERCENT().sub(_percent, line)
    if "\\" in line:
        if "\\x" in line:
            line = _BYTES().sub(_octets, line)
        line = _ESCAPED().sub(_character, line)
    if "&" in line:
        line = _ENTITY().sub(lambda found: _ENTITIES[found[0]], line)
    return line


def plain_line(line: str) -> str:
    """Return one line of a paste without terminal decoration and escaping; header lines stay header lines."""
    line = line[:LONGEST_LINE]
    if not line.isascii():
        line = line.translate(_TYPESET)
    if "\x1b" in line:
        line = _ANSI().sub("", line)
    if line.strip("\t ") and not line[0].isalnum():
        if _RULE().match(line):
            return ""
        line = _LEFT().sub("", line, count=1)
        if line.rstrip()[-1:] in tuple(_RIGHT):
            line = line.rstrip(" \t" + _RIGHT)
    if line.rstrip().endswith("+"):
        line = _CONCAT_TAIL().sub(" ", line)
    return unescape(line)


@dataclass(frozen=True)
class Flat:
    """The paste as clean lines and as one text; ``line_of`` leads from an offset of the text back to a line."""

    lines: tuple[str, ...]
    first_line: int = 1
    """The number of ``lines[0]`` in the input."""
    numbers: tuple[int, ...] | None = None
    """Of each line, where they do not simply count on."""

    @cached_property
    def _starts(self) -> tuple[list[int], str]:
        starts, pieces, at = [], [], 0
        for line in self.lines:
            # One blank joins two lines: a wrap breaks at blanks far more often than inside a word.
            piece = " ".join(line.split()) + " "
            starts.append(at)
            if piece != " ":
                pieces.append(piece)
                at += len(piece)
        return starts, "".join(pieces)

    @cached_property
    def text(self) -> str:
        """All lines joined by single blanks."""
        return self._starts[1]

    @cached_property
    def lower(self) -> str:
        """``text`` in lower case, of the same length."""
        lowered = self.text.lower()
        # A few letters grow when lowered (İ); offsets must stay the same in both.
        return lowered if len(lowered) == len(self.text) else "".join(c.lower()[:1] or c for c in self.text)

    def line_of(self, offset: int) -> int:
        """Return the number (from 1) of the line that holds this offset of ``text``."""
        place = max(bisect_right(self._starts[0], offset) - 1, 0)
        return self.numbers[place] if self.numbers else self.first_line + place

    def part(self, first: int, last: int) -> "Flat":
        """Return the lines from one place to another."""
        numbers = self.numbers[first:last] if self.numbers else None
        return Flat(self.lines[first:last], self.first_line + first, numbers)


def flatten(text: str) -> Flat:
    """Return the paste without decoration and escaping."""
    return flat_of(text.splitlines())


def flat_of(rows: Sequence[str], numbers: tuple[int, ...] | None = None) -> Flat:
    """Return the rows of a paste without decoration and escaping; ``numbers``: where they do not simply count on."""
    return Flat(tuple(map(plain_line, rows)), numbers=numbers)
