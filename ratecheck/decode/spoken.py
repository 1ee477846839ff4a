"""The server's own words: the sentence around the sign that decided, and the time at which it says to come back."""

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ratecheck.decode.evidence import Evidence
from ratecheck.decode.lazy import lazy

if TYPE_CHECKING:
    from ratecheck.dialects.rules import Reading

_SPEECH = lazy(r"(?:message|detail|error|msg|description|raw)[\"']?\s?[:=]\s?[\"']", re.IGNORECASE)

_CLOCK = r"(?:\d{1,2}(?::\d\d){1,2}(?: ?[ap]\.?m\b)?|\d{1,2} ?[ap]\.?m\b|midnight\b|noon\b)"
_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}\.?"
_DAY = (
    rf"(?:\d{{4}}-\d\d-\d\d|{_MONTH} \d{{1,2}}(?:st|nd|rd|th)?(?:,? \d{{4}})?"
    rf"|\d{{1,2}} (?:de )?{_MONTH}(?: (?:de )?\d{{4}})?"
    r"|(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?|today|tomorrow)"
)
_ZONE = (
    r"(?: ?(?:Z|UTC|GMT|[A-Z]{2,4}T)\b(?:[+-]\d{1,2})?| ?[+-]\d\d:?\d\d\b"
    r"| ?\([A-Za-z_]{2,20}(?:/[A-Za-z_/+-]{2,30}\d{0,2})?\))"
)
_TIME = rf"(?:{_DAY}(?:(?:,? at |,? |T){_CLOCK}(?:\.\d{{1,9}})?)?|{_CLOCK})(?:{_ZONE})?(?: (?:on )?{_DAY})?"
# Only what points ahead: "requested at 10:00" does not. An instant as a number stands behind its key, or Claude's bar.
_WHEN = lazy(
    r"(?:(?<![\w-])(?:(?:will |your (?:limit|quota) will )?re-?(?:sets?|news?|fills?)(?: (?:at|on|by))?"
    r"|(?:try|retry|come back|again|available|(?:regain )?access|continue|wait)(?: again)? (?:at|on|after|until|from)"
    r"|until)|重置时间[为是：: ]{0,3}|将[在于])"
    rf"[ :]{{0,2}}[*`\"']{{0,3}}(?P<time>{_TIME})(?: ?重置)?",
    re.IGNORECASE,
)
_EPOCH = lazy(
    r"(?<![\w-])(?:(?P<key>(?:reset|resets|retry|available)_?(?:at|time))[\"']?\s?[:=]\s?[\"']?|usage limit reached\|)"
    r"(?P<epoch>\d{10})(?:\d{3})?(?![\d.])",
    re.IGNORECASE,
)
_ISO = lazy(
    r"(?<![\w-])(?:reset|resets|retry|available|ratelimit_?next)_?(?:at|on|time|after)?[\"']?\s?[:=]\s?[\"']?"
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d)?(?:\.\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?",
    re.IGNORECASE,
)
# What stands between a key and its value in an object.
_MARKS = lazy(r"[\"'] ?[:=] ?[\"']?")
_LONGEST = 100

_PAGE = lazy(r"<(?:!doctype|html|body)\b", re.IGNORECASE)
_TITLE = lazy(r"<title>([^<]{1,200})</title>", re.IGNORECASE)
_TAG = lazy(r"<[^<>]{0,200}>")


def message_at(evidence: Evidence, start: int | None) -> str | None:
    """Return the server's own sentence around the sign that decided, or beside it where that sign is a code."""
    from ratecheck.redact import neutralise, scrub

    if start is None:
        return None
    text = evidence.said
    begin, end = _spoken_at(text, start) or _clause_at(text, start)
    return neutralise(scrub(_of_page(text[begin : min(end, begin + 600)])), 600) or None


def _of_page(words: str) -> str:
    """Return what a page of HTML says: its title, else what stands between its tags; other words as they are."""
    title = _TITLE().search(words)
    if title is not None:
        return title[1]
    return _TAG().sub(" ", words) if _PAGE().search(words) else words


def _spoken_at(text: str, start: int) -> tuple[int, int] | None:
    """Return where the string of the ``message`` (``detail``, ``msg``, …) nearest to ``start`` begins and ends."""
    earliest = max(start - 600, 0)
    before = [match.end() for match in _SPEECH().finditer(text, earliest, start)]
    if before:
        begin = before[-1]
    else:
        # {"type": "rate_limit", "message": "…"}: the sign is a code in the same object, in front of the words.
        after = _SPEECH().search(text, start, start + 300)
        if after is None or "}" in text[start : after.start()]:
            return None
        begin = after.end()
    # A quote ends the string only before what can follow a string in an object: words may hold quotes and commas.
    closing = rf"{text[begin - 1]}(?=\s*(?:[}}\])]|$|,\s*(?:[\"'{{\[]|\w+\s*[:=])))"
    ending = re.compile(closing).search(text, begin)
    return begin, ending.start() if ending else len(text)


def _clause_at(text: str, start: int) -> tuple[int, int]:
    """Return where the clause around ``start`` begins and ends, for words that stand in no field."""
    before = max(text.rfind(mark, 0, start) for mark in ("} ", "] ", "- ", ": ", '"', "{"))
    begin = before + 1 if before >= max(start - 200, 0) else max(start - 100, 0)
    if begin and text[begin - 1].isalnum():  # within a word
        begin = text.find(" ", begin, start) + 1 or begin
    stop = re.compile(r"[\"{}]| {2,}").search(text, start + 1)
    return begin, stop.start() if stop else len(text)


def resets_said(evidence: Evidence, reading: "Reading | None") -> str | None:
    """Return when the server says that it passes again, as it wrote it: a time of day, a date, an instant.

    Without the instant at which it was said, none of them is a number of seconds, so none is made of it.
    """
    from ratecheck.redact import neutralise, scrub

    text = evidence.said
    told = _WHEN().search(text) or _ISO().search(text)
    if told is not None:
        words = _MARKS().sub(": ", told[0].strip(" *`\"'").replace("**", ""))
        return neutralise(scrub(words), _LONGEST) or None
    number = _EPOCH().search(text)
    if number is not None:
        at = datetime.fromtimestamp(int(number["epoch"]), UTC)
        return f"{number['key'] or 'resets at'} {number['epoch']}, which is {at:%Y-%m-%d %H:%M:%S} UTC"
    return _undated(evidence, reading)


def _undated(evidence: Evidence, reading: "Reading | None") -> str | None:
    """Return the header that names an instant, where no ``Date`` stands beside it to take it against."""
    from ratecheck.redact import neutralise

    undated = (
        {name for remark in reading.remarks if remark.kind == "no date" for name in remark.headers} if reading else ()
    )
    empty = {name for limit in (reading.limits if reading else ()) if limit.remaining == 0 for name in limit.headers}
    for name, value in evidence.pairs:
        if name in undated and (name in empty or len(undated) == 1):
            return neutralise(f"{name}: {value}", _LONGEST)
    return None
