"""Which client a traceback or log names, and what that client does about such an answer: retries, waits, gives up."""

import re
from typing import NamedTuple

from ratecheck.durations import human_s
from ratecheck.model import Answer, Category, Finding


class ClientNext(NamedTuple):
    """One client that the text names, by the name of its retry rule, and what it does on this answer."""

    policy: str
    version: str | None
    says: str


class _Named(NamedTuple):
    policy: str
    needle: str
    version: str
    """A pattern whose group is the version, where people and tools write it."""


_ROWS = (
    _Named("codex", "@openai/codex", r"codex(?:-cli)?[ @/v]{1,3}(\d+\.\d+(?:\.\d+)?)"),
    _Named("litellm-router", "litellm/router.py", r"litellm[-=@ /v]{1,3}(\d+\.\d+(?:\.\d+)?)"),
    _Named("litellm", "site-packages/litellm", r"litellm[-=@ /v]{1,3}(\d+\.\d+(?:\.\d+)?)"),
    _Named("litellm", "litellm.exceptions", r"litellm[-=@ /v]{1,3}(\d+\.\d+(?:\.\d+)?)"),
    _Named("langchain-openai", "langchain_openai", r"langchain[_-]openai[-=@ /v]{1,3}(\d+\.\d+(?:\.\d+)?)"),
    _Named("anthropic-python", "site-packages/anthropic", r"anthropic(?:/python |[-=@ /v]{1,3})(\d+\.\d+(?:\.\d+)?)"),
    _Named("anthropic-python", "anthropic.ratelimiterror", r"anthropic(?:/python |[-=@ /v]{1,3})(\d+\.\d+(?:\.\d+)?)"),
    _Named("anthropic-node", "@anthropic-ai/sdk", r"@anthropic-ai/sdk[-=@ /v]{1,3}(\d+\.\d+(?:\.\d+)?)"),
    _Named("groq-python", "site-packages/groq", r"groq[-=@ /v]{1,3}(\d+\.\d+(?:\.\d+)?)"),
    _Named("groq-python", "groq.ratelimiterror", r"groq[-=@ /v]{1,3}(\d+\.\d+(?:\.\d+)?)"),
    _Named("cohere-python", "cohere.errors", r"cohere[-=@ /v]{1,3}(\d+\.\d+(?:\.\d+)?)"),
    _Named("mistralai-python", "site-packages/mistralai", r"mistralai[-=@ /v]{1,3}(\d+\.\d+(?:\.\d+)?)"),
    _Named("google-genai-python", "google/genai", r"google-genai[-=@ /v]{1,3}(\d+\.\d+(?:\.\d+)?)"),
    _Named("vercel-ai", "ai_apicallerror", r"\bai[-=@ /v]{1,3}(\d+\.\d+(?:\.\d+)?)"),
    _Named("openai-go", "openai-go", r"openai-go(?:/v\d+)?[-=@ /v]{1,3}(\d+\.\d+(?:\.\d+)?)"),
    _Named("openai-node", "node_modules/openai", r"\bopenai(?:/js |[-=@ /v]{1,3})(\d+\.\d+(?:\.\d+)?)"),
    _Named("openai-python", "site-packages/openai", r"\bopenai(?:/python |[-=@ /v]{1,3})(\d+\.\d+(?:\.\d+)?)"),
    _Named("openai-python", "openai.ratelimiterror", r"\bopenai(?:/python |[-=@ /v]{1,3})(\d+\.\d+(?:\.\d+)?)"),
    _Named("openai-python", "openai.error.", r"\bopenai(?:/python |[-=@ /v]{1,3})(0\.\d+(?:\.\d+)?)"),
)  # fmt: skip
# openai.error was the place of the exceptions before 1.0; openai 3.0 moved from httpx to httpx2.
_BY_FRAME = (
    ("openai.error.", "openai-python", "0.28"),
    ("httpx2", "openai-python", "3.0"),
    ("httpx2", "anthropic-python", "2.0"),
)


def clients(
    lower: str, findings: tuple[Finding, ...], headers: tuple[tuple[str, str], ...] = ()
) -> tuple[ClientNext, ...]:
    """Return what each client named in the text does about the first refusal; empty where none is named.

    ``lower`` is the text in lower case. Outer layers stand before the SDK that they use.
    """
    refusal = next((each for each in findings if each.category is not Category.NOT_RATE_LIMIT), None)
    named = {row.policy: row for row in reversed(_ROWS) if row.needle in lower}
    if refusal is None or not named:
        return ()
    said = (_next(row, lower, refusal, headers) for row in _ROWS if named.get(row.policy) is row)
    return tuple(each for each in said if each)


def _next(row: _Named, lower: str, refusal: Finding, headers: tuple[tuple[str, str], ...]) -> ClientNext | None:
    from ratecheck import retry  # a table of sixty rows: only for a text that names a client

    seen = re.search(row.version, lower)
    told = next((version for word, policy, version in _BY_FRAME if policy == row.policy and word in lower), None)
    version = seen[1] if seen else told
    policy = retry.find(row.policy, version)
    if policy is None:
        return None
    if not any(name.lower().startswith("retry-after") for name, _ in headers) and refusal.retry_after_s is not None:
        headers = (*headers, ("retry-after", f"{refusal.retry_after_s:.0f}"))
    answer = Answer(refusal.status or 429, headers, (refusal.message or "").encode())
    waits = policy.waits(answer, most=20)
    name = f"{row.policy} {version}" if version else f"{row.policy} (newest version)"
    if not waits:
        return ClientNext(row.policy, version, f"{name} does not repeat this answer: the error surfaces at once.")
    pauses = ", then ".join(_span(*wait) for wait in waits[:3]) + (" and so on" if len(waits) > 3 else "")
    times = "once" if len(waits) == 1 else f"{len(waits)} times" if len(waits) < 20 else "without end"
    off = f" Switch it off with {policy.disable}." if policy.disable and refusal.retryable is False else ""
    return ClientNext(
        row.policy,
        version,
        f"{name} repeats this {times} on its own (after {pauses}), then gives up: {len(waits) + 1} requests.{off}",
    )


def _span(least_s: float, most_s: float) -> str:
    return human_s(least_s) if most_s - least_s < 0.05 else f"{human_s(least_s)} to {human_s(most_s)}"
