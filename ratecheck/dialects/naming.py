"""Which row reads a header: found by its name, in the dialect that answered, then in what all or any of them send."""

from collections.abc import Iterable

from ratecheck.dialects import headers as tables
from ratecheck.dialects import words
from ratecheck.dialects.lookup import ALL
from ratecheck.dialects.rules import Dialect, HeaderRule

_Table = tuple[dict[str, HeaderRule], tuple[tuple[str, HeaderRule], ...]]
_TABLES: dict[str, _Table] = {}


def find_rule(header: str, dialect: Dialect | None) -> HeaderRule | None:
    """Return the rule of a lower-case header name: the dialect's own, everybody's, anybody's, or what its words say."""
    for key, rows in (
        (dialect.name if dialect else "", dialect.headers if dialect else ()),
        ("everybody", tables.EVERYBODY),
        ("anybody", ()),
    ):
        if not key:
            continue
        table = _TABLES.get(key)
        if table is None:
            every = rows if key != "anybody" else (rule for row in ALL.values() for rule in row.headers)
            table = _TABLES[key] = _indexed(every)
        rule = table[0].get(header) or next((rule for start, rule in table[1] if header.startswith(start)), None)
        if rule is not None:
            return rule
    return words.rule_of(header)


def _indexed(rules: Iterable[HeaderRule]) -> _Table:
    exact: dict[str, HeaderRule] = {}
    prefixes: list[tuple[str, HeaderRule]] = []
    for rule in rules:
        if rule.header.endswith("*"):
            prefixes.append((rule.header[:-1], rule))
        else:
            exact.setdefault(rule.header, rule)
    return exact, tuple(prefixes)
