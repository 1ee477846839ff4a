"""Who sent a request, told from its headers: the SDK and its version, its own retry counter, a wrapper above it.

Rows, not branches: an SDK is a row here and, with its retry rule, a row in ``ratecheck.retry`` under the same name.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from ratecheck.model import Source

RETRY_COUNT = "x-stainless-retry-count"

# Headers whose value an SDK draws once a call and repeats on each of its retries: equal value, equal body, one call.
# azure-core was run (facts of 2026-11: the same id on every retry); the others are the vendors' documented contracts.
RUN_IDS = ("idempotency-key", "x-idempotency-key", "amz-sdk-invocation-id", "x-ms-client-request-id")

# What `watch` may keep of a request: names of programs and counters, never a value that a person typed.
KEPT = (
    "user-agent", RETRY_COUNT, "x-stainless-lang", "x-stainless-package-version", "x-stainless-async",
    "x-stainless-runtime", "x-stainless-runtime-version", "content-type", "content-encoding",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ClientRow:
    """One program that sends LLM requests, known by its ``User-Agent``.

    ``agent`` must match at the agent's start; its group 1, where there is one, is the version.
    """

    name: str
    """As ``retry`` names its rule."""
    agent: str
    counts: bool = False
    """Sends its own retry counter (``x-stainless-retry-count``)."""
    retries: int = 0
    """Retries it makes by default, for those that do not count them on the wire."""
    first_wait_may_be_zero: bool = False
    """Its rule sends the first retry at once."""
    source: Source = field(kw_only=True)


_STAINLESS = r"(?:Async)?{}/{} ([\w.+-]+)"


def _python(name: str, version: str, verified: bool = True) -> Source:
    return Source(f"the {name} {version} package for Python", "2026-11", verified)


def _npm(name: str, version: str, verified: bool = True) -> Source:
    return Source(f"the {name} {version} package for Node", "2026-11", verified)


ROWS: tuple[ClientRow, ...] = (
    ClientRow("openai-python", r"(?:Async)?(?:Azure)?OpenAI/Python ([\w.+-]+)", counts=True,
              source=_python("openai", "3.54.0")),
    ClientRow("openai-node", r"(?:Azure)?OpenAI/JS ([\w.+-]+)", counts=True, source=_npm("openai", "7.57.0")),
    ClientRow("openai-go", r"(?:Azure)?OpenAI/Go ([\w.+-]+)", counts=True,
              source=Source("https://github.com/openai/openai-go", "2026-11", verified=False)),
    ClientRow("openai-java", r"(?:Azure)?OpenAI/(?:Java|Kotlin) ([\w.+-]+)", counts=True,
              source=Source("https://github.com/openai/openai-java", "2026-11", verified=False)),
    ClientRow("anthropic-python", r"(?:Async)?Anthropic(?:Bedrock|Vertex)?/Python ([\w.+-]+)", counts=True,
              source=_python("anthropic", "2.12.0")),
    ClientRow("anthropic-node", r"Anthropic(?:Bedrock|Vertex)?/JS ([\w.+-]+)", counts=True,
              source=_npm("@anthropic-ai/sdk", "1.12.0")),
    ClientRow("groq-python", _STAINLESS.format("Groq", "Python"), counts=True, source=_python("groq", "1.7.0")),
    ClientRow("groq-node", r"Groq/JS ([\w.+-]+)", counts=True, source=_npm("groq-sdk", "1.6.0")),
    ClientRow("together-python", _STAINLESS.format("Together", "Python"), counts=True,
              source=_python("together", "3.1.1")),
    ClientRow("openai-dotnet", r"OpenAI/([\w.+-]+) \(\.NET", retries=3, first_wait_may_be_zero=True,
              source=Source("https://github.com/openai/openai-dotnet", "2026-11", verified=False)),
    ClientRow("azure-ai-inference", r"azsdk-python-ai-inference/([\w.+-]+)", retries=3, first_wait_may_be_zero=True,
              source=_python("azure-ai-inference", "1.0.0b9")),
    ClientRow("azure-core", r"azsdk-python-[\w-]+/([\w.+-]+)", retries=3, first_wait_may_be_zero=True,
              source=_python("azure-core", "1.41.0")),
    ClientRow("cohere-python", r"cohere/([\w.+-]+)", retries=2, source=_python("cohere", "7.3.1")),
    ClientRow("mistralai-python", r"mistral-client-python/([\w.+-]+)", source=_python("mistralai", "3.7.0")),
    ClientRow("google-genai-python", r"google-genai-sdk/([\w.+-]+)", source=_python("google-genai", "3.4.0")),
    ClientRow("vercel-ai", r"ai(?:-sdk)?/(?:[\w-]+/)?([\w.+-]+)", retries=2, source=_npm("ai", "7.0.173")),
    ClientRow("codex", r"codex[\w-]*/([\w.+-]+)", retries=29,
              source=Source("https://github.com/openai/codex", "2026-11")),
)  # fmt: skip

_COMPILED = tuple((re.compile(row.agent), row) for row in ROWS)

# A wrapper above the SDK that leaves its name in a header it sends (pattern over "name: value", lower-case name).
WRAPPERS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("langchain", re.compile(r"(?i)\blangchain")),
    ("litellm", re.compile(r"(?i)\blitellm")),
    ("pydantic-ai", re.compile(r"(?i)\bpydantic-ai")),
    ("llama-index", re.compile(r"(?i)\bllama[-_]?index")),
    ("instructor", re.compile(r"(?i)\binstructor/")),
    ("aider", re.compile(r"(?i)\baider\b")),
    ("crewai", re.compile(r"(?i)\bcrewai")),
    ("openai-agents", re.compile(r"(?i)\bAgents/(?:Python|JS)")),
)
_WRAPPER_HEADERS = ("user-agent", "x-title", "http-referer", "x-stainless-helper-method", "x-client-name", "x-app")


@dataclass(frozen=True, slots=True)
class Sender:
    """What a request's headers say about the program that sent it."""

    sdk: str | None = None
    """A row's name; ``None`` for a bare HTTP client."""
    version: str | None = None
    agent: str = ""
    """The user agent's first word or two, for a person."""
    retry_count: int | None = None
    """The SDK's own counter: 0 on its first attempt; ``None`` where it sends none."""
    run_id: str | None = None
    """The same on every attempt of one SDK call, where a header says so."""
    wrapper: str | None = None

    @property
    def title(self) -> str:
        """Name it for a person: ``openai-python 3.54.0``, ``python-requests/2.32``."""
        name = f"{self.sdk} {self.version}" if self.sdk and self.version else self.sdk or self.agent or "unknown client"
        return f"{self.wrapper} on {name}" if self.wrapper and self.wrapper != self.sdk else name


def row(name: str | None) -> ClientRow | None:
    """Return the row of that name."""
    return next((each for each in ROWS if each.name == name), None)


def sender_of(headers: Sequence[tuple[str, str]]) -> Sender:
    """Tell who sent a request with these headers (lower-case names)."""
    found: dict[str, str] = {}
    for name, value in headers:
        found.setdefault(name, value)
    agent = found.get("user-agent", "")[:300]
    sdk = version = None
    for pattern, each in _COMPILED:
        match = pattern.match(agent)
        if match:
            sdk, version = each.name, match[1]
            break
    said = " ".join(found[name][:300] for name in _WRAPPER_HEADERS if name in found)
    wrapper = next((name for name, pattern in WRAPPERS if pattern.search(said)), None) if said else None
    count = found.get(RETRY_COUNT, "")
    return Sender(
        sdk=sdk,
        version=version or (found.get("x-stainless-package-version", "")[:40] or None),
        agent=agent.split(" ", 1)[0][:60],
        # A counter beyond three digits is no counter: SDKs stop long before.
        retry_count=int(count) if count.isascii() and count.isdigit() and len(count) <= 3 else None,
        run_id=next((found[name][:200] for name in RUN_IDS if found.get(name)), None),
        wrapper=wrapper,
    )
