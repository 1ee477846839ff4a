"""The nouns that every other file speaks of.

Instants and durations inside the core are integer nanoseconds (``_ns``); what comes from or goes to people, headers
and JSON is float seconds (``_s``). ``None`` means unknown, never zero.

Named tuples, because a frozen dataclass takes five times as long to define and to make: every start pays for each of
these, and a simulation makes millions of some. What is built step by step with ``replace`` is a dataclass.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple


class Dimension(StrEnum):
    """What a limit counts."""

    REQUESTS = "requests"
    TOKENS = "tokens"
    INPUT_TOKENS = "input_tokens"
    OUTPUT_TOKENS = "output_tokens"
    IMAGES = "images"
    CONCURRENCY = "concurrency"


SHORT_NAMES: dict[str, tuple[Dimension, int]] = {
    "rps": (Dimension.REQUESTS, 1), "rpm": (Dimension.REQUESTS, 60), "rph": (Dimension.REQUESTS, 3600),
    "rpd": (Dimension.REQUESTS, 86_400),
    "tpm": (Dimension.TOKENS, 60), "tph": (Dimension.TOKENS, 3600), "tpd": (Dimension.TOKENS, 86_400),
    "itpm": (Dimension.INPUT_TOKENS, 60), "itpd": (Dimension.INPUT_TOKENS, 86_400),
    "otpm": (Dimension.OUTPUT_TOKENS, 60), "otpd": (Dimension.OUTPUT_TOKENS, 86_400),
    "ipm": (Dimension.IMAGES, 60), "concurrency": (Dimension.CONCURRENCY, 1),
}  # fmt: skip
"""What people call a limit: its dimension, and its window in seconds."""


class Category(StrEnum):
    """What kind of refusal it was."""

    RATE_LIMIT = "rate_limit"
    QUOTA_EXHAUSTED = "quota_exhausted"
    """Money or plan: waiting does not help."""
    REQUEST_TOO_LARGE = "request_too_large"
    """This very request can never pass."""
    OVERLOADED = "overloaded"
    """The server's capacity, not your limit."""
    CONCURRENCY = "concurrency"
    NOT_RATE_LIMIT = "not_rate_limit"


class Severity(StrEnum):
    """How loudly a diagnosis is told."""

    BAD = "bad"
    WARN = "warn"
    NOTE = "note"


class Source(NamedTuple):
    """Where a fact was read and when. ``verified`` is false where nobody saw it happen: it is shown so."""

    url: str
    date: str
    """ISO date or month of the reading, ``2026-10`` or ``2026-10-12``."""
    verified: bool = True
    note: str = ""


class Limit(NamedTuple):
    """``amount`` units of ``dimension`` per ``window_ns``; ``burst`` is the most at once, ``None`` for ``amount``."""

    dimension: Dimension
    amount: int
    window_ns: int
    burst: int | None = None


class Cost(NamedTuple):
    """What one request takes from each limit at admission."""

    requests: int = 1
    input_tokens: int = 0
    reserved_output_tokens: int = 0
    images: int = 0

    def of(self, dimension: Dimension) -> int:
        """Return the units that this cost takes from a limit of ``dimension``."""
        match dimension:
            case Dimension.REQUESTS:
                return self.requests
            case Dimension.TOKENS:
                return self.input_tokens + self.reserved_output_tokens
            case Dimension.INPUT_TOKENS:
                return self.input_tokens
            case Dimension.OUTPUT_TOKENS:
                return self.reserved_output_tokens
            case Dimension.IMAGES:
                return self.images
            case Dimension.CONCURRENCY:
                return 1


class Call(NamedTuple):
    """What an application means to happen once, however many HTTP requests it takes."""

    call_id: int
    model: str
    cost: Cost
    output_tokens: int
    """What the answer will really produce; the reservation may be larger."""
    arrives_ns: int


class Answer(NamedTuple):
    """What came back for one HTTP request. ``status`` is ``None`` when nothing did (drop, timeout)."""

    status: int | None
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    service_ns: int = 0
    """From the request's arrival to the end of the answer."""
    timed_out: bool = False
    """With ``status`` ``None``: the client's own patience ended, where a drop is the connection's end."""
    complete: bool = True
    """Whether its body came to its end."""

    def header(self, name: str) -> str | None:
        """Return the first header of that name, whatever its case."""
        wanted = name.lower()
        return next((value for key, value in self.headers if key.lower() == wanted), None)


class Exchange(NamedTuple):
    """One HTTP request and its answer: what probes, simulations, ``serve`` and ``watch`` all produce."""

    call_id: int | None
    """The call it belongs to; ``None`` until attempts have been grouped."""
    attempt: int
    """1 for the first try."""
    sent_ns: int
    answered_ns: int
    cost: Cost | None
    answer: Answer
    model: str | None = None
    client: str | None = None
    """Who sent it: a worker's number or a masked key, never a key."""


class Ask(NamedTuple):
    """One request that a probe plan wants sent, not before ``at_ns`` after the plan's start."""

    at_ns: int = 0
    prompt_tokens: int = 1
    """Roughly; the word ``hi`` is repeated so often."""
    max_output_tokens: int | None = 1
    key: int = 0
    """0 for the first key, 1 for the second."""


@dataclass(frozen=True, slots=True)
class LimitReading:
    """What one group of headers says about one limit."""

    dimension: Dimension | None
    """``None`` where no word of the name tells it."""
    window_s: float | None = None
    window_from: str | None = None
    """From what the window was told: ``"header name"``, ``"reset arithmetic"``, ``"documentation"`` …"""
    limit: int | None = None
    remaining: int | None = None
    reset_s: float | None = None
    """Seconds from the answer until the server's ``reset``; for a bucket that is the time until full."""
    headers: tuple[str, ...] = ()
    scope: str | None = None
    """``"project"``, ``"deployment"`` … where the name says so."""
    utilization: float | None = None
    """Used share, 0..1, where the server tells a share in place of numbers."""
    known: bool = True
    """False where no table row names these headers: the reading follows from the words in the name alone."""
    name: str | None = None
    """The server's own name of the quota (``"audio-seconds"``, ``"hour"``), where the dimension does not tell it."""
    whose: str | None = None
    """``"upstream"`` for a gateway's copy of the limits of the service behind it; ``None`` for the answering one's."""


class Verdict(NamedTuple):
    """A limiter's answer to a cost at an instant."""

    admitted: bool
    wait_ns: int | None
    """Until this cost would pass; 0 when admitted, ``None`` when it never can."""
    remaining: int
    """Whole units left, after the cost was taken where it was."""
    full_in_ns: int


@dataclass(frozen=True, slots=True)
class Finding:
    """What one piece of evidence says about a limit (``decode`` and the probes of ``headers``)."""

    category: Category
    provider: str = "unknown"
    status: int | None = None
    code: str | None = None
    """The server's own error code, as text."""
    dimension: Dimension | None = None
    window_s: float | None = None
    limit: int | None = None
    used: int | None = None
    requested: int | None = None
    remaining: int | None = None
    retry_after_s: float | None = None
    """The server's advice only; a client's own back-off never lands here."""
    resets: str | None = None
    """When it passes again in the server's own words, where only a time of day or a date is told, no delay."""
    model: str | None = None
    scope: str | None = None
    retryable: bool | None = None
    will_fit_ever: bool | None = None
    limits: tuple[LimitReading, ...] = ()
    message: str | None = None
    """The server's own sentence, neutralised."""
    explanation: str = ""
    advice: tuple[str, ...] = ()
    line: int | None = None
    count: int = 1
    first_line: int | None = None
    last_line: int | None = None


class Diagnosis(NamedTuple):
    """Something worth saying, under a code that stays (``RC101``); its meaning stands in ``diagnose.codes``."""

    code: str
    severity: Severity
    says: str
    """Whole sentences, with this case's numbers."""
    evidence: tuple[str, ...] = ()
    """Fragments, joined by semicolons where they are shown."""
    advice: tuple[str, ...] = ()
    """Each a whole sentence, or a line of code to copy."""
