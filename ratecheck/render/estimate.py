"""The report of ``estimate`` as a page; as JSON it is in ``estimate_document``."""

import heapq
import statistics
from collections.abc import Sequence

from ratecheck.dialects.charging import ASSUMED, RULES, rule_for
from ratecheck.durations import human_s, human_wait_s
from ratecheck.estimate.fit import Fit
from ratecheck.estimate.report import PromptEstimate, Report
from ratecheck.model import Dimension, Source
from ratecheck.render.page import Bar, Bars, Block, Page, Table, Tone

# More prompts than this are summed up; the largest are still named.
_LISTED = 12
_BARS = 10
# Prompts that never fit, drawn beside the largest that does.
_NAMED = 3


def _count(number: float) -> str:
    return f"{number:,.0f}" if number >= 100 or number == int(number) else f"{number:,.3g}"


def _pace(per_minute: float) -> str:
    # Less than one an hour is a daily limit's doing.
    return f"{_count(per_minute)} a minute" if per_minute * 60 >= 1 else f"{_count(per_minute * 1440)} a day"


def _shortened(source: str, most: int = 36) -> str:
    return source if len(source) <= most else "…" + source[-most + 1 :]


def _figure(prompt: PromptEstimate) -> str:
    mark = "≥ " if prompt.open_ended else "~" if prompt.band else ""
    return f"{mark}{prompt.prompt_tokens:,}"


def _exactness(report: Report) -> str:
    if report.token_error_band is not None:
        return "estimated"
    prompts = report.prompts
    if any(prompt.open_ended for prompt in prompts.inexact):
        return "at least"
    return "about" if prompts.inexact or any(prompt.model.assumed for prompt in prompts.kinds) else "exactly"


def _verdict(report: Report) -> tuple[str, Tone]:
    prompts, fit = report.prompts, report.fit
    one = len(prompts) == 1
    what = prompts[0].source if one else f"{len(prompts):,} requests"
    if report.interrupted:
        what = f"interrupted; the first {len(prompts):,} read" if not one else f"interrupted; the first, {what}"
    said = f"{what}: {_exactness(report)} {report.prompt_tokens:,} prompt tokens; the limiter takes "
    said += f"{report.charged_tokens:,}"
    if fit is None:
        return said, Tone.PLAIN
    never = {each.source for each in fit.never_fits if each.certain}
    if len(never) == len(prompts):
        return f"{said}, and {'it' if one else 'none of them'} can ever pass" if not one else (
            f"{said}: it can never pass"
        ), Tone.BAD  # fmt: skip
    if fit.per_minute is None or fit.binding is None:
        return f"{said}; nothing of it counts against these limits", Tone.GOOD
    said += f"; {_pace(fit.per_minute)} fit, {fit.binding.short.upper()} binds"
    if never:
        return f"{said}; {len(never):,} can never pass", Tone.BAD
    return said, Tone.WARN if fit.never_fits else Tone.GOOD


def _rows(report: Report) -> Table:
    prompts = report.prompts
    shown: Sequence[PromptEstimate] = prompts
    said = _said(report)
    if len(prompts) > _LISTED:
        shown = [prompts[at] for at in heapq.nlargest(_LISTED, range(len(prompts)), prompts.charged.__getitem__)]
        said.insert(0, f"the {_LISTED} that are charged most, of {len(report.prompts):,}")
    one_model = len(report.prompts.models) == 1
    rows = tuple(
        (
            _shortened(prompt.source),
            *(() if one_model else (prompt.model.name,)),
            _figure(prompt),
            _output(prompt),
            f"{prompt.charged_tokens:,}",
            ""
            if prompt.charge.low_tokens == prompt.charge.high_tokens
            else f"{prompt.charge.low_tokens:,}-{prompt.charge.high_tokens:,}",
        )
        for prompt in shown
    )
    columns = ("prompt", *(() if one_model else ("model",)), "tokens", "max output", "charged", "range")
    right = frozenset(range(1 if one_model else 2, len(columns)))
    return Table(columns, rows, right=right, note="\n".join(said))


def _output(prompt: PromptEstimate) -> str:
    if prompt.max_output_tokens is None:
        return "-"
    return f"{prompt.max_output_tokens:,}" + (f" x {prompt.n}" if prompt.n > 1 else "")


def _said(report: Report) -> list[str]:
    """Say how the figures of the table came about."""
    first = report.prompts[0]
    named = f"{first.model.name}, " if len(report.prompts.models) == 1 else ""
    stands_in = any(prompt.model.row.stands_in for prompt in report.prompts.kinds)
    how = "times a factor" if stands_in else "as tiktoken counts them"
    said = [f"tokens: {named}{' and '.join(report.encodings)}, {how}"]
    if report.token_engine == "none":
        said = ["tokens: estimated by script, no vocabulary at hand"]
    if len(report.prompts) == 1 and first.text_tokens is not None and first.text_tokens != first.prompt_tokens:
        said.append(f"the text alone is {first.text_tokens:,}; sent as one user message, {first.prompt_tokens:,}")
    rules = report.prompts.rules[:3]
    said += [f"charged: {rule.says} ({rule.name}); range: where recorded charges lie" for rule in rules]
    if len(report.prompts) == 1 and not first.open_ended:
        said += first.notes
    return said


def _spread(report: Report) -> Table:
    def row(name: str, figures: list[int]) -> tuple[str, ...]:
        values = sorted(figures)
        ninety = values[min(len(values) * 95 // 100, len(values) - 1)]
        middle = statistics.median(values)
        shown = (sum(values), values[0], middle, sum(values) / len(values), ninety, values[-1])
        return (name, *(f"{figure:,.0f}" for figure in shown))

    return Table(
        ("", "all", "smallest", "median", "mean", "95 %", "largest"),
        (row("prompt tokens", report.prompts.tokens), row("charged", report.prompts.charged)),
        right=frozenset(range(1, 7)),
    )


def _parts(prompt: PromptEstimate) -> Table:
    rows = tuple(
        (part.what, f"{part.tokens:,}", "exact" if part.low == part.high else f"{part.low:,}-{part.high:,}")
        for part in prompt.parts
    )
    return Table(("part", "tokens", "certainty"), rows, title="What the prompt is made of", right=frozenset({1}))


def _bars(title: str, figures: list[tuple[str, int]]) -> Bars:
    most = max((tokens for _, tokens in figures), default=0)
    rows = tuple(Bar(_shortened(label, 28), tokens / most if most else 0.0, f"{tokens:,}") for label, tokens in figures)
    return Bars(rows, title)


def _breakdown(report: Report) -> Bars | None:
    first = report.prompts[0]
    if len(report.prompts) == 1 and len(first.by_message) > 1:
        messages = [(f"{place} {role}", tokens) for place, (role, tokens) in enumerate(first.by_message, 1)]
        if len(messages) > _BARS:
            # The longest in their order: a long history is dominated by a few.
            kept = sorted(sorted(messages, key=lambda each: -each[1])[:_BARS], key=messages.index)
            return _bars(f"Tokens by message, the {_BARS} longest of {len(messages)}", kept)
        return _bars("Tokens by message", messages)
    if 1 < len(report.prompts) <= _LISTED:
        return _bars("Tokens by prompt", [(each.source, each.prompt_tokens) for each in report.prompts])
    return None


def _of(amount: int, limit: int, decimals: int) -> str:
    return f"{amount:,} of {limit:,}" + (f" ({amount / limit:.{decimals}%})" if limit else "")


def _shares(report: Report, fit: Fit) -> Bars:
    rows = []
    many = len(report.prompts) > 1
    barred = set() if many else {each.limit for each in fit.never_fits[:_NAMED]}
    for share in fit.shares:
        if share.limit in barred:
            continue  # its bar stands below
        total = share.total if share.limit.window_s >= 86_400 else share.largest
        part = total / share.limit.limit if share.limit.limit else 1.0
        tone = Tone.BAD if part > 1 else Tone.WARN if part > 0.5 else Tone.GOOD
        rows.append(Bar(share.limit.short.upper(), part, _of(total, share.limit.limit, 1), tone))
    for never in fit.never_fits[:_NAMED]:
        part = never.charged_tokens / never.limit.limit if never.limit.limit else 1.0
        said = _of(never.charged_tokens, never.limit.limit, 0)
        rows.append(Bar(f"{never.limit.short.upper()} {_shortened(never.source, 20)}", part, said, Tone.BAD))
    return Bars(
        tuple(rows), f"Share of each limit: {'the largest prompt; of a day, all of them' if many else 'one prompt'}"
    )


def _fit_table(fit: Fit) -> Table:
    rows = []
    for share in fit.shares:
        binds = share.limit is fit.binding
        rate = "-" if share.per_minute is None else _count(share.per_minute)
        now = "-" if share.fits_now is None else f"{share.fits_now:,}"
        needed = "never" if share.minutes_for_all == float("inf") else human_s(share.minutes_for_all * 60)
        name = f"{share.limit.short.upper()} {share.limit.limit:,}" + (
            " (a minute assumed)" if share.limit.assumed_window else ""
        )
        rows.append((name, rate, needed, now, "binds" if binds else ""))
    note = ""
    if fit.interval_s is not None:
        note = f"safe interval between the starts of two calls: {human_wait_s(fit.interval_s)}"
        if any(share.limit.window_s == 60 and share.limit.dimension is Dimension.REQUESTS for share in fit.shares):
            note += "; per-minute limits may be enforced in slices of 1 s or 10 s, so spread the calls evenly"
    columns = ("limit", "a minute", "time for all", "left now fits", "")
    return Table(columns, tuple(rows), title="How they fit", right=frozenset({1, 2, 3}), note=note)


def _needs(report: Report) -> Table:
    """Say what a pace needs of limits that nobody has told us."""
    mean = report.charged_tokens / len(report.prompts)
    rows = tuple(
        (f"{pace:,} a minute", f"{pace:,}", f"{-(-mean * pace // 1):,.0f}", f"{pace * 1440:,}")
        for pace in (1, 10, 60, 600)
    )
    title = "What a pace needs (your limits are not known here)"
    return Table(("calls", "RPM", "TPM", "RPD if all day"), rows, title=title, right=frozenset({1, 2, 3}))


def _elsewhere(report: Report) -> Table | None:
    """Show one OpenAI prompt under the rules of the other places that serve the same models."""
    prompt = report.prompts[0]
    if prompt.model.row.provider not in ("openai", "azure") or prompt.endpoint not in ("chat", "responses"):
        return None
    rows = []
    for provider, endpoint, name in (
        ("openai", "chat", "OpenAI, Chat Completions"),
        ("openai", "responses", "OpenAI, Responses"),
        ("azure", "chat", "Azure OpenAI"),
    ):
        rule = rule_for(provider, endpoint, model=prompt.model.name)
        if rule is not None:
            charge = rule.charge(prompt.ask)
            rows.append((name + (" *" if rule is prompt.rule else ""), f"{charge.tokens:,}", rule.says))
    return Table(("where", "charged", "rule"), tuple(rows), title="The same prompt elsewhere", right=frozenset({1}))


def _changes(fit: Fit) -> Table:
    rows = tuple((change.what, _count(change.per_minute), f"x {change.factor:.2g}") for change in fit.changes)
    return Table(("change", "a minute", ""), rows, title="What would buy more", right=frozenset({1, 2}))


def _sources(report: Report) -> tuple[Source, ...]:
    found = [rule.source for rule in report.prompts.rules]
    found += [prompt.model.row.source for prompt in report.prompts[:_LISTED]]
    found += [part.source for prompt in report.prompts[:_LISTED] for part in prompt.parts if part.source is not None]
    return tuple(dict.fromkeys(found))


def page(report: Report) -> Page:
    """Build what a person reads."""
    verdict, tone = _verdict(report)
    first, one = report.prompts[0], len(report.prompts) == 1
    blocks: list[Block] = [_rows(report)]
    if len(report.prompts) > _LISTED:
        blocks.append(_spread(report))
    if one and first.parts:
        blocks.append(_parts(first))
    breakdown = _breakdown(report)
    if breakdown is not None:
        blocks.append(breakdown)
    advice: list[str] = []
    if report.fit is not None:
        blocks += [_fit_table(report.fit), _shares(report, report.fit)]
        if report.fit.changes:
            blocks.append(_changes(report.fit))
    else:
        blocks.append(_needs(report))
        elsewhere = _elsewhere(report) if one else None
        if elsewhere is not None:
            blocks.append(elsewhere)
        advice.append(
            "Limits differ by account and change: give yours with --rpm and --tpm, or read them off one answer with "
            "`ratecheck headers --json | ratecheck estimate FILE --limits -`."
        )
        if all(prompt.ask.max_output_tokens is None for prompt in report.prompts):
            advice.append("No largest output is stated: --max-output-tokens N shows what reserving it costs.")
    return Page(verdict, tone, report.diagnoses, tuple(blocks), tuple(advice), _sources(report))


def rules_page() -> Page:
    """List every charging rule."""
    rows = tuple(
        (rule.name, rule.provider, f"{rule.since} - {rule.until or 'today'}", rule.says) for rule in (*RULES, ASSUMED)
    )
    table = Table(("rule", "provider", "period", "what it takes"), rows)
    return Page(f"{len(rows)} charging rules", blocks=(table,), sources=tuple(rule.source for rule in RULES))
