"""Batches: many requests together are the sum of each alone, read in parts, and not lost when somebody stops them."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from test_estimate import chat, written

from ratecheck.estimate import Estimator, Settings
from ratecheck.estimate.models import DEFAULT_MODEL, ROWS, ModelRow, resolve
from ratecheck.estimate.report import Skipped
from ratecheck.estimate.requests import Line, NotARequest
from ratecheck.estimate.texts import AROUND, DEFAULT_ENCODING, Measured
from ratecheck.net import inputs
from ratecheck.net.tokenizer import ScriptCounter, counter, in_background
from ratecheck.render.estimate_document import _prompt

_texts = st.text(max_size=30) | st.sampled_from(["Be brief.", "Why 429?\n", "<|endoftext|>", "\ud800", "中文"])
_roles = st.sampled_from(["system", "user", "assistant", "developer", "function", "tool", "", "x"])
_messages = st.lists(st.fixed_dictionaries({"role": _roles, "content": _texts}), max_size=4)
_models = st.sampled_from(
    ["gpt-4o", "gpt-5-nano", "gpt-3.5-turbo-0301", "openai/gpt-4.1", "no-such-model", "claude-3-opus", "groq/llama3"]
)
_odd: st.SearchStrategy[Any] = st.sampled_from(
    [None, [3], {"messages": 5}, {"messages": [{"content": 3}]}, {"model": "gpt-4o", "input": "hi"},
     {"messages": [{"role": "user", "content": [{"type": "text", "text": "a"}]}]},
     {"messages": [{"role": "user", "content": "a"}, {"role": "user", "content": "a", "name": "b"}]}]
)  # fmt: skip
_plain = st.fixed_dictionaries(
    {"messages": _messages},
    optional={
        "model": st.none() | _models,
        "max_tokens": st.none() | st.integers(0, 999) | st.just("many"),
        "n": st.integers(0, 3),
    },
)


@given(raws=st.lists(_plain | _odd, max_size=12), charging=st.sampled_from([None, "moonshot", "openai-chat-2024"]))
@hypothesis_settings(max_examples=200, deadline=None)
def test_a_file_of_requests_is_the_sum_of_its_lines(raws: list[Any], charging: str | None) -> None:
    """The short way that a batch takes gives what each request gives alone, in the same order, broken ones told."""
    together = Estimator(Settings(charging=charging), counter)
    wrapped = [
        {"custom_id": "a", "url": "/v1/chat/completions", "body": raw} if place % 3 == 2 else raw
        for place, raw in enumerate(raws)
    ]
    lines = iter([(place, raw, None) for place, raw in enumerate(wrapped, 1)])
    found = list(together.lines("x", lines, background=in_background))
    alone = Estimator(Settings(charging=charging), counter)
    for place, (raw, made) in enumerate(zip(wrapped, found, strict=True), 1):
        try:
            wanted: Any = alone.request("x", raw, place)
        except NotARequest as error:
            wanted = Skipped(f"x:{place}", str(error))
        assert made == wanted


def test_a_batch_is_worked_on_in_parts_of_bounded_size() -> None:
    """Requests of a megabyte, thousands of short ones, and many that take the long way: lines are read as needed."""
    for words, more, most in ((250_000, {}, 4), (1, {}, 10_000), (1, {"tools": []}, 200)):
        read = 0

        def lines(words: int = words, more: dict[str, Any] = more) -> Iterator[Line]:
            nonlocal read
            for place in range(1, 20_000):
                read = place
                yield place, {"messages": [{"role": "user", "content": f"{place} word" * words}], **more}, None

        estimator = Estimator(Settings(), counter)
        assert not isinstance(next(iter(estimator.lines("x", lines()))), Skipped)
        assert read <= most


@given(raws=st.lists(_plain | _odd, min_size=1, max_size=6))
@hypothesis_settings(max_examples=60, deadline=None)
def test_rows_written_the_short_way_say_the_same(raws: list[Any]) -> None:
    """Every prompt in the document is what its fields are one by one, whichever way it was written."""
    estimator = Estimator(Settings(), counter)
    lines = iter([(place, raw, None) for place, raw in enumerate(raws, 1)])
    found = [each for each in estimator.lines('a"\n.jsonl', lines) if not isinstance(each, Skipped)]
    if found:
        wanted = [json.loads(json.dumps(_prompt(each))) for each in found]
        assert written(estimator.report(found, []))["prompts"] == wanted


@pytest.mark.parametrize("fast", [True, False])
def test_lines_are_read_alike_with_and_without_the_extra(
    fast: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Blanks around a value, line ends of Windows, a mark at the start, half characters, NaN, no last line end."""
    if not fast:
        monkeypatch.setitem(sys.modules, "orjson", None)
    path = tmp_path / "batch.jsonl"
    path.write_bytes(
        b'\xef\xbb\xbf{"a": 1}\r\n  {"b": "\\ud800"} \n\n \t\r\n{"c": NaN}\n'
        b'{"d": 1} {"e": 2}\n{"f"\n\xff\n{"g": "\xc3\xa9"}'
    )
    read = inputs.read(str(path))
    assert isinstance(read, inputs.LinesFile)
    found = list(read.lines)
    assert [number for number, _, _ in found] == [1, 2, 5, 6, 7, 8, 9]
    assert [value for _, value, broken in found if broken is None][:2] == [{"a": 1}, {"b": "\ud800"}]
    assert found[-1][1] == {"g": "é"}
    broken = [why for _, _, why in found if why is not None]
    assert broken[0] == "broken JSON at column 10: Extra data"
    assert broken[1].startswith("broken JSON at column 5")
    assert broken[2].startswith("not UTF-8")


def test_ctrl_c_gives_what_was_counted_so_far(tmp_path: Path) -> None:
    """A batch that somebody stops halfway is reported as far as it came, says so, and exits 130."""
    pipe = tmp_path / "batch.jsonl"
    os.mkfifo(pipe)
    run = subprocess.Popen(
        [sys.executable, "-m", "ratecheck", "estimate", "--json", str(pipe)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        # A shell in the background hands its children an ignored Ctrl-C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler) and None,
    )  # fmt: skip
    with pipe.open("w") as writer:
        for place in range(20_000):  # five parts of a batch: when the last is read, the first ones are counted
            writer.write(json.dumps(chat(1) | {"user": f"{place}"}) + "\n")
        writer.flush()
        # More than a pipe holds has been written: what is missing here is in its hands.
        deadline = time.monotonic() + 20
        while True:
            time.sleep(0.3)
            run.send_signal(signal.SIGINT)
            try:
                out, errors = run.communicate(timeout=5)
                break
            except subprocess.TimeoutExpired:
                assert time.monotonic() < deadline
    assert run.returncode == 130, errors
    assert "Traceback" not in errors
    made = json.loads(out)
    assert made["interrupted"] is True
    assert 4000 <= made["totals"]["requests"] <= 20_000


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.prefix or "any")
def test_a_text_is_sent_with_what_was_counted_around_it(row: ModelRow) -> None:
    """Whatever the model, nothing more needs to be counted to estimate a measured text."""

    class Idle(ScriptCounter):
        def count(self, text: str) -> int:
            raise AssertionError(text)

    around = {text: len(text) // 4 for text in AROUND}
    found = Estimator(Settings(row.prefix or "any"), Idle).text("a.txt", Measured(40, 10, around))
    assert found.ask.prompt_tokens >= 10


def test_what_a_text_is_counted_with_is_known_before_the_table_of_models_is_loaded() -> None:
    """It stands twice, and is the same."""
    assert resolve(DEFAULT_MODEL).row.encoding == DEFAULT_ENCODING
