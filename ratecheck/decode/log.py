"""A log of any size -> findings, in bounded memory: cheap search, full decoding of what is new, counts for the rest."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace

from ratecheck.decode.evidence import gather
from ratecheck.decode.flatten import flatten
from ratecheck.decode.judge import Draft, judge
from ratecheck.decode.needle import finder
from ratecheck.decode.paste import DecodeReport, Timeline, report_of
from ratecheck.decode.records import RECORD_BYTES, instant_of, record_around
from ratecheck.decode.shapes import Reader, key_of, learn
from ratecheck.model import Category, Finding

# What a refusal holds at least one of. Each is one pass over the input at memory speed, so they are few.
STATUS = b"429"
NEEDLES = (
    STATUS, b"imit", b"verload", b"uota", b"hrottl", b"xhaust", b"EXHAUST", b"apacity", b"oo many", b"nsufficient",
    b"redits", b"oncurren",
)  # fmt: skip
# Looked for only where a block holds more than ASCII: what refusals say in Chinese.
CHINESE = tuple(
    word.encode()
    for word in (
        "频率", "限流", "限制", "并发", "余额", "欠费", "额度", "配额", "上限", "繁忙", "过载", "访问量",
        "资源包", "充值", "调用次数",
    )
)  # fmt: skip
# Looked for only where a block holds escapes: the same as JSON writes it in ASCII, with small letters or capitals.
ESCAPED = tuple(
    dict.fromkeys(
        "".join(f"\\u{ord(letter):{form}}" for letter in word.decode()).encode()
        for word in CHINESE
        for form in ("04x", "04X")
    )
)
_DIGITS = frozenset(b"0123456789")
_HEX_LETTERS = frozenset(b"abcdefABCDEF")

# Past this many shapes, records differ by ids that the quick key leaves in: the thorough one takes over.
_QUICK_SHAPES = 200
# Where every record is of its own shape the tables stop growing and each is decoded.
_MOST_SHAPES = 5_000
_SAMPLE_CHARACTERS = 20_000

_HEX = b"0123456789abcdefABCDEF"
_WORD_WITH_DIGIT = re.compile(rb"[A-Za-z_-]*[0-9][\w.:-]*")
# Where a record begins with its time: the bytes up to the minute are the timeline's bucket.
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
    """Lines of the input, from 1; 0 before the first."""
    minutes: dict[bytes, int] = field(default_factory=dict)


@dataclass(slots=True)
class _Known:
    """What records of one shape with the same key mean, by whether they ask for more than ``limit``."""

    limit: int | None
    tallies: dict[bool, _Tally | None]
    longest: dict[bool, tuple[float, ...]] = field(default_factory=dict)


@dataclass(slots=True)
class _Shape:
    """Records that differ in numbers and ids only; ``read`` is ``None`` where each must be decoded."""

    read: Reader | None
    known: dict[object, _Known] = field(default_factory=dict)


class LogReader:
    """Takes a log block by block; ``report`` says what it held. Memory does not grow with the input."""

    def __init__(self) -> None:
        self._lines = 0
        self._shapes: dict[bytes, _Shape | None] = {}
        self._tallies: dict[tuple[object, ...] | None, _Tally] = {}
        self._sample: dict[bytes, str] = {}
        self._thorough = False

    def feed(self, block: bytes) -> None:
        """Take whole records, or a piece of an endless one, in order."""
        places: dict[int, list[int]] = {}
        taken = 0
        for first, last in _candidates(block):
            if first < taken:
                continue
            start, taken = record_around(block, first, last, taken)
            tally = self._take(block[start:taken])
            if tally is not None:
                tally.count += 1
                places.setdefault(id(tally), [start, start])[1] = start
        self._number(block, places)

    def _number(self, block: bytes, places: dict[int, list[int]]) -> None:
        """Turn the offsets of each meaning's first and last record in this block into lines, and count all of them."""
        lines, at, line = {}, 0, self._lines + 1
        for offset in sorted({offset for both in places.values() for offset in both}):
            line += block.count(b"\n", at, offset)
            lines[offset] = line
            at = offset
        self._lines = line - 1 + block.count(b"\n", at)
        for tally in self._tallies.values():
            first, last = places.get(id(tally), (None, None))
            if first is not None and last is not None:
                tally.first = tally.first or lines[first]
                tally.last = lines[last]

    def _take(self, record: bytes) -> _Tally | None:
        """Return what one record means; it is decoded only where no record of its shape has told."""
        key = _WORD_WITH_DIGIT.sub(b"", record) if self._thorough else record.translate(None, _HEX)
        shape = self._shapes.get(key) or self._meet(key, record)
        seen = shape.read(record) if shape is not None and shape.read is not None else None
        if shape is None or seen is None:
            return self._timed(self._tally(_judged(record)), _minute_of(record))
        same, asked, delay, minute = seen
        known = shape.known.get(same)
        over = known is not None and known.limit is not None and asked > known.limit
        if known is None or over not in known.tallies or delay > known.longest[over]:
            draft = _judged(record)
            tally = self._tally(draft)
            if known is None:
                limit = draft.finding.limit if draft else None
                over = limit is not None and asked > limit
                known = _Known(limit, {})
                if len(shape.known) < _MOST_SHAPES:
                    shape.known[same] = known
            known.tallies[over] = tally
            known.longest[over] = max(known.longest.get(over, ()), delay)
        return self._timed(known.tallies[over], minute)

    def _meet(self, key: bytes, record: bytes) -> _Shape | None:
        """Learn a shape when it is met again: most that are met once are never met again."""
        if key not in self._shapes:
            if len(self._shapes) >= _QUICK_SHAPES and not self._thorough:
                self._thorough = True
                self._shapes.clear()
            elif len(self._shapes) < _MOST_SHAPES:
                self._shapes[key] = None
            if sum(map(len, self._sample.values())) < _SAMPLE_CHARACTERS:
                self._sample.setdefault(key, _text(record).lower())
            return None
        stamp = _STAMP.search(record, 0, _STAMP_WITHIN)
        shape = _Shape(learn(record, _finding(record), _finding, stamp.span() if stamp else None))
        self._shapes[key] = shape
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

    def _timed(self, tally: _Tally | None, minute: bytes | None) -> _Tally | None:
        if tally is not None and minute is not None:
            minutes = tally.minutes
            if minute in minutes:
                minutes[minute] += 1
            elif len(minutes) < _MOST_MINUTES:
                minutes[minute] = 1
        return tally

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
    nowhere = len(block)
    finds: list[Callable[[int], int]] = []
    places: list[int] = []
    needles = NEEDLES if block.isascii() else NEEDLES + CHINESE
    if finder(block, b"\\u")(0) >= 0:
        needles += ESCAPED
    for needle in needles:
        find = finder(block, needle)
        if needle is STATUS:
            find = _outside_numbers(find, block)
        if (at := find(0)) >= 0:
            finds.append(find)
            places.append(at)
    while places and (at := min(places)) < nowhere:
        start = block.rfind(b"\n", max(at - RECORD_BYTES, 0), at) + 1
        start = start or max(at - RECORD_BYTES // 2, 0)
        end = block.find(b"\n", at, at + RECORD_BYTES)
        end = end if end >= 0 else min(at + RECORD_BYTES, nowhere)
        yield start, end
        for index, place in enumerate(places):
            if place < end:
                after = finds[index](end)
                places[index] = after if after >= 0 else nowhere


def _outside_numbers(find: Callable[[int], int], block: bytes) -> Callable[[int], int]:
    """Return a search for a status that passes over the digits of longer numbers and of hexadecimal ids."""
    beyond = len(block) - len(STATUS)

    def whole(start: int) -> int:
        at = find(start)
        while at >= 0:
            before = block[at - 1] if at else 0
            after = block[at + len(STATUS)] if at < beyond else 0
            inside = before in _DIGITS or after in _DIGITS or (before in _HEX_LETTERS and after in _HEX_LETTERS)
            if not inside:
                return at
            at = find(at + len(STATUS))
        return at

    return whole


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
