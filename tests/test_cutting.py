"""Texts are counted in chunks and counted right: a cut never changes how many tokens there are."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ratecheck.estimate import cutting
from ratecheck.net import tokenizer
from ratecheck.net.tokenizer import TiktokenCounter, counter

ENCODINGS = ("o200k_base", "cl100k_base")

# Atoms of every class that the patterns know, and of the places where they meet: contractions in either case, line
# breaks after punctuation, marks after letters, runs of white space before words, digits of other scripts.
ATOMS = (
    "a", "Z", "é", "ß", "中", "文字", "あ", "カ", "゛", "한", "б", "Ж", "ǅ", "ʰ", "\u0301", "\u200d", "😀", "👩‍👩‍👧",
    "'s", "'LL", "'", "’s", "don't", "0", "12", "1234", "²", "٣", "!", "!?", "/", "//", "\n", "\r\n", "\n\n  ", " ",
    "  ", "    ", "\t", "\u00a0", "\u3000", "\x85", "\x1c", "_", "-", "=", "。", "，", "<|endoftext|>", "fooBar",
    "HTTPServer",
)  # fmt: skip
texts = st.lists(st.sampled_from(ATOMS) | st.characters(exclude_categories=("Cs",)), max_size=60).map("".join)


def exact(encoding: str) -> TiktokenCounter:
    """Return tiktoken's own counter."""
    found = counter(encoding, fast=False)
    assert isinstance(found, TiktokenCounter), "the vocabularies of the test environment are missing"
    return found


def plain(encoding: str, text: str) -> int:
    """Count as a three-line script would."""
    return len(exact(encoding)._encoding.encode(text, disallowed_special=()))


@pytest.mark.parametrize("encoding", [*ENCODINGS, "o200k_harmony"])
@given(text=texts)
@settings(max_examples=300, deadline=None)
def test_every_cut_leaves_the_count_alone(encoding: str, text: str) -> None:
    """Whatever stands on both sides, the parts' tokens add up to the whole's at each place that is called safe."""
    if encoding == "o200k_harmony" and len(text) > 40:
        return  # the pattern is that of o200k: a sample is enough
    for found in cutting._cut().finditer(text):
        at = found.start()
        assert plain(encoding, text[:at]) + plain(encoding, text[at:]) == plain(encoding, text)


@pytest.mark.parametrize("encoding", ENCODINGS)
@given(parts=st.lists(texts, max_size=6), size=st.integers(1, 40))
@settings(max_examples=150, deadline=None)
def test_chunks_hold_the_whole_text_and_its_tokens(encoding: str, parts: list[str], size: int) -> None:
    """However a text arrives and however small the chunks are, nothing is lost and the count stays."""
    whole = "".join(parts)
    before, cutting.CHUNK_CHARS = cutting.CHUNK_CHARS, size
    try:
        made = list(cutting.chunks(parts))
    finally:
        cutting.CHUNK_CHARS = before
    assert "".join(made) == whole
    assert sum(plain(encoding, each) for each in made) == plain(encoding, whole)


@pytest.mark.parametrize("encoding", ENCODINGS)
@given(text=texts, giant=st.sampled_from([16, 64, 256]))
@settings(max_examples=150, deadline=None)
def test_pieces_without_a_cut_add_up(encoding: str, text: str, giant: int) -> None:
    """The way for text without any safe cut gives the same figure, with tiny parts of pieces too."""
    found = exact(encoding)
    before = tokenizer._GIANT_CHARS
    tokenizer._GIANT_CHARS = giant
    try:
        assert found._pieces(text) == plain(encoding, text)
    finally:
        tokenizer._GIANT_CHARS = before


def test_characters_newer_than_the_tokenizer_are_left_to_it() -> None:
    """A letter of the newest Unicode is none to tiktoken: tiktoken splits such text itself."""
    text = "\U0003d000’s" * 3
    assert exact("cl100k_base")._pieces(text) == plain("cl100k_base", text)


@pytest.mark.parametrize("encoding", ENCODINGS)
@given(
    unit=st.text(st.sampled_from("abA中 \n!'é0"), min_size=1, max_size=5),
    times=st.integers(1, 400),
    tail=texts,
    giant=st.sampled_from([32, 100, 1000]),
)
@settings(max_examples=150, deadline=None)
def test_long_runs_add_up(encoding: str, unit: str, times: int, tail: str, giant: int) -> None:
    """A repeated unit, which gives the largest pieces there are, is counted as tiktoken counts it."""
    text = unit * times + tail
    before = tokenizer._GIANT_CHARS
    tokenizer._GIANT_CHARS = giant
    try:
        assert exact(encoding)._pieces(text) == plain(encoding, text)
    finally:
        tokenizer._GIANT_CHARS = before


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("unit", [" ", "\n", "a", "A", "中", "!", "😀", "0", "\n   ", "Aa中", "'a", "e\u0301", " \t"])
def test_a_megabyte_of_one_thing_is_counted_exactly(encoding: str, unit: str) -> None:
    """White space, letters, one script, signs: no line break and no word to cut at, still the exact figure.

    The count of n units grows by the same amount over equal steps once n is large: the figure for far more units than
    tiktoken can take at once is checked by continuing the line of what it can take.
    """
    found = exact(encoding)
    step, first = 3 << 13, 3 << 14  # digits come in threes
    line = [plain(encoding, unit * (first + place * step)) for place in (0, 1)]
    many = 12
    assert found.count(unit * (first + many * step)) == line[0] + many * (line[1] - line[0])


def test_ordinary_text_is_cut_into_small_chunks() -> None:
    """Text with words in it never grows a chunk much beyond its size."""
    text = "One sentence after another, with 12 numbers.\n" * 20_000
    longest = max(map(len, cutting.chunks([text])))
    assert longest <= 2 * cutting.CHUNK_CHARS
    blocks = ["".join(batch) for batch in itertools.batched(text, 10_000)] if hasattr(itertools, "batched") else [text]
    assert "".join(cutting.chunks(blocks)) == text
