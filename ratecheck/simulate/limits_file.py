"""Limits out of what ``headers --json`` or ``probe --json`` printed: the account as measured, not as sold."""

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from ratecheck import dialects, limiters
from ratecheck.durations import MINUTE_S, NS_PER_S, ns_from_s
from ratecheck.errors import UsageError
from ratecheck.model import Dimension, Limit, Source
from ratecheck.provider import LimitRule, Profile, of_dialect

MEASURED = "measured"

_HINT = "it reads what `ratecheck headers --json` and `ratecheck probe --json` print"

# A limit without a stated window is taken by the minute: by far the most common, and said so.
_ASSUMED_S = MINUTE_S


def read_limits(text: str, source: str) -> tuple[Profile, tuple[str, ...]]:
    """Return the account that ``text`` describes, and what had to be assumed, in sentences.

    Raises ``UsageError`` where it is no such document, or holds no limit.
    """
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise UsageError(f"--limits {source}: not JSON", _HINT) from None
    if not isinstance(document, dict):
        raise UsageError(f"--limits {source}: not a JSON object", _HINT)
    rules: list[LimitRule] = []
    notes: list[str] = []
    for entry in _entries(document):
        rule = _rule(entry, notes)
        if rule is not None and all(not _same(rule, other) for other in rules):
            rules.append(rule)
    if not rules:
        raise UsageError(f"--limits {source}: no limit in it", _HINT)
    target = document.get("target")
    provider = target.get("provider") if isinstance(target, dict) else None
    name = provider if isinstance(provider, str) and dialects.get(provider) is not None else "unknown"
    model = target.get("model") if isinstance(target, dict) else None
    start = of_dialect(name) or of_dialect("unknown") or of_dialect("openai")
    if start is None:
        raise UsageError(f"--limits {source}: no provider to imitate")
    where = Source(f"--limits {source}", "measured", verified=True)
    profile = replace(
        start, name=MEASURED, dialect=name, title="as measured", limits=tuple(rules), source=where,
        model=model if isinstance(model, str) and len(model) < 200 else start.model,
    )  # fmt: skip
    if document.get("limiters") and any(
        isinstance(each, dict) and each.get("charges_rejected") is True for each in document["limiters"]
    ):
        profile = replace(profile, charges_refusals=True)
    return profile, tuple(dict.fromkeys(notes))


def _entries(document: dict[str, Any]) -> Iterable[dict[str, Any]]:
    """Yield the limits of a document, whichever command printed it; the last probe's readings are the freshest."""
    found = document.get("limiters")
    if isinstance(found, list) and found:
        yield from (each for each in found if isinstance(each, dict))
        return
    probes = document.get("probes")
    for probe in reversed(probes if isinstance(probes, list) else []):
        limits = probe.get("limits") if isinstance(probe, dict) else None
        if isinstance(limits, list) and limits:
            yield from (each for each in limits if isinstance(each, dict))
            return
    limits = document.get("limits")
    if isinstance(limits, list):
        yield from (each for each in limits if isinstance(each, dict))


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) and value >= 0 else None


def _rule(entry: dict[str, Any], notes: list[str]) -> LimitRule | None:
    amount, window_s = _number(entry.get("limit")), _number(entry.get("window_s"))
    dimension = next((each for each in Dimension if each.value == entry.get("dimension")), None)
    if dimension is None or amount is None or not 0 < amount <= 1e12:
        return None
    if not window_s or window_s > 400 * 86_400:
        window_s = _ASSUMED_S
        if dimension is not Dimension.CONCURRENCY:
            notes.append(f"No window was measured for {dimension.value.replace('_', ' ')}: taken as a minute.")
    algorithm = entry.get("algorithm")
    if not isinstance(algorithm, str) or algorithm not in limiters.ALGORITHMS:
        algorithm = "token_bucket"
        if dimension is not Dimension.CONCURRENCY:
            notes.append("The limiter was not identified: taken as a token bucket.")
    burst = _number(entry.get("burst"))
    limit = Limit(dimension, int(amount), ns_from_s(window_s), int(burst) if burst else None)
    return LimitRule(limit, "concurrency" if dimension is Dimension.CONCURRENCY else algorithm)


def _same(rule: LimitRule, other: LimitRule) -> bool:
    a, b = rule.limit, other.limit
    return (a.dimension, a.window_ns // NS_PER_S) == (b.dimension, b.window_ns // NS_PER_S)
