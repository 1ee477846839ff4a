"""The rows of ``retry`` against the real SDKs, unmodified, over a real socket: requests equal, waits inside the jitter.

The answers are the bytes that ``serve`` sends. Waits are recorded where the SDK asks for them, so nobody sleeps.
"""

import json
import shutil
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
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
const [url, ...names] = process.argv.slice(2);
const real = globalThis.setTimeout;
let waits = [];
globalThis.setTimeout = (run, ms, ...rest) => {
  if (!new Error().stack.includes('sleep')) return real(run, ms, ...rest);
  waits.push(ms / 1000);
  return real(run, 0, ...rest);
};
const seen = {};
for (const name of names) {
  waits = [];
  const client = new OpenAI({apiKey: '%s', baseURL: `${url}/openai-tier1/${name}/v1`});
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


def test_openai_npm(npm_openai: Path, server: Scripted) -> None:
    """The openai npm package of this day does what the row of its version says."""
    (npm_openai / "ask.mjs").write_text(NODE % KEY, "utf-8")
    version = json.loads((npm_openai / "node_modules" / "openai" / "package.json").read_text("utf-8"))["version"]
    before = Counter(server.requests)
    node = str(shutil.which("node"))
    done = subprocess.run(
        [node, "ask.mjs", server.url, *OUTCOMES],
        cwd=npm_openai,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    policy = retry.get(f"openai-node@{version}")
    after = Counter(server.requests)
    for name in OUTCOMES:
        hold(
            policy,
            server.answer("openai-tier1", name),
            after[f"openai-tier1/{name}"] - before[f"openai-tier1/{name}"],
            seen[name],
        )
