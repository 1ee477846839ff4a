"""The screen and the JSON document of ``ratecheck probe``."""

from collections.abc import Mapping, Sequence
from typing import Any

from ratecheck.durations import NS_PER_S, human_s
from ratecheck.identify import Budget, LimiterFound, ProbeReport, Sight
from ratecheck.model import Dimension, Source
from ratecheck.render.as_json import plain
from ratecheck.render.page import Block, LineChart, Lines, Page, Series, Table, Tone
from ratecheck.wording import algorithm_name, units

_SURE = 0.9
_STOPPED = {
    "identified": "sure",
    "budget": "the budget, or what can be seen within it, is used up",
    "limited": "refused, and no further without --to-the-wall",
    "error": "an error",
    "interrupted": "interrupted",
}


def _per(found: LimiterFound) -> str:
    if found.limit is None:
        return "unknown"
    return f"{found.limit:,} in {human_s(found.window_s)}" if found.window_s else f"{found.limit:,} in an unknown time"


def _rate(per_s: float) -> str:
    """Write a refill so that its number is one that a person can hold: by the second, minute or hour."""
    for unit, seconds in (("a second", 1), ("a minute", 60), ("an hour", 3600)):
        if per_s * seconds >= 1:
            return f"{per_s * seconds:,.{'3g' if per_s * seconds < 1000 else '0f'}} {unit}"
    return f"{per_s * 86_400:.3g} a day"


def _sentence(found: LimiterFound) -> str:
    """Say one limiter in a line."""
    hidden = "" if found.announced or found.limit is None else " (enforced, not announced)"
    if found.algorithm == "unknown":
        said = "are announced" if found.announced else "passed at once"
        amount = f", {found.limit:,} {said}" if found.limit is not None else ""
        return f"{found.dimension}: how they are limited is unknown{amount}"
    words = f"{found.dimension}: {_per(found)}{hidden}, {algorithm_name(found.algorithm)}"
    if found.refill_per_s is not None:
        words += f" refilling {_rate(found.refill_per_s)}"
    if found.quantised and found.burst is not None:
        words += f", let through evenly: {found.burst} at once"
    return f"{words} ({found.confidence:.0%} sure)"


def _yes_no(value: bool | None) -> str:
    return {True: "yes", False: "no", None: "unknown"}[value]


def _table(report: ProbeReport) -> Table:
    hidden = any(not found.announced and found.limit is not None for found in report.limiters)
    rows = tuple(
        (
            str(found.dimension) + ("" if found.announced or found.limit is None else " *"),
            _per(found),
            algorithm_name(found.algorithm),
            "unknown" if found.burst is None else f"{found.burst:,}",
            _yes_no(found.charges_rejected),
            "no" if found.algorithm == "unknown" else f"{found.confidence:.0%}",
        )
        for found in report.limiters
    )
    return Table(
        ("limit on", "amount", "algorithm", "at once", "refusals cost", "sure"),
        rows,
        right=frozenset({3, 5}),
        optional=frozenset({4}),
        note="* told from admissions and refusals: no header shows it" if hidden else "",
    )


def _told(limiters: Sequence[LimiterFound]) -> tuple[str, ...]:
    """Return the evidence, each sentence once: what holds for several limits names them all."""
    about: dict[str, list[str]] = {}
    for found in limiters:
        for sentence in found.evidence:
            names = about.setdefault(sentence, [])
            if str(found.dimension) not in names:
                names.append(str(found.dimension))
    several = len({found.dimension for found in limiters}) > 1
    return tuple(f"{' and '.join(names)}: {said}" if several else said for said, names in about.items())


def _questions(report: ProbeReport) -> Table:
    rows = [
        ("Is max_tokens reserved up front?", _yes_no(report.reserves_max_tokens)),
        ("Is what is not produced given back?", _yes_no(report.gives_back_max_tokens)),
        ("Do the reset headers tell the truth?", _yes_no(report.reset_true)),
        ("Does retry-after tell the truth?", _yes_no(report.retry_after_true)),
        ("Does somebody else draw on it?", _yes_no(report.other_client)),
    ]
    if report.second_key:
        rows.append(("Do the two keys share it?", _yes_no(report.keys_share_quota)))
    return Table(("question", "answer"), tuple(rows))


def _chart(report: ProbeReport) -> LineChart | None:
    """Draw the admitted requests over time, and where one was refused."""
    admitted: list[tuple[float, float]] = []
    refused: list[tuple[float, float]] = []
    for sight in report.sights:
        at_s = sight.sent_ns / NS_PER_S
        if sight.admitted:
            admitted.append((at_s, float(len(admitted) + 1)))
        elif sight.admitted is False:
            refused.append((at_s, float(len(admitted))))
    if len(admitted) < 2 or not refused:
        return None
    series = (
        Series("admitted", tuple(admitted), step=True, tone=Tone.GOOD),
        Series("refused", tuple(refused), scatter=True, tone=Tone.BAD),
    )
    return LineChart(series, title="Requests admitted, and where one was refused")


def _spent(report: ProbeReport) -> str:
    return (
        f"{units(Dimension.REQUESTS, report.requests_spent)}, {units(Dimension.TOKENS, report.tokens_spent)}, "
        f"{human_s(report.waited_s)} of waiting; "
        f"stopped: {_STOPPED[report.stopped]}" + (f" ({report.fatal})" if report.fatal else "")
    )


def _tone(report: ProbeReport) -> Tone:
    first = report.limiters[0] if report.limiters else None
    if first is None or report.stopped == "error":
        return Tone.BAD
    return Tone.GOOD if first.algorithm != "unknown" and first.confidence >= _SURE else Tone.WARN


def page(report: ProbeReport, target: Mapping[str, Any], *, sources: tuple[Source, ...] = ()) -> Page:
    """Return the screen: what limits, how sure, why, and what it cost to find out."""
    preface = []
    if target.get("demo"):
        preface.append(
            f"Demo: these are not your numbers. An emulated {target['demo']} account answers, in this process."
        )
    preface.append(f"POST {target['url']} as {target['model']}")
    requests = [found for found in report.limiters if found.dimension is Dimension.REQUESTS] or list(report.limiters)
    verdict = "; ".join(_sentence(found) for found in requests[:2]) or "Nothing was found out."
    if report.fatal is not None and not any(sight.admitted for sight in report.sights):
        verdict = f"Nothing was found out: {report.fatal}"
    blocks: list[Block] = []
    if report.limiters:
        blocks += [_table(report), _questions(report)]
        blocks.append(Lines(_told(report.limiters), title="How it was told", wrap=True))
    if (chart := _chart(report)) is not None:
        blocks.append(chart)
    blocks.append(Lines((_spent(report),), title="Spent", wrap=True))
    return Page(verdict, _tone(report), report.diagnoses, tuple(blocks), _advice(report), sources, tuple(preface))


def _advice(report: ProbeReport) -> tuple[str, ...]:
    advice = []
    if any(found.limit and found.window_s for found in report.limiters):
        advice.append(
            "`ratecheck probe … --json | ratecheck simulate --limits -` shows what your client's retries make of it."
        )
    if not report.budget.to_the_wall and any(found.algorithm == "unknown" for found in report.limiters):
        advice.append("Allow a 429 with --to-the-wall: it shows what headers do not.")
    return tuple(advice)


def document(report: ProbeReport, target: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``ratecheck.probe/1``."""
    return {
        "schema": "ratecheck.probe/1",
        "target": dict(target),
        "budget": _budget(report.budget),
        "spent": {
            "requests": report.requests_spent,
            "tokens": report.tokens_spent,
            "wait_s": round(report.waited_s, 3),
        },
        "stopped": report.stopped,
        "error": report.fatal,
        "limiters": [_limiter(found) for found in report.limiters],
        "reserves_max_tokens": report.reserves_max_tokens,
        "gives_back_max_tokens": report.gives_back_max_tokens,
        "keys_share_quota": report.keys_share_quota,
        "reset_true": report.reset_true,
        "retry_after_true": report.retry_after_true,
        "other_client": report.other_client,
        "diagnoses": [plain(diagnosis) for diagnosis in report.diagnoses],
        "probes": [_probe(sight) for sight in report.sights],
    }


def _limiter(found: LimiterFound) -> dict[str, Any]:
    # A share beside "unknown" would be read as how sure the rest is.
    return {**plain(found), "confidence": None if found.algorithm == "unknown" else found.confidence}


def dry_run_document(budget: Budget, target: Mapping[str, Any], lines: tuple[str, ...]) -> dict[str, Any]:
    """Return the document of ``--dry-run``: what would be spent at most, and that nothing was."""
    return {
        "schema": "ratecheck.probe/1",
        "target": dict(target),
        "budget": _budget(budget),
        "dry_run": {"requests": budget.requests, "request": list(lines)},
        "spent": {"requests": 0, "tokens": 0, "wait_s": 0.0},
        "stopped": None,
        "limiters": [],
        "reserves_max_tokens": None,
        "keys_share_quota": None,
        "probes": [],
    }


def dry_run_page(budget: Budget, lines: tuple[str, ...]) -> Page:
    """Return the screen of ``--dry-run``."""
    return Page(f"Nothing was sent. {cost_sentence(budget)}", blocks=(Lines(lines, title="Each request"),))


def cost_sentence(budget: Budget) -> str:
    """Say what a probe spends at most."""
    tokens = f", {units(Dimension.TOKENS, budget.tokens)}" if budget.tokens is not None else ""
    reserve = (
        "a 429 may be provoked"
        if budget.to_the_wall
        else f"{budget.leave:.0%} of every announced limit on requests is left"
    )
    return (
        f"At most {units(Dimension.REQUESTS, budget.requests)}{tokens}, {human_s(budget.wait_s)} of waiting; {reserve}."
    )


def _budget(budget: Budget) -> dict[str, Any]:
    return {
        "requests": budget.requests,
        "tokens": budget.tokens,
        "wait_s": budget.wait_s,
        "leave_percent": budget.leave * 100,
        "to_the_wall": budget.to_the_wall,
    }


def _probe(sight: Sight) -> dict[str, Any]:
    return {
        "t_s": round(sight.sent_ns / NS_PER_S, 6),
        "key": sight.key,
        "status": sight.status,
        "latency_s": round((sight.answered_ns - sight.sent_ns) / NS_PER_S, 6),
        "admitted": sight.admitted,
        "charged": {"requests": 1, "tokens": sight.tokens},
        "limits": [plain(limit) for limit in sight.limits],
        "retry_after_s": sight.retry_after_s,
    }
