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
