"""``ratecheck serve`` as a process on a real socket, with the SDKs that people use, unmodified."""

import itertools
import json
import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anthropic
import groq
import openai
import pytest
from serving import serve

from ratecheck.calls.record import attempt_of
from ratecheck.model import Dimension

KEY = "sk-serve0123456789abcdefghij"
WORDS = ["Within", "its", "limits", "all", "goes", "well", "so", "this", "local"]
QUESTION: Any = [{"role": "user", "content": "How many requests may I send?"}]

# One request in 0.6 s: the wait is long enough to tell it from a back-off of its own and short enough for a test.
SHORT = '[[limits]]\ndimension = "requests"\namount = 1\nwindow_s = 0.6\n'


@contextmanager
def openai_at(*arguments: str, home: Path) -> Iterator[openai.OpenAI]:
    """Start a quiet server and an openai client that does not retry."""
    with (
        serve("--quiet", *arguments, home=home) as running,
        openai.OpenAI(api_key=KEY, base_url=running.url, max_retries=0) as client,
    ):
        yield client


@dataclass
class Sdk:
    """One SDK: how to make its client, how to ask, how to stream, and what it raises."""

    name: str
    provider: str
    client: Callable[[str, int], Any]
    ask: Callable[[Any], str]
    stream: Callable[[Any], list[str]]
    limited: type[Exception]
    extra: dict[str, str] = field(default_factory=dict)


def _chat(client: Any) -> str:
    return str(client.chat.completions.create(model="m", messages=QUESTION, max_tokens=9).choices[0].message.content)


def _chat_stream(client: Any) -> list[str]:
    chunks = client.chat.completions.create(model="m", messages=QUESTION, max_tokens=9, stream=True)
    return [choice.delta.content for chunk in chunks for choice in chunk.choices if choice.delta.content]


def _message(client: Any) -> str:
    return str(client.messages.create(model="m", messages=QUESTION, max_tokens=9).content[0].text)


def _message_stream(client: Any) -> list[str]:
    with client.messages.stream(model="m", messages=QUESTION, max_tokens=9) as stream:
        return list(stream.text_stream)


SDKS = [
    Sdk(
        "openai", "openai", lambda url, retries: openai.OpenAI(api_key=KEY, base_url=url, max_retries=retries),
        _chat, _chat_stream, openai.RateLimitError,
    ),
    Sdk(
        "azure", "azure",
        lambda url, retries: openai.AzureOpenAI(
            api_key=KEY, azure_endpoint=url.removesuffix("/v1"), api_version="2024-10-21", max_retries=retries
        ),
        _chat, _chat_stream, openai.RateLimitError,
    ),
    Sdk(
        "anthropic", "anthropic",
        lambda url, retries: anthropic.Anthropic(
            api_key=KEY, base_url=url.removesuffix("/v1"), max_retries=retries
        ),
        _message, _message_stream, anthropic.RateLimitError,
    ),
    Sdk(
        "groq", "groq",
        lambda url, retries: groq.Groq(api_key=KEY, base_url=url.removesuffix("/v1"), max_retries=retries),
        _chat, _chat_stream, groq.RateLimitError,
    ),
]  # fmt: skip


@pytest.mark.parametrize("sdk", SDKS, ids=lambda sdk: sdk.name)
def test_an_sdk_gets_answers_streams_refusals_and_obeys(sdk: Sdk, tmp_path: Path) -> None:
    """Success, a stream, the SDK's own rate-limit error, and a retry that waits as long as it was told."""
    profile = tmp_path / "short.toml"
    profile.write_text(f'dialect = "{sdk.provider}"\ncharges_refusals = false\n{SHORT}')
    with serve("--profile", str(profile), home=tmp_path) as running:
        with sdk.client(running.url, 0) as client:
            assert sdk.ask(client)
            with pytest.raises(sdk.limited) as refused:
                sdk.ask(client)
            assert refused.value.response.headers["retry-after"] == "1"
        with sdk.client(running.url, 2) as patient:
            started = time.monotonic()
            assert "".join(sdk.stream(patient)).split() == WORDS
            waited = time.monotonic() - started
    assert 0.3 < waited < 3, "it came through at once, or it did not follow retry-after"
    assert "retry 1" in running.err, "the SDK's own counter was not seen"
    assert KEY not in running.err + running.out
    assert (running.code, "Traceback" in running.err) == (0, False)


def test_the_openai_sdk_finds_every_endpoint(tmp_path: Path) -> None:
    """Responses (streamed too), embeddings, completions, models: typed answers, the numbers in ``usage`` agree."""
    with openai_at("--rpm", "1000", home=tmp_path) as client:
        answer = client.responses.create(model="m", input="Hello there", max_output_tokens=4)
        assert (answer.output_text, answer.usage and answer.usage.output_tokens) == ("Within its limits all", 4)
        with client.responses.stream(model="m", input="Hello there") as events:
            assert events.get_final_response().output_text.startswith("Within its limits")
        assert len(client.embeddings.create(model="e", input=["a", "b"]).data[1].embedding) == 1536
        assert client.completions.create(model="m", prompt="x", max_tokens=2).choices[0].text == "Within its"
        assert client.models.list().data[0].id == "gpt-3.5-turbo"
        chunks = list(
            client.chat.completions.create(
                model="m", messages=QUESTION, stream=True, stream_options={"include_usage": True}
            )
        )
        assert chunks[-1].usage is not None
        assert chunks[-1].usage.total_tokens == chunks[-1].usage.prompt_tokens + 16


def test_anthropics_usage_and_headers_reach_the_sdk(tmp_path: Path) -> None:
    """The raw response carries the limits that the SDK's users read."""
    with (
        serve("--profile", "anthropic-tier1", "--quiet", home=tmp_path) as running,
        anthropic.Anthropic(api_key=KEY, base_url=running.root, max_retries=0) as client,
    ):
        raw = client.messages.with_raw_response.create(model="m", messages=QUESTION, max_tokens=3)
        assert raw.headers["anthropic-ratelimit-requests-remaining"] == "49"
        assert raw.parse().usage.output_tokens == 3
        assert raw.headers["request-id"].startswith("req_")


def test_quota_exhausted_is_an_error_that_says_so(tmp_path: Path) -> None:
    """``--fault`` gives what no local bucket would: an account without credit."""
    with openai_at("--fault", "always=429+insufficient_quota", home=tmp_path) as client:
        with pytest.raises(openai.RateLimitError) as refused:
            _chat(client)
        assert refused.value.code == "insufficient_quota"


def test_the_story_at_the_terminal(tmp_path: Path) -> None:
    """A hiccup eats a free account's three requests; the report at Ctrl-C says what happened."""
    with (
        serve("--profile", "openai-free", "--fault", "first=500,drop", home=tmp_path) as running,
        openai.OpenAI(api_key=KEY, base_url=running.url) as client,
    ):
        assert _chat(client)
        with pytest.raises(openai.RateLimitError):
            client.with_options(max_retries=0).chat.completions.create(
                model="m", messages=[{"role": "user", "content": "Another."}]
            )
    assert running.code == 0
    assert "2 calls made 4 requests, 2 a call; 1 refused, 1 of the calls failed." in running.out
    assert "openai-python" in running.out
    assert "Left over time" in running.out
    assert "\x1b" not in running.out
    lines = running.err.splitlines()
    assert sum("/v1/chat/completions" in line for line in lines) == 4
    assert any("refused by RPM" in line for line in lines)


def test_one_document_on_stdout_with_json(tmp_path: Path) -> None:
    """stdout holds the URL's document and nothing else; the report goes to stderr."""
    with serve("--json", "--quiet", home=tmp_path) as running:
        assert json.loads(running.first)["schema"] == "ratecheck.serve/1"
    assert running.out == ""
    assert "Nobody asked anything." in running.err


def test_a_stream_is_paced(tmp_path: Path) -> None:
    """``--latency`` spreads the frames: the first comes after about a third, the last at the end."""
    with openai_at("--latency", "0.6", home=tmp_path) as client:
        started = time.monotonic()
        chunks = client.chat.completions.create(model="m", messages=QUESTION, stream=True)
        times = [time.monotonic() - started for _ in chunks]
    assert 0.15 < times[0] < 0.45
    assert 0.55 < times[-1] < 1.2
    assert sum(later - one > 0.005 for one, later in itertools.pairwise(times)) > 8


def test_a_taken_port_is_named(tmp_path: Path, ratecheck: Any) -> None:
    """Exit code 2, the port in the message, no traceback."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = ratecheck("serve", "--port", str(port))
    assert done.returncode == 2
    assert f"port {port} on 127.0.0.1 is taken" in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--profile", "openai-fre"), "no profile is called"), (("--provider", "opena"), "no provider is called"),
        (("--limiter", "bucket"), "no limiter is called"), (("--fault", "sometimes=1"), "character 1"),
        (("--shared-by", "user"), "shared by key or org"), (("--profile", "absent.toml"), "absent.toml: No such file"),
        (("--host", "no.such.host.invalid"), "no address"), (("--host", "192.0.2.1"), "no address of this"),
        (("--rpm", "-1"), "-1"),
    ],
)  # fmt: skip
def test_wrong_options_are_told_in_one_line(arguments: tuple[str, ...], complaint: str, ratecheck: Any) -> None:
    """Exit code 2, what was wrong, and a hint."""
    done = ratecheck("serve", "--port", "0", *arguments)
    assert done.returncode == 2
    assert complaint in done.stderr
    assert "Traceback" not in done.stderr


def test_letting_other_machines_in_is_warned_of(tmp_path: Path) -> None:
    """Loopback is the default; anything else is said."""
    with serve("--host", "0.0.0.0", "--quiet", home=tmp_path) as running:
        assert running.url.startswith("http://127.0.0.1:")
    assert "warning: 0.0.0.0 lets other machines in" in running.err


@pytest.mark.parametrize(
    ("path", "key", "body", "status", "says"),
    [
        ("/wrong", KEY, b"{}", 404, "no such path"), ("/models", KEY, b"{}", 405, "not with this method"),
        ("/chat/completions", "", b"{}", 401, "no key"), ("/chat/completions", KEY, b"{", 400, "not understood"),
    ],
)  # fmt: skip
def test_a_request_that_meets_no_limit_is_seen_all_the_same(
    path: str, key: str, body: bytes, status: int, says: str, tmp_path: Path
) -> None:
    """An app with a wrong base URL finds it in a line and in the report; it is no call and costs nothing."""
    with serve("--rpm", "1", home=tmp_path) as running:
        headers = {"authorization": f"Bearer {key}"} if key else {}
        request = urllib.request.Request(running.url + path, data=body, headers=headers, method="POST")
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(request, timeout=5)
        refused.value.close()
    assert refused.value.code == status
    assert says in next(line for line in running.err.splitlines() if f"  {status}  POST" in line)
    assert f"Nothing that was asked could be answered: 1 with {status} ({says})." in running.out


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a full disk needs /dev/full")
def test_a_full_disk_stops_the_recording_and_no_answer(tmp_path: Path) -> None:
    """The client gets what the limits say; the end says how much of the recording is lost."""
    with (
        serve("--rpm", "1", "--record", "/dev/full", home=tmp_path) as running,
        openai.OpenAI(base_url=running.url, api_key=KEY, max_retries=0) as client,
    ):
        assert client.chat.completions.create(model="m", messages=QUESTION).choices
        with pytest.raises(openai.RateLimitError):
            client.chat.completions.create(model="m", messages=QUESTION)
    assert "the recording stopped: no space left on device; 2 attempts are not in it" in running.err
    assert running.code == 0


def test_a_torn_request_leaves_the_server_up(tmp_path: Path) -> None:
    """Garbage, half a request, a body that never ends: the next client is served."""
    with serve("--rpm", "100", home=tmp_path) as running:
        port = int(running.root.rpartition(":")[2])
        for raw in (b"\x00\xff\r\n\r\n", b"POST /v1/chat/completions HTTP/1.1\r\ncontent-length: 99\r\n\r\n{", b"GET"):
            with socket.create_connection(("127.0.0.1", port)) as client:
                client.sendall(raw)
        with openai.OpenAI(api_key=KEY, base_url=running.url, max_retries=0) as client:
            assert _chat(client)
    assert "Traceback" not in running.err
    assert "bug" not in running.err


NODE_SCRIPT = """
import OpenAI from 'openai';
const client = new OpenAI({apiKey: process.env.KEY, baseURL: process.env.URL, maxRetries: 2});
const ask = {model: 'm', messages: [{role: 'user', content: 'Hello'}], max_tokens: 3};
const said = [(await client.chat.completions.create(ask)).choices[0].message.content];
try { await client.chat.completions.create(ask, {maxRetries: 0}); }
catch (error) { said.push(error.constructor.name, error.status, error.headers.get('retry-after')); }
const started = Date.now();
let text = '';
for await (const chunk of await client.chat.completions.create({...ask, stream: true}))
  text += chunk.choices[0]?.delta?.content ?? '';
said.push(text.trim(), Date.now() - started > 300);
console.log(JSON.stringify(said));
"""


def test_the_openai_npm_package(tmp_path: Path) -> None:
    """Success, RateLimitError, retry-after honoured, streaming: as in Python."""
    npm, node = shutil.which("npm"), shutil.which("node")
    if npm is None or node is None:
        pytest.skip("node and npm are not here: the npm SDK is left out")
    install = [npm, "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", "openai@7"]
    try:
        installed = subprocess.run(install, cwd=tmp_path, capture_output=True, timeout=60, check=False)
    except subprocess.TimeoutExpired:
        pytest.skip("the openai npm package did not arrive in time: left out")
    if installed.returncode != 0:
        pytest.skip("the openai npm package cannot be installed here: left out")
    (tmp_path / "ask.mjs").write_text(NODE_SCRIPT)
    (tmp_path / "short.toml").write_text(f'dialect = "openai"\ncharges_refusals = false\n{SHORT}')
    with serve("--profile", str(tmp_path / "short.toml"), home=tmp_path) as running:
        done = subprocess.run(
            [node, "ask.mjs"], cwd=tmp_path, capture_output=True, text=True, timeout=30, check=False,
            env={**os.environ, "KEY": KEY, "URL": running.url},
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == ["Within its limits", "RateLimitError", 429, "1", "Within its limits", True]
    assert "retry 1" in running.err


def test_a_recording_is_read_back(tmp_path: Path) -> None:
    """Every request is a line that the other commands read: attempts, limits, refusals, no key."""
    path = tmp_path / "recording.jsonl"
    with openai_at("--profile", "openai-free", "--record", str(path), home=tmp_path) as client:
        for _ in range(3):
            assert _chat(client)
        with pytest.raises(openai.RateLimitError):
            _chat(client)
    attempts = [attempt_of(line) for line in path.read_text("utf-8").splitlines()]
    assert [attempt.outcome.status for attempt in attempts if attempt] == [200, 200, 200, 429]
    last = attempts[-1]
    assert last is not None
    assert last.outcome.finding is not None
    assert (last.outcome.finding.dimension, last.outcome.finding.limit) == (Dimension.REQUESTS, 3)
    assert last.outcome.limits
    assert last.request.sender.sdk == "openai-python"
    assert KEY not in path.read_text("utf-8")


def test_the_report_says_what_the_client_does_wrong(tmp_path: Path) -> None:
    """A loop that ignores retry-after is told so, with a code."""
    with serve("--rpm", "2", "--quiet", home=tmp_path) as running:
        for _ in range(6):
            request = urllib.request.Request(
                f"{running.url}/chat/completions",
                json.dumps({"model": "m", "messages": QUESTION}).encode(),
                {"authorization": f"Bearer {KEY}", "user-agent": "naive/1"},
            )
            try:
                urllib.request.urlopen(request, timeout=5).close()
            except urllib.error.HTTPError as refused:
                refused.close()
            time.sleep(0.06)
    assert "RC2" in running.out
    assert "4 by RPM" in running.out
    assert "retried too early" in running.out
