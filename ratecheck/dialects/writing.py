"""Levels of limits -> the headers that a provider would send: the other side of the rows that ``reading`` reads by."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from ratecheck.dialects.rules import Dialect, Grammar, HeaderRule, Level, Means
from ratecheck.durations import NS_PER_S, format_go_duration, window_name
from ratecheck.model import Dimension


def write_limits(
    dialect: Dialect, levels: Sequence[Level], *, now: datetime, retry_after_ns: int | None = None
) -> tuple[tuple[str, str], ...]:
    """Return the headers that this provider sends today about these levels, in the order of its rows.

    ``now`` (aware) is the instant of the answer: absolute resets are written from it. ``retry_after_ns`` adds what the
    provider sends with a refusal. A level that the provider has no header for is left out, as the real one does
    (Groq's requests a minute); where one header serves two levels (OpenAI's requests a minute and a day), the tighter
    one is shown.
    """
    return LimitWriter(dialect, levels).write(levels, now=now, retry_after_ns=retry_after_ns)


class LimitWriter:
    """``write_limits`` for one set of limits again and again: which rows speak of which level is found out once."""

    def __init__(self, dialect: Dialect, levels: Sequence[Level], *, in_seconds: bool = False) -> None:
        """``in_seconds``: where a provider states resets in either unit (Azure), in whole seconds."""
        self._rows = tuple(_planned(dialect, levels, in_seconds=in_seconds))

    def write(
        self,
        levels: Sequence[Level],
        *,
        now: datetime,
        retry_after_ns: int | None = None,
        cost_tokens: int | None = None,
    ) -> tuple[tuple[str, str], ...]:
        """Return the headers for ``levels``: the same limits in the same order, however much of them is left.

        ``cost_tokens`` is what an answer has used, for providers that tell it (Mistral).
        """
        written: list[tuple[str, str]] = []
        for rule, index, always, write in self._rows:
            if always is not None:
                written.append(always)
            elif index is not None:
                written.append((rule.header, write(levels[index], now)))
            elif rule.means in _LISTS:
                written.append((rule.header, _items(rule, levels)))
            elif rule.means is Means.COST:
                if cost_tokens is not None:
                    written.append((rule.header, str(cost_tokens)))
            elif retry_after_ns is not None:
                written.append((rule.header, str(_ceiling(retry_after_ns, _STEP_NS[rule.grammar]))))
        return tuple(written)


_NUMBERS = (Means.LIMIT, Means.REMAINING, Means.USED, Means.RESET, Means.WINDOW)
_LISTS = (Means.POLICY, Means.STATE)
_ALONE = (Means.RETRY_AFTER, Means.COST)  # they speak of the answer, not of a level
_NO_MATTER = datetime(1970, 1, 1, tzinfo=UTC)
_STEP_NS = {
    Grammar.MILLISECONDS: 1_000_000,
    Grammar.WHOLE_SECONDS: NS_PER_S,
    Grammar.SECONDS: NS_PER_S,
    Grammar.BY_MAGNITUDE: NS_PER_S,
}


_Writer = Callable[[Level, datetime], str]
_Row = tuple[HeaderRule, int | None, tuple[str, str] | None, _Writer]
"""A rule, the index of the level it shows, its header where that is always the same, how it is written elsewhere."""


def _planned(dialect: Dialect, levels: Sequence[Level], *, in_seconds: bool) -> Iterator[_Row]:
    buckets: dict[str, list[HeaderRule]] = {}
    for rule in dialect.headers:
        if rule.written and rule.means in (*_NUMBERS, *_LISTS, *_ALONE):
            buckets.setdefault(rule.bucket, []).append(rule)
    for rules in buckets.values():
        index = _level_for(rules[0], levels, dialect) if rules[0].means not in _ALONE else None
        spoken = rules[0].means in _ALONE or (rules[0].means in _LISTS and levels)
        if index is not None or spoken:
            for rule in rules:
                write, always = _writer(rule, in_seconds=in_seconds), None
                if index is not None and rule.means in (Means.LIMIT, Means.WINDOW):
                    always = (rule.header, write(levels[index], _NO_MATTER))
                yield rule, index, always, write


def _level_for(rule: HeaderRule, levels: Sequence[Level], dialect: Dialect) -> int | None:
    """Return the index of the tightest level that this bucket of headers speaks of."""
    if rule.dimension is None:
        return None
    fitting = [
        (level.limit / level.window_s, level.window_s, index)
        for index, level in enumerate(levels)
        if level.dimension is rule.dimension
        and rule.window_s in (None, level.window_s)
        and (level.scope or None) in _scopes(rule, dialect)
    ]
    return min(fitting)[2] if fitting else None


def _scopes(rule: HeaderRule, dialect: Dialect) -> tuple[str | None, ...]:
    """Return the scopes of levels that a bucket shows; one with a scope or a name steps back behind a plain one."""
    plain = rule.scope is None and rule.name is None
    if plain:
        return (None, "organization", "account")
    has_plain = any(
        other.dimension is rule.dimension and other.written and other.scope is None and other.name is None
        and other.window_s in (None, rule.window_s)
        for other in dialect.headers
    )  # fmt: skip
    return (rule.scope,) if has_plain else (None, rule.scope)


def _writer(rule: HeaderRule, *, in_seconds: bool) -> _Writer:
    if rule.means is Means.REMAINING and rule.rounded_to != 1:
        return lambda level, now: str(round(level.remaining / rule.rounded_to) * rule.rounded_to)
    if rule.grammar is Grammar.MILLISECONDS_OR_SECONDS and in_seconds:
        return lambda level, now: str(level.full_in_ns // NS_PER_S)
    if rule.means is Means.RESET:
        return _RESETS.get(rule.grammar, lambda level, now: str(_ceiling(level.full_in_ns, NS_PER_S)))
    return _NUMBER.get(rule.means, lambda level, now: "")


_NUMBER: Mapping[Means, _Writer] = {
    Means.LIMIT: lambda level, now: str(level.limit),
    Means.REMAINING: lambda level, now: str(level.remaining),
    Means.USED: lambda level, now: str(level.limit - level.remaining),
    Means.WINDOW: lambda level, now: f"{level.window_s:.0f}",
}
_RESETS: Mapping[Grammar, _Writer] = {
    Grammar.GO_DURATION: lambda level, now: format_go_duration(level.full_in_ns),
    Grammar.MILLISECONDS_OR_SECONDS: lambda level, now: str(level.full_in_ns // 1_000_000),
    Grammar.MILLISECONDS: lambda level, now: str(level.full_in_ns // 1_000_000),
    Grammar.SECONDS: lambda level, now: f"{level.full_in_ns / NS_PER_S:.6f}".rstrip("0").rstrip("."),
    Grammar.RFC3339: lambda level, now: f"{_whole_second_after(now, level.full_in_ns):%Y-%m-%dT%H:%M:%SZ}",
    Grammar.EPOCH_SECONDS: lambda level, now: str(int(_whole_second_after(now, level.full_in_ns).timestamp())),
    Grammar.EPOCH_MILLISECONDS: lambda level, now: str(_epoch_ms(now) + _ceiling(level.full_in_ns, 1_000_000)),
}


def _whole_second_after(now: datetime, wait_ns: int) -> datetime:
    """Round up: a reset must not be stated before it happens. A full limit's is now, as recorded."""
    if wait_ns <= 0:
        return now.astimezone(UTC).replace(microsecond=0)
    microseconds = now.microsecond + _ceiling(wait_ns, 1000)
    seconds = _ceiling(microseconds, 1_000_000)
    return now.astimezone(UTC).replace(microsecond=0) + timedelta(seconds=seconds)


def _epoch_ms(now: datetime) -> int:
    return int(now.replace(microsecond=0).timestamp()) * 1000 + now.microsecond // 1000


def _ceiling(amount: int, step: int) -> int:
    return -(-max(amount, 0) // step)


def _items(rule: HeaderRule, levels: Sequence[Level]) -> str:
    """Write the lists of the current IETF draft, one item a level."""
    parts = []
    for level in levels:
        name = f'"{level.dimension.value}-{window_name(level.window_s).replace(" ", "-")}"'
        if rule.means is Means.STATE:
            parts.append(f"{name};r={level.remaining};t={_ceiling(level.full_in_ns, NS_PER_S)}")
        else:
            unit = "" if level.dimension is Dimension.REQUESTS else f';qu="{level.dimension.value}"'
            parts.append(f"{name};q={level.limit};w={level.window_s:.0f}{unit}")
    return ", ".join(parts)
