"""Laws of reading and writing headers: nothing raises, time is linear, and what is written is read back."""

import math
import time
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ratecheck.dialects import ALL, Dialect, Level, read_limits, write_limits
from ratecheck.dialects.rules import Grammar, HeaderRule, Means, Refill
from ratecheck.dialects.windows import infer_window_s, raw_window_s, unit_of_reset, until_passes_s
from ratecheck.durations import NS_PER_S
from ratecheck.model import Dimension

KNOWN = sorted({rule.header for row in ALL.values() for rule in row.headers})
PARTS = ["x", "ratelimit", "rate", "limit", "remaining", "reset", "used", "tokens", "requests", "minute", "day", "10",
         "second", "retry", "after", "policy", "llm_provider", "window", "cost", "rpm"]  # fmt: skip
names = st.one_of(
    st.sampled_from(KNOWN), st.text(max_size=60), st.lists(st.sampled_from(PARTS), max_size=6).map("-".join)
)
NASTY = ["nan", "inf", "-inf", "1e999", "-1", "-0", "9" * 400, "0" * 5000, "٣", "1_000", "0x10", "1.", ".5", "+5",
         "Thu, 01 Jan 1970 00:00:01 GMT", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "Mon, 99 Foo 20 25:61:61",
         '"' * 3000, "," * 3000, ";q=;w=;", '"a";q=1e99;w=-1', "100;w=nan", "1" * 16 + "ms", "99999999999h",
         "\x1b[31m5"]  # fmt: skip
values = st.one_of(
    st.text(max_size=80), st.sampled_from(NASTY), st.integers().map(str), st.floats().map(str),
    st.datetimes().map(datetime.isoformat),
)  # fmt: skip
instants = st.none() | st.datetimes(datetime(1, 1, 2), datetime(9998, 1, 1), timezones=st.just(UTC) | st.none())


@given(st.lists(st.tuples(names, values), max_size=25), st.none() | st.sampled_from([*ALL, "unknown", "?"]), instants)
@settings(max_examples=400, deadline=None)
def test_no_header_makes_the_reader_raise(
    headers: list[tuple[str, str]], provider: str | None, now: datetime | None
) -> None:
    """Whatever names and values arrive, a reading comes out whose numbers are finite and not negative."""
    reading = read_limits(headers, provider=provider, now=now)
    for limit in reading.limits:
        assert limit.limit is None or limit.limit >= 0
        assert limit.remaining is None or limit.remaining >= 0
        for seconds in (limit.reset_s, limit.window_s):
            assert seconds is None or (math.isfinite(seconds) and seconds >= 0)
    assert reading.retry_after_s is None or 0 <= reading.retry_after_s < math.inf
    assert set(reading.headers) <= {name.strip() for name, _ in headers} | {name for name, _ in headers}


def seconds_for(headers: list[tuple[str, str]]) -> float:
    started = time.process_time()
    read_limits(headers)
    return time.process_time() - started


@pytest.mark.parametrize(
    "header",
    [
        lambda n: (f"x-acme{n}-limit-tokens-minute", str(n)),
        lambda n: ("ratelimit-policy", f'"p{n}";q={n};w=60, ' * 3),
        lambda n: ("x-ratelimit-limit-requests", str(n)),
        lambda n: (f"x-ratelimit-limit-tokens-{n}", f"{n}, {n};w=60"),
        lambda n: (f"x-rate-limit-{n}", '"' * 50),
        lambda n: (f"llm_provider-x-ratelimit-remaining-{n}", str(n)),
    ],
    ids=["own names", "policies", "one name", "lists", "quotes", "copies"],
)
def test_time_is_linear_in_the_number_of_headers(header) -> None:  # type: ignore[no-untyped-def]  # a lambda a case
    """Ten thousand headers take about ten times as long as a thousand; a quadratic reader would take a hundred."""
    small = min(seconds_for([header(n) for n in range(1_000)]) for _ in range(3))
    large = min(seconds_for([header(n) for n in range(10_000)]) for _ in range(3))
    assert large < 30 * max(small, 0.005)


@pytest.mark.parametrize("name", ["x-" * 50_000 + "limit", "x-ratelimit-limit-" + "requests-" * 20_000])
def test_a_huge_name_or_value_costs_no_more_than_its_length(name: str) -> None:
    """A megabyte in one header is read, or left, at once."""
    started = time.process_time()
    read_limits([(name, "5"), ("ratelimit", '"a' * 300_000), ("x-ratelimit-limit-requests", "9" * 1_000_000)])
    assert time.process_time() - started < 1


# -- the round trip -----------------------------------------------------------------------------------------------

WRITING = [row for row in ALL.values() if any(rule.written and rule.means is Means.REMAINING for rule in row.headers)
           or any(rule.means is Means.STATE for rule in row.headers)]  # fmt: skip
NOW = datetime(2026, 7, 4, 21, 5, 9, tzinfo=UTC)


@st.composite
def levels_of(draw: st.DrawFn, dialect: Dialect) -> list[Level]:
    """Levels such as a bucket has: the time until full is proportional to what is used."""
    found = []
    counted = [Dimension.REQUESTS, Dimension.TOKENS, Dimension.INPUT_TOKENS, Dimension.OUTPUT_TOKENS, Dimension.IMAGES]
    for dimension in draw(st.lists(st.sampled_from(counted), min_size=1, max_size=5, unique=True)):
        windows = sorted({rule.window_s for rule in dialect.headers if rule.dimension is dimension and rule.window_s})
        window_s = draw(st.sampled_from(windows or [60.0, 86_400.0]))
        limit = draw(st.integers(1, 50_000_000))
        remaining = draw(st.integers(0, limit))
        full_in_ns = (limit - remaining) * int(window_s) * NS_PER_S // limit
        found.append(Level(dimension, window_s, limit, remaining, full_in_ns))
    return found


def rules_of(dialect: Dialect, level: Level, means: Means) -> list[HeaderRule]:
    return [rule for rule in dialect.headers if rule.written and rule.means is means
            and rule.dimension is level.dimension and rule.window_s in (None, level.window_s)]  # fmt: skip


@pytest.mark.parametrize("dialect", WRITING, ids=lambda row: row.name)
@given(data=st.data(), wait_ns=st.none() | st.integers(0, 10**13))
@settings(max_examples=40, deadline=None)
def test_what_a_dialect_writes_is_read_back(dialect: Dialect, data: st.DataObject, wait_ns: int | None) -> None:
    """Levels come back with every number, up to the rounding that the provider's own grammar does."""
    levels = data.draw(levels_of(dialect))
    headers = write_limits(dialect, levels, now=NOW, retry_after_ns=wait_ns)
    reading = read_limits(headers, provider=dialect.name, now=NOW)
    assert reading.unknown == ()
    assert reading.provider == dialect.name
    lists = any(rule.means is Means.STATE for rule in dialect.headers)
    for level in levels:
        shown = [rule for means in (Means.LIMIT, Means.REMAINING) for rule in rules_of(dialect, level, means)]
        if not shown and not lists:
            continue  # the provider has no header for it
        limit = next(one for one in reading.limits if one.dimension is level.dimension)
        rounded_to = max((rule.rounded_to for rule in shown), default=1)
        if lists or any(rule.means is Means.LIMIT for rule in shown):
            assert limit.limit == level.limit
        if lists or any(rule.means is Means.REMAINING for rule in shown):
            assert limit.remaining is not None
            assert abs(limit.remaining - level.remaining) <= rounded_to / 2
        if limit.window_s is not None:
            assert limit.window_s == level.window_s
        resets = [rule for rule in dialect.headers if rule.means is Means.RESET and rule.dimension is level.dimension]
        if limit.reset_s is not None and resets:
            coarse = {Grammar.GO_DURATION: 0.001, Grammar.MILLISECONDS_OR_SECONDS: 0.001, Grammar.SECONDS: 1e-6,
                      Grammar.EPOCH_MILLISECONDS: 0.001}.get(resets[0].grammar, 1.0)  # fmt: skip
            assert abs(limit.reset_s - level.full_in_ns / NS_PER_S) <= coarse + 1e-9
    if wait_ns is not None:
        assert reading.retry_after_s is not None
        assert 0 <= reading.retry_after_s - wait_ns / NS_PER_S <= 1


@pytest.mark.parametrize("name", ["openai", "groq", "azure"])
@given(
    limit=st.integers(1, 10_000_000), share=st.floats(0.001, 1), window_s=st.sampled_from([60.0, 86_400.0]),
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_a_bucket_tells_its_own_window(name: str, limit: int, share: float, window_s: float) -> None:
    """Whatever the limit and whatever is used: the reset that a bucket writes proves its window, or none is claimed."""
    used = max(round(limit * share), 1)
    full_in_ns = used * int(window_s) * NS_PER_S // limit
    assume(full_in_ns >= 4_000_000)
    dialect = ALL[name]
    window = {"groq": 86_400.0, "azure": 60.0}.get(name, window_s)
    assume(window == window_s)
    level = Level(Dimension.REQUESTS, window_s, limit, limit - used, full_in_ns)
    (reading,) = read_limits(write_limits(dialect, [level], now=NOW), provider=name).limits
    assert reading.window_s == window_s
    assert reading.reset_s == pytest.approx(full_in_ns / NS_PER_S, abs=0.001)


# -- arithmetic ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limit", "remaining", "reset_s", "expected"),
    [
        (10_000, 9_999, 8.64, 86_400.0),
        (10_000, 9_999, 6.5, 86_400.0),  # partly refilled, as recorded
        (10_000, 9_999, 0.006, 60.0),
        (14_400, 14_397, 17.4, 86_400.0),
        (600, 599, 0.1, 60.0),
        (60, 59, 0.999, 60.0),
        (3, 0, 60.0, 60.0),
        (20, 10, 0.5, 1.0),
        (20, 10, 5.0, 10.0),
        (900, 450, 1800.0, 3600.0),
        (100, 100, 5.0, None),  # nothing used: a reset says nothing
        (100, 90, 0.0039, None),  # fewer than four roundings
        (100, 90, 0.0, None),
        (0, 0, 5.0, None),
        (100, 150, 5.0, None),
        (100, 50, 100.0, None),  # 200 s is no window that anybody has
    ],
)
def test_the_window_follows_from_the_reset(limit: int, remaining: int, reset_s: float, expected: float | None) -> None:
    """reset x limit / used, snapped to what providers count over; None where that proves nothing."""
    assert infer_window_s(limit=limit, remaining=remaining, reset_s=reset_s, resolution_s=0.001) == expected


def test_the_raw_window_is_the_plain_quotient() -> None:
    """What is shown where the arithmetic contradicts the documentation."""
    assert raw_window_s(limit=18_000, remaining=17_997, reset_s=7.66) == pytest.approx(45_960)
    assert raw_window_s(limit=18_000, remaining=18_000, reset_s=7.66) is None


@pytest.mark.parametrize(
    ("number", "limit", "remaining", "expected"),
    [(500, 120, 119, 0.001), (7, 120_000, 119_986, 0.001), (1, 50, 49, 1.0), (1, 250, 249, 1.0), (0, 250, 249, None),
     (5, 250, 250, None), (60_000, 10, 0, 0.001), (60, 10, 0, 1.0), (59, 10, 0, 1.0)],
)  # fmt: skip
def test_the_unit_of_a_bare_reset_follows_from_the_use(
    number: float, limit: int, remaining: int, expected: float | None
) -> None:
    """Milliseconds or seconds, whichever comes nearer to the time until full; None where both are zero."""
    assert unit_of_reset(number, limit=limit, remaining=remaining, window_s=60) == expected


@given(limit=st.integers(1, 10**7), share=st.floats(0, 1), seconds=st.booleans())
def test_the_unit_is_right_for_every_bucket(limit: int, share: float, seconds: bool) -> None:
    """Floored seconds or floored milliseconds: whatever is used, the right unit is found, or none where it reads 0."""
    used = round(limit * share)
    expected_s = used / limit * 60
    written = math.floor(expected_s if seconds else expected_s * 1000)
    unit = unit_of_reset(written, limit=limit, remaining=limit - used, window_s=60)
    assert unit == (None if written == 0 else 1.0 if seconds else 0.001)


def test_a_request_passes_before_the_limit_is_full() -> None:
    """The published Groq refusal: 15000 a minute, 11972 used, 4351 asked: 5.289 s, as its message says."""
    wait_s = until_passes_s(limit=15_000, used=11_972, window_s=60, cost=4_351)
    assert wait_s == pytest.approx(5.292)
    assert until_passes_s(limit=15_000, used=100, window_s=60, cost=4_351) == 0
    assert until_passes_s(limit=15_000, used=0, window_s=60, cost=15_000) == 0
    assert until_passes_s(limit=15_000, used=0, window_s=60, cost=15_001) is None
    assert until_passes_s(limit=0, used=0, window_s=60, cost=0) is None


@given(st.integers(1, 10**7), st.floats(0, 1), st.integers(0, 10**7), st.sampled_from([1.0, 60.0, 86_400.0]))
def test_waiting_that_long_frees_exactly_the_cost(limit: int, share: float, cost: int, window_s: float) -> None:
    """After the wait the refill has made room for the cost, and no later than the reset of a full wait."""
    used = share * limit
    wait_s = until_passes_s(limit=limit, used=used, window_s=window_s, cost=cost)
    assert (wait_s is None) == (cost > limit)
    if wait_s is not None:
        assert used - wait_s * limit / window_s + cost <= limit * (1 + 1e-9)
        assert wait_s <= used / limit * window_s * (1 + 1e-9) + 1e-9


def test_refill_decides_whether_arithmetic_is_believed() -> None:
    """A fixed window's reset is its end, not the time until full: no window is computed from it."""
    fixed = {row.name for row in ALL.values() if any(rule.refill is Refill.FIXED for rule in row.headers)}
    assert {"together", "replicate", "openrouter"} <= fixed
    headers = [("x-ratelimit-limit", "10"), ("x-ratelimit-remaining", "5"), ("x-ratelimit-reset", "30")]
    for name in ("replicate", "openrouter", None):
        assert read_limits(headers, provider=name, now=NOW + timedelta(seconds=1)).limits[0].window_s is None
