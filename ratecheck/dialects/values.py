"""Values of limit headers: counts, delays in every unit and spelling, and IETF structured items.

Nothing here raises for any text, and every function is linear in the length of its text.
"""

import re
from datetime import datetime
from typing import NamedTuple

from ratecheck.dialects.rules import Grammar
from ratecheck.durations import LONGEST_S, parse_go_duration, parse_instant, parse_number

# Above 1e12 a count of anything but epoch milliseconds would be 31,000 years; above 1e9 one of seconds is 31 years.
_EPOCH_MS_FROM = 1e12
_EPOCH_S_FROM = 1e9

# Rounding that is always allowed for: servers that write more digits than they keep ("17.399999999s").
_FINEST_S = 0.001

# A reset this little before the answer's own date is "now": dates are whole seconds, servers differ a little.
NOW_WITHIN_S = 60.0

_NOTHING = frozenset({"", "none", "null", "nil", "undefined", "n/a", "-", "nan"})
_NO_LIMIT = frozenset({"unlimited", "infinity", "inf", "∞", "-1"})
_UNIT_WORDS_S = {
    "ms": 0.001, "msec": 0.001, "millis": 0.001, "millisecond": 0.001, "milliseconds": 0.001,
    "sec": 1.0, "secs": 1.0, "second": 1.0, "seconds": 1.0,
    "min": 60.0, "mins": 60.0, "minute": 60.0, "minutes": 60.0, "hour": 3600.0, "hours": 3600.0,
    "day": 86_400.0, "days": 86_400.0,
}  # fmt: skip


_SUFFIXES = {"k": 1_000, "m": 1_000_000}


class Delay(NamedTuple):
    """A parsed reset or retry-after."""

    seconds: float | None
    """From the answer on. ``None``: an instant and no date to take it against, or a bare number yet to be judged."""
    resolution_s: float = _FINEST_S
    bare: float | None = None
    """The number, where nothing in the text says its unit."""
    duration: bool = False
    """The text states its unit itself."""
    undated: bool = False
    past_s: float = 0.0
    """How far before the answer's date the instant lies."""


def says_nothing(text: str) -> bool:
    """True for the words by which programs print an absent value."""
    return text.strip().lower() in _NOTHING


def says_no_limit(text: str) -> bool:
    """True for words that mean that there is no limit or that it is not told."""
    return text.strip().lower() in _NO_LIMIT


def count(text: str) -> int | None:
    """Parse a count: thousands commas, a useless fraction, ``5k`` and ``1.5M`` allowed; ``None`` for anything else."""
    text = text.strip() if len(text) <= 64 else ""
    factor = _SUFFIXES.get(text[-1:].lower(), 1)
    number = parse_number(text[:-1] if factor > 1 else text)
    if number is None or 0 < number * factor < 1:
        return None  # 0.93 is a share of something, never a count of nothing
    return int(number * factor // 1)


def fraction(text: str) -> tuple[int, int] | None:
    """Parse ``32/40``, a count and the limit it stands under."""
    match = re.fullmatch(r"\s*(\d{1,18})\s*/\s*(\d{1,18})\s*", text)
    return (int(match[1]), int(match[2])) if match else None


def per(text: str) -> tuple[int, float] | None:
    """Parse a limit with its window in words, ``60 per minute`` or ``500 requests/min``, into amount and seconds."""
    match = re.fullmatch(r"\s*([\d,]{1,20})(?:\s+[a-zA-Z]{1,12})?\s*(?:/|per\s)\s*([a-zA-Z]{1,12})\s*", text)
    if match is None:
        return None
    amount, unit_s = count(match[1]), _UNIT_WORDS_S.get(match[2].lower())
    return None if amount is None or unit_s is None else (amount, unit_s)


def share(text: str, grammar: Grammar) -> float | None:
    """Parse a used share into 0..1 (above 1 when overdrawn): ``0.42``, or ``42%``."""
    text = text.strip()
    percent = grammar is Grammar.PERCENT or text.endswith("%")
    number = parse_number(text.removesuffix("%")) if len(text) <= 64 else None
    if number is None or number < 0:
        return None
    # Where nobody says, a share well above the whole is a percentage.
    percent = percent or (grammar is Grammar.BY_MAGNITUDE and number > 2)
    return number / 100 if percent else number


def delay(text: str, grammar: Grammar, now: datetime | None) -> Delay | None:
    """Parse a reset or a retry-after; ``None`` when the text is neither a duration, a number nor an instant.

    Units and dates in the text win over ``grammar``, which only says what a bare number counts.
    """
    text = text.strip()
    if len(text) > 100:
        return None
    number = parse_number(text)
    if number is not None:
        return _bare(number, _last_place(text), grammar, now)
    seconds = parse_go_duration(text)
    if seconds is not None:
        return Delay(seconds, duration=True)
    worded = re.fullmatch(r"([\d.,]{1,30})\s*\(?\s*(?:in\s+)?([a-zA-Z]{1,12})\s*\)?", text)
    if worded and worded[2].lower() in _UNIT_WORDS_S:
        number, unit_s = parse_number(worded[1]), _UNIT_WORDS_S[worded[2].lower()]
        if number is None or number * unit_s > LONGEST_S:
            return None
        return Delay(number * unit_s, max(_last_place(worded[1]) * unit_s, _FINEST_S), duration=True)
    instant = parse_instant(text)
    if instant is not None:
        return _until(instant.timestamp(), 1.0, now)
    # "13262   (3.7 h)": people and tools explain a number behind it.
    explained = re.fullmatch(r"([^()]{1,60}?)\s*\([^()]{1,60}\)", text)
    return delay(explained[1], grammar, now) if explained else None


def _bare(number: float, last_place: float, grammar: Grammar, now: datetime | None) -> Delay | None:
    if number >= _EPOCH_MS_FROM:
        return _until(number / 1000, _FINEST_S, now)
    if number >= _EPOCH_S_FROM:
        return _until(number, last_place, now)
    if number < 0:
        return Delay(None, bare=number)
    if grammar is Grammar.MILLISECONDS:
        return Delay(number / 1000, max(last_place / 1000, _FINEST_S))
    if grammar in (Grammar.MILLISECONDS_OR_SECONDS, Grammar.GO_DURATION, Grammar.BY_MAGNITUDE):
        return Delay(None, max(last_place, _FINEST_S), bare=number)
    return Delay(number, max(last_place, _FINEST_S))


def _until(epoch_s: float, resolution_s: float, now: datetime | None) -> Delay:
    if now is None:
        return Delay(None, undated=True)
    seconds = epoch_s - now.timestamp()
    if abs(seconds) > LONGEST_S:
        return Delay(None, undated=True)
    # Either side of the subtraction is a whole second at best.
    resolution_s = max(resolution_s, _FINEST_S if now.microsecond else 1.0)
    if seconds < -NOW_WITHIN_S:
        return Delay(None, resolution_s, past_s=-seconds)
    return Delay(max(seconds, 0.0), resolution_s, past_s=max(-seconds, 0.0))


def _last_place(number: str) -> float:
    """Return the size of the last written digit: 0.01 for ``8.64``."""
    _, point, fraction = number.partition(".")
    return 10.0 ** -min(len(fraction), 9) if point else 1.0


class Item(NamedTuple):
    """One member of a structured list: its names (strings or bare tokens) and its parameters."""

    names: tuple[str, ...]
    parameters: dict[str, str]


# A quoted string (an unclosed one ends with the text, which keeps this linear), a separator, or a run of anything else.
_PIECES = r'"(?:[^"\\]|\\.)*(?:"|\\?$)|[,;]|[^,;"]+'


def items(text: str) -> list[Item]:
    """Parse a structured list: ``"hour";q=1000;w=3600, "day";q=5000``, and the looser forms that servers write."""
    found: list[Item] = []
    names: list[str] = []
    parameters: dict[str, str] = {}
    piece = ""

    def end_of_part() -> None:
        part = piece.strip()
        key, equals, value = part.partition("=")
        if part.startswith('"') and part.endswith('"') and len(part) > 1:
            names.append(re.sub(r"\\(.)", r"\1", part[1:-1]))
        elif equals and "=" not in key and '"' not in key:
            value = value.strip()
            quoted = len(value) > 1 and value[0] == value[-1] == '"'
            parameters.setdefault(key.strip().lower(), value[1:-1] if quoted else value)
        elif part:
            names.append(part)

    for match in re.finditer(_PIECES, text):
        if match[0] not in (",", ";"):
            piece += match[0]
            continue
        end_of_part()
        piece = ""
        if match[0] == "," and (names or parameters):
            found.append(Item(tuple(names), parameters))
            names, parameters = [], {}
    end_of_part()
    if names or parameters:
        found.append(Item(tuple(names), parameters))
    return found
