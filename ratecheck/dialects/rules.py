"""What a row is: one header's meaning, one provider's ways, one answer's reading.

Everything that ratecheck knows about a provider stands in rows of these types; nothing asks for a provider by name.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from ratecheck.model import Dimension, LimitReading, Source


class Means(StrEnum):
    """What the number in a header is."""

    LIMIT = "limit"
    REMAINING = "remaining"
    USED = "used"
    RESET = "reset"
    WINDOW = "window"
    """The length of the window, in seconds."""
    UTILIZATION = "utilization"
    """Used share of the limit."""
    COST = "cost"
    """What this very request was charged."""
    RETRY_AFTER = "retry-after"
    POLICY = "policy"
    """IETF ``RateLimit-Policy``: limits and windows of several quotas."""
    STATE = "state"
    """IETF ``RateLimit``: what is left of several quotas."""
    KIND = "kind"
    """A word that names the limit that was hit: ``UserByModelByDay``."""
    STATUS = "status"
    """A word or flag about the limit: ``allowed``, ``rejected``, ``False``."""


class Grammar(StrEnum):
    """How a value is written, and what a bare number in it counts. Texts with units or dates explain themselves."""

    COUNT = "count"
    GO_DURATION = "go duration"
    """``1m26.4s``, ``6ms``: Go's ``time.Duration``. A bare number is seconds."""
    SECONDS = "seconds"
    WHOLE_SECONDS = "whole seconds"
    MINUTES = "minutes"
    MILLISECONDS = "milliseconds"
    MILLISECONDS_OR_SECONDS = "milliseconds or seconds"
    """Azure: the same header in two units by route. Decided by arithmetic, see ``windows.unit_of_reset``."""
    EPOCH_SECONDS = "epoch seconds"
    EPOCH_MILLISECONDS = "epoch milliseconds"
    RFC3339 = "rfc 3339"
    BY_MAGNITUDE = "by magnitude"
    """Nobody says: above 1e12 epoch milliseconds, above 1e9 epoch seconds, else seconds from now."""
    SHARE = "share"
    """0..1."""
    PERCENT = "percent"
    WORD = "word"
    ITEMS = "items"
    """A structured list, or the key=value form of earlier IETF drafts."""


class Refill(StrEnum):
    """How what was used comes back, which decides what ``reset`` means."""

    CONTINUOUS = "continuous"
    """Bit by bit: ``reset`` is the time until full, proportional to what is used."""
    FIXED = "fixed"
    """All at once at the window's end: ``reset`` is that end."""
    UNKNOWN = "unknown"


class HeaderRule(NamedTuple):
    """One header of one limit. Rules with the same ``bucket`` make one reading."""

    header: str
    """Lower case. A trailing ``*`` stands for any ending."""
    means: Means
    grammar: Grammar
    bucket: str
    dimension: Dimension | None = None
    window_s: float | None = None
    """Stated by the name or by the provider's documentation; ``None`` where only arithmetic tells."""
    window_from: str | None = None
    scope: str | None = None
    name: str | None = None
    """The server's own name of the quota, where the dimension alone would not tell it from another."""
    refill: Refill = Refill.UNKNOWN
    written: bool = True
    """False for generations of headers that the provider no longer sends: read, never written."""
    rounded_to: int = 1
    """The server rounds the number to multiples of this (Anthropic's token remainders: thousands)."""
    known: bool = True


class Signature(NamedTuple):
    """A header that only one service sends; ``contains`` narrows it to a value."""

    header: str
    """Lower case. A trailing ``*`` stands for any ending."""
    contains: str = ""


class Endpoint(NamedTuple):
    """Where one kind of request goes, below the base URL. ``{model}`` is filled in by the caller."""

    kind: str
    """``chat``, ``responses``, ``embeddings``, ``messages`` or ``generateContent``."""
    path: str


class Auth(NamedTuple):
    """Which header carries the key, and what stands before it."""

    header: str = "authorization"
    prefix: str = "Bearer "


BEARER = Auth()


@dataclass(frozen=True, slots=True)
class Dialect:
    """One provider's API, as far as limits go. Unknown is ``None`` or an empty tuple."""

    name: str
    """As in the contracts' vocabulary."""
    title: str
    hosts: tuple[str, ...] = ()
    """Host names; ``*.example.com`` stands for every host below."""
    headers: tuple[HeaderRule, ...] = ()
    signatures: tuple[Signature, ...] = ()
    gateway: bool = False
    """Passes on other services' answers: its own signature stands beside theirs."""
    rejections_count: bool | None = None
    """Whether a refused request is charged all the same, where documented."""
    key_env: tuple[str, ...] = ()
    base_url_env: tuple[str, ...] = ()
    base_url: str | None = None
    auth: Auth = BEARER
    endpoints: tuple[Endpoint, ...] = ()
    """The first one is the smallest probe."""
    probe_model: str | None = None
    """A small model that a probe asks where the user names none. Model lists change: it is only a default."""
    api_version: str | None = None
    """Sent as ``api-version`` where neither option nor environment names one."""
    api_version_env: tuple[str, ...] = ()
    fixed_headers: tuple[tuple[str, str], ...] = ()
    """Headers that every request needs."""
    header_env: tuple[tuple[str, str], ...] = ()
    """Headers that the SDK fills from an environment variable: (header, variable)."""
    headers_in: str = "head"
    """``"head"``, or the path inside an error body where the provider puts its limit headers."""
    sources: tuple[Source, ...] = ()

    @property
    def verified(self) -> bool:
        """True when every source was seen to hold, not only read about."""
        return bool(self.sources) and all(source.verified for source in self.sources)

    def path(self, kind: str) -> str | None:
        """Return the path of a kind of request; ``None`` where the provider has none."""
        return next((endpoint.path for endpoint in self.endpoints if endpoint.kind == kind), None)


class Charge(NamedTuple):
    """What the server says that this request cost."""

    dimension: Dimension | None
    amount: int
    header: str


class Remarks(StrEnum):
    """What a reader noticed about the headers themselves; ``diagnose.readings`` gives each its code."""

    SENTINEL = "sentinel"
    """-1 or 0 that stands for unknown."""
    OVERDRAWN = "overdrawn"
    """A negative remainder."""
    ABOVE_LIMIT = "above limit"
    """More remaining than the limit."""
    UNIT_INFERRED = "unit inferred"
    """A bare reset whose unit follows from arithmetic or from its size."""
    UNIT_UNKNOWN = "unit unknown"
    """A bare reset that could be two units; the dialect's usual one was taken."""
    WINDOW_CONTRADICTED = "window contradicted"
    """The arithmetic does not give the window that is documented."""
    DELAYS_CONTRADICT = "delays contradict"
    """retry-after and retry-after-ms disagree; the larger one was taken."""
    PAST = "past"
    """A reset before the answer's own date."""
    NO_DATE = "no date"
    """An absolute reset and no date to take it against."""
    REJECTED = "rejected"
    """A status header says that this limit refuses."""
    PENALTY = "penalty"
    """A flag says that a penalty is in force."""
    WORD = "word"
    """A header that says something about a limit in a word of its own."""


class Remark(NamedTuple):
    """One thing noticed, the headers it was seen in, and its numbers as text."""

    kind: Remarks
    headers: tuple[str, ...]
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """What the headers of one answer say about limits."""

    limits: tuple[LimitReading, ...] = ()
    retry_after_s: float | None = None
    unknown: tuple[str, ...] = ()
    """Headers that look like limits and whose value could not be read. Never dropped silently."""
    provider: str | None = None
    charges: tuple[Charge, ...] = ()
    remarks: tuple[Remark, ...] = ()
    has_date: bool = False
    """Whether the answer carried a usable ``Date``."""

    @property
    def headers(self) -> tuple[str, ...]:
        """Every header that was read or noticed, as the server spelled it."""
        names = [name for limit in self.limits for name in limit.headers]
        names += [charge.header for charge in self.charges]
        names += [name for remark in self.remarks for name in remark.headers]
        return tuple(dict.fromkeys([*names, *self.unknown]))


class Level(NamedTuple):
    """How full one limit is: what an emulated provider has to say about it."""

    dimension: Dimension
    window_s: float
    limit: int
    remaining: int
    full_in_ns: int
    scope: str | None = None
