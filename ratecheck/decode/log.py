"""A log of any size -> findings, in bounded memory: cheap search, full decoding of what is new, counts for the rest."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from ratecheck.decode.evidence import gather
from ratecheck.decode.flatten import flatten
from ratecheck.decode.judge import Draft, judge
from ratecheck.decode.needle import finder
from ratecheck.decode.paste import DecodeReport, Timeline, report_of
from ratecheck.decode.records import begins, instant_of
from ratecheck.decode.shapes import Place, key_of, learn, look_up
from ratecheck.model import Category, Finding

# What a refusal's line holds at least one of. Each is one pass over the input at memory speed, so they are few.
NEEDLES = (b"429", b"imit", b"verload", b"uota", b"hrottl")

# No record is longer; a line without end is looked at through a window of this size.
RECORD_BYTES = 16 << 10
_RECORD_LINES = 60
# Past this many shapes, lines differ by ids that the quick key leaves in: the thorough one takes over.
_QUICK_SHAPES = 200
# Where every line is of its own shape the tables stop growing and each is decoded.
_MOST_SHAPES = 5_000
_SAMPLE_CHARACTERS = 20_000

_HEX = b"0123456789abcdefABCDEF"
_WORD_WITH_DIGIT = re.compile(rb"[A-Za-z_-]*[0-9][\w.:-]*")
# Where a line begins with its time: the bytes up to the minute are the timeline's bucket.
_STAMP = re.compile(rb"\d{4}[-/]\d\d[-/]\d\d[T ,]{1,2}\d\d:\d\d|\d{1,2}/[A-Z][a-z]{2}/\d{4}[: ]\d\d:\d\d")
_STAMP_WITHIN = 100
_MOST_MINUTES = 200_000


@dataclass(slots=True)
class _Tally:
    """Refusals with one meaning: the first one's draft, how many there were, where and when."""

    draft: Draft
    count: int = 0
    first: int = 0
    last: int = 0
    longest: tuple[float, ...] = ()
    minutes: dict[bytes, int] = field(default_factory=dict)


@dataclass(slots=True)
class _Shape:
    """Lines that differ in numbers and ids only; ``places`` is ``None`` where each must be decoded."""

    places: list[Place] | None
    limit: int | None
    stamp: tuple[int, int] | None
    known: dict[bytes, _Tally | None] = field(default_factory=dict)


class LogReader:
    """Takes a log block by block; ``report`` says what it held. Memory does not grow with the input."""

    def __init__(self) -> None:
        self._lines = 0
        self._shapes: dict[bytes, _Shape] = {}
        self._tallies: dict[tuple[object, ...] | None, _Tally] = {}
        self._sample: dict[bytes, str] = {}
        self._thorough = False

    def feed(self, block: bytes) -> None:
        """Take whole lines, or a piece of an endless one, in order."""
        counted_to = 0
        for start, end in _candidates(block):
            self._lines += block.count(b"\n", counted_to, start)
            counted_to = start
            self._take(block, start, end)
        self._lines += block.count(b"\n", counted_to)

    def _take(self, block: bytes, start: int, end: int) -> None:
        line = block[start:end]
        key = _WORD_WITH_DIGIT.sub(b"", line) if self._thorough else line.translate(None, _HEX)
        shape = self._shapes.get(key)
        if shape is None:
            shape = self._learn(key, block, start, end)
        found = look_up(line, shape.places, shape.limit) if shape.places is not None else None
        if found is None:
            self._count(self._tally(_decoded(block, start, end)), line, shape)
            return
        values, delays = found
        if values not in shape.known:
            tally = self._tally(_decoded(block, start, end))
            if len(shape.known) < _MOST_SHAPES:
                shape.known[values] = tally
        else:
            tally = shape.known[values]
            if tally is not None and delays > tally.longest:
                self._tally(_decoded(block, start, end))
        if tally is not None:
            tally.longest = max(tally.longest, delays)
            self._count(tally, line, shape)

    def _learn(self, key: bytes, block: bytes, start: int, end: int) -> _Shape:
        line = block[start:end]
        alone = _stands_alone(block, start, end)
        finding = _alone(line)
        stamp = _STAMP.search(line, 0, _STAMP_WITHIN)
        room = alone and len(self._shapes) < _MOST_SHAPES
        places = learn(line, finding, _alone, stamp.end() if stamp else None) if room else None
        shape = _Shape(places, finding.limit if finding else None, stamp.span() if stamp else None)
        if len(self._shapes) >= _QUICK_SHAPES and not self._thorough:
            self._thorough = True
            self._shapes.clear()
        elif len(self._shapes) < _MOST_SHAPES:
            self._shapes[key] = shape
        if sum(map(len, self._sample.values())) < _SAMPLE_CHARACTERS:
            self._sample.setdefault(key, _text(line).lower())
        return shape

    def _tally(self, draft: Draft | None) -> _Tally | None:
        """File a decoded refusal under its meaning; the longest delay of all stays."""
        if draft is None or draft.finding.category is Category.NOT_RATE_LIMIT:
            return None
        tally = self._tallies.setdefault(key_of(draft.finding), _Tally(draft))
        new, old = draft.finding.retry_after_s, tally.draft.finding.retry_after_s
        if new is not None and (old is None or new > old):
            tally.draft = replace(tally.draft, finding=replace(tally.draft.finding, retry_after_s=new))
        return tally

    def _count(self, tally: _Tally | None, line: bytes, shape: _Shape) -> None:
        if tally is None:
            return
        tally.count += 1
        tally.last = self._lines + 1
        tally.first = tally.first or tally.last
        if shape.stamp is not None:
            minute = line[slice(*shape.stamp)]
            minutes = tally.minutes
            if minute in minutes:
                minutes[minute] += 1
            elif len(minutes) < _MOST_MINUTES:
                minutes[minute] = 1

    def append(self, later: "LogReader") -> None:
        """Take what another reader found in the part of the log that follows this one's."""
        for key, found in later._tallies.items():
            if found.count:
                found.first += self._lines
                found.last += self._lines
            tally = self._tallies.setdefault(key, found)
            if tally is found:
                continue
            self._tally(found.draft)
            tally.count += found.count
            tally.first = tally.first or found.first
            tally.last = found.last or tally.last
            for minute, count in found.minutes.items():
                tally.minutes[minute] = tally.minutes.get(minute, 0) + count
        for shape, text in later._sample.items():
            if sum(map(len, self._sample.values())) < _SAMPLE_CHARACTERS:
                self._sample.setdefault(shape, text)
        self._lines += later._lines

    def __getstate__(self) -> dict[str, object]:
        # The shapes are what this process has learned to go fast; what was found is whole without them.
        return {**self.__dict__, "_shapes": {}}

    def report(self, source: str) -> DecodeReport:
        """Return what was found, most frequent first."""
        drafts = []
        for tally in sorted(self._tallies.values(), key=lambda each: -each.count):
            finding = replace(
                tally.draft.finding,
                count=tally.count, line=tally.first, first_line=tally.first, last_line=tally.last,
            )  # fmt: skip
            drafts.append(replace(tally.draft, finding=finding))
        return report_of(
            drafts,
            source=source,
            lines=self._lines,
            lower="".join(self._sample.values()),
            timeline=_timeline(self._tallies.values()),
        )


def _candidates(block: bytes) -> Iterator[tuple[int, int]]:
    """Yield the lines that hold a needle, in order, each once; of an endless line a window."""
    find = finder(block)
    nowhere = len(block)
    following = [(at, needle) for needle in NEEDLES if (at := find(needle, 0)) >= 0]
    needles = [needle for _, needle in following]
    places = [at for at, _ in following]
    while places and (at := min(places)) < nowhere:
        start = block.rfind(b"\n", max(at - RECORD_BYTES, 0), at) + 1
        start = start or max(at - RECORD_BYTES // 2, 0)
        end = block.find(b"\n", at, at + RECORD_BYTES)
        end = end if end >= 0 else min(at + RECORD_BYTES, nowhere)
        yield start, end
        for index, place in enumerate(places):
            if place < end:
                after = find(needles[index], end)
                places[index] = after if after >= 0 else nowhere


def _text(line: bytes) -> str:
    return line.decode("utf-8", "replace")


def _judged(text: str) -> Draft | None:
    return judge(gather(flatten(text)))


def _alone(line: bytes) -> Finding | None:
    draft = _judged(_text(line))
    return draft.finding if draft else None


def _stands_alone(block: bytes, start: int, end: int) -> bool:
    """Whether the lines around belong to other records, so that this one can be understood by itself."""
    after = _text(block[end + 1 : end + 200])
    return not after.strip() or begins(after) or not begins(_text(block[start : start + 200]))


def _decoded(block: bytes, start: int, end: int) -> Draft | None:
    """Decode the record that this line belongs to: a traceback or a body may follow it."""
    if not _stands_alone(block, start, end):
        limit = min(start + RECORD_BYTES, len(block))
        for _ in range(_RECORD_LINES):
            following = block.find(b"\n", end + 1, limit)
            if following < 0 or begins(_text(block[end + 1 : end + 200])):
                break
            end = following
    return _judged(_text(block[start:end]))


def _timeline(tallies: Iterable[_Tally]) -> Timeline:
    """Return for each dimension how many refusals came in each minute, from the first dated one on."""
    dated: dict[str, dict[float, int]] = {}
    for tally in tallies:
        finding = tally.draft.finding
        counts = dated.setdefault(finding.dimension.value if finding.dimension else finding.category.value, {})
        for minute, count in tally.minutes.items():
            instant = instant_of(_text(minute) + ":00")
            if instant is not None:
                counts[instant.timestamp()] = counts.get(instant.timestamp(), 0) + count
    first = min((at for counts in dated.values() for at in counts), default=0.0)
    return tuple(
        (name, tuple((at - first, counts[at]) for at in sorted(counts))) for name, counts in dated.items() if counts
    )
