"""The grammar of ``--fault``, and which attempt meets what."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratecheck.errors import UsageError
from ratecheck.provider import faults


def kinds(fault: faults.Fault, attempts: int = 4) -> list[str]:
    return [str(o.status or o.kind) for o in (fault.outcome(attempt) for attempt in range(1, attempts + 1))]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("first=500,timeout", ["500", "timeout", "ok", "ok"]),
        ("always=500", ["500", "500", "500", "500"]),
        ("always=503,ok", ["503", "ok", "ok", "ok"]),
        ("0.05=drop", ["drop", "ok", "ok", "ok"]),
        ("1=429+retry-after:2,ok,502", ["429", "ok", "502", "ok"]),
    ],
)
def test_attempts_meet_the_list_in_order(text: str, expected: list[str]) -> None:
    """One outcome an attempt; under ``always`` the last repeats, otherwise the provider answers."""
    assert kinds(faults.parse(text)) == expected


def test_an_outcome_carries_what_an_answer_carries() -> None:
    """Headers and error codes ride on a status."""
    (outcome,) = faults.parse("always=429+retry-after-ms:200+x-should-retry:false+insufficient_quota").outcomes
    assert outcome == faults.Outcome(
        "status", 429, (("retry-after-ms", "200"), ("x-should-retry", "false")), "insufficient_quota"
    )


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("", "character|the end"), ("sometimes=500", "character 1"), ("first", "the end"), ("first=", "the end"),
        ("first=500,,", "character 11"), ("first=999", "character 7"), ("1.5=500", "character 1"),
        ("nan=500", "character 1"), ("always=429+retry-after", "the end"), ("always=429+cookie:x", "character 12"),
        ("always=drop+retry-after:1", "character 12"), ("always=429+retry-after:\n", "character 23"),
        ("first=500, timeout", "character 11"),
    ],
)  # fmt: skip
def test_a_wrong_fault_is_pointed_at(text: str, where: str) -> None:
    """The error names the character."""
    with pytest.raises(UsageError, match=where):
        faults.parse(text)


@given(st.text(max_size=40))
def test_any_text_is_a_fault_or_a_clear_error(text: str) -> None:
    """No text brings anything but a ``UsageError``."""
    try:
        parsed = bool(faults.parse(text).outcomes)
    except UsageError as error:
        parsed = "--fault" in error.message
    assert parsed


def test_who_is_met() -> None:
    """``first`` meets call 1 alone; a probability meets the draws below it."""
    first, rare = faults.parse("first=500"), faults.parse("0.25=500")
    assert [first.meets(number, 0.9) for number in (1, 2)] == [True, False]
    assert [rare.meets(7, u) for u in (0.0, 0.2499, 0.25, 0.9)] == [True, True, False, False]


def test_a_script_follows_each_call_apart() -> None:
    """Interleaved attempts of two calls each go through their own list; a call that is over may start anew."""
    script = faults.Script((faults.parse("0.5=500,503"),))
    met = [script.next(call, u) for call, u in [("a", 0.1), ("b", 0.4), ("a", 0.9), ("b", 0.9), ("a", 0.9), ("a", 0.9)]]
    assert [outcome.status for outcome in met] == [500, 500, 503, 503, None, None]


def test_a_script_does_not_grow_without_end() -> None:
    """Calls that never come back are forgotten, the oldest first."""
    script = faults.Script((faults.parse("always=500,501"),))
    for call in range(20_000):
        script.next(call, 0.0)
    assert len(script._running) == faults.Script._MOST_CALLS
    assert script.next(19_999, 0.0).status == 501


@pytest.mark.parametrize(
    ("what", "told_s"),
    [
        ("429+retry-after:61", 61.0), ("429+retry-after-ms:200", 0.2), ("503+retry-after:9+retry-after-ms:200", 0.2),
        ("429+retry-after:soon", None), ("429+retry-after:-3", None), ("500", None), ("drop", None), ("timeout", None),
    ],
)  # fmt: skip
def test_what_an_outcome_says_how_long_to_wait(what: str, told_s: float | None) -> None:
    """The number that its own headers hold, the finer one first; unknown where there is none."""
    assert faults.parse(f"first={what}").outcomes[0].told_s == told_s
