"""Tables, bars and charts, drawn by rich: what has columns of its own."""

import io
from typing import Literal

from rich.box import ASCII2, SIMPLE_HEAD
from rich.console import Console, RenderableType
from rich.table import Table as RichTable
from rich.text import Text

from ratecheck.render.page import Bars, LineChart, Style, Table, Tone


def drawn(block: Table | Bars | LineChart, style: Style) -> list[str]:
    """Return the block's lines, without title and note."""
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
    console.print(_renderable(block, style), crop=False)
    return out.getvalue().removesuffix("\n").split("\n")


def _renderable(block: Table | Bars | LineChart, style: Style) -> RenderableType:
    match block:
        case Table():
            return _table(block, style)
        case Bars():
            return _bars(block, style)
        case LineChart():
            from ratecheck.render import charts  # plotext takes 150 ms to import: only where there is a chart

            return Text.from_ansi(charts.draw(block, style), no_wrap=True, overflow="ignore")


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
