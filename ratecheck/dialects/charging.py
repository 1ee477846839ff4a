"""What one request takes from a token limit at admission: dated rules as rows.

Providers decide before they know the answer's length, each in its own way: some by characters, some by tokens, some
reserve ``max_tokens``, some nothing. The figure is not the bill. Rules changed more than once, so a row has a period.
``charge`` is what the limiter takes when the request arrives, ``settle`` what it holds once the answer is complete.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import NamedTuple

from ratecheck.model import Cost, Dimension, Source


class Measure(StrEnum):
    """How the limiter sizes the prompt when it arrives."""

    CHARACTERS = "characters"
    TOKENS = "tokens"
    NOTHING = "nothing"


class Reserve(StrEnum):
    """What the largest allowed output adds at admission."""

    NOTHING = "nothing"
    SUM = "sum"
    """Prompt plus n times the largest output."""
    MAXIMUM = "maximum"
    """The larger of prompt and largest output."""
    ONLY = "only"
    """The largest output alone: the prompt is left out."""


class Settlement(StrEnum):
    """What happens to the charge once the answer is complete."""

    UNKNOWN = "unknown"
    KEPT = "kept"
    """The actual output is ignored."""
    ACTUAL = "actual"
    """Replaced by the tokens that were really used."""


class Admission(NamedTuple):
    """What a limiter can see of a request when it arrives."""

    text_chars: int = 0
    """Characters of all message contents; tool definitions and tool-call arguments are not in it."""
    messages: int = 1
    prompt_tokens: int = 0
    """As the API would report them, images and tools included."""
    max_output_tokens: int | None = None
    n: int = 1
    images: int = 0
    function_tools: int = 0
    cached_tokens: int = 0
    """Those of ``prompt_tokens`` that come out of a prompt cache."""
    context_tokens: int | None = None
    """The model's context window, for rules that reserve what is left of it."""


class Charge(NamedTuple):
    """What a rule takes, split as limits are split, with the range in which recorded charges lie."""

    input_tokens: int
    output_tokens: int
    low_tokens: int
    high_tokens: int

    @property
    def tokens(self) -> int:
        """Return what a limit on all tokens loses."""
        return self.input_tokens + self.output_tokens

    def cost(self, images: int = 0) -> Cost:
        """Return the same as what limiters take."""
        return Cost(1, self.input_tokens, self.output_tokens, images)


@dataclass(frozen=True, slots=True)
class ChargingRule:
    """One provider's rule for one kind of endpoint in one period."""

    name: str
    provider: str
    endpoints: tuple[str, ...]
    """Of ``chat``, ``completions``, ``embeddings``, ``responses``, ``messages``."""
    since: str
    """First month in which it was seen, ``2025-03``."""
    until: str | None
    """First month in which it no longer held; ``None`` today."""
    measure: Measure
    reserve: Reserve
    source: Source
    says: str
    """The rule in one sentence."""
    models: tuple[str, ...] = ("*",)
    """Patterns of model names; a rule that names models beats one that takes all."""
    chars_per_token: int = 4
    message_tokens: int = 0
    """Added for each message."""
    request_tokens: int = 0
    """Added once."""
    function_tokens: int = 0
    """Added once where function tools are offered."""
    image_tokens: int = 0
    """Added for each image where the prompt is sized by characters."""
    default_output_tokens: int | None = None
    """Reserved where the request names no maximum; ``None``: nothing, or the rest of the context."""
    rest_of_context: bool = False
    """Without a maximum, the rest of the context window is reserved."""
    times_n: bool | None = True
    """Does ``n`` multiply the output? ``None``: nobody has seen; it then only widens the band upwards."""
    cached_share: float = 1.0
    """Share of cached prompt tokens that is charged."""
    settlement: Settlement = Settlement.UNKNOWN
    output_weight: int = 1
    """How much an output token weighs in the settled charge (Bedrock's burndown)."""
    separate: bool = False
    """Input and output are limited apart (ITPM, OTPM) rather than by one TPM."""
    below_tokens: int = 0
    above_tokens: int = 0
    """How far recorded charges lie below and above, in tokens …"""
    band_share: float = 0.0
    """… and as a share of the prompt's part of the charge, both ways."""

    @property
    def reserves_output(self) -> bool:
        """Return whether ``max_tokens`` changes what is taken at admission."""
        return self.reserve is not Reserve.NOTHING

    def dimensions(self) -> tuple[Dimension, ...]:
        """Return the token limits that this charge counts against."""
        return (Dimension.INPUT_TOKENS, Dimension.OUTPUT_TOKENS) if self.separate else (Dimension.TOKENS,)

    def _prompt(self, ask: Admission) -> int:
        fixed = self.message_tokens * ask.messages + self.request_tokens
        fixed += self.function_tokens if ask.function_tools else 0
        match self.measure:
            case Measure.CHARACTERS:
                return -(-ask.text_chars // self.chars_per_token) + fixed + self.image_tokens * ask.images
            case Measure.TOKENS:
                free = round(min(ask.cached_tokens, ask.prompt_tokens) * (1 - self.cached_share))
                return ask.prompt_tokens - free + fixed
            case Measure.NOTHING:
                return 0

    def _output(self, ask: Admission) -> int:
        if ask.max_output_tokens is not None:
            return ask.max_output_tokens
        if self.rest_of_context and ask.context_tokens is not None:
            return max(ask.context_tokens - ask.prompt_tokens, 0)
        return self.default_output_tokens or 0

    def charge(self, ask: Admission) -> Charge:
        """Return what the limiter takes when ``ask`` arrives."""
        prompt, output = self._prompt(ask), self._output(ask)
        times = max(ask.n, 1) if self.times_n else 1
        taken, reserved = self._combine(prompt, output * times)
        most = output * (max(ask.n, 1) if self.times_n is None else times)
        # Only the prompt's size is in doubt: what is reserved for the output stands in the request.
        share = int(prompt * self.band_share)
        least = self._combine(max(prompt - self.below_tokens - share, 0), output * times)
        return Charge(
            taken,
            reserved,
            sum(least),
            sum(self._combine(prompt + self.above_tokens + share, most)),
        )

    def _combine(self, prompt: int, output: int) -> tuple[int, int]:
        match self.reserve:
            case Reserve.NOTHING:
                return prompt, 0
            case Reserve.SUM:
                return prompt, output
            case Reserve.MAXIMUM:
                return prompt, max(output - prompt, 0)
            case Reserve.ONLY:
                return 0, output

    def settle(self, ask: Admission, output_tokens: int) -> Charge:
        """Return what the limiter holds after an answer of ``output_tokens``; unchanged where that is unknown."""
        taken = self.charge(ask)
        if self.settlement is not Settlement.ACTUAL:
            return taken
        cached = round(min(ask.cached_tokens, ask.prompt_tokens) * (1 - self.cached_share))
        entered = taken.input_tokens if self.measure is Measure.CHARACTERS else ask.prompt_tokens - cached
        left = output_tokens * self.output_weight
        return Charge(entered, left, entered + left, entered + left)


_RECORDED = "https://github.com/traceloop/openllmetry"
_OPENAI = Source("https://developers.openai.com/api/docs/guides/rate-limits", "2026-10")
_OPENAI_RECORDED = Source(_RECORDED, "2026-05", note="recorded answers of other projects' tests")
_AZURE = Source("https://learn.microsoft.com/azure/foundry/openai/how-to/quota", "2026-09")
_ANTHROPIC = Source("https://platform.claude.com/docs/en/api/rate-limits", "2026-10")
_GROQ = Source("https://console.groq.com/docs/rate-limits", "2026-10")
_BEDROCK = Source("https://docs.aws.amazon.com/bedrock/latest/userguide/quotas-token-burndown.html", "2026-10")

_CHAT = ("chat",)
_ANY = ("chat", "completions", "embeddings", "responses", "messages")
_TALK = ("chat", "completions", "responses", "messages")

# What the rules know as "reasoning": their Responses charges were recorded far from the rule of the rest.
_REASONING = ("gpt-5*", "o1*", "o3*", "o4*")

RULES: tuple[ChargingRule, ...] = (
    ChargingRule(
        "openai-chat-2024", "openai", _CHAT, "2024-02", "2025-03", Measure.CHARACTERS, Reserve.SUM, _OPENAI_RECORDED,
        "characters/4 and 1 per message, plus n times max_tokens (16 where absent)",
        message_tokens=1, default_output_tokens=16, below_tokens=2, above_tokens=2, band_share=0.01,
    ),
    ChargingRule(
        # The last recorded 16 is of 2025-01, the first charge without it of 2025-03. No recording has a max_tokens
        # larger than its prompt: "the larger of" rests on the documentation.
        "openai-chat-2025", "openai", _CHAT, "2025-03", None, Measure.CHARACTERS, Reserve.MAXIMUM, _OPENAI,
        "the larger of max_tokens and characters/4 with 1 per message and 1 per request; an image about 765",
        message_tokens=1, request_tokens=1, image_tokens=765, times_n=None,
        below_tokens=3, above_tokens=3, band_share=0.01,
    ),
    ChargingRule(
        "openai-completions-2024", "openai", ("completions",), "2024-02", "2025-03", Measure.CHARACTERS, Reserve.SUM,
        _OPENAI_RECORDED, "characters/4 plus n times max_tokens (16 where absent)",
        default_output_tokens=16, below_tokens=1, above_tokens=1,
    ),
    ChargingRule(
        "openai-completions-2026", "openai", ("completions",), "2025-03", None, Measure.CHARACTERS, Reserve.MAXIMUM,
        _OPENAI_RECORDED, "the larger of max_tokens and characters/4",
        times_n=None, below_tokens=1, above_tokens=1,
    ),
    ChargingRule(
        "openai-responses-2025", "openai", ("responses",), "2025-06", None, Measure.TOKENS, Reserve.NOTHING,
        _OPENAI_RECORDED, "input tokens plus 19, plus 198 with function tools; max_output_tokens counts for nothing",
        request_tokens=19, function_tokens=198, below_tokens=2, above_tokens=3,
    ),
    ChargingRule(
        # Eight records on three models: 0 three times, +81, +216, +217, +612 above the input tokens. Nobody says why.
        "openai-responses-reasoning-2025", "openai", ("responses",), "2025-08", None, Measure.TOKENS, Reserve.NOTHING,
        Source(_RECORDED, "2026-04", verified=False, note="eight recordings that no rule explains"),
        "input tokens plus about 19; recorded charges reach from nothing to 612 above the input",
        models=_REASONING, request_tokens=19, function_tokens=198, below_tokens=30, above_tokens=593,
    ),
    ChargingRule(
        "openai-embeddings", "openai", ("embeddings",), "2024-02", None, Measure.CHARACTERS, Reserve.NOTHING,
        _OPENAI_RECORDED, "characters/4", below_tokens=1, above_tokens=1, band_share=0.001,
    ),
    ChargingRule(
        "azure-chat-2024", "azure", ("chat", "completions"), "2024-02", "2025-03", Measure.CHARACTERS, Reserve.ONLY,
        Source(_RECORDED, "2024-04", note="three calls of one prompt took 16 each"),
        "max_tokens alone (16 where absent), as recorded; the documentation adds the prompt",
        default_output_tokens=16, above_tokens=1, below_tokens=1,
    ),
    ChargingRule(
        "azure-chat", "azure", ("chat", "completions", "responses"), "2025-03", None, Measure.CHARACTERS, Reserve.SUM,
        _AZURE, "characters/4 and about 4, plus n times max_tokens; nothing for the output where it is absent",
        request_tokens=4, below_tokens=4, above_tokens=4, band_share=0.01,
    ),
    ChargingRule(
        "azure-embeddings", "azure", ("embeddings",), "2024-02", None, Measure.CHARACTERS, Reserve.NOTHING, _AZURE,
        "characters/4", below_tokens=1, above_tokens=1, band_share=0.001,
    ),
    ChargingRule(
        "anthropic-2025", "anthropic", _TALK, "2025-01", "2026-04", Measure.TOKENS, Reserve.SUM,
        Source(_ANTHROPIC.url, "2026-02", note="copies of early 2026; token headers are rounded to thousands"),
        "input without cache reads against ITPM; max_tokens against OTPM until the answer ends",
        cached_share=0.0, settlement=Settlement.ACTUAL, separate=True, below_tokens=1000, above_tokens=1000,
        times_n=False,
    ),
    ChargingRule(
        "anthropic", "anthropic", _TALK, "2026-04", None, Measure.TOKENS, Reserve.NOTHING, _ANTHROPIC,
        "input without cache reads against ITPM; output counts against OTPM as it is produced, max_tokens does not",
        cached_share=0.0, settlement=Settlement.ACTUAL, separate=True, times_n=False,
    ),
    ChargingRule(
        "anthropic-haiku-3.5", "anthropic", _TALK, "2026-04", None, Measure.TOKENS, Reserve.NOTHING, _ANTHROPIC,
        "all input, cache reads too, against ITPM; output counts against OTPM as it is produced",
        models=("claude-3-5-haiku*", "claude-haiku-3-5*"), settlement=Settlement.ACTUAL, separate=True, times_n=False,
    ),
    ChargingRule(
        "google", "google", _ANY, "2025-01", None, Measure.TOKENS, Reserve.NOTHING,
        Source("https://ai.google.dev/gemini-api/docs/rate-limits", "2026-10"),
        "input tokens only", settlement=Settlement.KEPT,
    ),
    ChargingRule(
        "groq", "groq", _ANY, "2024-09", None, Measure.CHARACTERS, Reserve.NOTHING, _GROQ,
        "characters/4 and about 4; the output is added once it exists", request_tokens=4,
        settlement=Settlement.ACTUAL, below_tokens=1, above_tokens=1, band_share=0.01,
    ),
    ChargingRule(
        "mistral", "mistral", _ANY, "2025-09", None, Measure.TOKENS, Reserve.NOTHING,
        Source(_RECORDED, "2025-09", note="x-ratelimit-tokens-query-cost equals total_tokens"),
        "the real prompt and completion tokens, told in x-ratelimit-tokens-query-cost after the answer",
        settlement=Settlement.ACTUAL,
    ),
    ChargingRule(
        "cerebras", "cerebras", _TALK, "2026-01", None, Measure.TOKENS, Reserve.SUM,
        Source("https://inference-docs.cerebras.ai/support/rate-limits", "2026-10", verified=False),
        "input plus max_completion_tokens, or the rest of the context window where that is absent",
        rest_of_context=True,
    ),
    ChargingRule(
        "moonshot", "moonshot", _TALK, "2026-01", None, Measure.TOKENS, Reserve.SUM,
        Source("https://platform.moonshot.cn/docs/introduction", "2026-10", verified=False,
               note="the size of the default max_tokens is not stated"),
        "prompt plus max_tokens (a default where absent); the actual output is ignored",
        settlement=Settlement.KEPT,
    ),
    ChargingRule(
        "bedrock", "bedrock", _TALK, "2026-01", None, Measure.TOKENS, Reserve.SUM, _BEDROCK,
        "input plus max_tokens reserved; settled by the real output, cache reads are free",
        cached_share=0.0, settlement=Settlement.ACTUAL,
    ),
    ChargingRule(
        "bedrock-claude", "bedrock", _TALK, "2026-01", None, Measure.TOKENS, Reserve.SUM, _BEDROCK,
        "input plus max_tokens reserved; settled by input and 5 times the real output, cache reads are free",
        models=("*claude-3-7*", "*claude-*-4*"), cached_share=0.0, settlement=Settlement.ACTUAL, output_weight=5,
    ),
    ChargingRule(
        "deepseek", "deepseek", _TALK, "2026-01", None, Measure.NOTHING, Reserve.NOTHING,
        Source("https://api-docs.deepseek.com/quick_start/rate_limit", "2026-10"),
        "no token limit: only requests in flight count", settlement=Settlement.KEPT,
    ),
    ChargingRule(
        "fireworks", "fireworks", _TALK, "2026-01", None, Measure.TOKENS, Reserve.NOTHING,
        Source("https://docs.fireworks.ai/serverless/rate-limits", "2026-10", verified=False),
        "prompt tokens and generated tokens against limits of their own", settlement=Settlement.ACTUAL, separate=True,
    ),
)  # fmt: skip

ASSUMED = ChargingRule(
    "assumed-sum", "unknown", _ANY, "2024-01", None, Measure.TOKENS, Reserve.SUM,
    Source("https://github.com/openai/openai-cookbook", "2026-10", verified=False,
           note="a cautious assumption for services that do not say"),
    "prompt tokens plus n times max_tokens: the cautious assumption for a service that does not say",
)  # fmt: skip


def _rows() -> Iterator[ChargingRule]:
    yield from RULES
    yield ASSUMED


def by_name(name: str) -> ChargingRule | None:
    """Return the rule of that name, ``None`` where there is none."""
    return next((rule for rule in _rows() if rule.name == name.lower()), None)


def names() -> tuple[str, ...]:
    """Return the names of all rules, in the order of the table."""
    return tuple(rule.name for rule in _rows())


def rule_for(
    provider: str, endpoint: str = "chat", *, model: str | None = None, on: str | None = None
) -> ChargingRule | None:
    """Return the rule of ``provider`` for ``endpoint`` and ``model`` on the ISO date ``on`` (``None``: today's).

    ``None`` where no row is known for it: callers then say so, and may fall back to ``ASSUMED``. An ``on`` before the
    first known period takes the earliest row.
    """
    named = (model or "").lower().rpartition("/")[2]
    fitting = [
        rule
        for rule in RULES
        if rule.provider == provider
        and endpoint in rule.endpoints
        and any(fnmatchcase(named, pattern) for pattern in rule.models)
    ]
    # A row that names models comes first; of two such, the later period decides below.
    fitting.sort(key=lambda rule: rule.models == ("*",))
    if on is None:
        return next((rule for rule in fitting if rule.until is None), None)
    month = on[:7]
    current = [rule for rule in fitting if rule.since <= month and (rule.until is None or month < rule.until)]
    return current[0] if current else min(fitting, key=lambda rule: rule.since, default=None)
