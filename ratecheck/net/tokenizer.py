"""Counting tokens: tiktoken's figures, from tiktoken itself or from something faster that is held equal to it.

``counter(encoding)`` gives the best that is installed: toktok where the extra ``fast`` is there, else tiktoken, else an
estimate that says so.
"""

import functools
import os
import threading
from array import array
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from unicodedata import category

from ratecheck.estimate.cutting import CHUNK_CHARS, chunks
from ratecheck.estimate.scripts import SCRIPT_BAND, SCRIPT_METHOD, tokens_by_script
from ratecheck.net.pages import large_pages

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

# Encodings that toktok 0.3 has inside, equal to tiktoken's (tests/test_tokenizer.py).
_FAST = frozenset({"cl100k_base", "o200k_base", "o200k_harmony"})

# A special token of every encoding here.
_MARK = "<|endoftext|>"

# Characters that are counted together.
_TASK_CHARS = 1 << 20

# A piece beyond this is encoded in parts: the merging of one piece takes memory and time that grow with it.
_GIANT_CHARS = 1 << 12
# Parts and seams of it whose tokens are remembered.
_REPEATS = 16

# How far back a seam between two parts of a piece is moved, in tokens, before both are encoded as one.
_SEAM_TRIES = (1, 2, 4, 8, 16, 32, 64)


def well_formed(text: str) -> str:
    """Return ``text`` with surrogate pairs joined and lone ones replaced, as tiktoken itself does."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


class TiktokenCounter:
    """Counts with tiktoken, in chunks; text that its regular expression cannot take is split piece by piece."""

    method = "tiktoken"
    engine = "tiktoken"
    error_band: tuple[float, float] | None = None

    def __init__(self, encoding: str, raw: bytes) -> None:
        """``raw``: the vocabulary, of which tables are made when something is counted."""
        self.encoding = encoding
        self._raw = raw
        self._none: frozenset[str] = frozenset()

    @functools.cached_property
    def _encoding(self) -> Any:
        from ratecheck.net import vocabulary

        large_pages()
        return vocabulary.build(self.encoding, self._raw)

    @functools.cached_property
    def _core(self) -> Any:
        return self._encoding._core_bpe

    def ready(self) -> None:
        """Load what counting needs."""
        self.count("")

    def count(self, text: str) -> int:
        """Return the tokens of ``text``; special tokens in it are text."""
        if len(text) > 2 * CHUNK_CHARS:
            return self.count_all((text,))
        return self._chunk(text)

    def count_many(self, texts: Sequence[str]) -> list[int]:
        """Return the tokens of each text.

        Many texts go through tiktoken in one call, with its own end-of-text mark between them: it tokenizes what
        stands on both sides of a special token apart. In one call it also lets other threads work meanwhile.
        """
        found: list[int] = []
        held: list[str] = []
        size = 0
        for text in texts:
            if len(text) > CHUNK_CHARS or _MARK in text:
                found += self._marked(held)
                found.append(self.count(text))
                held, size = [], 0
                continue
            held.append(text)
            size += len(text)
            if size > 4 * CHUNK_CHARS:
                found += self._marked(held)
                held, size = [], 0
        return found + self._marked(held)

    def _marked(self, texts: list[str]) -> list[int]:
        if not texts:
            return []
        try:
            tokens = array("I")
            tokens.frombytes(bytes(self._core.encode_to_tiktoken_buffer(_MARK.join(texts) + _MARK, {_MARK})))
        except ValueError:  # lone surrogates, or too much white space for its regular expression
            return [self.count(text) for text in texts]
        mark = self._encoding.eot_token
        counts = []
        begin = 0
        for _ in texts:
            end = tokens.index(mark, begin)
            counts.append(end - begin)
            begin = end + 1
        return counts

    def count_all(self, blocks: Iterable[str], alone: bool = False) -> int:
        """Return the tokens of the text that ``blocks`` are parts of, holding a few parts at a time."""
        return _summed(lambda some: sum(map(self._chunk, some)), chunks(blocks), alone)

    def _chunk(self, text: str) -> int:
        if len(text) > 4 * CHUNK_CHARS:
            return self._pieces(text)
        try:
            return self._at_once(text)
        except UnicodeEncodeError:
            return self._chunk(well_formed(text))
        except ValueError:
            return self._pieces(text)

    def _at_once(self, text: str) -> int:
        # The buffer holds four bytes a token; a list of them would cost ten times that and the time to build it.
        return memoryview(self._core.encode_to_tiktoken_buffer(text, self._none)).nbytes // 4

    def _pieces(self, text: str) -> int:
        """Count text that has no safe cut: find the pieces with the encoding's own pattern, giants one by one."""
        import regex  # a dependency of tiktoken; the only place that needs it

        if not text.isascii():
            text = well_formed(text)
            if any(category(each) == "Cn" for each in set(text)):
                # Characters so new that `regex` and tiktoken may disagree on whether they are letters.
                with suppress(ValueError):
                    return self._at_once(text)
        total = begin = 0
        for piece in regex.finditer(self._encoding._pat_str, text):
            first, end = piece.span()
            # A border of pieces is a safe cut where the left part does not end in white space.
            if end - begin >= CHUNK_CHARS and not text[first - 1 : first].isspace() and first > begin:
                total += self._chunk(text[begin:first])
                begin = first
            if end - first > _GIANT_CHARS:
                if first > begin:
                    total += self._small(text[begin:first])
                total += self._giant(text, first, end)
                begin = end
        if begin < len(text):
            total += self._small(text[begin:])
        return total

    def _small(self, text: str) -> int:
        import regex

        single = self._core.encode_single_piece
        return sum(len(single(piece.encode())) for piece in regex.findall(self._encoding._pat_str, text))

    def _giant(self, text: str, first: int, end: int) -> int:
        """Count the one piece that lies from ``first`` to ``end`` in parts.

        Two neighbouring encoded parts stand as they are if the last token of one and the first of the other, encoded
        together, come out as those two: a merge across the seam would have to show there. That stays so as long as
        neither of the two changes, which a part's first token does only when the part itself grows.
        """
        # What makes pieces this large mostly repeats itself: blanks, a line of dashes, one letter.
        single = functools.lru_cache(_REPEATS)(self._core.encode_single_piece)
        spell = self._core.decode_single_token_bytes

        def stand(left: int, right: int) -> bool:
            return bool(single(spell(left) + spell(right)) == [left, right])

        total = 0
        settled: int | None = None
        held = text[first : min(first + _GIANT_CHARS, end)].encode()
        tokens = single(held)
        for at in range(first + _GIANT_CHARS, end, _GIANT_CHARS):
            part = text[at : min(at + _GIANT_CHARS, end)].encode()
            for back in (0, *_SEAM_TRIES):
                if back >= len(tokens):
                    continue
                moved = b"".join(map(spell, tokens[len(tokens) - back :])) if back else b""
                after = single(moved + part)
                left = tokens[len(tokens) - back - 1]
                if stand(left, after[0]):
                    total += len(tokens) - back
                    settled = left
                    held, tokens = moved + part, after
                    break
            else:
                held += part
                tokens = single(held)
                if settled is not None and not stand(settled, tokens[0]):
                    return len(self._core.encode_single_piece(text[first:end].encode()))
        return total + len(tokens)


class ToktokCounter:
    """Counts with toktok, many times as fast; loads no vocabulary of ours."""

    method = "tiktoken"
    engine = "toktok"
    error_band: tuple[float, float] | None = None

    def __init__(self, encoding: str, toktok: Any) -> None:
        self.encoding = encoding
        self._batch = toktok.batch_count
        self._loading = threading.Lock()
        self._loaded = False

    def ready(self) -> None:
        """Build the tables (half a second for o200k): once, however many threads ask."""
        with self._loading:
            if not self._loaded:
                large_pages()
                self._batch((), self.encoding, 1)
                self._loaded = True

    def count(self, text: str) -> int:
        """Return the tokens of ``text``; special tokens in it are text."""
        return self.count_many((text,))[0]

    def count_many(self, texts: Sequence[str]) -> list[int]:
        """Return the tokens of each text: a call costs as much as many texts do."""
        if not self._loaded:
            self.ready()
        # One thread here: whoever has much to count spreads it, and what is to be read next is read meanwhile.
        try:
            return list(self._batch(texts, self.encoding, 1))
        except UnicodeEncodeError:
            return list(self._batch([well_formed(text) for text in texts], self.encoding, 1))

    def count_all(self, blocks: Iterable[str], alone: bool = False) -> int:
        """Return the tokens of the text that ``blocks`` are parts of, holding a few parts at a time."""
        return _summed(lambda some: sum(self.count_many(some)), chunks(blocks), alone)


class ScriptCounter:
    """No vocabulary at hand: an estimate by script, which says so."""

    method = SCRIPT_METHOD
    engine = "none"
    error_band: tuple[float, float] | None = SCRIPT_BAND

    def __init__(self, encoding: str) -> None:
        self.encoding = encoding

    def ready(self) -> None:
        """Nothing is loaded."""

    def count(self, text: str) -> int:
        """Return about how many tokens ``text`` has."""
        return tokens_by_script(text, self.encoding)

    def count_many(self, texts: Sequence[str]) -> list[int]:
        """Return about how many tokens each text has."""
        return [self.count(text) for text in texts]

    def count_all(self, blocks: Iterable[str], alone: bool = False) -> int:
        """Return about how many tokens the text of ``blocks`` has."""
        return sum(map(self.count, blocks))


Counter = TiktokenCounter | ToktokCounter | ScriptCounter


@functools.cache
def _workers() -> "ThreadPoolExecutor":
    from concurrent.futures import ThreadPoolExecutor  # brings `logging`: not where no thread is asked for

    # Both tokenizers let go of the interpreter while they count.
    return ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="count")


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_workers.cache_clear)  # a copy of this process has none of its threads


def in_background(work: Callable[[], list[int]]) -> Callable[[], list[int]]:
    """Start ``work`` beside what goes on here; the call that comes back waits for its outcome."""
    return _workers().submit(work).result


def _summed(count: Callable[[list[str]], int], parts: Iterable[str], alone: bool) -> int:
    """Return the sum of ``count`` over ``parts``: on this thread, or read on while several threads count."""
    if alone:
        return sum(map(count, _tasks(parts)))
    total = 0
    waiting: deque[Future[int]] = deque()
    for task in _tasks(parts):
        waiting.append(_workers().submit(count, task))
        # As many wait as are worked on: more would only take memory.
        if len(waiting) > 2 * (os.cpu_count() or 1):
            total += waiting.popleft().result()
    return total + sum(task.result() for task in waiting)


def _tasks(parts: Iterable[str]) -> Iterator[list[str]]:
    """Yield parts together: toktok remembers words from part to part of one call, and starts each call without."""
    held: list[str] = []
    size = 0
    for part in parts:
        held.append(part)
        size += len(part)
        if size >= _TASK_CHARS:
            yield held
            held, size = [], 0
    if held:
        yield held


@functools.cache
def counter(encoding: str, fast: bool = True) -> Counter:
    """Return the best counter at hand for ``encoding``; ``fast=False`` leaves toktok out."""
    if fast and encoding in _FAST:
        try:
            import toktok
        except ImportError:
            pass
        else:
            return ToktokCounter(encoding, toktok)
    from ratecheck.net import vocabulary  # what finds and checks files is not needed for toktok

    raw = vocabulary.find(encoding)
    return ScriptCounter(encoding) if raw is None else TiktokenCounter(encoding, raw)
