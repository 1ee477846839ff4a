"""What one run comes to: counts, latencies, and the attempts of a run that is recorded."""

from dataclasses import dataclass, field
from typing import NamedTuple

# Attempts kept for tables, charts and --events; later ones are only counted.
MOST_ATTEMPTS = 200_000


class Attempt(NamedTuple):
    """One request of a recorded run."""

    at_ns: int
    call: int
    attempt: int
    client: int
    outcome: str
    """``"ok"``, ``"limited"``, ``"fault"``."""
    status: int | None
    what: str
    """What a person calls it: ``"200"``, ``"429"``, ``"timeout"``."""
    delay_ns: int | None
    """The client's wait before the next request; ``None`` after the last."""
    told_s: float | None
    """The wait that the server named, where it did."""
    remaining: dict[str, int]


class Vain(NamedTuple):
    """A call that was refused, tried again and given up before the limit had room for it."""

    call: int
    at_ns: int
    """When it was refused first."""
    room_ns: int
    """How far away room for it was then, as its limiter says."""
    last_ns: int
    """When it was refused last."""
    later_ns: int | None
    """How far away room was then; ``None`` where no clock tells."""

    @classmethod
    def of(cls, call: int, at_ns: int, room_ns: int | None, last_ns: int, later_ns: int | None) -> "Vain | None":
        """Return the call where its retries were over before there was room; ``None`` where they lasted longer."""
        if room_ns is None or last_ns >= at_ns + room_ns:
            return None
        return cls(call, at_ns, room_ns, last_ns, later_ns)


@dataclass(slots=True)
class Totals:
    """The totals of one run, growing while it goes on. Times in nanoseconds of virtual time."""

    calls: int = 0
    calls_ok: int = 0
    calls_cached: int = 0
    requests_ok: int = 0
    requests_limited: int = 0
    requests_faulted: int = 0
    first_limited_call: int | None = None
    drained_at_ns: int | None = None
    vain: Vain | None = None
    """The first call whose retries were over before there was room."""
    end_ns: int = 0
    latencies_ns: list[int] = field(default_factory=list)
    """One for each call whose end is certain, in no promised order."""
    attempts: list[Attempt] = field(default_factory=list)
    events: int = 0
    cut: str | None = None
    """Why the run ended early: ``"max_events"`` or ``"interrupted"``."""
    limited_by: dict[str, int] = field(default_factory=dict)
    """Refusals by the name of the limit."""

    @property
    def requests(self) -> int:
        """All that was sent."""
        return self.requests_ok + self.requests_limited + self.requests_faulted

    @property
    def unfinished(self) -> int:
        """Calls that had not ended when the run was cut."""
        return self.calls - len(self.latencies_ns)
