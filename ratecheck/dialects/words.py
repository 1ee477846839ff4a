"""What the words in a name say: the fallback for headers that no row knows, and for values that name a limit.

``X-RateLimit-Remaining-TPM`` says *remaining*, *tokens*, *a minute*; ``UserByModelByDay`` says *user*, *a day*.
"""

import re
from typing import NamedTuple

from ratecheck.dialects.rules import Grammar, HeaderRule, Means
from ratecheck.model import Dimension

# No real header name comes near this; what is longer is not read word by word.
_LONGEST_NAME = 160

_MEANS = {
    "reset": Means.RESET, "resets": Means.RESET, "renew": Means.RESET, "refill": Means.RESET,
    "timeremaining": Means.RESET,
    "remaining": Means.REMAINING, "remain": Means.REMAINING, "left": Means.REMAINING, "available": Means.REMAINING,
    "used": Means.USED, "usage": Means.USED, "consumed": Means.USED, "current": Means.USED,
    "utilization": Means.UTILIZATION, "utilisation": Means.UTILIZATION, "percent": Means.UTILIZATION,
    "percentage": Means.UTILIZATION,
    "cost": Means.COST,
    "limit": Means.LIMIT, "limits": Means.LIMIT, "quota": Means.LIMIT, "max": Means.LIMIT, "allowed": Means.LIMIT,
    "window": Means.WINDOW, "renewalperiod": Means.WINDOW, "period": Means.WINDOW, "interval": Means.WINDOW,
}  # fmt: skip
# Where a name has several of them, the first of these is what the number is ("limit-reset" is a reset).
_ORDER = (
    Means.RESET, Means.UTILIZATION, Means.REMAINING, Means.COST, Means.WINDOW, Means.LIMIT, Means.USED,
)  # fmt: skip

_DIMENSIONS = {
    "request": Dimension.REQUESTS, "requests": Dimension.REQUESTS, "req": Dimension.REQUESTS,
    "reqs": Dimension.REQUESTS, "call": Dimension.REQUESTS, "calls": Dimension.REQUESTS,
    "query": Dimension.REQUESTS, "queries": Dimension.REQUESTS,
    "token": Dimension.TOKENS, "tokens": Dimension.TOKENS, "tok": Dimension.TOKENS,
    "image": Dimension.IMAGES, "images": Dimension.IMAGES,
    "concurrent": Dimension.CONCURRENCY, "concurrency": Dimension.CONCURRENCY, "parallel": Dimension.CONCURRENCY,
}  # fmt: skip
_INPUT = ("input", "prompt")
_OUTPUT = ("output", "completion", "generated")

_UNIT_S = {
    "second": 1.0, "seconds": 1.0, "sec": 1.0, "minute": 60.0, "minutes": 60.0, "min": 60.0, "minutely": 60.0,
    "hour": 3600.0, "hours": 3600.0, "hourly": 3600.0, "hr": 3600.0, "day": 86_400.0, "days": 86_400.0,
    "daily": 86_400.0, "week": 604_800.0, "weekly": 604_800.0, "month": 2_592_000.0, "monthly": 2_592_000.0,
}  # fmt: skip
# One letter counts as a unit behind a number only ("5h"); an "m" is a minute there.
_LETTER_S = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0}
_PER = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0}
_ABBREVIATED = {"r": Dimension.REQUESTS, "q": Dimension.REQUESTS, "t": Dimension.TOKENS, "it": Dimension.INPUT_TOKENS,
                "ot": Dimension.OUTPUT_TOKENS, "i": Dimension.IMAGES, "c": Dimension.REQUESTS}  # fmt: skip

_SCOPES = {
    "project": "project", "organization": "organization", "organisation": "organization", "org": "organization",
    "user": "user", "account": "account", "deployment": "deployment", "key": "key", "ip": "ip", "team": "team",
    "workspace": "workspace", "tenant": "tenant", "subscription": "subscription",
}  # fmt: skip
# Tokens and requests of another kind: credentials, identifiers, addresses.
_OTHER_MATTERS = frozenset({"csrf", "xsrf", "auth", "access", "refresh", "session", "bearer", "url", "id", "size"})
_MARKERS = ("ratelimit", "throttle", "throttling", "quota")
_MILLISECONDS = ("ms", "milliseconds", "millis")
_SECONDS = ("s", "sec", "seconds", "secs")
_TIMES = (Means.RESET, Means.RETRY_AFTER, Means.WINDOW)


class Words(NamedTuple):
    """What a name says; ``None`` for what it does not."""

    means: Means | None
    dimension: Dimension | None
    window_s: float | None
    scope: str | None
    unit: Grammar | None
    """Seconds, milliseconds or minutes, where the name of a time ends in its unit."""
    rest: tuple[str, ...]
    """The words but the one that says what the number is: the same for every header of one limit."""
    name: str | None
    """What is counted, where it is none of the dimensions."""
    marked: bool
    """The name speaks of a rate limit or a quota as such."""


def split(name: str) -> list[str]:
    """Split at separators, between letters and digits, and where a capital starts a word."""
    name = re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", name[:_LONGEST_NAME])
    return re.findall(r"\d+|[a-z]+", name.lower())


def read(name: str) -> Words:
    """Read a header's name, or a value that names a limit, word by word."""
    words = split(name)
    for glued in ("tokenlimit", "requestlimit"):
        if glued in words:
            index = words.index(glued)
            words[index : index + 1] = ["ratelimit", glued.removesuffix("limit")]
    for index, word in enumerate(words):
        if word == "rate" and words[index + 1 : index + 2] in (["limit"], ["limits"]):
            words[index : index + 2] = ["ratelimit"]
            break
    marked = any(word.startswith(_MARKERS) for word in words)

    retry = "retry" in words and "after" in words
    spoken = [_MEANS[word] for word in words if word in _MEANS]
    means = Means.RETRY_AFTER if retry else next((kind for kind in _ORDER if kind in spoken), None)
    if means is None and any(word.startswith("ratelimit") for word in words):
        means = Means.LIMIT  # "Requests-Rate-Limit": the marker is the word

    unit: Grammar | None = None
    if means in _TIMES and words[-1] in (*_MILLISECONDS, *_SECONDS, "minutes"):
        last = words.pop()
        unit = Grammar.SECONDS if last in _SECONDS else Grammar.MINUTES if last == "minutes" else Grammar.MILLISECONDS

    dimension, window_s, scope = None, None, None
    counted: list[str] = []
    for index, word in enumerate(words):
        before = words[index - 1] if index else ""
        number = float(before) if before.isdigit() and len(before) < 6 else None
        base_s = _UNIT_S.get(word) or (_LETTER_S.get(word) if number else None)
        # "audio-seconds" counts seconds; "10-second" is a window.
        if base_s and before != "audio":
            window_s = base_s * (number or 1.0)
        elif len(word) in (3, 4) and word[-2] == "p" and word[:-2] in _ABBREVIATED and word[-1] in _PER:
            dimension, window_s = _ABBREVIATED[word[:-2]], _PER[word[-1]]
        elif word in _DIMENSIONS:
            dimension = dimension if dimension is Dimension.CONCURRENCY else _DIMENSIONS[word]
        elif word.removeprefix("per") in _SCOPES:
            scope = _SCOPES[word.removeprefix("per")]
        elif not word.isdigit() and word not in _MEANS and word not in ("x", "by", "per", "in", "after", "retry"):
            counted.append(word)
    if dimension in (None, Dimension.TOKENS) and any(word in _INPUT for word in words):
        dimension = Dimension.INPUT_TOKENS if dimension else None
    elif dimension is Dimension.TOKENS and any(word in _OUTPUT for word in words):
        dimension = Dimension.OUTPUT_TOKENS

    rest = tuple(word for word in words if _MEANS.get(word) is not means and word not in ("after", "retry"))
    name_ = "-".join(word for word in counted if not word.startswith(_MARKERS)) or None
    return Words(means, dimension, window_s, scope, unit, rest, name_, marked)


def rule_of(header: str) -> HeaderRule | None:
    """Return a rule made of the name alone, ``known=False``; ``None`` where nothing in it speaks of a limit."""
    if len(header) > _LONGEST_NAME or not header.isascii():
        return None
    words = read(header)
    if words.means is None:
        return None
    if not words.marked and (
        words.dimension is None
        or words.means not in (Means.LIMIT, Means.REMAINING, Means.RESET)
        or ("max" in header and "limit" not in header)  # "x-max-tokens" is a parameter, not a limit over time
        or not _OTHER_MATTERS.isdisjoint(words.rest)
    ):
        return None
    grammar = {
        Means.RESET: words.unit or Grammar.BY_MAGNITUDE,
        Means.RETRY_AFTER: words.unit or Grammar.SECONDS,
        Means.WINDOW: words.unit or Grammar.SECONDS,
        Means.UTILIZATION: Grammar.BY_MAGNITUDE,
    }.get(words.means, Grammar.COUNT)
    return HeaderRule(
        header, words.means, grammar, "words:" + "-".join(words.rest), words.dimension, words.window_s,
        "header name" if words.window_s else None, words.scope,
        None if words.dimension else words.name, known=False,
    )  # fmt: skip
