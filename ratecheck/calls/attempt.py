"""The nouns of grouping: a request, its end, a run of one SDK, a call."""

from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from ratecheck.clients import Sender
from ratecheck.durations import ns_from_s
from ratecheck.model import Finding, LimitReading

# A told wait longer than this is a stop sign, not a pause that a loop keeps: it is not waited for when grouping.
_LONGEST_TOLD_S = 3600.0


class Layer(StrEnum):
    """Who decided to send this request."""

    FIRST = "first"
    """The app: the first attempt of a call."""
    SDK = "sdk"
    WRAPPER = "wrapper"
    """A library around the SDK (LangChain, litellm …), or the inner one of two loops."""
    APP = "app loop"


class Request(NamedTuple):
    """A request as it was seen on the wire."""

    sent_ns: int
    target: str
    """Method and address, without the query."""
    model: str | None
    fingerprint: str
    """Equal for equal bodies."""
    sender: Sender
    connection: str = ""
    key: str | None = None
    """Masked."""

    @property
    def lane(self) -> tuple[object, ...]:
        """What two requests must share to be attempts at the same thing."""
        who = self.sender
        return (self.target, self.model, self.fingerprint, who.sdk, who.version, who.agent, self.key)


class Outcome(NamedTuple):
    """How a request ended."""

    answered_ns: int
    status: int | None
    """``None`` when no answer began."""
    retry_after_s: float | None = None
    in_words: bool = False
    """The wait stood in the answer's text only: a client that reads headers has not heard of it."""
    limits: tuple[LimitReading, ...] = ()
    finding: Finding | None = None
    """What the refusal said."""
    charged_tokens: int | None = None
    cut: str | None = None
    """``"client"`` hung up before the end, ``"upstream"`` broke off; ``None`` for a whole answer."""

    @property
    def ok(self) -> bool:
        """Whether the app got what it asked for. Reading a stream no further is the app's choice, not a failure."""
        return self.status is not None and self.status < 400 and self.cut != "upstream"


class Attempt(NamedTuple):
    """One request and its end."""

    request: Request
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Call:
    """What the app meant to do once."""

    attempts: tuple[Attempt, ...]
    layers: tuple[Layer, ...]
    """Who sent each attempt."""
    hot_repeat: bool = False
    """It repeats a refused call at once: perhaps a retry by a loop that does not wait."""

    @property
    def ok(self) -> bool:
        """Whether its last attempt succeeded."""
        return self.attempts[-1].outcome.ok

    @property
    def started_ns(self) -> int:
        """When its first attempt was sent."""
        return self.attempts[0].request.sent_ns

    def waits_ns(self) -> tuple[int, ...]:
        """Return the pause before each retry, from the end of the attempt before."""
        pairs = zip(self.attempts, self.attempts[1:], strict=False)
        return tuple(max(later.request.sent_ns - one.outcome.answered_ns, 0) for one, later in pairs)


@dataclass(slots=True, eq=False)
class Run:
    """One SDK call: attempts that one retry counter, or one id, holds together."""

    requests: list[Request]
    outcomes: list[Outcome] = field(default_factory=list)
    moved_on: bool = False
    """Its program, doing one thing at a time, had meanwhile sent something else."""

    @property
    def started_ns(self) -> int:
        return self.requests[0].sent_ns

    @property
    def ended_ns(self) -> int | None:
        """When its last attempt ended; ``None`` while one is on its way."""
        return self.outcomes[-1].answered_ns if len(self.outcomes) == len(self.requests) else None

    @property
    def ok(self) -> bool:
        return len(self.outcomes) == len(self.requests) and self.outcomes[-1].ok

    @property
    def failed(self) -> bool:
        return len(self.outcomes) == len(self.requests) and not self.outcomes[-1].ok

    @property
    def told_ns(self) -> int | None:
        """The wait that the last answer asked for."""
        told = self.outcomes[-1].retry_after_s if self.outcomes else None
        return None if told is None else ns_from_s(min(max(told, 0.0), _LONGEST_TOLD_S))

    @property
    def due_ns(self) -> int:
        """When a retry that obeys may start."""
        return (self.ended_ns or 0) + (self.told_ns or 0)

    @property
    def connections(self) -> set[str]:
        return {request.connection for request in self.requests}

    @property
    def sender(self) -> Sender:
        return self.requests[0].sender

    def attempts(self) -> list[Attempt]:
        return [Attempt(*pair) for pair in zip(self.requests, self.outcomes, strict=False)]


@dataclass(slots=True)
class Habit:
    """What was seen of how a program goes on after an answer; tells a repeated call from a retry."""

    paces_ns: deque[int] = field(default_factory=lambda: deque(maxlen=8))
    """Pauses between an answered call and the same request again."""
    hot_lanes: set[int] = field(default_factory=set)
    """Lanes in which a refused request came again at once."""
    in_flight: int = 0
    at_once: int = 0
    """The most requests that it had under way at the same time."""
    last_lane: int = 0
    """The lane of its latest run."""
