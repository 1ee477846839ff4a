"""When a server says that it passes again: quoted where no delay can be told from it, never made into one."""

import pytest

from ratecheck.decode import decode_text
from ratecheck.decode.explain import verdict
from ratecheck.model import Finding
from ratecheck.render.decode import document


def _only(text: str) -> Finding:
    (finding,) = decode_text(text).findings
    return finding


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("You've hit your limit · resets 6pm (Europe/Vienna)", "resets 6pm (Europe/Vienna)"),
        ("5-hour limit reached ∙ resets 3am", "resets 3am"),
        ("You've hit your usage limit. Try again at 7:30 PM (Europe/Berlin).", "Try again at 7:30 PM (Europe/Berlin)"),
        ("You've hit your limit · resets Mar 3 at 9am (UTC)", "resets Mar 3 at 9am (UTC)"),
        ("429 rate limit reached until 2026-12-01T00:00:00Z", "until 2026-12-01T00:00:00Z"),
        ('429 {"message": "rate limit", "reset": "2026-12-01T06:00:00Z"}', "reset: 2026-12-01T06:00:00Z"),
        ("429 您的限额将在 2026-12-02 06:30:00 重置。速率限制", "将在 2026-12-02 06:30:00 重置"),
        (
            "Claude AI usage limit reached|1796000400",
            "resets at 1796000400, which is 2026-11-30 01:00:00 UTC",
        ),
        (
            "HTTP/1.1 429\nanthropic-ratelimit-requests-limit: 4\nanthropic-ratelimit-requests-remaining: 0\n"
            "anthropic-ratelimit-requests-reset: 2026-12-01T00:00:00Z",
            "anthropic-ratelimit-requests-reset: 2026-12-01T00:00:00Z",
        ),
    ],
)
def test_what_the_server_says_is_quoted_and_no_wait_is_made_of_it(text: str, said: str) -> None:
    finding = _only(text)
    assert finding.resets == said
    assert finding.retry_after_s is None
    assert said in verdict(finding)
    assert any(said in line for line in finding.advice)


@pytest.mark.parametrize(
    "text",
    [
        "429 rate limit reached at 10:00:12",
        "2026-11-03 10:11:12 ERROR 429 Too Many Requests",
        "429 rate limit reached. Retrying at 10:30",
        "429 rate limit reached, next attempt at 10:31:05",
        "HTTP/1.1 429\nDate: Tue, 01 Dec 2026 00:00:00 GMT\nx-ratelimit-reset: 30\nx-ratelimit-remaining: 0",
    ],
)
def test_other_times_are_not_the_servers_word(text: str) -> None:
    """When it happened, and what a client plans, say nothing of when it passes."""
    assert _only(text).resets is None


def test_a_delay_in_seconds_needs_no_time_of_day() -> None:
    finding = _only("429 rate limit reached, retry after 30 seconds (resets 6pm)")
    assert (finding.retry_after_s, finding.resets) == (30.0, None)


def test_refusals_folded_into_one_quote_no_stale_time() -> None:
    """The first one's time of day is long past at the last one."""
    lines = [f"2026-11-03 1{hour}:00:00 ERROR You've hit your limit · resets {hour}pm" for hour in range(1, 4)]
    finding = _only("\n".join(lines))
    assert finding.count == 3
    assert "pm" not in verdict(finding)
    assert not any("pm" in line for line in finding.advice)


def test_money_that_comes_back_on_a_date_says_so() -> None:
    text = "You have reached your specified API usage limits. You will regain access on 2026-12-01 at 00:00 UTC."
    assert any("regain access on 2026-12-01 at 00:00 UTC" in line for line in _only(text).advice)


def test_the_json_keeps_to_its_contract() -> None:
    (finding,) = document(decode_text("You've hit your limit · resets 6pm"))["findings"]
    assert "resets" not in finding
    assert "resets 6pm" in " ".join(finding["advice"])


def test_control_characters_of_the_quote_are_neutralised() -> None:
    finding = _only("429 rate limit until 2026-12-01T00:00:00Z\x1b[31m\x07")
    assert finding.resets == "until 2026-12-01T00:00:00Z"
