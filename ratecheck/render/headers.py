"""The screen and the JSON document of ``ratecheck headers``."""

from collections.abc import Mapping
from typing import Any

from ratecheck.decode.explain import verdict
from ratecheck.durations import human_s, window_name
from ratecheck.headers import HeadersReport, Probe, Target, least_share, share_left
from ratecheck.model import Category, Diagnosis, Dimension, Finding, LimitReading, Severity, Source
from ratecheck.render.as_json import plain
from ratecheck.render.limits import NEARLY_EMPTY, full_name, label_of, left_in, limits_table, tone_of
from ratecheck.render.page import Bar, Bars, Block, LineChart, Lines, Page, Series, Tone
from ratecheck.wording import counted, percent


def line(probe: Probe) -> str:
    """Say one probe in a line, for a monitor whose output is no terminal."""
    if probe.finding is not None and probe.finding.category is not Category.NOT_RATE_LIMIT:
        return f"{probe.t_s:10.1f} s  {refusal_sentence(probe.finding)}"
    if probe.finding is not None and not probe.limits:
        said = f": {probe.finding.message}" if probe.finding.message else ""
        return f"{probe.t_s:10.1f} s  Answered {probe.status}, and not for a limit{said}"
    told = [f"{label_of(limit)} {left_in(limit)}" for limit in probe.limits if limit.remaining is not None]
    return (
        f"{probe.t_s:10.1f} s  {'; '.join(told) or 'no rate-limit header'} ({probe.status}, {human_s(probe.latency_s)})"
    )


def _sentence(limit: LimitReading) -> str:
    """Say what is left of one limit: ``tokens: 12 of 30,000 left this minute: the next prompt over 12 …``."""
    words = f"{label_of(limit)}: {left_in(limit)}"
    if limit.remaining is not None:
        words += " left"
    if limit.window_s is not None:
        words += {60.0: " this minute", 86_400.0: " today", 3600.0: " this hour", 1.0: " this second"}.get(
            limit.window_s, f" per {window_name(limit.window_s)}"
        )
    share = share_left(limit)
    if limit.remaining is not None and share is not None and share < NEARLY_EMPTY:
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
    return "; ".join(_sentence(limit) for limit in told[:4]), tone_of(least_share(last))


def refusal_sentence(finding: Finding) -> str:
    """Say in one line why a request was refused, in the words of ``decode``."""
    return verdict(finding) + (f" ({finding.status})" if finding.status else "")


def _bars(probe: Probe) -> Bars:
    rows = [
        Bar(label_of(limit), share, f"{percent(share)} left", tone_of(share))
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
                names[told_by] = full_name(limit)
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
    if report.probes and not report.probes[-1].complete:
        preface.append("The answer did not come to its end: what the rest of its body says is missing here.")
    verdict, tone = _verdict(report)
    blocks: list[Block] = []
    advice: tuple[str, ...] = ()
    if report.probes:
        last = report.probes[-1]
        advice = last.finding.advice if last.finding is not None else ()
        if last.limits:
            bars = _bars(last)
            blocks += [bars] if bars.rows else []
            blocks.append(limits_table(last.limits))
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
        f"Nothing was sent. {counted(count, 'request')} like this would go out:",
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
        "complete": probe.complete,
        "request_id": probe.request_id,
        "charged": {"requests": probe.charged_requests, "tokens": probe.charged_tokens},
        "limits": [plain(limit) for limit in probe.limits],
        "finding": None if probe.finding is None else plain(probe.finding),
        "unknown_headers": list(probe.unknown),
        "diagnoses": [plain(diagnosis) for diagnosis in probe.diagnoses],
    }
