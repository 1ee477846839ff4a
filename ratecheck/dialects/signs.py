"""What a row about a server's words looks like: a sign.

A sign is a sentence, an error code or a name that, when it stands in an answer, says something: what kind of refusal
this is, of what dimension, or whose server wrote it. Signs are weighed against each other, because most answers hold
several that disagree ("quota" in a sentence, ``rate_limit_exceeded`` as the code).
"""

import re
from functools import cache, cached_property
from typing import NamedTuple

from ratecheck.model import Category, Dimension

# Short names for what most rows say.
MINUTE, HOUR, DAY, WEEK, MONTH = 60.0, 3600.0, 86_400.0, 604_800.0, 2_592_000.0
LIMITED, QUOTA, TOO_LARGE, BUSY, PARALLEL, OTHER = (
    Category.RATE_LIMIT,
    Category.QUOTA_EXHAUSTED,
    Category.REQUEST_TOO_LARGE,
    Category.OVERLOADED,
    Category.CONCURRENCY,
    Category.NOT_RATE_LIMIT,
)

# Shorthands that patterns use; each expands to a bounded, linear piece.
_PIECES = {
    "{n}": r"~?\d[\d,]{0,18}(?:\.\d{1,9})?",
    "{limit}": r"~?(?P<limit>\d[\d,]{0,18}(?:\.\d{1,9})?)",
    "{used}": r"~?(?P<used>\d[\d,]{0,18}(?:\.\d{1,9})?)",
    "{requested}": r"~?(?P<requested>\d[\d,]{0,18}(?:\.\d{1,9})?)",
    "{remaining}": r"~?(?P<remaining>\d[\d,]{0,18}(?:\.\d{1,9})?)",
    "{model}": r"[`'\"]?(?P<model>[A-Za-z@][\w./:@+-]{0,118}\w)[`'\"]?",
    "{who}": r"(?P<who>organi[sz]ation|project|account|user|workspace|team|deployment|region|ip|api key|key)",
    "{period}": r"(?P<period>(?:\d{1,6}[ -]?)?"
                r"(?:seconds?|secs?|s|minutes?|mins?|m|hours?|hrs?|h|days?|d|weeks?|months?)\b)",
    "{dim}": r"(?P<dim>[a-z][a-z -]{1,40}?)",
}  # fmt: skip


class Sign(NamedTuple):
    """One thing a server writes, and what it tells.

    ``needles`` are lower-case literals, one of which must stand in the text before ``pattern`` is tried at all;
    without a pattern the needle itself is the sign. ``weight`` says how much its ``category`` decides over others
    (1 a bare word, 5 a usual sentence, 9 a grammar that means one thing); ``proof`` how much it proves the
    ``provider`` (1 a client's name, 5 a host's address, 9 words that one server alone writes). Groups of the pattern
    named ``model``, ``limit``, ``used``, ``requested``, ``remaining``, ``dim``, ``period`` and ``who`` are readings.
    """

    needles: tuple[str, ...]
    pattern: str | None = None
    category: Category | None = None
    weight: int = 0
    provider: str | None = None
    proof: int = 0
    dimension: Dimension | None = None
    window_s: float | None = None
    scope: str | None = None
    size_hint: bool = False
    """The server itself hints that the size of this request may be the cause."""
    source: str = "pasted"
    """Where the words were read; ``bodies.source_of`` leads to the address and date."""

    @property
    def code(self) -> bool:
        """Whether this is an error code rather than words (no blank in it)."""
        return self.pattern is None and " " not in self.needles[0] and self.needles[0].isascii()


class Signs(tuple[Sign, ...]):
    """Signs in the order in which they are believed."""

    @cached_property
    def needles(self) -> tuple[tuple[str, Sign], ...]:
        """Each needle with its sign: a text is looked through for hundreds of them, and holds a few."""
        return tuple((needle, sign) for sign in self for needle in sign.needles)


@cache
def compiled(pattern: str) -> re.Pattern[str]:
    """Compile a sign's pattern on first use: a run needs a handful of the many."""
    for shorthand, piece in _PIECES.items():
        pattern = pattern.replace(shorthand, piece)
    return re.compile(pattern, re.IGNORECASE)


@cache
def identifier(needle: str, code: bool = False) -> re.Pattern[str]:
    """A name matches as a whole word only: ``1302`` is not found in ``13024``, nor ``tokens`` in ``max_tokens``.

    A ``code`` with a number of its own (``rate_limit=500``) is a setting, no code; a status may follow one.
    """
    before = r"(?<!\w)" if needle[0].isalnum() else ""
    after = r"(?!\w)" if needle[-1].isalnum() else ""
    setting = r"(?![\"']?\s?=\s?[\"']?\d|[\"']\s?:\s?[\"']?\d|: ?(?![45]\d\d\b)\d)" if code else ""
    return re.compile(before + re.escape(needle) + after + setting)
