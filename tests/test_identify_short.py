"""What `identify` says where it may wait little, and where a search begins on a boundary: true or unknown."""

import pytest
from limiter_world import Truth, World, run
from probe_proof import SURE, wrong

from ratecheck.identify.findings import ProbeReport, report_of
from ratecheck.identify.plan import Budget


def investigate(truth: Truth, budget: Budget) -> ProbeReport:
    return report_of(run(World(truth, 1), budget))


@pytest.mark.parametrize("start_s", [1_000_022.0, 1_000_051.0, 1_000_071.5])
@pytest.mark.parametrize(("wait_s", "requests", "wall"), [(0.0, 30, False), (5.0, 90, True)])
def test_what_only_the_usual_speaks_for_is_not_found(start_s: float, wait_s: float, requests: int, wall: bool) -> None:
    """Before its boundary a counter of a minute states what a window of two or of a day would: neither is named."""
    truth = Truth("sliding_counter", 60, 60, headers=True, latency_s=0.01, start_s=start_s)
    budget = Budget(requests=requests, tokens=None, wait_s=wait_s, to_the_wall=wall)
    found = investigate(truth, budget).limiters[0]
    assert (found.algorithm, found.limit, found.window_s, found.burst) == ("unknown", 60, None, None)


@pytest.mark.parametrize("algorithm", ["fixed_window", "sliding_counter", "token_bucket"])
@pytest.mark.parametrize(("amount", "headers"), [(3, True), (20, True), (60, True), (3, False), (20, False)])
def test_little_waiting_makes_nothing_wrong(algorithm: str, amount: int, headers: bool) -> None:
    """With 5 s of waiting whatever is surely said of a minute's limit is true."""
    truth = Truth(algorithm, amount, 60, headers=headers, latency_s=0.01, start_s=1_000_051.0)
    budget = Budget(requests=90, tokens=None, wait_s=5.0, to_the_wall=True)
    found = investigate(truth, budget).limiters[0]
    assert found.confidence < SURE or not wrong(truth, found), found


def test_a_429_that_is_allowed_and_near_is_provoked() -> None:
    """60 are announced and 90 allowed: the 61st shows that they are enforced, though its end is not waited for."""
    budget = Budget(requests=90, tokens=None, wait_s=5.0, to_the_wall=True)
    truth = Truth("sliding_counter", 60, 60, headers=True, latency_s=0.01, start_s=1_000_022.0)
    report = investigate(truth, budget)
    assert [sight.admitted for sight in report.sights[:61]] == [True] * 60 + [False]


def test_a_search_that_begins_on_the_full_minute_finds_the_minute() -> None:
    """Whether the first request came before or after the boundary is not known: its reset fits all the same."""
    truth = Truth("fixed_window", 60, 60, headers=True, whole_seconds=True, latency_s=0.35, start_s=1_000_020.0)
    found = investigate(truth, Budget(tokens=None, to_the_wall=True)).limiters[0]
    assert (found.algorithm, found.window_s) == ("fixed_window", 60.0)
