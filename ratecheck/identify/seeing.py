"""From an exchange to a sight: what a plan needs of an answer. Server text goes no further than here."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from ratecheck import dialects
from ratecheck.decode import finding_of
from ratecheck.dialects import Reading
from ratecheck.durations import parse_instant
from ratecheck.identify.sight import Sight, instants
from ratecheck.model import Ask, Category, Exchange, Finding
from ratecheck.redact import scrub, scrub_all

_Headers = Sequence[tuple[str, str]]

# Refusals that say something about a limit on rate; the others end the search.
_LIMITED = (Category.RATE_LIMIT, Category.CONCURRENCY)
_POINTLESS = {
    Category.QUOTA_EXHAUSTED: "the account's money or plan is spent: waiting does not help",
    Category.REQUEST_TOO_LARGE: "even the smallest request is too large for the limit",
}


def see(
    exchange: Exchange, ask: Ask, *, provider: str | None, now: datetime | None, secrets: tuple[str, ...] = ()
) -> Sight:
    """Read one exchange. ``now`` is the wall time of the answer, for resets that are dates and carry no Date header."""
    answer = exchange.answer
    sent_ns, answered_ns = instants(exchange)
    reading = dialects.read_limits(answer.headers, provider=provider, now=now)
    timeless = _timeless(answer.headers, provider)
    admitted: bool | None = None
    finding: Finding | None = None
    fatal: str | None = None
    if answer.status is not None and 200 <= answer.status < 300:
        admitted = True
        if not reading.limits and answer.body and answer.complete and not _is_document(answer.body):
            admitted, fatal = (
                None,
                f"the server answered {answer.status} with something that no such API answers: it is no JSON",
            )
    elif answer.status is not None:
        finding = finding_of(answer.status, answer.headers, answer.body, provider=provider, now=now)
        if finding.category in _LIMITED or (answer.status == 429 and finding.category is Category.NOT_RATE_LIMIT):
            admitted = False
        else:
            fatal = _fatal(answer.status, finding, answer.body, secrets)
    usage = _usage(answer.body)
    # A date to wait for is no evidence where two clocks may differ.
    told_s = reading.retry_after_s if reading.has_date else timeless.retry_after_s
    wait_s = told_s if told_s is not None else finding.retry_after_s if finding else None
    spans = {limit.headers for limit in timeless.limits if limit.reset_s is not None}
    return Sight(
        key=ask.key,
        sent_ns=sent_ns,
        answered_ns=answered_ns,
        status=answer.status,
        admitted=admitted,
        limits=scrub_all(reading.limits, secrets) if secrets else reading.limits,
        retry_after_s=wait_s if admitted is False else None,
        refused_dimension=finding.dimension if finding is not None else None,
        tokens=usage.get("total_tokens"),
        output_tokens=usage.get("output_tokens"),
        max_output_tokens=ask.max_output_tokens,
        dated_resets=frozenset(limit.headers for limit in reading.limits if limit.reset_s is not None) - spans,
        clock_ahead_s=_clock_ahead_s(answer.headers, now),
        fatal=fatal,
    )


def _timeless(headers: _Headers, provider: str | None) -> Reading:
    """Read what does not hang on anybody's clock."""
    return dialects.read_limits([pair for pair in headers if pair[0].lower() != "date"], provider=provider)


def _clock_ahead_s(headers: _Headers, now: datetime | None) -> float | None:
    """Return how far the Date header, a whole second and so half a second old, is ahead of ``now``."""
    date = next((parse_instant(value) for name, value in headers if name.lower() == "date"), None)
    if date is None:
        return None
    return 0.0 if now is None else date.timestamp() + 0.5 - now.timestamp()


def _fatal(status: int, finding: Finding, body: bytes, secrets: tuple[str, ...]) -> str | None:
    """Return why asking on is pointless; ``None`` for what may pass: a 5xx, a timeout, another parameter's name."""
    if finding.category in _POINTLESS:
        return _POINTLESS[finding.category]
    if status >= 500 or status in (408, 409, 425) or finding.category is Category.OVERLOADED:
        return None
    if status == 400 and b"max_completion_tokens" in body:
        return None  # the next request says it so
    said = f": {scrub(finding.message, secrets)}" if finding.message else ""
    return f"the server answered {status}{said}"


def _is_document(body: bytes) -> bool:
    try:
        return isinstance(json.loads(body), Mapping)
    except (ValueError, RecursionError):
        return False


def _usage(body: bytes) -> dict[str, int]:
    """Return ``total_tokens`` and ``output_tokens`` as far as the answer states them."""
    try:
        document: Any = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    usage = document.get("usage") or document.get("usageMetadata") if isinstance(document, Mapping) else None
    if not isinstance(usage, Mapping):
        return {}
    names = {
        "total_tokens": ("total_tokens", "totalTokenCount"),
        "output_tokens": ("completion_tokens", "output_tokens", "candidatesTokenCount"),
        "input_tokens": ("prompt_tokens", "input_tokens", "promptTokenCount"),
    }
    told = {
        ours: value
        for ours, theirs in names.items()
        for value in [next((usage[name] for name in theirs if _is_count(usage.get(name))), None)]
        if value is not None
    }
    if "total_tokens" not in told and ("input_tokens" in told or "output_tokens" in told):
        told["total_tokens"] = told.get("input_tokens", 0) + told.get("output_tokens", 0)
    return told


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**12
