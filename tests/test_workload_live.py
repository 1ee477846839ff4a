"""What `serve --record` and `watch --record` write while real clients call is a workload of `simulate`."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import Ratecheck

# Three calls of one client, the middle one of which meets a fault and is tried again.
APP = """
import openai
client = openai.OpenAI(api_key="sk-live0123456789abcdefgh")
for size in (5, 60, 700):
    client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": "word " * size}])
"""


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[str, Path, subprocess.Popen[str]]]:
    """A real server that answers, but for the first try of the first call; its URL, its recording, its process."""
    record = tmp_path / "served.jsonl"
    command = [sys.executable, "-m", "ratecheck", "serve", "--port", "0", "--json", "--quiet", "--rpm", "1000",
               "--fault", "first=500", "--record", str(record)]  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout is not None
    yield json.loads(process.stdout.readline())["url"], record, process
    process.kill()
    process.communicate()


def replayed(ratecheck: Ratecheck, record: Path) -> dict[str, object]:
    done = ratecheck("simulate", "--workload", str(record), "--rpm", "2", "--no-retry-after", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["skipped_lines"] == []
    return {**told["scenario"], **told["policies"][0]}


def test_a_live_recording_of_serve_is_a_workload(
    ratecheck: Ratecheck, served: tuple[str, Path, subprocess.Popen[str]]
) -> None:
    """Four requests were three calls; replayed under two a minute, the third is refused three times."""
    url, record, process = served
    env = {"PATH": os.environ["PATH"], "OPENAI_BASE_URL": url}
    subprocess.run([sys.executable, "-c", APP], env=env, timeout=60, check=True)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    told = replayed(ratecheck, record)
    assert (told["calls"], told["calls_ok"], told["requests"], told["requests_limited"]) == (3, 2, 5, 3)
    shortest, longest = (int(size) for size in str(told["tokens"]).split("-"))
    assert 0 < shortest < longest


def test_a_live_recording_of_watch_is_a_workload(
    ratecheck: Ratecheck, served: tuple[str, Path, subprocess.Popen[str]], tmp_path: Path
) -> None:
    """The same calls seen on the way to the server."""
    url, _, _ = served
    record = tmp_path / "watched.jsonl"
    watched = ratecheck("watch", "--upstream", url.removesuffix("/v1"), "--record", str(record), "--", sys.executable,
                        "-c", APP)  # fmt: skip
    assert watched.returncode == 0, watched.stderr
    told = replayed(ratecheck, record)
    assert (told["calls"], told["calls_ok"], told["requests"], told["requests_limited"]) == (3, 2, 5, 3)
