"""What SDKs do, one row a client and stretch of versions. Adding one is adding a row.

Read from the packages' own source and, unless marked, seen on the wire against a loopback server (2026-11).
"""

import re
from dataclasses import replace

from ratecheck.model import Source
from ratecheck.retry.layer import ANY_ERROR, SERVER_ERRORS, Backoff, Hints, Layer, Over, Use, javascript
from ratecheck.retry.policy import RetryPolicy, Versions
from ratecheck.retry.signals import whole_number

_ON = "2026-11"

FIVE_HUNDREDS = frozenset(SERVER_ERRORS)
EVERY_ERROR = frozenset(ANY_ERROR)
USUAL = FIVE_HUNDREDS | {408, 409, 429}
GATEWAY = frozenset({500, 502, 503, 504})


def _seen(where: str, note: str = "") -> Source:
    return Source(where, _ON, True, note)


def _read(where: str, note: str = "source read, not run") -> Source:
    return Source(where, _ON, False, note)


# --- Stainless: the generated clients of OpenAI, Anthropic, Groq, Together and others ---

SHORTENED = Backoff(0.5, cap_s=8.0, at_0=1.0, at_1=0.75)
"""0.5 s, 1 s, … 8 s, each shortened by up to a quarter; the jitter never lengthens."""

BOTH = ("retry-after-ms", "retry-after")
UP_TO_60 = Hints(BOTH, most_s=60.0, should_retry=True)
UP_TO_120 = replace(UP_TO_60, most_s=120.0, over=Over.STOP)
ANY_WAIT = replace(UP_TO_60, most_s=None)

NODE_60 = replace(javascript(UP_TO_60), least_counts=True)
NODE_BELOW_60 = replace(javascript(UP_TO_60), most_counts=False)
# Nothing is checked here: a negative or unreadable wait becomes a timer that fires at once.
NODE_ANY = replace(javascript(ANY_WAIT), least_s=float("-inf"), unreadable_at_once=True)


def stainless(name: str, hints: Hints, backoff: Backoff = SHORTENED) -> Layer:
    """Return the loop that Stainless generates, for two retries."""
    return Layer(name, 2, USUAL, backoff, hints)


OPENAI_60 = stainless("openai SDK", UP_TO_60)
OPENAI_120 = stainless("openai SDK", UP_TO_120)


def _row(
    name: str, layer: Layer, disable: str | None, source: Source, sdk: str | None, versions: Versions, checked: str,
    timeout_s: float | None = None, note: str = "", package: tuple[str, ...] = (),
) -> RetryPolicy:  # fmt: skip
    """Return the row of a client with one layer, whose number of retries is its setting."""
    return RetryPolicy(
        name, lambda count: (replace(layer, retries=count),), layer.retries, disable, source, sdk, versions, checked,
        timeout_s, note, package,
    )  # fmt: skip


def _fixed(
    name: str, layer: Layer, setting: int | None, disable: str | None, source: Source, sdk: str | None,
    versions: Versions, checked: str, timeout_s: float | None = None, note: str = "", package: tuple[str, ...] = (),
) -> RetryPolicy:  # fmt: skip
    """Return the row of a client with one layer that no setting changes."""
    return RetryPolicy(
        name, lambda _: (layer,), setting, disable, source, sdk, versions, checked, timeout_s, note, package
    )


_OPENAI_PY = "openai/_base_client.py: _should_retry, _calculate_retry_timeout, _parse_retry_after_header"
_STAINLESS_JS = "client.js: shouldRetry, retryRequest, calculateDefaultRetryTimeoutMillis"
_OPENAI_OFF = "OpenAI(max_retries=0)"
_NODE_OFF = "new OpenAI({maxRetries: 0})"

OPENAI = (
    _row("openai-python", OPENAI_120, _OPENAI_OFF, _seen(_OPENAI_PY), "openai (Python) 3.x", Versions("3.0"), "3.54.0",
         600.0, "120 s is slept, 121 s is refused at once; that beats x-should-retry: true", ("openai",)),
    _row("openai-python", OPENAI_120, _OPENAI_OFF, _seen(_OPENAI_PY), "openai (Python) 2.x late",
         Versions("2.52", "3"), "2.54.0", 600.0, "came between 2.50.0 and 2.52.0"),
    _row("openai-python", OPENAI_60, _OPENAI_OFF, _seen(_OPENAI_PY), "openai (Python) 1.x and 2.0-2.50",
         Versions("1.7", "2.51"), "1.109.1; source of 1.35.0 to 2.48.0", 600.0,
         "above 60 s the header is ignored and the short back-off is used"),
    _fixed("openai-python", Layer("openai SDK", None, frozenset({409}), drops=False, timeouts=False), 0, None,
         _seen("openai/api_requestor.py: handle_error_response; chat_completion.py: create"),
         "openai (Python) legacy 0.28", Versions("0.28", "0.29"), "0.28.1", 600.0,
         "a 409 is repeated without end or pause unless timeout= was passed to create()"),
    _row("openai-node", stainless("openai SDK", NODE_60), _NODE_OFF, _seen(_STAINLESS_JS), "openai (npm) 7.x",
         Versions("7.5"), "7.57.0", 600.0, "retry-after: 0 is an immediate retry", ("openai",)),
    _row("openai-node", stainless("openai SDK", NODE_ANY), _NODE_OFF, _seen(_STAINLESS_JS), "openai (npm) 6.28 - 7.2",
         Versions("6.28", "7.3"), "6.49.0; source of 6.28.0 to 7.2.0", 600.0, "300 s were slept in full"),
    _row("openai-node", stainless("openai SDK", NODE_BELOW_60), _NODE_OFF, _seen(_STAINLESS_JS),
         "openai (npm) 4.x - 6.25", Versions("4.0", "6.26"), "4.104.0 and 5.23.2; source to 6.25.0", 600.0,
         "59 s honoured, 60 s not"),
)  # fmt: skip


def _azure(name: str, rows: tuple[RetryPolicy, ...], sdk: str, source: Source, disable: str) -> tuple[RetryPolicy, ...]:
    return tuple(
        replace(row, name=name, sdk=sdk, source=source, disable=disable, package=("AzureOpenAI",)) for row in rows
    )


AZURE_OPENAI = (
    *_azure("azure-openai-python", OPENAI[:3], "openai AzureOpenAI (Python)",
            _seen("openai/lib/azure.py, over the base client's loop"), "AzureOpenAI(max_retries=0)"),
    *_azure("azure-openai-node", OPENAI[4:], "openai AzureOpenAI (npm)",
            _seen("azure.js, over the base client's loop"), "new AzureOpenAI({maxRetries: 0})"),
)  # fmt: skip

# time.sleep() has a limit on Windows; the client never asks for more than 2^32 ms.
_CLAMPED = replace(ANY_WAIT, most_s=4_294_967.0, over=Over.CLAMP)

STAINLESS = (
    _row("anthropic-python", stainless("anthropic SDK", _CLAMPED), "Anthropic(max_retries=0)",
         _seen("anthropic/_base_client.py: _should_retry, _calculate_retry_timeout"), "anthropic (Python)",
         Versions("2.0"), "2.12.0", 600.0, "9000 s were slept in full", ("anthropic",)),
    _row("anthropic-python", stainless("anthropic SDK", UP_TO_60), "Anthropic(max_retries=0)",
         _read("anthropic/_base_client.py"), None, Versions("0.40", "1.1"),
         "source of 0.40.0 to 1.0.0", 600.0, "the 60 s rule, dropped by 2.0.0"),
    _row("anthropic-node", stainless("anthropic SDK", javascript(ANY_WAIT)),
         "new Anthropic({maxRetries: 0})", _seen(_STAINLESS_JS), "@anthropic-ai/sdk (npm)", Versions("1.0"), "1.12.0",
         600.0, "300 s is the longest that was tried", ("@anthropic-ai/sdk",)),
    _row("groq-python", stainless("groq SDK", UP_TO_60), "Groq(max_retries=0)", _seen("groq/_base_client.py"),
         "groq (Python)", Versions("1.0"), "1.7.0", 60.0, package=("groq",)),
    _row("groq-node", stainless("groq SDK", replace(javascript(ANY_WAIT), least_counts=True)),
         "new Groq({maxRetries: 0})", _seen(_STAINLESS_JS), "groq-sdk (npm)", Versions("1.0"), "1.6.0", 60.0,
         "300 s is the longest that was tried", ("groq-sdk",)),
    _row("together-python", stainless("together SDK", UP_TO_60, replace(SHORTENED, initial_s=1.0, cap_s=10.0)),
         "Together(max_retries=0)", _seen("together/_base_client.py, _constants.py"), "together (Python)",
         Versions("3.0"), "3.1.1", 60.0, package=("together",)),
    _row("zhipuai-python",
         Layer("zhipuai SDK", 3, USUAL, replace(SHORTENED, shift=1), Hints(should_retry=True)),
         "ZhipuAI(max_retries=0)", _seen("zhipuai/core/_http_client.py: _calculate_retry_timeout, _should_retry"),
         "zhipuai (Python)", Versions("2.1"), "2.1.5.20250825", 300.0,
         "Retry-After is commented out in the package", ("zhipuai",)),
    _row("openai-go",
         stainless("openai-go", Hints(BOTH, most_s=8.0, over=Over.CLAMP, least_counts=True, should_retry=True)),
         "option.WithMaxRetries(0)", _read("internal/requestconfig/requestconfig.go: shouldRetry, retryDelay"),
         "openai-go", Versions("3.0"), "3.52.0, commit 4e5a07a", None,
         "the server's waits are clamped to 8 s as well; option.WithMaxRetryDelay raises that"),
    _row("openai-java", stainless("openai-java", replace(ANY_WAIT, least_s=float("-inf"))),
         "OpenAIOkHttpClient.builder().maxRetries(0)",
         _read("RetryingHttpClient.kt: shouldRetry, getRetryBackoffDuration"), "openai-java", Versions("4.0"),
         "4.52.0, commit 5f499c3", 600.0),
)  # fmt: skip

# --- Clients with loops of their own ---

_AZURE_CORE = Layer(
    "azure-core", 3, frozenset({500, 503, 504}), Backoff(0.8, cap_s=120.0, first_s=0.0),
    Hints(("retry-after", "retry-after-ms"), least_counts=True), drops=False, timeouts=False, header_retries=True,
)  # fmt: skip

_LANGCHAIN_HINT = re.compile(r"again in (\d{1,9}(?:\.\d{1,9})?)\s?(ms|s|m|h)\b", re.IGNORECASE)

OWN = (
    _row("cohere-python",
         Layer("cohere SDK", 2, USUAL, Backoff(1.0, cap_s=60.0, at_0=0.9, at_1=1.1),
               Hints((*BOTH, "x-ratelimit-reset"), whole_number, most_s=60.0, over=Over.CLAMP),
               drops=False, timeouts=False),
         "ClientV2(max_retries=0)", _seen("cohere/core/http_client.py: _should_retry, _retry_timeout"),
         "cohere (Python)", Versions("7.0"), "7.3.1", 300.0,
         "a failed connect is retried, a dropped connection is not; Retry-After in whole seconds only", ("cohere",)),
    _row("google-genai-python", Layer("google-genai", 0, frozenset(), drops=False, timeouts=False), None,
         _seen("google/genai/_api_client.py: retry_args, _request"), "google-genai (Python)", Versions("3.0"), "3.4.0",
         None, "no retries by default; HttpOptions(retry_options=HttpRetryOptions()) switches five attempts on",
         ("google-genai", "google.genai")),
    _row("google-genai-python-retries",
         Layer("google-genai", 4, GATEWAY | {408, 429}, Backoff(1.0, cap_s=60.0, add_s=1.0, cap_last=True),
               drops=False),
         "HttpRetryOptions(attempts=1)", _seen("google/genai/_api_client.py: retry_args, with HttpRetryOptions()"),
         None, Versions("3.0"), "3.4.0", None, "opt-in; reads no retry header"),
    _row("mistralai-python", Layer("mistralai", 0, frozenset(), drops=False, timeouts=False), None,
         _seen("mistralai/client/utils/retries.py: retry_with_backoff; client/chat.py"), "mistralai (Python)",
         Versions("1.12"), "3.7.0 and 1.12.4", None,
         "no retries by default; retry_config=RetryConfig('backoff', …) switches them on", ("mistralai",)),
    _fixed("mistralai-python-retries",
           Layer("mistralai", None, GATEWAY | {429}, Backoff(0.5, 1.5, cap_s=60.0, add_s=1.0, cap_last=True),
                 Hints(BOTH), drops=False, timeouts=False, stops_after_s=300.0),
           None, "leave retry_config out",
           _seen("mistralai/client/utils/retries.py, with BackoffStrategy(500, 60000, 1.5, 300000)"),
           None, Versions("3.0"), "3.7.0", None,
           "opt-in; ends after 300 s, not after a number of tries"),
    _row("dspy",
         Layer("dspy", 3, FIVE_HUNDREDS | {408, 429}, Backoff(1.0, cap_s=60.0), Hints(BOTH), quota=False),
         "dspy.LM(..., num_retries=0)", _seen("dspy/clients/execution.py: _delay, _retryable"), "dspy 3.4",
         Versions("3.4"), "3.4.1", None, "no jitter: parallel workers stay in step", ("dspy",)),
    _row("vercel-ai",
         Layer("ai", 2, USUAL, Backoff(2.0),
               replace(NODE_60, most_counts=False, should_retry=False, below_backoff=True)),
         "generateText({maxRetries: 0})",
         _seen("ai/dist/index.js: retryWithExponentialBackoffRespectingRetryHeaders, getRetryDelayInMs"),
         "Vercel AI SDK (ai + @ai-sdk/openai)", Versions("7.0"), "ai 7.0.173", None, package=("ai", "@ai-sdk/openai")),
    _row("langchain-js",
         Layer("@langchain/core", 6, FIVE_HUNDREDS | {408}, Backoff(1.0, at_0=1.0, at_1=2.0),
               Hints(("retry-after",), text=_LANGCHAIN_HINT, least_counts=True, most_s=60.0, over=Over.STOP,
                     use=Use.AT_LEAST),
               quota=False, quota_words_stop=True, hint_needed=frozenset({429})),
         "new ChatOpenAI({maxRetries: 0})", _seen("core/dist/utils/async_caller.js: classifyRateLimitError"),
         "LangChain JS, @langchain/core 1.x", Versions("1.0"), "@langchain/core 1.4.0, openai 7.57.0", 600.0,
         "a 429 without a wait hint is not retried; the SDK's own retries are off",
         ("@langchain/core", "@langchain/openai")),
    _row("langchain-js",
         Layer("@langchain/core", 6, FIVE_HUNDREDS | {408, 429}, Backoff(1.0, at_0=1.0, at_1=2.0), quota=False),
         "new ChatOpenAI({maxRetries: 0})", _seen("@langchain/core 0.3.80 with openai 5.12.2, run only"),
         "LangChain JS, @langchain/core 0.3", Versions("0.3", "0.4"), "0.3.80", 600.0, "reads no retry header"),
    _row("litellm-router",
         Layer("litellm.Router", 2, USUAL, Backoff(0.5, cap_s=8.0, add_s=0.75),
               Hints(("retry-after",), whole_number, most_s=60.0, jitter_s=0.75)),
         "Router(num_retries=0)",
         _seen("litellm/router.py: async_function_with_retries; utils.py: calculate_retry_after"),
         "litellm.Router", Versions("1.82"), "1.106.2", 6000.0,
         "one deployment; it also sleeps after the last failure. With several, the retry is immediate"),
    _row("openai-dotnet",
         Layer("System.ClientModel", 3, GATEWAY | {408, 429}, Backoff(0.8, first_s=0.0, shift=-1),
               Hints(("retry-after",), use=Use.AT_LEAST)),
         "new OpenAIClientOptions { RetryPolicy = new ClientRetryPolicy(0) }",
         _read("ClientRetryPolicy.cs: GetNextDelay, ShouldRetry; statuses and timeouts from memory"),
         "openai-dotnet (System.ClientModel)", Versions("2.13"), "2.13.0, commits b3b4bbb and 515190d", None,
         "by the source the first retry does not wait"),
    _row("azure-core", _AZURE_CORE, "RetryPolicy.no_retries()",
         _seen("azure/core/pipeline/policies/_retry.py: is_retry, _is_method_retryable, get_backoff_time"),
         "azure-core RetryPolicy (Python)",
         Versions("1.41"), "1.41.0", None, "a POST; a 429 without Retry-After, a drop and a read timeout are sent once",
         ("azure.core", "azure-core")),
    _row("azure-ai-inference",
         replace(_AZURE_CORE, name="azure-ai-inference", hints=Hints(("retry-after",), least_counts=True)),
         "ChatCompletionsClient(..., retry_total=0)", _seen("azure-ai-inference over azure-core's RetryPolicy, run"),
         "azure-ai-inference (Python)", Versions("1.0.0"), "1.0.0b9 (azure-core 1.41.0)", None,
         "a 429 without Retry-After, a drop and a read timeout are sent once",
         ("azure.ai.inference", "azure-ai-inference")),
    _fixed("dashscope-python", Layer("dashscope", 1, frozenset(), timeouts=False), 0, None,
         _seen("dashscope, run only"),
         "dashscope (Python)", Versions("2.0"), "2.0.2", 300.0,
         "429 and 5xx come back as a response object; one reconnect was seen on a dropped connection", ("dashscope",)),
)  # fmt: skip
