"""One voice for every command: a report becomes a ``Page``, and a page is printed in one way.

Verdict first, in one line; then findings, tables, bars and charts, advice, sources. The same order, marks and widths
in every command. A page holds plain text only: markup in it is shown, never obeyed.
"""

import io
from collections.abc import Sequence
from enum import StrEnum
from typing import Literal, NamedTuple

from rich.box import ASCII2, SIMPLE_HEAD
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.padding import Padding
from rich.segment import Segment
from rich.table import Table as RichTable
from rich.text import Text

from ratecheck.model import Diagnosis, Severity, Source


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


def _bars(bars: Bars, style: Style) -> RenderableType:
    label_width = min(max((len(bar.label) for bar in bars.rows), default=0), style.width // 3)
    text_width = min(max((len(bar.text) for bar in bars.rows), default=0), style.width // 2)
    room = max(style.width - label_width - text_width - 6, 8)
    full, empty = ("█", "░") if style.unicode else ("#", ".")
    grid = RichTable.grid(padding=(0, 2, 0, 0))
    grid.add_column(width=label_width, overflow="fold")
    grid.add_column(width=room, no_wrap=True)
    grid.add_column(overflow="fold", justify="left")
    colours = {Tone.GOOD: "green", Tone.WARN: "yellow", Tone.BAD: "red", Tone.PLAIN: "cyan"}
    for bar in bars.rows:
        if bar.share is None:
            drawn = Text("?" * 1 + empty * (room - 1), style="dim")
        else:
            filled = round(min(max(bar.share, 0.0), 1.0) * room)
            # A share that is not zero is never drawn as nothing.
            filled = max(filled, 1) if bar.share > 0 else 0
            drawn = Text(full * filled, style=colours[bar.tone]) + Text(empty * (room - filled), style="dim")
        grid.add_row(Text(bar.label), drawn, Text(bar.text))
    return grid


# Below this the optional columns of a table go: what is left keeps its words whole.
_NARROW = 72


def _table(table: Table, style: Style) -> RenderableType:
    drawn = RichTable(box=SIMPLE_HEAD if style.unicode else ASCII2, pad_edge=False, show_edge=False, header_style="dim")
    shown = [index for index in range(len(table.columns)) if style.width >= _NARROW or index not in table.optional]
    for index in shown:
        right = index in table.right
        justify: Literal["right", "left"] = "right" if right else "left"
        drawn.add_column(
            Text(table.columns[index]), justify=justify, overflow="fold", no_wrap=right or index in table.whole
        )
    for row in table.rows:
        drawn.add_row(*(Text(row[index]) for index in shown))
    return drawn


class _AsIs:
    """Text that is neither wrapped nor cropped, so that it can be copied: the terminal folds it where it must."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield Segment(self.text + "\n")


def _block(block: Block, style: Style) -> RenderableType:
    match block:
        case Table():
            drawn: RenderableType = _table(block, style)
        case Bars():
            drawn = _bars(block, style)
        case Lines():
            text = "\n".join(block.lines) if block.wrap else "\n".join(f"  {line}".rstrip() for line in block.lines)
            drawn = Padding(Text(text), (0, 0, 0, 2)) if block.wrap else _AsIs(text)
        case LineChart():
            from ratecheck.render import charts  # plotext takes 150 ms to import: only where there is a chart

            drawn = Text.from_ansi(charts.draw(block, style), no_wrap=True, overflow="ignore")
    parts: list[RenderableType] = [Text(block.title, style="bold")] if block.title else []
    parts.append(drawn)
    if isinstance(block, Table) and block.note:
        parts.append(Text(block.note, style="dim"))
    return Group(*parts)


def _hanging(mark: str, text: Text, indent: int = 2) -> RenderableType:
    grid = RichTable.grid(padding=0)
    grid.add_column(width=indent, no_wrap=True)
    grid.add_column(overflow="fold")
    grid.add_row(Text(mark), text)
    return grid


def _diagnosis(diagnosis: Diagnosis, style: Style) -> RenderableType:
    mark, plain_mark, colour = _MARKS[diagnosis.severity]
    says = Text.assemble((diagnosis.code, colour), " ", diagnosis.says)
    parts: list[RenderableType] = [_hanging(mark if style.unicode else plain_mark, says)]
    if diagnosis.evidence:
        parts.append(Padding(Text("; ".join(diagnosis.evidence), style="dim"), (0, 0, 0, 8)))
    parts += [Padding(_hanging("→" if style.unicode else ">", Text(line)), (0, 0, 0, 8)) for line in diagnosis.advice]
    return Group(*parts)


def _renderables(page: Page, style: Style) -> list[RenderableType]:
    parts: list[RenderableType] = [Text(line, style="dim") for line in page.preface]
    parts.append(Text(page.verdict, style=_STYLES[page.tone]))
    if page.diagnoses:
        parts += ["", *(_diagnosis(each, style) for each in page.diagnoses)]
    for block in page.blocks:
        parts += ["", _block(block, style)]
    if page.advice:
        arrow = "→" if style.unicode else ">"
        parts += ["", Text("What to do", style="bold"), *(_hanging(arrow, Text(line)) for line in page.advice)]
    if page.diagnoses:
        parts += ["", Text(_more(page.diagnoses), style="dim")]
    if page.sources:
        parts += ["", Text(_sources(page.sources), style="dim")]
    return parts


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
    out = io.StringIO()
    console = Console(
        file=out,
        width=style.width,
        force_terminal=style.color,
        color_system="standard" if style.color else None,
        no_color=not style.color,
        legacy_windows=False,
        markup=False,
        emoji=False,
        highlight=False,
    )
    for part in _renderables(page, style):
        console.print(part, crop=False)
    text = out.getvalue()
    # Rich pads cells to the column's width; trailing blanks only make copied text ugly.
    lines = [line.rstrip() for line in text.split("\n")]
    text = "\n".join(lines)
    return text if style.unicode else text.translate(_ASCII).encode("ascii", "replace").decode("ascii")
