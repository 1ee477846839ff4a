"""What is simulated: the workload, the provider, the faults, the remedies. Frozen, plain and picklable."""

import re
from dataclasses import dataclass, field
from enum import StrEnum

from ratecheck.errors import UsageError
from ratecheck.provider.faults import Fault
from ratecheck.provider.profiles import Profile

# Beyond a year of virtual time or a million calls a client nobody learns more; a slip of the keyboard does end here.
LONGEST_S = 366 * 86_400.0
MOST_CALLS = 1_000_000
MOST_CLIENTS = 100_000
MOST_TOKENS = 100_000_000


@dataclass(frozen=True, slots=True)
class Span:
    """A value, or a range that values are drawn from evenly."""

    low: float
    high: float

    @property
    def fixed(self) -> bool:
        """Whether nothing is drawn."""
        return self.low == self.high

    def at(self, u: float) -> float:
        """Return the value for a draw ``u`` in [0, 1)."""
        return self.low + (self.high - self.low) * u

    def __str__(self) -> str:
        return f"{self.low:g}" if self.fixed else f"{self.low:g}-{self.high:g}"


_SPAN = re.compile(r"\s*(\d{1,12}(?:\.\d{1,9})?)(?:\s*(?:-|\.\.)\s*(\d{1,12}(?:\.\d{1,9})?))?\s*")


def span(text: str, option: str, most: float, example: tuple[str, str] = ("800", "200-1500")) -> Span:
    """Parse ``"800"`` or ``"200-1500"``. Raises ``UsageError`` that names the option, with an ``example`` of each."""
    found = _SPAN.fullmatch(text)
    if found is None:
        raise UsageError(
            f"{option} {text!r} is no number and no range", f"write {option} {example[0]} or {option} {example[1]}"
        )
    low, high = float(found[1]), float(found[2] or found[1])
    if low > high:
        raise UsageError(f"{option} {text!r} ends before it begins", f"write {option} {found[2]}-{found[1]}")
    if high > most:
        raise UsageError(f"{option} {text!r} is beyond {most:g}")
    return Span(low, high)


_UNITS_S = {
    "s": 1.0, "sec": 1.0, "second": 1.0, "min": 60.0, "minute": 60.0, "h": 3600.0, "hour": 3600.0,
    "d": 86_400.0, "day": 86_400.0,
}  # fmt: skip


def rate_per_s(text: str, option: str = "--rate", example: str = "--rate 30/min, 2/s or 100/h") -> float:
    """Parse ``"30/min"``, ``"2/s"``, ``"100/h"``; a bare number is a minute's. Raises ``UsageError``."""
    found = re.fullmatch(r"\s*(\d{1,9}(?:\.\d{1,9})?)\s*(?:/\s*([a-z]+))?\s*", text.lower())
    if found is None or (found[2] is not None and found[2] not in _UNITS_S) or float(found[1]) <= 0:
        raise UsageError(f"{option} {text!r} is no rate above 0", f"write {example}")
    return float(found[1]) / _UNITS_S[found[2] or "min"]


class Arrivals(StrEnum):
    """How a client's calls arrive."""

    SCHEDULE = "schedule"
    """A loop: the next call starts on time, or when the one before has ended, whichever is later."""
    POISSON = "poisson"
    """Independent calls that may overlap, as web requests do."""
    BURST = "burst"
    """All at once."""
    FILE = "file"
    """At the instants of a recording; they may overlap."""


class KeysScope(StrEnum):
    """What a limit belongs to when several keys are used."""

    ORGANIZATION = "organization"
    KEY = "key"


@dataclass(frozen=True, slots=True)
class Asked:
    """One call of a recording."""

    at_s: float
    tokens: int
    max_output_tokens: int
    output_tokens: int


@dataclass(frozen=True, slots=True)
class Workload:
    """The calls that an application means to make."""

    arrivals: Arrivals = Arrivals.SCHEDULE
    calls: int | None = 2
    """A client's; ``None`` where only ``duration_s`` ends them."""
    clients: int = 1
    every_s: float = 60.0
    rate_per_s: float = 0.0
    duration_s: float | None = None
    """No call arrives later."""
    tokens: Span = Span(0, 0)
    max_output_tokens: int = 0
    """Reserved at admission where the provider reserves."""
    output_tokens: Span | None = None
    """What an answer really produces; ``None``: as much as was allowed."""
    asked: tuple[Asked, ...] = ()


@dataclass(frozen=True, slots=True)
class Remedies:
    """What the application does about it; every field changes the workload or the client, none the provider."""

    throttle: str | None = None
    throttle_per_min: float | None = None
    """``None``: this client's fair share of the request limit."""
    workers: int | None = None
    keys: int = 1
    keys_scope: KeysScope = KeysScope.ORGANIZATION
    cache: float = 0.0
    merge: int = 1
    trim: float = 0.0
    cap_output: int | None = None
    """``max_tokens`` lowered to this."""
    retries_off: bool = False
    """The client sends each call once, whatever its own rule says."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """Everything that one simulation depends on, but for its seed."""

    profile: Profile
    workload: Workload = field(default_factory=Workload)
    remedies: Remedies = field(default_factory=Remedies)
    policies: tuple[str, ...] = ("openai-python",)
    max_retries: int | None = None
    """The clients' own setting in place of their default."""
    faults: tuple[Fault, ...] = ()
    latency_s: Span = Span(0, 0)
    timeout_s: float | None = None
    """How long a client waits for an answer that never comes; ``None``: each client its own default."""
    hints: bool = True
    """Whether refusals say how long to wait, as the dialect does."""
    story: bool = False
    """The default scenario, to be told as a story."""
    max_events: int = 5_000_000
