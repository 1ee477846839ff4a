"""What ``ratecheck explain`` shows: a page for each entry."""

from collections.abc import Sequence
from itertools import accumulate

from ratecheck.dialects.providers import ADDRESSES
from ratecheck.dialects.rules import Grammar, Means
from ratecheck.durations import NS_PER_S, human_s, window_name
from ratecheck.explain.entries import (
    AreaEntry,
    Bounds,
    ChargingEntry,
    ClientEntry,
    CodeEntry,
    Entry,
    Fact,
    FactsEntry,
    HeaderEntry,
    ListEntry,
    Overview,
    ProfileEntry,
    ProviderEntry,
)
from ratecheck.model import Source
from ratecheck.render.page import Block, LineChart, Lines, Page, Series, Table, Tone
from ratecheck.retry.words import TOLD, wait_text
from ratecheck.wording import algorithm_name

_WRITTEN = {
    Grammar.COUNT: "number", Grammar.GO_DURATION: "such as 1m26.4s", Grammar.SECONDS: "seconds",
    Grammar.WHOLE_SECONDS: "whole seconds", Grammar.MINUTES: "minutes", Grammar.MILLISECONDS: "milliseconds",
    Grammar.MILLISECONDS_OR_SECONDS: "milliseconds or seconds", Grammar.EPOCH_SECONDS: "Unix seconds",
    Grammar.EPOCH_MILLISECONDS: "Unix milliseconds", Grammar.RFC3339: "RFC 3339",
    Grammar.BY_MAGNITUDE: "told by its size", Grammar.SHARE: "share, 0 to 1", Grammar.PERCENT: "percent",
    Grammar.WORD: "word", Grammar.ITEMS: "list of items",
}  # fmt: skip
_COUNTED = {
    True: "Yes: it is charged like any request.",
    False: "No: it was not charged where it was recorded.",
    None: "Nobody documents it.",
}
_TIMES = (Means.RESET, Means.RETRY_AFTER)


def pages(entries: Sequence[Entry]) -> list[Page]:
    """Return a page for each entry."""
    return [_page(entry) for entry in entries]


def _page(entry: Entry) -> Page:
    match entry:
        case CodeEntry():
            return _code(entry)
        case AreaEntry(area):
            return Page(f"{area.prefix}xx: {area.title} ({', '.join(area.commands)})", blocks=(_codes(entry),))
        case ClientEntry():
            return _client(entry)
        case ProviderEntry():
            return _provider(entry)
        case ProfileEntry():
            return _profile(entry)
        case ChargingEntry():
            return _charging(entry)
        case FactsEntry():
            return _facts(entry)
        case ListEntry():
            rows = tuple((name, says, *told) for name, says, told in entry.rows)
            table = Table(("name", "what it is", *entry.compared), rows)
            return Page(f"{entry.title}: {len(entry.names)}", blocks=(table,))
        case Overview():
            return _overview(entry)


def _codes(entry: AreaEntry) -> Table:
    return Table(("code", "what it means"), tuple((row.code, row.title) for row in entry.area.rows))


def _overview(overview: Overview) -> Page:
    blocks: list[Block] = []
    for area in overview.areas:
        title = f"{area.prefix}xx: {area.title} ({', '.join(area.commands)})"
        blocks.append(_codes(AreaEntry(area))._replace(title=title))
    for each in overview.lists:
        names = ", ".join(name for name, _ in each.names)
        blocks.append(Lines((names,), f"{each.title} (`ratecheck explain {each.kind}`)", wrap=True))
    advice = (
        "`ratecheck explain NAME` says what is known of any of these, from where and since when.",
        "`ratecheck explain unverified` lists every fact that nobody has confirmed.",
    )
    return Page("What ratecheck can explain, offline", blocks=tuple(blocks), advice=advice)


def _code(entry: CodeEntry) -> Page:
    row = entry.code
    blocks = (
        Lines((row.meaning,), "What it means", wrap=True),
        Lines((row.tell,), "How it is told", wrap=True),
        Lines((", ".join(f"ratecheck {name}" for name in entry.commands),), "Reported by", wrap=True),
    )
    return Page(f"{row.code} {row.title}", blocks=blocks, advice=(row.do,), sources=(row.source,))


# -- a client ---------------------------------------------------------------------------------------------------------


def requests_text(count: int | None) -> str:
    """Write how many requests a call becomes."""
    return "no end" if count is None else f"{count}"


def _client(entry: ClientEntry) -> Page:
    policy = entry.policy
    worst = entry.requests_at_most
    amount = "requests without end" if worst is None else "1 request" if worst == 1 else f"up to {worst} requests"
    said = entry.sentence
    if policy.note and policy.note not in said:
        said += f" Note: {policy.note}."
    blocks: list[Block] = [
        Lines((said,), "Its rule", wrap=True),
        Table(
            ("every time", "requests a call"), tuple((name, requests_text(count)) for name, count in entry.requests),
            "What one call becomes", right=frozenset({1}),
        ),
        Table(
            ("Retry-After of a 429", "first wait", "requests a call"),
            tuple(
                (human_s(told.retry_after_s), "gives up" if told.wait is None else wait_text(told.wait),
                 requests_text(told.requests))
                for told in entry.told
            ),
            "What it does when told to wait", right=frozenset({1, 2}),
        ),
    ]  # fmt: skip
    blocks += _waits(entry)
    switch = (policy.disable,) if policy.disable else ("nothing to switch off",) if worst == 1 else ("there is no way",)
    blocks.append(Lines(switch, "To switch its retries off"))
    about = [f"Looked at: {policy.checked}." if policy.checked else ""]
    others = [versions for versions in entry.versions if versions != str(policy.versions)]
    about.append(f"Other rows: {', '.join(others)} (`ratecheck explain {policy.name}@VERSION`)." if others else "")
    if policy.timeout_s is not None:
        about.append(f"One request may take {human_s(policy.timeout_s)} by default.")
    if any(about):
        blocks.append(Lines((" ".join(part for part in about if part),), "Versions", wrap=True))
    tone = Tone.GOOD if worst == 1 else Tone.BAD if worst is None else Tone.WARN
    versions = f" {policy.versions}" if str(policy.versions) != "any" else ""
    return Page(f"{policy.name}{versions}: a call becomes {amount}", tone, blocks=tuple(blocks),
                sources=(policy.source,))  # fmt: skip


def _waits(entry: ClientEntry) -> list[Block]:
    """The waits as a band over time: each request goes out between the two lines."""
    if len(entry.waits) < 2 or not any(longest for _, longest in entry.waits):
        return []
    title = "When its requests go out, where no answer says how long to wait"
    last_s = sum(longest for _, longest in entry.waits)
    unit_s, unit = next((each for each in _UNITS if last_s >= _WIDE * each[0]), _UNITS[-1])
    chart = LineChart(_band(entry.waits, unit_s), title, f"{unit} after the first one", "request", height=10)
    blocks: list[Block] = [chart]
    if len(entry.waits) > TOLD:
        told = ", ".join(wait_text(bounds) for bounds in entry.waits) + (", …" if entry.more_waits else "")
        blocks.append(Lines((f"All waits: {told}",), wrap=True))
    return blocks


# An axis is told in the largest unit of which it holds so many.
_WIDE = 5
_UNITS = ((3600.0, "hours"), (60.0, "minutes"), (1.0, "seconds"))


def _band(waits: Sequence[Bounds], unit_s: float) -> tuple[Series, ...]:
    earliest = list(accumulate((shortest for shortest, _ in waits), initial=0.0))
    latest = list(accumulate((longest for _, longest in waits), initial=0.0))
    edges = [("earliest", earliest, Tone.BAD), ("latest", latest, Tone.WARN)]
    if earliest == latest:
        edges = [("request", earliest, Tone.BAD)]
    return tuple(
        Series(
            name, tuple((at_s / unit_s, float(number + 1)) for number, at_s in enumerate(times)), step=True, tone=tone
        )
        for name, times, tone in edges
    )


# -- a provider -------------------------------------------------------------------------------------------------------


def _provider(entry: ProviderEntry) -> Page:
    row = entry.row
    limits = [each for each in entry.current if each.rules[0].means is not Means.RETRY_AFTER]
    count = f"{len(limits)} kinds of limit headers" if limits else "no limit headers are known"
    blocks: list[Block] = [Table(("where", ""), tuple(_addresses(entry)), whole=frozenset({0}))]
    if entry.current:
        rows = tuple(map(_header_row, entry.current))
        columns = ("header", "counts", "per", "says")
        table = Table(columns, rows, "What it sends", optional=frozenset({3}), whole=frozenset({0}))
        blocks.append(table)
    if entry.former:
        said = ", ".join(dict.fromkeys(each.headers for each in entry.former))
        blocks.append(Lines((said,), "Read as well: earlier, rarer or of a plan", wrap=True))
    if entry.charging:
        blocks.append(_rules(entry))
    blocks.append(Lines((_COUNTED[row.rejections_count],), "Does a refusal count?", wrap=True))
    traps = tuple(f"· {trap.says}" + (f" ({trap.code})" if trap.code else "") for trap in entry.traps)
    blocks.append(Lines(traps, "Traps", wrap=True))
    if entry.profiles:
        said = "; ".join(f"{each.name} ({each.title})" for each in entry.profiles)
        blocks.append(Lines((said,), "Accounts to imitate: `ratecheck serve --profile NAME`", wrap=True))
    sources = (*row.sources, *(rule.source for rule in entry.charging), *(each.source for each in entry.profiles))
    return Page(f"{row.title} ({row.name}): {count}", blocks=tuple(blocks), sources=(*sources, ADDRESSES))


def _addresses(entry: ProviderEntry) -> list[tuple[str, str]]:
    row = entry.row
    pairs = (
        ("base URL", row.base_url or "yours"), ("set by", ", ".join(row.base_url_env)), ("hosts", ", ".join(row.hosts)),
        ("key from", ", ".join(row.key_env)), ("key sent as", f"{row.auth.header}: {row.auth.prefix}…"),
        ("paths", ", ".join(each.path for each in row.endpoints)),
    )  # fmt: skip
    return [(name, said) for name, said in pairs if said]


def _header_row(entry: HeaderEntry) -> tuple[str, ...]:
    first = entry.rules[0]
    counts = first.name or (first.dimension.value.replace("_", " ") if first.dimension else "")
    if not counts:
        counts = {Means.RETRY_AFTER: "the wait", Means.COST: "this request's charge"}.get(first.means, "it says what")
    scope = f" ({first.scope})" if first.scope else ""
    if first.means in (Means.RETRY_AFTER, Means.COST, Means.STATUS, Means.KIND):
        window = ""
    elif first.window_s is not None:
        window = window_name(first.window_s)
    else:
        window = "own header" if any(rule.means is Means.WINDOW for rule in entry.rules) else "not said"
    said = (f"{rule.means.value} ({_WRITTEN[rule.grammar]})" if rule.means in _TIMES else rule.means.value
            for rule in entry.rules)  # fmt: skip
    return entry.headers, counts + scope, window, ", ".join(dict.fromkeys(said))


def _rules(entry: ProviderEntry) -> Table:
    rows = tuple(
        (rule.name, ", ".join(rule.endpoints), f"{rule.since} to {rule.until or 'today'}",
         rule.says + ("" if rule.source.verified else " (unverified)"))
        for rule in entry.charging
    )  # fmt: skip
    columns = ("rule", "endpoints", "seen", "one request takes")
    return Table(columns, rows, "What the limiter takes for a request", optional=frozenset({1, 2}))


# -- the rest ---------------------------------------------------------------------------------------------------------


def _profile(entry: ProfileEntry) -> Page:
    profile = entry.profile
    rows = tuple(
        (
            rule.name,
            f"{rule.limit.amount:,}",
            window_name(rule.limit.window_ns / NS_PER_S),
            algorithm_name(rule.algorithm),
        )
        for rule in profile.limits
    )
    table = Table(("limit", "amount", "per", "enforced as"), rows, "Its limits", right=frozenset({1}))
    about = f"Answers as {profile.dialect} does, for {profile.model}"
    about += ", each model with limits of its own." if profile.per_model else ", all models together."
    about += f" {profile.source.note}." if profile.source.note else ""
    return Page(
        f"{profile.name}: {profile.title}", blocks=(table, Lines((about,), wrap=True)),
        advice=(f"`ratecheck serve --profile {profile.name}` enforces them on this machine.",
                f"`ratecheck simulate --profile {profile.name} --compare` shows what a client makes of them."),
        sources=(profile.source,),
    )  # fmt: skip


def _charging(entry: ChargingEntry) -> Page:
    rule = entry.rule
    about = [f"{rule.says[0].upper()}{rule.says[1:]}."]
    about += [f"Of {rule.provider}, on {', '.join(rule.endpoints)}, seen from {rule.since} to {rule.until or 'today'}."]
    about += [f"For {', '.join(rule.models)}."] if rule.models != ("*",) else []
    if rule.below_tokens or rule.above_tokens or rule.band_share:
        about.append(
            f"Recorded charges lie within -{rule.below_tokens} and +{rule.above_tokens} tokens"
            + (f" and {rule.band_share:.1%}." if rule.band_share else ".")
        )
    about += [f"{rule.source.note[0].upper()}{rule.source.note[1:]}."] if rule.source.note else []
    advice = (f"`ratecheck estimate --charging {rule.name} PROMPT` counts a prompt by it.",)
    return Page(f"{rule.name}: what {rule.provider} takes for a request", blocks=(Lines(tuple(about), wrap=True),),
                advice=advice, sources=(rule.source,))  # fmt: skip


def _facts(entry: FactsEntry) -> Page:
    total, doubtful = sum(count for _, count, _ in entry.rows), len(entry.unverified)
    counts = Table(
        ("table", "rows", "unverified"), tuple((table, f"{rows:,}", f"{bad:,}") for table, rows, bad in entry.rows),
        right=frozenset({1, 2}),
    )  # fmt: skip
    blocks: list[Block] = [counts]
    for table, _, bad in entry.rows:
        if bad:
            lines = _by_source([fact for fact in entry.unverified if fact.table == table])
            blocks.append(Lines(tuple(lines), f"{table.capitalize()}: {bad:,}", wrap=True))
    return Page(f"{doubtful} of {total} facts are unverified: read somewhere, not seen to hold", blocks=tuple(blocks))


def _by_source(facts: Sequence[Fact]) -> list[str]:
    """One line a source: several rows mostly rest on the same page."""
    names: dict[Source, list[str]] = {}
    for fact in facts:
        names.setdefault(fact.source, []).append(fact.name)
    return [
        f"{', '.join(dict.fromkeys(named))}: {source.url} ({source.date})" + (f", {source.note}" if source.note else "")
        for source, named in names.items()
    ]
