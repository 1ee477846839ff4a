"""Where one incident ends and the next begins: log records, HTTP answers, JSON lines; and the instant of a log line."""

from collections.abc import Iterator
from datetime import UTC, datetime

from ratecheck.decode.lazy import lazy

_MONTHS = {
    name: index
    for index, name in enumerate(
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"], 1
    )
}

# A line that begins so is a record of its own. Lines of a traceback, a body or a wrapped sentence begin otherwise.
_HEAD = lazy(
    r"^\W{0,4}(?:(?:\w{3,10}[ |\]:-]{1,4}){0,2}\d{4}[-/]\d\d[-/]\d\d[T ,]{1,2}\d\d:\d\d|\d\d:\d\d:\d\d\b"
    r"|\d{1,2}/[A-Z][a-z]{2}/\d{4}[: ]\d\d:\d\d"
    r"|[A-Z][a-z]{2} {1,2}\d{1,2} \d\d:\d\d:\d\d"
    r"|(?:TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|CRITICAL|FATAL)\b ?[:\[|-])"
)
_ANSWER = lazy(r"^\s*HTTP/\d(?:\.\d)? +\d{3}\b")
_WHOLE_OBJECT = lazy(r"^\s*\{.*\}\s*,?\s*$")


def begins(line: str) -> bool:
    """Whether a record of a log begins with this line."""
    return _HEAD().match(line) is not None


def heads(lines: tuple[str, ...]) -> list[int]:
    """Return the indices at which a record begins; 0 is always one."""
    starts = [0]
    answered = objects = False
    for index, line in enumerate(lines):
        answer = _ANSWER().match(line) is not None
        whole = _WHOLE_OBJECT().match(line) is not None
        # A status line opens the first answer of a paste only together with what stands before it (a curl command).
        if index and (_HEAD().match(line) or (answer and answered) or (whole and objects)):
            starts.append(index)
            answered = False
        answered = answered or answer
        objects = whole
    return starts


# No record is longer; a line without end is looked at through a window of this size.
RECORD_BYTES = 16 << 10
_RECORD_LINES = 60
# A line that is part of something longer: indented, a piece of JSON, the last line of a traceback.
_CONTINUES = lazy(r"\s|[{}\[\]\"')]|Traceback |[\w.]{1,80}(?:Error|Exception|Exhausted)\b|Error:|Caused by")
_DIGITS_ALIKE = bytes.maketrans(b"123456789", b"000000000")
# Long enough for a date.
_FORM_BYTES = 10


def record_around(block: bytes, start: int, end: int, earliest: int = 0) -> tuple[int, int]:
    """Return where the record begins and ends that the line from ``start`` to ``end`` of a log belongs to.

    It does not begin before ``earliest``, where the record before it ends.
    """
    # Two lines that begin with digits and marks in the same places begin two records: the usual case, told without
    # decoding, and on one day without more than a look.
    after, before = block[end + 1 : end + 1 + _FORM_BYTES], block[start : start + _FORM_BYTES]
    if after == before and after[:1].isdigit():
        return start, end
    form = after.translate(_DIGITS_ALIKE)
    if b"0" in form and form == before.translate(_DIGITS_ALIKE):
        return start, end
    first = start
    if not begins_at(block, start):
        if not _CONTINUES().match(_head_at(block, start)):
            return start, end
        first = _head_before(block, start, earliest)
        if first < 0:
            return start, end
    limit = min(first + RECORD_BYTES, len(block))
    for _ in range(_RECORD_LINES):
        following = block.find(b"\n", end + 1, limit)
        following = following if following >= 0 else limit
        if end + 1 >= following or begins_at(block, end + 1):
            break
        end = following
    return first, end


def _head_before(block: bytes, start: int, earliest: int = 0) -> int:
    """Return where the record begins that goes on at ``start``; ``-1`` where no line from ``earliest`` on begins it."""
    earliest = max(start - RECORD_BYTES, earliest)
    first = start
    for _ in range(_RECORD_LINES):
        if first <= earliest:
            break
        first = max(block.rfind(b"\n", earliest, first - 1) + 1, earliest)
        if begins_at(block, first):
            return first
    return -1


def last_record(block: bytes) -> int:
    """Return where to cut a block that goes on: before its last record, else after its last line break, else 0."""
    last = block.rfind(b"\n") + 1
    start = last if begins_at(block, last) else _head_before(block, last)
    return start if start > 0 else last


def next_record(block: bytes) -> int | None:
    """Return the first place after the first line where no record goes on; ``None`` where there is no line break."""
    start = None
    for _ in range(_RECORD_LINES):
        line_break = block.find(b"\n", start or 0)
        if line_break < 0:
            break
        start = line_break + 1
        if begins_at(block, start) or start > RECORD_BYTES:
            break
    return start


def _head_at(block: bytes, start: int) -> str:
    return block[start : start + 200].partition(b"\n")[0].decode("utf-8", "replace")


def begins_at(block: bytes, start: int) -> bool:
    """Whether a record of a log begins there."""
    return begins(_head_at(block, start))


_ISO = lazy(r"(\d{4})[-/](\d\d)[-/](\d\d)[T ,]{1,2}(\d\d):(\d\d):(\d\d)")
_CLF = lazy(r"(\d{1,2})/([A-Z][a-z]{2})/(\d{4})[: ](\d\d):(\d\d):(\d\d)")


def instant_of(line: str) -> datetime | None:
    """Return the instant that a log line begins with, zone ignored: a timeline needs differences only."""
    head = line[:120]
    try:
        found = _ISO().search(head)
        if found:
            return datetime(*(int(part) for part in found.groups()), tzinfo=UTC)  # type: ignore[arg-type, misc]
        found = _CLF().search(head)
        if found:
            day, month, year, *clock = found.groups()
            return datetime(int(year), _MONTHS[month.lower()], int(day), *map(int, clock), tzinfo=UTC)  # type: ignore[arg-type, misc]
    except (ValueError, KeyError):
        return None
    return None


def spans(lines: tuple[str, ...]) -> Iterator[tuple[int, int]]:
    """Yield each record as (first, one past last) index."""
    starts = heads(lines)
    yield from zip(starts, [*starts[1:], len(lines)], strict=True)
