"""Durations and instants as servers write them: parse and format.

Nothing here reads a clock: an instant becomes a delay only against a ``now`` that the caller states.
"""

import math
import re
from datetime import UTC, datetime

NS_PER_S = 1_000_000_000

MINUTE_S = 60.0
HOUR_S = 3600.0
DAY_S = 86_400.0

# A server's number is believed up to a century: beyond that it is noise, and int() of 1e999 would be an error.
LONGEST_S = 100 * 365 * DAY_S

_GO_UNITS_NS = {
    "ns": 1, "us": 1_000, "µs": 1_000, "μs": 1_000, "ms": 1_000_000,
    "s": NS_PER_S, "m": 60 * NS_PER_S, "h": 3600 * NS_PER_S, "d": 86_400 * NS_PER_S,
}  # fmt: skip
_GO_PART = re.compile(r"(\d{1,15}(?:\.\d{1,30})?|\.\d{1,30})(ns|us|µs|μs|ms|[smhd])")


def ns_from_s(seconds: float) -> int:
    """Return whole nanoseconds, rounded to nearest. Raises ``ValueError`` for nan and infinities."""
    if not math.isfinite(seconds):
        raise ValueError("not a finite number of seconds")
    return round(seconds * NS_PER_S)


def s_from_ns(nanoseconds: int) -> float:
    """Return float seconds."""
    return nanoseconds / NS_PER_S


def parse_go_duration(text: str) -> float | None:
    """Parse ``"6m0s"``, ``"564ms"``, ``"1h2m3.5s"`` into seconds; ``None`` when it is not one.

    OpenAI and Groq write their resets so (Go's ``time.Duration.String``).
    """
    text = text.strip()
    position, total_ns = 0, 0.0
    while position < len(text):
        part = _GO_PART.match(text, position)
        if part is None:
            return None
        total_ns += float(part[1]) * _GO_UNITS_NS[part[2]]
        position = part.end()
    seconds = total_ns / NS_PER_S
    return seconds if position and seconds <= LONGEST_S else None


def parse_number(text: str) -> float | None:
    """Parse a plain decimal number, thousands commas allowed; ``None`` for anything else, nan and infinity included."""
    text = text.strip()
    if not re.fullmatch(r"[+-]?(?:\d{1,30}|\d{1,3}(?:,\d{3}){1,9})(?:\.\d{1,30})?", text):
        return None
    return float(text.replace(",", ""))


def parse_instant(text: str) -> datetime | None:
    """Parse RFC 3339, an HTTP date or a JavaScript date text into an aware UTC instant; ``None`` when it is neither."""
    text = text.strip()
    if len(text) > 80:
        return None
    instant: datetime | None = None
    try:
        instant = datetime.fromisoformat(text) if text[:4].isdigit() and "-" in text[:8] else None
    except ValueError:
        instant = None
    if instant is None:
        # "Wed Nov 18 2026 10:00:00 GMT+0000 (Coordinated Universal Time)" is what Date.toString() gives.
        javascript = re.match(r"\w{3} (\w{3}) (\d{1,2}) (\d{4}) (\d\d:\d\d:\d\d) GMT([+-]\d{4})", text)
        if javascript:
            month, day, year, clock, offset = javascript.groups()
            text = f"{day} {month} {year} {clock} {offset}"
        from email.utils import parsedate_to_datetime  # brings socket along: only for a text that needs it

        try:
            instant = parsedate_to_datetime(text)
        except (ValueError, TypeError, IndexError, OverflowError):
            return None
    if instant.tzinfo is None:
        instant = instant.replace(tzinfo=UTC)
    try:
        return instant.astimezone(UTC)
    except (OverflowError, ValueError):
        return None


def format_go_duration(nanoseconds: int) -> str:
    """Write a duration as OpenAI does: ``0s``, ``6ms``, ``8.64s``, ``1m26.4s``, ``6m0s``, ``1h12m0s``.

    Rounded down to whole milliseconds, as the recorded headers are.
    """
    milliseconds = max(nanoseconds, 0) // 1_000_000
    if milliseconds == 0:
        return "0s"
    if milliseconds < 1000:
        return f"{milliseconds}ms"
    seconds, milliseconds = divmod(milliseconds, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    tail = (f"{seconds}.{milliseconds:03d}".rstrip("0").rstrip(".") if milliseconds else str(seconds)) + "s"
    if hours:
        return f"{hours}h{minutes}m{tail}"
    return f"{minutes}m{tail}" if minutes else tail


def human_s(seconds: float) -> str:
    """Write a duration for a person: ``7 ms``, ``1.4 s``, ``2 min 30 s``, ``3 h 5 min``, ``2 days``."""
    if not math.isfinite(seconds):
        return "unknown"
    if seconds < 0:
        return f"-{human_s(-seconds)}"
    if seconds < 0.9995:
        return "0 s" if seconds < 0.0005 else f"{seconds * 1000:.0f} ms"
    if seconds < 10:
        return f"{seconds:.1f}".removesuffix(".0") + " s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    for unit, name, smaller, smaller_name in (
        (86_400, "day", 3600, "h"),
        (3600, "h", 60, "min"),
        (60, "min", 1, "s"),
    ):
        if whole >= unit:
            count, rest = divmod(whole, unit)
            plural = "s" if name == "day" and count != 1 else ""
            rest //= smaller
            return f"{count} {name}{plural}" + (f" {rest} {smaller_name}" if rest else "")
    raise AssertionError("unreachable: whole >= 60")


def human_wait_s(seconds: float) -> str:
    """Write how long to wait as ``human_s`` does, rounded up: who comes a moment too early is refused again."""
    if not 0 < seconds < math.inf:
        return human_s(seconds)
    # What human_s shows at this size: thousandths, tenths, seconds, minutes, hours.
    step = next((step for below, step in ((1, 0.001), (10, 0.1), (3600, 1), (86_400, 60)) if seconds < below), 3600)
    # A microsecond less: what is whole but for its last bits, 2.3 / 0.1, is not rounded up by them.
    return human_s(math.ceil((seconds - 1e-6) / step) * step)


def window_name(window_s: float | None) -> str:
    """Name a window: ``minute``, ``day``, ``10 s`` …; ``unknown window`` for ``None``."""
    if window_s is None:
        return "unknown window"
    names = {1.0: "second", MINUTE_S: "minute", HOUR_S: "hour", DAY_S: "day", 7 * DAY_S: "week", 30 * DAY_S: "month"}
    return names.get(window_s, human_s(window_s))
