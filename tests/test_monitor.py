"""`headers --every`: numbers that a platform team can alert on, through restarts and refusals."""

import http.server
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import Ratecheck

from ratecheck.errors import UsageError
from ratecheck.headers import HeadersReport, Probe
from ratecheck.model import Dimension, LimitReading
from ratecheck.net.alarm import replace_file, run_hook, words_of
from ratecheck.render.prometheus import exposition


def report(*limits: LimitReading, model: str = "m-1") -> HeadersReport:
    probe = Probe(0.0, 200, 0.1, None, 1, 9, limits, None)
    return HeadersReport("openai", "http://x/v1", model, None, (probe,))


def written(one: HeadersReport) -> str:
    return exposition(one, up=True, below=None, sent=3, refused=1, errors=0, at_unix_s=1_790_000_000.25)


def test_the_text_format_is_what_prometheus_reads() -> None:
    """HELP and TYPE once for each metric, one sample for each limit, no sample for what is unknown."""
    text = written(
        report(
            LimitReading(Dimension.REQUESTS, 60.0, "", 200, 150, 15.5, ("X-Limit-R",)),
            LimitReading(Dimension.TOKENS, None, None, None, 7, None, ("X-Left-T",), scope="project"),
        )
    )
    lines = text.splitlines()
    requests = 'provider="openai",model="m-1",dimension="requests",window_s="60",scope="",header="x-limit-r"'
    tokens = 'provider="openai",model="m-1",dimension="tokens",window_s="",scope="project",header="x-left-t"'
    assert f"ratecheck_limit{{{requests}}} 200" in lines
    assert f"ratecheck_remaining{{{requests}}} 150" in lines
    assert f"ratecheck_remaining_ratio{{{requests}}} 0.75" in lines
    assert f"ratecheck_reset_seconds{{{requests}}} 15.5" in lines
    assert f"ratecheck_remaining{{{tokens}}} 7" in lines
    assert f"ratecheck_limit{{{tokens}}}" not in text
    assert 'ratecheck_last_probe_timestamp_seconds{provider="openai",model="m-1"} 1790000000.25' in lines
    assert text.endswith("\n")
    for name in ("ratecheck_limit", "ratecheck_up", "ratecheck_refused_total"):
        assert sum(line.startswith(f"# TYPE {name} ") for line in lines) == 1


def test_a_model_s_name_cannot_break_out_of_its_label() -> None:
    """Quotes, backslashes and line breaks are escaped as the format asks."""
    text = written(report(model='a"b\\c\nd'))
    assert 'model="a\\"b\\\\c\\nd"' in text
    assert all(line.startswith(("#", "ratecheck_")) for line in text.splitlines())


def test_a_file_is_replaced_in_one_step(tmp_path: Path) -> None:
    """Who opened the old file goes on reading it; nothing half-written and nothing left over is ever there."""
    path = tmp_path / "n.prom"
    replace_file(path, "old\n")
    with path.open() as reader:
        replace_file(path, "new and longer\n")
        assert reader.read() == "old\n"
    assert path.read_text() == "new and longer\n"
    assert [each.name for each in tmp_path.iterdir()] == ["n.prom"]
    assert path.stat().st_mode & 0o044 == 0o044


def test_what_is_no_file_is_written_to_and_stays_what_it_is(tmp_path: Path) -> None:
    """``/dev/stdout``, ``/dev/null`` and pipes are not replaced by a file, not even for root; nor is a link."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    replace_file(pipe, "numbers\n")
    assert os.read(reader, 100) == b"numbers\n"
    os.close(reader)
    assert pipe.is_fifo()
    link = tmp_path / "link"
    link.symlink_to("n.prom")
    replace_file(link, "numbers\n")
    assert link.is_symlink()
    assert (tmp_path / "n.prom").read_text() == "numbers\n"


def test_a_file_that_cannot_be_written_is_one_clear_error(tmp_path: Path) -> None:
    """No such folder, or a folder in its place."""
    with pytest.raises(UsageError, match="--textfile cannot be written"):
        replace_file(tmp_path / "none" / "n.prom", "x")
    (tmp_path / "taken").mkdir()
    with pytest.raises(UsageError, match="--textfile cannot be written"):
        replace_file(tmp_path / "taken", "x")
    assert [each.name for each in tmp_path.iterdir()] == ["taken"]


def test_the_hook_gets_facts_in_its_environment_and_no_shell() -> None:
    """What stands in a fact is never a command."""
    code = "import os, sys; sys.exit(os.environ['FACT'] != '$(exit 3); \"')"
    assert run_hook([sys.executable, "-c", code], {"FACT": '$(exit 3); "'}) is None
    assert "ended with 5" in (run_hook([sys.executable, "-c", "raise SystemExit(5)"], {}) or "")
    assert "cannot be run" in (run_hook(["/no/such/program"], {}) or "")


@pytest.mark.parametrize("command", ["", "   ", "echo 'open"])
def test_a_hook_that_is_no_command_is_refused_before_anything_is_sent(ratecheck: Ratecheck, command: str) -> None:
    """Exit code 2 and one line."""
    with pytest.raises(UsageError):
        words_of(command)
    done = ratecheck("headers", "--demo", "--alert", "5", "--on-alert", command)
    assert done.returncode == 2
    assert done.stdout == ""


def test_an_alert_is_told_once_for_each_crossing(ratecheck: Ratecheck, tmp_path: Path) -> None:
    """Below the threshold all the time: one line, one run of the hook, exit code 1, the file says so."""
    log = tmp_path / "log"
    hook = (
        f"{sys.executable} -c \"import os; open({str(log)!r}, 'a').write(os.environ['RATECHECK_LEFT_PERCENT'] + ' ')\""
    )
    done = ratecheck(
        "headers", "--demo", "--count", "3", "--every", "0.01", "--alert", "99.99", "--on-alert", hook,
        "--textfile", str(tmp_path / "n.prom"), "--json",
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert len(json.loads(done.stdout)["probes"]) == 3
    assert log.read_text().split() == ["99.800"]
    assert done.stderr.count("alert:") == 1
    text = (tmp_path / "n.prom").read_text()
    assert 'ratecheck_below_alert{provider="openai",model="gpt-4o"} 1\n' in text
    assert 'ratecheck_probes_total{provider="openai",model="gpt-4o"} 3\n' in text


def test_on_alert_without_a_threshold_is_refused(ratecheck: Ratecheck) -> None:
    """It would never run."""
    assert ratecheck("headers", "--demo", "--on-alert", "true").returncode == 2


class Limited(http.server.BaseHTTPRequestHandler):
    """A server with one limit, a connection for each request: so a closed port is noticed at once."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", 0)))
        body = b'{"usage": {"total_tokens": 9}}'
        self.send_response(200)
        for name, value in (("limit", "80"), ("remaining", "60"), ("reset", "5s")):
            self.send_header(f"x-ratelimit-{name}-requests", value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None: ...


def listen(port: int) -> http.server.ThreadingHTTPServer:
    http.server.ThreadingHTTPServer.allow_reuse_address = True
    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Limited)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    return server


def wait_for(path: Path, words: str) -> None:
    for _ in range(200):
        if path.exists() and words in path.read_text():
            return
        time.sleep(0.05)
    raise AssertionError(path.read_text() if path.exists() else "no file")


@pytest.fixture
def watching(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], Path, http.server.ThreadingHTTPServer]]:
    """A watch that runs against a server on loopback."""
    server = listen(0)
    path = tmp_path / "n.prom"
    url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    environment = {name: os.environ[name] for name in ("PATH",) if name in os.environ}
    process = subprocess.Popen(
        [sys.executable, "-m", "ratecheck", "headers", "--base-url", url, "--model", "m", "--no-key", "--every", "1",
         "--timeout", "1", "--textfile", str(path)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment | {"PYTHONUTF8": "1"},
    )  # fmt: skip
    try:
        yield process, path, server
    finally:
        process.kill()
        process.wait()
        for stream in (process.stdout, process.stderr):
            assert stream is not None
            stream.close()
        server.server_close()


def test_a_watch_outlives_a_server_that_goes_away(
    watching: tuple[subprocess.Popen[str], Path, http.server.ThreadingHTTPServer],
) -> None:
    """The file says down while it is away and up when it is back; Ctrl-C ends it with 130 and what was seen."""
    process, path, server = watching
    up = 'ratecheck_up{provider="unknown",model="m"}'
    wait_for(path, f"{up} 1")
    port = server.server_address[1]
    server.shutdown()
    server.server_close()
    wait_for(path, f"{up} 0")
    again = listen(port)
    wait_for(path, f"{up} 1")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=10)
    again.shutdown()
    again.server_close()
    assert process.returncode == 130
    assert "requests 60 of 80" in out
    assert "no answer" in err
