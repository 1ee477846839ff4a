"""How figures are said: one wording for all commands.

Durations and windows are said by ``durations``; here are amounts, shares and the names of limits.
"""

from ratecheck.durations import window_name
from ratecheck.model import Dimension

_UNITS = {
    Dimension.REQUESTS: ("request", "requests"), Dimension.TOKENS: ("token", "tokens"),
    Dimension.INPUT_TOKENS: ("input token", "input tokens"), Dimension.OUTPUT_TOKENS: ("output token", "output tokens"),
    Dimension.IMAGES: ("image", "images"), Dimension.CONCURRENCY: ("request at once", "requests at once"),
}  # fmt: skip
UNKNOWN = "unknown"


def counted(number: int, one: str, many: str | None = None) -> str:
    """Return ``"1 call"``, ``"1,200 calls"``; ``many`` where the plural is more than an ``s``."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def units(dimension: Dimension | None, amount: int | None = None) -> str:
    """Return what a limit counts, ``"tokens"``; with an amount ``"1 request"``. An unknown dimension counts units."""
    one, many = _UNITS[dimension] if dimension is not None else ("unit", "units")
    return many if amount is None else counted(amount, one, many)


def limit_kind(dimension: Dimension | None) -> str:
    """Return ``"token limit"``; ``"rate limit"`` where it is not known what it counts."""
    return "rate limit" if dimension is None else f"{_UNITS[dimension][0]} limit"


def algorithm_name(algorithm: str) -> str:
    """Return ``"token bucket"`` for ``token_bucket``, as options and JSON spell it."""
    return algorithm.replace("_", " ")


def limit_name(dimension: Dimension | None, window_s: float | None, scope: str | None = None) -> str:
    """Return ``"requests per minute"``, ``"project tokens per day"``; without its window where that is unknown."""
    what = f"{scope} {units(dimension)}" if scope else units(dimension)
    return what if window_s is None or dimension is Dimension.CONCURRENCY else f"{what} per {window_name(window_s)}"


def left_of(remaining: int | None, limit: int | None) -> str:
    """Return ``"12 of 30,000"``; either may be unknown."""
    left = UNKNOWN if remaining is None else f"{remaining:,}"
    return left if limit is None else f"{left} of {limit:,}"


def percent(share: float) -> str:
    """Return a share of 0..1 in percent; what is not all or nothing never looks like it."""
    if 0 < share < 0.01:
        return "under 1%"
    if 0.9995 <= share < 1:
        return "over 99.9%"
    return f"{share:.1%}" if 0.995 <= share < 1 else f"{share:.0%}"
