"""One layer of retrying: which failures it tries again, how often, and how long it waits. Numbers are data here."""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import NamedTuple

from ratecheck.durations import LONGEST_S
from ratecheck.retry.signals import Signals, date_s, javascript_number, python_number, whole_number


class Plan(NamedTuple):
    """A wait as a clamped straight line in the jitter ``u``: every client's wait has this form."""

    base_s: float
    spread_s: float
    least_s: float
    most_s: float

    def wait_s(self, u: float) -> float:
        """Return the wait for one draw of ``u`` in [0, 1)."""
        return min(max(self.base_s + self.spread_s * u, self.least_s), self.most_s)

    def bounds_s(self) -> tuple[float, float]:
        """Return the shortest and the longest wait."""
        ends = (self.wait_s(0.0), self.wait_s(1.0))
        return min(ends), max(ends)


class Memory(StrEnum):
    """How the wait before shapes the next one."""

    NONE = ""
    MULTIPLIES = "multiplies"
    """The noisy wait itself is multiplied, so noise compounds."""
    DECORRELATED = "decorrelated"
    """Between the first wait and so many times the last one."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """The wait before retry k (0, 1, …) where the server does not say: ``initial * multiplier^(k + shift)``, jittered.

    The nominal wait is multiplied by ``at_0`` for ``u`` = 0 and by ``at_1`` for ``u`` = 1; ``add_s * u`` is added.
    """

    initial_s: float
    multiplier: float = 2.0
    cap_s: float | None = None
    at_0: float = 1.0
    at_1: float = 1.0
    add_s: float = 0.0
    least_s: float = 0.0
    """No jitter makes the wait shorter than this."""
    first_s: float | None = None
    """The first wait, where it does not follow the formula."""
    shift: int = 0
    cap_last: bool = False
    """The cap is applied after the jitter too."""
    memory: Memory = Memory.NONE

    def nominal_s(self, retry: int, before_s: float) -> float:
        """Return the wait without jitter before retry ``retry`` (from 0); ``before_s`` is the last wait made."""
        if retry == 0 and self.first_s is not None:
            return self.first_s
        if self.memory is Memory.MULTIPLIES:
            nominal_s = (before_s if retry else self.initial_s) * self.multiplier
        else:
            # 2^1000 still is a float; the cap or a century ends it long before.
            nominal_s = self.initial_s * self.multiplier ** min(retry + self.shift, 1000)
        return min(nominal_s, LONGEST_S if self.cap_s is None else self.cap_s)

    def plan(self, retry: int, before_s: float) -> Plan:
        """Return the wait before retry ``retry`` (from 0) as a line in the jitter."""
        most_s = self.cap_s if self.cap_last and self.cap_s is not None else LONGEST_S
        if self.memory is Memory.DECORRELATED:
            longest_s = self.multiplier * (before_s if retry else self.initial_s)
            return Plan(self.initial_s, max(longest_s - self.initial_s, 0.0), self.least_s, most_s)
        nominal_s = self.nominal_s(retry, before_s)
        spread_s = nominal_s * (self.at_1 - self.at_0) + self.add_s
        return Plan(nominal_s * self.at_0, spread_s, self.least_s, most_s)


NO_WAIT = Backoff(0.0)


class Over(StrEnum):
    """What a client does with a server's wait that is longer than it honours."""

    BACKOFF = "backoff"
    STOP = "stop"
    CLAMP = "clamp"


class Use(StrEnum):
    """How the server's wait and the client's own combine."""

    REPLACE = "replace"
    AT_LEAST = "at least"
    ADD = "add"


@dataclass(frozen=True, slots=True)
class Hints:
    """Which of the server's words about waiting a client reads, and how far it believes them."""

    headers: tuple[str, ...] = ()
    """In the order of precedence, out of ``retry-after-ms``, ``retry-after`` and ``x-ratelimit-reset``."""
    number: Callable[[str], float | None] = python_number
    dates: bool = True
    text: re.Pattern[str] | None = None
    """Read from the body where no header helps; group 1 is a number, group 2 its unit where there is one."""
    least_s: float = 0.0
    least_counts: bool = False
    """Whether ``least_s`` itself is honoured."""
    most_s: float | None = None
    most_counts: bool = True
    over: Over = Over.BACKOFF
    below_backoff: bool = False
    """A wait over the bound is honoured all the same while it is shorter than the client's own."""
    use: Use = Use.REPLACE
    jitter_s: float = 0.0
    """``jitter_s * u`` is added to the server's wait."""
    unreadable_at_once: bool = False
    """A value that cannot be read makes the client retry with no wait at all."""
    should_retry: bool = False
    """``x-should-retry`` decides."""

    def wait_s(self, signals: Signals) -> float | None:
        """Return the server's wait as this client reads it (may be nan, infinite or negative), or ``None``."""
        for header in self.headers:
            if header == "retry-after-ms" and signals.retry_after_ms is not None:
                number = self.number(signals.retry_after_ms)
                if number is not None:
                    return number / 1000
            elif header == "retry-after" and signals.retry_after is not None:
                number = self.number(signals.retry_after)
                if number is not None:
                    return number
                if self.dates and signals.epoch_s is not None:
                    date = date_s(signals.retry_after)
                    if date is not None:
                        return date - signals.epoch_s
                if self.unreadable_at_once:
                    return 0.0
            elif header == "x-ratelimit-reset" and signals.reset is not None and signals.epoch_s is not None:
                number = whole_number(signals.reset)
                if number is not None:
                    return number - signals.epoch_s
        found = self.text.search(signals.again) if self.text is not None else None
        if found is None:
            return None
        unit = found[2].lower() if found.re.groups > 1 else "s"
        number = python_number(found[1])
        return None if number is None else number * {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}[unit]

    def honoured_s(self, wait_s: float | None, backoff_s: float) -> float | None:
        """Return how long the client will wait for ``wait_s``, or ``None`` where it waits its own ``backoff_s``."""
        if wait_s is None or math.isnan(wait_s):
            return None
        if wait_s < self.least_s or (wait_s == self.least_s and not self.least_counts):
            return None
        if self.most_s is None:
            return max(wait_s, 0.0) if math.isfinite(wait_s) else None
        if wait_s < self.most_s or (self.most_counts and wait_s == self.most_s):
            return max(wait_s, 0.0)
        if self.over is Over.CLAMP:
            return self.most_s
        return wait_s if self.below_backoff and wait_s < backoff_s else None

    def refuses(self, wait_s: float | None) -> bool:
        """Whether a wait that long ends the retries."""
        return (
            self.over is Over.STOP
            and self.most_s is not None
            and wait_s is not None
            and math.isfinite(wait_s)
            and (wait_s > self.most_s or (wait_s == self.most_s and not self.most_counts))
        )


NO_HINTS = Hints()

SERVER_ERRORS = range(500, 600)
ANY_ERROR = range(400, 600)


@dataclass(frozen=True, slots=True)
class Layer:
    """One loop around a request, or around the layer below it."""

    name: str
    retries: int | None
    """Further tries after the first; ``None`` for no end."""
    statuses: frozenset[int]
    backoff: Backoff = NO_WAIT
    hints: Hints = NO_HINTS
    drops: bool = True
    timeouts: bool = True
    quota: bool = True
    """Whether an exhausted quota is tried again like any 429."""
    quota_words_stop: bool = False
    hint_needed: frozenset[int] = frozenset()
    """Statuses that are tried again only where the server states a wait that is honoured."""
    header_retries: bool = False
    """A Retry-After header makes any error one that is tried again."""
    stops_after_s: float | None = None
    """No further try once so much time has passed since the call began."""
    inner_once: bool = False
    """The layers below retry during the first try only."""

    def plan(self, signals: Signals, retry: int, before_s: float, elapsed_s: float) -> Plan | None:
        """Return the wait before retry ``retry`` (from 0), or ``None`` where this layer lets the failure through."""
        if self.retries is not None and retry >= self.retries:
            return None
        if self.stops_after_s is not None and elapsed_s >= self.stops_after_s:
            return None
        hint_s = self.hints.wait_s(signals)
        if not self._tries_again(signals, hint_s):
            return None
        backoff = self.backoff.plan(retry, before_s)
        honoured_s = self.hints.honoured_s(hint_s, self.backoff.nominal_s(retry, before_s))
        if honoured_s is None:
            return backoff
        match self.hints.use:
            case Use.REPLACE:
                return Plan(honoured_s, self.hints.jitter_s, 0.0, LONGEST_S)
            case Use.AT_LEAST:
                return backoff._replace(least_s=max(backoff.least_s, honoured_s))
            case Use.ADD:
                return Plan(backoff.base_s + honoured_s, backoff.spread_s, backoff.least_s + honoured_s, LONGEST_S)

    def _tries_again(self, signals: Signals, hint_s: float | None) -> bool:
        if signals.status is None:
            return self.timeouts if signals.timed_out else self.drops
        if signals.status < 400 or self.hints.refuses(hint_s):
            return False
        if self.hints.should_retry and signals.should_retry in ("true", "false"):
            return signals.should_retry == "true"
        if (signals.quota_code and not self.quota) or (signals.quota_words and self.quota_words_stop):
            return False
        if self.header_retries and signals.retry_after is not None:
            return True
        if signals.status in self.hint_needed:
            return self.hints.honoured_s(hint_s, 0.0) is not None
        return signals.status in self.statuses


def javascript(hints: Hints) -> Hints:
    """Return the same rule as a JavaScript client reads numbers."""
    return replace(hints, number=javascript_number)
