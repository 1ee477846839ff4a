"""The emulator behind ASGI, with a clock of the test's own: every path, every bad input, nothing left behind."""

import asyncio
import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ratecheck import provider
from ratecheck.durations import NS_PER_S
from ratecheck.model import Call
from ratecheck.net import emulator as emulators
from ratecheck.net.emulator import Emulator
from ratecheck.net.served import Served
from ratecheck.provider import Profile, Provider, faults, replies, rule_of
from ratecheck.provider.faults import Script

S = NS_PER_S
KEY = (b"authorization", b"Bearer sk-0123456789abcdefghijklmnop")


@dataclass
class Got:
    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    chunks: list[bytes] = field(default_factory=list)
    finished: bool = False

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def openai(**limits: int) -> Profile:
    return replace(provider.get("openai-tier1"), limits=tuple(rule_of(name, amount) for name, amount in limits.items()))


def chat(tokens: int = 1, **more: Any) -> dict[str, Any]:
    return {"model": "gpt-4o", "messages": [{"role": "user", "content": "a" * 4 * tokens}], **more}


async def ask(
    app: Emulator,
    path: str = "/v1/chat/completions",
    body: Any = None,
    *,
    method: str = "POST",
    headers: tuple[tuple[bytes, bytes], ...] = (KEY,),
    hang_up_after: int | None = None,
    parts: int = 1,
    aborted: list[bool] | None = None,
) -> Got:
    """Send one request through ASGI; ``hang_up_after`` so many chunks of the answer the client is gone."""
    raw = body if isinstance(body, bytes) else json.dumps(chat() if body is None else body).encode()
    size = max(-(-len(raw) // parts), 1)
    pieces = [raw[start : start + size] for start in range(0, len(raw), size)] or [b""]
    got, gone = Got(), asyncio.Event()
    if hang_up_after == 0:
        gone.set()

    async def receive() -> dict[str, Any]:
        if pieces:
            return {"type": "http.request", "body": pieces.pop(0), "more_body": bool(pieces)}
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            got.status = message["status"]
            got.headers = {name.decode(): value.decode() for name, value in message["headers"]}
            return
        if message.get("body"):
            got.chunks.append(message["body"])
            got.body += message["body"]
        got.finished = not message.get("more_body", False)
        if hang_up_after is not None and len(got.chunks) >= hang_up_after:
            gone.set()

    path, _, query = path.partition("?")
    scope = {
        "type": "http", "method": method, "path": path, "query_string": query.encode(), "headers": headers,
        "client": ("127.0.0.1", 1), "state": {"abort": lambda: (aborted if aborted is not None else []).append(True)},
    }  # fmt: skip
    await app(scope, receive, send)
    return got


def emulate(profile: Profile, clock: Callable[[], int] = lambda: 0, **options: Any) -> Emulator:
    latency_ns = options.pop("latency_ns", 0)
    shared_by = options.pop("shared_by", "key")
    return Emulator(Provider(profile, latency_ns=latency_ns, shared_by=shared_by), clock, **options)


@pytest.mark.parametrize(
    ("path", "body", "mark"),
    [
        ("/v1/chat/completions", chat(), "chat.completion"),
        ("/chat/completions", chat(n=2), "chat.completion"),
        ("/openai/v1/chat/completions", chat(), "chat.completion"),
        ("/v1/openai/v1/chat/completions", chat(), "chat.completion"),
        ("/openai/deployments/my%20gpt/chat/completions?api-version=2024-10-21", {"messages": [{}]}, "my gpt"),
        ("/v1/completions", {"model": "m", "prompt": "x"}, "text_completion"),
        ("/v1/embeddings", {"model": "m", "input": ["a", "b"], "dimensions": 2}, "embedding"),
        ("/openai/deployments/e/embeddings", {"input": [1, 2, 3], "encoding_format": "base64"}, "embedding"),
        ("/v1/responses", {"model": "m", "input": "x"}, "resp_"),
        ("/v1/messages", {"model": "m", "max_tokens": 5, "messages": [{"content": [{"text": "x"}]}]}, "msg_"),
        ("/v1/v1/messages", {"model": "m", "max_tokens": 5, "messages": [{"content": "x"}]}, "msg_"),
        ("/v1beta/models/g-2:generateContent", {"contents": [{"parts": [{"text": "x"}]}]}, "candidates"),
        ("/v1beta/models/e:embedContent", {"content": {"parts": [{"text": "x"}]}}, '{"embedding":{"values":[1.0,'),
        ("/v1beta/models/e:batchEmbedContents", {"requests": [{"content": {}}] * 2}, '"embeddings":[{"values"'),
        ("/v1beta/models/g:countTokens", {"contents": [{"parts": [{"text": "four" * 4}]}]}, '{"totalTokens":10,'),
    ],
)
def test_every_endpoint_answers_with_its_own_body(path: str, body: Any, mark: str) -> None:
    """One URL serves the paths that each SDK makes of the base it is given."""
    got = asyncio.run(ask(emulate(openai(rpm=100, tpm=10_000)), path, body))
    assert got.status == 200, got.body
    assert mark.encode() in got.body
    assert got.headers["content-length"] == str(len(got.body))


@pytest.mark.parametrize(
    ("path", "body", "last"),
    [
        ("/v1/chat/completions", chat(stream=True, max_tokens=5), b"data: [DONE]\n\n"),
        ("/v1/completions", {"model": "m", "prompt": "x", "stream": True}, b"data: [DONE]\n\n"),
        ("/v1/responses", {"model": "m", "input": "x", "stream": True}, b"response.completed"),
        ("/v1/messages", {"model": "m", "max_tokens": 5, "messages": [{}], "stream": True}, b"message_stop"),
        ("/v1beta/models/g:streamGenerateContent?alt=sse", {"contents": [{}]}, b'"finishReason":"STOP"'),
    ],
)
def test_every_stream_ends_as_its_dialect_ends_streams(path: str, body: Any, last: bytes) -> None:
    """Server-sent events, each a whole frame, the last one the dialect's own."""
    got = asyncio.run(ask(emulate(openai(rpm=100)), path, body))
    assert got.status == 200
    assert got.headers["content-type"].startswith("text/event-stream")
    assert "x-ratelimit-limit-requests" in got.headers
    assert all(chunk.endswith(b"\n\n") for chunk in got.chunks)
    assert last in got.chunks[-1]
    assert got.finished


@pytest.mark.parametrize("model", ["\\u0001", "\x01", "1000000000000001", replies._ID, '"', "\\", "é😀"])
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/completions"])
def test_a_models_name_comes_back_as_it_was(path: str, model: str) -> None:
    """Whatever a model is called, the answer is JSON and names it; ids differ from one answer to the next."""
    app = emulate(openai(rpm=100))
    first, second = (asyncio.run(ask(app, path, {**chat(), "prompt": "x", "model": model})).json for _ in range(2))
    assert (first["model"], second["model"]) == (model, model)
    assert first["id"] != second["id"]


def test_azures_unversioned_route_states_seconds() -> None:
    """Recorded: milliseconds on the deployments' route, floored seconds on /openai/v1; in a refusal too."""
    limits = (rule_of("rpm", 30), rule_of("tpm", 1000))
    app = emulate(replace(provider.get("azure-s0"), limits=limits, per_model=False))
    old = asyncio.run(ask(app, "/openai/deployments/d/chat/completions", chat(5)))
    new = asyncio.run(ask(app, "/openai/v1/responses", {"model": "d", "input": "x"}))
    assert (old.headers["x-ratelimit-reset-requests"], new.headers["x-ratelimit-reset-requests"]) == ("2000", "4")
    refused = asyncio.run(ask(app, "/openai/v1/chat/completions", chat(2000)))
    assert refused.status == 429
    assert int(refused.headers["x-ratelimit-reset-tokens"]) < 60


def test_mistral_tells_what_a_call_has_used() -> None:
    """x-ratelimit-tokens-query-cost is the answer's total_tokens, as recorded; a refusal has none."""
    app = emulate(replace(provider.get("mistral-free"), limits=(rule_of("tpm", 100),)))
    got = asyncio.run(ask(app, body=chat(20, max_tokens=7)))
    assert got.headers["x-ratelimit-tokens-query-cost"] == str(got.json["usage"]["total_tokens"])
    refused = asyncio.run(ask(app, body=chat(90)))
    assert refused.status == 429
    assert "x-ratelimit-tokens-query-cost" not in refused.headers


def test_counting_costs_nothing_and_embedding_its_texts() -> None:
    """Gemini's countTokens takes from no limit; embeddings take their input and one request."""
    app = emulate(replace(provider.get("gemini-free"), limits=(rule_of("rpm", 5), rule_of("itpm", 100))))
    google = "/v1beta/models/g:"
    asyncio.run(ask(app, google + "countTokens", {"contents": [{"parts": [{"text": "a" * 4000}]}]}))
    requests, tokens = app.provider.levels(0, KEY[1].decode()[7:], "g")
    assert (requests.remaining, tokens.remaining) == (5, 100)
    texts = [{"content": {"parts": [{"text": "a" * 40}]}}] * 3
    asyncio.run(ask(app, google + "batchEmbedContents", {"requests": texts}))
    requests, tokens = app.provider.levels(0, KEY[1].decode()[7:], "g")
    assert (requests.remaining, tokens.remaining) == (4, 70)


def test_usage_is_streamed_only_to_those_who_ask() -> None:
    """``stream_options.include_usage`` adds one frame with the same numbers as the plain answer."""
    app = emulate(openai(rpm=100))
    plain = asyncio.run(ask(app, body=chat(9, max_tokens=7)))
    without = asyncio.run(ask(app, body=chat(9, max_tokens=7, stream=True)))
    asked = asyncio.run(ask(app, body=chat(9, max_tokens=7, stream=True, stream_options={"include_usage": True})))
    assert b"usage" not in without.body
    assert json.loads(asked.chunks[-2].removeprefix(b"data: "))["usage"] == plain.json["usage"]
    assert plain.json["usage"]["completion_tokens"] == 7


@pytest.mark.parametrize(
    "dialect", ["openai", "azure", "anthropic", "groq", "mistral", "google", "moonshot", "unknown"]
)
@pytest.mark.parametrize(
    ("status", "request_"),
    [
        (404, {"path": "/v1/nothing"}), (405, {"method": "GET"}), (401, {"headers": ()}),
        (401, {"headers": ((b"authorization", b"Bearer "),)}), (400, {"body": b"{"}), (400, {"body": b"\xff\xfe"}),
        (400, {"body": b"[" * 100_000}), (400, {"body": []}), (400, {"body": {}}), (400, {"body": chat(model=7)}),
        (400, {"body": {"model": "m"}}), (400, {"body": chat(messages=[])}), (400, {"body": chat(messages=["x"])}),
        (400, {"body": chat(max_tokens=-1)}), (400, {"body": chat(n=10**9)}), (400, {"body": chat(max_tokens="9")}),
        (413, {"body": b"x" * (emulators.MOST_BODY_BYTES + 1), "parts": 9}),
        (413, {"headers": (KEY, (b"content-length", b"999999999999"))}),
        (404, {"path": "/ratecheck/state/x"}), (405, {"path": "/ratecheck/reset", "method": "GET"}),
    ],
)  # fmt: skip
def test_bad_requests_meet_the_providers_own_error_shape(dialect: str, status: int, request_: dict[str, Any]) -> None:
    """Whatever is wrong, the answer is the dialect's error as JSON and costs nothing."""
    app = emulate(replace(openai(rpm=1), dialect=dialect))
    got = asyncio.run(ask(app, **request_))
    assert got.status == status
    assert isinstance(got.json, dict)
    assert app.trouble is None
    assert app.provider.levels(0, KEY[1].decode().split()[1], "gpt-4o")[0].remaining == 1


@given(st.binary(max_size=200) | st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: (
    st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(
        ["model", "messages", "content", "parts", "text", "input", "stream", "n", "max_tokens", "type", "contents",
         "requests", "generateContentRequest"]
    ), inner, max_size=5)), max_leaves=12), st.sampled_from(
        ["/v1/chat/completions", "/v1/responses", "/v1/embeddings", "/v1/messages", "/v1beta/models/m:generateContent",
         "/v1beta/models/m:embedContent", "/v1beta/models/m:batchEmbedContents", "/v1beta/models/m:countTokens"]
))  # fmt: skip
@settings(max_examples=200, deadline=None)
def test_no_body_makes_the_emulator_stumble(body: Any, path: str) -> None:
    """Any bytes and any JSON bring an answer of the provider's, never a bug of ours."""
    app = emulate(openai(rpm=10**6))
    got = asyncio.run(ask(app, path, body))
    assert app.trouble is None
    assert got.status in (200, 400, 429)


def test_a_client_that_hangs_up_mid_stream_pays_for_what_it_got() -> None:
    """The reservation is settled: Groq adds the output that was produced, not the rest."""
    app = emulate(replace(provider.get("groq-free"), limits=(rule_of("tpm", 1000),)), latency_ns=S // 50)
    got = asyncio.run(ask(app, body=chat(stream=True, max_tokens=16), hang_up_after=6))
    whole = asyncio.run(ask(app, body=chat(stream=True, max_tokens=16), headers=((b"authorization", b"other"),)))
    assert got.status == whole.status == 200
    assert not got.finished
    gone, stayed = (app.provider.levels(0, key, "gpt-4o")[0].remaining for key in (KEY[1].decode()[7:], "other"))
    assert 1000 > gone > stayed


def test_a_client_that_hangs_up_frees_its_place() -> None:
    """Before the answer or in the middle of it: the next request finds the place free."""
    app = emulate(replace(provider.get("moonshot-tier0"), limits=(rule_of("concurrency", 1),)), latency_ns=S // 100)
    assert asyncio.run(ask(app, hang_up_after=0)).status is None
    assert not asyncio.run(ask(app, body=chat(stream=True), hang_up_after=2)).finished
    assert asyncio.run(ask(app)).status == 200


def test_a_slow_body_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that begins a body and does not end it is answered 408 and cut off."""
    monkeypatch.setattr(emulators, "_BODY_S", 0.01)

    async def never() -> Got:
        got = Got()

        async def receive() -> dict[str, Any]:
            await asyncio.sleep(5)
            raise AssertionError("the emulator waited for the slow client")

        async def send(message: Any) -> None:
            got.status = message.get("status", got.status)

        scope = {
            "type": "http",
            "method": "POST",
            "path": "/v1/chat/completions",
            "query_string": b"",
            "headers": (KEY,),
        }
        await emulate(openai(rpm=1))(scope, receive, send)
        return got

    assert asyncio.run(never()).status == 408


def test_a_bug_of_ours_looks_like_the_providers_500(monkeypatch: pytest.MonkeyPatch) -> None:
    """And it is kept for the person at the terminal."""
    app = emulate(openai(rpm=1))
    monkeypatch.setattr(app.provider, "accept", lambda *_: 1 / 0)
    got = asyncio.run(ask(app))
    assert (got.status, got.json["error"]["type"]) == (500, "server_error")
    assert isinstance(app.trouble, ZeroDivisionError)


def test_keys_of_one_organisation_share_a_bucket() -> None:
    """The key-rotation trap: the second key of the same organisation meets the same limit."""
    other = ((b"api-key", b"another-key"),)
    assert asyncio.run(ask(emulate(openai(rpm=1)), headers=other)).status == 200
    app = emulate(openai(rpm=1), shared_by="org")
    assert [asyncio.run(ask(app, headers=headers)).status for headers in ((KEY,), other)] == [200, 429]


def test_state_and_reset() -> None:
    """The buckets are there to look at, without a key and with keys masked; reset fills them."""
    app = emulate(openai(rpm=2, tpm=1000))
    asyncio.run(ask(app))
    state = asyncio.run(ask(app, "/ratecheck/state", b"", method="GET", headers=()))
    assert [(each["name"], each["limit"], each["remaining"]) for each in state.json["limits"]] == [
        ("RPM", 2, 1),
        ("TPM", 1000, 997),
    ]
    assert b"0123456789" not in state.body
    assert asyncio.run(ask(app, "/ratecheck/reset", b"", headers=())).json["limits"] == []
    assert [asyncio.run(ask(app)).status for _ in range(3)] == [200, 200, 429]


def test_faults_follow_the_calls_attempts() -> None:
    """The first call meets its list, a later one the provider; ``drop`` cuts the connection without a word."""
    app = emulate(openai(rpm=100), script=Script((faults.parse("first=500,drop,429+retry-after:7"),)))
    aborted: list[bool] = []
    got = [asyncio.run(ask(app, aborted=aborted)) for _ in range(4)]
    assert [each.status for each in got] == [500, None, 429, 200]
    assert aborted == [True]
    assert got[2].headers["retry-after"] == "7"


def test_a_fault_of_the_first_call_leaves_other_calls_alone() -> None:
    """Calls are told apart by their body, and a counter that is back at 0 starts another."""
    app = emulate(openai(rpm=100), script=Script((faults.parse("first=500,500,500"),)))
    first = (KEY, (b"x-stainless-retry-count", b"0"))
    assert asyncio.run(ask(app, headers=first)).status == 500
    assert asyncio.run(ask(app, body=chat(9))).status == 200
    assert asyncio.run(ask(app, headers=(KEY, (b"x-stainless-retry-count", b"1")))).status == 500
    assert asyncio.run(ask(app, headers=first)).status == 200


@given(
    st.lists(st.tuples(st.integers(0, 30 * S), st.integers(1, 200), st.booleans()), min_size=1, max_size=25),
    st.sampled_from(["token_bucket", "fixed_window", "sliding_log", "gcra", "azure_slices"]),
    st.sampled_from(["openai", "groq", "anthropic", "moonshot"]),
)
@settings(max_examples=60, deadline=None)
def test_what_is_admitted_over_http_is_what_the_pure_provider_admits(
    script: list[tuple[int, int, bool]], algorithm: str, dialect: str
) -> None:
    """The HTTP layer decides nothing: same script, same clock, same answers as ``Provider.answer`` in virtual time."""
    profile = replace(openai(rpm=6, tpm=500, itpm=400).enforced_by(algorithm), dialect=dialect)
    now_ns = 0
    app, pure = emulate(profile, lambda: now_ns), Provider(profile)
    for later_ns, tokens, streams in script:
        now_ns += later_ns
        body = chat(tokens, stream=streams, max_tokens=tokens)
        understood = provider.read("chat", body)
        call = Call(1, "gpt-4o", pure.cost_of(understood), understood.output_tokens, now_ns)
        expected = pure.answer(call, now_ns, "k")
        got = asyncio.run(ask(app, body=body, headers=((b"authorization", b"Bearer k"),)))
        limits = {name: value for name, value in expected.headers if "ratelimit" in name or "retry" in name}
        assert got.status == expected.status
        assert {name: value for name, value in got.headers.items() if name in limits} == limits


def test_admissions_are_exact_under_concurrency() -> None:
    """Many at once never get more than the bound, whatever the order in which they are served."""
    served: list[Served] = []

    class Observer:
        def begin(self, one: Served) -> None:
            served.append(one)

        def end(self, one: Served) -> None:
            assert one.answered_ns == 0

        def stray(self, one: Served) -> None:
            raise AssertionError

    app = emulate(openai(rpm=37, tpm=10**6), observer=Observer(), latency_ns=1_000_000)

    async def all_at_once() -> list[Got]:
        bodies = [chat(random.Random(seed).randint(1, 50)) for seed in range(200)]
        return await asyncio.gather(*(ask(app, body=body) for body in bodies))

    statuses = [got.status for got in asyncio.run(all_at_once())]
    assert (statuses.count(200), statuses.count(429), len(served)) == (37, 163, 200)
