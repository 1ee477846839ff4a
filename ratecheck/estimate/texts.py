"""A text with nothing around it, however large: its characters, its tokens, and what is counted to send it."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from ratecheck.estimate.memory import Counter

# What a text is counted with where nothing names a model: that of the default model. It stands here as well so that
# counting can begin before the table of models is loaded.
DEFAULT_ENCODING = "o200k_base"

# A text alone is estimated as one message of this role; its words are counted elsewhere, so the message is empty.
ROLE = "user"
AROUND = (ROLE, "")


class Measured(NamedTuple):
    """How large a text is."""

    chars: int
    tokens: int
    around: dict[str, int]
    """Tokens of each text in ``AROUND``: whoever estimates need not load a vocabulary for them."""


def measure(counter: Counter, blocks: Iterable[str], alone: bool = False) -> Measured:
    """Measure the text in ``blocks``; ``alone``: on this thread, the others have work."""
    chars = 0

    def seen() -> Iterator[str]:
        nonlocal chars
        for block in blocks:
            chars += len(block)
            yield block

    tokens = counter.count_all(seen(), alone)
    return Measured(chars, tokens, {text: counter.count(text) for text in AROUND})


def whole(parts: Sequence[Measured]) -> Measured:
    """Return how large the text is that was measured in parts."""
    return Measured(sum(part.chars for part in parts), sum(part.tokens for part in parts), parts[0].around)
