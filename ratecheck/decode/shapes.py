"""Records of one shape: found out once which of their numbers matter, then only those are looked at.

A record that is new is decoded fully; then each of its numbers is changed in turn and the record decoded again. Where
the finding changes, the number matters. What is counted that way is by construction what full decoding would say.
"""

import re
from collections.abc import Callable
from enum import Enum

from ratecheck.model import Finding

Judge = Callable[[bytes], Finding | None]
"""Decodes one record."""

_NUMBER = re.compile(rb"[0-9]+(?:\.[0-9]+)?")
# A request id changes nothing; trying each of its digit runs would only take time.
_ID = re.compile(rb"[0-9a-fA-F]{12,}|[0-9a-fA-F]{8}-[0-9a-fA-F-]{27}")
# A word with a digit in it, or one that may be hexadecimal: written otherwise in every record.
_WORD = re.compile(rb"[\w.:-]*[0-9][\w.:-]*|(?<![\w.:-])[a-fA-F]{6,}(?![\w.:-])")
_OTHER_DIGITS = bytes.maketrans(b"0123456789", b"5678923416")
# A record with more numbers than this is not worth learning; it is decoded each time.
_MOST_NUMBERS = 80
_LONGEST_NUMBER = 24


class Matters(Enum):
    """How a number changes the finding."""

    KEY = "key"
    """Another number is another finding."""
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
"""Reads a record of the learned shape; ``None`` for one that is not written alike."""


def key_of(finding: Finding | None) -> tuple[object, ...] | None:
    """What makes two findings equal: they are folded into one."""
    if finding is None:
        return None
    return (finding.provider, finding.category, finding.dimension, finding.scope, finding.limit, finding.model)


def learn(record: bytes, finding: Finding | None, judge: Judge, stamp: tuple[int, int] | None = None) -> Reader | None:
    """Return what reads the numbers that matter out of records like this one; ``None`` where each must be decoded.

    ``stamp`` is where the record's own time stands, up to the minute: no number before its end is tried.
    """
    skipped = [found.span() for found in _ID.finditer(record)]
    if stamp is not None:
        skipped.append((0, stamp[1]))
    numbers = [
        found.span()
        for found in _NUMBER.finditer(record)
        if not any(first <= found.start() < last for first, last in skipped)
    ]
    if len(numbers) > _MOST_NUMBERS:
        return None
    places = [(span, how) for span in numbers if (how := _effect(record, *span, finding, judge))]
    if any(last - first > _LONGEST_NUMBER for (first, last), _ in places):
        return None
    return _reader(record, places, stamp)


def _effect(record: bytes, start: int, end: int, finding: Finding | None, judge: Judge) -> Matters | None:
    key = key_of(finding)
    number = record[start:end]
    if finding is not None and finding.limit and finding.requested is not None and float(number) == finding.requested:
        more = judge(record[:start] + b"%d" % (finding.limit + 1) + record[end:])
        return Matters.ASKED if more is not None and more.requested != finding.requested else None
    # Another number of the same length, and for what may be a status the one that says most.
    others = [number.translate(_OTHER_DIGITS)]
    if len(number) == 3:
        others.append(b"429" if number != b"429" else b"200")
    for other in others:
        found = judge(record[:start] + other + record[end:])
        if key_of(found) != key:
            return Matters.KEY
        if finding is not None and found is not None and finding.retry_after_s != found.retry_after_s:
            return Matters.DELAY
    return None


def _reader(
    record: bytes, places: list[tuple[tuple[int, int], Matters]], stamp: tuple[int, int] | None
) -> Reader | None:
    """Write the shape as one pattern with a group for each number that matters, and read by it."""
    groups: dict[Matters, list[int]] = {how: [] for how in Matters}
    pattern, at = b"", 0
    if stamp is not None:
        pattern = _loosely(record[: stamp[0]], joined=True) + b"(" + _alike(record[slice(*stamp)]) + b")"
        at = stamp[1]
    for number, ((start, end), how) in enumerate(places, 1 if stamp is None else 2):
        pattern += _loosely(record[at:start], joined=True) + _GROUP
        groups[how].append(number)
        at = end
    keys, delays, asked = (groups[how] for how in Matters)
    tail = _loosely(record[at:])
    if not keys:  # one key for all: an empty group
        keys, tail = [len(places) + (1 if stamp is None else 2)], tail + b"()"
    match = re.compile(pattern + tail, re.DOTALL).fullmatch
    if match(record) is None:
        return None

    def read(other: bytes) -> Read | None:
        found = match(other)
        if found is None:
            return None
        delay: Delay = ()
        if len(delays) == 1:  # as nearly always: told apart because this runs for every refusal
            delay = (float(found[delays[0]]),)
        elif delays:
            delay = tuple(map(float, found.group(*delays)))
        return (
            found.group(*keys),
            float(found[asked[0]]) if asked else 0.0,
            delay,
            found[1] if stamp is not None else None,
        )

    return read


# Nothing is given back once it is taken (`+` behind a repeat): a pattern reads each byte once or fails.
_GROUP = rb"([0-9]{1,%d}+(?:\.[0-9]{1,%d}+)?+)" % (_LONGEST_NUMBER, _LONGEST_NUMBER)
# The letters one by one: the engine has a table for such a set, and asks a function for `\w`.
_ANY_WORD = rb"[0-9A-Za-z_.:-]*+"


def _alike(text: bytes) -> bytes:
    """Return a pattern for a time of the same form: any digits and letters, the same marks."""
    return re.sub(rb"[A-Za-z]", b"[A-Za-z]", re.sub(rb"[0-9]", b"[0-9]", re.escape(text)))


def _loosely(text: bytes, *, joined: bool = False) -> bytes:
    """Return a pattern for text whose words with digits may differ; ``joined`` to a group, its last word keeps form."""
    pattern, at = b"", 0
    for word in _WORD.finditer(text):
        kept = joined and word.end() == len(text)
        pattern += re.escape(text[at : word.start()]) + (_form(word[0]) if kept else _ANY_WORD)
        at = word.end()
    return pattern + re.escape(text[at:])


def _form(word: bytes) -> bytes:
    """Return a pattern for a word with any numbers in the places of its own."""
    return rb"[0-9]++".join(map(re.escape, re.split(rb"[0-9]+", word)))
