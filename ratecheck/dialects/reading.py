"""Headers of one answer -> what they say about limits, by the rows of the dialect that sent them."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from ratecheck.dialects import values, windows, words
from ratecheck.dialects.draft import Draft, looks_like_milliseconds, unit_of
from ratecheck.dialects.lookup import get, of_headers
from ratecheck.dialects.naming import find_rule
from ratecheck.dialects.policies import Policies
from ratecheck.dialects.rules import Charge, Grammar, HeaderRule, Means, Reading, Refill, Remark, Remarks
from ratecheck.durations import parse_instant
from ratecheck.model import LimitReading

# A gateway's copy of a header of the service behind it.
_COPY = "llm_provider-"
_LISTS = (Means.POLICY, Means.STATE)
_WINDOW_UNITS_S = {Grammar.MILLISECONDS: 0.001, Grammar.SECONDS: 1.0, Grammar.MINUTES: 60.0}
_REFUSING = frozenset({"rejected", "throttled", "exceeded", "blocked", "limited"})
# A remainder rounded to thousands tells a window once that many thousands are used: then it is right within 5 %.
_ROUNDINGS = 10
# Words that say at what a limit stands, not that it refuses; longer texts are no status.
_LONGEST_WORD = 200


def read_limits(
    headers: Sequence[tuple[str, str]], *, provider: str | None = None, now: datetime | None = None
) -> Reading:
    """Read every rate-limit header of one answer.

    ``provider`` is a name of the contracts; without one it is told from signature headers, and without those the names
    common to all are read. ``now`` is when the answer arrived (aware); the answer's own ``Date`` beats it. Never
    raises, whatever the names and values; time is linear in their number and length. A header that looks like a limit
    is in one of the limits, in ``charges``, in a remark, or in ``unknown``.
    """
    dated = next((parse_instant(value) for name, value in headers if name.lower() == "date"), None)
    return _Reader(headers, provider, dated or _aware(now), dated is not None).read()


def _aware(now: datetime | None) -> datetime | None:
    return now.replace(tzinfo=UTC) if now is not None and now.tzinfo is None else now


class _Reader:
    """One pass over the headers, then one over the limits they made."""

    def __init__(
        self, headers: Sequence[tuple[str, str]], provider: str | None, now: datetime | None, dated: bool
    ) -> None:
        self.headers = headers
        self.now = now
        self.dated = dated
        self.dialect = get(provider) or (of_headers(headers) if provider in (None, "unknown") else None)
        self.provider = self.dialect.name if self.dialect else provider
        copies = [(name[len(_COPY) :], value) for name, value in headers if name.lower().startswith(_COPY)]
        self.upstream = of_headers(copies) if copies else None
        self.drafts: dict[str, Draft] = {}
        self.policies = Policies()
        self.waits: list[tuple[str, float, float]] = []
        self.charges: list[Charge] = []
        self.remarks: list[Remark] = []
        self.unknown: list[str] = []

    def read(self) -> Reading:
        seen: dict[str, int] = {}
        for name, value in self.headers:
            lower = name.strip().lower()
            upstream = lower.startswith(_COPY)
            rule = find_rule(lower.removeprefix(_COPY), self.upstream if upstream else self.dialect)
            if rule is None:
                continue
            # Lists may come in several lines; of anything else said twice the first counts.
            seen[lower] = seen.get(lower, 0) + 1
            if seen[lower] == 1 or rule.means in _LISTS:
                self.take(name.strip(), value, rule, "upstream" if upstream else None)
        limits = [self.finish(draft) for draft in self.complete_drafts()]
        limits += self.policies.readings(self.remarks, self.unknown)
        return Reading(
            _fold_copies([limit for limit in limits if _says_something(limit)]),
            self.retry_after(), tuple(dict.fromkeys(self.unknown)), self.provider, tuple(self.charges),
            tuple(self.remarks), self.dated,
        )  # fmt: skip

    # -- the first pass -----------------------------------------------------------------------------------------

    def take(self, name: str, value: str, rule: HeaderRule, whose: str | None) -> None:
        """File one header's value under its limit."""
        match rule.means:
            case Means.POLICY | Means.STATE:
                self.policies.add(name, value, rule.means is Means.STATE)
            case Means.RETRY_AFTER:
                self.take_wait(name, value, rule)
            case Means.STATUS:
                self.take_status(name, value, rule)
            case Means.COST:
                amount = values.count(value)
                if amount is None:
                    self.unreadable(name, value)
                else:
                    self.charges.append(Charge(rule.dimension, amount, name))
            case Means.KIND:
                self.take_kind(name, value, rule, whose)
            case Means.RESET:
                delay = values.delay(value, rule.grammar, self.now)
                if delay is None or (delay.bare is not None and delay.bare < 0):
                    self.unreadable(name, value)
                else:
                    draft = self.draft(name, rule, whose)
                    draft.reset = draft.reset or delay
                    draft.in_two_units |= rule.grammar is Grammar.MILLISECONDS_OR_SECONDS
                    if delay.undated:
                        self.remarks.append(Remark(Remarks.NO_DATE, (name,)))
                    elif delay.seconds is None and delay.past_s:
                        self.remarks.append(Remark(Remarks.PAST, (name,), f"{delay.past_s:.0f}"))
            case Means.UTILIZATION:
                used = values.share(value, rule.grammar)
                if used is None:
                    self.unreadable(name, value)
                else:
                    self.draft(name, rule, whose).utilization = used
            case _:
                self.take_count(name, value, rule, whose)

    def take_count(self, name: str, value: str, rule: HeaderRule, whose: str | None) -> None:
        number = values.count(value)
        if number is None and rule.means is Means.LIMIT and ("," in value or ";" in value):
            number = self.policies.add_to_limit(name, value)
        if number is None and self.take_compound(name, value, rule, whose):
            return
        negative = number is not None and number < 0
        if number is None or (negative and (number == -1 or rule.means is not Means.REMAINING)):
            if number is not None or values.says_no_limit(value):
                draft = self.draft(name, rule, whose)
                draft.sentinel = True
                self.remarks.append(Remark(Remarks.SENTINEL, (name,), value.strip()[:20]))
            else:
                self.unreadable(name, value)
            return
        draft = self.draft(name, rule, whose)
        if rule.means is Means.WINDOW:
            draft.window_s = number * _WINDOW_UNITS_S.get(rule.grammar, 1.0) if 0 < number < 1e10 else None
            return
        if negative:
            self.remarks.append(Remark(Remarks.OVERDRAWN, (name,), str(-number)))
        draft.numbers.setdefault(rule.means, max(number, 0))
        draft.rounded_to = max(draft.rounded_to, rule.rounded_to)

    def take_compound(self, name: str, value: str, rule: HeaderRule, whose: str | None) -> bool:
        """Take ``32/40`` (a count and its limit) or ``60 per minute`` (a limit and its window); False for neither."""
        if len(value) > _LONGEST_WORD:
            return False
        pair = values.fraction(value)
        if pair is not None and rule.means in (Means.LIMIT, Means.REMAINING, Means.USED):
            draft = self.draft(name, rule, whose)
            draft.numbers.setdefault(Means.USED if rule.means is Means.LIMIT else rule.means, pair[0])
            draft.numbers.setdefault(Means.LIMIT, pair[1])
            return True
        stated = values.per(value) if rule.means is Means.LIMIT else None
        if stated is not None:
            draft = self.draft(name, rule, whose)
            draft.numbers.setdefault(Means.LIMIT, stated[0])
            draft.window_s = draft.window_s or stated[1]
        return stated is not None

    def take_wait(self, name: str, value: str, rule: HeaderRule) -> None:
        delay = values.delay(value, rule.grammar, self.now)
        seconds = None if delay is None else delay.seconds if delay.bare is None else delay.bare
        if delay is not None and delay.undated:
            self.remarks.append(Remark(Remarks.NO_DATE, (name,)))
        elif delay is not None and seconds is None and delay.past_s:
            self.remarks.append(Remark(Remarks.PAST, (name,), f"{delay.past_s:.0f}"))
        elif delay is None or seconds is None or not 0 <= seconds < 1e10:
            self.unreadable(name, value)
        else:
            self.waits.append((name, seconds, delay.resolution_s))

    def take_status(self, name: str, value: str, rule: HeaderRule) -> None:
        word = value.strip()[:_LONGEST_WORD]
        if word.lower() in _REFUSING:
            self.remarks.append(Remark(Remarks.REJECTED, (name,), word))
        elif rule.bucket == "penalty" and word.lower() in ("true", "1", "yes"):
            self.remarks.append(Remark(Remarks.PENALTY, (name,), word))
        else:
            self.remarks.append(Remark(Remarks.WORD, (name,), word))

    def take_kind(self, name: str, value: str, rule: HeaderRule, whose: str | None) -> None:
        """``UserByModelByDay``, ``DeploymentRatelimit-Token``: which limit it was, in one word."""
        said = words.read(value[:_LONGEST_WORD])
        if said.dimension is None and said.window_s is None and said.scope is None:
            self.remarks.append(Remark(Remarks.WORD, (name,), value.strip()[:_LONGEST_WORD]))
            return
        told_by = "header value" if said.window_s else None
        named = rule._replace(
            dimension=said.dimension, window_s=said.window_s, window_from=told_by, scope=said.scope,
            name=value.strip()[:60],
        )  # fmt: skip
        draft = self.draft(name, named, whose)
        draft.rule = named

    def draft(self, name: str, rule: HeaderRule, whose: str | None) -> Draft:
        draft = self.drafts.setdefault(f"{whose} {rule.bucket}", Draft(rule, whose))
        draft.headers.append(name)
        if rule.window_s and not draft.rule.window_s:
            draft.rule = draft.rule._replace(window_s=rule.window_s, window_from=rule.window_from)
        return draft

    def unreadable(self, name: str, value: str) -> None:
        if values.says_nothing(value):
            self.remarks.append(Remark(Remarks.SENTINEL, (name,), value.strip()[:20]))
        else:
            self.unknown.append(name)

    # -- the second pass ----------------------------------------------------------------------------------------

    def complete_drafts(self) -> list[Draft]:
        """Join a word that names the limit to the limit it names, where there is exactly one."""
        drafts = list(self.drafts.values())
        kind = next((draft for draft in drafts if Means.KIND is draft.rule.means), None)
        if kind is None:
            return drafts
        named = [d for d in drafts if d is not kind and d.rule.dimension is not None]
        same = [d for d in named if d.rule.dimension is kind.rule.dimension]
        if len(same) == 1 and kind.reset is None and kind.rule.window_s is None:
            same[0].headers += kind.headers
            same[0].rule = same[0].rule._replace(scope=kind.rule.scope or same[0].rule.scope)
            drafts.remove(kind)
        return drafts

    def finish(self, draft: Draft) -> LimitReading:
        rule, limit, remaining = draft.rule, draft.limit, draft.remaining
        used = draft.numbers.get(Means.USED)
        if remaining is None and limit is not None and used is not None:
            remaining = max(limit - used, 0)
        if limit is not None and remaining is not None and remaining > limit > 0:
            self.remarks.append(Remark(Remarks.ABOVE_LIMIT, tuple(draft.headers), f"{remaining} of {limit}"))
        window_s, window_from = self.stated_window(draft, limit)
        reset_s, resolution_s = self.reset_of(draft, limit, remaining, window_s)
        if window_from in (None, "documentation") and reset_s is not None:
            window_s, window_from = self.computed_window(
                draft, limit, remaining, reset_s, resolution_s, window_s, window_from
            )
        return LimitReading(
            rule.dimension, window_s, window_from if window_s else None, limit, remaining, reset_s,
            tuple(draft.headers), rule.scope, draft.utilization, rule.known, rule.name, draft.whose,
        )  # fmt: skip

    def stated_window(self, draft: Draft, limit: int | None) -> tuple[float | None, str | None]:
        if draft.window_s:
            return draft.window_s, "header value"
        policy = self.policies.window_for(draft.rule.bucket, limit, draft.headers)
        if policy is not None:
            return policy, "header value"
        return draft.rule.window_s, draft.rule.window_from

    def reset_of(
        self, draft: Draft, limit: int | None, remaining: int | None, window_s: float | None
    ) -> tuple[float | None, float]:
        """Return the reset in seconds and how finely it is told, after judging a bare number's unit."""
        delay = draft.reset
        if delay is None or (draft.sentinel and limit is None and not delay.bare and not delay.seconds):
            return None, 0.0  # -1 of -1 left, reset 0: nothing of it is a number
        if delay.bare is None:
            return delay.seconds, delay.resolution_s
        headers = tuple(name for name in draft.headers if "reset" in name.lower())
        if draft.in_two_units:
            unit = self.unit_of(draft, limit, remaining, window_s)
            self.remarks.append(
                Remark(
                    Remarks.UNIT_UNKNOWN if unit is None else Remarks.UNIT_INFERRED, headers,
                    "milliseconds" if unit in (None, 0.001) else "seconds",
                )
            )  # fmt: skip
            unit = unit or 0.001
        else:
            unit = looks_like_milliseconds(draft, limit, remaining)
            if unit == 0.001:
                draft.rule = draft.rule._replace(refill=Refill.CONTINUOUS)  # that is how the unit was told
                self.remarks.append(Remark(Remarks.UNIT_INFERRED, headers, "milliseconds"))
        return delay.bare * unit, max(delay.resolution_s * unit, 0.001)

    def unit_of(self, draft: Draft, limit: int | None, remaining: int | None, window_s: float | None) -> float | None:
        """Ask the limit itself, else the other limits of the same answer: one server writes one unit."""
        own = unit_of(draft.reset, limit, remaining, window_s)
        if own is not None:
            return own
        for other in self.drafts.values():
            if other is not draft and other.in_two_units:
                told = unit_of(other.reset, other.limit, other.remaining, other.window_s)
                if told is not None:
                    return told
        return None

    def computed_window(
        self,
        draft: Draft,
        limit: int | None,
        remaining: int | None,
        reset_s: float,
        resolution_s: float,
        documented_s: float | None,
        told_by: str | None,
    ) -> tuple[float | None, str | None]:
        """Let arithmetic speak where the refill is continuous; say so where it contradicts the documentation."""
        refill = draft.rule.refill
        if refill is Refill.UNKNOWN and draft.reset is not None and draft.reset.duration:
            # Go durations under these names: every server known to write them refills bit by bit.
            refill = Refill.CONTINUOUS
        if refill is Refill.FIXED and documented_s and reset_s > documented_s + resolution_s:
            detail = f"{reset_s:.0f} s or more, and {documented_s:.0f} s"
            self.remarks.append(Remark(Remarks.WINDOW_CONTRADICTED, tuple(draft.headers), detail))
        if refill is not Refill.CONTINUOUS or limit is None or remaining is None:
            return documented_s, told_by
        if draft.rounded_to > 1 and limit - remaining < _ROUNDINGS * draft.rounded_to:
            return documented_s, told_by
        proved_s = windows.infer_window_s(limit=limit, remaining=remaining, reset_s=reset_s, resolution_s=resolution_s)
        raw_s = windows.raw_window_s(limit=limit, remaining=remaining, reset_s=reset_s)
        if documented_s and raw_s and windows.contradicts(raw_s, proved_s, documented_s, reset_s / resolution_s):
            detail = f"{raw_s:.0f} s, and {documented_s:.0f} s"
            self.remarks.append(Remark(Remarks.WINDOW_CONTRADICTED, tuple(draft.headers), detail))
        if proved_s is None:
            return documented_s, told_by
        return proved_s, "reset arithmetic"

    def retry_after(self) -> float | None:
        """Return the server's own delay; where two disagree the larger one, unless one is the other rounded up."""
        if not self.waits:
            return None
        finest = min(self.waits, key=lambda wait: wait[2])
        largest = max(self.waits, key=lambda wait: wait[1])
        if abs(largest[1] - finest[1]) < 1 and finest[1] > 0:
            return finest[1]
        smallest = min(self.waits, key=lambda wait: wait[1])
        if largest[1] - smallest[1] > 0:
            names = tuple(dict.fromkeys(name for name, _, _ in self.waits))
            self.remarks.append(Remark(Remarks.DELAYS_CONTRADICT, names, f"{smallest[1]:g} and {largest[1]:g}"))
        return largest[1]


def _says_something(limit: LimitReading) -> bool:
    told = (limit.limit, limit.remaining, limit.reset_s, limit.utilization, limit.dimension, limit.scope, limit.name)
    return any(part is not None for part in told) or bool(limit.headers)


def _fold_copies(limits: list[LimitReading]) -> tuple[LimitReading, ...]:
    """Drop nothing, but join a gateway's copy to the same limit passed on: same numbers, both header names."""
    own = {_numbers(limit): index for index, limit in enumerate(limits) if limit.whose is None}
    folded: dict[int, LimitReading] = dict(enumerate(limits))
    for index, limit in enumerate(limits):
        twin = own.get(_numbers(limit)) if limit.whose else None
        if twin is not None:
            kept = folded[twin]
            folded[twin] = replace(kept, headers=(*kept.headers, *limit.headers), whose="upstream")
            del folded[index]
    return tuple(folded.values())


def _numbers(limit: LimitReading) -> tuple[object, ...]:
    return (limit.dimension, limit.limit, limit.remaining, limit.name, limit.utilization)
