"""One voice for every command: a report becomes a ``Page``, and a page is printed in one way.

Verdict first, in one line; then findings, tables, bars and charts, advice, sources. The same order, marks and widths
in every command. A page holds plain text only: markup in it is shown, never obeyed.
"""

from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import NamedTuple

from ratecheck.model import Diagnosis, Severity, Source
from ratecheck.render.words import hanging, painted, wrapped


class Tone(StrEnum):
    """The colour and the mark of a verdict."""

    GOOD = "good"
    WARN = "warn"
    BAD = "bad"
    PLAIN = "plain"


class Table(NamedTuple):
    """Cells of plain text. ``right`` names the columns (from 0) whose cells are numbers: they are never broken."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    title: str = ""
    right: frozenset[int] = frozenset()
    note: str = ""
    optional: frozenset[int] = frozenset()
    """Columns that a narrow screen goes without."""
    whole: frozenset[int] = frozenset()
    """Columns whose cells are names: broken only where nothing else can give way."""


class Bar(NamedTuple):
    """A labelled share: ``share`` is 0..1 or ``None`` for unknown, ``text`` says it in numbers."""

    label: str
    share: float | None
    text: str
    tone: Tone = Tone.PLAIN


class Bars(NamedTuple):
    """Horizontal bars over one scale."""

    rows: tuple[Bar, ...]
    title: str = ""


class Series(NamedTuple):
    """Points of one line or, with ``scatter``, of one kind of mark."""

    name: str
    points: tuple[tuple[float, float], ...]
    scatter: bool = False
    step: bool = False
    """Draw level until the next point, as a counter moves."""
    tone: Tone = Tone.PLAIN


class LineChart(NamedTuple):
    """A chart over an axis of numbers (time, mostly)."""

    series: tuple[Series, ...]
    title: str = ""
    x_label: str = "seconds"
    y_label: str = ""
    height: int = 12


class Lines(NamedTuple):
    """Lines as they are: code to copy, a request to look at; with ``wrap``, sentences."""

    lines: tuple[str, ...]
    title: str = ""
    wrap: bool = False


Block = Table | Bars | LineChart | Lines


class Page(NamedTuple):
    """All that one command has to say."""

    verdict: str
    tone: Tone = Tone.PLAIN
    diagnoses: tuple[Diagnosis, ...] = ()
    blocks: tuple[Block, ...] = ()
    advice: tuple[str, ...] = ()
    sources: tuple[Source, ...] = ()
    preface: tuple[str, ...] = ()
    """Lines that must stand before the verdict ("these are not your numbers")."""


class Style(NamedTuple):
    """What the terminal can show; decided once by the command line."""

    width: int = 80
    color: bool = False
    unicode: bool = True


# What our own sentences hold beyond ASCII, for a terminal that has no more than that; other text becomes "?".
_ASCII = str.maketrans({
    "…": "...", "→": "->", "±": "+-", "≥": ">=", "≤": "<=", "×": "x", "µ": "u", "·": "-", "–": "-", "“": '"', "”": '"',
})  # fmt: skip

_STYLES = {Tone.GOOD: "bold green", Tone.WARN: "bold yellow", Tone.BAD: "bold red", Tone.PLAIN: "bold"}
_MARKS = {Severity.BAD: ("✗", "x", "red"), Severity.WARN: ("!", "!", "yellow"), Severity.NOTE: ("·", "-", "cyan")}
# Evidence and advice of a diagnosis stand below its first word.
_DEEP = 8


def _block(block: Block, style: Style) -> list[str]:
    lines = [painted(line, "bold", style.color) for line in wrapped(block.title, style.width)] if block.title else []
    if isinstance(block, Lines):
        said = block.lines
        if block.wrap:
            said = tuple(line for sentence in said for line in wrapped(sentence, max(style.width - 2, 8)))
        # Code to copy is neither wrapped nor cropped: the terminal folds it where it must.
        return [*lines, *(f"  {line}" for line in said)]
    from ratecheck.render import grids  # rich takes 30 ms to import, and a plain answer has no table

    lines += grids.drawn(block, style)
    if isinstance(block, Table) and block.note:
        lines += [painted(line, "dim", style.color) for line in wrapped(block.note, style.width)]
    return lines


def _diagnosis(diagnosis: Diagnosis, style: Style) -> list[str]:
    mark, plain_mark, colour = _MARKS[diagnosis.severity]
    lines = hanging(mark if style.unicode else plain_mark, f"{diagnosis.code} {diagnosis.says}", style.width)
    lines[0] = lines[0].replace(diagnosis.code, painted(diagnosis.code, colour, style.color), 1)
    room = max(style.width - _DEEP, 8)
    evidence = wrapped("; ".join(diagnosis.evidence), room) if diagnosis.evidence else []
    lines += [" " * _DEEP + painted(line, "dim", style.color) for line in evidence]
    return lines + [line for advice in diagnosis.advice for line in _advice(advice, style, _DEEP)]


def _advice(line: str, style: Style, indent: int = 0) -> list[str]:
    return hanging("→" if style.unicode else ">", line, style.width, indent)


def _lines(page: Page, style: Style) -> Iterator[str]:
    def said(text: str, look: str) -> Iterator[str]:
        return (painted(line, look, style.color) for line in wrapped(text, style.width))

    for text in page.preface:
        yield from said(text, "dim")
    yield from said(page.verdict, _STYLES[page.tone])
    if page.diagnoses:
        yield ""
        for diagnosis in page.diagnoses:
            yield from _diagnosis(diagnosis, style)
    for block in page.blocks:
        yield ""
        yield from _block(block, style)
    if page.advice:
        yield ""
        yield from said("What to do", "bold")
        for text in page.advice:
            yield from _advice(text, style)
    if page.diagnoses:
        yield ""
        yield from said(_more(page.diagnoses), "dim")
    if page.sources:
        yield ""
        yield from said(_sources(page.sources), "dim")


def _more(diagnoses: Sequence[Diagnosis]) -> str:
    """Point at the reference once, for any of the codes above."""
    codes = list(dict.fromkeys(each.code for each in diagnoses))
    return f"`ratecheck explain {codes[0]}` says more" + (", so for each code." if len(codes) > 1 else ".")


def _sources(sources: Sequence[Source]) -> str:
    said = dict.fromkeys(
        f"{source.url} ({source.date}{'' if source.verified else ', unverified'})" for source in sources
    )
    return "Sources: " + "; ".join(said)


def render(page: Page, style: Style) -> str:
    """Return the page as text of ``style.width`` columns, ending in a line break; no colour codes without colour."""
    # Cells are padded to their column's width; trailing blanks only make copied text ugly.
    text = "".join(f"{line.rstrip()}\n" for line in _lines(page, style))
    return text if style.unicode else text.translate(_ASCII).encode("ascii", "replace").decode("ascii")
