"""One attempt a line: what ``watch --record`` writes and ``watch --read``, ``simulate`` and ``decode`` read back.

A line is a JSON object with ``"schema": "ratecheck.attempt/1"``. Keys, bodies and headers that no table names are not
in it. Field names carry their unit; unknown is ``null``.
"""

import hashlib
import json
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import Any

from ratecheck.calls.attempt import Attempt, Outcome, Request
from ratecheck.clients import Sender
from ratecheck.durations import ns_from_s, s_from_ns
from ratecheck.model import Category, Dimension, Finding, LimitReading
from ratecheck.redact import neutralise, scrub

SCHEMA = "ratecheck.attempt/1"

_WHOLE = ("status", "limit", "used", "requested", "remaining")
_YES_OR_NO = ("retryable", "will_fit_ever")

# A line longer than this is no attempt of ours: bodies are cut at --max-body long before.
_LONGEST_LINE = 64 << 20


def line_of(
    attempt: Attempt,
    epoch_ns: int,
    headers: Sequence[tuple[str, str]] = (),
    bodies: tuple[str, str] | None = None,
) -> str:
    """Write an attempt as one line, without a line break. ``epoch_ns`` is the instant that ``t_s`` counts from.

    ``headers`` are the answer's that may be kept; ``bodies`` request and answer, redacted already.
    """
    request, outcome, sender = attempt.request, attempt.outcome, attempt.request.sender
    document: dict[str, Any] = {
        "schema": SCHEMA,
        "t_s": round(s_from_ns(request.sent_ns - epoch_ns), 6),
        "status": outcome.status,
        "latency_s": round(s_from_ns(outcome.answered_ns - request.sent_ns), 6),
        "retry_after_s": outcome.retry_after_s,
        "in_words": outcome.in_words,
        "model": request.model,
        "charged_tokens": outcome.charged_tokens,
        "target": request.target,
        "fingerprint": request.fingerprint,
        "client": {
            "sdk": sender.sdk, "version": sender.version, "agent": neutralise(scrub(sender.agent)),
            "wrapper": sender.wrapper,
        },
        "retry_count": sender.retry_count,
        "run": hashlib.blake2b(sender.run_id.encode(), digest_size=6).hexdigest() if sender.run_id else None,
        "connection": request.connection,
        "key": request.key.partition("#")[0] if request.key else None,
        "cut": outcome.cut,
        "limits": [limit_document(limit) for limit in outcome.limits],
        "headers": {name: scrub(value) for name, value in headers},
        "finding": _finding_document(outcome.finding),
    }  # fmt: skip
    if bodies is not None:
        document["request_body"], document["answer_body"] = bodies
    return json.dumps(document, ensure_ascii=True, separators=(",", ":"))


def limit_document(limit: LimitReading) -> dict[str, Any]:
    """Return a reading as the contracts write it (a ``limit status``)."""
    return {
        "dimension": limit.dimension.value if limit.dimension else None,
        "window_s": limit.window_s, "limit": limit.limit, "remaining": limit.remaining, "reset_s": limit.reset_s,
        "headers": list(limit.headers),
    }  # fmt: skip


def _finding_document(finding: Finding | None) -> dict[str, Any] | None:
    if finding is None:
        return None
    return asdict(finding) | {"limits": []}  # the attempt's own "limits" hold them


def attempts_of(lines: Iterable[str | bytes]) -> Iterator[Attempt | None]:
    """Read attempts back; ``None`` for every line that is none (torn by a crash, or of another kind)."""
    for line in lines:
        yield attempt_of(line)


def attempt_of(line: str | bytes) -> Attempt | None:
    """Read one line; ``None`` where it holds no attempt. Never raises, whatever the line."""
    if len(line) > _LONGEST_LINE:
        return None
    try:
        document = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        return None
    sent_s, latency_s = _number(document.get("t_s")), _number(document.get("latency_s"))
    if sent_s is None:
        return None
    sent_ns = ns_from_s(sent_s)
    client = document.get("client")
    client = client if isinstance(client, dict) else {}
    limits = document.get("limits")
    limits = limits if isinstance(limits, list) else []
    return Attempt(
        Request(
            sent_ns=sent_ns,
            target=_text(document.get("target")) or "",
            model=_text(document.get("model")),
            fingerprint=_text(document.get("fingerprint")) or "",
            sender=Sender(
                sdk=_text(client.get("sdk")), version=_text(client.get("version")),
                agent=_text(client.get("agent")) or "", wrapper=_text(client.get("wrapper")),
                retry_count=_whole(document.get("retry_count")), run_id=_text(document.get("run")),
            ),
            connection=_text(document.get("connection")) or "",
            key=_text(document.get("key")),
        ),
        Outcome(
            answered_ns=sent_ns + ns_from_s(max(latency_s or 0.0, 0.0)),
            status=_whole(document.get("status")),
            retry_after_s=_number(document.get("retry_after_s")),
            in_words=document.get("in_words") is True,
            limits=tuple(_limit(each) for each in limits if isinstance(each, dict)),
            finding=_finding(document.get("finding")),
            charged_tokens=_whole(document.get("charged_tokens")),
            cut=_text(document.get("cut")),
        ),
    )  # fmt: skip


def _number(value: object) -> float | None:
    # A century of seconds, as in `durations`: beyond it a number is noise.
    fits = isinstance(value, (int, float)) and not isinstance(value, bool)
    return float(value) if fits and math.isfinite(value) and abs(value) < 4e9 else None  # type: ignore[arg-type]


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1 << 53 else None


def _text(value: object) -> str | None:
    return neutralise(value, 2000) if isinstance(value, str) else None


def _dimension(value: object) -> Dimension | None:
    return Dimension(value) if isinstance(value, str) and value in list(Dimension) else None


def _limit(document: dict[str, Any]) -> LimitReading:
    headers = document.get("headers")
    return LimitReading(
        dimension=_dimension(document.get("dimension")),
        window_s=_number(document.get("window_s")),
        limit=_whole(document.get("limit")),
        remaining=_whole(document.get("remaining")),
        reset_s=_number(document.get("reset_s")),
        headers=tuple(str(name)[:200] for name in headers) if isinstance(headers, list) else (),
    )


def _finding(document: object) -> Finding | None:
    if not isinstance(document, dict) or document.get("category") not in list(Category):
        return None
    advice = document.get("advice")
    rest: dict[str, Any] = {name: _whole(document.get(name)) for name in _WHOLE}
    rest |= {name: _text(document.get(name)) for name in ("code", "model", "scope", "message")}
    rest |= {name: value if isinstance(value := document.get(name), bool) else None for name in _YES_OR_NO}
    return Finding(
        category=Category(document["category"]),
        provider=_text(document.get("provider")) or "unknown",
        dimension=_dimension(document.get("dimension")),
        window_s=_number(document.get("window_s")),
        retry_after_s=_number(document.get("retry_after_s")),
        explanation=_text(document.get("explanation")) or "",
        advice=tuple(neutralise(str(each), 2000) for each in advice) if isinstance(advice, (list, tuple)) else (),
        **rest,
    )
