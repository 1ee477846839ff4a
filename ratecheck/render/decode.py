"""What ``ratecheck decode`` says: the verdict, the server's own words, limits, a timeline for logs, what to do."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ratecheck.decode import DecodeReport
from ratecheck.decode.explain import verdict, who
from ratecheck.durations import human_wait_s, window_name
from ratecheck.model import Category, Finding
from ratecheck.wording import units

if TYPE_CHECKING:
    from ratecheck.dialects.rules import Remark
    from ratecheck.render.page import Block, Page

SCHEMA = "ratecheck.decode/1"

# What `--json` promises of a finding, in this order.
_FIELDS = (
    "provider", "category", "status", "code", "dimension", "window_s", "limit", "used", "requested", "remaining",
    "retry_after_s", "model", "scope", "retryable", "will_fit_ever", "limits", "message", "explanation", "advice",
    "line", "count", "first_line", "last_line",
)  # fmt: skip
_LIMIT_FIELDS = (
    "dimension",
    "window_s",
    "window_from",
    "limit",
    "remaining",
    "reset_s",
    "scope",
    "utilization",
    "headers",
)


# More sentences than this are a log, not an explanation.
_MOST_WORDS = 6
_MOST_KINDS = 12


def document(report: DecodeReport) -> dict[str, Any]:
    """Return the report as the JSON document of the contracts."""
    findings = [finding_document(finding) for finding in report.findings]
    if report.files:
        findings = [{**one, "source": file} for one, file in zip(findings, report.files, strict=True)]
    return {
        "schema": SCHEMA,
        "source": report.source,
        "findings": findings,
        "clients": [
            {"policy": client.policy, "version": client.version, "says": client.says} for client in report.clients
        ],
    }


def finding_document(finding: Finding) -> Mapping[str, Any]:
    """Return one finding as every command's JSON shows it."""
    shown: dict[str, Any] = {name: getattr(finding, name) for name in _FIELDS}
    shown["limits"] = [{name: getattr(limit, name) for name in _LIMIT_FIELDS} for limit in finding.limits]
    return shown


def page(report: DecodeReport) -> "Page":
    """Return what a person is shown."""
    from ratecheck.decode.paste import sources_of
    from ratecheck.diagnose.readings import of_finding
    from ratecheck.render.page import Page, Tone

    findings = sorted(report.findings, key=_importance)
    # Two files may hold the same finding: each is told by being itself.
    files = {id(finding): file for finding, file in zip(report.findings, report.files, strict=False)}
    if not findings:
        return Page(
            "Nothing about a limit in this text",
            Tone.PLAIN,
            advice=("Paste the whole error, with status, headers and body: `curl -i` shows all three.",),
        )
    first = findings[0]
    tone = {Category.NOT_RATE_LIMIT: Tone.GOOD, Category.OVERLOADED: Tone.WARN, Category.RATE_LIMIT: Tone.WARN}
    healthy = first.category is Category.NOT_RATE_LIMIT and (first.status or 0) >= 400
    blocks: list[Block] = []
    if len(findings) > 1:
        blocks.append(_kinds(findings, files))
    blocks += _words(findings)
    for finding in findings:
        blocks += _limits(finding)
    blocks += _timeline(report)
    diagnoses = of_finding(first, _remarks(report, first))
    # Anything but a rate limit has a code of its own, and the code's advice is all there is to do.
    coded = bool(diagnoses) and first.category is not Category.RATE_LIMIT
    return Page(
        _headline(findings),
        Tone.PLAIN if healthy else tone.get(first.category, Tone.BAD),
        diagnoses=diagnoses,
        blocks=tuple(blocks),
        advice=(*(() if coded else first.advice), *(client.says for client in report.clients)),
        sources=sources_of(report.drafts),
    )


def _remarks(report: DecodeReport, finding: Finding) -> "tuple[Remark, ...]":
    """Return what the reader of the headers noticed in the answer that the finding was judged from."""
    for found, draft in zip(report.findings, report.drafts, strict=False):
        if found is finding and draft.reading is not None:
            return draft.reading.remarks
    return ()


def _importance(finding: Finding) -> tuple[bool, int]:
    return (finding.category is Category.NOT_RATE_LIMIT, -finding.count)


def _headline(findings: list[Finding]) -> str:
    first = findings[0]
    said = verdict(first)
    if len(findings) == 1:
        return said if first.count == 1 else f"{said} ({first.count:,} times)"
    total = sum(finding.count for finding in findings)
    return f"{said} ({first.count:,} of {total:,} refusals, {len(findings)} kinds)"


def _kinds(findings: list[Finding], files: Mapping[int, str]) -> "Block":
    from ratecheck.render.page import Table

    rows = []
    for finding in findings[:_MOST_KINDS]:
        lines = str(finding.line) if finding.count == 1 else f"{finding.first_line}-{finding.last_line}"
        wait = "-" if finding.retry_after_s is None else human_wait_s(finding.retry_after_s)
        file = (files[id(finding)],) if files else ()
        rows.append(
            (f"{finding.count:,}", *file, who(finding), _refused_for(finding), finding.model or "-", wait, lines)
        )
    more = f"and {len(findings) - _MOST_KINDS} kinds more; `--json` has all" if len(findings) > _MOST_KINDS else ""
    columns = ("times", *(("file",) if files else ()), "who", "refused for", "model", "wait", "lines")
    return Table(columns, tuple(rows), "Refusals", right=frozenset({0}), note=more)


_FOR = {
    Category.QUOTA_EXHAUSTED: "money or plan", Category.OVERLOADED: "no capacity",
    Category.CONCURRENCY: "too many at once",
    Category.NOT_RATE_LIMIT: "no limit",
}  # fmt: skip


def _refused_for(finding: Finding) -> str:
    said = _FOR.get(finding.category)
    if said is None:
        amount = units(finding.dimension, finding.limit) if finding.dimension else "rate"
        said = amount if finding.window_s is None else f"{amount} a {window_name(finding.window_s)}"
    return f"too large: {said}" if finding.category is Category.REQUEST_TOO_LARGE else said


def _words(findings: list[Finding]) -> "list[Block]":
    from ratecheck.render.page import Lines

    said = list(dict.fromkeys(finding.message for finding in findings if finding.message))
    mark = "- " if len(said) > 1 else ""
    lines = tuple(mark + words for words in said[:_MOST_WORDS])
    return [Lines(lines, title="The server's words", wrap=True)] if said else []


def _limits(finding: Finding) -> "list[Block]":
    from ratecheck.render.limits import limits_table

    return [limits_table(finding.limits, "Limits in the headers")] if finding.limits else []


def _timeline(report: DecodeReport) -> "list[Block]":
    """Refusals a minute, where the lines of a log are dated; drawn from three minutes on."""
    from ratecheck.render.page import LineChart, Series, Tone

    if not any(len(points) > 2 for _, points in report.timeline):
        return []
    tones = (Tone.BAD, Tone.WARN, Tone.PLAIN, Tone.GOOD)
    last_s = max(at for _, points in report.timeline for at, _ in points)
    unit, name = next((unit, name) for unit, name in _AXES if last_s >= 3 * unit or unit == 60.0)
    series = tuple(
        Series(what, tuple((at / unit, float(count)) for at, count in _filled(points)), tone=tone)
        for (what, points), tone in zip(report.timeline, tones * len(report.timeline), strict=False)
    )
    return [LineChart(series, "Refusals a minute", f"{name} since the first one", "a minute")]


_AXES = ((86_400.0, "days"), (3600.0, "hours"), (60.0, "minutes"))


def _filled(points: tuple[tuple[float, int], ...]) -> list[tuple[float, int]]:
    """A minute without a refusal is a zero, not a straight line between its neighbours."""
    drawn: list[tuple[float, int]] = []
    for at, count in points:
        if drawn and at - drawn[-1][0] > 60.0:
            drawn += [(drawn[-1][0] + 60.0, 0), (at - 60.0, 0)]
        drawn.append((at, count))
    return drawn
