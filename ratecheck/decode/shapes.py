"""Records of one shape: found out once which of their numbers matter, then only those are looked at.

A record that is new is decoded fully; then each of its numbers is changed in turn and the record decoded again. Where
the finding changes, the number matters. What is counted that way is by construction what full decoding would say.
"""

import re
from collections.abc import Callable
from enum import Enum
from operator import itemgetter

from ratecheck.model import Finding

Judge = Callable[[bytes], Finding | None]
"""Decodes one record."""

Span = tuple[int, int]
"""Where something begins in a record, and one past its end."""

# An id, which nobody reads anything out of: hexadecimal; many digits and letters of both kinds; digits and letters that
# take turns three times (v3p1 is part of a model's name); or letters of which nobody makes a name, where capitals and
# small ones take turns three times without a run of four, or two times a small one stands alone between capitals or
# several capitals between small ones. `*+` and `(?>` give nothing back once it is taken: each byte is read once or the
# pattern fails.
_ID = (
    rb"(?>(?=[0-9]*+[a-fA-F])[0-9a-fA-F]{8,}+(?![0-9A-Za-z])"
    rb"|(?=[A-Za-z]*+[0-9])(?=[0-9A-Z]*+[a-z])(?=[0-9a-z]*+[A-Z])[0-9A-Za-z]{12,}+"
    rb"|(?:[0-9]*+[A-Za-z]++[0-9]++){3}[0-9A-Za-z]*+"
    rb"|[A-Za-z]*?(?:(?:[a-z]{1,3}[A-Z]{1,3}){3}|(?:(?:[a-z][A-Z]{2,}[a-z]|[A-Z][a-z][A-Z])[A-Za-z]*?){2})"
    rb"[A-Za-z]*+(?![0-9A-Za-z]))"
)
_NUMBER = rb"[0-9]++(?:\.[0-9]++)?+"
# What records of one shape may have otherwise.
_VARYING = re.compile(rb"(?<![0-9A-Za-z])(?P<id>" + _ID + rb")|(?P<number>" + _NUMBER + rb")")
_OTHER_DIGITS = bytes.maketrans(b"0123456789", b"5678923416")
# A record with more numbers than this is not worth learning; it is decoded each time.
_MOST_NUMBERS = 80
_LONGEST_NUMBER = 24


class Matters(Enum):
    """How a number changes the finding."""

    KEY = "key"
    """Another number is another finding."""
    STATUS = "status"
    """Only the number of a failed HTTP request would be another finding."""
    DELAY = "delay"
    """It is part of the server's delay: only the longest is kept."""
    ASKED = "asked"
    """What the request asks: it matters whether that is more than the limit."""


Delay = tuple[float, ...]
"""The numbers of a delay as they are written, the coarsest first."""

Read = tuple[object, float, Delay, bytes | None]
"""What one record of a learned shape says: the numbers that make it another finding, as they are written; what the
request asks for, 0 where that does not matter; its delay; its time up to the minute, as it is written."""

Reader = Callable[[bytes], Read | None]
"""Reads a record of the learned shape; ``None`` for one that is not written alike, or that must be decoded."""


def unreadable(record: bytes) -> None:
    """Read nothing: records of this shape must be decoded one by one."""


def key_of(finding: Finding | None) -> tuple[object, ...] | None:
    """What makes two findings equal: they are folded into one."""
    if finding is None:
        return None
    return (finding.provider, finding.category, finding.dimension, finding.scope, finding.limit, finding.model)


def learn(record: bytes, finding: Finding | None, judge: Judge, stamp: Span | None = None) -> Reader:
    """Return what reads the numbers that matter out of records like this one.

    ``stamp`` is where the record's own time stands, up to the minute: no number before its end is tried.
    """
    begin = stamp[1] if stamp is not None else 0
    numbers = [found.span() for found in _VARYING.finditer(record, begin) if found.lastgroup == "number"]
    if len(numbers) > _MOST_NUMBERS:
        return unreadable
    effects = {span: _effect(record, span, finding, judge) for span in numbers}
    idle = [span for span, how in effects.items() if how is None]
    # None of those that change nothing is a status in most records: told by one look at all of them.
    if _change(finding, judge(_with(record, idle, b"429"))):
        for span in idle:
            if _change(finding, judge(_with(record, [span], b"429"))):
                effects[span] = Matters.STATUS
    places = [(span, how) for span, how in effects.items() if how is not None]
    if any(last - first > _LONGEST_NUMBER for (first, last), _ in places):
        return unreadable
    return _reader(record, places, stamp)


def _effect(record: bytes, span: Span, finding: Finding | None, judge: Judge) -> Matters | None:
    number = record[slice(*span)]
    if finding is not None and finding.limit and finding.requested is not None and float(number) == finding.requested:
        more = judge(_with(record, [span], b"%d" % (finding.limit + 1)))
        return Matters.ASKED if more is not None and more.requested != finding.requested else None
    return _change(finding, judge(_with(record, [span], number.translate(_OTHER_DIGITS))))


def _with(record: bytes, spans: list[Span], number: bytes) -> bytes:
    """Return the record with another number in each of the places, which are in order."""
    for first, last in reversed(spans):
        record = record[:first] + number + record[last:]
    return record


def _change(finding: Finding | None, other: Finding | None) -> Matters | None:
    if key_of(other) != key_of(finding):
        return Matters.KEY
    if finding is not None and other is not None and finding.retry_after_s != other.retry_after_s:
        return Matters.DELAY
    return None


def _reader(record: bytes, places: list[tuple[Span, Matters]], stamp: Span | None) -> Reader:
    """Write the shape as one pattern with a group for each number that matters, and read by it."""
    groups: dict[Matters, list[int]] = {how: [] for how in Matters}
    begin, at = stamp or (0, 0)
    pattern = _loosely(record[:begin]) + b"(" + _alike(record[begin:at]) + b")"  # of no time, an empty one
    for number, ((start, end), how) in enumerate(places, 1):
        pattern += _loosely(record[at:start]) + _GROUP
        groups[how].append(number)
        at = end
    match = re.compile(pattern + _loosely(record[at:]), re.DOTALL).fullmatch
    if match(record) is None:
        return unreadable
    keys, statuses, delays, asked = (groups[how] for how in Matters)
    keyed = itemgetter(*keys) if keys else _nothing
    one_delay = delays[0] if len(delays) == 1 else 0
    asking = asked[0] if asked else 0

    def read(other: bytes) -> Read | None:
        found = match(other)
        if found is None:
            return None
        said = found.groups()
        same: object = keyed(said)
        if statuses:
            same = (same, *[said[group] if said[group] in _FAILED else None for group in statuses])
        delay: Delay = ()
        if one_delay:  # as nearly always: told apart because this runs for every refusal
            delay = (float(said[one_delay]),)
        elif delays:
            delay = tuple([float(said[group]) for group in delays])
        return (same, float(said[asking]) if asking else 0.0, delay, said[0] or None)

    return read


def _nothing(said: tuple[bytes, ...]) -> None:
    """No number makes it another finding: one key for all."""


_GROUP = rb"([0-9]{1,%d}+(?:\.[0-9]{1,%d}+)?+)" % (_LONGEST_NUMBER, _LONGEST_NUMBER)
_FAILED = frozenset(b"%d" % status for status in range(400, 600))


def _alike(text: bytes) -> bytes:
    """Return a pattern for a time of the same form: any digits and letters, the same marks."""
    return re.sub(rb"[A-Za-z]", b"[A-Za-z]", re.sub(rb"[0-9]", b"[0-9]", re.escape(text)))


def _loosely(text: bytes) -> bytes:
    """Return a pattern for text with other ids and other numbers in the places of its own."""
    pattern, at = b"", 0
    for varying in _VARYING.finditer(text):
        pattern += re.escape(text[at : varying.start()]) + (_ID if varying.lastgroup == "id" else _NUMBER)
        at = varying.end()
    return pattern + re.escape(text[at:])


def without_varying(record: bytes) -> bytes:
    """Return what records of one shape have in common."""
    return _VARYING.sub(b"", record)
