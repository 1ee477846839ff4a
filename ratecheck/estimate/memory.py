"""Counts each string once: a batch repeats its system prompt in every line."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Protocol

# Characters that the memory of counted strings may hold before its older half goes.
_REMEMBERED_CHARS = 8 << 20


class Counter(Protocol):
    """Counts tokens of one encoding."""

    encoding: str
    method: str
    engine: str
    error_band: tuple[float, float] | None

    def ready(self) -> None:
        """Load what counting needs: whoever is copied, or shared by threads, does it before."""

    def count(self, text: str) -> int:
        """Return the tokens of ``text``."""

    def count_many(self, texts: Sequence[str]) -> list[int]:
        """Return the tokens of each of ``texts``."""

    def count_all(self, blocks: Iterable[str], alone: bool = False) -> int:
        """Return the tokens of the text that ``blocks`` are parts of; ``alone``: on this thread."""


Begin = Callable[[Callable[[], list[int]]], Callable[[], list[int]]]
"""Starts work, here or elsewhere, and gives what waits for its outcome."""


class Memory:
    """A counter that remembers.

    Two generations: what was asked for again lives on when the older one goes, what was not does not.
    """

    def __init__(self, counter: Counter) -> None:
        """``counter`` counts what is not known."""
        self.counter = counter
        self._young: dict[str, int] = {}
        self._old: dict[str, int] = {}
        self._chars = 0

    def count(self, text: str) -> int:
        """Return the tokens of ``text``."""
        found = self._young.get(text)
        if found is None:
            found = self._old.get(text)
            if found is None:
                found = self.counter.count(text)
            self._keep({text: found})
        return found

    def begin(self, texts: Iterable[str], begin: Begin) -> Callable[[], dict[str, int]]:
        """Start to count what is new among ``texts``; what comes back gives the tokens of each of them."""
        known: dict[str, int] = {}
        again: dict[str, int] = {}
        new: list[str] = []
        # One look-up a text where it is known already: each costs a walk over all of its characters.
        for text in texts:
            if text in known:
                continue
            found = self._young.get(text)
            if found is None:
                found = self._old.get(text)
                if found is None:
                    new.append(text)
                    found = 0
                else:
                    again[text] = found
            known[text] = found
        # Two parts: there are two processors at least nearly everywhere.
        half = len(new) // 2
        outcomes = [begin(partial(self.counter.count_many, part)) for part in (new[:half], new[half:]) if part]

        def settle() -> dict[str, int]:
            learnt = dict(zip(new, [tokens for outcome in outcomes for tokens in outcome()], strict=True))
            known.update(learnt)
            self._keep(learnt | again)
            return known

        return settle

    def _keep(self, counts: dict[str, int]) -> None:
        size = sum(map(len, counts))
        self._chars += size
        if self._chars > _REMEMBERED_CHARS:
            self._old, self._young, self._chars = self._young, {}, size
        self._young.update(counts)
