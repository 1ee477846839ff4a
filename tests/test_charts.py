"""Charts: round numbers along the axes, and no more of their library than draws them."""

import math
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratecheck.render import charts
from ratecheck.render.page import LineChart, Series, Style

DRAWN = """
import sys
from ratecheck.render import charts
from ratecheck.render.page import LineChart, Series
if sys.argv[1:]:
    for name in [name for name in sys.modules if name.startswith("plotext")]:
        del sys.modules[name]
    charts.plotext = charts._plotext({"plotext._primitives.pixel": "another name"})
print(charts.draw(LineChart((Series("a", ((0.0, 1.0), (5.0, 3.0))),)), charts.Style(60)))
print(*sys.modules, file=sys.stderr)
"""


def test_charts_are_drawn_without_the_manual_of_their_library() -> None:
    """plotext's manual is most of what it imports; where it cannot be left out, all is imported and drawn the same."""
    plain, whole = (
        subprocess.run([sys.executable, "-c", DRAWN, *how], capture_output=True, text=True, check=True)
        for how in ((), ("whole",))
    )
    assert "plotext._doc.types" not in plain.stderr.split()
    assert "plotext._doc.types" in whole.stderr.split()
    assert plain.stdout == whole.stdout
    assert "┤" in plain.stdout


_values = st.floats(-1e9, 1e9) | st.integers(-9, 10_000)


@given(st.lists(_values, min_size=1, max_size=9), st.integers(1, 12))
def test_an_axis_says_round_numbers(values: list[float], most: int) -> None:
    """One, two or five of a power of ten apart, within what is shown, few, no label twice; whole for whole values."""
    ticks, labels = charts._ticks(values, most)
    assert len(ticks) == len(labels) == len(set(labels)) <= most + 1
    reach = max(map(abs, values)) * 1e-6
    assert all(min(values) - reach <= tick <= max(values) + reach for tick in ticks)
    if len(ticks) > 1:
        assert f"{ticks[1] - ticks[0]:.3e}"[:5] in ("1.000", "2.000", "5.000")
    if all(float(value).is_integer() for value in values) and max(map(abs, values)) < 1e6:
        assert all(tick == round(tick) for tick in ticks)


@pytest.mark.parametrize(
    "points",
    [
        ((0.0, 1.0), (1.0, math.inf)), ((0.0, 1e308), (5.0, -1e308), (9.0, 1.0)), ((0.0, math.nan), (1.0, 2.0)),
        ((0.0, 5e-324), (1.0, 0.0)), ((math.inf, 1.0), (2.0, 2.0)), ((0.0, 1e14), (1.0, -1e14)), ((1.0, 1.0),),
    ],
)  # fmt: skip
def test_any_numbers_are_drawn_or_left_out(points: tuple[tuple[float, float], ...]) -> None:
    """What a server says may be infinite or no number at all: the rest is drawn."""
    assert charts.draw(LineChart((Series("a", points),)), Style(60))


def test_a_month_of_minutes_looks_as_it_would_whole() -> None:
    """More points than columns: peaks, valleys, ends and order stay, and there are few."""
    points = [(float(minute), float(minute % 97 == 0) * minute) for minute in range(43_200)]
    thin = charts._thinned(points, 200)
    assert len(thin) <= 804
    assert thin == sorted(thin)
    assert {max(thin, key=lambda point: point[1]), points[0]} <= set(thin)
    assert max(y for _, y in thin) == max(y for _, y in points)
    assert charts._thinned(points[:800], 200) == points[:800]
    wave = tuple((float(minute), math.sin(minute / 7_000)) for minute in range(43_200))
    thinned = charts.draw(LineChart((Series("a", wave),)), Style(60))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(charts, "_thinned", lambda points, columns: points)
        whole = charts.draw(LineChart((Series("a", wave),)), Style(60))
    assert len(thinned) == len(whole)
    # A column of the canvas is not quite a column of dots: here and there a dot moves.
    assert sum(one != other for one, other in zip(thinned, whole, strict=True)) < len(whole) * 0.15


def test_a_chart_of_nothing_is_nothing() -> None:
    """No point that can be drawn, no canvas."""
    assert charts.draw(LineChart((Series("a", ((0.0, math.inf),)),)), Style(60)) == ""
