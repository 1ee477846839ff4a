"""Files as people have them: whatever wrote them and however they come in, each prompt is counted once."""

import codecs
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from conftest import Ratecheck

from ratecheck.estimate import Estimator, Settings
from ratecheck.estimate.requests import NotARequest
from ratecheck.net import inputs
from ratecheck.net.tokenizer import counter

HI = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Hi"}]}
LINES = json.dumps(HI) + "\n" + json.dumps(HI) + "\n"


def document(ratecheck: Ratecheck, *arguments: str, **more: Any) -> dict[str, Any]:
    """Return the JSON that `estimate` prints for files."""
    done = ratecheck("estimate", "--json", *arguments, **more)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("name", ["batch.jsonl", "batch"])
def test_lines_are_requests_in_every_encoding_that_windows_writes(encoding: str, name: str, tmp_path: Path) -> None:
    """A byte order mark makes no text of a batch, with a telling name or without one."""
    (tmp_path / name).write_bytes(LINES.encode(encoding))
    found = inputs.read(str(tmp_path / name))
    assert isinstance(found, inputs.LinesFile)
    assert [(number, value, broken) for number, value, broken in found.lines] == [(1, HI, None), (2, HI, None)]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_request_without_a_telling_name_is_a_request(encoding: str, tmp_path: Path) -> None:
    """What a pipe brings starts like JSON behind its mark, and is read as JSON."""
    (tmp_path / "request").write_bytes(json.dumps(HI).encode(encoding))
    found = inputs.read(str(tmp_path / "request"))
    assert isinstance(found, inputs.JsonFile)
    assert found.value == HI


@pytest.mark.parametrize("content", [codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE])
def test_a_mark_alone_is_an_empty_file(content: bytes, ratecheck: Ratecheck, tmp_path: Path) -> None:
    """Seven tokens of framing around nothing are no prompt."""
    (tmp_path / "p.txt").write_bytes(content)
    done = ratecheck("estimate", str(tmp_path / "p.txt"))
    assert (done.returncode, done.stderr) == (2, f"error: {tmp_path / 'p.txt'} is empty\n")


def test_a_list_of_requests_is_a_batch_whose_broken_ones_are_named(ratecheck: Ratecheck, tmp_path: Path) -> None:
    """Each request is counted once; what is none is left out and said, never counted as text beside the others."""
    path = tmp_path / "list.json"
    path.write_text(json.dumps([HI, {"foo": 1}, 5, None, HI]))
    found = document(ratecheck, str(path))
    assert [each["source"].rpartition(":")[2] for each in found["prompts"]] == ["1", "5"]
    assert [each["source"].rpartition(":")[2] for each in found["skipped"]["first"]] == ["2", "3", "4"]
    assert ratecheck("estimate", "--strict", str(path)).returncode == 2


@pytest.mark.parametrize("value", [[1, 2, 3], ["a", "b"], [[1]], [None], [{"foo": 1}]])
def test_a_list_without_a_request_is_counted_as_text(value: Any, ratecheck: Ratecheck, tmp_path: Path) -> None:
    """Any JSON may be a prompt; it is told as what it was taken for."""
    path = tmp_path / "list.json"
    path.write_text(json.dumps(value))
    (only,) = document(ratecheck, str(path))["prompts"]
    assert only["notes"][0].startswith("counted as text")


def test_a_file_of_empty_lines_is_named(ratecheck: Ratecheck, tmp_path: Path) -> None:
    """Alone it is an error; beside others it is left out and said."""
    (tmp_path / "blank.jsonl").write_text("\n\n")
    (tmp_path / "good.jsonl").write_text(LINES)
    done = ratecheck("estimate", str(tmp_path / "blank.jsonl"))
    assert done.returncode == 2
    assert "blank.jsonl: no request in it" in done.stderr
    found = document(ratecheck, str(tmp_path / "blank.jsonl"), str(tmp_path / "good.jsonl"))
    assert found["totals"]["requests"] == 2
    assert found["skipped"]["count"] == 1


@pytest.mark.skipif(sys.platform == "win32", reason="a POSIX shell closes it")
@pytest.mark.parametrize(("name", "code"), [("", 2), ("p.txt", 0)])
def test_a_closed_stdin_is_no_bug_of_ours(name: str, code: int, tmp_path: Path) -> None:
    """Job runners close it: a named file is read all the same, and nothing to read is said in words."""
    (tmp_path / "p.txt").write_text("hello")
    command = f'exec "{sys.executable}" -m ratecheck estimate {name} <&-'
    done = subprocess.run(["sh", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    assert code == 0 or "stdin is empty" in done.stderr


@pytest.mark.parametrize("inner", ["content", "body"])
def test_json_that_is_deeper_than_we_go_is_no_request(inner: str) -> None:
    """Some readers of JSON have no limit of depth: what they hand on is refused in words."""
    deep: Any = HI if inner == "body" else "x"
    for _ in range(5000):
        deep = {"body": deep} if inner == "body" else [{"type": "tool_result", "content": deep}]
    raw = deep if inner == "body" else {"messages": [{"role": "user", "content": deep}]}
    with pytest.raises(NotARequest, match="nested too deeply"):
        Estimator(Settings(), counter).request("deep", raw)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no pty")
def test_a_prompt_typed_at_a_terminal_ends_with_one_ctrl_d() -> None:
    """Who starts it without a file is told what to do, and is not left waiting."""
    import pty

    ours, theirs = pty.openpty()
    try:
        with subprocess.Popen(
            [sys.executable, "-m", "ratecheck", "estimate"],
            stdin=theirs,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as running:
            os.write(ours, b"hello\n\x04")
            said, told = running.communicate(timeout=60)
    finally:
        os.close(ours)
        os.close(theirs)
    assert b"Ctrl-D" in told
    assert said.startswith(b"stdin: exactly 9 prompt tokens")
