"""How each provider says no: the sentences, error shapes and extra headers of a dialect, as rows.

The sentences are the providers' own, as found in public reports (sources at ``dialects``): code that reads them in the
field must meet them here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ratecheck.durations import NS_PER_S, format_go_duration, window_name
from ratecheck.model import Dimension, Limit

# Neither is anybody's: ids of this length and form are what clients' patterns expect.
ORGANISATION = "ratecheck0000000000000000"
UUID = "00000000-0000-4000-8000-000000000000"


class Refusal(NamedTuple):
    """Why a limit said no."""

    limit: Limit
    name: str
    model: str
    used: int
    requested: int
    wait_ns: int | None
    """``None`` when no clock can tell."""
    fits_ever: bool


class Problem(NamedTuple):
    """An error as the envelope needs it."""

    status: int
    message: str
    type: str | None = None
    code: str | None = None
    param: str | None = None
    refusal: Refusal | None = None


Envelope = Callable[[Problem, str], Any]


def _openai(problem: Problem, request_id: str) -> Any:
    error = {"message": problem.message, "type": problem.type, "param": problem.param, "code": problem.code}
    return {"error": error}


def _azure(problem: Problem, request_id: str) -> Any:
    return {"error": {"code": problem.code or str(problem.status), "message": problem.message}}


def _groq(problem: Problem, request_id: str) -> Any:
    error = {"message": problem.message, "type": problem.type}
    return {"error": {**error, "code": problem.code} if problem.code else error}


def _anthropic(problem: Problem, request_id: str) -> Any:
    error = {"type": problem.type, "message": problem.message}
    return {"type": "error", "error": error, "request_id": request_id}


def _mistral(problem: Problem, request_id: str) -> Any:
    return {
        "object": "error", "message": problem.message, "type": problem.type, "param": problem.param,
        "code": problem.code,
    }  # fmt: skip


def _moonshot(problem: Problem, request_id: str) -> Any:
    return {"error": {"message": problem.message, "type": problem.type}}


def _ietf(problem: Problem, request_id: str) -> Any:
    """RFC 9457, with the problem type that the RateLimit draft registers."""
    document: dict[str, Any] = {"status": problem.status, "title": problem.message}
    if problem.refusal is not None:
        document["type"] = "https://iana.org/assignments/http-problem-types#quota-exceeded"
        document["violated-policies"] = [problem.refusal.name.lower().replace(" ", "-")]
    return document


_GOOGLE_METRICS = {
    Dimension.REQUESTS: ("generate_content_free_tier_requests", "GenerateRequestsPer{per}PerProjectPerModel-FreeTier"),
    Dimension.INPUT_TOKENS: (
        "generate_content_free_tier_input_token_count", "GenerateContentInputTokensPerModelPer{per}-FreeTier",
    ),
}  # fmt: skip
_GOOGLE_TYPE = "type.googleapis.com/google.rpc."


def _google(problem: Problem, request_id: str) -> Any:
    error: dict[str, Any] = {"code": problem.status, "message": problem.message, "status": problem.type}
    refusal = problem.refusal
    if refusal is not None:
        metric, quota = _GOOGLE_METRICS.get(refusal.limit.dimension, _GOOGLE_METRICS[Dimension.INPUT_TOKENS])
        metric = f"generativelanguage.googleapis.com/{metric}"
        error["message"] += f"\n* Quota exceeded for metric: {metric}, limit: {refusal.limit.amount}"
        error["message"] += f", model: {refusal.model}"
        violation = {
            "quotaMetric": metric,
            "quotaId": quota.format(per=window_name(refusal.limit.window_ns / NS_PER_S).title().replace(" ", "")),
            "quotaDimensions": {"location": "global", "model": refusal.model},
            "quotaValue": str(refusal.limit.amount),
        }
        error["details"] = [{"@type": f"{_GOOGLE_TYPE}QuotaFailure", "violations": [violation]}]
        if refusal.wait_ns is not None:
            seconds = f"{refusal.wait_ns / NS_PER_S:.9f}".rstrip("0").rstrip(".")
            error["message"] += f"\nPlease retry in {seconds}s."
            retry = {"@type": f"{_GOOGLE_TYPE}RetryInfo", "retryDelay": f"{-(-refusal.wait_ns // NS_PER_S)}s"}
            error["details"].append(retry)
    return {"error": error}


@dataclass(frozen=True, slots=True)
class Voice:
    """One dialect's way to answer. Templates know the names in ``words``."""

    dialect: str
    envelope: Envelope
    limited: str
    """The sentence of a refusal."""
    types: Mapping[int, tuple[str | None, str | None]]
    """Error type and code by HTTP status."""
    speaks: str = "chat"
    """The kind of endpoint that it is asked through most."""
    limited_type: str | None = None
    """The error type of a refusal; ``None``: the dimension's plural."""
    by_dimension: Mapping[Dimension, str] = field(default_factory=dict)
    """Sentences for dimensions that have one of their own."""
    too_large: str | None = None
    """The sentence for what can never pass; ``None``: the usual one."""
    too_large_status: int = 429
    headers: tuple[tuple[str, str], ...] = (("x-request-id", "{request_id}"),)
    """Headers beside the limits; their gaps are an id of the request and ``{processing_ms}``."""
    media_type: str = "application/json"
    keys_in: tuple[str, ...] = ("authorization",)
    """Headers that may hold the key."""


_OPENAI_TYPES = {
    400: ("invalid_request_error", None), 401: ("invalid_request_error", "invalid_api_key"),
    402: ("insufficient_quota", "insufficient_quota"),
    404: ("invalid_request_error", None), 405: ("invalid_request_error", None),
    408: ("server_error", None), 413: ("invalid_request_error", None),
    429: ("requests", "rate_limit_exceeded"),
    500: ("server_error", None), 503: ("server_error", "service_unavailable"),
}  # fmt: skip
_ANTHROPIC_TYPES = {
    400: ("invalid_request_error", None), 401: ("authentication_error", None), 403: ("permission_error", None),
    404: ("not_found_error", None), 405: ("invalid_request_error", None), 413: ("request_too_large", None),
    429: ("rate_limit_error", None), 500: ("api_error", None), 529: ("overloaded_error", None),
}  # fmt: skip
_GOOGLE_TYPES = {
    400: ("INVALID_ARGUMENT", None), 401: ("UNAUTHENTICATED", None), 403: ("PERMISSION_DENIED", None),
    404: ("NOT_FOUND", None), 405: ("UNIMPLEMENTED", None), 413: ("INVALID_ARGUMENT", None),
    429: ("RESOURCE_EXHAUSTED", None), 500: ("INTERNAL", None), 503: ("UNAVAILABLE", None),
    504: ("DEADLINE_EXCEEDED", None),
}  # fmt: skip
_MISTRAL_TYPES = {
    400: ("invalid_request_error", "3051"), 401: ("unauthorized", "1000"), 404: ("not_found", None),
    429: ("rate_limited", "1300"), 500: ("internal_server_error", "3000"),
    503: ("service_unavailable", "3505"),
}  # fmt: skip
_AZURE_TYPES = {
    400: (None, "BadRequest"), 401: (None, "401"), 404: (None, "DeploymentNotFound"), 429: (None, "429"),
    500: (None, "InternalServerError"), 503: (None, "ServiceUnavailable"),
}  # fmt: skip
_AZURE_SENTENCE = (
    "Requests to the ChatCompletions_Create Operation under Azure OpenAI API version 2024-10-21 have exceeded {kind} "
    "rate limit of your current OpenAI S0 pricing tier. Please retry after {seconds} seconds. Please go here: "
    "https://aka.ms/oai/quotaincrease if you would like to further increase the default rate limit."
)
_ANTHROPIC_SENTENCE = (
    "This request would exceed your organization's rate limit of {limit_commas} {what} per {period} (org: "
    + UUID
    + ", "
    "model: {model}). For details, refer to: https://docs.claude.com/en/api/rate-limits. You can see the response "
    "headers for current usage."
)
_MOONSHOT_WHO = "Your account org-" + ORGANISATION + "<ak-ratecheck> request reached organization "

_ROWS = (
    Voice(
        "openai", _openai,
        "Rate limit reached for {model} in organization org-" + ORGANISATION + " on {what} per {per}{abbreviation}: "
        "Limit {limit}, Used {used}, Requested {requested}. Please try again in {delay}. "
        "Visit https://platform.openai.com/account/rate-limits to learn more.",
        _OPENAI_TYPES,
        too_large="Request too large for {model} in organization org-" + ORGANISATION + " on {what} per {per}"
        "{abbreviation}: Limit {limit}, Requested {requested}. The input or output tokens must be reduced in order to "
        "run successfully. Visit https://platform.openai.com/account/rate-limits to learn more.",
        headers=(
            ("openai-organization", "org-" + ORGANISATION), ("openai-processing-ms", "{processing_ms}"),
            ("openai-version", "2020-10-01"), ("x-request-id", "{request_id}"),
        ),
    ),
    Voice(
        "azure", _azure, _AZURE_SENTENCE, _AZURE_TYPES,
        headers=(
            ("apim-request-id", "{uuid}"), ("x-ms-region", "Sweden Central"),
            ("x-ratelimit-abusepenalty-active", "False"),
            ("openai-processing-ms", "{processing_ms}"), ("x-request-id", "{uuid}"),
        ),
        keys_in=("api-key", "authorization"),
    ),
    Voice(
        "anthropic", _anthropic, _ANTHROPIC_SENTENCE, _ANTHROPIC_TYPES, speaks="messages",
        limited_type="rate_limit_error",
        headers=(("request-id", "{request_id}"), ("anthropic-organization-id", UUID)),
        keys_in=("x-api-key", "authorization"),
    ),
    Voice(
        "groq", _groq,
        "Rate limit reached for model `{model}` in organization `org_" + ORGANISATION + "` service tier `on_demand` on "
        "{what} per {period}{abbreviation}: Limit {limit}, Used {used}, Requested {requested}. Please try again in "
        "{delay}. Need more tokens? Upgrade to Dev Tier today at https://console.groq.com/settings/billing",
        _OPENAI_TYPES,
        too_large="Request too large for model `{model}` in organization `org_" + ORGANISATION + "` service tier "
        "`on_demand` on {what} per {period}{abbreviation}: Limit {limit}, Requested {requested}, please reduce your "
        "message size and try again.",
        too_large_status=413,
        headers=(("x-groq-region", "ratecheck"), ("x-request-id", "{request_id}")),
    ),
    Voice("mistral", _mistral, "Rate limit exceeded", _MISTRAL_TYPES, headers=(("mistral-correlation-id", "{uuid}"),)),
    Voice(
        "google", _google,
        "You exceeded your current quota, please check your plan and billing details. For more information on this "
        "error, head to: https://ai.google.dev/gemini-api/docs/rate-limits.",
        _GOOGLE_TYPES, speaks="generateContent", headers=(), keys_in=("x-goog-api-key", "authorization"),
    ),
    Voice(
        "moonshot", _moonshot, _MOONSHOT_WHO + "{abbreviated} rate limit, current: {used}, limit: {limit}",
        {
            400: ("invalid_request_error", None), 401: ("invalid_authentication_error", None),
            404: ("resource_not_found_error", None), 429: ("rate_limit_reached_error", None),
            500: ("server_error", None), 503: ("engine_overloaded_error", None),
        },
        limited_type="rate_limit_reached_error",
        by_dimension={
            Dimension.REQUESTS: _MOONSHOT_WHO + "max {abbreviated}: {limit}, please try again after {seconds} seconds",
            Dimension.CONCURRENCY: _MOONSHOT_WHO + "max concurrency: {limit}, please try again after 1 seconds",
        },
        headers=(("msh-request-id", "{request_id}"),),
    ),
    Voice(
        "unknown", _ietf, "Request cannot be satisfied as assigned quota has been exceeded", {},
        headers=(("x-request-id", "{request_id}"),), media_type="application/problem+json",
    ),
)  # fmt: skip

VOICES: Mapping[str, Voice] = {voice.dialect: voice for voice in _ROWS}

# What an error that has nothing to do with limits says; neutral, because nobody reads limits from these.
SENTENCES: Mapping[int, str] = {
    400: "The request could not be understood.",
    401: "No API key provided. Send one in the {keys} header; any value will do here.",
    402: "You have run out of credit.",
    404: "There is nothing at this path.",
    405: "This path does not take {method} requests.",
    408: "The request did not arrive in time.",
    413: "The request body is larger than {most_bytes} bytes.",
    500: "The server had an error while processing your request. Sorry about that!",
    502: "Bad gateway.",
    503: "The engine is currently overloaded, please try again later.",
    529: "Overloaded",
}
QUOTA = "You exceeded your current quota, please check your plan and billing details."


def voice_of(dialect: str) -> Voice:
    """Return how a dialect speaks; an API that has no row of its own answers as OpenAI does, whose API it copies."""
    return VOICES.get(dialect, VOICES["openai"])


def _words(refusal: Refusal) -> dict[str, object]:
    window_s = refusal.limit.window_ns / NS_PER_S
    period = window_name(window_s)
    wait_ns = refusal.wait_ns or 0
    short = refusal.name if refusal.name.isupper() else ""
    return {
        "model": refusal.model,
        "what": refusal.limit.dimension.value.replace("_", " "),
        "per": "min" if period == "minute" else period,
        "period": period,
        "abbreviation": f" ({short})" if short else "",
        "abbreviated": short or refusal.name,
        "limit": refusal.limit.amount,
        "limit_commas": f"{refusal.limit.amount:,}",
        "used": refusal.used,
        "requested": refusal.requested,
        "delay": format_go_duration(wait_ns),
        "seconds": max(-(-wait_ns // NS_PER_S), 1),
        "kind": "call" if refusal.limit.dimension is Dimension.REQUESTS else "token",
    }


def refusal_problem(voice: Voice, refusal: Refusal) -> Problem:
    """Return the 429 (or what the dialect uses) of a refusal."""
    sentence = voice.by_dimension.get(refusal.limit.dimension, voice.limited)
    status = 429
    if not refusal.fits_ever and voice.too_large is not None:
        sentence, status = voice.too_large, voice.too_large_status
    known_type, code = voice.types.get(429, (None, None))
    plural = refusal.limit.dimension.value.replace("_", "-") if known_type == "requests" else known_type
    message = sentence.format_map(_words(refusal))
    return Problem(status, message, voice.limited_type or plural, code, refusal=refusal)


def error_problem(
    voice: Voice,
    status: int,
    message: str | None = None,
    *,
    code: str | None = None,
    param: str | None = None,
    words: Mapping[str, object] | None = None,
) -> Problem:
    """Return an error of ``status`` that is no refusal by a limit; ``code`` overrides the dialect's own.

    Without a ``message`` it is the usual one of that status, its gaps filled from ``words``.
    """
    known_type, known_code = voice.types.get(status, voice.types.get(500 if status >= 500 else 400, (None, None)))
    if code == "insufficient_quota":
        return Problem(status, QUOTA, "insufficient_quota" if known_code else known_type, code)
    if message is None:
        message = SENTENCES.get(status, SENTENCES[500] if status >= 500 else SENTENCES[400]).format_map(
            {"keys": " or ".join(voice.keys_in), **(words or {})}
        )
    return Problem(status, message, known_type, code or known_code, param)
