"""What is worth saying about one answer: its limit headers (``of_reading``) and its refusal (``of_finding``)."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from ratecheck.diagnose.codes import CODES
from ratecheck.dialects import below_configured, get, until_passes_s
from ratecheck.dialects.rules import Reading, Remark, Remarks
from ratecheck.durations import HOUR_S, MINUTE_S, human_s, human_wait_s, window_name
from ratecheck.model import Category, Diagnosis, Dimension, Finding, LimitReading, Severity
from ratecheck.wording import percent, units

# Below a tenth left, one ordinary request can be the one that is refused.
NEARLY_EMPTY = 0.1
NEARLY_USED = 0.9

# "A small request": one request, or a prompt of about a page.
_SMALL_TOKENS = 1_000

_TOKENS = (Dimension.TOKENS, Dimension.INPUT_TOKENS, Dimension.OUTPUT_TOKENS)
_LOUDEST_FIRST = (Severity.BAD, Severity.WARN, Severity.NOTE)


def of_reading(
    reading: Reading,
    *,
    status: int | None = None,
    configured: Mapping[Dimension, int] | None = None,
    finding: Finding | None = None,
) -> tuple[Diagnosis, ...]:
    """Return what the headers of one answer give to say, loudest first.

    ``status`` is the answer's; ``configured`` are the amounts a minute that the user believes to have; ``finding`` is
    what the body of the same answer says, where it is a refusal.
    """
    found: list[Diagnosis] = []
    for limit in reading.limits:
        found += _of_limit(limit, configured or {})
    found += _of_remarks(reading.remarks)
    found += _of_answer(reading, status, finding)
    return _sorted(found)


def of_finding(finding: Finding, remarks: Iterable[Remark] = ()) -> tuple[Diagnosis, ...]:
    """Return what one decoded answer gives to say, loudest first: its refusal, and the limits that stand beside it.

    ``remarks`` are those of the reading of its headers.
    """
    found: list[Diagnosis] = [one for limit in finding.limits for one in _of_limit(limit, {})]
    found += _of_remarks(remarks)
    clue = _clue(finding)
    if finding.category is Category.QUOTA_EXHAUSTED:
        found.append(_of_clue(clue, finding) if clue else _money(finding))
    elif clue:
        found.append(_of_clue(clue, finding))
    elif finding.category is Category.OVERLOADED:
        found.append(_say("RC112", Severity.WARN, "The provider has no capacity at the moment; your limits are fine."))
    elif finding.category is Category.CONCURRENCY:
        allowed = "" if finding.limit is None else f": {finding.limit:,} may be in flight"
        found.append(_say("RC120", Severity.WARN, f"Too many requests at the same time{allowed}."))
    found += _of_size(finding)
    refusal = finding.category in (Category.RATE_LIMIT, Category.CONCURRENCY, Category.REQUEST_TOO_LARGE)
    if refusal and finding.status not in (None, 429):
        found.append(
            _say("RC121", Severity.NOTE, f"This limit came under status {finding.status}: a check for 429 misses it.")
        )
    spent = {limit.window_s: limit for limit in finding.limits if limit.remaining == 0 and limit.window_s}
    if len(spent) > 1:
        longest = spent[max(spent)]
        says = f"{len(spent)} limits are spent; the longest window is a {window_name(longest.window_s)}"
        found.append(_say("RC126", Severity.WARN, f"{says}: waiting for a shorter one is not enough.", longest.headers))
    return _sorted(found)


# -- one limit ----------------------------------------------------------------------------------------------------


def _of_limit(limit: LimitReading, configured: Mapping[Dimension, int]) -> Iterable[Diagnosis]:
    what = name_of(limit)
    yield from _window(limit, what)
    mine = configured.get(limit.dimension) if limit.dimension else None
    if mine is not None:
        missing = below_configured(limit, mine, MINUTE_S)
        if missing is not None:
            says = f"The server enforces {limit.limit:,} {what}, {missing:.0%} below the {mine:,} you configured."
            yield _say("RC102", Severity.WARN, says, limit.headers)
    if limit.limit == 0:
        yield _say("RC127", Severity.BAD, f"The limit of {what} is 0: nothing ever passes.", limit.headers)
    elif limit.remaining is not None:
        yield from _left(limit, limit.remaining, what)
    if limit.utilization is not None and limit.utilization >= NEARLY_USED:
        window = "" if limit.window_s is None else f" of {window_name(limit.window_s)}"
        until = "" if limit.reset_s is None else f"; it resets in {human_s(limit.reset_s)}"
        severity = Severity.BAD if limit.utilization >= 1 else Severity.WARN
        says = f"{limit.utilization:.0%} of the plan window{window} is used{until}."
        if limit.window_s is None or limit.window_s >= HOUR_S:
            yield _say("RC128", severity, says, limit.headers)
    if not limit.known:
        yield _say("RC107", Severity.NOTE, f"{what} was read by the words in its header names only.", limit.headers)


def _window(limit: LimitReading, what: str) -> Iterable[Diagnosis]:
    """A name that states its window needs no explanation; one that hides a day does."""
    if limit.window_s is None or limit.window_s <= MINUTE_S or limit.limit is None or limit.limit <= 0:
        return
    if limit.window_from not in ("reset arithmetic", "documentation"):
        return
    a_minute = limit.limit * MINUTE_S / limit.window_s
    average = f"{a_minute:,.0f}" if a_minute >= 10 else f"{a_minute:.2g}"
    yield _say(
        "RC101", Severity.WARN,
        f"The limit of {limit.limit:,} {what} is for a {window_name(limit.window_s)}, not a minute "
        f"(told by {limit.window_from}): {average} a minute on average.",
        limit.headers,
    )  # fmt: skip


def _left(limit: LimitReading, remaining: int, what: str) -> Iterable[Diagnosis]:
    if limit.limit is None or remaining >= NEARLY_EMPTY * limit.limit:
        return
    until = "" if limit.reset_s is None else f"; all is free again in {human_s(limit.reset_s)}"
    of = f"{remaining:,} of {limit.limit:,} {what} left"
    if remaining == 0:
        says = f"{of}: the next {'prompt' if limit.dimension in _TOKENS else 'one'} will be refused{until}."
    elif limit.dimension in _TOKENS:
        says = f"{of}: the next prompt over {remaining:,} tokens will be refused{until}."
    else:
        says = f"{of}: refused after {remaining:,} more{until}."
    yield _say("RC103", Severity.BAD if remaining == 0 else Severity.WARN, says, limit.headers)
    yield from _sooner(limit, limit.limit, remaining, what)


def _sooner(limit: LimitReading, amount: int, remaining: int, what: str) -> Iterable[Diagnosis]:
    """Say when something small passes, where the reset is proportional to what is used: a continuous refill."""
    if limit.window_s is None or limit.reset_s is None or limit.window_from == "documentation":
        return
    used = amount - remaining
    full_s = used / amount * limit.window_s
    if not 0.5 <= limit.reset_s / max(full_s, 0.001) <= 2:
        return
    cost = min(_SMALL_TOKENS, amount) if limit.dimension in _TOKENS else 1
    wait_s = until_passes_s(limit=amount, used=used, window_s=limit.window_s, cost=cost)
    if wait_s is None or wait_s > limit.reset_s - 1:
        return
    unit = f"A request of {cost:,} {what}" if limit.dimension in _TOKENS else "One request"
    when = "now" if wait_s == 0 else f"in {human_wait_s(wait_s)}"
    yield _say(
        "RC105", Severity.NOTE,
        f"{unit} passes {when}; the reset of {human_s(limit.reset_s)} is when all of it is free again.",
        limit.headers,
    )  # fmt: skip


def name_of(limit: LimitReading) -> str:
    """Name what a limit counts, for a sentence: ``project tokens``, ``input tokens``, ``audio-seconds``."""
    counts = limit.name or units(None) if limit.dimension is None else units(limit.dimension)
    return f"{limit.scope} {counts}" if limit.scope in ("project", "priority", "fast") else counts


# -- what the reader noticed --------------------------------------------------------------------------------------


class _Telling(NamedTuple):
    code: str
    severity: Severity
    says: str
    """With ``{detail}`` for the remark's own numbers."""


_TELLINGS = {
    Remarks.SENTINEL: _Telling("RC115", Severity.NOTE, "{count} {detail}, which stands for unknown."),
    Remarks.OVERDRAWN: _Telling("RC123", Severity.WARN, "{detail} more were used than the limit allows."),
    Remarks.ABOVE_LIMIT: _Telling("RC116", Severity.NOTE, "{detail} left: more than the limit."),
    Remarks.UNIT_INFERRED: _Telling("RC106", Severity.NOTE, "The bare reset counts {detail}: only that fits the rest."),
    Remarks.UNIT_UNKNOWN: _Telling(
        "RC106", Severity.NOTE, "The bare reset was read as {detail}; the other numbers do not prove its unit."
    ),
    Remarks.WINDOW_CONTRADICTED: _Telling(
        "RC119", Severity.WARN, "The reset speaks for a window of {detail} are documented."
    ),
    Remarks.DELAYS_CONTRADICT: _Telling("RC109", Severity.NOTE, "The delays of {detail} s differ; the larger counts."),
    Remarks.PAST: _Telling("RC122", Severity.NOTE, "The reset lies {detail} s before the answer's date."),
    Remarks.NO_DATE: _Telling(
        "RC122", Severity.NOTE, "The reset is an instant and the answer has no date: the wait is not known."
    ),
    Remarks.REJECTED: _Telling("RC125", Severity.BAD, "The limit's own status is {detail}."),
    Remarks.PENALTY: _Telling("RC125", Severity.BAD, "A penalty for too many refused requests is in force."),
}


def _of_remarks(remarks: Iterable[Remark]) -> Iterable[Diagnosis]:
    """One diagnosis a kind of remark: four resets without a date are one thing to say."""
    kinds: dict[tuple[Remarks, str], list[str]] = {}
    for remark in remarks:
        if remark.kind in _TELLINGS:
            detail = remark.detail if remark.kind is not Remarks.SENTINEL else ""
            kinds.setdefault((remark.kind, detail), []).extend(remark.headers)
    details: dict[Remarks, dict[str, None]] = {}
    for remark in remarks:
        details.setdefault(remark.kind, {})[remark.detail] = None
    for (kind, detail), headers in kinds.items():
        code, severity, says = _TELLINGS[kind]
        names = tuple(dict.fromkeys(headers))
        count = f"{len(names)} headers say" if len(names) > 1 else "One header says"
        told = detail or " or ".join(filter(None, details[kind])) or "nothing"
        yield _say(code, severity, says.format(detail=told, count=count), names)


# -- the answer as a whole ----------------------------------------------------------------------------------------


def _of_answer(reading: Reading, status: int | None, finding: Finding | None) -> Iterable[Diagnosis]:
    success = status is not None and 200 <= status < 300
    if reading.unknown:
        says = (
            f"{len(reading.unknown)} headers look like limits and their values could not be read."
            if len(reading.unknown) > 1
            else "One header looks like a limit and its value could not be read."
        )
        yield _say("RC107", Severity.NOTE, says, reading.unknown)
    if success and not reading.limits and not reading.unknown:
        yield _say("RC108", Severity.NOTE, "The answer names no limits. That does not mean that there are none.")
    if success and reading.retry_after_s is not None:
        says = f"retry-after {human_s(reading.retry_after_s)} stands on a success: a hint, not a refusal."
        yield _say("RC110", Severity.NOTE, says, ("retry-after",))
    shares = [limit.remaining / limit.limit for limit in reading.limits if limit.limit and limit.remaining is not None]
    throttled = finding is None or finding.category is Category.RATE_LIMIT
    if status == 429 and throttled and shares and min(shares) >= NEARLY_EMPTY:
        yield _say("RC124", Severity.WARN, _unshown(reading, finding, min(shares)))
    yield from _whose(reading)


def _unshown(reading: Reading, finding: Finding | None, least: float) -> str:
    """Say which limit refused, where the body names one that no header shows."""
    says = f"Refused although every limit shown has at least {percent(least)} left"
    if finding is None or finding.limit is None or finding.dimension is None:
        return f"{says}."
    if any(limit.dimension is finding.dimension and limit.limit == finding.limit for limit in reading.limits):
        return f"{says}."
    per = "" if finding.window_s is None else f" a {window_name(finding.window_s)}"
    refused = f"{units(finding.dimension, finding.limit)}{per}"
    return f"{says}: the limit of {refused} refused, and no header shows it."


def _whose(reading: Reading) -> Iterable[Diagnosis]:
    dialect = get(reading.provider)
    copies = [limit for limit in reading.limits if limit.whose]
    if not reading.limits or (not copies and not (dialect and dialect.gateway)):
        return
    own = [limit for limit in reading.limits if not limit.whose]
    gateway = dialect.title if dialect else "a gateway"
    if copies and own:
        says = f"{_list(copies)} come from the service behind {gateway}; {_list(own)} may be the gateway's own."
    elif copies:
        says = f"{_list(copies)} come from the service behind {gateway}, not from the gateway."
    else:
        says = f"{gateway} answered: its headers do not tell whether {_list(own)} are its own limits or passed on."
    yield _say("RC117", Severity.NOTE, says, tuple(name for limit in reading.limits for name in limit.headers))


def _list(limits: list[LimitReading]) -> str:
    return " and ".join(dict.fromkeys(name_of(limit) for limit in limits))


# -- refusals -----------------------------------------------------------------------------------------------------


class _Clue(NamedTuple):
    """Words in a server's code or sentence that say more than its category does."""

    code: str
    words: tuple[str, ...]
    says: str
    statuses: tuple[int, ...] = ()
    """Only under these, where the words alone are too common."""


_CLUES = (
    _Clue("RC118", ("error code: 1015", "error 1015", "1015 rate"), "The edge network refused your address."),
    _Clue(
        "RC113",
        ("acceleration limit", "increased too quickly", "sharp increase", "ramp", "scale up your", "too rapid"),
        "Traffic rose too fast; the limit itself may be far off.",
    ),
    _Clue("RC113", ("slow down", "slow_down"), "Traffic rose too fast; the limit itself may be far off.", (503,)),
    _Clue(
        "RC114",
        ("extra usage is required", "long context", "not enabled for", "does not have access", "not included in your",
         "not available in your plan", "not available on your plan", "service tier is not"),
        "The account is not entitled to this; it is no limit over time.",
    ),
)  # fmt: skip


def _clue(finding: Finding) -> _Clue | None:
    if finding.category is Category.NOT_RATE_LIMIT:
        return None
    said = f"{finding.code or ''} {finding.message or ''}".lower()
    for clue in _CLUES:
        if (not clue.statuses or finding.status in clue.statuses) and any(word in said for word in clue.words):
            return clue
    return None


def _of_clue(clue: _Clue, finding: Finding) -> Diagnosis:
    return _say(clue.code, Severity.BAD if finding.retryable is False else Severity.WARN, clue.says)


def _money(finding: Finding) -> Diagnosis:
    code = f" ({finding.code})" if finding.code and not finding.code.isdigit() else ""
    return _say("RC111", Severity.BAD, f"Money or plan{code}: waiting and retrying do not help.")


def _of_size(finding: Finding) -> Iterable[Diagnosis]:
    what = units(finding.dimension)
    if finding.limit == 0:
        yield _say("RC127", Severity.BAD, f"The limit of {what} is 0: nothing ever passes.")
    elif finding.limit is not None and finding.requested is not None and finding.requested > finding.limit:
        over = finding.requested / finding.limit
        yield _say(
            "RC104", Severity.BAD,
            f"It asks for {finding.requested:,} {what} where the whole limit is {finding.limit:,} ({over:.1f} times): "
            "no retry will pass.",
        )  # fmt: skip
    elif finding.will_fit_ever is False and finding.category is Category.REQUEST_TOO_LARGE:
        yield _say("RC104", Severity.BAD, "The server says that this request is too large: no retry will pass.")


def _say(code: str, severity: Severity, says: str, evidence: tuple[str, ...] = ()) -> Diagnosis:
    """Every diagnosis gives the advice of its code's row."""
    return Diagnosis(code, severity, says, evidence, (CODES[code].do,))


def _sorted(found: Iterable[Diagnosis]) -> tuple[Diagnosis, ...]:
    unique = {(one.code, one.says): one for one in found}
    return tuple(sorted(unique.values(), key=lambda one: (_LOUDEST_FIRST.index(one.severity), one.code)))
