"""What one exchange told, whatever dialect it was told in; the investigation reads these and nothing else."""

from dataclasses import dataclass

from ratecheck.durations import NS_PER_S
from ratecheck.identify.hypotheses import Observation
from ratecheck.model import Dimension, Exchange, LimitReading

# A reset that is a whole number of seconds was probably rounded to one.
_WHOLE_STEP_S, _FINE_STEP_S = 1.0, 0.0011
# A date less a Date header: either may have been rounded up or down to a whole second.
_DATED_STEP_S = 2.0


@dataclass(frozen=True, slots=True)
class Sight:
    """One request of the plan and its answer, read."""

    key: int
    sent_ns: int
    answered_ns: int
    status: int | None
    admitted: bool | None
    """``False`` for a refusal under a limit, ``None`` where the answer does not tell (a 500, nothing)."""
    limits: tuple[LimitReading, ...] = ()
    retry_after_s: float | None = None
    refused_dimension: Dimension | None = None
    """What the refusal is about, where it says so."""
    tokens: int | None = None
    """Tokens that the answer says it used."""
    output_tokens: int | None = None
    max_output_tokens: int | None = None
    dated_resets: frozenset[tuple[str, ...]] = frozenset()
    """The headers of the limits whose reset is a date (an epoch second, RFC 3339), not a span."""
    clock_ahead_s: float | None = None
    """How far the answer's Date header was ahead of this computer's clock; ``None`` without one."""
    fatal: str | None = None
    """Why asking on is pointless: credentials refused, no money left, no such model."""

    def reading(self, track: "Track") -> LimitReading | None:
        """Return what this answer says about the limit that a track follows."""
        return next((limit for limit in self.limits if track_of(limit) == track), None)

    def observation(self, reading: LimitReading | None, *, units: int | None = 1) -> Observation:
        """Return the exchange as one limiter saw it."""
        reset_s = reading.reset_s if reading else None
        whole = reset_s is not None and reset_s == int(reset_s)
        is_date = reading is not None and reading.headers in self.dated_resets
        unclocked = is_date and self.clock_ahead_s is None
        step_s = _DATED_STEP_S if is_date and not unclocked else _WHOLE_STEP_S if whole else _FINE_STEP_S
        return Observation(
            sent_ns=self.sent_ns,
            answered_ns=self.answered_ns,
            admitted=self.admitted,
            limit=reading.limit if reading else None,
            remaining=reading.remaining if reading else None,
            reset_s=reset_s,
            reset_step_s=step_s,
            unclocked=unclocked,
            retry_after_s=self.retry_after_s,
            units=units,
        )


@dataclass(frozen=True, slots=True)
class Track:
    """Which of the announced limits: the same headers on every answer."""

    dimension: Dimension
    headers: tuple[str, ...]


def track_of(reading: LimitReading) -> Track | None:
    """Return the track of a reading that states a limit and what is left of it; ``None`` for any other."""
    if reading.dimension is None or not reading.limit or reading.limit < 0 or reading.remaining is None:
        return None
    # The limit's own header names it: on a refusal some servers leave the others out.
    return Track(reading.dimension, reading.headers[:1])


def instants(exchange: Exchange) -> tuple[int, int]:
    """Return when it was sent and answered; an answer before its request counts as at the same instant."""
    sent_ns = max(exchange.sent_ns, 0)
    return sent_ns, max(exchange.answered_ns, sent_ns)


def human_ms(span_ns: int) -> str:
    """Write a short span for evidence: ``12 ms``, ``1.4 s``."""
    return f"{span_ns / 1e6:.0f} ms" if span_ns < NS_PER_S else f"{span_ns / 1e9:.3g} s"
