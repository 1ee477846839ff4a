"""Commands chained as people chain them: real processes, a real shell, `set -o pipefail`."""

import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

# Three requests with one key against three a minute, then one that is refused: an app without any SDK.
APP = """
import json, os, sys, urllib.error, urllib.request
for number in range(4):
    body = json.dumps({"model": "gpt-3.5-turbo", "messages": [{"role": "user", "content": f"call {number}"}]}).encode()
    request = urllib.request.Request(os.environ["OPENAI_BASE_URL"] + "/chat/completions", body,
                                     {"content-type": "application/json", "authorization": "Bearer sk-piped1234wxyz"})
    try:
        urllib.request.urlopen(request, timeout=20).read()
    except urllib.error.HTTPError as error:
        print(error.code, error.read().decode())
"""
KEY = "sk-piped1234wxyz"


def environment(home: Path) -> dict[str, str]:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    return {"PATH": path, "HOME": str(home), "PYTHONUTF8": "1", "LC_ALL": "C.UTF-8"}


def sh(line: str, home: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a line as a careful script would: the first failure of a pipe is the pipe's."""
    return subprocess.run(
        ["bash", "-c", f"set -o pipefail; {line}"], cwd=home, env=environment(home) | variables,
        capture_output=True, text=True, encoding="utf-8", timeout=60, check=False,
    )  # fmt: skip


@contextmanager
def serving(home: Path, *options: str) -> Iterator[str]:
    """Run `ratecheck serve` on a free port; yields its URL; it ends by Ctrl-C, as for a person."""
    command = [sys.executable, "-m", "ratecheck", "serve", "--port", "0", "--json", "--quiet", *options]
    process = subprocess.Popen(
        command, cwd=home, env=environment(home), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())["url"]
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("pipelines")
    (place / "prompt.txt").write_text("Tell me about rate limits in forty words.", "utf-8")
    (place / "app.py").write_text(APP, "utf-8")
    return place


@pytest.fixture(scope="module")
def recorded(home: Path) -> Path:
    """Run the app once under `watch` before `serve`; both write down what they saw."""
    with serving(home, "--profile", "openai-free", "--record", "served.jsonl") as url:
        watched = sh(
            f"ratecheck watch --upstream {url} --record watched.jsonl --quiet -- {shlex.quote(sys.executable)} app.py",
            home,
        )
    assert watched.returncode == 0, watched.stderr
    assert watched.stdout.startswith("429 ")
    return home


# -- what the headers say, and what follows ---------------------------------------------------------------------------


@pytest.mark.parametrize("profile", ["openai-tier1", "azure-s0", "groq-free", "anthropic-tier1"])
def test_headers_into_simulate(home: Path, profile: str) -> None:
    """The limits of the answer are those of the simulation."""
    done = sh(f"ratecheck headers --demo {profile} --json | tee said.json | ratecheck simulate --limits - --json", home)
    assert done.returncode == 0, done.stderr
    said = {
        each["dimension"]: each["limit"] for each in json.loads((home / "said.json").read_text())["probes"][0]["limits"]
    }
    scenario = json.loads(done.stdout)["scenario"]
    assert said["requests"] in (scenario["rpm"], scenario["rpd"])
    assert scenario["tpm"] == said.get("tokens") or "input_tokens" in said


def test_headers_into_estimate(home: Path) -> None:
    """The prompt is held against the limits that the server announced."""
    done = sh("ratecheck headers --demo openai-tier1 --json | ratecheck estimate --json --limits - prompt.txt", home)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["limits"]["rpm"], found["limits"]["tpm"]) == (500, 30_000)
    assert found["fit"]["binding"] == "requests"


def test_limits_say_whose_they_are(home: Path) -> None:
    """Their provider charges and their model counts, where nothing else was said."""
    done = sh("ratecheck headers --demo anthropic-tier1 --json > l.json && "
              "ratecheck estimate --json --limits l.json prompt.txt", home)  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    asked = json.loads((home / "l.json").read_text())["target"]["model"]
    assert (found["model"], found["charging"]) == (asked, "anthropic")
    done = sh("ratecheck estimate --json --limits l.json --provider groq --model gpt-4o prompt.txt", home)
    found = json.loads(done.stdout)
    assert (found["model"], found["charging"]) == ("gpt-4o", "groq")


def test_probe_into_simulate(home: Path) -> None:
    """A limiter that was found out is the one that is simulated: three a minute, refused at the fourth."""
    line = "ratecheck probe --demo openai-free --to-the-wall --yes --json | tee probe.json"
    done = sh(f"{line} | ratecheck simulate --limits - --calls 2 --json", home)
    assert done.returncode == 0, done.stderr
    probed = json.loads((home / "probe.json").read_text())
    found = {each["window_s"]: each["limit"] for each in probed["limiters"] if each["dimension"] == "requests"}
    assert found[60.0] == 3
    assert json.loads(done.stdout)["scenario"]["rpm"] == 3


def test_one_reading_goes_two_ways(home: Path) -> None:
    """One probe, kept in a file, serves both."""
    done = sh(
        "ratecheck headers --demo openai-tier1 --json > limits.json && "
        "ratecheck estimate --limits limits.json prompt.txt && ratecheck simulate --limits limits.json",
        home,
    )
    assert done.returncode == 0, done.stderr


def test_a_live_server_is_asked(home: Path) -> None:
    """Not the demo: `serve` on a socket, asked by `headers`, simulated with what it said."""
    with serving(home, "--profile", "azure-s0") as url:
        done = sh(f"ratecheck headers --provider azure --model a-deployment --base-url {url} --json | "
                  "ratecheck simulate --limits - --json", home, AZURE_OPENAI_API_KEY="any")  # fmt: skip
    assert done.returncode == 0, done.stderr
    scenario = json.loads(done.stdout)["scenario"]
    assert (scenario["rpm"], scenario["tpm"]) == (120, 120_000)


# -- what was recorded, and what follows ------------------------------------------------------------------------------


def test_a_recording_is_a_workload(recorded: Path) -> None:
    """The calls that the app made are made again, in virtual time."""
    done = sh("ratecheck simulate --workload watched.jsonl --rpm 3 --json", recorded)
    assert done.returncode == 0, done.stderr
    (policy,) = json.loads(done.stdout)["policies"]
    assert policy["calls"] == 4
    assert policy["requests_limited"] >= 1


def test_a_workload_comes_through_a_pipe(recorded: Path) -> None:
    """Standing in a pipe or in a file, the recording is the same."""
    piped = sh("cat watched.jsonl | ratecheck simulate --workload - --rpm 3 --json", recorded)
    read = sh("ratecheck simulate --workload watched.jsonl --rpm 3 --json", recorded)
    assert (piped.returncode, read.returncode) == (0, 0)
    assert json.loads(piped.stdout)["policies"] == json.loads(read.stdout)["policies"]


@pytest.mark.parametrize("recording", ["watched.jsonl", "served.jsonl"])
def test_a_recording_is_decoded(recorded: Path, recording: str) -> None:
    """Both recorders' files say to `decode` what the server said: three requests a minute, used up."""
    done = sh(f"ratecheck decode --json {recording}", recorded)
    assert done.returncode == 0, done.stderr
    refused = [each for each in json.loads(done.stdout)["findings"] if each["category"] == "rate_limit"]
    assert [each["provider"] for each in refused] == ["openai"]
    assert (refused[0]["status"], refused[0]["dimension"]) == (429, "requests")
    assert (refused[0]["limit"], refused[0]["window_s"], refused[0]["retry_after_s"]) == (3, 60.0, 20.0)


@pytest.mark.parametrize("recording", ["watched.jsonl", "served.jsonl"])
def test_a_recording_is_reported_again(recorded: Path, recording: str) -> None:
    """`watch --read` counts the same requests in either file."""
    done = sh(f"cat {recording} | ratecheck watch --read - --json", recorded)
    assert done.returncode == 0, done.stderr
    totals = json.loads(done.stdout)["totals"]
    assert (totals["requests"], totals["limited"]) == (4, 1)


def test_no_recording_holds_the_key(recorded: Path) -> None:
    """The app's key stands in neither file in any form longer than its end."""
    for name in ("watched.jsonl", "served.jsonl"):
        text = (recorded / name).read_text("utf-8")
        assert KEY not in text
        assert KEY[-5:] not in text


def test_a_curl_dump_is_decoded(home: Path) -> None:
    """What `curl -i` prints of a refusal goes straight into `decode`."""
    body = '{"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}]}'
    with serving(home, "--provider", "openai", "--rpm", "1") as url:
        (home / "ask").write_text(
            f"curl -s -i -H 'authorization: Bearer x' -H 'content-type: application/json' -d '{body}' "
            f"{url}/chat/completions", "utf-8",
        )  # fmt: skip
        healthy = sh("sh ask | ratecheck decode", home)
        refused = sh("sh ask | ratecheck decode --json", home)
    if "curl: " in healthy.stderr:
        pytest.skip("no curl here")
    assert (healthy.returncode, refused.returncode) == (0, 0)
    assert healthy.stdout.startswith("Healthy, nothing was refused: 0 of 1 requests left")
    finding = json.loads(refused.stdout)["findings"][0]
    assert (finding["provider"], finding["status"], finding["dimension"]) == ("openai", 429, "requests")


# -- pipes that end, and pipes that fail ------------------------------------------------------------------------------

LONG = [
    "ratecheck explain unverified", "ratecheck explain", "ratecheck explain --json",
    "ratecheck simulate --rpm 3 --compare", "ratecheck simulate --list-policies", "ratecheck headers --demo",
    "ratecheck headers --demo --json",
    "ratecheck decode --json watched.jsonl", "ratecheck estimate prompt.txt", "ratecheck watch --read watched.jsonl",
    "ratecheck --help",
]  # fmt: skip


@pytest.mark.parametrize("command", LONG)
@pytest.mark.parametrize("reader", ["head -1", "head -c 1", "true"])
def test_a_reader_that_leaves_is_no_error(recorded: Path, command: str, reader: str) -> None:
    """`| head -1`, or a reader that never reads: no traceback, no complaint, exit 0."""
    done = sh(f"{command} | {reader}", recorded)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert "Broken pipe" not in done.stderr
    assert "error" not in done.stderr.lower()


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        ("echo nothing here | ratecheck decode", 1, ""),
        ("echo '{' | ratecheck simulate --limits -", 2, "--limits"),
        ("echo '[]' | ratecheck estimate --limits - prompt.txt", 2, "--limits"),
        ("ratecheck headers --demo nobody --json | ratecheck simulate --limits - ", 2, "nobody"),
        ("ratecheck headers --provider openai --json | ratecheck simulate --limits -", 2, "OPENAI_API_KEY"),
        ("ratecheck headers --base-url http://127.0.0.1:9 --model m --no-key --json | cat", 3, "127.0.0.1"),
        ("ratecheck headers --provider openai --json | cat", 4, "OPENAI_API_KEY"),
        ("ratecheck explain nobody | cat", 2, "nobody"),
        ("ratecheck simulate --limits - --workload - < prompt.txt | cat", 2, "stdin"),
        ("ratecheck headers --demo --json --alert 100 | cat", 1, ""),
        ("ratecheck decode missing.txt | cat", 2, "missing.txt"),
    ],
)
def test_the_first_failure_is_the_pipes(home: Path, line: str, code: int, said: str) -> None:
    """With `pipefail`, scripts see what went wrong; the reason is one `error:` on stderr and never a traceback."""
    done = sh(line, home)
    assert done.returncode == code, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert "bug in ratecheck" not in done.stderr
    assert (code == 1) != done.stderr.startswith("error: ")
