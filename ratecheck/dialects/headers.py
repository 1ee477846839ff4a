"""Every family of limit headers, as rows.

One call of ``family`` makes the rows of one limit: ``{}`` in the pattern stands for *limit*, *remaining*, *reset* …
Sources of the families stand at the dialects that use them (``providers.py``).
"""

from ratecheck.dialects.rules import Grammar, HeaderRule, Means, Refill
from ratecheck.model import Dimension

MINUTE_S, HOUR_S, FIVE_HOURS_S, DAY_S, WEEK_S, MONTH_S = 60.0, 3600.0, 18_000.0, 86_400.0, 604_800.0, 2_592_000.0

_WORDS = {
    "limit": (Means.LIMIT, Grammar.COUNT),
    "remaining": (Means.REMAINING, Grammar.COUNT),
    "used": (Means.USED, Grammar.COUNT),
    "renewalperiod": (Means.WINDOW, Grammar.SECONDS),
    "utilization": (Means.UTILIZATION, Grammar.SHARE),
    "query-cost": (Means.COST, Grammar.COUNT),
    "status": (Means.STATUS, Grammar.WORD),
}
_TRIPLE = ("limit", "remaining", "reset")
_PAIR = ("limit", "remaining")


def family(
    pattern: str,
    dimension: Dimension | None,
    words: tuple[str, ...] = _TRIPLE,
    *,
    reset: Grammar = Grammar.SECONDS,
    window_s: float | None = None,
    named: bool = False,
    scope: str | None = None,
    name: str | None = None,
    refill: Refill = Refill.UNKNOWN,
    written: bool = True,
    rounded_to: int = 1,
    bucket: str | None = None,
) -> tuple[HeaderRule, ...]:
    """Make the rows of one limit. ``named``: the header's own name states the window, else documentation does."""
    told_by = None if window_s is None else "header name" if named else "documentation"
    rules = []
    for word in words:
        means, grammar = (Means.RESET, reset) if word == "reset" else _WORDS[word]
        rules.append(
            HeaderRule(
                pattern.replace("{}", word), means, grammar, bucket or pattern, dimension, window_s, told_by,
                scope, name, refill, written, rounded_to if means is Means.REMAINING else 1,
            )
        )  # fmt: skip
    return tuple(rules)


def one(
    header: str,
    means: Means,
    grammar: Grammar,
    bucket: str,
    dimension: Dimension | None = None,
    *,
    window_s: float | None = None,
    scope: str | None = None,
    name: str | None = None,
    written: bool = True,
) -> HeaderRule:
    """Make a row that stands alone, or one more row of a bucket."""
    told_by = None if window_s is None else "header name"
    return HeaderRule(header, means, grammar, bucket, dimension, window_s, told_by, scope, name, written=written)


_GO, _FULL, _AT_END = Grammar.GO_DURATION, Refill.CONTINUOUS, Refill.FIXED
_REQUESTS, _TOKENS = Dimension.REQUESTS, Dimension.TOKENS
_INPUT, _OUTPUT = Dimension.INPUT_TOKENS, Dimension.OUTPUT_TOKENS

RETRY_AFTER = (one("retry-after", Means.RETRY_AFTER, Grammar.WHOLE_SECONDS, "retry-after"),)
RETRY_AFTER_MS = (one("retry-after-ms", Means.RETRY_AFTER, Grammar.MILLISECONDS, "retry-after"),)

# What a ChatGPT plan has left for Codex: two windows, each told by a used share.
_CODEX = tuple(
    rule
    for which in ("primary", "secondary")
    for rule in (
        one(
            f"x-codex-{which}-used-percent", Means.UTILIZATION, Grammar.PERCENT, f"codex {which}",
            scope="subscription", name=f"codex {which}", written=False,
        ),
        one(f"x-codex-{which}-window-minutes", Means.WINDOW, Grammar.MINUTES, f"codex {which}", written=False),
        one(f"x-codex-{which}-reset-after-seconds", Means.RESET, Grammar.SECONDS, f"codex {which}", written=False),
        one(f"x-codex-{which}-reset-at", Means.RESET, Grammar.EPOCH_SECONDS, f"codex {which}", written=False),
    )
)  # fmt: skip

OPENAI = (
    *family("x-ratelimit-{}-requests", _REQUESTS, reset=_GO, refill=_FULL),
    *family("x-ratelimit-{}-tokens", _TOKENS, reset=_GO, refill=_FULL),
    *family("x-ratelimit-{}-project-requests", _REQUESTS, reset=_GO, refill=_FULL, scope="project"),
    *family("x-ratelimit-{}-project-tokens", _TOKENS, reset=_GO, refill=_FULL, scope="project"),
    *family("x-ratelimit-{}-input-images", Dimension.IMAGES, reset=_GO, refill=_FULL),
    *family(
        "x-ratelimit-{}-tokens-usage-based", _TOKENS, reset=_GO, refill=_FULL, name="tokens-usage-based", written=False
    ),
    *_CODEX, *RETRY_AFTER_MS, *RETRY_AFTER,
)  # fmt: skip

# The same names with no word on units: what an unnamed OpenAI-compatible server sends.
OPENAI_LIKE = (
    *(rule._replace(refill=Refill.UNKNOWN) for rule in OPENAI),
    *family("x-ratelimit-{}-input-tokens", _INPUT, reset=_GO),
    *family("x-ratelimit-{}-output-tokens", _OUTPUT, reset=_GO),
)

_AZURE_WORDS = (*_TRIPLE, "renewalperiod")
_AZURE_RESET = Grammar.MILLISECONDS_OR_SECONDS
AZURE = (
    *family("x-ratelimit-{}-requests", _REQUESTS, _AZURE_WORDS, reset=_AZURE_RESET, refill=_FULL, scope="deployment"),
    *family("x-ratelimit-{}-tokens", _TOKENS, _AZURE_WORDS, reset=_AZURE_RESET, refill=_FULL, scope="deployment"),
    # 2023-12, on 429 only, and in seconds: other hyphens, other unit.
    *family("x-rate-limit-{}-tokens", _TOKENS, ("reset",), scope="deployment", written=False),
    *family("x-rate-limit-{}-requests", _REQUESTS, ("reset",), scope="deployment", written=False),
    one("policy-id", Means.KIND, Grammar.WORD, "kind", written=False),
    one("x-ratelimit-key", Means.STATUS, Grammar.WORD, "key"),
    one("x-ratelimit-abusepenalty-active", Means.STATUS, Grammar.WORD, "penalty"),
    one(
        "azure-openai-deployment-utilization", Means.UTILIZATION, Grammar.PERCENT, "utilization",
        scope="deployment", name="provisioned throughput", written=False,
    ),
    *RETRY_AFTER_MS, *RETRY_AFTER,
)  # fmt: skip

_RFC = Grammar.RFC3339
_UNIFIED = ("status", "utilization", "reset")
_EPOCH = Grammar.EPOCH_SECONDS
ANTHROPIC = (
    *family("anthropic-ratelimit-requests-{}", _REQUESTS, reset=_RFC, window_s=MINUTE_S, refill=_FULL),
    # Not a bucket of its own: the most restrictive of the token limits in force.
    *family("anthropic-ratelimit-tokens-{}", _TOKENS, reset=_RFC, window_s=MINUTE_S, refill=_FULL, rounded_to=1000),
    *family(
        "anthropic-ratelimit-input-tokens-{}", _INPUT, reset=_RFC, window_s=MINUTE_S, refill=_FULL, rounded_to=1000
    ),
    *family(
        "anthropic-ratelimit-output-tokens-{}", _OUTPUT, reset=_RFC, window_s=MINUTE_S, refill=_FULL, rounded_to=1000
    ),
    *family("anthropic-priority-input-tokens-{}", _INPUT, reset=_RFC, scope="priority", written=False),
    *family("anthropic-priority-output-tokens-{}", _OUTPUT, reset=_RFC, scope="priority", written=False),
    *family("anthropic-fast-input-tokens-{}", _INPUT, reset=_RFC, scope="fast", written=False),
    *family("anthropic-fast-output-tokens-{}", _OUTPUT, reset=_RFC, scope="fast", written=False),
    *family("anthropic-fast-requests-{}", _REQUESTS, reset=_RFC, scope="fast", written=False),
    *family(
        "anthropic-ratelimit-unified-5h-{}", None, _UNIFIED, reset=_EPOCH, window_s=FIVE_HOURS_S, named=True,
        scope="subscription", name="unified 5h", written=False,
    ),
    *family(
        "anthropic-ratelimit-unified-7d-{}", None, _UNIFIED, reset=_EPOCH, window_s=WEEK_S, named=True,
        scope="subscription", name="unified 7d", written=False,
    ),
    *(
        rule
        for claim, window_s in (("7d_opus", WEEK_S), ("7d_sonnet", WEEK_S), ("overage", None))
        for rule in family(
            f"anthropic-ratelimit-unified-{claim}-{{}}", None, _UNIFIED, reset=_EPOCH, window_s=window_s, named=True,
            scope="subscription", name=f"unified {claim}", written=False,
        )
    ),
    *family(
        "anthropic-ratelimit-unified-{}", None, ("status", "reset"), reset=_EPOCH,
        scope="subscription", name="unified", written=False,
    ),
    one("anthropic-ratelimit-unified-*", Means.STATUS, Grammar.WORD, "unified notes", written=False),
    *RETRY_AFTER,
)  # fmt: skip

# Documented: under these names Groq counts requests by the day and tokens by the minute, always.
GROQ = (
    *family("x-ratelimit-{}-requests", _REQUESTS, reset=_GO, refill=_FULL, window_s=DAY_S),
    *family("x-ratelimit-{}-tokens", _TOKENS, reset=_GO, refill=_FULL, window_s=MINUTE_S),
    *RETRY_AFTER,
)

_MISTRAL_UNITS: tuple[tuple[str, Dimension | None, str | None], ...] = (
    ("req", _REQUESTS, None),
    ("tokens", _TOKENS, None),
    ("audio-seconds", None, "audio-seconds"),
    ("ocr-pages", None, "ocr-pages"),
    ("input-characters", None, "input-characters"),
)
_MISTRAL_PERIODS = (("10-second", 10.0), ("minute", MINUTE_S), ("month", MONTH_S))
MISTRAL = (
    *(
        rule
        for unit, dimension, name in _MISTRAL_UNITS
        for period, window_s in _MISTRAL_PERIODS
        for rule in family(
            f"x-ratelimit-{{}}-{unit}-{period}", dimension, _PAIR, window_s=window_s, named=True, name=name
        )
    ),
    *(
        one(
            f"x-ratelimit-{unit}-query-cost", Means.COST, Grammar.COUNT, "cost", dimension, name=name,
            written=unit == "tokens",
        )
        for unit, dimension, name in _MISTRAL_UNITS
    ),
    # 2024: one token limit, stated three times.
    *family(
        "ratelimitbysize-{}", _TOKENS, (*_TRIPLE, "query-cost"), window_s=MINUTE_S, bucket="ratelimitbysize-minute",
        written=False,
    ),
    *family(
        "x-ratelimitbysize-{}-minute", _TOKENS, _PAIR, window_s=MINUTE_S, named=True, bucket="ratelimitbysize-minute",
        written=False,
    ),
    *family("x-ratelimitbysize-{}-month", _TOKENS, _PAIR, window_s=MONTH_S, named=True, written=False),
    *RETRY_AFTER,
)  # fmt: skip

_SUFFIXES = (("minute", MINUTE_S), ("hour", HOUR_S), ("day", DAY_S))
CEREBRAS = (
    *(
        rule
        for unit, dimension in (("requests", _REQUESTS), ("tokens", _TOKENS))
        for suffix, window_s in _SUFFIXES
        for rule in family(f"x-ratelimit-{{}}-{unit}-{suffix}", dimension, window_s=window_s, named=True)
    ),
    *RETRY_AFTER,
)

SAMBANOVA = (
    *family("x-ratelimit-{}-requests", _REQUESTS, reset=Grammar.BY_MAGNITUDE, window_s=MINUTE_S),
    *family("x-ratelimit-{}-requests-day", _REQUESTS, reset=Grammar.BY_MAGNITUDE, window_s=DAY_S, named=True),
    *family("x-ratelimit-{}-tokens", _TOKENS, reset=Grammar.BY_MAGNITUDE, window_s=MINUTE_S),
    *family("x-ratelimit-{}-tokens-day", _TOKENS, reset=Grammar.BY_MAGNITUDE, window_s=DAY_S, named=True),
    *RETRY_AFTER,
)

XAI = (
    *family("x-ratelimit-{}-requests", _REQUESTS, _PAIR),
    *family("x-ratelimit-{}-tokens", _TOKENS, _PAIR),
    *RETRY_AFTER,
)

# The window stays open: the provider's page speaks of tokens a second, one published measurement fits a minute.
FIREWORKS = (
    *family("x-ratelimit-{}-tokens-prompt", _INPUT, _PAIR),
    *family("x-ratelimit-{}-tokens-cache-adjusted-prompt", _INPUT, _PAIR, name="cache-adjusted prompt tokens"),
    *family("x-ratelimit-{}-tokens-generated", _OUTPUT, _PAIR),
    *RETRY_AFTER,
)

_WHOLE = Grammar.WHOLE_SECONDS
# Documented as requests and tokens a second; "dynamic" is what recent use has earned.
TOGETHER = (
    *family("x-ratelimit-{}", _REQUESTS, reset=_WHOLE, refill=_AT_END, window_s=1.0),
    *family("x-tokenlimit-{}", _TOKENS, _PAIR, window_s=1.0),
    *family("x-ratelimit-{}-dynamic", _REQUESTS, _PAIR, window_s=1.0, name="dynamic requests", written=False),
    *family("x-tokenlimit-{}-dynamic", _TOKENS, _PAIR, window_s=1.0, name="dynamic tokens", written=False),
    *RETRY_AFTER,
)
REPLICATE = (*family("ratelimit-{}", _REQUESTS, ("remaining", "reset"), reset=_WHOLE, refill=_AT_END), *RETRY_AFTER)
MOONSHOT = (*family("x-ratelimit-{}", None, reset=Grammar.BY_MAGNITUDE), *RETRY_AFTER)
OPENROUTER = (
    *family("x-ratelimit-{}", _REQUESTS, reset=Grammar.EPOCH_MILLISECONDS, refill=_AT_END),
    *RETRY_AFTER,
)
EXA = (*family("x-ratelimit-{}", _REQUESTS, reset=_EPOCH, refill=_AT_END), *RETRY_AFTER)

COHERE = (
    one(
        "x-trial-endpoint-call-limit", Means.LIMIT, Grammar.COUNT, "trial", _REQUESTS,
        scope="trial key", name="calls to this endpoint",
    ),
    one(
        "x-endpoint-monthly-call-limit", Means.LIMIT, Grammar.COUNT, "monthly", _REQUESTS, window_s=MONTH_S,
        name="calls to this endpoint",
    ),
    *RETRY_AFTER,
)  # fmt: skip

# One bucket for what GitHub Models says about the limit that was hit: a word for which, and the seconds until it opens.
GITHUB = (
    *family("x-ratelimit-{}", _REQUESTS, (*_TRIPLE, "used"), reset=_EPOCH, refill=_AT_END),
    one("x-ratelimit-resource", Means.STATUS, Grammar.WORD, "resource"),
    one("x-ratelimit-type", Means.KIND, Grammar.WORD, "kind", written=False),
    one("x-ratelimit-timeremaining", Means.RESET, Grammar.SECONDS, "kind", written=False),
    *(
        rule
        for unit, dimension in (("requests", _REQUESTS), ("tokens", _TOKENS))
        for rule in family(
            f"x-ratelimit-{{}}-{unit}", dimension, _AZURE_WORDS, reset=_AZURE_RESET, refill=_FULL,
            scope="backend", written=False,
        )
    ),
    *RETRY_AFTER,
)  # fmt: skip

# Their exact places are the caller's model and team names, so the words after the prefix are read one by one.
LITELLM = (
    *family("x-litellm-key-rpm-{}", _REQUESTS, ("limit",), window_s=MINUTE_S, named=True, scope="key", written=False),
    *family("x-litellm-key-tpm-{}", _TOKENS, ("limit",), window_s=MINUTE_S, named=True, scope="key", written=False),
)

IETF = (
    one("ratelimit-policy", Means.POLICY, Grammar.ITEMS, "ietf"),
    one("ratelimit", Means.STATE, Grammar.ITEMS, "ietf"),
    one("x-ratelimit-policy", Means.POLICY, Grammar.ITEMS, "ietf", written=False),
    *family("ratelimit-{}", None, refill=_AT_END, written=False),
)
HUGGINGFACE = (*IETF, *RETRY_AFTER)

_ANY = Grammar.BY_MAGNITUDE
GENERIC = (
    *IETF,
    *family("x-ratelimit-{}", None, (*_TRIPLE, "used"), reset=_ANY, refill=_AT_END),
    *family("x-rate-limit-{}", None, (*_TRIPLE, "used"), reset=_ANY, refill=_AT_END),
    # Zendesk's limit has no word behind it (as kubeshop/kusk-gateway/issues/593 quotes it, 2026-11).
    one("x-rate-limit", Means.LIMIT, Grammar.COUNT, "x-rate-limit-{}", written=False),
    one("x-ratelimit-bucket", Means.STATUS, Grammar.WORD, "words", written=False),
    one("x-ratelimit-scope", Means.STATUS, Grammar.WORD, "words", written=False),
    one("x-ratelimit-reset-after", Means.RESET, Grammar.SECONDS, "x-ratelimit-{}", written=False),
    one("x-ratelimit-retry-after", Means.RETRY_AFTER, Grammar.SECONDS, "retry-after", written=False),
    one("x-retry-after", Means.RETRY_AFTER, Grammar.SECONDS, "retry-after", written=False),
    one("x-ratelimit-type", Means.KIND, Grammar.WORD, "kind", written=False),
    one("x-ratelimit-timeremaining", Means.RESET, Grammar.SECONDS, "kind", written=False),
    *RETRY_AFTER_MS, *RETRY_AFTER,
)  # fmt: skip

# What an answer is read with beside (or without) its provider's own rows, nearest first.
EVERYBODY = (*OPENAI_LIKE, *GENERIC)
