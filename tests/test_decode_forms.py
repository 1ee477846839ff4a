"""Own samples, one or more a provider and form, with other ids and numbers than anybody pasted."""

import json
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from ratecheck.decode import decode_text
from ratecheck.model import Finding

_DATA = Path(__file__).parent / "data" / "decode_forms.jsonl"
SAMPLES: list[tuple[str, dict[str, Any]]] = [
    (case["text"], case["expect"]) for case in map(json.loads, _DATA.read_text("utf-8").splitlines())
]


def nearest(text: str, expect: dict[str, Any]) -> Finding:
    findings = decode_text(text).findings
    assert findings, text
    return max(findings, key=lambda each: sum(getattr(each, key) == want for key, want in expect.items()))


@pytest.mark.parametrize(("text", "expect"), SAMPLES, ids=range(len(SAMPLES)))
def test_each_form_is_read(text: str, expect: dict[str, Any]) -> None:
    """Category, provider and every number that the words state, and none that they do not."""
    finding = nearest(text, expect)
    assert {key: getattr(finding, key) for key in expect} == expect


def _boxed(text: str) -> str:
    lines = textwrap.wrap(text, 60, break_long_words=False, break_on_hyphens=False)
    return "╭" + "─" * 64 + "╮\n" + "\n".join(f"│ {line:<62} │" for line in lines) + "\n╰" + "─" * 64 + "╯"


def _escaped(text: str) -> str:
    return json.dumps({"error": {"message": json.dumps({"error": {"message": text}})}})


WRAPPINGS: dict[str, Callable[[str], str]] = {
    "box": _boxed,
    "json in json": _escaped,
    "percent": quote,
    "quote": lambda text: "> " + text,
    "log": lambda text: f"2026-11-02 10:00:00 ERROR app - {text!r}",
    "colour": lambda text: f"\x1b[31m{text}\x1b[0m",
    "typeset": lambda text: text.replace(" '", " ‘").replace("'", "’").replace(' "', " “").replace('"', "”"),
    "one line": lambda text: (
        f'Traceback (most recent call last): File "/srv/a.py", line 7, in ask a.b.CallError: {text}'
    ),
    "cut repr": lambda text: f"prefix ({{'error': {{'message': {text!r}",
}


@pytest.mark.parametrize("wrapping", WRAPPINGS)
@pytest.mark.parametrize("index", [0, 1, 3, 9, 13, 25])
def test_a_wrapping_changes_nothing(wrapping: str, index: int) -> None:
    """Boxes, escapes, quotes, logs and cuts around a sentence do not change what it says."""
    text, expect = SAMPLES[index]
    finding = nearest(WRAPPINGS[wrapping](text), expect)
    assert {key: getattr(finding, key) for key in expect} == expect


@pytest.mark.parametrize(
    "text",
    [
        "CODES = [408, 429, 500]",
        "if answer.status_code == 429:\n    time.sleep(float(answer.headers.get('retry-after', '2')))",
        "429 tests passed, 2 failed",
        "added 429 packages in 7s",
        "we have 429 stars now",
        "src/app.c line 429: warning: unused limit",
        "worker started rate_limit=900/min burst=20",
        '{"settings": {"rate_limit": 900, "throttled": 0}}',
        "INFO pool ready, concurrency limit 12, max parallel requests 4, queue 0",
        "Plan A: 500 requests per minute, 60000 tokens per minute; plan B: 5000 requests per minute",
        '{"object":"chat.completion","choices":[{"message":{"role":"assistant","content":"HTTP 429 means: too many'
        ' requests, you hit the rate limit."},"finish_reason":"stop"}]}',
    ],
)
def test_what_only_mentions_a_limit_is_no_refusal(text: str) -> None:
    """Settings, counts, code, plans and what a model wrote about limits refuse nobody."""
    assert [each for each in decode_text(text).findings if each.category != "not_rate_limit"] == []


@pytest.mark.parametrize(
    "line",
    [
        "'x-ratelimit-limit-requests': '700', 'x-ratelimit-remaining-requests': '699',"
        " 'x-ratelimit-reset-requests': '9ms'",
        '`x-ratelimit-limit-requests` = "700", `x-ratelimit-remaining-requests` = "699",'
        ' `x-ratelimit-reset-requests` = "9ms"',
        "x-ratelimit-limit-requests: 700, x-ratelimit-remaining-requests: 699, x-ratelimit-reset-requests: 9ms",
        "x-ratelimit-limit-requests=700; x-ratelimit-remaining-requests=699; x-ratelimit-reset-requests=9ms",
    ],
)
def test_several_headers_may_share_a_line(line: str) -> None:
    """Also where nothing stands in front of the first."""
    (limit,) = decode_text(line).findings[0].limits
    assert (limit.limit, limit.remaining, limit.reset_s) == (700, 699, 0.009)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"error": {"message": "您的账户已达到最大请求数", "type": "rate_limit"}}', "您的账户已达到最大请求数"),
        ('{"type": "rate_limit_error", "message": "not so fast, please"}', "not so fast, please"),
        ('{"error": {"code": "rate_limit_exceeded", "message": "not so fast", "param": null}}', "not so fast"),
        (r'{"error": {"message": "not \"so\", fast", "type": "rate_limit_error"}}', 'not "so", fast'),
        ('HTTP/1.1 429 Too Many Requests\n\n{"error": {"message": "不要这么快", "type": "rate_limit"}}', "不要这么快"),
    ],
)  # fmt: skip
def test_the_quoted_words_are_the_message_field_whichever_sign_told(text: str, words: str) -> None:
    """A code in front of or behind the message decides, but the message is what a person reads."""
    assert decode_text(text).findings[0].message == words
