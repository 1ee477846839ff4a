"""Durations and instants: every form that providers write, and nothing else."""

import math
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratecheck.durations import (
    NS_PER_S,
    format_go_duration,
    human_s,
    human_wait_s,
    parse_go_duration,
    parse_instant,
    parse_number,
)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0s", 0.0), ("6ms", 0.006), ("8.64s", 8.64), ("1m26.4s", 86.4), ("6m0s", 360.0), ("2m59.56s", 179.56),
        ("17.399999999s", 17.399999999), ("1h2m3s", 3723.0), ("1h12m0s", 4320.0), ("250µs", 0.00025), ("1d", 86400.0),
        ("", None), ("s", None), ("12", None), ("-1s", None), ("1e999s", None), ("6m0", None), ("nans", None),
        ("9" * 15 + "h", None),
    ],
)  # fmt: skip
def test_go_durations(text: str, seconds: float | None) -> None:
    """What Go's Duration.String writes is read; anything else is not a duration."""
    assert parse_go_duration(text) == (None if seconds is None else pytest.approx(seconds, rel=1e-12))


@given(st.integers(min_value=0, max_value=10 * 86_400_000))
def test_a_written_duration_is_read_back(milliseconds: int) -> None:
    """format and parse are inverse on whole milliseconds."""
    assert parse_go_duration(format_go_duration(milliseconds * 1_000_000)) == pytest.approx(
        milliseconds / 1000, abs=1e-9
    )


@pytest.mark.parametrize(
    ("text", "number"),
    [("500", 500.0), (" 30,000 ", 30000.0), ("2,000,000", 2e6), ("-1", -1.0), ("60.000000", 60.0), ("1e999", None),
     ("NaN", None), ("inf", None), ("", None), ("1,2", None), ("0x10", None), ("9" * 40, None)],
)  # fmt: skip
def test_numbers(text: str, number: float | None) -> None:
    """Plain decimals with thousands commas; never nan, infinity or an exponent."""
    assert parse_number(text) == number


INSTANT = datetime(2026, 11, 18, 10, 0, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    ["2026-11-18T10:00:05Z", "2026-11-18T11:00:05+01:00", "Wed, 18 Nov 2026 10:00:05 GMT",
     "Wed Nov 18 2026 10:00:05 GMT+0000 (Coordinated Universal Time)", "Wednesday, 18-Nov-26 10:00:05 GMT"],
)  # fmt: skip
def test_instants(text: str) -> None:
    """RFC 3339, HTTP dates and JavaScript date texts name the same instant."""
    assert parse_instant(text) == INSTANT


@given(st.text(max_size=100))
def test_any_text_is_an_instant_or_none(text: str) -> None:
    """No text raises."""
    assert parse_instant(text) is None or parse_instant(text).tzinfo is UTC  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0, "0 s"), (0.007, "7 ms"), (0.9996, "1 s"), (1.0, "1 s"), (1.44, "1.4 s"), (9.96, "10 s"), (59.4, "59 s"),
     (59.6, "1 min"), (60, "1 min"), (61, "1 min 1 s"), (3599, "59 min 59 s"), (3600, "1 h"), (11_100, "3 h 5 min"),
     (86_400, "1 day"), (200_000, "2 days 7 h"), (-2, "-2 s"), (float("nan"), "unknown")],
)  # fmt: skip
def test_durations_for_people(seconds: float, text: str) -> None:
    """Units people read, at most two of them."""
    assert human_s(seconds) == text


def test_a_second_is_a_billion_nanoseconds() -> None:
    """The one constant that everything else is built on."""
    assert NS_PER_S == 10**9


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0 s"), (0.0001, "1 ms"), (0.1201, "121 ms"), (0.9999, "1 s"), (1.349, "1.4 s"), (2.3, "2.3 s"),
        (9.95, "10 s"),
        (20, "20 s"), (20.000_000_1, "20 s"), (20.1, "21 s"), (59.2, "1 min"), (65.449, "1 min 6 s"), (3600, "1 h"),
        (3601, "1 h 1 min"), (86_400, "1 day"), (86_401, "1 day 1 h"), (math.inf, "unknown"),
    ],
)  # fmt: skip
def test_a_wait_is_rounded_up(seconds: float, said: str) -> None:
    """Who waits as long as is written never comes too early."""
    assert human_wait_s(seconds) == said
