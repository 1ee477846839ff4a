"""What ``watch --record`` and ``serve --record`` wrote, one attempt a line: each was judged when it was whole.

Read as text, the names and numbers of a record would be taken for the server's words.
"""

from collections.abc import Iterable
from dataclasses import replace

from ratecheck.calls.attempt import Attempt
from ratecheck.calls.record import attempts_of
from ratecheck.decode.judge import Draft
from ratecheck.decode.paste import DecodeReport, Timeline, report_of
from ratecheck.decode.shapes import key_of
from ratecheck.durations import NS_PER_S
from ratecheck.model import Category, Finding

_JUDGED = 9
"""As heavy as words that mean one thing: the answer was judged with its status, headers and body at hand."""


def decode_recording(lines: Iterable[bytes], *, source: str) -> DecodeReport:
    """Explain the refusals of a recording; of one without any, the limits that its last answer stated."""
    found: dict[tuple[object, ...] | None, Draft] = {}
    minutes: dict[str, dict[float, int]] = {}
    healthy: Finding | None = None
    number = 0
    for number, attempt in enumerate(attempts_of(lines), 1):
        finding = _refusal(attempt) if attempt is not None else None
        if attempt is None or finding is None:
            healthy = _healthy(attempt, number) or healthy
            continue
        key = key_of(finding)
        found[key] = _again(found[key], finding, number) if key in found else _first(finding, number)
        if finding.category is not Category.NOT_RATE_LIMIT:
            counts = minutes.setdefault(finding.dimension or finding.category, {})
            minute_s = attempt.request.sent_ns // (60 * NS_PER_S) * 60.0
            counts[minute_s] = counts.get(minute_s, 0) + 1
    drafts = sorted(found.values(), key=lambda draft: -draft.finding.count)
    if not drafts and healthy is not None:
        drafts = [Draft(healthy, _JUDGED, 0)]
    return report_of(drafts, source=source, lines=number, timeline=_timeline(minutes))


def _refusal(attempt: Attempt) -> Finding | None:
    finding = attempt.outcome.finding
    if finding is None or (finding.category is Category.NOT_RATE_LIMIT and (finding.status or 0) < 400):
        return None
    # Explained anew below: a recorder may have left that out.
    return replace(finding, limits=attempt.outcome.limits, explanation="", advice=())


def _healthy(attempt: Attempt | None, line: int) -> Finding | None:
    if attempt is None or not attempt.outcome.limits:
        return None
    limits, status = attempt.outcome.limits, attempt.outcome.status
    return Finding(Category.NOT_RATE_LIMIT, status=status, limits=limits, retryable=False, line=line)


def _first(finding: Finding, line: int) -> Draft:
    return Draft(replace(finding, line=line, first_line=line, last_line=line), _JUDGED, _JUDGED)


def _again(draft: Draft, finding: Finding, line: int) -> Draft:
    old = draft.finding
    waits = [wait_s for wait_s in (old.retry_after_s, finding.retry_after_s) if wait_s is not None]
    new = replace(old, retry_after_s=max(waits, default=None), count=old.count + 1, last_line=line)
    return replace(draft, finding=new)


def _timeline(minutes: dict[str, dict[float, int]]) -> Timeline:
    first_s = min((at_s for counts in minutes.values() for at_s in counts), default=0.0)
    return tuple(
        (name, tuple((at_s - first_s, counts[at_s]) for at_s in sorted(counts))) for name, counts in minutes.items()
    )
