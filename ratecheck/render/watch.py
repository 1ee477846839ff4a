"""A watched run as a page, as a JSON document, and as the view that moves while it runs."""

from typing import Any

from ratecheck.calls import Call, Layer
from ratecheck.calls.tally import Tally
from ratecheck.diagnose.traffic import Load, loads
from ratecheck.durations import human_s, s_from_ns
from ratecheck.model import Severity, Source
from ratecheck.redact import neutralise
from ratecheck.render.as_json import plain
from ratecheck.render.limits import full_name, tone_of
from ratecheck.render.page import Bar, Bars, LineChart, Page, Series, Table, Tone
from ratecheck.watch.report import WatchReport
from ratecheck.wording import counted, left_of

# Rows of calls in a report; the others are in --json and in the recording.
_MOST_ROWS = 12
# Statuses of a call that are spelled out before the rest is counted.
_MOST_STATUSES = 8

SCHEMA = "ratecheck.watch/1"


def page(report: WatchReport) -> Page:
    """Say what a run has shown."""
    tally = report.tally
    if not tally.requests:
        return Page("No request passed through.", Tone.WARN, report.diagnoses)
    blocks: list[Any] = [_calls_table(tally)]
    if len(tally.by_number) > 1:
        blocks.append(_numbers_table(tally))
    if len(tally.by_client) > 1:
        blocks.append(_clients_table(tally))
    bars = _limit_bars(loads(tally))
    if bars.rows:
        blocks.append(bars)
    if tally.requests >= 4 and tally.span_s >= 0.5:
        blocks.append(_chart(tally))
    return Page(
        _verdict(report), _tone(report), report.diagnoses, tuple(blocks),
        advice=_advice(report), sources=_sources(report),
    )  # fmt: skip


def _verdict(report: WatchReport) -> str:
    tally = report.tally
    calls, requests = counted(tally.calls, "call"), counted(tally.requests, "request")
    if tally.requests > tally.calls:
        says = f"{calls} became {requests}: {tally.amplification:.2f} for each"
    else:
        says = f"{calls}, {requests}: one for each"
    if tally.limited:
        says += f"; {tally.limited:,} refused by a limit"
    elif tally.failed:
        says += f"; {tally.failed:,} of the requests failed"
    lost = tally.calls - tally.calls_ok
    if lost and tally.failed:
        says += f", {counted(lost, 'call')} never got through"
    if report.over:
        says += f" (more than the {report.fail_over:g} allowed)"
    return says + "."


def _tone(report: WatchReport) -> Tone:
    severities = {diagnosis.severity for diagnosis in report.diagnoses}
    if report.over or Severity.BAD in severities:
        return Tone.BAD
    return Tone.WARN if Severity.WARN in severities else Tone.GOOD


def _calls_table(tally: Tally) -> Table:
    shown = tally.notable()
    if len(shown) > _MOST_ROWS:
        most = sorted(shown, key=lambda call: -len(call.attempts))[:_MOST_ROWS]
        shown = sorted(most, key=lambda call: call.started_ns)
    clients = len(tally.by_client) > 1
    rows = []
    for call in shown:
        first = call.attempts[0].request
        row = [
            _clock(s_from_ns(call.started_ns - (tally.epoch_ns or 0))),
            neutralise(first.model or first.target.rsplit("/", 1)[-1], 40),
            str(len(call.attempts)),
            _statuses(call),
            _waits(call),
            _who(call),
        ]
        rows.append((*row[:2], neutralise(first.sender.title, 30), *row[2:]) if clients else tuple(row))
    columns = ["at", "model", "requests", "answers", "waited", "retried by"]
    if clients:
        columns.insert(2, "client")
    hidden = tally.calls - len(shown)
    note = f"and {counted(hidden, 'more call')} with as many requests or fewer" if hidden > 0 else ""
    return Table(tuple(columns), tuple(rows), "Calls", frozenset({0, columns.index("requests")}), note)


def _clock(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds < 100 else human_s(seconds)


def _statuses(call: Call) -> str:
    texts = [_status(attempt.outcome.status, attempt.outcome.cut) for attempt in call.attempts]
    if len(texts) > _MOST_STATUSES:
        left = len(texts) - _MOST_STATUSES
        texts = [*texts[: _MOST_STATUSES - 1], f"(+{left})", texts[-1]]
    return " ".join(texts)


def _status(status: int | None, cut: str | None) -> str:
    if status is None:
        return "hung-up" if cut == "client" else "none"
    return f"{status}-broken" if cut == "upstream" else str(status)


def _waits(call: Call) -> str:
    waits = [s_from_ns(wait) for wait in call.waits_ns()]
    if not waits:
        return ""
    shown = [f"{wait:.2f}" if wait < 10 else f"{wait:.0f}" for wait in waits[:3]]
    return " ".join([*shown, "…"] if len(waits) > 3 else shown) + " s"


def _who(call: Call) -> str:
    counts = {layer: call.layers.count(layer) for layer in (Layer.SDK, Layer.WRAPPER, Layer.APP)}
    return ", ".join(f"{layer.value} {number}" for layer, number in counts.items() if number)


def _numbers_table(tally: Tally) -> Table:
    names = {1: "first try", 2: "1st retry", 3: "2nd retry", 4: "3rd retry"}
    rows = tuple(
        (names.get(number, f"{number - 1}th retry"), f"{share.requests:,}", f"{share.limited:,}",
         f"{share.limited / share.requests:.0%}")
        for number, share in sorted(tally.by_number.items())[:10]
    )  # fmt: skip
    return Table(("attempt", "requests", "refused", "share"), rows, "Refusals by attempt", frozenset({1, 2, 3}))


def _clients_table(tally: Tally) -> Table:
    ordered = sorted(tally.by_client.items(), key=lambda item: -item[1].requests)[:10]
    rows = tuple(
        (neutralise(name, 50), f"{share.calls:,}", f"{share.requests:,}", f"{share.limited:,}",
         f"{share.requests / share.calls:.2f}" if share.calls else "")
        for name, share in ordered
    )  # fmt: skip
    return Table(
        ("client", "calls", "requests", "refused", "per call"), rows, "By client", frozenset({1, 2, 3, 4})
    )  # fmt: skip


def _limit_bars(found: list[Load]) -> Bars:
    rows = []
    for load in found[:8]:
        reading, lowest = load.use.reading, load.use.lowest_remaining
        if reading.remaining is None and reading.limit is None:
            continue
        share = min(max(lowest / reading.limit, 0.0), 1.0) if reading.limit and lowest is not None else None
        rows.append(
            Bar(full_name(reading), share, f"{left_of(lowest, reading.limit)} left at the lowest", tone_of(share))
        )
    return Bars(tuple(rows), "Limits, as the answers state them" if rows else "")


def _chart(tally: Tally) -> LineChart:
    pace = tally.pace
    # Times count from the first request here: what an app does before it is not traffic.
    start = min(pace.requests, default=0)
    end = max(pace.requests, default=0)

    def summed(counter: dict[int, int]) -> tuple[tuple[float, float], ...]:
        total, points = 0, []
        for span in range(start, end + 1):
            total += counter.get(span, 0)
            points.append(((span - start) * pace.span_s, float(total)))
        return tuple(points)

    return LineChart(
        (
            Series("requests", summed(pace.requests), step=True, tone=Tone.BAD),
            Series("calls", summed(pace.calls), step=True, tone=Tone.GOOD),
        ),
        "Requests and calls since the first one",
    )


def _advice(report: WatchReport) -> tuple[str, ...]:
    lines = []
    if report.recording is not None:
        lines.append(f"See what other policies would do: `ratecheck simulate --workload {report.recording}`.")
    if report.lost_lines:
        lines.append(f"{counted(report.lost_lines, 'line')} of the recording could not be written or read.")
    for trouble, number in report.troubles[:5]:
        lines.append(f"{counted(number, 'request')} answered with 502 by ratecheck: the upstream {trouble}.")
    return tuple(lines)


def _sources(report: WatchReport) -> tuple[Source, ...]:
    from ratecheck import clients

    rows = [clients.row(sdk) for sdk, _ in report.tally.sdks]
    return tuple(row.source for row in rows if row is not None and row.source is not None)


def document(report: WatchReport) -> dict[str, Any]:
    """Return the JSON document; ``calls`` is empty here and filled in by who holds them."""
    tally = report.tally
    return {
        "schema": SCHEMA,
        "upstream": report.upstreams[0] if len(report.upstreams) == 1 else ", ".join(report.upstreams),
        "calls": [],
        "totals": {
            "calls": tally.calls,
            "requests": tally.requests,
            "limited": tally.limited,
            "amplification": tally.amplification,
            "calls_ok": tally.calls_ok,
            "failed": tally.failed,
            "unanswered": tally.unanswered,
            "retries": {layer.value: tally.layers[layer] for layer in (Layer.SDK, Layer.WRAPPER, Layer.APP)},
            "charged_tokens": tally.charged_tokens if tally.charged_requests else None,
            "span_s": tally.span_s,
        },
        "by_attempt": [
            {"attempt": number, "requests": share.requests, "limited": share.limited}
            for number, share in sorted(tally.by_number.items())
        ],
        "by_client": {
            name: {"calls": share.calls, "requests": share.requests, "limited": share.limited}
            for name, share in tally.by_client.items()
        },
        "diagnoses": [
            plain(each) for each in report.diagnoses
        ],
        "remedies": report.remedies,
        "recording": report.recording,
        "lost_lines": report.lost_lines,
        "fail_over": report.fail_over,
        "over": report.over,
        "exit_code": report.exit_code,
    }  # fmt: skip
