"""A paste -> findings: records judged one by one, then brought together."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from ratecheck.decode.evidence import Evidence, gather
from ratecheck.decode.explain import explained
from ratecheck.decode.flatten import Flat, flat_of, flatten
from ratecheck.decode.frames import ClientNext, clients
from ratecheck.decode.judge import Draft, judge
from ratecheck.decode.records import spans
from ratecheck.decode.rows import readings
from ratecheck.decode.shapes import key_of
from ratecheck.decode.slots import without_client
from ratecheck.dialects.bodies import source_of
from ratecheck.model import Category, Finding, Source

# A finding lighter than this is a mere echo ("429 Too Many Requests") of a heavier one in the same paste.
_ECHO = 3
# More addresses than this are a bibliography, not a hint where to look.
_MOST_SOURCES = 4
# More than what a terminal keeps to scroll back through was never copied from one.
_SCREENS_CHARS = 1 << 18

Timeline = tuple[tuple[str, tuple[tuple[float, int], ...]], ...]
"""For each dimension by name: (seconds since the first dated refusal, refusals in that minute)."""


@dataclass(frozen=True, slots=True)
class DecodeReport:
    """What a text says about limits, equal findings folded."""

    findings: tuple[Finding, ...]
    source: str = "-"
    lines: int = 0
    clients: tuple[ClientNext, ...] = ()
    drafts: tuple[Draft, ...] = ()
    """What the findings were judged from."""
    timeline: Timeline = ()
    files: tuple[str, ...] = ()
    """The file of each finding, where several were read."""

    @property
    def found(self) -> bool:
        """Whether anything about a limit was found: a refusal, or limits in healthy headers."""
        return any(each.category is not Category.NOT_RATE_LIMIT or each.limits for each in self.findings)


def looks_like_har(text: str) -> bool:
    """Tell by the first thousand characters: cheap enough for every paste."""
    head = text[:1_000]
    return head.lstrip("\ufeff \t\r\n")[:1] == "{" and '"log"' in head


def decode_text(text: str, *, source: str = "-", now: datetime | None = None) -> DecodeReport:
    """Explain a pasted text. Never raises, whatever the text. ``now`` is used where no ``Date`` header stands."""
    if looks_like_har(text):
        from ratecheck.decode.har import entries

        drafts = [
            draft
            for entry in entries(text)
            if (draft := _of_entry(entry.url, entry.status, entry.headers, entry.body, now))
        ]
        if drafts:
            return report_of(fold(drafts), source=source, lines=text.count("\n") + 1)
    rows = text.splitlines()
    flat = flat_of(rows)
    found = _of_flat(flat, now)
    for other in readings(rows) if len(text) <= _SCREENS_CHARS else ():
        read = flat_of(other.lines, other.numbers)
        told = _of_flat(read, now)
        if _says_more(told, found, or_as_much=other.certain):
            flat, found = read, told
    return report_of(found, source=source, lines=len(rows), lower=flat.lower)


def _of_flat(flat: Flat, now: datetime | None) -> list[Draft]:
    parts = (flat.part(first, last) for first, last in spans(flat.lines))
    drafts = [draft for part in parts if (draft := judge(gather(part), now=now))]
    return fold(together(drafts, flat))


def _says_more(drafts: list[Draft], others: list[Draft], *, or_as_much: bool) -> bool:
    """Return whether ``drafts`` tell more than ``others``, and of the same kinds of refusal; or, as told, as much."""
    said, said_before = _says(drafts), _says(others)
    if or_as_much:
        return said >= said_before
    kinds = {draft.finding.category for draft in others} - {draft.finding.category for draft in drafts}
    return said > said_before and not kinds


def _says(drafts: list[Draft]) -> tuple[int, int]:
    """Return how many things are known of the refusals, and how many refusals there are."""
    findings = [draft.finding for draft in drafts]
    known = sum(
        sum(value is not None for value in (one.dimension, one.window_s, one.limit, one.used, one.requested,
            one.remaining, one.retry_after_s, one.model, one.scope, one.will_fit_ever))
        + (one.provider != "unknown") + (one.category is not Category.NOT_RATE_LIMIT)
        for one in findings
    )  # fmt: skip
    return known, sum(one.count for one in findings)


def report_of(
    drafts: list[Draft], *, source: str, lines: int, lower: str = "", timeline: Timeline = ()
) -> DecodeReport:
    """Return the report on judged drafts: explained, with the sources of the rows that decided."""
    findings = tuple(explained(draft.finding) for draft in drafts)
    pairs = next((draft.pairs for draft in drafts if draft.pairs), ())
    return DecodeReport(findings, source, lines, clients(lower, findings, pairs), tuple(drafts), timeline)


def _of_entry(
    url: str, status: int | None, headers: Sequence[tuple[str, str]], body: str, now: datetime | None
) -> Draft | None:
    from ratecheck.dialects import of_url

    row = of_url(url)
    return judge(_answer(status, headers, body), provider=row.name if row else None, now=now)


def _answer(status: int | None, headers: Sequence[tuple[str, str]], body: bytes | str) -> Evidence:
    flat = flatten(body.decode("utf-8", "replace") if isinstance(body, bytes) else body)
    return Evidence(flat, tuple(headers), status, without_client(flat.text))


def finding_of(
    status: int | None,
    headers: Sequence[tuple[str, str]],
    body: bytes | str,
    *,
    provider: str | None = None,
    now: datetime | None = None,
) -> Finding:
    """Judge one live answer. ``provider`` is who was asked, where that is known.

    An answer that says nothing about a limit is a ``not_rate_limit`` finding with whatever limits its headers state.
    Never raises, whatever the answer.
    """
    draft = judge(_answer(status, headers, body), provider=provider, now=now)
    finding = (
        draft.finding if draft else Finding(Category.NOT_RATE_LIMIT, provider or "unknown", status, retryable=False)
    )
    return explained(finding if finding.message else replace(finding, message=_said_in(body)))


# An error's sentence stands under one of these names, in an "error" object or at the top.
_SENTENCES = ("message", "detail", "error_msg", "msg", "title")


def _said_in(body: bytes | str) -> str | None:
    """Return the sentence of a whole JSON body, which no grammar had to recognise."""
    import json

    from ratecheck.redact import neutralise, scrub

    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return None
    inner = document.get("error") if isinstance(document, dict) else document
    for part in (inner, document):
        told = part if isinstance(part, str) else None
        if isinstance(part, dict):
            told = next((part[name] for name in _SENTENCES if isinstance(part.get(name), str)), None)
        if told:
            return neutralise(scrub(told), 600) or None
    return None


def together(drafts: list[Draft], flat: Flat) -> list[Draft]:
    """Bring together what one paste says in pieces: echoes give way, neighbours lend what they know."""
    heavy = [draft for draft in drafts if draft.weight > _ECHO]
    limited = [draft for draft in (heavy or drafts) if draft.finding.category is not Category.NOT_RATE_LIMIT]
    kept = limited or drafts
    if not kept or len(flat.lines) == 1:
        return kept
    whole = judge(gather(flat))
    if whole is None:
        return kept
    lent = whole.finding
    names = {draft.finding.provider for draft in kept} - {"unknown"}
    models = {draft.finding.model for draft in kept} - {None}
    return [
        replace(
            draft,
            finding=replace(
                draft.finding,
                provider=lent.provider
                if len(names) <= 1 and draft.finding.provider == "unknown"
                else draft.finding.provider,
                model=lent.model if len(models) <= 1 and draft.finding.model is None else draft.finding.model,
                status=draft.finding.status or lent.status,
            ),
        )
        for draft in kept
    ]


def fold(drafts: Iterable[Draft]) -> list[Draft]:
    """Fold equal findings into one with a count; the largest delay is kept, gaps are filled."""
    folded: dict[tuple[object, ...] | None, Draft] = {}
    for draft in drafts:
        key = key_of(draft.finding)
        folded[key] = _both(folded[key], draft) if key in folded else draft
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


def _both(draft: Draft, later: Draft) -> Draft:
    one, other = draft.finding, later.finding
    said = [delay for delay in (one.retry_after_s, other.retry_after_s) if delay is not None]
    return replace(
        draft,
        finding=replace(
            one,
            retry_after_s=max(said, default=None),
            count=one.count + other.count,
            first_line=one.first_line or one.line,
            last_line=other.last_line or other.line,
            window_s=one.window_s or other.window_s,
            used=other.used if one.used is None else one.used,
        ),
    )


def sources_of(drafts: Iterable[Draft]) -> tuple[Source, ...]:
    """Return where the rows that decided were read, and where the provider documents its limits."""
    from ratecheck.dialects import get

    found: dict[Source, None] = {}
    for draft in drafts:
        deciding = [each.sign for each in draft.signs if each.sign.category is draft.finding.category]
        for sign in sorted(deciding, key=lambda sign: -sign.weight)[:1]:
            source = source_of(sign, draft.finding.provider)
            if source is not None:
                found[source] = None
        row = get(draft.finding.provider)
        for known in (row.sources if row is not None else ())[:1]:
            found[known] = None
    return tuple(found)[:_MOST_SOURCES]


def merged(reports: Sequence[DecodeReport]) -> DecodeReport:
    """Return several files' reports as one; findings of different files are not folded."""
    if len(reports) == 1:
        return reports[0]
    return DecodeReport(
        tuple(finding for report in reports for finding in report.findings),
        ", ".join(report.source for report in reports),
        sum(report.lines for report in reports),
        tuple(dict.fromkeys(client for report in reports for client in report.clients)),
        tuple(draft for report in reports for draft in report.drafts),
        tuple(series for report in reports for series in report.timeline),
        tuple(report.source for report in reports for _ in report.findings),
    )
