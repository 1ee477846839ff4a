"""`ratecheck probe` as a person and a script meet it: it says the cost first, asks, reports, and exits as promised."""

import http.server
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from conftest import Ratecheck
from serving import serve

from ratecheck.identify import Budget, Investigation, LimiterFound, Sight, report_of
from ratecheck.model import Dimension
from ratecheck.render.page import Style, render
from ratecheck.render.probe import document, page

KEYS = {
    "schema", "target", "budget", "spent", "stopped", "limiters", "reserves_max_tokens", "keys_share_quota", "probes",
}  # fmt: skip
LIMITER = {
    "dimension", "algorithm", "limit", "window_s", "burst", "refill_per_s", "charges_rejected", "confidence",
    "evidence",
}  # fmt: skip
SECRET = "sk-" + "t" * 20 + "wxyz"


def test_the_demo_needs_no_key_and_says_whose_numbers_they_are(ratecheck: Ratecheck) -> None:
    """A first look costs nothing and cannot be mistaken for one's own account."""
    done = ratecheck("probe", "--demo")
    assert done.returncode == 0, done.stderr
    assert "these are not your numbers" in done.stdout
    assert "At most 30 requests, 2,000 tokens" in done.stderr
    assert "500 in 1 min" in done.stdout
    assert "token bucket" in done.stdout


def test_json_is_the_contract_s_document_and_nothing_else(ratecheck: Ratecheck) -> None:
    """One document on stdout with every field of the contract, and the demo's limits in it."""
    done = ratecheck("probe", "--demo", "openai-free", "--to-the-wall", "--budget-requests", "40", "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["schema"] == "ratecheck.probe/1"
    assert set(document) >= KEYS
    assert all(set(each) >= LIMITER for each in document["limiters"])
    assert document["spent"]["requests"] == len(document["probes"]) <= 40
    hidden = document["limiters"][0]
    assert (hidden["limit"], hidden["window_s"], hidden["charges_rejected"]) == (3, pytest.approx(60, rel=0.05), True)


@pytest.mark.parametrize("profile", ["openai-free", "gemini-free", "ietf", "anthropic-tier1"])
def test_a_demo_says_nothing_of_clocks_nor_of_a_second_key(ratecheck: Ratecheck, profile: str) -> None:
    """A demo's time is its own, and it has one key: there is nothing to say of this computer's clock or of two keys."""
    done = ratecheck("probe", "--demo", profile, "--yes", "--to-the-wall")
    assert done.returncode == 0, done.stderr
    assert "Does somebody else draw on it?" in done.stdout
    assert "RC511" not in done.stdout
    assert "two keys" not in done.stdout


def shown(*limiters: LimiterFound) -> tuple[str, list[dict[str, Any]]]:
    """Return a report with these limiters as text, and its limiters as JSON."""
    report = replace(
        report_of(Investigation(Budget(), lambda exchange, ask: Sight(0, 0, 0, None, None))), limiters=limiters
    )
    target = {"url": "http://x/v1", "model": "m"}
    return render(page(report, target), Style(width=100, color=False)), document(report, target)["limiters"]


def test_how_sure_is_said_only_of_what_was_found() -> None:
    """A share beside an unknown algorithm would be read as how sure that is."""
    found = LimiterFound(Dimension.REQUESTS, "token_bucket", 200, 86_400.0, 200, 200 / 86_400, None, 0.97, ("a",))
    unknown = replace(found, algorithm="unknown", window_s=None, burst=None, refill_per_s=None, confidence=0.64)
    text, limiters = shown(found, unknown)
    assert [each["confidence"] for each in limiters] == [0.97, None]
    assert "97%" in text
    assert "64%" not in text
    assert "refilling 8.33 an hour" in text


def test_the_example_for_serve_works_against_serve(ratecheck: Ratecheck, tmp_path: Path) -> None:
    """What the help shows is run as it stands, but for the port."""
    text = ratecheck("probe", "--help").stdout
    example = next(line for line in text.splitlines() if "http://127.0.0.1:8429/v1" in line)
    setting, _, *arguments = example.split()
    name, _, key = setting.partition("=")
    with serve("--rpm", "60", home=tmp_path) as running:
        arguments = [running.url if word == "http://127.0.0.1:8429/v1" else word for word in arguments]
        done = ratecheck(*arguments, "--max-wait", "0", env={name: key})
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["probes"][0]["status"] == 200


def test_a_dry_run_says_the_cost_and_sends_nothing(ratecheck: Ratecheck) -> None:
    """The request is shown with the key masked; nothing listens at the address, so nothing can have been sent."""
    done = ratecheck(
        "probe", "--base-url", "http://127.0.0.1:9/v1", "--model", "m", "--dry-run", env={"OPENAI_API_KEY": SECRET}
    )
    assert done.returncode == 0, done.stderr
    assert "Nothing was sent. At most 30 requests" in done.stdout
    assert SECRET not in done.stdout + done.stderr


def test_nobody_to_ask_means_no_spending(ratecheck: Ratecheck) -> None:
    """Without --yes and without a terminal it stops before the first request."""
    done = ratecheck("probe", "--base-url", "http://127.0.0.1:9/v1", "--model", "m", "--no-key")
    assert done.returncode == 2
    assert "--yes" in done.stderr
    assert "http://127.0.0.1:9/v1/chat/completions as m, without a key; told from --base-url." in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("leave", ["150%", "-1", "nan", "half", ""])
def test_a_reserve_that_is_no_percentage_is_refused(ratecheck: Ratecheck, leave: str) -> None:
    """One clear line, exit code 2."""
    done = ratecheck("probe", "--demo", "--leave", leave)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")


def test_a_server_that_is_not_there_is_exit_code_3(ratecheck: Ratecheck) -> None:
    """Nothing learned, nothing printed on stdout."""
    done = ratecheck("probe", "--base-url", "http://127.0.0.1:9/v1", "--model", "m", "--no-key", "--yes")
    assert done.returncode == 3
    assert done.stdout == ""


class Scripted(http.server.BaseHTTPRequestHandler):
    """Answers from the server's list of statuses, the last one repeating."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", 0)))
        script: list[int] = self.server.script  # type: ignore[attr-defined]
        status = script.pop(0) if len(script) > 1 else script[0]
        key = self.headers.get("authorization", "")
        words = f"no entry for {key} \x1b[31m" if status >= 400 else "fine"
        body = json.dumps({"error": {"message": words}} if status >= 400 else {"usage": {"total_tokens": 9}}).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None: ...


@pytest.fixture
def server() -> Iterator[http.server.ThreadingHTTPServer]:
    """Listen on loopback; tests set ``server.script``."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Scripted) as listening:
        thread = threading.Thread(target=listening.serve_forever, daemon=True)
        thread.start()
        yield listening
        listening.shutdown()


@pytest.mark.parametrize(
    ("script", "code", "stopped"),
    [
        ([401], 4, "error"),
        ([404], 3, "error"),
        ([500], 3, "error"),
        ([200], 0, "budget"),
        ([200, 429, 500, 200], 1, "limited"),
    ],
)  # fmt: skip
def test_what_a_server_may_do_and_how_it_ends(
    ratecheck: Ratecheck, server: http.server.ThreadingHTTPServer, script: list[int], code: int, stopped: str
) -> None:
    """Whatever comes back there is one document, an exit code, and never the key or an escape character."""
    server.script = script  # type: ignore[attr-defined]
    url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    arguments = ["--base-url", url, "--model", "m", "--yes", "--json", "--max-wait", "1"]
    done = ratecheck("probe", *arguments, env={"OPENAI_API_KEY": SECRET})
    assert (done.returncode, json.loads(done.stdout)["stopped"]) == (code, stopped), done.stderr
    assert SECRET not in done.stdout + done.stderr
    assert "\x1b" not in done.stdout + done.stderr


def test_ctrl_c_reports_what_is_known(server: http.server.ThreadingHTTPServer, tmp_path: Path) -> None:
    """While the plan waits for the limit to refill it can be stopped: 130, and the answers so far in the document."""
    server.script = [200, 200, 429]  # type: ignore[attr-defined]
    url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    process = subprocess.Popen(
        [sys.executable, "-m", "ratecheck", "probe", "--base-url", url, "--model", "m", "--no-key", "--yes", "--json",
         "--to-the-wall"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={"PATH": os.environ.get("PATH", ""), "HOME": str(tmp_path), "PYTHONUTF8": "1"},
    )  # fmt: skip
    try:
        for _ in range(200):
            if len(server.script) == 1:  # type: ignore[attr-defined]
                break
            time.sleep(0.05)
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 130, err
    document = json.loads(out)
    assert document["stopped"] == "interrupted"
    assert [probe["status"] for probe in document["probes"]][:3] == [200, 200, 429]
