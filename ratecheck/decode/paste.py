"""A paste -> findings: records judged one by one, then brought together."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from ratecheck.decode.evidence import Evidence, gather
from ratecheck.decode.flatten import Flat, flatten
from ratecheck.decode.judge import Draft, judge
from ratecheck.decode.records import spans
from ratecheck.decode.slots import without_client
from ratecheck.model import Category, Finding

# A finding lighter than this is a mere echo ("429 Too Many Requests") of a heavier one in the same paste.
_ECHO = 3


@dataclass(frozen=True, slots=True)
class DecodeReport:
    """What a text says about limits, equal findings folded."""

    findings: tuple[Finding, ...]
    source: str = "-"
    lines: int = 0


def decode_text(text: str, *, source: str = "-", now: datetime | None = None) -> DecodeReport:
    """Explain a pasted text. Never raises, whatever the text. ``now`` is used where no ``Date`` header stands."""
    flat = flatten(text)
    drafts = [draft for part in _parts(flat) if (draft := judge(gather(part), now=now))]
    return DecodeReport(tuple(draft.finding for draft in fold(together(drafts, flat))), source, len(flat.lines))


def finding_of(
    status: int | None,
    headers: Sequence[tuple[str, str]],
    body: bytes | str,
    *,
    provider: str | None = None,
    now: datetime | None = None,
) -> Finding:
    """Judge one live answer. ``provider`` is who was asked, where that is known; a body that proves another wins not.

    An answer that says nothing about a limit is a ``not_rate_limit`` finding with whatever limits its headers state.
    """
    text = body.decode("utf-8", "replace") if isinstance(body, bytes) else body
    flat = flatten(text)
    said = without_client(flat.text)
    evidence = Evidence(flat, tuple(headers), status, said)
    draft = judge(evidence, provider=provider, now=now)
    return draft.finding if draft else Finding(Category.NOT_RATE_LIMIT, provider or "unknown", status, retryable=False)


def _parts(flat: Flat) -> list[Flat]:
    return [Flat(flat.lines[first:last], flat.first_line + first) for first, last in spans(flat.lines)]


def together(drafts: list[Draft], flat: Flat) -> list[Draft]:
    """Bring together what one paste says in pieces: echoes give way, neighbours lend what they know."""
    heavy = [draft for draft in drafts if draft.weight > _ECHO]
    limited = [draft for draft in (heavy or drafts) if draft.finding.category is not Category.NOT_RATE_LIMIT]
    kept = limited or drafts
    if not kept:
        return kept
    whole = judge(gather(flat))
    names = {draft.finding.provider for draft in kept} - {"unknown"}
    lent = whole.finding if whole else None
    out = []
    for draft in kept:
        finding = draft.finding
        if lent and len(names) <= 1 and finding.provider == "unknown":
            finding = replace(finding, provider=lent.provider)
        if lent and finding.model is None and len({each.finding.model for each in kept} - {None}) <= 1:
            finding = replace(finding, model=lent.model)
        if lent and finding.status is None:
            finding = replace(finding, status=lent.status)
        out.append(replace(draft, finding=finding))
    return out


def _key(finding: Finding) -> tuple[object, ...]:
    return (finding.provider, finding.category, finding.dimension, finding.scope, finding.limit, finding.model)


def fold(drafts: list[Draft]) -> list[Draft]:
    """Fold equal findings into one with a count; the largest delay is kept, gaps are filled."""
    folded: dict[tuple[object, ...], Draft] = {}
    for draft in drafts:
        key = _key(draft.finding)
        if key not in folded:
            folded[key] = draft
            continue
        one, other = folded[key].finding, draft.finding
        said = [delay for delay in (one.retry_after_s, other.retry_after_s) if delay is not None]
        merged = replace(
            one, retry_after_s=max(said, default=None), count=one.count + other.count,
            first_line=one.first_line or one.line, last_line=other.last_line or other.line,
            window_s=one.window_s or other.window_s, used=other.used if one.used is None else one.used,
        )  # fmt: skip
        folded[key] = replace(folded[key], finding=merged)
    return [
        replace(
            draft,
            finding=replace(
                draft.finding,
                first_line=draft.finding.first_line or draft.finding.line,
                last_line=draft.finding.last_line or draft.finding.line,
            ),
        )
        for draft in folded.values()
    ]
