"""Charts in a terminal: the only file that imports plotext.

plotext keeps one figure for the whole process; it is cleared before and after each drawing, and only text leaves here.
"""

import plotext

from ratecheck.render.page import LineChart, Series, Style, Tone

_TO_ASCII = str.maketrans("┌┐└┘├┤┬┴┼─│", "+++++++++-|")
_COLOURS = {Tone.GOOD: "green", Tone.WARN: "orange", Tone.BAD: "red", Tone.PLAIN: "cyan"}

# Below this a chart says less than the table above it.
_NARROWEST = 30


def _steps(points: tuple[tuple[float, float], ...]) -> list[tuple[float, float]]:
    drawn: list[tuple[float, float]] = []
    for x, y in points:
        if drawn:
            drawn.append((x, drawn[-1][1]))
        drawn.append((x, y))
    return drawn


def _marker(series: Series, style: Style) -> str:
    if series.scatter:
        return "x"
    return "braille" if style.unicode else "."


def draw(chart: LineChart, style: Style) -> str:
    """Return the chart as lines of text no wider than ``style.width``; empty when there is no point to draw."""
    width = min(style.width, 120)
    if width < _NARROWEST or not any(series.points for series in chart.series):
        return ""
    figure = plotext.figure
    figure.clear()
    try:
        figure.theme("colorless")
        figure.plot_size(width, chart.height)
        for series in chart.series:
            points = _steps(series.points) if series.step else list(series.points)
            if not points:
                continue
            marker = plotext.marker(_marker(series, style), _COLOURS[series.tone] if style.color else "default")
            signal = figure.signal([x for x, _ in points], [y for _, y in points], marker=marker)
            if not series.scatter:
                signal.lines()
            if len(chart.series) > 1:
                signal.label(series.name)
            figure.draw(signal)
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
    return str(text.rstrip("\n"))
