"""How amounts, shares and names of limits are said: the same everywhere."""

import pytest

from ratecheck.model import Dimension
from ratecheck.wording import counted, left_of, limit_kind, limit_name, percent, units


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (counted(1, "call"), "1 call"),
        (counted(0, "call"), "0 calls"),
        (counted(12_345, "retry", "retries"), "12,345 retries"),
        (units(Dimension.INPUT_TOKENS), "input tokens"),
        (units(Dimension.REQUESTS, 1), "1 request"),
        (units(None, 3), "3 units"),
        (limit_kind(Dimension.TOKENS), "token limit"),
        (limit_kind(None), "rate limit"),
        (limit_name(Dimension.REQUESTS, 60.0), "requests per minute"),
        (limit_name(Dimension.TOKENS, 10.0, "project"), "project tokens per 10 s"),
        (limit_name(Dimension.TOKENS, None), "tokens"),
        (limit_name(Dimension.CONCURRENCY, 60.0), "requests at once"),
        (left_of(12, 30_000), "12 of 30,000"),
        (left_of(None, 500), "unknown of 500"),
        (left_of(7, None), "7"),
    ],
)
def test_figures_have_one_wording(said: str, expected: str) -> None:
    """Thousands are set apart, one is singular, unknown is said."""
    assert said == expected


@pytest.mark.parametrize(
    ("share", "expected"),
    [
        (0.0, "0%"), (0.001, "under 1%"), (0.25, "25%"), (0.994, "99%"), (0.996, "99.6%"), (0.9999, "over 99.9%"),
        (1.0, "100%"),
    ],
)  # fmt: skip
def test_a_share_that_is_not_all_or_nothing_never_looks_like_it(share: float, expected: str) -> None:
    """100% left means that nothing is used."""
    assert percent(share) == expected
