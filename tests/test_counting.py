"""Large prompts are counted by two copies of the program, part by part: with the figures and words of one process."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from test_estimate import chat

from ratecheck.cli import app
from ratecheck.cli.exits import run
from ratecheck.estimate import Estimator, Settings
from ratecheck.estimate.texts import measure, whole
from ratecheck.net import counting, inputs, parts
from ratecheck.net.beside import beside, two_at_once
from ratecheck.net.crew import Crew
from ratecheck.net.lines import lines_between
from ratecheck.net.parts import MOST_NUMBERS, handed_out
from ratecheck.net.reading import Unreadable, blocks_between
from ratecheck.net.tokenizer import counter

pytestmark = pytest.mark.skipif(not two_at_once(), reason="one process counts here")

SETTINGS = Settings()


def test_numbers_are_handed_out_once_each() -> None:
    """However many take them, every number goes to one of them, in order; then there are no more."""
    with handed_out(MOST_NUMBERS) as take, beside(lambda: list(iter(take, None))) as other:
        mine = list(iter(take, None))
        theirs = other()
    assert sorted(mine + theirs) == list(range(MOST_NUMBERS))
    assert mine == sorted(mine)
    assert theirs == sorted(theirs)


def _crew(do: Callable[[int], Any], number: int = 300) -> Crew[int, Any]:
    def work(added: int) -> tuple[int, Callable[[int], Any]]:
        return number, lambda part: (os.getpid(), added + do(part))

    return Crew(lambda: None, work)


def test_a_crew_does_every_part_once_in_two_processes() -> None:
    """What was told reaches both; answers of any size come back, and afterwards nobody is left."""

    def do(part: int) -> str:
        time.sleep(0.002)  # so that neither has done all before the other has begun
        return "x" * (part * 1000)

    def work(begun: str) -> tuple[int, Callable[[int], Any]]:
        return 200, lambda part: (os.getpid(), begun + do(part))

    crew: Crew[str, tuple[int, str]] = Crew(lambda: None, work)
    crew.begin("told ")
    found = list(crew.outcomes())
    crew.end()
    assert sorted((number, said) for number, (_, said) in found) == [
        (part, "told " + "x" * (part * 1000)) for part in range(200)
    ]
    workers = {worker for _, (worker, _) in found}
    assert len(workers) == 2
    assert os.getpid() not in workers
    for worker in workers:
        with pytest.raises(ProcessLookupError):
            os.kill(worker, 0)


def test_what_a_copy_fails_at_is_missing_and_the_rest_is_there() -> None:
    """One copy ends at an error; the other goes on with all that is left."""

    def do(part: int) -> int:
        return 1 // (part - 3)

    crew = _crew(do)
    crew.begin(0)
    assert sorted(number for number, _ in crew.outcomes()) == [part for part in range(300) if part != 3]
    crew.end()


def test_a_crew_can_be_ended_at_any_time(capfd: pytest.CaptureFixture[str]) -> None:
    """Before it is told anything, while it prepares, at work: at once, without a word."""
    for prepare, told in ((lambda: None, False), (lambda: time.sleep(60), False), (lambda: print("x"), True)):
        begun = time.monotonic()
        crew: Crew[int, int] = Crew(prepare, lambda job: (job, lambda part: time.sleep(60) or part))
        if told:
            crew.begin(5)
        crew.end()
        assert time.monotonic() - begun < 20
    assert capfd.readouterr() == ("", "")


def test_a_crew_that_is_gone_is_no_error() -> None:
    """It died before it was told: nothing comes, and its job is left to whoever gave it."""
    crew: Crew[str, int] = Crew(lambda: os._exit(1), lambda job: (3, lambda part: part))
    crew.begin("x" * (1 << 20))
    assert list(crew.outcomes()) == []
    crew.end()


_words = st.lists(
    st.sampled_from(["a", "é", "中", "\U0001f642", "'s", " ", "\n", "\r\n", "12", "word", "?", "\t", "{}"])
)


@given(text=_words.map("".join), mark=st.booleans(), size=st.integers(1, 9))
@hypothesis_settings(max_examples=150, deadline=None)
def test_a_text_in_parts_has_the_same_tokens(
    tmp_path_factory: pytest.TempPathFactory, text: str, mark: bool, size: int
) -> None:
    """Wherever a part would begin, in a character or in a word: characters and tokens are those of one text."""
    path = tmp_path_factory.mktemp("parts") / "a.txt"
    path.write_text("x" + text, "utf-8-sig" if mark else "utf-8", newline="")
    tokens = counter("o200k_base")
    with patch.object(parts, "PART_BYTES", size):
        found = inputs.large(str(path), 1)
    assert found is not None
    assert found.encoding is not None
    measured = [
        measure(tokens, blocks_between(str(path), found.encoding, begin, end), alone=True)
        for begin, end in pairwise(found.borders)
    ]
    assert whole(measured) == measure(tokens, ["x" + text])
    assert whole(measured)[:2] == (1 + len(text), tokens.count("x" + text))


@given(
    lines=st.lists(
        st.sampled_from([b'{"a": 1}', b"", b" ", b"{", b"\xff", b'{"b": "\xc3\xa9"}', b"[1]\r", b"\xef\xbb\xbf3"]),
        min_size=1,
    ),
    size=st.integers(1, 30),
)
@hypothesis_settings(max_examples=150, deadline=None)
def test_the_parts_of_a_batch_are_its_lines(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes], size: int
) -> None:
    """Every line once, in order, under its own number, wherever parts begin; broken ones are told alike."""
    path = tmp_path_factory.mktemp("parts") / "a.jsonl"
    path.write_bytes(b"{}\n" + b"\n".join(lines))
    alone = inputs.read(str(path))
    assert isinstance(alone, inputs.LinesFile)
    with patch.object(parts, "PART_BYTES", size):
        found = inputs.large(str(path), 1)
    assert found is not None
    assert found.encoding is None
    apart = []
    before = 0
    for begin, end in pairwise(found.borders):
        reading = lines_between(str(path), begin, end)
        while True:
            try:
                number, value, broken = next(reading)
            except StopIteration as done:
                before += done.value
                break
            apart.append((before + number, value, broken))
    assert apart == list(alone.lines)


def test_parts_are_never_more_than_can_be_handed_out(tmp_path: Path) -> None:
    """Many files, the smallest parts: their size grows with what there is to read."""
    names = [str(tmp_path / f"{place}.txt") for place in range(3)]
    for name in names:
        Path(name).write_text("word " * 20_000)
    told: list[counting.Job] = []
    with (
        patch.object(parts, "PART_BYTES", 1),
        patch.object(counting, "WORTH_BYTES", 1),
        patch.object(Crew, "begin", lambda crew, job: told.append(job)),
        counting.counts(names, SETTINGS) as large,
    ):
        assert len(large) == 3
    assert 1000 < sum(file.parts for file in told[0].files) <= MOST_NUMBERS


def test_work_begins_ahead_for_a_large_file_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not for another command, a small file, a folder, a pipe; and what nobody asked for is ended."""
    monkeypatch.setattr(counting, "WORTH_BYTES", 1000)
    large, small, pipe = tmp_path / "a.txt", tmp_path / "b.txt", tmp_path / "c.txt"
    large.write_text("word " * 300)
    small.write_text("word")
    os.mkfifo(pipe)
    for arguments, begins in (
        (["estimate", "--json", str(large)], True),
        (["estimate", str(large), "--model", "gpt-4"], True),
        (["decode", str(large)], False),
        (["watch", "--", "estimate", str(large)], False),
        (["estimate", str(small), str(pipe), str(tmp_path), "-", "", "\0"], False),
        ([], False),
    ):
        with counting.ahead(arguments):
            assert (counting._begun is not None) is begins
        assert counting._begun is None


def _said(path: Path, *options: str) -> tuple[int, float]:
    with (
        patch.object(sys, "argv", ["ratecheck", "estimate", *options, str(path)]),
        counting.ahead(sys.argv[1:]),
    ):
        return run(app)


@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize("kind", ["lines", "text", "bad text"])
def test_two_processes_say_what_one_says(
    kind: str, fails: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The whole command: figures, broken lines by number, `--strict`, a later part that is no text; copies that die."""
    path = tmp_path / ("a.jsonl" if kind == "lines" else "a.txt")
    requests = [json.dumps(chat(place % 7) | {"user": f"{place}"}).encode() for place in range(9_000)]
    requests[700], requests[8_000] = b"{", b'{"messages": 5}'
    requests[5_000] = json.dumps(chat(3) | {"tools": [{"type": "function", "function": {"name": "f"}}]}).encode()
    path.write_bytes(b"\n".join(requests) + (b"\xff" if kind == "bad text" else b"\n"))
    monkeypatch.setattr(parts, "PART_BYTES", 50_000)
    if fails:
        died = os.getpid()
        kept = counting._work

        def work(job: counting.Job) -> Any:
            number, count = kept(job)
            return number, lambda part: os._exit(1) if part > 2 and os.getpid() != died else count(part)

        monkeypatch.setattr(counting, "_work", work)
    codes = []
    for more in (["--json"], ["--strict"]):
        said = []
        for size in (1 << 30, 1):
            monkeypatch.setattr(counting, "WORTH_BYTES", size)
            said.append((_said(path, *more), *capsys.readouterr()))
        assert said[0] == said[1]
        codes.append(said[0][0])
    assert codes == {"lines": [0, 2], "text": [0, 0], "bad text": [2, 2]}[kind]


def test_several_large_files_are_told_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Texts and batches, large and small ones, the same twice, one that is missing: in the order they were named."""
    monkeypatch.setattr(counting, "WORTH_BYTES", 5_000)
    monkeypatch.setattr(parts, "PART_BYTES", 4_000)
    batch, text, small, no_text = (tmp_path / name for name in ("a.jsonl", "b.txt", "c.txt", "d.txt"))
    batch.write_text("\n".join(json.dumps(chat(place)) for place in range(300)))
    text.write_text("ten words of a text that is counted in parts\n" * 1000)
    small.write_text("hello")
    no_text.write_bytes(b"word " * 3000 + b"\xff")
    names = [str(each) for each in (text, batch, small, tmp_path / "missing", no_text, batch)]
    with patch.object(sys, "argv", ["ratecheck", "estimate", "--json", *names]):
        assert run(app) == 0
    made = json.loads(capsys.readouterr().out)
    sources = [each["source"] for each in made["prompts"]]
    by_line = [f"{batch}:{place}" for place in range(1, 301)]
    assert sources == [str(text), *by_line, str(small), *by_line]
    assert [each["source"] for each in made["skipped"]["first"]] == [str(tmp_path / "missing"), str(no_text)]
    assert made["prompts"][0]["text_tokens"] == counter("o200k_base").count(text.read_text())


def test_a_fork_beside_threads_is_no_warning(recwarn: pytest.WarningsRecorder) -> None:
    """Python warns of it; these threads wait for work and hold no lock."""
    waiting = threading.Event()
    thread = threading.Thread(target=waiting.wait)
    thread.start()
    crew = _crew(lambda part: part, 3)
    crew.begin(0)
    assert len(list(crew.outcomes())) == 3
    crew.end()
    waiting.set()
    thread.join()
    assert not [each for each in recwarn if issubclass(each.category, DeprecationWarning)]


def _run(command: str, path: Path, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run ``estimate`` in a shell, with every file large and small parts."""
    code = (
        "import sys; from ratecheck.net import counting, parts; counting.WORTH_BYTES = 1; parts.PART_BYTES = 50_000; "
        "from ratecheck.__main__ import main; main()"
    )
    line = command.format(run=f'"{sys.executable}" -c "{code}" estimate --json', path=path)
    return subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=120, **options)


@pytest.mark.parametrize(
    "command",
    [
        "{run} {path}",
        "{run} /dev/stdin < {path}",
        "{run} /dev/fd/7 7< {path}",
        "{run} {path} <&-",
        "{run} {path} <&- 2>&-",
        "trap '' CHLD; {run} {path}",  # the end of a copy is told to nobody
        "ulimit -n 8; {run} {path}",  # no room for pipes
        "ulimit -n 14; {run} {path}",
    ],
)
def test_wherever_it_runs_the_figure_is_the_same(tmp_path: Path, command: str) -> None:
    """Names that stand for a stream, closed streams, a system without room for more: never an error, never less."""
    path = tmp_path / "a.txt"
    path.write_text("ten words of a text that is counted in parts\n" * 9000)
    done = _run(command, path)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)["prompts"][0]["text_tokens"]
    assert told == counter("o200k_base").count(path.read_text())


def test_an_output_that_is_closed_is_no_fault(tmp_path: Path) -> None:
    """Neither is a text that nobody reads."""
    path = tmp_path / "a.txt"
    path.write_text("word " * 50_000)
    for closed in ("<&- >&-", "<&- >&- 2>&-", ">&-"):
        assert _run(f"{{run}} {{path}} {closed}", path).returncode == 0


def test_lines_without_a_request_are_counted_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file full of them: the first few are named, in order, and all are counted, in parts as in one go."""
    path = tmp_path / "a.jsonl"
    lines = [json.dumps(place) for place in range(30_000)]
    lines[20_000] = json.dumps(chat(2))
    path.write_text("\n".join(lines))
    monkeypatch.setattr(parts, "PART_BYTES", 30_000)
    said = []
    for size in (1 << 30, 1):
        monkeypatch.setattr(counting, "WORTH_BYTES", size)
        said.append((_said(path, "--json"), *capsys.readouterr()))
    assert said[0] == said[1]
    skipped = json.loads(said[1][1])["skipped"]
    assert skipped["count"] == 29_999
    assert [each["source"] for each in skipped["first"]] == [f"{path}:{line}" for line in range(1, 21)]


@pytest.mark.parametrize("name", ["a.txt", "a.jsonl"])
@pytest.mark.parametrize("change", ["removed", "replaced"])
def test_a_file_that_is_not_the_one_any_more_is_no_text(tmp_path: Path, name: str, change: str) -> None:
    """Parts of two files are never added up: it is said that the file is another."""
    path = tmp_path / name
    line = json.dumps(chat(3)) if name.endswith("l") else "some words"
    path.write_text(f"{line}\n" * 20_000)
    with (
        patch.object(parts, "PART_BYTES", 20_000),
        patch.object(counting, "WORTH_BYTES", 1),
        patch.object(Crew, "begin"),
        patch.object(Crew, "outcomes", lambda crew: iter(())),
        counting.counts([str(path)], SETTINGS) as large,
    ):
        if change == "removed":
            path.unlink()
        else:
            (tmp_path / "other").write_text(f"{line}\n" * 20_000)
            (tmp_path / "other").rename(path)
        with pytest.raises(Unreadable, match="no such file" if change == "removed" else "replaced"):
            list(large.prompts(0, Estimator(SETTINGS, counter), lambda read: None))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends copies with the process that made them")
def test_copies_die_with_the_program() -> None:
    """Whatever ends it, nobody goes on counting for nobody."""
    code = (
        "import time\nfrom ratecheck.net.crew import Crew\n"
        "crew = Crew(lambda: None, lambda job: (2, lambda part: time.sleep(60)))\n"
        "crew.begin(0)\nprint(crew._child, flush=True)\ntime.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        copy = int(run.stdout.readline())
        run.kill()
    state = Path(f"/proc/{copy}/stat")
    deadline = time.monotonic() + 10
    # A zombie is dead: it is left to whoever collects orphans here.
    while state.exists() and state.read_text().rpartition(")")[2].split()[0] != "Z":
        assert time.monotonic() < deadline
        time.sleep(0.02)
