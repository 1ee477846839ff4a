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
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from test_estimate import chat, written

from ratecheck.cli import app
from ratecheck.cli.exits import run
from ratecheck.estimate import Estimator, Settings
from ratecheck.estimate.models import ROWS, ModelRow
from ratecheck.estimate.report import Skipped
from ratecheck.estimate.requests import Line, NotARequest
from ratecheck.estimate.texts import AROUND, Measured
from ratecheck.net import inputs
from ratecheck.net.beside import two_at_once
from ratecheck.net.texts import measure_here, measuring
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


_words = st.lists(
    st.sampled_from(["a", "é", "中", "\U0001f642", "'s", " ", "\n", "\r\n", "12", "word", "?", "\t", "{}"])
)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="one process reads the file here")
@given(text=_words.map("".join), mark=st.booleans())
@hypothesis_settings(max_examples=60, deadline=None)
def test_a_text_counted_by_two_processes_has_the_same_tokens(
    tmp_path_factory: pytest.TempPathFactory, text: str, mark: bool
) -> None:
    """Wherever the middle of a file falls, in a character or in a word: characters and tokens are those of one text."""
    path = tmp_path_factory.mktemp("halves") / "a.txt"
    path.write_text("x" + text, "utf-8-sig" if mark else "utf-8", newline="")
    whole = inputs.read(str(path))
    with patch.object(inputs, "WORTH_BYTES", 1):
        halves = inputs.read(str(path))
    assert isinstance(whole, inputs.TextFile)
    assert isinstance(halves, inputs.TextFile)
    tokens = counter("o200k_base")
    assert measure_here(halves, tokens) == measure_here(whole, tokens)
    assert measure_here(inputs.TextFile("", ["x" + text]), tokens)[:2] == (1 + len(text), tokens.count("x" + text))


@pytest.mark.skipif(not two_at_once(), reason="one process reads the file here")
@pytest.mark.parametrize("dies", [False, True])
def test_a_text_counted_ahead_has_the_same_tokens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dies: bool) -> None:
    """By a copy that has begun before it was asked, or here where the copy is lost; and it is told how far it came."""
    path = tmp_path / "a.txt"
    path.write_text("one more word, 12 of them\n" * 20_000, "utf-8")
    tokens = counter("o200k_base")
    wanted = measure_here(inputs.read(str(path)), tokens)
    monkeypatch.setattr(inputs, "WORTH_BYTES", 1)
    if dies:
        monkeypatch.setattr("pickle.dump", lambda *_: os._exit(1))
    told: list[int] = []
    with measuring([str(path)], None) as measure:
        assert measure is not measure_here
        assert measure(inputs.read(str(path)), tokens, told.append) == wanted
    assert 0 <= sum(told) <= path.stat().st_size + (1 << 18)


def test_what_is_no_text_is_not_counted_ahead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Several files, a pipe, a batch: each is read when its turn comes."""
    monkeypatch.setattr(inputs, "WORTH_BYTES", 1)
    for paths in (["-"], ["a", "b"], [str(tmp_path / "missing")]):
        with measuring(paths, None) as measure:
            assert measure is measure_here


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.prefix or "any")
def test_a_text_is_sent_with_what_was_counted_around_it(row: ModelRow) -> None:
    """Whatever the model, nothing more needs to be counted to estimate a measured text."""

    class Idle(ScriptCounter):
        def count(self, text: str) -> int:
            raise AssertionError(text)

    around = {text: len(text) // 4 for text in AROUND}
    found = Estimator(Settings(row.prefix or "any"), Idle).text("a.txt", Measured(40, 10, around))
    assert found.ask.prompt_tokens >= 10


@pytest.mark.skipif(not hasattr(os, "fork"), reason="one process reads the file here")
@given(
    lines=st.lists(st.sampled_from([b'{"a": 1}', b"", b" ", b"{", b"\xff", b'{"b": "\xc3\xa9"}', b"[1]\r"]), min_size=1)
)
@hypothesis_settings(max_examples=100, deadline=None)
def test_the_halves_of_a_batch_are_its_lines(tmp_path_factory: pytest.TempPathFactory, lines: list[bytes]) -> None:
    """Every line once, in order, under its own number, wherever the middle falls; broken ones are told alike."""
    path = tmp_path_factory.mktemp("halves") / "a.jsonl"
    path.write_bytes(b"{}\n" + b"\n".join(lines))
    whole = inputs.read(str(path))
    with patch.object(inputs, "WORTH_BYTES", 1):
        halves = inputs.read(str(path))
    assert isinstance(whole, inputs.LinesFile)
    assert isinstance(halves, inputs.LinesFile)
    assert [*halves.lines, *(halves.rest() if halves.rest else ())] == list(whole.lines)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="one process reads the file here")
@pytest.mark.parametrize("kind", ["lines", "text", "bad text"])
def test_two_processes_say_what_one_says(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The whole command: figures, broken lines by number, `--strict`, the error of a second half that is no text."""
    path = tmp_path / ("a.jsonl" if kind == "lines" else "a.txt")
    requests = [json.dumps(chat(place % 7) | {"user": f"{place}"}).encode() for place in range(9_000)]
    requests[700], requests[8_000] = b"{", b'{"messages": 5}'
    path.write_bytes(b"\n".join(requests) + (b"\xff" if kind == "bad text" else b"\n"))
    # Small enough to see nothing of the end of the file.
    monkeypatch.setattr("ratecheck.net.beside._MIDDLE_BYTES", 4096)
    codes = []
    for more in (["--json"], ["--strict"]):
        said = []
        for size in (1 << 30, 1):
            monkeypatch.setattr(inputs, "WORTH_BYTES", size)
            monkeypatch.setattr(sys, "argv", ["ratecheck", "estimate", *more, str(path)])
            code = run(app)
            said.append((code, *capsys.readouterr()))
        assert said[0] == said[1]
        codes.append(said[0][0])
    assert codes == {"lines": [0, 2], "text": [0, 0], "bad text": [2, 2]}[kind]
