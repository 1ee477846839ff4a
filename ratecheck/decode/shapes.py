"""Lines of one shape: found out once which of their numbers matter, then only those are looked up.

A line that is new is decoded fully; then each of its numbers is changed in turn and the line decoded again. Where the
finding changes, the number matters. What is counted that way is by construction what full decoding would say.
"""

import re
from collections.abc import Callable
from enum import Enum
from typing import NamedTuple

from ratecheck.model import Finding

Judge = Callable[[bytes], Finding | None]
"""Decodes one line alone."""

_NUMBER = re.compile(rb"(?<![0-9])[0-9]+(?:\.[0-9]+)?")
# A request id changes nothing; trying each of its digit runs would only take time.
_ID = re.compile(rb"[0-9a-fA-F]{12,}|[0-9a-fA-F]{8}-[0-9a-fA-F-]{27}")
_OTHER_DIGITS = bytes.maketrans(b"0123456789", b"5678923416")
_LONGEST_NUMBER = 24
_LONGEST_BEFORE = 12
# A line with more numbers than this is no error line worth learning; it is decoded each time.
_MOST_NUMBERS = 80


class Matters(Enum):
    """How a number changes the finding."""

    KEY = "key"
    """Another number is another finding."""
    DELAY = "delay"
    """It is part of the server's delay: only the longest is kept."""
    ASKED = "asked"
    """What the request asks: it matters whether that is more than the limit."""


_KEY, _DELAY = Matters.KEY, Matters.DELAY


class Place(NamedTuple):
    """A number that matters, found between two pieces of text that do not change."""

    before: bytes
    skip: int
    """The length of ``before``."""
    after: bytes
    matters: Matters
    limit: bool = False
    """It is the limit itself."""


def key_of(finding: Finding | None) -> tuple[object, ...] | None:
    """What makes two findings equal: they are folded into one."""
    if finding is None:
        return None
    return (finding.provider, finding.category, finding.dimension, finding.scope, finding.limit, finding.model)


def learn(line: bytes, finding: Finding | None, judge: Judge, stamp: int | None = None) -> list[Place] | None:
    """Return the numbers of ``line`` that matter for ``finding``, in order; ``None`` where they cannot be looked up.

    ``stamp`` is where the line's own time ends: what stands before it is not tried.
    """
    skipped = [found.span() for found in _ID.finditer(line)]
    if stamp is not None:
        skipped.append((0, stamp))
    numbers = [
        found for found in _NUMBER.finditer(line) if not any(first <= found.start() < last for first, last in skipped)
    ]
    if len(numbers) > _MOST_NUMBERS:
        return None
    places: list[Place] = []
    starts = set()
    for found in numbers:
        start, end = found.span()
        matters, limit = _effect(line, start, end, finding, judge)
        if matters is not None:
            before = re.split(rb"[0-9]", line[max(start - _LONGEST_BEFORE, 0) : start])[-1]
            starts.add(start)
            places.append(Place(before, len(before), line[end : end + 1], matters, limit))
    asked = next((index for index, place in enumerate(places) if place.matters is Matters.ASKED), len(places))
    if any(place.limit for place in places[asked:]):
        # The limit stands behind what was asked: too rare a form to be worth a second pass.
        return None
    wanted = [line[slice(*found.span())] for found in numbers if found.start() in starts]
    return places if _numbers(line, places) == wanted else None


def _numbers(line: bytes, places: list[Place]) -> list[bytes] | None:
    """Return each place's number, as ``look_up`` finds them."""
    at = 0
    found = []
    for place in places:
        start = line.find(place.before, at)
        if start < 0:
            return None
        start += place.skip
        at = line.find(place.after, start) if place.after else len(line)
        found.append(line[start:at])
    return found


def _effect(line: bytes, start: int, end: int, finding: Finding | None, judge: Judge) -> tuple[Matters | None, bool]:
    key = key_of(finding)
    number = line[start:end]

    def trial(other: bytes) -> Finding | None:
        return judge(line[:start] + other + line[end:])

    if finding is not None and finding.limit and finding.requested is not None and float(number) == finding.requested:
        return Matters.ASKED, False
    # Another number of the same length, and for what may be a status the one that says most.
    others = [number.translate(_OTHER_DIGITS)]
    if len(number) == 3:
        others.append(b"429" if number != b"429" else b"200")
    for other in map(trial, others):
        if key_of(other) != key:
            return Matters.KEY, finding is not None and other is not None and finding.limit != other.limit
        if finding is not None and other is not None and finding.retry_after_s != other.retry_after_s:
            return Matters.DELAY, False
    return None, False


def look_up(line: bytes, places: list[Place], limit: int | None) -> tuple[bytes, tuple[float, ...]] | None:
    """Return what matters of a line of a learned shape, and its delays; ``None`` where it is not written alike."""
    # Runs for every refusal of a log: one pass, few names to resolve.
    find = line.find
    at = 0
    values = b""
    delays: tuple[float, ...] = ()
    for before, skip, after, matters, is_limit in places:
        start = find(before, at)
        if start < 0:
            return None
        start += skip
        at = find(after, start) if after else len(line)
        number = line[start:at]
        if not (number.isdigit() or number.replace(b".", b"", 1).isdigit()) or len(number) > _LONGEST_NUMBER:
            return None
        if matters is _KEY:
            values += number + b" "
            if is_limit:
                limit = int(float(number))
        elif matters is _DELAY:
            delays += (float(number),)
        else:
            values += b">" if limit is not None and float(number) > limit else b"<"
    return values, delays
