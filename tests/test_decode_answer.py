"""One live answer becomes one finding, whatever its status, headers and body."""

from hypothesis import given
from hypothesis import strategies as st

from ratecheck.decode import finding_of
from ratecheck.model import Category, Dimension


def test_an_openai_429_is_read_from_body_and_headers() -> None:
    """Category, dimension, window, the limiter's own numbers and the longer of two delays."""
    body = (
        b'{"error":{"message":"Rate limit reached for gpt-4o in organization org-Ab12 on tokens per min (TPM): '
        b'Limit 40000, Used 39500, Requested 812. Please try again in 468ms.",'
        b'"type":"tokens","code":"rate_limit_exceeded"}}'
    )
    finding = finding_of(429, [("retry-after-ms", "500"), ("x-ratelimit-remaining-tokens", "500")], body)
    assert finding.category is Category.RATE_LIMIT
    assert (finding.provider, finding.model, finding.scope) == ("openai", "gpt-4o", "organization")
    assert (finding.dimension, finding.window_s, finding.limit) == (Dimension.TOKENS, 60.0, 40_000)
    assert (finding.used, finding.requested, finding.retry_after_s) == (39_500, 812, 0.5)
    assert finding.retryable is True
    assert finding.will_fit_ever is True


def test_a_healthy_answer_is_no_refusal_however_much_it_talks_of_limits() -> None:
    """A 200 whose text happens to speak of rate limits and carries a retry-after is not a throttle."""
    body = b'{"choices":[{"message":{"content":"A rate limit of 3 requests per minute was exceeded."}}]}'
    finding = finding_of(200, [("retry-after", "59"), ("x-ratelimit-remaining-requests", "9")], body)
    assert finding.category is Category.NOT_RATE_LIMIT
    assert finding.retry_after_s is None


def test_a_bare_429_is_a_limit_of_unknown_kind() -> None:
    """Nothing but the status: category known, the rest honestly unknown."""
    finding = finding_of(429, [], b"", provider="openai")
    assert (finding.category, finding.provider) == (Category.RATE_LIMIT, "openai")
    assert finding.dimension is finding.limit is finding.window_s is finding.retry_after_s is None


@given(st.one_of(st.none(), st.integers(100, 599)), st.lists(st.tuples(st.text(), st.text()), max_size=6), st.binary())
def test_no_answer_raises(status: int | None, headers: list[tuple[str, str]], body: bytes) -> None:
    """Arbitrary bytes and headers become a finding."""
    assert finding_of(status, headers, body).status in (status, None)
