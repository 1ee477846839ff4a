"""What every limiter promises, and what sets each apart. All times are virtual and exact."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ratecheck import limiters
from ratecheck.durations import NS_PER_S
from ratecheck.errors import UsageError
from ratecheck.model import Dimension, Limit

MINUTE_NS = 60 * NS_PER_S
TIMED = [name for name in limiters.ALGORITHMS if name != "concurrency"]

# Small windows make every remainder matter; the last two are what providers have.
limits = st.builds(
    Limit,
    dimension=st.just(Dimension.TOKENS),
    amount=st.integers(1, 40),
    window_ns=st.sampled_from([1, 2, 3, 7, 60, 97, 10 * NS_PER_S, MINUTE_NS]),
    burst=st.one_of(st.none(), st.integers(1, 60)),
)


@st.composite
def scripts(draw: st.DrawFn, most: int = 30) -> tuple[str, Limit, list[tuple[int, int]]]:
    """Draw an algorithm, a limit and steps of (nanoseconds later, amount)."""
    limit = draw(limits)
    step = st.one_of(st.integers(0, 3), st.integers(0, 2 * limit.window_ns))
    steps = draw(st.lists(st.tuples(step, st.integers(1, limit.amount + 3)), max_size=most))
    return draw(st.sampled_from(TIMED)), limit, steps


def rpm(amount: int, algorithm: str = "token_bucket", burst: int | None = None) -> limiters.Limiter:
    return limiters.make(algorithm, Limit(Dimension.REQUESTS, amount, MINUTE_NS, burst))


@given(scripts())
@settings(max_examples=400)
def test_waiting_exactly_wait_ns_admits_and_one_nanosecond_less_does_not(script) -> None:
    """The wait is the wait: not a nanosecond short, not one too long."""
    algorithm, limit, steps = script
    limiter, now_ns = limiters.make(algorithm, limit), 0
    for later_ns, amount in steps:
        now_ns += later_ns
        verdict = limiter.take(amount, now_ns)
        if verdict.admitted or verdict.wait_ns is None:
            assert verdict.wait_ns == (0 if verdict.admitted else None)
            continue
        assert limiter.peek(amount, now_ns + verdict.wait_ns).admitted
        assert not limiter.peek(amount, now_ns + verdict.wait_ns - 1).admitted


@given(scripts())
def test_no_wait_means_never(script) -> None:
    """What has no wait is larger than the largest that passes, and only that."""
    algorithm, limit, steps = script
    limiter, now_ns = limiters.make(algorithm, limit), 0
    for later_ns, amount in steps:
        now_ns += later_ns
        verdict = limiter.take(amount, now_ns)
        assert (verdict.wait_ns is None) == (limiter.largest is not None and amount > limiter.largest)


@given(scripts(most=60))
@settings(max_examples=300)
def test_no_window_ever_holds_more_than_the_bound(script) -> None:
    """Between any two instants no more is admitted than ``most_in`` says for that span."""
    algorithm, limit, steps = script
    limiter, now_ns, admitted = limiters.make(algorithm, limit), 0, []
    for later_ns, amount in steps:
        now_ns += later_ns
        if limiter.take(amount, now_ns).admitted:
            admitted.append((now_ns, amount))
    largest = max((amount for _, amount in admitted), default=0)
    for first in range(len(admitted)):
        units = 0
        for at_ns, amount in admitted[first:]:
            units += amount
            most = limiter.most_in(at_ns - admitted[first][0] + 1, largest)
            assert most is not None
            assert units <= most


@given(scripts(), st.integers(0, 200), st.integers(1, 50))
def test_peek_changes_nothing(script, ahead_ns: int, amount: int) -> None:
    """A limiter that is looked at, also ahead of time, answers like its twin that nobody looks at."""
    algorithm, limit, steps = script
    looked_at, twin, now_ns = limiters.make(algorithm, limit), limiters.make(algorithm, limit), 0
    for later_ns, cost in steps:
        now_ns += later_ns
        looked_at.peek(amount, now_ns + ahead_ns)
        looked_at.level(now_ns + ahead_ns)
        assert looked_at.take(cost, now_ns) == twin.take(cost, now_ns)


@given(scripts())
def test_full_in_ns_is_when_all_is_there_again(script) -> None:
    """At ``full_in_ns`` the limiter is full, a nanosecond before it is not (a log and counters forget in one go)."""
    algorithm, limit, steps = script
    limiter, now_ns = limiters.make(algorithm, limit), 0
    full, _ = limiter.level(0)
    for later_ns, amount in steps:
        now_ns += later_ns
        verdict = limiter.take(amount, now_ns)
        assert limiter.level(now_ns + verdict.full_in_ns) == (full, 0)
        if verdict.full_in_ns:
            assert limiter.level(now_ns + verdict.full_in_ns - 1)[1] == 1


@given(scripts())
def test_what_is_given_back_at_once_was_never_taken(script) -> None:
    """Take and give back at the same instant leave no trace."""
    algorithm, limit, steps = script
    limiter, twin, now_ns = limiters.make(algorithm, limit), limiters.make(algorithm, limit), 0
    for later_ns, amount in steps:
        now_ns += later_ns
        if limiter.take(amount, now_ns).admitted:
            limiter.give_back(amount, now_ns, now_ns)
            assert limiter.level(now_ns) == twin.level(now_ns)
        limiter.take(1, now_ns)
        twin.take(1, now_ns)


@given(scripts(), st.integers(0, 300))
def test_giving_back_late_returns_nothing_twice(script, later_ns: int) -> None:
    """Whatever is returned late, the limiter never holds more than it does when full."""
    algorithm, limit, steps = script
    limiter, now_ns = limiters.make(algorithm, limit), 0
    full, _ = limiter.level(0)
    for step_ns, amount in steps:
        now_ns += step_ns
        if limiter.take(amount, now_ns).admitted:
            taken_ns, now_ns = now_ns, now_ns + later_ns
            limiter.give_back(amount, now_ns, taken_ns)
            assert limiter.level(now_ns)[0] <= full


@given(limits, st.lists(st.tuples(st.integers(0, 10**12), st.integers(1, 45)), max_size=40))
def test_a_bucket_equals_a_rational_number_reference(limit: Limit, steps: list[tuple[int, int]]) -> None:
    """Over any script the bucket's whole numbers say what exact fractions say."""
    bucket = limiters.make("token_bucket", limit)
    burst = Fraction(limit.amount if limit.burst is None else limit.burst)
    rate, level, now_ns = Fraction(limit.amount, limit.window_ns), burst, 0
    for later_ns, amount in steps:
        now_ns += later_ns
        level = min(burst, level + rate * later_ns)
        verdict = bucket.take(amount, now_ns)
        assert verdict.admitted == (amount <= level)
        if verdict.admitted:
            level -= amount
        elif verdict.wait_ns is not None:
            assert verdict.wait_ns - 1 < (amount - level) / rate <= verdict.wait_ns
        assert verdict.remaining == level // 1
        assert verdict.full_in_ns - 1 < (burst - level) / rate <= verdict.full_in_ns


@given(limits, st.lists(st.tuples(st.integers(0, 90), st.integers(1, 45), st.booleans()), max_size=150))
def test_a_sliding_log_equals_a_plain_list(limit: Limit, steps: list[tuple[int, int, bool]]) -> None:
    """The tree, its eviction and its returns answer like a list that is summed anew each time."""
    limit = limit._replace(window_ns=min(limit.window_ns, 97))
    log, plain, now_ns = limiters.make("sliding_log", limit), [], 0
    for later_ns, amount, returns in steps:
        now_ns += later_ns
        plain = [(at_ns, units) for at_ns, units in plain if now_ns - at_ns < limit.window_ns]
        used = sum(units for _, units in plain)
        verdict = log.take(amount, now_ns)
        assert verdict.admitted == (used + amount <= limit.amount)
        if verdict.admitted:
            plain.append((now_ns, amount))
            if returns and amount > 1:
                log.give_back(amount - 1, now_ns, now_ns)
                plain[-1] = (now_ns, 1)
        elif verdict.wait_ns is not None:
            ends = [at_ns + limit.window_ns for at_ns, units in plain for _ in range(units)]
            assert verdict.wait_ns == ends[used + amount - limit.amount - 1] - now_ns


def test_a_client_that_hammers_a_drained_bucket_never_gets_through() -> None:
    """OpenAI counts refused requests: three a minute, asked for every second, let three pass and no more."""
    bucket, passed = rpm(3), 0
    for second in range(120):
        verdict = bucket.take(1, second * NS_PER_S)
        passed += verdict.admitted
        if not verdict.admitted:
            bucket.drain(1, second * NS_PER_S)
    assert passed == 3
    # It makes no debt: left alone for the twenty seconds of one request, one passes.
    assert bucket.peek(1, 139 * NS_PER_S).admitted
    assert not bucket.peek(1, 139 * NS_PER_S - 1).admitted


def test_a_debt_is_paid_off_before_anything_passes() -> None:
    """Usage that turned out larger than the reservation is owed."""
    bucket = rpm(60)
    bucket.charge(90, 0)
    assert bucket.peek(1, 0).wait_ns == 31 * NS_PER_S
    assert bucket.level(0) == (0, 90 * NS_PER_S)


@pytest.mark.parametrize(
    ("algorithm", "second_wave_s", "passes"),
    [
        ("token_bucket", 60, 60), ("fixed_window", 1, 60), ("sliding_log", 60, 60), ("sliding_log", 59.999, 0),
        ("first_use_window", 60, 60), ("first_use_window", 59.999, 0),
        ("sliding_counter", 31, 30), ("gcra", 30, 1), ("leaky_bucket", 30.5, 31), ("azure_slices", 1, 10),
        ("azure_slices_1s", 1, 1),
    ],
)  # fmt: skip
def test_what_sets_the_algorithms_apart(algorithm: str, second_wave_s: float, passes: int) -> None:
    """60 a minute, a wave of 200 in the last instant of a full minute, another later: who lets how many pass."""
    limiter = rpm(60, algorithm)
    edge_ns = MINUTE_NS - 1
    for _ in range(200):
        limiter.take(1, edge_ns)
    again_ns = edge_ns + round(second_wave_s * NS_PER_S)
    assert sum(limiter.take(1, again_ns).admitted for _ in range(200)) == passes


def test_a_window_of_first_use_begins_with_a_request_and_ends_for_all_at_once() -> None:
    """One at 0 s and 59 at 30 s are all back at 60 s; the next window begins with the next request, not at 60 s."""
    limiter = rpm(60, "first_use_window")
    limiter.take(1, 0)
    limiter.take(59, 30 * NS_PER_S)
    assert limiter.peek(1, MINUTE_NS - 1).wait_ns == 1
    assert limiter.level(MINUTE_NS) == (60, 0)
    limiter.take(60, MINUTE_NS + 20 * NS_PER_S)
    assert limiter.peek(1, 2 * MINUTE_NS).wait_ns == 20 * NS_PER_S


def test_sixty_a_minute_may_be_enforced_as_one_a_second() -> None:
    """The quantised limiter refuses the second request within a second, whatever the minute still holds."""
    limiter = rpm(60, "quantised")
    assert limiter.take(1, 0).admitted
    assert limiter.take(1, 1).wait_ns == NS_PER_S - 1
    tokens = limiters.make("quantised", Limit(Dimension.TOKENS, 30_000, MINUTE_NS))
    assert tokens.take(600, 0).admitted, "larger than a second's share, and yet not refused for ever"
    assert tokens.peek(500, 0).wait_ns == 1_200_000_000
    assert tokens.peek(30_001, 0).wait_ns is None


def test_concurrency_is_freed_by_ends_alone() -> None:
    """No time frees a place and no refusal takes one."""
    limiter = limiters.make("concurrency", Limit(Dimension.CONCURRENCY, 2, NS_PER_S))
    assert [limiter.take(1, 0).admitted for _ in range(3)] == [True, True, False]
    assert limiter.peek(1, 10**15).wait_ns is None
    limiter.drain(1, 0)
    limiter.give_back(1, 5)
    assert limiter.take(1, 5).admitted


@pytest.mark.parametrize("algorithm", TIMED)
def test_time_that_goes_back_stands_still(algorithm: str) -> None:
    """A caller whose instants are out of order neither gains units nor waits for the past."""
    limiter = rpm(3, algorithm)
    for _ in range(4):
        limiter.take(1, 5 * MINUTE_NS)
    late = limiter.take(3, 4 * MINUTE_NS)
    assert not late.admitted
    assert late.wait_ns is None or limiter.peek(3, 4 * MINUTE_NS + late.wait_ns).admitted


def test_the_log_forgets_what_can_no_longer_matter() -> None:
    """A million refused requests that are charged leave a log of no more units than the limit."""
    log = limiters.SlidingLog(Limit(Dimension.REQUESTS, 100, MINUTE_NS))
    for tick in range(50_000):
        if not log.take(1, tick * 1000).admitted:
            log.drain(1, tick * 1000)
    assert len(log._times) <= 400


@pytest.mark.parametrize("limit", [Limit(Dimension.REQUESTS, -1, 1), Limit(Dimension.REQUESTS, 1, 0)])
def test_senseless_limits_are_refused(limit: Limit) -> None:
    """Negative amounts and empty windows are the user's mistake, told in words."""
    with pytest.raises(UsageError, match="makes no sense"):
        limiters.make("token_bucket", limit)
    with pytest.raises(UsageError, match="no limiter is called"):
        limiters.make("token-buckett", Limit(Dimension.REQUESTS, 1, 1))


def test_a_pacific_day_begins_at_eight_utc() -> None:
    """Gemini's requests a day are new at midnight Pacific standard time, however many were made at 07:59 UTC."""
    hour_ns = 3600 * NS_PER_S
    day = limiters.make("pacific_day", Limit(Dimension.REQUESTS, 2, 24 * hour_ns))
    assert [day.take(1, 7 * hour_ns).admitted for _ in range(3)] == [True, True, False]
    assert day.wait_ns(1, 7 * hour_ns) == hour_ns
    assert day.level(8 * hour_ns) == (2, 0)
    assert day.take(2, 8 * hour_ns).full_in_ns == 24 * hour_ns
    day.give_back(1, 9 * hour_ns, 7 * hour_ns)
    assert day.level(9 * hour_ns)[0] == 0, "what was taken yesterday does not come back today"
    day.give_back(1, 9 * hour_ns, 8 * hour_ns)
    assert day.level(9 * hour_ns)[0] == 1
