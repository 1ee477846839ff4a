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
