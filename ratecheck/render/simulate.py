"""The simulation as a page and as a document."""

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from ratecheck.durations import human_s, s_from_ns
from ratecheck.model import Severity, Source
from ratecheck.render.as_json import plain
from ratecheck.render.page import Bar, Bars, Block, LineChart, Lines, Page, Series, Table, Tone
from ratecheck.simulate import Figures, Outcome, Remedy, SimulateReport
from ratecheck.simulate.curves import attempts_per_s, refusals, remaining
from ratecheck.simulate.engine import charges_refusals
from ratecheck.simulate.measured import MEASURED
from ratecheck.simulate.options import PLAIN
from ratecheck.simulate.totals import Attempt
from ratecheck.wording import algorithm_name

# A timeline longer than this is no story: beginnings are shown and the rest is counted.
_TOLD_ATTEMPTS = 14

# Fewer attempts than this make no curve of attempts a second.
_CURVE_ATTEMPTS = 30

# From so many columns on a table has room for more of them.
_WIDE, _WIDEST = 90, 112


def page(report: SimulateReport, width: int = 80) -> Page:
    """Return the page; ``width`` decides how many columns its tables have."""
    if not report.policies:
        return Page("Interrupted before the first run was done.", Tone.WARN)
    first = report.policies[0]
    run = first.outcome.figures
    blocks: list[Block] = []
    if len(report.policies) > 1 or report.replicas > 1:
        blocks.append(_policies(report, width))
    if first.outcome.attempts and (report.scenario.story or run.requests <= 4 * _TOLD_ATTEMPTS):
        blocks.append(_timeline(report, first.outcome.attempts, width))
    else:
        blocks.append(Lines(tuple(textwrap.wrap(_assumed(report), max(width - 2, 20)))))
    blocks += _charts(report)
    blocks += _remedies(report, width)
    return Page(
        _verdict(report), _tone(report), report.diagnoses, tuple(blocks), (), _sources(report),
        preface=_preface(report),
    )  # fmt: skip


def _preface(report: SimulateReport) -> tuple[str, ...]:
    lines = ["Simulated in virtual time; nothing was sent."]
    if report.interrupted:
        lines.append("Interrupted: this is what had been done by then.")
    return tuple(lines)


def _assumed(report: SimulateReport) -> str:
    """Say what the run rests on, also where nobody asked for it."""
    said = report.described
    limits = ", ".join(
        f"{each['limit']:,} {each['dimension'].replace('_', ' ')} in {human_s(each['window_s'])}"
        if each["dimension"] != "concurrency" else f"{each['limit']} at a time"
        for each in said["limits"]
    )  # fmt: skip
    text = f"Assumed: {limits} ({algorithm_name(said['limiter'])}); {_workload(said)}"
    if said["faults"]:
        text += f"; faults {', '.join(said['faults'])}"
    text += f"; seed {report.seed}."
    if not report.scenario.hints:
        text += " Refusals do not say how long to wait (--retry-after: they do)."
    return " ".join((text, *report.notes))


def _workload(said: Mapping[str, Any]) -> str:
    clients = "one client" if said["clients"] == 1 else f"{said['clients']:,} clients"
    calls = "calls" if said["calls"] is None else "1 call" if said["calls"] == 1 else f"{said['calls']:,} calls"
    calls = calls if said["clients"] == 1 else f"{calls} each"
    match said["arrivals"]:
        case "schedule":
            how = f"one every {human_s(said['every_s'])}" if said["every_s"] else "one after the other"
        case "poisson":
            how = f"at random, {said['rate_per_min']:.4g} a minute in all"
        case "burst":
            how = "all at once"
        case _:
            how = "as recorded"
    span = f" for {human_s(said['duration_s'])}" if said["duration_s"] else ""
    return f"{clients}, {calls} {how}{span}" if said["calls"] is None else f"{clients}, {calls}, {how}{span}"


def _verdict(report: SimulateReport) -> str:
    first = report.policies[0]
    run = first.outcome.figures
    if report.scenario.story:
        told = _story(report)
        if told:
            return told
    answered = f"{run.calls_ok:,} of {run.calls:,} calls answered"
    if run.calls_unfinished:
        answered += f", {run.calls_unfinished:,} not over yet"
    became = f"{run.requests:,} requests"
    if run.amplification is not None and run.requests != run.calls:
        became += f" ({run.amplification:.2f} a call)"
    if not run.requests_limited:
        faults = f"{run.requests_faulted:,} of them met a fault, " if run.requests_faulted else ""
        return f"{first.policy}: {answered} with {became}; {faults}nothing was refused by a limit."
    wasted = f"{run.wasted_share:.0%} of them for nothing"
    return f"{first.policy}: {answered} with {became}, {wasted}."


def _story(report: SimulateReport) -> str | None:
    """Tell the default scenario: what the first call cost, and what that did to the next."""
    attempts = report.policies[0].outcome.attempts
    one = [each for each in attempts if each.call == 1]
    two = [each for each in attempts if each.call == 2]
    limit = report.described["rpm"]
    if not one or not two or limit is None:
        return None
    charged = charges_refusals(report.scenario)
    # A lost answer was worked for; a refusal or an error costs where the provider counts it. More than all is not left.
    cost = min(sum(charged or each.outcome == "ok" or each.status is None for each in one), limit)
    failed = "" if one[-1].outcome == "ok" else "failed and "
    words = f"Your one call {failed}cost {cost} of {limit} requests"
    if two[0].outcome != "limited":
        return f"{words}; there was enough left for the next."
    if two[-1].outcome == "ok":
        return f"{words}: the next call, {human_s(s_from_ns(two[0].at_ns))} on, was refused and had to wait."
    return f"{words}: the next call, {human_s(s_from_ns(two[0].at_ns))} on, was refused and failed."


def _tone(report: SimulateReport) -> Tone:
    run = report.policies[0].outcome.figures
    if run.calls_ok < run.calls or any(each.severity is Severity.BAD for each in report.diagnoses):
        return Tone.BAD
    return Tone.WARN if run.requests_limited else Tone.GOOD


# -- tables -----------------------------------------------------------------------------------------------------------


def _timeline(report: SimulateReport, attempts: Sequence[Attempt], width: int) -> Table:
    shown = sorted(attempts, key=lambda each: (each.at_ns, each.call, each.attempt))
    clients = report.scenario.workload.clients > 1
    columns = ["at", "call", "try", "answer", "left", "then"]
    rows = []
    for each in shown[:_TOLD_ATTEMPTS]:
        left = each.remaining.get("requests", next(iter(each.remaining.values()), None))
        call = f"{each.call}" if not clients or width < _WIDE else f"{each.call} (client {each.client + 1})"
        answer = _answer(each) if width >= _WIDE else each.what
        rows.append(
            (_clock(each.at_ns), call, f"{each.attempt}", answer, "-" if left is None else f"{left}", _then(each))
        )
    more = len(shown) - _TOLD_ATTEMPTS
    note = f"… and {more:,} more attempts; --events --json has all of them. " if more > 0 else ""
    return Table(
        tuple(columns),
        tuple(rows),
        title="What really happens",
        right=frozenset({0, 1, 2, 4}),
        note=note + _assumed(report),
    )


def _clock(at_ns: int) -> str:
    seconds = s_from_ns(at_ns)
    minutes, rest = divmod(seconds, 60)
    return f"{int(minutes)}:{rest:05.2f}"


def _answer(each: Attempt) -> str:
    match each.outcome:
        case "ok":
            return "200 OK"
        case "limited":
            return "429 refused"
        case _:
            return f"{each.what} (fault)" if each.status is not None else f"{each.what}: no answer (fault)"


def _then(each: Attempt) -> str:
    if each.delay_ns is not None:
        told = ", as told" if each.told_s is not None and abs(each.told_s - each.delay_ns / 1e9) < 0.002 else ""
        return f"retries after {human_s(s_from_ns(each.delay_ns))}{told}"
    return "done" if each.outcome == "ok" else "gives up: the call fails"


def _figure(outcome: Outcome, name: str, written: str, *, half_too: bool = True) -> str:
    """Write a figure, with half its interval where there are replicas and room for it."""
    found = outcome.intervals.get(name)
    if found is None:
        return "-"
    text = written.format(found.mean)
    if half_too and found.low is not None and found.high is not None and found.high - found.low > 0:
        unit = "%" if text.endswith("%") else ""
        half = written.format((found.high - found.low) / 2).removesuffix("%")
        text = f"{text.removesuffix('%')} ±{half}{unit and ' ' + unit}" if unit else f"{text} ±{half}"
    return text


def _duration(outcome: Outcome, name: str, *, half_too: bool = True) -> str:
    found = outcome.intervals.get(name)
    if found is None:
        return "never" if name == "drained_at_s" else "-"
    if not half_too or found.low is None or found.high is None or found.high - found.low < 1e-9:
        return human_s(found.mean)
    return f"{human_s(found.mean)} ±{human_s((found.high - found.low) / 2)}"


def _row(outcome: Outcome, width: int) -> tuple[str, ...]:
    figures = outcome.figures
    answered = f"{figures.calls_ok}/{figures.calls}" if outcome.replicas == 1 and figures.calls < 100 else _figure(
        outcome, "success_share", "{:.1%}"
    )  # fmt: skip
    # The share of answers always has its interval; the others where it does not squeeze the names.
    wide, widest = width >= _WIDE, width >= _WIDEST
    cells = [answered, _figure(outcome, "requests", "{:,.0f}", half_too=widest)]
    cells.append(_figure(outcome, "amplification", "{:.2f}", half_too=widest))
    if wide:
        cells.append(_figure(outcome, "wasted_share", "{:.0%}", half_too=widest))
        cells.append(_duration(outcome, "drained_at_s", half_too=widest))
    if widest:
        cells.append(_duration(outcome, "latency_p50_s", half_too=False))
    cells.append(_duration(outcome, "latency_p95_s", half_too=widest))
    if widest:
        cells.append(_duration(outcome, "makespan_s", half_too=False))
    return tuple(cells)


def _columns(width: int) -> tuple[str, ...]:
    if width >= _WIDEST:
        return ("answered", "requests", "a call", "wasted", "drained", "p50", "p95", "all over")
    if width >= _WIDE:
        return ("answered", "requests", "a call", "wasted", "drained", "p95")
    return ("answered", "requests", "a call", "p95")


def _policies(report: SimulateReport, width: int) -> Table:
    columns = ("policy", *_columns(width))
    rows = tuple((each.policy, *_row(each.outcome, width)) for each in report.policies)
    done = min((each.outcome.replicas for each in report.policies), default=0)
    of = f"{report.replicas} replicas" if done == report.replicas else f"at least {done} of {report.replicas} replicas"
    note = f"Means of {of}, ± half of the 95 % interval." if report.replicas > 1 else ""
    return Table(columns, rows, "By client", frozenset(range(1, len(columns))), note, whole=frozenset({0}))


def _remedies(report: SimulateReport, width: int) -> list[Block]:
    if not report.remedies:
        return []
    first = report.policies[0]
    columns = ("remedy", *_columns(width))
    rows = [(each.title, *_row(each.outcome, width)) for each in report.remedies]
    rows.insert(0, ("as it is", *_row(first.outcome, width)))
    ranked = "What would help, best first" if len(report.remedies) > 6 else "What each remedy changes"
    right = frozenset(range(1, len(columns)))
    blocks: list[Block] = [Table(columns, tuple(rows), ranked, right, optional=frozenset({2}))]
    if len(report.remedies) > 6:
        blocks.append(_bars(report))
    lines: list[str] = []
    for each in report.remedies:
        lines += _code(each, width)
    version = f"{first.policy} ({first.checked})" if first.checked else first.policy
    blocks.append(Lines(tuple(lines[:-1]), f"How, for {version}"))
    return blocks


def _code(remedy: Remedy, width: int) -> list[str]:
    """Return what a remedy is, wrapped, and its code as it is: code is for copying."""
    words = textwrap.wrap(f"{remedy.title}: {remedy.why}", max(width - 2, 20))
    return [*words, *(f"    {line}" for line in remedy.code), ""]


def _bars(report: SimulateReport) -> Bars:
    rows = []
    for label, outcome in [("as it is", report.policies[0].outcome), *((r.title, r.outcome) for r in report.remedies)]:
        found = outcome.intervals["success_share"]
        share = None if found is None else found.mean
        tone = Tone.PLAIN if share is None else Tone.GOOD if share > 0.99 else Tone.WARN if share > 0.8 else Tone.BAD
        rows.append(Bar(label, share, "?" if share is None else f"{share:.0%}", tone))
    return Bars(tuple(rows), "Calls answered")


def _charts(report: SimulateReport) -> list[Block]:
    first = report.policies[0]
    attempts = first.outcome.attempts
    end_s = max((s_from_ns(each.at_ns) for each in attempts), default=0.0)
    charts: list[Block] = []
    # A little room at the right, so that the last mark is seen.
    left = remaining(report.scenario, attempts, end_s * 1.05)
    if left:
        refused = refusals(attempts, end_s)
        series = [Series("requests left", left, step=True)]
        if refused:
            series.append(Series("refused", refused, scatter=True, tone=Tone.BAD))
        charts.append(LineChart(tuple(series), "Requests left; x marks a refused attempt", height=11))
    if len(attempts) >= _CURVE_ATTEMPTS:
        let_in = attempts_per_s(attempts, end_s, refused=False)
        turned_away = attempts_per_s(attempts, end_s, refused=True)
        series = [Series("let in", let_in, tone=Tone.GOOD), Series("refused", turned_away, tone=Tone.BAD)]
        charts.append(LineChart(tuple(series), "Attempts a second", height=10))
    return charts


def _sources(report: SimulateReport) -> tuple[Source, ...]:
    sources = [each.source for each in report.policies]
    if report.scenario.profile.name not in (PLAIN, MEASURED):
        sources.append(report.scenario.profile.source)
    return tuple(dict.fromkeys(sources))


# -- JSON -------------------------------------------------------------------------------------------------------------


def document(report: SimulateReport, *, events: bool) -> dict[str, Any]:
    """Return the document of the contract; the attempts are in it with ``events``."""
    return {
        "schema": "ratecheck.simulate/1",
        "seed": report.seed,
        "replicas": report.replicas,
        "interrupted": report.interrupted,
        "scenario": report.described,
        "policies": [
            {
                "policy": each.policy, "versions": each.version, **_numbers(each.outcome), "disable": each.disable,
                **({"events": [_event(attempt) for attempt in each.outcome.attempts]} if events else {}),
            }
            for each in report.policies
        ],
        "remedies": [
            {"remedy": each.title, "why": each.why, "code": list(each.code), **_numbers(each.outcome)}
            for each in report.remedies
        ],
        "diagnoses": [
            plain(each) for each in report.diagnoses
        ],
        "notes": list(report.notes),
        "skipped_lines": list(report.skipped),
    }  # fmt: skip


def _numbers(outcome: Outcome) -> dict[str, Any]:
    figures: Figures = outcome.figures
    return {
        "calls": figures.calls, "calls_ok": figures.calls_ok,
        "calls_failed": figures.calls - figures.calls_ok - figures.calls_unfinished,
        "calls_cached": figures.calls_cached, "calls_unfinished": figures.calls_unfinished,
        "requests": figures.requests, "requests_ok": figures.requests_ok, "requests_limited": figures.requests_limited,
        "requests_faulted": figures.requests_faulted,
        "amplification": _rounded(figures.amplification), "success_share": _rounded(figures.success_share),
        "wasted_share": _rounded(figures.wasted_share),
        "drained_at_s": _rounded(figures.drained_at_s), "first_limited_call": figures.first_limited_call,
        "makespan_s": _rounded(figures.makespan_s),
        "call_latency_s": {
            "p50": _rounded(figures.latency_p50_s), "p95": _rounded(figures.latency_p95_s),
            "max": _rounded(figures.latency_max_s),
        },
        "limited_by": dict(figures.limited_by), "stopped": figures.cut, "replicas": outcome.replicas,
        "intervals": {
            name: None if found is None else
            {"mean": _rounded(found.mean), "low": _rounded(found.low), "high": _rounded(found.high)}
            for name, found in outcome.intervals.items()
        } if outcome.replicas > 1 else None,
    }  # fmt: skip


def _rounded(value: float | None) -> float | None:
    # Microseconds: far finer than any of it means, and no tail of binary digits to wonder about.
    return None if value is None else round(value, 6)


def _event(attempt: Attempt) -> dict[str, Any]:
    return {
        "t_s": _rounded(s_from_ns(attempt.at_ns)), "call": attempt.call, "attempt": attempt.attempt,
        "client": attempt.client + 1, "status": attempt.status, "outcome": attempt.outcome,
        "fault": attempt.what if attempt.outcome == "fault" else None,
        "delay_s": None if attempt.delay_ns is None else _rounded(s_from_ns(attempt.delay_ns)),
        "retry_after_s": _rounded(attempt.told_s), "remaining": attempt.remaining,
    }  # fmt: skip
