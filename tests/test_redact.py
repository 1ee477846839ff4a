"""Nothing of a key comes out, and what is no key stays readable."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratecheck.redact import mask, neutralise, scrub

KEY = "sk-proj-Ab3dEf6hIj9lMn2pQr5tUv8x"
PLAIN = "0a1b2c3d4e5f60718293a4b5c6d7e8f9"  # an Azure key looks like any hex


@pytest.mark.parametrize(
    "text",
    [
        f"Incorrect API key provided: {KEY}.", f"Authorization: Bearer {PLAIN}", f"'authorization': 'Bearer {PLAIN}'",
        f"(b'api-key', b'{PLAIN}')", f"api-key: {PLAIN}", f'{{"api_key": "{PLAIN}"}}',
        f"Ocp-Apim-Subscription-Key: {PLAIN}",
        f"https://h.example/v1?key={PLAIN}&x=1", f"-H 'x-api-key: {PLAIN}'", f"AZURE_OPENAI_API_KEY={PLAIN}",
        f"set-cookie: {PLAIN}", f"password={PLAIN}",
    ],
)  # fmt: skip
def test_credentials_are_masked_in_every_notation(text: str) -> None:
    """At most the last four characters are left."""
    left = scrub(text)
    assert KEY[-5:] not in left
    assert PLAIN[-5:] not in left


@pytest.mark.parametrize(
    "text",
    [
        "no key found in the environment (OPENAI_API_KEY, AZURE_OPENAI_API_KEY, ANTHROPIC_API_KEY, GROQ_API_KEY, …)",
        "no key for OpenAI: OPENAI_API_KEY is not set",
        "Rate limit reached for gpt-4o in organization org-Kq81 on tokens per min (TPM): Limit 30000",
        "max_tokens, temperature and the API key, whichever comes first",
    ],
)  # fmt: skip
def test_what_is_no_credential_stays(text: str) -> None:
    """Names of variables and server sentences are not touched."""
    assert scrub(text) == text


@given(st.text(alphabet="abcdefghijklmnopqrstuvwxyz0123456789-_", min_size=20, max_size=80), st.integers(6, 40))
def test_a_known_secret_is_masked_however_it_is_cut(secret: str, cut: int) -> None:
    """The whole key, or a tail of it of more than what is shown, never comes out."""
    left = scrub(f"you sent {secret} (…{secret[-min(cut, 24) :]})", (secret,))
    assert secret[-5:] not in left.replace(mask(secret), "")


@given(st.text(max_size=300))
def test_neutralised_text_cannot_move_the_cursor(text: str) -> None:
    """No control characters, no bidi overrides, one line."""
    left = neutralise(text)
    assert not any(ord(char) < 32 or 0x7F <= ord(char) < 0xA0 or 0x202A <= ord(char) <= 0x202E for char in left)
