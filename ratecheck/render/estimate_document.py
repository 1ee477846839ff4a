"""The report of ``estimate`` as JSON, written in parts: a batch's rows are never all in memory as text."""

import json
from collections.abc import Iterator
from typing import Any

from ratecheck.dialects.charging import ChargingRule
from ratecheck.estimate.fit import Fit, NeverFits
from ratecheck.estimate.report import PromptEstimate, Report
from ratecheck.render.as_json import plain


def _prompt(prompt: PromptEstimate) -> dict[str, Any]:
    return {
        "source": prompt.source,
        "model": prompt.model.name,
        "endpoint": prompt.endpoint,
        "prompt_tokens": prompt.prompt_tokens,
        "prompt_tokens_band": prompt.band,
        "text_tokens": prompt.text_tokens,
        "max_output_tokens": prompt.max_output_tokens,
        "n": prompt.n,
        "images": prompt.images,
        "charging": prompt.rule.name,
        "charged_tokens": prompt.charged_tokens,
        "charged_input_tokens": prompt.charge.input_tokens,
        "charged_tokens_band": (prompt.charge.low_tokens, prompt.charge.high_tokens),
        "billed_tokens_max": prompt.billed_tokens_max,
        "parts": [
            {"part": part.what, "tokens": part.tokens, "tokens_band": (part.low, part.high)} for part in prompt.parts
        ],
        "lower_bound": prompt.open_ended,
        "notes": prompt.notes,
    }


class _Rows:
    """Writes prompts as JSON; a batch has a hundred thousand that differ in a few whole numbers.

    Those of one kind share what surrounds the numbers: a fifth of the time of making a dictionary of each.
    """

    def __init__(self) -> None:
        self._kinds: dict[tuple[str, str, str, str], tuple[str, str]] = {}

    def __call__(self, prompt: PromptEstimate) -> str:
        ask = prompt.ask
        if prompt.line is None or prompt.parts or prompt.notes or prompt.band or prompt.open_ended or ask.images:
            return json.dumps(_prompt(prompt))
        kind = (prompt.file, prompt.model.name, prompt.endpoint, prompt.rule.name)
        around = self._kinds.get(kind)
        if around is None:
            around = self._kinds[kind] = _around(prompt)
        before, after = around
        taken, reserved, low, high = prompt.charge
        most = ask.max_output_tokens
        stated, billed = ("null", "null") if most is None else (most, ask.prompt_tokens + max(ask.n, 1) * most)
        return (
            f'{before}{prompt.line}", "prompt_tokens": {ask.prompt_tokens}, "charged_tokens": {taken + reserved}, '
            f'"charged_input_tokens": {taken}, "charged_tokens_band": [{low}, {high}], '
            f'"max_output_tokens": {stated}, "n": {ask.n}, "billed_tokens_max": {billed}, {after}'
        )


_NUMBERS = ("source", "prompt_tokens", "charged_tokens", "charged_input_tokens", "charged_tokens_band",
            "max_output_tokens", "n", "billed_tokens_max")  # fmt: skip


def _around(prompt: PromptEstimate) -> tuple[str, str]:
    """Return what stands before a prompt's line number and after its other numbers."""
    shared = {key: value for key, value in _prompt(prompt).items() if key not in _NUMBERS}
    return f'{{"source": {json.dumps(prompt.file)[:-1]}:', json.dumps(shared)[1:]


def _rule(rule: ChargingRule) -> dict[str, Any]:
    return {
        "name": rule.name,
        "says": rule.says,
        "since": rule.since,
        "until": rule.until,
        "source": rule.source.url,
        "date": rule.source.date,
        "verified": rule.source.verified,
    }


def _never(never: NeverFits) -> dict[str, Any]:
    return {
        "source": never.source,
        "charged_tokens": never.charged_tokens,
        "charged_tokens_band": (never.low_tokens, never.high_tokens),
        "limit": never.limit.at_once,
        "dimension": never.limit.dimension,
        "window_s": never.limit.window_s,
        "certain": never.certain,
        "charged_tokens_without_output": never.without_output,
    }


def _fit(fit: Fit | None) -> dict[str, Any]:
    if fit is None:
        return {
            "per_minute": None, "binding": None, "minutes_for_all": None, "never_fits": [], "never_fits_details": [],
            "interval_s": None, "by_limit": [], "changes": [],
        }  # fmt: skip
    return {
        "per_minute": fit.per_minute,
        "binding": fit.binding.dimension if fit.binding is not None else None,
        "minutes_for_all": fit.minutes_for_all,
        "never_fits": list(dict.fromkeys(each.source for each in fit.never_fits if each.certain)),
        "never_fits_details": [_never(each) for each in fit.never_fits],
        "interval_s": fit.interval_s,
        "by_limit": [
            {
                "dimension": share.limit.dimension,
                "window_s": share.limit.window_s,
                "limit": share.limit.limit,
                "charged": share.total,
                "charged_largest": share.largest,
                "per_minute": share.per_minute,
                "minutes_for_all": share.minutes_for_all,
                "fits_now": share.fits_now,
            }
            for share in fit.shares
        ],
        "changes": [
            {"change": change.what, "per_minute": change.per_minute, "factor": change.factor} for change in fit.changes
        ],
    }


def document(report: Report) -> Iterator[str]:
    """Yield the one JSON document in parts."""
    rules = report.prompts.rules
    named = {"rpm": None, "tpm": None, "rpd": None} | {limit.short: limit.limit for limit in report.limits}
    head = {
        "schema": "ratecheck.estimate/1",
        "model": report.prompts[0].model.name if len(report.prompts.models) == 1 else None,
        "models": report.prompts.models,
        "encoding": report.encodings[0] if len(report.encodings) == 1 else None,
        "encodings": report.encodings,
        "token_method": report.token_method,
        "token_engine": report.token_engine,
        "token_error_band": report.token_error_band,
        "charging": rules[0].name if len(rules) == 1 else None,
        "charging_rules": [_rule(rule) for rule in rules],
    }
    tail = {
        "totals": {
            "requests": len(report.prompts),
            "prompt_tokens": report.prompt_tokens,
            "charged_tokens": report.charged_tokens,
        },
        "limits": named,
        "fit": _fit(report.fit),
        "skipped": {
            "count": report.skipped_total,
            "first": [{"source": e.source, "why": e.why} for e in report.skipped],
        },
        "interrupted": report.interrupted,
        "diagnoses": report.diagnoses,
    }
    yield _dumps(head)[:-1] + ', "prompts": ['
    row = _Rows()
    for place, prompt in enumerate(report.prompts):
        yield (", " if place else "") + row(prompt)
    yield "], " + _dumps(tail)[1:] + "\n"


def _dumps(value: dict[str, Any]) -> str:
    return json.dumps(plain(value), ensure_ascii=True, allow_nan=False, separators=(", ", ": "))
