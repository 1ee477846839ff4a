"""What can be asked for, one type a kind: everything in them comes out of the tables."""

from collections.abc import Iterator
from typing import NamedTuple

from ratecheck.diagnose.codes import Area, Code
from ratecheck.dialects.charging import ChargingRule
from ratecheck.dialects.rules import Dialect, HeaderRule
from ratecheck.model import Source
from ratecheck.provider.profiles import Profile
from ratecheck.retry import RetryPolicy

Bounds = tuple[float, float]
"""Shortest and longest, in seconds."""


class CodeEntry(NamedTuple):
    """A finding code and the commands that report it."""

    code: Code
    area: Area
    commands: tuple[str, ...]


class AreaEntry(NamedTuple):
    """All codes of one area."""

    area: Area


class Told(NamedTuple):
    """What a client does when a 429 states a wait."""

    retry_after_s: float
    wait: Bounds | None
    """Its first wait; ``None`` where it gives up instead."""
    requests: int | None
    """Requests that the call becomes when every answer says the same; ``None`` for no end."""


class ClientEntry(NamedTuple):
    """A client's rule in one stretch of versions."""

    policy: RetryPolicy
    sentence: str
    retried: tuple[tuple[str, str], ...]
    """Layer and what it tries again, outermost first."""
    requests: tuple[tuple[str, int | None], ...]
    """What goes wrong every time, and the requests that a call becomes then; ``None`` for no end."""
    waits: tuple[Bounds, ...]
    """The waits where nobody says how long, at most ``client.MOST_WAITS`` of them."""
    more_waits: bool
    told: tuple[Told, ...]
    versions: tuple[str, ...]
    """Every stretch of versions that there is a row for, newest first."""

    @property
    def requests_at_most(self) -> int | None:
        """The most requests that a call becomes, whatever goes wrong and whatever it is told; ``None`` for no end."""
        counts = [*(count for _, count in self.requests), *(told.requests for told in self.told)]
        return None if None in counts else max(count for count in counts if count is not None)


class HeaderEntry(NamedTuple):
    """The headers of one limit."""

    headers: str
    """Folded: ``x-ratelimit-*-requests``."""
    rules: tuple[HeaderRule, ...]


class Trap(NamedTuple):
    """What goes wrong with this provider when nobody knows; ``code`` says more where there is one."""

    says: str
    code: str | None = None


class ProviderEntry(NamedTuple):
    """A provider's API, as far as limits go."""

    row: Dialect
    current: tuple[HeaderEntry, ...]
    """What it sends today."""
    former: tuple[HeaderEntry, ...]
    """What it no longer sends, or rarely: read all the same."""
    charging: tuple[ChargingRule, ...]
    profiles: tuple[Profile, ...]
    traps: tuple[Trap, ...]


class ProfileEntry(NamedTuple):
    """An account that ``serve``, ``simulate`` and ``headers --demo`` imitate."""

    profile: Profile


class ChargingEntry(NamedTuple):
    """What one request takes from a token limit."""

    rule: ChargingRule


class Fact(NamedTuple):
    """One row of one table, and where it was read."""

    table: str
    name: str
    says: str
    source: Source


class FactsEntry(NamedTuple):
    """Every row that nobody has seen to hold."""

    unverified: tuple[Fact, ...]
    rows: tuple[tuple[str, int, int], ...]
    """Table, its rows, and how many of them are unverified."""


class ListEntry(NamedTuple):
    """Names of one kind, each with what it is and, for some kinds, with facts to compare."""

    kind: str
    title: str
    names: tuple[tuple[str, str], ...]
    compared: tuple[str, ...] = ()
    """What ``facts`` are about."""
    facts: tuple[tuple[str, ...], ...] = ()
    """As many for each name; none at all where nothing is compared."""

    @property
    def rows(self) -> Iterator[tuple[str, str, tuple[str, ...]]]:
        """Each name, what it is, and its facts."""
        facts = self.facts or ((),) * len(self.names)
        return ((name, says, told) for (name, says), told in zip(self.names, facts, strict=True))


class Overview(NamedTuple):
    """All that can be asked for."""

    areas: tuple[Area, ...]
    lists: tuple[ListEntry, ...]


Entry = (
    CodeEntry | AreaEntry | ClientEntry | ProviderEntry | ProfileEntry | ChargingEntry | FactsEntry | ListEntry
    | Overview
)  # fmt: skip
