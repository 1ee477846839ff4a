"""The rows of ``retry`` against the real SDKs, unmodified, over a real socket: requests equal, waits inside the jitter.

The answers are the bytes that ``serve`` sends, from a scripted server for the full table and from real ``ratecheck
serve`` processes for the outcomes that matter most. Waits are recorded where the SDK asks for them, so nobody sleeps,
but where a test says so.
"""

import json
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from typing import Any

import anthropic
import openai
import pytest

from ratecheck import retry
from ratecheck.model import Answer, Cost
from ratecheck.provider import Provider, get
from ratecheck.provider.faults import parse

KEY = "sk-parity0123456789abcdefgh"
QUESTION: Any = [{"role": "user", "content": "How often do you try?"}]
OUTCOMES = {
    "plain": "always=429",
    "seconds": "always=429+retry-after:1",
    "milliseconds": "always=429+retry-after-ms:200",
    "both": "always=429+retry-after-ms:300+retry-after:9",
    "at-the-bound": "always=429+retry-after:60",
    "above-it": "always=429+retry-after:121",
    "no": "always=429+x-should-retry:false",
    "server-error": "always=500",
    "drop": "always=drop",
    "quota": "always=429+insufficient_quota",
    "bad-request": "always=400",
}


class Scripted:
    """A loopback server: the first part of the path names the outcome, every request to it is counted."""

    def __init__(self) -> None:
        self.requests: Counter[str] = Counter()
        counts, answer_of = self.requests, self.answer

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                _, profile, name, _ = self.path.split("/", 3)
                self.rfile.read(int(self.headers.get("content-length", 0)))
                counts[f"{profile}/{name}"] += 1
                answer = answer_of(profile, name)
                self.close_connection = True
                if answer.status is None:
                    return
                self.send_response_only(answer.status)
                for header, value in answer.headers:
                    self.send_header(header, value)
                self.send_header("content-length", str(len(answer.body)))
                self.send_header("connection", "close")
                self.end_headers()
                self.wfile.write(answer.body)

            def log_message(self, *arguments: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    @staticmethod
    def answer(profile: str, name: str) -> Answer:
        provider = Provider(get(profile))
        return provider.fault(parse(OUTCOMES[name]).outcome(1), Cost(), provider.profile.model, 0)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class Impatient:
    """The time module with a sleep that notes and does not wait."""

    def __init__(self, waits: list[float]) -> None:
        self.sleep = waits.append

    def __getattr__(self, name: str) -> Any:
        return getattr(time, name)


@pytest.fixture(scope="module")
def server() -> Iterator[Scripted]:
    scripted = Scripted()
    yield scripted
    scripted.close()


def hold(policy: retry.RetryPolicy, answer: Answer, requests: int, waits: list[float]) -> None:
    """The row says what was seen."""
    bounds = policy.waits(answer)
    assert requests == len(bounds) + 1, policy.name
    assert len(waits) == len(bounds)
    for wait_s, (shortest_s, longest_s) in zip(waits, bounds, strict=True):
        # The clients compute in binary floats: a rounding error at the edge is no other rule.
        assert shortest_s - 1e-9 <= wait_s <= longest_s + 1e-9


@pytest.mark.parametrize("name", OUTCOMES)
def test_openai_python(name: str, server: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    """The installed openai package does what its row says."""
    waits: list[float] = []
    monkeypatch.setattr("openai._base_client.time", Impatient(waits))
    before = server.requests[f"openai-tier1/{name}"]
    client = openai.OpenAI(api_key=KEY, base_url=f"{server.url}/openai-tier1/{name}/v1")
    with client, pytest.raises(openai.OpenAIError):
        client.chat.completions.create(model="gpt-4o", messages=QUESTION)
    policy = retry.get(f"openai-python@{openai.__version__}")
    hold(policy, server.answer("openai-tier1", name), server.requests[f"openai-tier1/{name}"] - before, waits)


@pytest.mark.parametrize("name", OUTCOMES)
def test_anthropic_python(name: str, server: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    """The installed anthropic package does what its row says."""
    waits: list[float] = []
    monkeypatch.setattr("anthropic._base_client.time", Impatient(waits))
    before = server.requests[f"anthropic-start/{name}"]
    client = anthropic.Anthropic(api_key=KEY, base_url=f"{server.url}/anthropic-start/{name}")
    with client, pytest.raises(anthropic.AnthropicError):
        client.messages.create(model="claude-sonnet-5", max_tokens=9, messages=QUESTION)
    policy = retry.get(f"anthropic-python@{anthropic.__version__}")
    hold(policy, server.answer("anthropic-start", name), server.requests[f"anthropic-start/{name}"] - before, waits)


# Timers set by the SDK's own sleep() are its waits: noted and run at once. All other timers stay as they are.
NODE = """
import OpenAI from 'openai';
const pairs = process.argv.slice(2);
const real = globalThis.setTimeout;
let waits = [];
globalThis.setTimeout = (run, ms, ...rest) => {
  if (!new Error().stack.includes('sleep')) return real(run, ms, ...rest);
  waits.push(ms / 1000);
  return real(run, 0, ...rest);
};
const seen = {};
for (const pair of pairs) {
  const [name, baseURL] = pair.split('=');
  waits = [];
  const client = new OpenAI({apiKey: '%s', baseURL});
  await client.chat.completions.create({model: 'gpt-4o', messages: [{role: 'user', content: 'x'}]}).catch(() => {});
  seen[name] = waits;
}
console.log(JSON.stringify(seen));
process.exit(0);
"""


@pytest.fixture(scope="module")
def npm_openai(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the openai npm package; the test is skipped where that cannot be had."""
    npm, node = shutil.which("npm"), shutil.which("node")
    if npm is None or node is None:
        pytest.skip("node and npm are not here: the npm SDK is left out")
    folder = tmp_path_factory.mktemp("npm")
    install = [npm, "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", "openai"]
    try:
        done = subprocess.run(install, cwd=folder, capture_output=True, timeout=60, check=False)
    except subprocess.TimeoutExpired:
        pytest.skip("the openai npm package did not arrive in time: left out")
    if done.returncode != 0:
        pytest.skip("the openai npm package cannot be installed here: left out")
    return folder


def ask_npm(folder: Path, urls: dict[str, str]) -> tuple[str, dict[str, list[float]]]:
    """Make one call against each URL; return the package's version and its waits by name."""
    (folder / "ask.mjs").write_text(NODE % KEY, "utf-8")
    version = json.loads((folder / "node_modules" / "openai" / "package.json").read_text("utf-8"))["version"]
    command = [str(shutil.which("node")), "ask.mjs", *(f"{name}={url}" for name, url in urls.items())]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return version, json.loads(done.stdout)


def test_openai_npm(npm_openai: Path, server: Scripted) -> None:
    """The openai npm package of this day does what the row of its version says."""
    before = Counter(server.requests)
    version, seen = ask_npm(npm_openai, {name: f"{server.url}/openai-tier1/{name}/v1" for name in OUTCOMES})
    policy = retry.get(f"openai-node@{version}")
    after = Counter(server.requests)
    for name in OUTCOMES:
        requests = after[f"openai-tier1/{name}"] - before[f"openai-tier1/{name}"]
        hold(policy, server.answer("openai-tier1", name), requests, seen[name])


# -- against `ratecheck serve` itself ---------------------------------------------------------------------------------

SERVED = ("plain", "seconds", "milliseconds", "no", "server-error", "drop", "quota")


class Serve:
    """``ratecheck serve`` as a process of its own that meets every request with one fault and records them."""

    def __init__(self, provider: str, name: str, folder: Path) -> None:
        self.name = name
        self._record = folder / f"{provider}-{name}.jsonl"
        command = [sys.executable, "-m", "ratecheck", "serve", "--provider", provider, "--port", "0", "--json",
                   "--quiet", "--rpm", "100000", "--fault", OUTCOMES[name], "--record", str(self._record)]  # fmt: skip
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)

    def url(self) -> str:
        """Return the base URL, once it listens."""
        assert self._process.stdout is not None
        return str(json.loads(self._process.stdout.readline())["url"])

    def end(self) -> None:
        """Send Ctrl-C."""
        self._process.send_signal(signal.SIGINT)

    def instants_s(self) -> list[float]:
        """Return when each request came, by its own record, once it has ended."""
        self._process.communicate(timeout=30)
        lines = self._record.read_text("utf-8").splitlines() if self._record.exists() else []
        return [row["t_s"] for row in map(json.loads, lines) if row.get("schema") == "ratecheck.attempt/1"]


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[Callable[[str], dict[str, Serve]]]:
    """Return a function that starts a server for each outcome, all at once; whatever happens, they end."""
    started: list[Serve] = []

    def start(provider: str) -> dict[str, Serve]:
        begun = {name: Serve(provider, name, tmp_path) for name in SERVED}
        started.extend(begun.values())
        return begun

    yield start
    for each in started:
        each._process.kill()
        each._process.communicate()


def hold_all(policy: retry.RetryPolicy, profile: str, servers: dict[str, Serve], seen: dict[str, list[float]]) -> None:
    """The row says what the servers saw and the client waited."""
    for serve in servers.values():
        serve.end()
    for name, serve in servers.items():
        hold(policy, Scripted.answer(profile, name), len(serve.instants_s()), seen[name])


def test_openai_python_and_serve(serving: Callable[[str], dict[str, Serve]], monkeypatch: pytest.MonkeyPatch) -> None:
    """The real client and the real server: requests as the row says, and the waits that it asked for."""
    seen = {}
    for name, serve in (servers := serving("openai")).items():
        monkeypatch.setattr("openai._base_client.time", Impatient(seen.setdefault(name, [])))
        client = openai.OpenAI(api_key=KEY, base_url=serve.url())
        with client, pytest.raises(openai.OpenAIError):
            client.chat.completions.create(model="gpt-4o", messages=QUESTION)
    hold_all(retry.get(f"openai-python@{openai.__version__}"), "openai-tier1", servers, seen)


def test_anthropic_python_and_serve(
    serving: Callable[[str], dict[str, Serve]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same of Anthropic's, whose base URL has no version in it."""
    seen = {}
    for name, serve in (servers := serving("anthropic")).items():
        monkeypatch.setattr("anthropic._base_client.time", Impatient(seen.setdefault(name, [])))
        client = anthropic.Anthropic(api_key=KEY, base_url=serve.url().removesuffix("/v1"))
        with client, pytest.raises(anthropic.AnthropicError):
            client.messages.create(model="claude-sonnet-5", max_tokens=9, messages=QUESTION)
    hold_all(retry.get(f"anthropic-python@{anthropic.__version__}"), "anthropic-start", servers, seen)


def test_openai_npm_and_serve(npm_openai: Path, serving: Callable[[str], dict[str, Serve]]) -> None:
    """The same of the npm package."""
    servers = serving("openai")
    version, seen = ask_npm(npm_openai, {name: serve.url() for name, serve in servers.items()})
    hold_all(retry.get(f"openai-node@{version}"), "openai-tier1", servers, seen)


def test_real_waits_are_the_ones_recorded(tmp_path: Path) -> None:
    """Nothing replaced: retry-after-ms 200 is slept, and the server sees the requests 0.2 s apart."""
    serve = Serve("openai", "milliseconds", tmp_path)
    try:
        client = openai.OpenAI(api_key=KEY, base_url=serve.url())
        with client, pytest.raises(openai.RateLimitError):
            client.chat.completions.create(model="gpt-4o", messages=QUESTION)
        serve.end()
        instants = serve.instants_s()
    finally:
        serve._process.kill()
    gaps = [later - one for one, later in pairwise(instants)]
    assert len(gaps) == 2
    # A busy machine may add to a wait; nothing takes from it but the clock's own grain.
    assert all(0.195 <= gap_s < 5 for gap_s in gaps)
