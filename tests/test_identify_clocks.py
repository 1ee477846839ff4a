"""Two clocks that differ: what resets as dates still tell, through real headers and in virtual time."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from limiter_world import Truth, World
from probe_proof import BUDGET, SURE, wrong

from ratecheck.durations import NS_PER_S
from ratecheck.identify import Investigation, ProbeReport, report_of, see
from ratecheck.model import Answer, Ask, Cost, Exchange

OURS = datetime(2031, 3, 4, 5, 6, 7, 250_000, tzinfo=UTC)


def investigate(truth: Truth, *, ahead_s: float, date: bool, epochs: bool = True) -> ProbeReport:
    """Probe a server whose clock is ``ahead_s`` ahead; resets are epoch seconds of its clock, or spans."""
    world = World(truth, 1)

    def now() -> datetime:
        return OURS + timedelta(seconds=world.now_ns / NS_PER_S)

    investigation = Investigation(BUDGET, lambda exchange, ask: see(exchange, ask, provider=None, now=now()))
    plan = investigation.plan()
    ask: Ask | None = next(plan)
    while ask is not None:
        sight = world.answer(ask)
        theirs = now() + timedelta(seconds=ahead_s)
        headers = [("date", format_datetime(theirs.replace(microsecond=0), usegmt=True))] if date else []
        for reading in sight.limits:
            reset_s = reading.reset_s or 0.0
            reset = f"{theirs.timestamp() + reset_s:.3f}" if epochs else f"{reset_s:.3f}s"
            headers += [
                ("x-ratelimit-limit-requests", str(reading.limit)),
                ("x-ratelimit-remaining-requests", str(reading.remaining)),
                ("x-ratelimit-reset-requests", reset),
            ]
        body = b"{}" if sight.status == 200 else b'{"error": {"message": "Rate limit reached for requests"}}'
        answer = Answer(sight.status, tuple(headers), body)
        try:
            ask = plan.send(Exchange(None, 1, sight.sent_ns, sight.answered_ns, Cost(), answer))
        except StopIteration:
            ask = None
    return report_of(investigation)


TRUTHS = [
    Truth("sliding_log", 100, 60, headers=True, start_s=1_000_017.3),
    Truth("fixed_window", 100, 60, headers=True, start_s=1_000_017.3),
    Truth("token_bucket", 40, 120, headers=True, start_s=1_000_017.3),
]


@pytest.mark.parametrize(
    ("truth", "ahead_s", "date"),
    [*((truth, 37.0, False) for truth in TRUTHS), (TRUTHS[0], -20.0, False), (TRUTHS[1], -20.0, True)],
)
def test_a_clock_that_is_off_makes_nobody_sure_of_a_wrong_window(truth: Truth, ahead_s: float, date: bool) -> None:
    """With a Date header the resets are read by it; without one only their change counts."""
    found = investigate(truth, ahead_s=ahead_s, date=date).limiters[0]
    assert found.confidence < SURE or not wrong(truth, found)


@pytest.mark.parametrize("truth", TRUTHS, ids=lambda truth: truth.algorithm)
def test_a_date_header_corrects_the_resets(truth: Truth) -> None:
    """37 seconds ahead, the limit comes out as it does with equal clocks, and the difference is said with its size."""
    report = investigate(truth, ahead_s=37.0, date=True)
    same = investigate(truth, ahead_s=0.0, date=True)
    assert report.limiters == same.limiters
    said = [each.says for each in report.diagnoses if each.code == "RC511"]
    assert len(said) == 1
    assert "37 s ahead of this computer's, by its Date header" in said[0]
    assert "RC511" not in {each.code for each in same.diagnoses}


def test_without_a_date_header_the_limit_itself_tells_the_clocks_apart() -> None:
    """A log of 60 s whose resets lie 97 s ahead: once the window was waited for, the other 37 s are the clock's."""
    report = investigate(TRUTHS[0], ahead_s=37.0, date=False)
    assert (report.limiters[0].algorithm, report.limiters[0].window_s) == ("sliding_log", 60.0)
    said = [each.says for each in report.diagnoses if each.code == "RC511"]
    assert len(said) == 1
    assert "37 s ahead" in said[0] or "36 s ahead" in said[0]


def test_spans_do_not_hang_on_the_clock() -> None:
    """A reset that is a span is as true as ever: the difference is a note, and nothing else changes."""
    report = investigate(TRUTHS[0], ahead_s=-90.0, date=True, epochs=False)
    assert (report.limiters[0].algorithm, report.limiters[0].window_s) == ("sliding_log", 60.0)
    assert [(each.code, each.severity.value) for each in report.diagnoses if each.code == "RC511"] == [
        ("RC511", "note")
    ]
