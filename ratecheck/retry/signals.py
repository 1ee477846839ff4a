"""What a client can read out of an answer before it decides to try again: raw, as it came."""

import json
import math
import re
import sys
from datetime import datetime
from typing import NamedTuple

from ratecheck.model import Answer

# "Please try again in 20s", "retry again in 6m0s": the words and what follows, for each client's own pattern.
_AGAIN = re.compile(r"(?:try|retry) again in [^,;\"\\\n]{1,40}", re.IGNORECASE)
_QUOTA_WORDS = re.compile(r"quota|billing", re.IGNORECASE)

# An error body that matters is small; more of it is never looked at.
_LONGEST_BODY = 65_536


class Signals(NamedTuple):
    """The parts of an answer that some client's retry rule looks at. A tuple, so that plans can be remembered by it."""

    status: int | None
    timed_out: bool = False
    retry_after: str | None = None
    retry_after_ms: str | None = None
    should_retry: str | None = None
    reset: str | None = None
    """``x-ratelimit-reset``: one client reads it as a Unix time."""
    again: str = ""
    """The words "try again in …" out of the body, as written."""
    quota_code: bool = False
    """The body's error code or type is ``insufficient_quota``."""
    quota_words: bool = False
    """The body speaks of a quota or of billing."""
    epoch_s: float | None = None
    """The instant of the answer, by its ``Date`` header or the caller: dates are worth nothing without it."""


def _says_quota(body: bytes) -> bool:
    if b"insufficient_quota" not in body:
        return False
    try:
        document = json.loads(body)
    except ValueError:
        return True
    error = document.get("error", document) if isinstance(document, dict) else {}
    if not isinstance(error, dict):
        return True
    return "insufficient_quota" in (error.get("code"), error.get("type"))


def read(answer: Answer, now: datetime | None = None) -> Signals:
    """Return what clients read in ``answer``; ``now`` only matters where a header holds a date.

    The answer's own ``Date`` header beats ``now``: so a recorded answer means the same next week.
    """
    found: dict[str, str] = {}
    for name, value in answer.headers:
        found.setdefault(name.lower(), value)
    body = answer.body[:_LONGEST_BODY]
    text = body.decode("utf-8", "replace")
    again = _AGAIN.search(text)
    epoch_s = date_s(found["date"]) if "date" in found else None
    return Signals(
        status=answer.status,
        timed_out=answer.timed_out,
        retry_after=found.get("retry-after"),
        retry_after_ms=found.get("retry-after-ms"),
        should_retry=found.get("x-should-retry"),
        reset=found.get("x-ratelimit-reset"),
        again=again[0] if again else "",
        quota_code=_says_quota(body),
        quota_words=bool(_QUOTA_WORDS.search(text)),
        epoch_s=epoch_s if epoch_s is not None else now.timestamp() if now is not None else None,
    )


def date_s(text: str) -> float | None:
    """Return an HTTP date as Unix seconds, read as leniently as the clients do; ``None`` when it is none."""
    from email.utils import mktime_tz, parsedate_tz  # brings socket along: only for a text that needs it

    try:
        parts = parsedate_tz(text[:80])
        return float(mktime_tz(parts)) if parts else None
    except (TypeError, ValueError, OverflowError, IndexError):
        return None


def python_number(text: str) -> float | None:
    """Read a number as Python's ``float()`` does: ``nan`` and ``inf`` are numbers to it.

    Digits that overflow stay a very large finite number, so that they count as a wait too long and not as none.
    """
    try:
        number = float(text)
    except ValueError:
        return None
    if math.isinf(number) and "inf" not in text.lower():
        return math.copysign(sys.float_info.max, number)
    return number


def javascript_number(text: str) -> float | None:
    """Read a number as ``parseFloat`` does: the longest numeric beginning counts, the rest is dropped."""
    found = re.match(r"\s*([+-]?(?:\d{1,400}\.?\d{0,400}|\.\d{1,400})(?:[eE][+-]?\d{1,10})?|[+-]?Infinity)", text)
    if found is None:
        return None
    return float(found[1].replace("Infinity", "inf"))


def whole_number(text: str) -> float | None:
    """Read a number as ``int()`` does: ``1.5`` is none."""
    found = re.fullmatch(r"\s*[+-]?\d{1,300}\s*", text)
    return float(text) if found else None
