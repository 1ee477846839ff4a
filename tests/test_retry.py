"""Client policies: what each SDK does, held against the collected facts and, at the boundaries, against tables."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratecheck import retry
from ratecheck.errors import UsageError
from ratecheck.model import Answer
from ratecheck.retry.words import sentence

NOW = datetime(2026, 11, 20, 12, 0, 0, tzinfo=UTC)
CONTRACT = [
    "openai-python", "openai-node", "anthropic-python", "anthropic-node", "groq-python", "groq-node",
    "together-python", "cohere-python", "mistralai-python", "google-genai-python", "litellm", "litellm-router",
    "langchain-openai", "langchain-js", "llama-index-openai", "instructor", "pydantic-ai", "dspy", "vercel-ai",
    "azure-core", "azure-ai-inference", "codex", "aider", "zhipuai-python", "dashscope-python", "openai-go",
    "openai-java", "openai-dotnet", "cookbook-tenacity", "cookbook-backoff", "no-retry", "tenacity-2-60x5",
    "doubling-plus-1s-x5", "half-to-one-and-a-half-cap60", "only-5xx-once", "codex-typescript", "full-jitter",
    "equal-jitter", "decorrelated-jitter", "server-hint",
]  # fmt: skip


def refused(status: int | None = 429, body: bytes = b"", timed_out: bool = False, **headers: str) -> Answer:
    pairs = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return Answer(status, pairs, body, timed_out=timed_out)


def entries(shared: Path) -> list[dict[str, Any]]:
    loaded: list[dict[str, Any]] = json.loads((shared / "facts" / "sdk_retries.json").read_text("utf-8"))
    return loaded


def row_of(entry: dict[str, Any]) -> retry.RetryPolicy:
    return next(row for row in retry.ROWS if row.sdk == entry["name"])


@pytest.mark.parametrize("name", CONTRACT)
def test_every_promised_name_is_a_policy(name: str) -> None:
    """Names that scripts rely on exist, and each can say in a sentence what it does."""
    policy = retry.get(name)
    assert policy.name == name
    assert sentence(policy).startswith(name)


def test_every_entry_of_the_facts_is_a_row(shared: Path) -> None:
    """No SDK of the collected facts is missing; worst case, back-off, bound and timeout are theirs."""
    for entry in entries(shared):
        row = row_of(entry)
        assert row.verified == entry["verified"], entry["name"]
        assert row.worst_case == entry["per_call_requests_worst_case"] or row.name == "codex-typescript", entry["name"]
        if isinstance(entry["max_retries"], int):
            assert row.max_retries == entry["max_retries"], entry["name"]
        if isinstance(entry["default_timeout_s"], int):
            assert row.timeout_s == entry["default_timeout_s"], entry["name"]


# The facts say yes; run with the very same versions (tests/bench/sdk_parity.py) a POST that times out is sent once, as
# _is_method_retryable has it: only a GET or a status gets past it.
TIMEOUT_SENT_ONCE = {"azure-core RetryPolicy (Python)", "azure-ai-inference (Python)"}


def test_what_is_retried_is_what_the_facts_say(shared: Path) -> None:
    """Statuses, drops, timeouts and an exhausted quota are tried again exactly where the facts say so."""
    quota = b'{"error": {"code": "insufficient_quota", "message": "You exceeded your current quota"}}'
    for entry in entries(shared):
        row = row_of(entry)
        name = entry["name"]
        # In a stack the facts list the outermost loop's statuses: those are held by the request counts below.
        if len(row.layers) == 1 and all(each == "5xx" or isinstance(each, int) for each in entry["retried_statuses"]):
            named = {int(each) for each in entry["retried_statuses"] if each != "5xx"}
            for status in (400, 401, 404, 408, 409, 413, 422, 429):
                expected = status in named
                assert (row.delay_s(1, refused(status), 0.5) is not None) == expected, (name, status)
            if "5xx" in entry["retried_statuses"] or named:
                for status in (500, 502, 503, 504, 529):
                    expected = "5xx" in entry["retried_statuses"]
                    assert (row.delay_s(1, refused(status), 0.5) is not None) == expected, (name, status)
        if isinstance(entry["retries_connection_errors"], bool):
            assert (row.delay_s(1, refused(None), 0.5) is not None) == entry["retries_connection_errors"], name
        if isinstance(entry["retries_timeouts"], bool) and name not in TIMEOUT_SENT_ONCE:
            expected = entry["retries_timeouts"]
            assert (row.delay_s(1, refused(None, timed_out=True), 0.5) is not None) == expected, name
        if isinstance(entry["insufficient_quota_retried"], bool):
            answer = refused(429, quota)
            expected = entry["insufficient_quota_retried"]
            assert (row.delay_s(1, answer, 0.5) is not None) == expected, name


def test_backoff_is_what_the_facts_say(shared: Path) -> None:
    """For every single-layer client the first, second and fifth wait span the facts' own bounds."""
    for entry in entries(shared):
        backoff, row = entry["backoff"], row_of(entry)
        if backoff["kind"] != "exponential" or len(row.layers) != 1 or row.layers[0].backoff.first_s is not None:
            continue
        layer = row.layers[0]
        for retries_made in (0, 1, 4):
            shift = layer.backoff.shift
            nominal = backoff["initial_s"] * backoff["multiplier"] ** (retries_made + shift)
            nominal = min(nominal, backoff["cap_s"] or nominal)
            plan = layer.backoff.plan(retries_made, 0.0)
            add = backoff["jitter_additive_s"]
            most = add[-1] if isinstance(add, list) else add or 0.0
            low, high = nominal * (backoff["jitter_lo"] or 1.0), nominal * (backoff["jitter_hi"] or 1.0) + most
            assert plan.bounds_s() == pytest.approx((low, high)), entry["name"]


# 120 s bound and no retry above, 60 s and back-off above, 60 s with zero counting, strictly below 60, no bound.
@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("openai-python@3.54.0", "60", 60), ("openai-python@3.54.0", "61", 61), ("openai-python@3.54.0", "120", 120),
        ("openai-python@3.54.0", "120.5", None), ("openai-python@3.54.0", "121", None),
        ("openai-python@3.54.0", "1e400", None), ("openai-python@3.54.0", "inf", 0.5),
        ("openai-python@3.54.0", "nan", 0.5), ("openai-python@3.54.0", "0", 0.5), ("openai-python@3.54.0", "-5", 0.5),
        ("openai-python@3.54.0", "", 0.5), ("openai-python@3.54.0", "soon", 0.5), ("openai-python@3.54.0", "1.5", 1.5),
        ("openai-python@2.54.0", "121", None), ("openai-python@2.50.0", "61", 0.5),
        ("openai-python@1.109.1", "60", 60), ("openai-python@1.109.1", "61", 0.5),
        ("openai-python@1.109.1", "120", 0.5),
        ("openai-python@1.109.1", "inf", 0.5),
        ("openai-node@7.57.0", "60", 60), ("openai-node@7.57.0", "61", 0.5), ("openai-node@7.57.0", "0", 0),
        ("openai-node@7.57.0", "20abc", 20), ("openai-node@7.57.0", "-1", 0.5),
        ("openai-node@6.49.0", "300", 300), ("openai-node@6.49.0", "0", 0), ("openai-node@6.49.0", "soon", 0),
        ("openai-node@5.23.2", "59", 59), ("openai-node@5.23.2", "60", 0.5), ("openai-node@5.23.2", "0", 0.5),
        ("anthropic-python", "9000", 9000), ("anthropic-python", "1e400", 4_294_967), ("anthropic-python", "0", 0.5),
        ("anthropic-python@1.0.0", "61", 0.5), ("anthropic-node", "300", 300), ("anthropic-node", "0", 0.5),
        ("groq-python", "60", 60), ("groq-python", "61", 0.5), ("groq-node", "300", 300), ("groq-node", "0", 0),
        ("together-python", "60", 60), ("together-python", "61", 1.0),
        ("cohere-python", "60", 60), ("cohere-python", "61", 60), ("cohere-python", "1.5", 0.9),
        ("litellm-router", "60", 60), ("litellm-router", "61", 0.5), ("litellm-router", "1.5", 0.5),
        ("langchain-js", "0", 1.0), ("langchain-js", "60", 60), ("langchain-js", "61", None),
        ("langchain-js@0.3.80", "30", 1.0),
        ("vercel-ai", "59", 59), ("vercel-ai", "60", 2.0), ("vercel-ai", "0", 0), ("dspy", "121", 121),
        ("openai-go", "8", 8), ("openai-go", "20", 8), ("openai-java", "600", 600), ("openai-dotnet", "20", 20),
        ("azure-core", "7200", 7200), ("azure-core", "2", 2), ("codex", "7", 7), ("zhipuai-python", "20", 1.0),
        ("server-hint", "3600", 3600), ("tenacity-2-60x5", "20", 22), ("llama-index-openai", "121", 120),
    ],
)  # fmt: skip
def test_retry_after_at_its_boundaries(name: str, value: str, expected: float | None) -> None:
    """Each client honours, ignores, clamps or refuses a Retry-After exactly at its own bound (jitter drawn as 0)."""
    assert retry.get(name).delay_s(1, refused(retry_after=value), 0.0) == expected


@pytest.mark.parametrize(
    ("name", "headers", "expected"),
    [
        ("openai-python", {"retry_after_ms": "200"}, 0.2),
        ("openai-python", {"retry_after_ms": "200", "retry_after": "7"}, 0.2),
        ("openai-python", {"retry_after_ms": "soon", "retry_after": "7"}, 7),
        ("openai-python", {"retry_after_ms": "120001"}, None),
        ("azure-core", {"retry_after_ms": "200"}, None),
        ("azure-core", {"retry_after_ms": "200", "retry_after": "7"}, 7),
        ("langchain-js", {"retry_after_ms": "200"}, None),
        ("litellm-router", {"retry_after_ms": "200"}, 0.5),
        ("openai-python", {"x_should_retry": "false"}, None),
        ("openai-python", {"x_should_retry": "true", "retry_after": "121"}, None),
        ("openai-python", {"x_should_retry": "FALSE"}, 0.5),
        ("vercel-ai", {"x_should_retry": "false"}, 2.0),
        ("llama-index-openai", {"x_should_retry": "false"}, 1.0),
        ("openai-python", {"retry_after": "Fri, 20 Nov 2026 12:00:20 GMT"}, 20),
        ("openai-python", {"retry_after": "Fri, 20 Nov 2026 12:02:01 GMT"}, None),
        ("openai-python", {"retry_after": "Fri, 20 Nov 2026 11:00:00 GMT"}, 0.5),
        ("openai-python", {"retry_after": "Fri, 20 Nov 2026 12:00:20 GMT", "date": "Fri, 20 Nov 2026 12:00:15 GMT"}, 5),
        ("openai-python", {"retry_after": "Fri, 20 Now 2026 at noon"}, 0.5),
        ("cohere-python", {"x_ratelimit_reset": str(int(NOW.timestamp()) + 9)}, 9),
    ],
)  # fmt: skip
def test_other_headers_and_their_precedence(name: str, headers: dict[str, str], expected: float | None) -> None:
    """Milliseconds, dates, x-should-retry and a Unix reset mean to each client what they mean to it."""
    assert retry.get(name).delay_s(1, refused(**headers), 0.0, NOW) == expected


def test_x_should_retry_true_makes_any_error_worth_a_try() -> None:
    """The Stainless clients obey the server even on a 400; it never helps a success."""
    assert retry.get("openai-python").delay_s(1, refused(400, x_should_retry="true"), 0.0) == 0.5
    assert retry.get("openai-python").delay_s(1, refused(200, x_should_retry="true"), 0.0) is None


@pytest.mark.parametrize(
    ("name", "answer", "requests"),
    [
        ("openai-python", refused(), 3), ("litellm-num-retries", refused(), 7), ("cookbook-tenacity", refused(), 18),
        ("cookbook-tenacity", refused(400), 6), ("cookbook-tenacity-sdk-off", refused(), 6),
        ("llama-index-openai", refused(), 12), ("llama-index-openai", refused(retry_after="60"), 4),
        ("llama-index-openai", refused(retry_after="121"), 2),
        ("llama-index-openai", refused(x_should_retry="false"), 3),
        ("llama-index-embeddings-openai", refused(), 22), ("aider", refused(), 27), ("aider", refused(400), 1),
        ("instructor@1.3.7", refused(), 9), ("instructor@1.3.7", refused(400), 3), ("instructor@1.17.0", refused(), 3),
        ("codex", refused(), 1), ("codex", refused(retry_after="1"), 6), ("codex", refused(500), 30),
        ("codex", refused(408), 6), ("codex", refused(None), 30),
        ("codex", refused(body=b'{"error": {"code": "insufficient_quota"}}', retry_after="1"), 1),
        ("azure-core", refused(), 1), ("azure-core", refused(retry_after="2"), 4), ("azure-core", refused(502), 1),
        ("azure-core", refused(400, retry_after="2"), 4), ("azure-core", refused(500), 4),
        ("azure-core", refused(None), 1), ("azure-core", refused(None, timed_out=True), 1),
        ("azure-ai-inference", refused(408), 1), ("dashscope-python", refused(None), 2),
        ("dashscope-python", refused(), 1),
        ("mistralai-python-retries", refused(), 16), ("mistralai-python-retries", refused(retry_after="300"), 2),
        ("google-genai-python-retries", refused(), 5), ("google-genai-python-retries", refused(409), 1),
        ("dspy@3.0.4", refused(), 7), ("dspy@3.0.4", refused(400), 4), ("dspy", refused(409), 1),
        ("litellm-num-retries", refused(x_should_retry="false"), 4), ("cookbook-manual", refused(), 33),
        ("cookbook-backoff-max-6", refused(), 18), ("cookbook-backoff", refused(), None),
        ("openai-python@0.28.1", refused(409), None), ("openai-python@0.28.1", refused(), 1),
        ("langchain-js", refused(), 1), ("langchain-js", refused(500), 7),
        ("langchain-js", refused(body=b'{"message": "Please try again in 20s."}'), 7),
        ("langchain-js", refused(body=b'{"message": "Please try again in 6m0s."}'), 1),
        ("langchain-js", refused(body=b'{"message": "check your plan and billing; try again in 2s"}'), 1),
        ("langchain-openai-with-retry", refused(), 9), ("cookbook-tenacity+litellm-num-retries", refused(), 126),
    ],
)  # fmt: skip
def test_stacked_layers_send_as_many_requests_as_were_counted_on_the_wire(
    name: str, answer: Answer, requests: int | None
) -> None:
    """One call that is always answered alike becomes exactly so many requests."""
    assert retry.get(name).requests(answer) == requests


def test_the_layers_wait_in_their_order() -> None:
    """Two SDK waits, then the outer loop's, then the SDK begins anew; litellm's second stage does not wait."""
    assert retry.get("cookbook-tenacity").waits(refused())[:5] == [
        (0.375, 0.5),
        (0.75, 1),
        (1, 1),
        (0.375, 0.5),
        (0.75, 1),
    ]
    assert retry.get("litellm-num-retries").waits(refused())[3:] == [(0, 0)] * 3
    assert retry.get("dspy@3.0.4").waits(refused())[3:] == [(0, 0), (1, 1), (2, 2)]
    assert [high for _, high in retry.get("aider").waits(refused())[2::3]] == [0.25, 0.5, 1, 2, 4, 8, 16, 32]
    assert retry.get("azure-core").waits(refused(500)) == [(0, 0), (1.6, 1.6), (3.2, 3.2)]
    assert retry.get("openai-dotnet").waits(refused()) == [(0, 0), (0.8, 0.8), (1.6, 1.6)]


def test_a_loop_that_remembers_its_wait() -> None:
    """The cookbook's noise compounds, and decorrelated jitter grows from the wait before."""
    manual, decorrelated = retry.get("cookbook-manual"), retry.get("decorrelated-jitter")
    assert manual.layers[0].backoff.plan(0, 0.0).bounds_s() == (2.0, 4.0)
    assert manual.layers[0].backoff.plan(1, 4.0).bounds_s() == (8.0, 16.0)
    assert decorrelated.layers[0].backoff.plan(0, 0.0).bounds_s() == (1.0, 3.0)
    assert decorrelated.layers[0].backoff.plan(3, 10.0).bounds_s() == (1.0, 30.0)
    assert decorrelated.layers[0].backoff.plan(3, 50.0).bounds_s() == (1.0, 60.0)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("openai-pyton", "openai-python"), ("openai-python@2.51.0", "known: "), ("openai-node@7.4.0", "known: "),
        ("openai-python@latest", "openai-python@3.54.0"), ("zzzz", "--list-policies"), ("", "--list-policies"),
        ("cookbook-tenacity+nobody", "--list-policies"), ("instructor@1.9", "known: >=1.16, >=1.3,<1.4"),
    ],
)  # fmt: skip
def test_an_unknown_policy_or_version_is_refused_with_the_nearest(text: str, says: str) -> None:
    """A name that is none, and a version that nobody looked at, is an error, never a neighbour's rule."""
    with pytest.raises(UsageError) as caught:
        retry.get(text)
    assert says in (caught.value.hint or "")


def test_versions_take_the_rule_of_their_time() -> None:
    """Three rules each for openai-python and openai-node, chosen by version; no version is the newest."""
    sdk = {v: retry.get(f"openai-python@{v}").sdk for v in ("1.35.0", "2.50.0", "2.52", "2.99.0", "3.0.0", "4.1")}
    assert sdk["1.35.0"] == sdk["2.50.0"] == "openai (Python) 1.x and 2.0-2.50"
    assert sdk["2.52"] == sdk["2.99.0"] == "openai (Python) 2.x late"
    assert sdk["3.0.0"] == sdk["4.1"] == retry.get("openai-python").sdk == "openai (Python) 3.x"
    assert retry.get("openai-node@7.2.0").sdk == "openai (npm) 6.28 - 7.2"
    assert retry.get("openai-node@7.5.0").sdk == retry.get("openai-node").sdk


@given(
    st.sampled_from(retry.ROWS),
    st.integers(1, 12),
    st.sampled_from([None, 200, 400, 408, 409, 429, 500, 529]),
    st.text(max_size=12),
    st.text(max_size=12),
    st.floats(0, 1, exclude_max=True),
)
def test_no_header_breaks_a_policy(
    row: retry.RetryPolicy, attempt: int, status: int | None, after: str, ms: str, u: float
) -> None:
    """Whatever a server writes, a policy answers with a finite wait of at least 0 or gives up."""
    delay_s = row.delay_s(attempt, refused(status, retry_after=after, retry_after_ms=ms), u, NOW)
    assert delay_s is None or 0 <= delay_s < 1e15
