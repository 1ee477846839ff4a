"""What a finding code is, and where the rows' claims were read."""

from typing import NamedTuple

from ratecheck.model import Source


class Code(NamedTuple):
    """One finding code, as ``ratecheck explain`` shows it."""

    code: str
    title: str
    meaning: str
    tell: str
    """How it is told from the evidence, so that anyone can check."""
    do: str
    source: Source
    also: tuple[str, ...] = ()
    """Commands beside those of its area that report it."""


class Area(NamedTuple):
    """All codes of one hundred: the kind of evidence that they stand on."""

    prefix: str
    """``RC1``."""
    title: str
    commands: tuple[str, ...]
    """The commands that report them."""
    rows: tuple[Code, ...]


def _page(url: str, date: str = "2026-10", verified: bool = True) -> Source:
    return Source(url, date, verified)


def thread(path: str) -> Source:
    """Return an issue or pull request in which somebody met it."""
    return Source(f"https://github.com/{path}", "2026-11")


OPENAI = _page("https://developers.openai.com/api/docs/guides/rate-limits")
SLICES = _page("https://help.openai.com/en/articles/6891753", "2025-06")
AZURE = _page("https://learn.microsoft.com/azure/foundry/openai/how-to/quota", "2026-09")
ANTHROPIC = _page("https://platform.claude.com/docs/en/api/rate-limits")
PLAN_WINDOWS = _page("https://gist.github.com/andrew-kramer-inno/34f9303a5cc29a14af7c2e729b676fc9")
GOOGLE = _page("https://ai.google.dev/gemini-api/docs/rate-limits")
GROQ = _page("https://console.groq.com/docs/rate-limits")
DEEPSEEK = _page("https://api-docs.deepseek.com/quick_start/rate_limit")
LITELLM = _page("https://docs.litellm.ai/docs/proxy/response_headers", "2026-10-15", verified=False)
IETF = _page("https://github.com/ietf-wg-httpapi/ratelimit-headers")
RETRY_AFTER = _page("https://www.rfc-editor.org/rfc/rfc9110#field.retry-after", "2026-11", verified=False)
JITTER = _page("https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/", "2026-11", verified=False)
SDK = _page("https://github.com/openai/openai-python", "2026-11")
COUNTING = _page("https://github.com/openai/openai-cookbook/blob/main/examples/How_to_count_tokens_with_tiktoken.ipynb")
ANTHROPIC_COUNTING = _page("https://docs.anthropic.com/en/docs/build-with-claude/token-counting", "2026-11")
ITSELF = Source("what the run itself shows", "2026-11", note="no fact from outside is claimed")
