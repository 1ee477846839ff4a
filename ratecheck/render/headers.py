"""The screen and the JSON document of ``ratecheck headers``."""

from collections.abc import Mapping
from typing import Any

from ratecheck.durations import human_s, window_name
from ratecheck.headers import HeadersReport, Probe, Target, least_share, share_left
from ratecheck.model import Category, Diagnosis, Dimension, Finding, LimitReading, Severity, Source
from ratecheck.render.as_json import plain
from ratecheck.render.page import Bar, Bars, Block, LineChart, Lines, Page, Series, Table, Tone

# Below a tenth a person should look; below a fiftieth the next prompt of ordinary size is at risk.
_LOW, _NEARLY_EMPTY = 0.10, 0.02

_UNITS = {
    Dimension.REQUESTS: "requests",
    Dimension.TOKENS: "tokens",
    Dimension.INPUT_TOKENS: "input tokens",
    Dimension.OUTPUT_TOKENS: "output tokens",
    Dimension.IMAGES: "images",
    Dimension.CONCURRENCY: "at once",
}


def label_of(limit: LimitReading) -> str:
    """Name a limit in words: ``requests``, ``project tokens``; a limit of unknown kind by its header."""
    kind = _UNITS[limit.dimension] if limit.dimension else (limit.headers[0] if limit.headers else "unknown")
    return f"{limit.scope} {kind}" if limit.scope else kind


def line(probe: Probe) -> str:
    """Say one probe in a line, for a monitor whose output is no terminal."""
    if probe.finding is not None and probe.finding.category is not Category.NOT_RATE_LIMIT:
        return f"{probe.t_s:10.1f} s  {refusal_sentence(probe.finding)}"
    told = [f"{label_of(limit)} {_left(limit)}" for limit in probe.limits if limit.remaining is not None]
    return (
        f"{probe.t_s:10.1f} s  {'; '.join(told) or 'no rate-limit header'} ({probe.status}, {human_s(probe.latency_s)})"
    )


def _tone(share: float | None) -> Tone:
    if share is None:
        return Tone.PLAIN
    return Tone.BAD if share < _NEARLY_EMPTY else Tone.WARN if share < _LOW else Tone.GOOD


def _left(limit: LimitReading) -> str:
    if limit.remaining is None:
        return f"{1 - limit.utilization:.0%} left" if limit.utilization is not None else "unknown"
    return f"{limit.remaining:,}" + (f" of {limit.limit:,}" if limit.limit is not None else "")


def _sentence(limit: LimitReading) -> str:
    """Say what is left of one limit: ``tokens: 12 of 30,000 left this minute: the next prompt over 12 …``."""
    words = f"{label_of(limit)}: {_left(limit)}"
    if limit.remaining is not None:
        words += " left"
    if limit.window_s is not None:
        words += {60.0: " this minute", 86_400.0: " today", 3600.0: " this hour", 1.0: " this second"}.get(
            limit.window_s, f" per {window_name(limit.window_s)}"
        )
    share = share_left(limit)
    if limit.remaining is not None and share is not None and share < _NEARLY_EMPTY:
        if limit.dimension is Dimension.REQUESTS:
            words += ": the next request will be refused" if limit.remaining == 0 else ": nearly gone"
        else:
            words += f": the next prompt over {limit.remaining:,} tokens will be refused"
    return words


def _verdict(report: HeadersReport) -> tuple[str, Tone]:
    if not report.probes:
        return "No probe was answered.", Tone.BAD
    last = report.probes[-1]
    refusal = last.finding
    if refusal is not None and refusal.category is not Category.NOT_RATE_LIMIT:
        return refusal_sentence(refusal), Tone.BAD
    if refusal is not None:
        said = f": {refusal.message}" if refusal.message else ""
        return f"The server refused the probe with {last.status}, and not for a limit{said}", Tone.BAD
    told = [limit for limit in last.limits if share_left(limit) is not None or limit.remaining is not None]
    if not told:
        return "Answered, but with no rate-limit header: that does not mean unlimited.", Tone.WARN
    # The tightest first: it is what stops the reader next.
    told.sort(key=lambda limit: 1.0 if (share := share_left(limit)) is None else share)
    return "; ".join(_sentence(limit) for limit in told[:4]), _tone(least_share(last))


def refusal_sentence(finding: Finding) -> str:
    """Say in one line why a request was refused."""
    status = f" ({finding.status})" if finding.status else ""
    return f"Refused{status}: {finding.explanation or finding.message or finding.category.value.replace('_', ' ')}"


def _limits_table(probe: Probe) -> Table:
    rows = []
    for limit in probe.limits:
        window = window_name(limit.window_s) if limit.window_s is not None else "unknown"
        rows.append(
            (
                label_of(limit) + ("" if limit.known else " *"),
                _left(limit),
                window,
                limit.window_from or "",
                "unknown" if limit.reset_s is None else human_s(limit.reset_s),
            )
        )
    starred = any(not limit.known for limit in probe.limits)
    note = "* read from the words in the header's name alone: no table row knows it" if starred else ""
    return Table(
        ("limit", "left", "window", "told by", "full again in"),
        tuple(rows),
        right=frozenset({1, 4}),
        optional=frozenset({3}),
        note=note,
    )


def _percent(share: float) -> str:
    """Write a share; what is not all or nothing never looks like it."""
    if 0 < share < 0.01:
        return "under 1%"
    return f"{share:.1%}" if 0.995 <= share < 0.9995 else "over 99.9%" if 0.9995 <= share < 1 else f"{share:.0%}"


def _bars(probe: Probe) -> Bars:
    rows = [
        Bar(label_of(limit), share, f"{_percent(share)} left", _tone(share))
        for limit in probe.limits
        if (share := share_left(limit)) is not None
    ]
    return Bars(tuple(rows), title="Left of each limit")


def _over_time(report: HeadersReport) -> LineChart | None:
    """Draw what was left at each probe. A limit is the same limit where the same headers told it."""
    lines: dict[tuple[str, ...], list[tuple[float, float]]] = {}
    names: dict[tuple[str, ...], str] = {}
    for probe in report.probes:
        for limit in probe.limits:
            share = share_left(limit)
            if share is None:
                continue
            told_by = tuple(name.lower() for name in limit.headers)
            lines.setdefault(told_by, []).append((probe.t_s, share * 100))
            if limit.window_s is not None or told_by not in names:
                window = f" per {window_name(limit.window_s)}" if limit.window_s is not None else ""
                names[told_by] = label_of(limit) + window
    refused = tuple((probe.t_s, 0.0) for probe in report.probes if probe.finding is not None)
    tones = (Tone.PLAIN, Tone.GOOD, Tone.WARN, Tone.BAD)
    series = [
        Series(names[told_by], tuple(points), tone=tones[index % len(tones)])
        for index, (told_by, points) in enumerate(lines.items())
        if len(points) > 1
    ]
    if series and refused:
        series.append(Series("refused", refused, scatter=True, tone=Tone.BAD))
    return LineChart(tuple(series), title="Left over time, in percent") if series else None


def _diagnoses(report: HeadersReport) -> tuple[Diagnosis, ...]:
    """Return the latest probe's, whose numbers are fresh, and what only earlier ones saw."""
    latest = report.probes[-1].diagnoses if report.probes else ()
    codes = {diagnosis.code for diagnosis in latest}
    earlier = {each.code: each for probe in report.probes for each in probe.diagnoses if each.code not in codes}
    order = list(Severity)
    return tuple(sorted((*latest, *earlier.values()), key=lambda each: (order.index(each.severity), each.code)))


def page(report: HeadersReport, *, sources: tuple[Source, ...] = (), raw: bool = False) -> Page:
    """Return the screen: the verdict, what is odd, each limit, and over time where there was more than one probe."""
    preface = []
    if report.demo is not None:
        preface.append(f"Demo: these are not your numbers. An emulated {report.demo} account answers, in this process.")
    key = f", key {report.key_shown}" if report.key_shown else ", no key"
    preface.append(f"POST {report.url} as {report.model}{'' if report.demo else key}")
    verdict, tone = _verdict(report)
    blocks: list[Block] = []
    advice: tuple[str, ...] = ()
    if report.probes:
        last = report.probes[-1]
        advice = last.finding.advice if last.finding is not None else ()
        if last.limits:
            bars = _bars(last)
            blocks += [bars] if bars.rows else []
            blocks.append(_limits_table(last))
        if len(report.probes) > 1 and (chart := _over_time(report)):
            blocks.append(chart)
        if last.finding is not None and last.finding.message:
            blocks.append(Lines((last.finding.message,), title="The server's words", wrap=True))
        if raw or last.unknown:
            lines = tuple(f"{name}: {value}" for name, value in last.raw) or ("none",)
            blocks.append(Lines(lines, title="Rate-limit headers as they came"))
    return Page(verdict, tone, _diagnoses(report), tuple(blocks), advice, sources, tuple(preface))


def dry_run_page(target: Target, lines: tuple[str, ...], count: int) -> Page:
    """Return the screen of ``--dry-run``."""
    return Page(
        f"Nothing was sent. {count} request{'s' if count != 1 else ''} like this would go out:",
        blocks=(Lines(lines),),
        preface=(f"provider: {target.dialect.name}, told from {target.told_from}",),
    )


def dry_run_document(target: Target, lines: tuple[str, ...], count: int) -> dict[str, Any]:
    """Return the document of ``--dry-run``: the request as lines, and that nothing was spent."""
    return {
        "schema": "ratecheck.headers/1",
        "target": {
            "provider": target.dialect.name,
            "url": target.url,
            "model": target.model,
            "key": target.key_shown,
            "demo": None,
        },
        "dry_run": {"requests": count, "request": list(lines)},
        "probes": [],
        "spent": {"requests": 0, "tokens": 0},
    }


def document(report: HeadersReport) -> dict[str, Any]:
    """Return ``ratecheck.headers/1``."""
    return {
        "schema": "ratecheck.headers/1",
        "target": {
            "provider": report.provider,
            "url": report.url,
            "model": report.model,
            "key": report.key_shown,
            "demo": report.demo,
        },
        "probes": [_probe(probe) for probe in report.probes],
        "spent": {"requests": report.spent_requests, "tokens": report.spent_tokens},
    }


def _probe(probe: Probe) -> Mapping[str, Any]:
    return {
        "t_s": round(probe.t_s, 6),
        "status": probe.status,
        "latency_s": round(probe.latency_s, 6),
        "request_id": probe.request_id,
        "charged": {"requests": probe.charged_requests, "tokens": probe.charged_tokens},
        "limits": [plain(limit) for limit in probe.limits],
        "finding": None if probe.finding is None else plain(probe.finding),
        "unknown_headers": list(probe.unknown),
        "diagnoses": [plain(diagnosis) for diagnosis in probe.diagnoses],
    }
