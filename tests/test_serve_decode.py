"""``decode`` reads everything that ``serve`` writes: one table of rows for both, so the round trip is a promise."""

from dataclasses import replace

import pytest

from ratecheck import decode, provider
from ratecheck.durations import NS_PER_S
from ratecheck.model import Answer, Call, Category, Cost, Dimension
from ratecheck.provider import Provider, rule_of

# The dimensions that each dialect's refusal can name; Mistral's sentence names none, whatever refused.
NAMED = {"mistral": None}
DIALECTS = [profile.name for profile in provider.profiles().values() if profile.name != "ietf"]


def dump(answer: Answer) -> str:
    """Write an answer as ``curl -i`` shows it."""
    head = "".join(f"{name}: {value}\r\n" for name, value in answer.headers)
    return f"HTTP/1.1 {answer.status} Too Many Requests\r\n{head}\r\n{answer.body.decode()}\n"


def refused(name: str, limit: str, tokens: int) -> tuple[Provider, Answer]:
    profile = provider.get(name)
    imitated = Provider(replace(profile, limits=(rule_of(limit, 60),)))
    for _ in range(70):
        answer = imitated.answer(Call(1, profile.model, Cost(1, tokens), 0, 0), 90 * NS_PER_S)
        if answer.status != 200:
            return imitated, answer
    raise AssertionError("nothing was refused")


@pytest.mark.parametrize("name", DIALECTS)
@pytest.mark.parametrize("limit", ["rpm", "tokens"])
def test_every_refusal_is_decoded_to_what_refused(name: str, limit: str) -> None:
    """Provider, category, dimension, limit and wait come back from the pasted answer alone."""
    tokens = "itpm" if any(rule.name == "ITPM" for rule in provider.get(name).limits) else "tpm"
    imitated, answer = refused(name, "rpm" if limit == "rpm" else tokens, 1)
    (finding,) = decode.decode_text(dump(answer)).findings
    assert (finding.provider, finding.category, finding.status) == (
        imitated.dialect.name, Category.RATE_LIMIT, answer.status,
    )  # fmt: skip
    expected = Dimension.REQUESTS if limit == "rpm" else imitated.profile.limits[0].limit.dimension
    if imitated.dialect.name not in NAMED:
        assert finding.dimension in (expected, Dimension.TOKENS if limit != "rpm" else expected)
    if not (name == "moonshot-tier0" and limit != "rpm"):
        assert finding.retry_after_s is not None
        assert 0.9 <= finding.retry_after_s <= 2


@pytest.mark.parametrize("name", ["openai-tier1", "groq-free"])
def test_what_never_fits_is_decoded_as_such(name: str) -> None:
    """A request above its limit: waiting does not help, and the decoder says so."""
    _, answer = refused(name, "tpm", 61)
    (finding,) = decode.decode_text(dump(answer)).findings
    assert (finding.category, finding.will_fit_ever) == (Category.REQUEST_TOO_LARGE, False)
    assert (finding.limit, finding.requested) == (60, 61)
