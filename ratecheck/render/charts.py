"""Charts in a terminal: the only file that imports plotext.

plotext keeps one figure for the whole process; it is cleared before and after each drawing, and only text leaves here.
"""

import math
import sys
from collections.abc import Mapping
from types import ModuleType
from typing import Any

from ratecheck.render.page import LineChart, Series, Style, Tone

# What plotext 6.1 imports beside what draws: its manual, which is laid out whole at every start, and its own tests. Two
# thirds of the 150 ms that it takes, and nothing here asks for either. By module, the name that is taken from it.
_NOT_DRAWN_WITH = {"plotext._doc.doc": "docs", "plotext._tests.run": "test"}


def _plotext(left_out: Mapping[str, str] = _NOT_DRAWN_WITH) -> Any:
    """Import plotext without some of its modules; whole where a release wants more of them than one name."""
    for module, name in left_out.items():
        stand_in = ModuleType(module)
        setattr(stand_in, name, None)
        sys.modules[module] = stand_in
    try:
        import plotext
    except ImportError:
        for module in [each for each in sys.modules if each.partition(".")[0] == "plotext"]:
            del sys.modules[module]
        import plotext
    return plotext


plotext = _plotext()

Point = tuple[float, float]

_TO_ASCII = str.maketrans("┌┐└┘├┤┬┴┼─│", "+++++++++-|")
_COLOURS = {Tone.GOOD: "green", Tone.WARN: "orange", Tone.BAD: "red", Tone.PLAIN: "cyan"}

# Below this a chart says less than the table above it.
_NARROWEST = 30

# A number along the axis takes so much room, with what sets it apart from the next.
_TICK_WIDTH = 10
_TICK_LINES = 3
# What is larger was a lie of a server's; plotext ends the process at an infinite span.
_BEYOND = 1e15

# Braille has two dots beside each other.
_DOTS = 2

_PLAIN_MARKS = "*+o#@%"


def _within(series: Series) -> Series:
    points = tuple((x, y) for x, y in series.points if abs(x) < _BEYOND and abs(y) < _BEYOND)  # false for nan as well
    return series._replace(points=points)


def _steps(points: tuple[Point, ...]) -> list[Point]:
    drawn: list[Point] = []
    for x, y in points:
        if drawn:
            drawn.append((x, drawn[-1][1]))
        drawn.append((x, y))
    return drawn


def _thinned(points: list[Point], columns: int) -> list[Point]:
    """Return of each column the first, the lowest, the highest and the last point, where there are more than that.

    They draw the same line, and plotext takes 20 us for each point: seconds for the minutes of a month.
    """
    left, right = min(x for x, _ in points), max(x for x, _ in points)
    if len(points) <= 4 * columns or left == right:
        return points
    kept: dict[int, tuple[int, int, int, int]] = {}
    for index, (x, y) in enumerate(points):
        column = int((x - left) / (right - left) * columns)
        first, low, high, _ = kept.get(column, (index, index, index, index))
        kept[column] = (first, index if y < points[low][1] else low, index if y > points[high][1] else high, index)
    return [points[index] for index in sorted({index for four in kept.values() for index in four})]


def _ticks(values: list[float], most: int) -> tuple[list[float], list[str]]:
    """Return where an axis says what it shows, at round numbers only, and their labels; whole ones for whole values."""
    low, high = min(values), max(values)
    if high - low <= max(1e-9 * max(abs(low), abs(high)), 1e-9):  # one value, as far as a label can tell
        return [low], [f"{low:,.6g}"]
    least = (high - low) / most
    magnitude = 10.0 ** math.floor(math.log10(least))
    step = next(step for step in (magnitude, 2 * magnitude, 5 * magnitude, 10 * magnitude) if step >= least * 0.999)
    if all(value.is_integer() for value in map(float, values)):
        step = max(step, 1.0)
    decimals = max(-math.floor(math.log10(step)), 0)
    ticks = [number * step for number in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]
    return ticks, [f"{tick:,.{decimals}f}" for tick in ticks]


def _markers(chart: LineChart, style: Style) -> list[str]:
    """Return a mark for each series: what colour cannot tell apart, the marks do."""
    lines = [series for series in chart.series if not series.scatter]
    told_by_colour = style.color and len({series.tone for series in lines}) == len(lines)
    if len(lines) == 1 or told_by_colour:
        line_marks = ["braille" if style.unicode else "."] * len(lines)
    else:
        line_marks = [_PLAIN_MARKS[index % len(_PLAIN_MARKS)] for index in range(len(lines))]
    left = iter(line_marks)
    return ["x" if series.scatter else next(left) for series in chart.series]


def draw(chart: LineChart, style: Style) -> str:
    """Return the chart as lines of text no wider than ``style.width``; empty when there is no point to draw.

    The legend is a line of its own above the canvas: inside, plotext lets it hide the curve.
    """
    width = min(style.width, 120)
    chart = chart._replace(series=tuple(map(_within, chart.series)))
    if width < _NARROWEST or not any(series.points for series in chart.series):
        return ""
    figure = plotext.figure
    figure.clear()
    legend = []
    try:
        figure.theme("colorless")
        figure.plot_size(width, chart.height)
        for series, mark in zip(chart.series, _markers(chart, style), strict=True):
            if not series.points:
                continue
            points = _steps(series.points) if series.step else list(series.points)
            points = _thinned(points, _DOTS * width)
            colour = _COLOURS[series.tone] if style.color else "default"
            signal = figure.signal([x for x, _ in points], [y for _, y in points], marker=plotext.marker(mark, colour))
            if not series.scatter:
                signal.lines()
            figure.draw(signal)
            sign = {"braille": "━"}.get(mark, mark)
            legend.append(
                plotext.colorize(sign, colour).string() + f" {series.name}" if style.color else f"{sign} {series.name}"
            )
        across, upwards = zip(*(point for series in chart.series for point in series.points), strict=True)
        figure.ruler("x").ticks(*_ticks(list(across), width // _TICK_WIDTH))
        figure.ruler("y").ticks(*_ticks(list(upwards), chart.height // _TICK_LINES))
        figure.label(chart.x_label)
        if chart.y_label:
            figure.label(chart.y_label, axis="y")
        text = str(figure.build())
    finally:
        figure.clear()
    if not style.color:
        text = plotext.uncolorize(text)
    if not style.unicode:
        text = text.translate(_TO_ASCII)
    drawn = str(text.rstrip("\n"))
    return "   ".join(legend) + "\n" + drawn if len(legend) > 1 else drawn
