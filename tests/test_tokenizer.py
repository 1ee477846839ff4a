"""Counts are tiktoken's, with no network, wherever the vocabulary lies and whoever else is running."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import Ratecheck
from hypothesis import given, settings
from hypothesis import strategies as st
from test_cutting import ENCODINGS, exact, plain, texts

from ratecheck.net import vocabulary
from ratecheck.net.tokenizer import ScriptCounter, ToktokCounter, counter, well_formed

O200K = vocabulary.VOCABULARIES["o200k_base"]


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Point every cache at empty folders."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path / "theirs"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(("encoding", "tokens"), [("o200k_base", (2, 6, 6, 7, 8)), ("cl100k_base", (2, 6, 6, 7, 9))])
def test_counts_are_the_published_ones(encoding: str, tokens: tuple[int, ...]) -> None:
    """The figures that OpenAI's own notebook prints."""
    samples = ("hello world", "tiktoken is great!", "antidisestablishmentarianism", "2 + 2 = 4", "お誕生日おめでとう")
    for fast in (False, True):
        assert tuple(counter(encoding, fast).count(text) for text in samples) == tokens


@pytest.mark.parametrize("encoding", ENCODINGS)
@given(text=st.lists(texts | st.text(max_size=40), max_size=4).map("".join))
@settings(max_examples=400, deadline=None)
def test_the_fast_counter_equals_tiktoken(encoding: str, text: str) -> None:
    """Where the extra `fast` is installed, no text has another count; text with lone surrogates neither."""
    fast = counter(encoding)
    if not isinstance(fast, ToktokCounter):
        pytest.skip("the extra `fast` is not installed")
    assert fast.count(text) == plain(encoding, text)


@pytest.mark.parametrize("encoding", ENCODINGS)
@given(many=st.lists(texts | st.text(max_size=20), max_size=12))
@settings(max_examples=150, deadline=None)
def test_many_texts_count_as_each_alone(encoding: str, many: list[str]) -> None:
    """Counting in one call, with tiktoken's own mark between the texts, changes no figure."""
    wanted = [plain(encoding, text) for text in many]
    assert counter(encoding, False).count_many(many) == wanted
    assert counter(encoding).count_many(many) == wanted


@pytest.mark.parametrize("text", ["\ud800", "a\udfffb", "\ud83d\ude00", "x" * 10 + "\udc00 y"])
def test_lone_surrogates_are_counted_as_tiktoken_counts_them(text: str) -> None:
    """JSON may hold half a character; nobody stumbles over it."""
    wanted = plain("o200k_base", text)
    assert counter("o200k_base", False).count(text) == counter("o200k_base").count(text) == wanted
    assert exact("o200k_base")._pieces(text) == wanted
    assert counter("o200k_base").count(well_formed(text)) == wanted


def test_special_tokens_in_a_text_are_text() -> None:
    """`<|endoftext|>` is seven tokens of text, neither an error nor one."""
    assert counter("o200k_base", False).count("<|endoftext|>") == 7


def test_a_vocabulary_is_kept_for_the_next_run(empty: Path) -> None:
    """The first look takes it out of the package that ships it; a checked copy stays in our folder, readable to us."""
    assert vocabulary.find("o200k_base") is not None
    kept = empty / "cache" / "ratecheck" / O200K.cache_name
    assert hashlib.sha256(kept.read_bytes()).hexdigest() == O200K.sha256
    assert [path.name for path in kept.parent.iterdir()] == [O200K.cache_name]


def test_a_broken_copy_is_replaced(empty: Path) -> None:
    """A file with the right name and the wrong bytes is never used."""
    kept = empty / "cache" / "ratecheck" / O200K.cache_name
    kept.parent.mkdir(parents=True)
    kept.write_bytes(b"nonsense")
    assert vocabulary.find("o200k_base") is not None
    assert hashlib.sha256(kept.read_bytes()).hexdigest() == O200K.sha256


def test_tiktokens_cache_is_used_and_never_changed(empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without any package that ships it, a good file in tiktoken's cache will do; a bad one stays, unused."""
    raw = vocabulary.find("o200k_base")
    assert raw is not None
    shutil.rmtree(empty / "cache")
    monkeypatch.setattr(vocabulary, "_SHIPPED", ())
    theirs = empty / "theirs"
    theirs.mkdir()
    (theirs / O200K.cache_name).write_bytes(raw)
    assert vocabulary.find("o200k_base") == raw
    (theirs / O200K.cache_name).write_bytes(b"bad")
    assert vocabulary.find("o200k_base") is None
    assert (theirs / O200K.cache_name).read_bytes() == b"bad"


def test_folders_that_take_nothing_do_no_harm(empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing can be written the vocabulary goes from the package straight to tiktoken."""
    blocked = empty / "file"
    blocked.write_text("in the way")
    monkeypatch.setattr(vocabulary, "cache_folders", lambda: (blocked / "below",))
    raw = vocabulary.find("o200k_base")
    assert raw is not None
    assert len(vocabulary.build("o200k_base", raw).encode("hello world")) == 2


def test_nothing_at_hand_is_an_estimate_and_no_download(empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without any vocabulary the counter says that it estimates, and by how much it may be off."""
    monkeypatch.setattr(vocabulary, "_SHIPPED", ())
    assert isinstance(counter.__wrapped__("p50k_base"), ScriptCounter)
    assert vocabulary.find("cl100k_base") is None
    guess = ScriptCounter("o200k_base")
    assert guess.method.startswith("estimate:")
    assert guess.error_band == (-0.36, 0.27)
    assert guess.count("word " * 80) == 100
    assert 5 <= guess.count("今天天气很好我们去") <= 7


def test_tiktokens_own_reader_is_put_back() -> None:
    """Others in this process may use tiktoken as ever: its reader and its variable are as they were."""
    import tiktoken.load

    before, variable = tiktoken.load.read_file, os.environ.get("TIKTOKEN_CACHE_DIR")
    raw = vocabulary.find("o200k_base")
    assert raw is not None
    assert vocabulary.build("o200k_base", raw).name == "o200k_base"
    assert tiktoken.load.read_file is before
    assert os.environ.get("TIKTOKEN_CACHE_DIR") == variable


def test_many_first_runs_at_once_leave_one_good_copy(tmp_path: Path) -> None:
    """Four processes that start together with empty caches all count right, and no half file stays."""
    code = "from ratecheck.net.tokenizer import counter; print(counter('cl100k_base', False).count('hello world'))"
    clean = {"PATH": os.environ["PATH"], "XDG_CACHE_HOME": str(tmp_path), "HOME": str(tmp_path)}
    runs = [
        subprocess.Popen([sys.executable, "-c", code], env=clean, stdout=subprocess.PIPE, text=True) for _ in range(4)
    ]
    assert [run.communicate(timeout=60)[0].strip() for run in runs] == ["2"] * 4
    assert len(list((tmp_path / "ratecheck").iterdir())) == 1


def _without_network() -> list[str]:
    cut = ["unshare", "-rn"]
    usable = (
        shutil.which("unshare") and subprocess.run([*cut, "true"], check=False, capture_output=True).returncode == 0
    )
    return cut if usable else []


def test_with_the_network_cut_and_an_empty_home_counts_are_exact(tmp_path: Path) -> None:
    """First run on a machine without a network: the exact figure at once."""
    cut = _without_network()
    if not cut:
        pytest.skip("this machine lets nobody cut the network off")
    clean = {"PATH": os.environ["PATH"], "HOME": str(tmp_path / "nowhere")}
    code = "from ratecheck.net.tokenizer import counter; print(counter('o200k_base', False).count('hello world'))"
    done = subprocess.run(
        [*cut, sys.executable, "-c", code], env=clean, capture_output=True, text=True, timeout=30, check=False
    )
    assert (done.stdout.strip(), done.returncode) == ("2", 0), done.stderr


def test_the_command_says_how_it_counted(ratecheck: Ratecheck) -> None:
    """`token_method` is tiktoken where the figure is tiktoken's."""
    import json

    done = ratecheck("estimate", "--json", stdin="hello world")
    document = json.loads(done.stdout)
    assert document["token_method"] == "tiktoken"
    assert document["token_error_band"] is None
    assert document["prompts"][0]["text_tokens"] == 2
    assert document["prompts"][0]["prompt_tokens"] == 9


def test_large_pages_cost_nothing_until_they_are_used() -> None:
    """Address space alone is taken, and whatever the system says to it, memory is allocated as before."""
    code = (
        "import resource\nfrom ratecheck.net.pages import large_pages\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "told = large_pages()\nassert told is large_pages()\n"
        "assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 8 << 10\n"
        "kept = [bytes(size) for size in (10, 1 << 12, 1 << 20, 40 << 20) for _ in range(3)]\n"
        "assert not any(map(any, kept[:9]))\nprint(told)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout in ("True\n", "False\n")
