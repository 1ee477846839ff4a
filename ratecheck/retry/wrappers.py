"""Clients built on other clients: the layers stacked as they really are."""

import re
from dataclasses import replace

from ratecheck.model import Source
from ratecheck.retry.layer import Backoff, Hints, Layer, Memory, Over
from ratecheck.retry.policy import RetryPolicy, Versions
from ratecheck.retry.rows import EVERY_ERROR, FIVE_HUNDREDS, OPENAI_60, OPENAI_120, USUAL

_ON = "2026-11"
_CODEX_TS_HINT = re.compile(r"again in (\d[\d.]{0,20})s", re.IGNORECASE)


def _seen(where: str) -> Source:
    return Source(where, _ON)


def _inner(count: int, sdk: Layer = OPENAI_120) -> Layer:
    return replace(sdk, retries=count)


def _same_as_openai(count: int) -> tuple[Layer, ...]:
    return (_inner(count),)


# tenacity's wait_random_exponential(min=1, max=...): its first wait is always exactly 1 s.
def _random_exponential(cap_s: float) -> Backoff:
    return Backoff(1.0, cap_s=cap_s, at_0=0.0, at_1=1.0, least_s=1.0)


def _litellm(count: int) -> tuple[Layer, ...]:
    """N goes to the SDK first, then a loop of N more calls follows with the SDK's retries off: 2N + 1."""
    return (Layer("litellm", count, USUAL, inner_once=True), _inner(count))


def _dspy_3_0(count: int) -> tuple[Layer, ...]:
    # The second loop starts at once, then waits 1, 2, 4 … 10 s.
    outer = Layer("litellm", count, EVERY_ERROR, Backoff(1.0, cap_s=10.0, first_s=0.0, shift=-1), inner_once=True)
    return (outer, _inner(count))


def _llama_index(count: int) -> tuple[Layer, ...]:
    """One setting feeds both layers: ``count`` tries outside, ``count + 1`` requests inside each."""
    outer = Layer(
        "llama-index", max(count - 1, 0), FIVE_HUNDREDS | {429}, _random_exponential(20.0),
        Hints(("retry-after",), most_s=120.0, over=Over.CLAMP), stops_after_s=60.0,
    )  # fmt: skip
    return (outer, _inner(count))


def _aider(_: int) -> tuple[Layer, ...]:
    # Doubles from 0.25 s and gives up when the next wait would pass 60 s: eight waits.
    return (Layer("aider", 8, USUAL, Backoff(0.25, cap_s=32.0)), OPENAI_60)


def _codex(count: int) -> tuple[Layer, ...]:
    jittered = Backoff(0.2, at_0=0.9, at_1=1.1)
    stream = Layer(
        "codex stream", count, FIVE_HUNDREDS | {408, 409}, jittered, Hints(("retry-after",)),
        quota=False, hint_needed=frozenset({429}),
    )  # fmt: skip
    return (stream, Layer("codex request", 4, FIVE_HUNDREDS, jittered))


def _codex_typescript(count: int) -> tuple[Layer, ...]:
    loop = Layer("codex agent loop", count, frozenset({429}), Backoff(0.5), Hints(text=_CODEX_TS_HINT))
    return (loop, OPENAI_60)


def _tenacity(count: int) -> Layer:
    return Layer("tenacity", count, EVERY_ERROR, _random_exponential(60.0))


def _manual(count: int) -> Layer:
    # d = d * 2 * (1 + U): the noise stays in d.
    return Layer(
        "cookbook loop", count, frozenset({429}), Backoff(1.0, at_0=1.0, at_1=2.0, memory=Memory.MULTIPLIES),
        drops=False, timeouts=False,
    )  # fmt: skip


_WITH_RETRY = Layer("Runnable.with_retry", 2, EVERY_ERROR, Backoff(1.0, add_s=1.0))

WRAPPERS = (
    RetryPolicy(
        "litellm", _same_as_openai, 2, "completion(..., num_retries=0)", _seen("litellm/main.py: completion"),
        "litellm.completion, defaults", Versions("1.82"), "1.106.2 (openai 2.54.0 inside)", 600.0,
        "openai/ and azure/ models; anthropic/ models are sent once", ("litellm",),
    ),
    RetryPolicy(
        "litellm-num-retries", _litellm, 3, "num_retries=0",
        _seen("litellm/main.py: completion_with_retries; utils.py: wrapper"),
        "litellm.completion with num_retries=N", Versions("1.82"), "1.106.2 (openai 2.54.0 inside)", 600.0,
        "2N + 1 requests: N in the SDK, then N more calls with no wait between them",
    ),
    RetryPolicy(
        "langchain-openai", _same_as_openai, 2, "ChatOpenAI(max_retries=0)",
        _seen("langchain_openai/chat_models/base.py"), "langchain-openai (Python)", Versions("1.0"),
        "1.7.3 (openai 2.54.0 inside)", 600.0, "no layer of its own",
        ("langchain-openai", "langchain_openai"),
    ),
    RetryPolicy(
        "langchain-openai-with-retry", lambda count: (_WITH_RETRY, _inner(count)), 2,
        "leave .with_retry() out", _seen("langchain_core Runnable.with_retry over langchain-openai, run"),
        None, Versions("1.0"), "1.7.3", 600.0, "three tries of three requests",
    ),
    RetryPolicy(
        "llama-index-openai", _llama_index, 3, "OpenAI(max_retries=0)",
        _seen("llama_index/llms/openai/base.py: llm_retry_decorator; utils.py: create_retry_decorator"),
        "llama-index-llms-openai", Versions("0.8"), "0.8.3 (openai 2.54.0 inside)", 60.0,
        "the same max_retries in both layers; the outer one stops 60 s after the first try",
        ("llama-index-llms-openai", "llama_index.llms.openai"),
    ),
    RetryPolicy(
        "llama-index-embeddings-openai", _llama_index, 10, "OpenAIEmbedding(max_retries=0)",
        _seen("llama-index-embeddings-openai 0.7.0, run"), None, Versions("0.7"), "0.7.0", 60.0,
        "ten retries in both layers: 110 requests, were it not for the 60 s stop",
    ),
    RetryPolicy(
        "instructor", _same_as_openai, 2, "instructor.from_openai(OpenAI(max_retries=0))",
        _seen("instructor/v2/core/retry.py: retry_sync_v2"), "instructor", Versions("1.16"),
        "1.17.0 and 1.16.0 (openai 2.x inside)", 600.0, "its own max_retries covers invalid answers only",
        ("instructor",),
    ),
    RetryPolicy(
        "instructor", lambda count: (Layer("instructor", max(count - 1, 0), EVERY_ERROR), OPENAI_60), 3,
        "max_retries=1 for instructor and OpenAI(max_retries=0)", _seen("instructor 1.3.7, run only"),
        "instructor (old)", Versions("1.3", "1.4"), "1.3.7 (openai 1.x inside)", 600.0,
        "every exception, even a 400; where this changed was not looked for",
    ),
    RetryPolicy(
        "pydantic-ai", _same_as_openai, 2, "OpenAIProvider(openai_client=AsyncOpenAI(max_retries=0))",
        _seen("pydantic-ai, run"), "pydantic-ai", Versions("2.31"), "2.66.0 and 2.31.1 (openai inside)", 600.0,
        "no HTTP retries of its own", ("pydantic-ai", "pydantic_ai"),
    ),
    RetryPolicy(
        "dspy", _dspy_3_0, 3, "dspy.LM(..., num_retries=0)", _seen("dspy 3.0.4, run only"), "dspy 3.0",
        Versions("3.0", "3.1"), "3.0.4 (litellm below 1.82)", 600.0, "2N + 1; a 400 was sent four times",
    ),
    RetryPolicy(
        "codex", _codex, 5, "request_max_retries = 0 and stream_max_retries = 0 in [model_providers.X]",
        _seen("codex-rs/codex-client/src/retry.rs; codex-api/src/sse/responses.rs: try_parse_retry_after"),
        "codex CLI (Rust)", Versions("0.169"), "0.169.0", None,
        "two layers on 5xx and drops; a 429 only with Retry-After", ("codex",),
    ),
    RetryPolicy(
        "codex-typescript", _codex_typescript, 5, None,
        Source("codex-cli/src/utils/agent/agent-loop.ts: AgentLoop.run", _ON, False, "stored copies of 2025"),
        "codex CLI (old TypeScript)", Versions(), "stored copies of 2025", None,
        "waits what the text says, else 0.5 s doubling; five retries are from earlier copies, not confirmed",
    ),
    RetryPolicy(
        "aider", _aider, 8, None, _seen("aider/coders/base_coder.py: send_message; aider/models.py"), "aider",
        Versions("0.86"), "0.86.2 (litellm 1.81.10, openai 2.20.0)", 600.0,
        "nine sends of three requests each; the outer loop has no switch", ("aider", "aider-chat"),
    ),
    RetryPolicy(
        "cookbook-tenacity", lambda count: (_tenacity(count), OPENAI_120), 5, "OpenAI(max_retries=0)",
        _seen("wait_random_exponential(min=1, max=60), stop_after_attempt(6), over the SDK's defaults, run"),
        "cookbook tenacity recipe", Versions(), "tenacity 9.1.4, openai 3.54.0", 600.0,
        "six tries of three requests: 18; every exception, even a 400",
    ),
    RetryPolicy(
        "cookbook-tenacity-sdk-off", lambda count: (_tenacity(count),), 5, "remove the decorator",
        _seen("wait_random_exponential(min=1, max=60), stop_after_attempt(6), over max_retries=0, run"),
        "cookbook tenacity recipe, SDK retries off", Versions(), "tenacity 9.1.4, openai 3.54.0", 600.0,
        "deaf to Retry-After",
    ),
    RetryPolicy(
        "cookbook-backoff",
        lambda _: (
            Layer("backoff", None, frozenset({429}), Backoff(1.0, at_0=0.0, at_1=1.0), drops=False, timeouts=False),
        ),
        None, "remove the decorator", _seen("backoff.on_exception(backoff.expo, openai.RateLimitError), run"),
        "cookbook backoff recipe", Versions(), "backoff 2.2.1, openai 3.54.0", 600.0,
        "as published it never stops; alone, with the SDK's own retries off",
    ),
    RetryPolicy(
        "cookbook-backoff-max-6",
        lambda count: (
            Layer("backoff", count, frozenset({429}), Backoff(1.0, at_0=0.0, at_1=1.0), drops=False, timeouts=False),
            OPENAI_120,
        ),
        5, "OpenAI(max_retries=0)", _seen("the same with max_tries=6 over the SDK's defaults, run"),
        None, Versions(), "backoff 2.2.1, openai 3.54.0", 600.0, "six tries of three requests: 18",
    ),
    RetryPolicy(
        "cookbook-manual", lambda count: (_manual(count), OPENAI_120), 10, "remove the loop",
        _seen("retry_with_exponential_backoff, written again from its description, run"), "cookbook manual recipe",
        Versions(), "openai 3.54.0", 600.0, "the noise compounds: the eighth wait was 14,031 s",
    ),
)  # fmt: skip
