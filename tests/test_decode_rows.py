"""Rows that a terminal broke or a collector stamped are read as the text that they were; others are left alone."""

import json
import textwrap
from unittest.mock import patch

import pytest
from hypothesis import assume, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from ratecheck.decode import decode_text
from ratecheck.decode.rows import unstamped, unwrapped
from ratecheck.model import Finding

REFUSALS = (
    "openai.RateLimitError: Error code: 429 - {'error': {'message': 'Rate limit reached for gpt-4.1-mini in "
    "organization org-W4kq on tokens per min (TPM): Limit 200000, Used 187654, Requested 23456. Please try again in "
    "3.333s. Visit https://platform.openai.com/account/rate-limits to learn more.', 'type': 'tokens', 'param': None, "
    "'code': 'rate_limit_exceeded'}}",
    '{"error":{"code":429,"message":"You exceeded your current quota. Please retry in 41.25s.","status":'
    '"RESOURCE_EXHAUSTED","details":[{"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[{"quotaMetric":'
    '"generativelanguage.googleapis.com/generate_content_free_tier_requests","quotaId":'
    '"GenerateRequestsPerMinutePerProjectPerModel-FreeTier","quotaDimensions":{"location":"global","model":'
    '"gemini-2.5-flash"},"quotaValue":"10"}]},{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"41s"}]}}',
    "Rate limit reached for model `llama-3.3-70b-versatile` in organization `org_01q8wx` service tier `on_demand` on "
    "tokens per day (TPD): Limit 100000, Used 99321, Requested 2210. Please try again in 22m3.5s. Need more tokens? "
    "Upgrade to Dev Tier today at https://console.groq.com/settings/billing",
)


def rows(text: str, width: int) -> str:
    return "\n".join(line[at : at + width] for line in text.split("\n") for at in range(0, max(len(line), 1), width))


def known(found: Finding) -> tuple[object, ...]:
    return (
        found.category, found.provider, found.dimension, found.window_s, found.limit, found.used, found.requested,
        found.retry_after_s, found.model, found.scope,
    )  # fmt: skip


@given(text=st.sampled_from(REFUSALS), width=st.integers(48, 200))
@hypothesis_settings(max_examples=150, deadline=None)
def test_a_refusal_says_the_same_at_any_width(text: str, width: int) -> None:
    """Words, numbers and names that are broken over rows are whole again."""
    assume(len(text) > 2 * width)  # of two rows nobody can tell whether the first was full
    (alone,) = decode_text(text).findings
    found = decode_text(rows(text, width)).findings
    assert known(found[0]) == known(alone)


def test_a_number_that_is_broken_is_whole_again() -> None:
    """Even of two rows: a number seldom ends where a full line does, with another one on the next."""
    text = REFUSALS[2]
    for at in (text.index("2210") + 1, text.index("99321") + 3):
        (found,) = decode_text(f"{text[:at]}\n{text[at:]}").findings
        assert (found.used, found.requested) == (99321, 2210)


def test_lines_are_numbered_as_they_were_pasted() -> None:
    """What stands behind broken lines keeps its number; the report counts rows."""
    logged = [f"2026-05-01 10:00:0{second} ERROR {REFUSALS[second]}" for second in (0, 2)]
    text = "$ python app.py\n" + "\n".join(rows(line, 70) for line in logged)
    report = decode_text(text)
    pasted = text.split("\n")
    assert report.lines == len(pasted)
    first, second = report.findings
    assert (first.first_line, second.first_line) == (2, pasted.index(logged[1][:70]) + 1)


@pytest.mark.parametrize(
    "lines",
    [
        # Of one length by chance: the next record, another worker's line, headers.
        [f"2026-05-0{day} 10:00:00 ERROR 429 Too Many Requests for the call" for day in range(1, 6)],
        [f"worker-{number}: openai.RateLimitError: 429 rate limit reached" for number in range(1, 6)],
        [f"{name}: openai.RateLimitError: 429 rate limit reached, giving up" for name in ("alpha", "gamma", "delta")],
        ["HTTP/1.1 429 Too Many Requests" + " " * 12, "x-ratelimit-limit-requests: 500", "retry-after-ms: 20000"],
        ["│ Rate limit reached on requests per min (RPM): │", "│ Limit 500, Used 500, Requested 1. In 120ms.   │"],
    ],
)  # fmt: skip
def test_lines_of_one_length_are_not_thrown_together(lines: list[str]) -> None:
    """They are read as they stand."""
    with patch("ratecheck.decode.paste.readings", lambda rows: ()):
        wanted = decode_text("\n".join(lines))
    assert decode_text("\n".join(lines)) == wanted


@pytest.mark.parametrize("width", range(50, 100, 7))
def test_text_broken_between_words_keeps_its_blanks(width: int) -> None:
    """A mail or a comment that was wrapped: the server's sentence is quoted with its words apart."""
    text = f"We see this since Monday:\n\n{REFUSALS[0]}\n\nAny idea what we could do about it before the launch?"
    wrapped = "\n".join(textwrap.fill(part, width, break_long_words=False, break_on_hyphens=False) for part in
                        text.split("\n\n"))  # fmt: skip
    (found,) = decode_text(wrapped).findings
    assert (found.limit, found.used, found.requested, found.retry_after_s) == (200000, 187654, 23456, 3.333)
    assert found.message is not None
    assert "Rate limit reached for gpt-4.1-mini in organization" in found.message


def test_rows_of_wide_letters_are_measured_in_cells() -> None:
    """A terminal is as wide as its cells; a wide letter that does not fit leaves one free."""
    words = "您的账户已达到速率限制,请您控制请求频率,每分钟请求数上限为120次,请在35秒后重试"
    said = json.dumps({"error": {"code": "1302", "message": words}}, ensure_ascii=False)
    for width in (41, 42, 57):
        broken, row, cells = [], "", 0
        for letter in said:
            size = 1 if letter.isascii() else 2
            if cells + size > width:
                broken, row, cells = [*broken, row], "", 0
            row, cells = row + letter, cells + size
        put_together = unwrapped([*broken, row])
        assert put_together is not None
        assert json.loads(put_together.lines[0]) == json.loads(said)


@given(st.lists(st.text(alphabet="ab 1│>é中\t:", max_size=60), max_size=12))
def test_nothing_is_lost_or_added(pasted: list[str]) -> None:
    """Whatever the rows, put together they hold the same characters in the same order."""
    found = unwrapped(pasted)
    if found is not None:
        assert "".join(found.lines) == "".join(pasted)
        assert list(found.numbers) == sorted(set(found.numbers))
        assert len(found.lines) == len(found.numbers) < len(pasted)


BODY = json.dumps(
    {
        "error": {
            "message": "You can send 120 requests per hour. Slow down.",
            "type": "rate_limit_error",
            "retry_after": 95,
        }
    },
    indent=2,
)
STAMPS = {
    "kubernetes": lambda number: f"2026-11-03T08:15:{number:02}.123456789Z stderr F ",
    "journald": lambda number: "Nov 03 08:15:07 web-1 app[4123]: ",
    "actions": lambda number: f"2026-11-03T08:15:07.{number:07}Z ##[error]",
    "cloudwatch": lambda number: f"2026-11-03T08:15:07.{number:03}Z\t3f2a-11\tERROR\t",
}


@pytest.mark.parametrize("stamp", STAMPS)
def test_what_a_collector_writes_before_each_row_is_taken_off(stamp: str) -> None:
    """A body of many lines is one refusal, found in the row where its words stand."""
    (alone,) = decode_text(f"429 Too Many Requests\n{BODY}").findings
    stamped = [STAMPS[stamp](number) + row for number, row in enumerate(["429 Too Many Requests", *BODY.split("\n")])]
    report = decode_text("\n".join(stamped))
    assert [known(found) for found in report.findings] == [known(alone)]
    assert (report.findings[0].line, report.lines) == (alone.line, len(stamped))


def test_rows_that_docker_keeps_as_json_are_one_text() -> None:
    """Its own log files, copied as they are."""
    (alone,) = decode_text(f"429 Too Many Requests\n{BODY}").findings
    kept = [
        json.dumps({"log": row + "\n", "stream": "stderr", "time": "2026-11-03T08:15:07.1Z"}, separators=(",", ":"))
        for row in ["429 Too Many Requests", *BODY.split("\n")]
    ]
    assert [known(found) for found in decode_text("\n".join(kept)).findings] == [known(alone)]


@pytest.mark.parametrize(
    "row",
    [
        '10.0.0.7 - - [29/Nov/2026:10:00:0{n} +0000] "POST /v1/chat/completions HTTP/1.1" 200 {size}',
        "2026-11-29 10:00:0{n} GET /v1/models HTTP/1.1 200 {size}",
        "2026-11-29T10:00:0{n}Z INFO proxy: status 200 {size}",
    ],
)
def test_the_size_of_an_answer_is_no_status_where_rows_begin_alike(row: str) -> None:
    """Two lines of an access log that share all but the bytes: what stands before a number stays with it."""
    assert not decode_text("\n".join(row.format(n=n, size=size) for n, size in ((0, 429), (1, 512)))).found


def test_records_of_a_log_stay_records() -> None:
    """Each row of them begins with the time as well, but each says all of its own."""
    log = "\n".join(f"2026-11-03 08:15:{second:02} ERROR 429 {REFUSALS[2]}" for second in range(5))
    with patch("ratecheck.decode.paste.readings", lambda rows: ()):
        wanted = decode_text(log)
    assert decode_text(log) == wanted
    assert sum(found.count for found in wanted.findings) == 5


@given(st.lists(st.text(alphabet='2: Zx{}[]"\\\t', max_size=30).map("2026-11-03T08:15:07Z ".__add__), max_size=6))
def test_no_row_is_lost_with_its_stamp(rows: list[str]) -> None:
    """What is taken off is the same for all, digits aside, and the rest of each row is there."""
    found = unstamped(rows)
    if found is not None:
        assert all(row.endswith(line) for row, line in zip(rows, found.lines, strict=True))
        assert len({len(row) - len(line) for row, line in zip(rows, found.lines, strict=True)}) == 1
