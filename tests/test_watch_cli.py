"""`ratecheck watch` from outside: the app stays itself, its exit code comes back, the report says what happened."""

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import Ratecheck
from loopback import Script, always, answer, proxied
from test_watch_proxy import REFUSAL

REFUSING: Script = always(
    answer(429, REFUSAL, ("x-ratelimit-limit-requests", "7"), ("x-ratelimit-remaining-requests", "0"))
)

# An app of a few lines: the SDK's way of retrying, without an SDK's time to import.
APP = """
import http.client, json, os, sys, time
from urllib.parse import urlsplit
address = urlsplit(os.environ["OPENAI_BASE_URL"])
def ask(prompt, count):
    connection = http.client.HTTPConnection(address.netloc)
    connection.request("POST", address.path + "/chat/completions", json.dumps({"model": "m-9", "p": prompt}), {
        "User-Agent": "OpenAI/Python 3.54.0", "X-Stainless-Retry-Count": str(count),
        "Authorization": "Bearer sk-test-abcdefghijklmnop7777"})
    status = connection.getresponse().status
    connection.close()
    return status
for prompt in sys.argv[1:]:
    for count in range(3):
        if ask(prompt, count) == 200:
            break
        time.sleep(0.05)
    print("app did", prompt)
"""


def app(*prompts: str) -> list[str]:
    return [sys.executable, "-c", APP, *prompts]


def environment(**more: str) -> dict[str, str]:
    return {**os.environ, "PYTHONUTF8": "1", "OPENAI_API_KEY": "sk-test-abcdefghijklmnop7777", **more}


def test_the_app_keeps_its_streams_and_its_exit_code(ratecheck: Ratecheck) -> None:
    """stdin and stdout are the app's own, the report is on stderr, and the exit code is the app's."""
    done = ratecheck("watch", "--", sys.executable, "-c", "print(input()); raise SystemExit(37)", stdin="through\n")
    assert (done.returncode, done.stdout) == (37, "through\n")
    assert "No request passed through" in done.stderr
    assert "RC210" in done.stderr


def test_calls_and_requests_are_told_apart(ratecheck: Ratecheck) -> None:
    """Two calls that become six requests: in words on stderr, in one document with --json."""
    with proxied(REFUSING) as upstream:
        url = f"http://127.0.0.1:{upstream.upstream_port}/v1"
        text = ratecheck("watch", "--upstream", url, "--", *app("one", "one"))
        made = ratecheck("watch", "--upstream", url, "--json", "--fail-over", "1.2", "--", *app("one", "two"))
    assert text.returncode == 0
    assert text.stdout == "app did one\napp did one\n"
    assert "2 calls became 6 requests: 3.00 for each; 6 refused by a limit" in text.stderr
    assert "RC201" in text.stderr
    assert "OpenAI(max_retries=0)" in text.stderr
    assert "abcdefgh" not in text.stderr + made.stdout + made.stderr
    assert made.returncode == 1, "more requests per call than --fail-over allows"
    document = json.loads(made.stdout)
    assert document["schema"] == "ratecheck.watch/1"
    assert document["upstream"] == url.removesuffix("/v1")
    assert {name: document["totals"][name] for name in ("calls", "requests", "limited", "amplification")} == {
        "calls": 2, "requests": 6, "limited": 6, "amplification": 3.0,
    }  # fmt: skip
    assert [call["call"] for call in document["calls"]] == [1, 2]
    first = document["calls"][0]["attempts"][0]
    assert first["limits"][0]["limit"] == 7
    assert first["retry_after_s"] == 8.5
    assert "app did one" in made.stderr, "with --json the app's stdout goes to stderr"


def test_a_recording_makes_the_same_report_again(ratecheck: Ratecheck, tmp_path: Path) -> None:
    """--record then --read: the same calls, from a file of mode 0600; a torn last line is passed over."""
    record = tmp_path / "run.jsonl"
    with proxied(REFUSING) as upstream:
        url = f"http://127.0.0.1:{upstream.upstream_port}/v1"
        live = ratecheck("watch", "--upstream", url, "--json", "--record", str(record), "--", *app("a", "b", "a"))
    assert stat.S_IMODE(record.stat().st_mode) == 0o600
    assert len(record.read_text().splitlines()) == 9
    assert "abcdefgh" not in record.read_text()
    with record.open("a") as file:
        file.write('{"schema":"ratecheck.attempt/1","t_s":3.')
    again = ratecheck("watch", "--read", str(record), "--json")
    assert "1 lines of" in again.stderr
    one, other = json.loads(live.stdout), json.loads(again.stdout)
    assert one["totals"] | {"span_s": 0} == other["totals"] | {"span_s": 0}
    assert [len(call["attempts"]) for call in other["calls"]] == [3, 3, 3]
    piped = ratecheck("watch", "--read", "-", stdin=record.read_text())
    assert piped.stdout.startswith("3 calls became 9 requests")
    assert ratecheck("watch", "--read", "-", "--fail-over", "2", stdin=record.read_text()).returncode == 1


def test_a_run_without_a_command_prints_exports_and_ends_well(tmp_path: Path) -> None:
    """It says what to export, serves until Ctrl-C, reports, and that end is a normal one."""
    with proxied(always(answer(200, b"{}"))) as upstream:
        url = f"http://127.0.0.1:{upstream.upstream_port}/v1"
        command = [sys.executable, "-m", "ratecheck", "watch", "--upstream", url]
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment()
        )
        assert process.stdout is not None
        exports: dict[str, str] = {}
        while "LITELLM_PROXY_API_BASE" not in exports:
            name, _, value = process.stdout.readline().removeprefix("export ").strip().partition("=")
            exports[name] = value
        assert exports["OPENAI_BASE_URL"].endswith("/v1")
        assert exports["ANTHROPIC_BASE_URL"] + "/v1" == exports["OPENAI_BASE_URL"]
        assert subprocess.run(app("x"), env=environment(**exports), check=False, capture_output=True).returncode == 0
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=20)
    assert process.returncode == 0
    assert out.startswith("1 call, 1 request: one for each.")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGUSR1])
def test_signals_reach_the_app(number: signal.Signals) -> None:
    """A signal to ratecheck is a signal to the app, and what the app makes of it is the exit code."""
    code = (
        "import signal, sys, time\n"
        f"signal.signal({int(number)}, lambda *_: sys.exit(42))\n"
        "print('ready', flush=True)\ntime.sleep(30)"
    )
    command = [sys.executable, "-m", "ratecheck", "watch", "--", sys.executable, "-c", code]
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        env=environment(), start_new_session=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    time.sleep(0.5)  # the server below the app has started: its signal handling is in place throughout
    process.send_signal(number)
    process.communicate(timeout=20)
    assert process.returncode == 42


def test_a_killed_app_is_reported_as_a_shell_would(ratecheck: Ratecheck) -> None:
    """128 + the signal's number."""
    done = ratecheck("watch", "--", sys.executable, "-c", "import os; os.kill(os.getpid(), 9)")
    assert done.returncode == 137


def test_wrong_usage_says_so_in_a_line(ratecheck: Ratecheck, tmp_path: Path) -> None:
    """A port in use, an upstream that is the proxy, no such command or file: exit 2 and no traceback."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        cases: list[tuple[tuple[str, ...], str]] = [
            (("--port", port, "--", "true"), "cannot listen on"),
            (("--", "no-such-command-here"), "no such command"),
            (("--upstream", "ftp://x", "--", "true"), "not an http(s) URL"),
            (("--upstream", "http://[", "--", "true"), "not an http(s) URL"),
            (("--read", str(tmp_path / "none")), "cannot read"),
            (("--read", str(tmp_path), "--json"), "cannot read"),
            (("--record", str(tmp_path / "no" / "dir"), "--", "true"), "cannot write"),
            (("--bodies", "--", "true"), "--bodies needs --record"),
            (("--read", "x", "--", "true"), "--read takes no COMMAND"),
        ]
        for arguments, says in cases:
            done = ratecheck("watch", *arguments)
            assert done.returncode == 2, arguments
            assert says in done.stderr
            assert "Traceback" not in done.stderr
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = str(sock.getsockname()[1])
    done = ratecheck("watch", "--port", port, "--upstream", f"http://localhost:{port}/v1", "--", "true")
    assert done.returncode == 2
    assert "is this proxy itself" in done.stderr


def test_a_full_disk_stops_the_recording_and_nothing_else(ratecheck: Ratecheck) -> None:
    """The app gets its answers; a warning says how much is missing."""
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    with proxied(REFUSING) as upstream:
        url = f"http://127.0.0.1:{upstream.upstream_port}/v1"
        done = ratecheck("watch", "--upstream", url, "--record", "/dev/full", "--", *app("a"))
    assert done.returncode == 0
    assert "the recording stopped: no space left on device; 3 attempts are not in it" in done.stderr
    assert "1 call became 3 requests" in done.stderr


def test_hostile_recordings_are_read_without_harm(ratecheck: Ratecheck, tmp_path: Path) -> None:
    """Numbers beyond all bounds, wrong types, control characters: a report or a clear refusal, never a traceback."""
    line = {"schema": "ratecheck.attempt/1", "t_s": 1, "status": 429, "latency_s": 1e300, "model": "\x1b[31mred",
            "client": [], "limits": {"a": 1}, "retry_after_s": 1e308,
            "finding": {"category": "rate_limit", "advice": 3},
            "retry_count": 10**30, "target": 7}  # fmt: skip
    record = tmp_path / "odd.jsonl"
    record.write_bytes(json.dumps(line).encode() + b"\n[" * 3000 + b"\n\xff\xfe\n{}\n" + json.dumps(line).encode())
    done = ratecheck("watch", "--read", str(record))
    assert done.returncode == 0
    assert "\x1b" not in done.stdout
    assert "Traceback" not in done.stderr
