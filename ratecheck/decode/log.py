"""A log of any size -> findings, in bounded memory: cheap search, full decoding of what is new, counts for the rest."""

import re
from collections.abc import Set
from dataclasses import dataclass, field, replace
from itertools import accumulate
from math import inf

from ratecheck.decode.block import line_breaks
from ratecheck.decode.evidence import gather
from ratecheck.decode.flatten import flatten
from ratecheck.decode.judge import Draft, judge
from ratecheck.decode.needle import candidates
from ratecheck.decode.paste import DecodeReport, report_of
from ratecheck.decode.records import record_around
from ratecheck.decode.shapes import Delay, Read, Reader, key_of, learn, unreadable, without_varying
from ratecheck.decode.tally import Tally, timeline
from ratecheck.model import Category, Finding

# Past this many shapes, records differ by ids that the quick key leaves in: the thorough one takes over.
_QUICK_SHAPES = 200
# Where every record is of its own shape the tables stop growing and each is decoded.
_MOST_SHAPES = 5_000
# Shapes that a record is held against when its key is new: far cheaper than to decode it.
_TRIED = 16
_SAMPLE_CHARACTERS = 20_000

_HEX = b"0123456789abcdefABCDEF"
# Where a record begins with its time: the bytes up to the minute are the timeline's bucket.
_STAMP = re.compile(rb"\d{4}[-/]\d\d[-/]\d\d[T ,]{1,2}\d\d:\d\d|\d{1,2}/[A-Z][a-z]{2}/\d{4}[: ]\d\d:\d\d")
_STAMP_WITHIN = 100


@dataclass(slots=True)
class _Known:
    """What records of one shape with the same key mean: first those that ask for no more than ``limit``, then those
    that ask for more."""

    limit: float
    """Infinite where there is none, or where asking for more makes no other finding."""
    tallies: list[Tally | None] = field(default_factory=lambda: [None, None])
    longest: list[Delay | None] = field(default_factory=lambda: [None, None])
    """``None``: no such record was decoded yet."""


@dataclass(slots=True)
class _Shape:
    """Records that differ in numbers and ids only."""

    read: Reader
    known: dict[object, _Known] = field(default_factory=dict)


class LogReader:
    """Takes a log block by block; ``report`` says what it held. Memory does not grow with the input."""

    def __init__(self) -> None:
        self._part = 0
        self._lines: dict[int, int] = {}
        """How many lines each part has that was read here."""
        self._shapes: dict[bytes, _Shape | None] = {}
        self._learned: list[_Shape] = []
        """The last shapes that were learned or fitted a record of another key."""
        self._usual = _Shape(unreadable)
        """That of the record before."""
        self._tallies: dict[tuple[object, ...] | None, Tally] = {}
        self._sample: dict[bytes, tuple[int, int, str]] = {}
        """Texts of different shapes: the part that each was met in, its number there, and itself in small letters."""
        self._thorough = False

    @property
    def parts(self) -> Set[int]:
        """The parts that were read here."""
        return self._lines.keys()

    def begin(self, part: int) -> None:
        """Go on to a part of the log that stands later than all that was read here."""
        self._part = part
        self._lines[part] = 0

    def feed(self, block: bytes) -> None:
        """Take whole records, or a piece of an endless one, in order."""
        taken = 0
        for first, last in candidates(block):
            if first < taken:
                continue
            start, taken = record_around(block, first, last, taken)
            tally, minute = self._take(block[start:taken])
            if tally is not None:
                tally.met(start, minute)
        self._number(block)

    def _number(self, block: bytes) -> None:
        """Count the lines of a block, and say on which of them each meaning was met first and last."""
        met = [tally for tally in self._tallies.values() if tally.first_at >= 0]
        lines, at, line = {}, 0, self._lines.get(self._part, 0) + 1
        for offset in sorted({offset for tally in met for offset in (tally.first_at, tally.last_at)}):
            line += line_breaks(block[at:offset])
            lines[offset] = line
            at = offset
        self._lines[self._part] = line - 1 + line_breaks(block[at:])
        for tally in met:
            tally.number(self._part, lines)

    def _take(self, record: bytes) -> tuple[Tally | None, bytes | None]:
        """Return what one record means, and its minute; it is decoded only where no record of its shape has told."""
        shape: _Shape | None = self._usual
        seen = self._usual.read(record)  # most are like the one before
        if seen is None:
            # The thorough key takes longer than to hold the record against the shapes that were met last.
            found = None if self._thorough else self._of_quick_key(record)
            shape, seen = found or self._like_another(record) or self._meet(record)
        if shape is None or seen is None:
            return self._tally(_judged(record)), _minute_of(record)
        self._usual = shape
        same, asked, delay, minute = seen
        known = shape.known.get(same)
        if known is not None:
            over = asked > known.limit
            longest = known.longest[over]
            if longest is not None and delay <= longest:
                return known.tallies[over], minute
        tally = self._tally(draft := _judged(record))
        if known is None:
            limit = draft.finding.limit if draft else None
            known = _Known(inf if limit is None else limit)
            if len(shape.known) < _MOST_SHAPES:
                shape.known[same] = known
        over = asked > known.limit
        known.tallies[over], known.longest[over] = tally, delay
        return tally, minute

    def _of_quick_key(self, record: bytes) -> tuple[_Shape, Read] | None:
        shape = self._shapes.get(record.translate(None, _HEX))
        if shape is None:
            return None
        seen = shape.read(record)
        return None if seen is None else (shape, seen)

    def _like_another(self, record: bytes) -> tuple[_Shape, Read] | None:
        """Return a shape that this record has all the same: an id that holds letters alone makes another key."""
        for place, shape in enumerate(self._learned):
            seen = shape.read(record)
            if seen is not None:
                self._learned.insert(0, self._learned.pop(place))
                return shape, seen
        return None

    def _meet(self, record: bytes) -> tuple[_Shape | None, Read | None]:
        """Learn a shape when it is met again: most that are met once are never met again."""
        key = without_varying(record) if self._thorough else record.translate(None, _HEX)
        if key not in self._shapes:
            if len(self._shapes) >= _QUICK_SHAPES and not self._thorough:
                self._thorough = True
                self._shapes.clear()
            elif len(self._shapes) < _MOST_SHAPES:
                self._shapes[key] = None
            if key not in self._sample and sum(len(text) for *_, text in self._sample.values()) < _SAMPLE_CHARACTERS:
                self._sample[key] = (self._part, len(self._sample), _text(record).lower())
            return None, None
        shape = self._shapes[key]
        if shape is None:
            stamp = _STAMP.search(record, 0, _STAMP_WITHIN)
            shape = _Shape(learn(record, _finding(record), _finding, stamp.span() if stamp else None))
            self._shapes[key] = shape
            self._learned = [shape, *self._learned[: _TRIED - 1]]
        return shape, shape.read(record)

    def _tally(self, draft: Draft | None) -> Tally | None:
        """File a decoded refusal under its meaning; the longest delay of all stays."""
        if draft is None or draft.finding.category is Category.NOT_RATE_LIMIT:
            return None
        tally = self._tallies.setdefault(key_of(draft.finding), Tally(draft))
        tally.told(draft.finding.retry_after_s)
        return tally

    def merge(self, other: "LogReader") -> None:
        """Take what another reader found in other parts of the same log."""
        for key, found in other._tallies.items():
            tally = self._tallies.setdefault(key, found)
            if tally is not found:
                tally.add(found)
        for shape, sample in other._sample.items():
            self._sample[shape] = min(sample, self._sample.get(shape, sample))
        self._lines |= other._lines

    def __getstate__(self) -> dict[str, object]:
        # The shapes are what this process has learned to go fast; what was found is whole without them.
        return {**self.__dict__, "_shapes": {}, "_learned": [], "_usual": _Shape(unreadable)}

    def report(self, source: str) -> DecodeReport:
        """Return what was found, most frequent first."""
        parts = sorted(self._lines)
        before = dict(zip(parts, accumulate((self._lines[part] for part in parts), initial=0), strict=False))
        drafts = []
        tallies = sorted(self._tallies.values(), key=lambda tally: (-tally.count, tally.first))
        for tally in tallies:
            first, last = (before[part] + line for part, line in (tally.first, tally.last))
            finding = replace(tally.draft.finding, count=tally.count, line=first, first_line=first, last_line=last)
            drafts.append(replace(tally.draft, finding=finding))
        return report_of(
            drafts,
            source=source,
            lines=sum(self._lines.values()),
            lower="".join(text for *_, text in sorted(self._sample.values()))[:_SAMPLE_CHARACTERS],
            timeline=timeline(tallies),
        )


def _text(record: bytes) -> str:
    return record.decode("utf-8", "replace")


def _judged(record: bytes) -> Draft | None:
    return judge(gather(flatten(_text(record))))


def _finding(record: bytes) -> Finding | None:
    draft = _judged(record)
    return draft.finding if draft else None


def _minute_of(record: bytes) -> bytes | None:
    stamp = _STAMP.search(record, 0, _STAMP_WITHIN)
    return stamp[0] if stamp else None
