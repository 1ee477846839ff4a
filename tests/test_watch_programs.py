"""Unmodified SDK programs under `watch` before `serve`: calls and requests are counted exactly."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from conftest import Ratecheck

KEYS = {"OPENAI_API_KEY": "sk-test-abcdefghijklmnop7777", "ANTHROPIC_API_KEY": "sk-ant-abcdefghijklmnop8888"}

# Five calls in a row, then eight threads, then twenty at once, all with the same words.
SAME_PROMPT = """
import asyncio, openai
from concurrent.futures import ThreadPoolExecutor
ask = dict(model="gpt-4o", messages=[{"role": "user", "content": "the same words"}])
client, later = openai.OpenAI(), openai.AsyncOpenAI()
def call(_):
    try: client.chat.completions.create(**ask)
    except openai.RateLimitError: pass
for _ in range(5): call(0)
list(ThreadPoolExecutor(8).map(call, range(8)))
async def call_later():
    try: await later.chat.completions.create(**ask)
    except openai.RateLimitError: pass
async def main(): await asyncio.gather(*[call_later() for _ in range(20)])
asyncio.run(main())
"""

# A loop of one's own around the SDK, twice with the same words; then two calls of another SDK.
LOOPS = """
import anthropic, openai, time, warnings
client, other = openai.OpenAI(), anthropic.Anthropic()
def looped():
    for wait in (0.4, 0.7, None):
        try: return client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": "again"}])
        except openai.RateLimitError:
            if wait: time.sleep(wait)
looped(); looped()
for said in ("once", "twice"):
    try: other.messages.create(model="claude-test", max_tokens=9, messages=[{"role": "user", "content": said}])
    except anthropic.RateLimitError: pass
"""


@contextmanager
def refusing() -> Iterator[str]:
    """Run `serve` so that it refuses everything and names a short wait; yields its URL."""
    command = [sys.executable, "-m", "ratecheck", "serve", "--port", "0", "--provider", "openai", "--quiet", "--json",
               "--fault", "always=429+retry-after-ms:80"]  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())["url"]
    finally:
        process.terminate()
        process.communicate(timeout=20)


def watched(ratecheck: Ratecheck, program: str, record: Path) -> dict[str, Any]:
    with refusing() as url:
        done = ratecheck(
            "watch", "--json", "--upstream", url, "--record", str(record), "--", sys.executable, "-c", program,
            env={**KEYS, "PYTHONWARNINGS": "ignore", "PATH": os.environ["PATH"]},
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def test_the_same_prompt_in_a_row_in_threads_and_at_once(ratecheck: Ratecheck, tmp_path: Path) -> None:
    """33 calls of three requests each, by the SDK alone; `simulate` replays them to the same number of requests."""
    record = tmp_path / "run.jsonl"
    document = watched(ratecheck, SAME_PROMPT, record)
    totals = document["totals"]
    assert (totals["calls"], totals["requests"], totals["limited"]) == (33, 99, 99)
    assert totals["retries"] == {"sdk": 66, "wrapper": 0, "app loop": 0}
    assert {len(call["attempts"]) for call in document["calls"]} == {3}
    again = ratecheck(
        "simulate", "--workload", str(record), "--rpm", "100000", "--fault", "always=429+retry-after-ms:80",
        "--policy", "openai-python", "--json",
    )  # fmt: skip
    (policy,) = json.loads(again.stdout)["policies"]
    assert (policy["calls"], policy["requests"]) == (33, 99)


def test_a_loop_around_an_sdk_and_another_sdk(ratecheck: Ratecheck, tmp_path: Path) -> None:
    """Two calls of nine requests in three rounds each, and two calls of three: each retry has its layer."""
    document = watched(ratecheck, LOOPS, tmp_path / "run.jsonl")
    assert [len(call["attempts"]) for call in document["calls"]] == [9, 9, 3, 3]
    assert document["totals"]["retries"] == {"sdk": 16, "wrapper": 0, "app loop": 4}
    layers = [attempt["layer"] for attempt in document["calls"][0]["attempts"]]
    assert layers == ["first", "sdk", "sdk", "app loop", "sdk", "sdk", "app loop", "sdk", "sdk"]
    assert {each["code"] for each in document["diagnoses"]} >= {"RC201", "RC205"}
    assert "abcdefgh" not in (tmp_path / "run.jsonl").read_text()
