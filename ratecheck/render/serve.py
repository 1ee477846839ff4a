"""The report of ``serve`` at Ctrl-C as a page, and its line for each request."""

from ratecheck.durations import human_s
from ratecheck.render.page import Bar, Bars, LineChart, Page, Series, Table, Tone
from ratecheck.serve import STRAYS, Remaining, ServeReport

# Below this many requests the table says it all.
_FEWEST_POINTS = 4
# A limit of which this share was left all the time draws a straight line at the top.
_FLAT = 0.99


def _verdict(report: ServeReport) -> tuple[str, Tone]:
    if not report.requests:
        if report.strays:
            return f"Nothing that was asked could be answered: {_strays(report)}.", Tone.BAD
        return "Nobody asked anything.", Tone.PLAIN
    calls = f"{report.calls} call{'s' * (report.calls != 1)}"
    made = f"{calls} made {report.requests} request{'s' * (report.requests != 1)}"
    if report.requests_per_call is not None and report.requests > report.calls:
        made += f", {report.requests_per_call:.3g} a call"
    if not report.requests_limited:
        return f"{made}; no limit was reached.", Tone.GOOD if not report.calls_failed else Tone.WARN
    refused = f"{made}; {report.requests_limited} refused"
    if report.calls_failed:
        return f"{refused}, {report.calls_failed} of the calls failed.", Tone.BAD
    return f"{refused}, every call got through.", Tone.WARN


def _table(report: ServeReport) -> Table:
    rows = [
        ("calls", str(report.calls), f"{report.calls_ok} got an answer, {report.calls_failed} failed"),
        ("requests", str(report.requests), f"{report.requests_ok} answered"),
        ("refused by a limit", str(report.requests_limited), _by_limit(report)),
    ]
    if report.requests_limited:
        rows += [
            ("retried too early", str(report.early_retries), "while the limit was still shut"),
            ("retry-after ignored", str(report.ignored_retry_after), "of these, told how long to wait"),
            ("charged for refusals", str(report.wasted_requests), _wasted(report)),
        ]
    rows += [
        (what, str(count), how)
        for what, count, how in (
            ("broken on purpose", report.requests_faulted, "by --fault"),
            ("hung up on", report.requests_cut, "the client left before the end"),
            ("turned away", sum(report.strays.values()), f"{_strays(report)}; no calls, not counted above"),
        )
        if count
    ]
    rows.append(("tokens reserved", f"{report.reserved_tokens:,}", "at admission"))
    return Table(("", "count", ""), tuple(rows), right=frozenset({1}))


def _strays(report: ServeReport) -> str:
    return ", ".join(
        f"{count} with {status} ({STRAYS.get(status, 'a bug')})" for status, count in report.strays.items()
    )


def _by_limit(report: ServeReport) -> str:
    return ", ".join(f"{count} by {name}" for name, count in report.refusals.items())


def _wasted(report: ServeReport) -> str:
    title = report.profile.title.split(",")[0]
    if report.charges_refusals:
        return f"{title} counts refused requests too"
    return f"{title} takes nothing for a refused request, or does not say"


def _least(line: Remaining) -> tuple[int, float, Tone]:
    """Return the least that was left, as units and as a share, and how that sounds."""
    lowest = min(left for _, left in line.points)
    share = lowest / line.limit if line.limit else 0.0
    return lowest, share, Tone.BAD if lowest == 0 else Tone.WARN if share < 0.1 else Tone.GOOD


def _left(lines: tuple[Remaining, ...]) -> Bars:
    rows = []
    for line in lines:
        lowest, share, tone = _least(line)
        rows.append(Bar(line.name, share, f"{lowest:,} of {line.limit:,}", tone))
    return Bars(tuple(rows), "Least that was left")


def _chart(lines: tuple[Remaining, ...], duration_s: float) -> LineChart:
    series = [
        Series(line.name, _drawn(line, duration_s), step=line.refill_per_s is None, tone=_least(line)[2])
        for line in lines
        if line.limit
    ]
    return LineChart(tuple(series), "Left over time", y_label="% left")


def _drawn(line: Remaining, duration_s: float) -> tuple[tuple[float, float], ...]:
    """Return the line in percent; what refills bit by bit rises between two requests."""
    points: list[tuple[float, float]] = []
    end = (max(duration_s, line.points[-1][0]), None)
    for (at_s, left), (next_s, _) in zip(line.points, (*line.points[1:], end), strict=True):
        points.append((at_s, 100 * left / line.limit))
        if line.refill_per_s is None:
            continue
        full_s = at_s + (line.limit - left) / line.refill_per_s
        if at_s < full_s < next_s:
            points.append((full_s, 100.0))
        points.append((next_s, min(100 * (left + (next_s - at_s) * line.refill_per_s) / line.limit, 100.0)))
    if line.refill_per_s is None:
        points.append((end[0], points[-1][1]))
    return tuple(points)


def page(report: ServeReport) -> Page:
    """Return the report as a page."""
    verdict, tone = _verdict(report)
    profile = report.profile
    who = (f"Clients: {', '.join(report.clients)}.",) if report.clients else ()
    preface = (f"{profile.title} ({profile.name}), {human_s(report.duration_s)}.", *who)
    if not report.requests:
        return Page(verdict, tone, preface=preface)
    lines = tuple(line for line in report.remaining if line.points)
    moved = any(_least(line)[1] < _FLAT for line in lines)
    chart = (_chart(lines, report.duration_s),) if moved and report.requests >= _FEWEST_POINTS else ()
    return Page(
        verdict,
        tone,
        diagnoses=report.diagnoses,
        blocks=(_table(report), *((_left(lines), *chart) if lines else ())),
        sources=report.sources,
        preface=preface,
    )
