"""Numbers, delays, windows and dimensions out of a server's sentence, whoever the server is.

Rows of ``dialects`` say what a sentence means; most of its readings are written alike everywhere ("Limit 30000",
"try again in 6m0s", "per minute"), so they are read here by grammar. All patterns are linear: bounded repeats only.
"""

import re
from dataclasses import dataclass

from ratecheck.decode.lazy import lazy
from ratecheck.dialects.bodies import ABBREVIATION_S, dimension_of, window_of
from ratecheck.durations import LONGEST_S
from ratecheck.model import Dimension

_N = r"(~?\d[\d,]{0,18}(?:\.\d{1,9})?)(?![\d%])"
_UNIT = (
    r"(?:milliseconds?|msecs?|ms|seconds?|secs?|s|minutes?|mins?|m|hours?|hrs?|h|days?|d|毫秒|秒钟|秒|分钟|分|小时|天)"
)
_DURATION = rf"(?:\d{{1,9}}(?:\.\d{{1,18}})?\s?{_UNIT}(?![a-z])(?:,? and |, |\s)?){{1,5}}"
_CLOCK = r"\d{1,3}:\d\d:\d\d"
_BARE = r"\d{1,9}(?:\.\d{1,18})?(?![\d:-])"

_CLIENT_WORDS = (
    "retry", "will try", "trying", "going to try", "next try", "next attempt", "attempt", "sleep", "back", "wait",
    "paus", "cool", "elapsed", "took", "timeout", "latency",
)  # fmt: skip
# What a client says of its own plans. Blanked before anything is read: its delays are not the server's.
_CLIENT = lazy(
    rf"\bretrying \S{{1,200}} in (?:{_DURATION}|{_BARE})|"
    rf"(?:\bretrying\b|\bre-?trying\b|\bwill (?:re)?try(?: again)?\b|\bgoing to (?:re)?try\b|\bnext (?:re)?try\b"
    rf"|\bnext attempt\b"
    rf"|\bsleeping\b|\bsleep(?=\W)|\bback(?:ing)?[- ]?off\b|\bwaiting\b|\bwaited\b|\bpausing\b|\bcooling down\b"
    rf"|\bcooldown\b"
    rf"|\bretry (?:attempt )?#?\d+(?: ?(?:/|of) ?\d+)?|\battempt #?\d+(?: ?(?:/|of) ?\d+)?|\belapsed\b|\btook\b"
    rf"|\btimeout\b|\blatency\b)"
    rf"[^.;!?\"'{{}}]{{0,60}}?(?:{_CLOCK}|{_DURATION}|{_BARE})",
    re.IGNORECASE,
)  # fmt: skip

_DELAY = lazy(
    # Terminals break even this word: "try a gain in 28ms".
    rf"(?<!\w)(?:(?:try|retry|come back|resubmit)(?: (?:your|the|this) request)?(?: a ?g ?a ?i ?n)?(?: later)? (?:in"
    rf"|after)(?: about| approximately| at least)?"
    rf"|retry[- _]?after(?:[_ ]?(?P<key>ms|millis|milliseconds|s|sec|seconds))?[\"']?\s?(?:is |of )?[:=]?\s?[\"']?"
    rf"|please wait(?: for)?(?: about| at least| approximately)?|wait (?:for )?(?=\d)|(?:try|available)(?: again)? in"
    rf"|re-?(?:sets?|plenished|filled|newed) (?:in|after)"
    rf"|(?:submit|send|repeat) (?:the|your|this) request (?:again )?(?:in|after)"
    rf"|retry[_ ]?delay[\"']?\s?(?:[:=]|\{{\s{{0,8}}seconds:)\s?[\"']?"
    r"|resets?_(?:in_seconds|after|after_seconds|in)[\"']?\s?[:=]\s?[\"']?"
    rf"|请(?:在|等待)?|等待)"
    rf"\s?~?(?P<time>{_CLOCK}|{_DURATION}|{_BARE})",
    re.IGNORECASE,
)  # fmt: skip
_PART = lazy(rf"(\d{{1,9}}(?:\.\d{{1,18}})?)\s?({_UNIT})?", re.IGNORECASE)

_SECONDS = {
    "ms": 0.001,
    "s": 1.0,
    "m": 60.0,
    "h": 3600.0,
    "d": 86_400.0,
    "毫": 0.001,
    "秒": 1.0,
    "分": 60.0,
    "小": 3600.0,
    "天": 86_400.0,
}


def _unit_s(unit: str) -> float:
    unit = unit.lower()
    return _SECONDS["ms" if unit.startswith(("ms", "milli")) else unit[0]]


def seconds_of(words: str) -> float | None:
    """Read ``"20s"``, ``"6m0s"``, ``"564ms"``, ``"3 hours 49 minutes"``, ``"00:01:20"``, ``"60"`` as seconds."""
    words = words.strip()
    if re.fullmatch(_CLOCK, words):
        hours, minutes, seconds = map(int, words.split(":"))
        return float(hours * 3600 + minutes * 60 + seconds)
    total, seen = 0.0, False
    for part in _PART().finditer(words):
        number, unit = part.groups()
        total += float(number) * (_unit_s(unit) if unit else 1.0)
        seen = True
    # 1.574 s written as parts must stay 1.574.
    return round(total, 9) if seen and total <= LONGEST_S else None


def without_client(text: str) -> str:
    """Return the text with a client's own plans ("Retrying in 3.3 s") blanked, of the same length."""
    lower = text.lower()
    if not any(word in lower for word in _CLIENT_WORDS):
        return text
    return _CLIENT().sub(lambda found: " " * len(found[0]), text)


def delays(text: str) -> list[tuple[int, float]]:
    """Return each delay that the server advises and where it stands. ``text`` is without the client's plans."""
    found = []
    for match in _DELAY().finditer(text):
        seconds = seconds_of(match["time"])
        if seconds is not None:
            if (match["key"] or "").lower().startswith("m"):
                seconds /= 1000
            found.append((match.start(), seconds))
    return found


def number(text: str | None) -> int | None:
    """Read ``"~30,601"``, ``"60.000000"``, ``"9.0"`` as a whole number; ``None`` for what is none."""
    if text is None:
        return None
    digits = text.lstrip("~").replace(",", "")
    try:
        value = float(digits)
    except ValueError:
        return None
    # Above this a double no longer counts in ones; no limit is that large.
    return int(value) if 0 <= value < 2**53 else None


_LIMIT = lazy(
    rf"(?:\b(?:rate[- _]?)?limit(?:ed)?[\"']?(?: (?:is|of|to|was|set to))?\s?[:=]?\s?[\"']?|\bmaximum of "
    rf"|\bmax (?:of )?|\bquotavalue[\"']?\s?:\s?[\"']?"
    rf"|\bratelimit[\"']?\s?:\s?[\"']?)(?<!error ){_N}(?!\s?(?:ms\b|s\b|seconds?\b|minutes?\b|hours?\b|://|\.\d))",
    re.IGNORECASE,
)  # fmt: skip
# "2 RPM limit": the number stands in front.
_BEFORE = lazy(rf"{_N} ?(?:[IO]?TP[MDSH]|RP[MDSH]|QP[MS])(?= (?:rate )?limit)", re.IGNORECASE)
_USED = lazy(rf"\b(?:used|current(?: usage)?|actual|usage)[\"']?\s?[:=]?\s?[\"']?{_N}", re.IGNORECASE)
_REQUESTED = lazy(rf"\brequested[\"']?\s?[:=]?\s?(?:about |up to )?{_N}", re.IGNORECASE)
_REMAINING = lazy(rf"\b(?:rate_?limit_?)?remaining[\"']?\s?[:=]\s?[\"']?{_N}", re.IGNORECASE)
_OF = lazy(r"\((\d[\d,]{0,15})\s?/\s?(\d[\d,]{0,15}) (?:used|requests|tokens)\b", re.IGNORECASE)
_RATE = lazy(
    rf"{_N}\s?(?:of )?(?P<dim>(?:[a-z]{{1,12}} ){{0,2}}?(?:tokens?|requests?|calls?|queries|images?|messages?))?\s?"
    rf"(?:(?:per|an?|every|each) |/ ?)(?P<period>(?:\d{{1,6}}[ -]?)?(?:seconds?|secs?|sec|s|minutes?|mins?|min|m|hours?"
    rf"|hr|h|days?|d|weeks?|months?))\b",
    re.IGNORECASE,
)  # fmt: skip
_PER = lazy(
    r"(?P<dim>(?:input |output |prompt |completion )?tokens?|requests?|calls?|queries|images?|input-images)\s?"
    r"(?:per|/|a)[ -](?P<period>second|sec|minute|min|hour|day|week|month)\b"
    # "Weekly/Monthly" is one word for two windows and tells neither.
    r"|\b(?<!/)(?P<adjective>per[- ](?:second|minute|hour|day|month)|daily|hourly|monthly|weekly|\d{1,3}-(?:hour|minute"
    r"|day|second))\b(?!/)"
    r"(?=[^.]{0,60}\b(?:limit|quota|usage|allowance|cap)\b)"
    r"|每(?P<chinese>秒|分钟|小时|天|日|月)",
    re.IGNORECASE,
)  # fmt: skip
_ABBREVIATION = lazy(r"(?<![\w-])([IO]?TP[MDSH]|RP[MDSH]|QP[MSD]|IPM)(?![\w-])")
_WINDOW = lazy(
    r"\b(?:current|in a|per|every) (\d{1,6} ?(?:s|seconds?|minutes?|hours?))\b(?= window|\s?\.|,|\s)", re.IGNORECASE
)
_WINDOW_KEY = lazy(r"\bwindow_?(?:seconds?|secs?|s)[\"']?\s?[:=]\s?[\"']?(\d{1,7})(?![\d.])", re.IGNORECASE)
# "current rpm: 1, rpm limit: 15, current tpm: 12260, tpm limit: 5000": every limit beside what stands against it.
_AGAINST = lazy(
    r"\bcurrent (?P<what>[a-z_]{2,30}):? (?P<used>\d{1,19}),? (?P=what)(?: limit)?:? (?P<limit>\d{1,19})\b",
    re.IGNORECASE,
)
# What is counted, where no period stands beside it. "Too Many Requests" in capitals, or as a title, is HTTP's reason
# phrase and says nothing of it; java.util.concurrent and concurrent.futures are where a program failed.
_COUNTED = lazy(
    r"(?P<words>(?i:(?<![./\\])concurren\w{1,3}(?![./\\]\w)|(?:input|output) tokens"
    r"|tokens?(?= (?:rate )?(?:limit|usage|quota))|tokens? rate"
    r"|too many tokens|(?:requests?|query|queries)(?= (?:rate )?(?:limit|quota))|api calls|images?(?= per| limit))"
    r"|(?<!429 )(?<!title\": \")(?<!title': ')(?<!title\":\")(?<!status\":\")(?:Too many requests|too many requests))"
)
# An offer is no limit: "Add 10 credits to unlock 1000 free model requests per day".
_OFFER = lazy(rf"\b(?:add|buy|purchase|unlock|upgrade (?:to|for))\b[^.\"']{{0,40}}?{_N}[^.\"']{{0,60}}", re.IGNORECASE)
# A key that names no unit counts requests, as the X-RateLimit headers do that it is modelled on.
_UNNAMED = lazy(r"[\"']ratelimit(?:limit)?[\"']\s?:", re.IGNORECASE)
_WHO = lazy(
    r"\b(?:for|in|of|your|this|per|reached|the) (?P<who>organi[sz]ation|project|account|user|workspace|team"
    r"|deployment)\b(?!['’]?s? id)"
    r"|\blimit (?:on|of|for) (?:your |this )?(?P<key>api[ _]?key)\b"
    r"|(?P<hyphen>account|user|organization|project|ip)[ -]rate[ -]limit|logged[- ]in (?P<logged>user)"
    r"|(?P<chinese>账号|账户|用户)",
    re.IGNORECASE,
)  # fmt: skip
_SCOPES = {
    "账号": "account",
    "账户": "account",
    "用户": "user",
    "organisation": "organization",
    "team": "organization",
    "api key": "key",
    "api_key": "key",
    "apikey": "key",
}


def scope_of(words: str) -> str:
    """Return the vocabulary's word for who shares the limit."""
    words = words.lower()
    return _SCOPES.get(words, words)


@dataclass
class Readings:
    """What the words of one refusal say; ``None`` where they do not."""

    dimension: Dimension | None = None
    window_s: float | None = None
    limit: int | None = None
    used: int | None = None
    requested: int | None = None
    remaining: int | None = None
    retry_after_s: float | None = None
    scope: str | None = None


def read(text: str) -> Readings:
    """Read what a refusal's text says of numbers, windows and delays; ``text`` is without the client's plans."""
    readings = Readings()
    text = _OFFER().sub(" ", text)
    listed = _AGAINST().findall(text)
    if listed:
        _read_listed(listed, readings)
    else:
        _read_numbers(text, readings)
        _read_dimension(text, readings)
    said = [seconds for _, seconds in delays(text)]
    # The same delay is often said twice, once rounded; two that differ are answered by the longer.
    readings.retry_after_s = max(said, default=None)
    who = _WHO().search(text)
    if who:
        readings.scope = scope_of(next(word for word in who.groups() if word))
    return readings


def _read_listed(listed: list[tuple[str, str, str]], readings: Readings) -> None:
    """Of several limits beside their use, the one that is reached refused; where that is not one, none is told."""
    reached = [(what, used, limit) for what, used, limit in listed if int(used) >= int(limit)]
    if len(reached) != 1:
        return
    what, used, limit = reached[0]
    readings.used, readings.limit = number(used), number(limit)
    readings.dimension = dimension_of(what.replace("_", " "))
    if _ABBREVIATION().fullmatch(what.upper()):
        readings.window_s = ABBREVIATION_S[what[-1].lower()]


def _first(pattern: re.Pattern[str], text: str) -> int | None:
    found = pattern.search(text)
    return number(found[1]) if found else None


def _either(first: int | None, second: int | None) -> int | None:
    return second if first is None else first


def _read_numbers(text: str, readings: Readings) -> None:
    readings.limit = _either(_first(_LIMIT(), text), _first(_BEFORE(), text))
    readings.used = _first(_USED(), text)
    readings.requested = _first(_REQUESTED(), text)
    readings.remaining = _first(_REMAINING(), text)
    pair = _OF().search(text)
    if pair and readings.limit is None:
        readings.used, readings.limit = number(pair[1]), number(pair[2])
    rate = _RATE().search(text)
    if rate:
        readings.window_s = window_of(rate["period"])
        if readings.window_s is not None:
            readings.limit = number(rate[1]) if readings.limit is None else readings.limit
            readings.dimension = dimension_of(rate["dim"]) if rate["dim"] else Dimension.REQUESTS


def _read_dimension(text: str, readings: Readings) -> None:
    short = _ABBREVIATION().search(text)
    if short:
        readings.dimension = dimension_of(short[1])
        readings.window_s = ABBREVIATION_S[short[1][-1].lower()]
        return
    per = _PER().search(text)
    if per:
        words = per["period"] or per["adjective"] or per["chinese"]
        readings.window_s = readings.window_s or window_of(words)
        if per["dim"]:
            readings.dimension = dimension_of(per["dim"])
    window = _WINDOW().search(text)
    if window and readings.window_s is None:
        readings.window_s = window_of(window[1])
    keyed = _WINDOW_KEY().search(text)
    if keyed and readings.window_s is None:
        readings.window_s = window_of(f"{keyed[1]} s")
    if readings.dimension is None:
        counted = _COUNTED().search(text)
        readings.dimension = dimension_of(counted["words"]) if counted else None
    if readings.dimension is None and _UNNAMED().search(text):
        readings.dimension = Dimension.REQUESTS
