"""A world in virtual time for probe plans: one limiter, its headers, its other clients and its moods.

``World.answer`` is the server; ``run`` drives a plan against it. Waiting costs nothing here.
"""

import random
from collections.abc import Generator
from dataclasses import dataclass, field

from ratecheck.durations import NS_PER_S
from ratecheck.identify.plan import Budget, Investigation
from ratecheck.identify.sight import Sight
from ratecheck.limiters import Limiter, make
from ratecheck.model import Answer, Ask, Cost, Dimension, Exchange, Limit, LimitReading

HEADERS = ("x-ratelimit-limit-requests", "x-ratelimit-remaining-requests", "x-ratelimit-reset-requests")


@dataclass(frozen=True, slots=True)
class Truth:
    """What a server really does."""

    algorithm: str
    amount: int
    window_s: float
    charges: bool = False
    headers: bool = False
    whole_seconds: bool = False
    """Resets rounded up to whole seconds, else to milliseconds."""
    latency_s: float = 0.05
    jitter: float = 0.3
    fails: float = 0.0
    """Share of answers that are a 500."""
    fails_charged: bool = False
    others_per_s: float = 0.0
    """Requests a second of another client on the same limit."""
    start_s: float = 1_000_000.0


@dataclass
class World:
    """One server. ``limiters`` holds the one of the truth; tests may put others in."""

    truth: Truth
    seed: int
    limiters: list[Limiter] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.now_ns = 0
        self.sent = 0
        self.waited_ns = 0
        limit = Limit(Dimension.REQUESTS, self.truth.amount, round(self.truth.window_s * NS_PER_S))
        self.limiters = self.limiters or [make(self.truth.algorithm, limit)]
        self._others_ns = self._next_other(0)

    def _next_other(self, now_ns: int) -> int:
        rate = self.truth.others_per_s
        return now_ns + round(self.random.expovariate(rate) * NS_PER_S) if rate else 10**19

    def admits(self, at_ns: int) -> bool:
        """Let one request in, or charge its refusal."""
        waits = [limiter.wait_ns(1, at_ns) for limiter in self.limiters]
        passes = all(wait == 0 for wait in waits)
        for limiter in self.limiters:
            if passes:
                limiter.charge(1, at_ns)
            elif self.truth.charges:
                limiter.drain(1, at_ns)
        return passes

    def readings(self, at_ns: int) -> tuple[LimitReading, ...]:
        """What the headers say."""
        if not self.truth.headers:
            return ()
        left, full_ns = self.limiters[0].level(at_ns)
        reset_s = -(-full_ns // NS_PER_S) if self.truth.whole_seconds else round(full_ns / 1e6) / 1e3
        return (LimitReading(Dimension.REQUESTS, None, None, self.truth.amount, left, float(reset_s), HEADERS),)

    def answer(self, ask: Ask) -> Sight:
        """Take one request at the earliest instant that the plan allows."""
        self.sent += 1
        sent_ns = max(ask.at_ns, self.now_ns)
        self.waited_ns += sent_ns - self.now_ns
        base_ns = self.truth.latency_s * NS_PER_S
        latency_ns = round(base_ns * (1 + self.truth.jitter * (2 * self.random.random() - 1)))
        at_ns = sent_ns + round(latency_ns * (0.3 + 0.4 * self.random.random())) + round(self.truth.start_s * NS_PER_S)
        while self._others_ns <= at_ns - round(self.truth.start_s * NS_PER_S):
            self.admits(self._others_ns + round(self.truth.start_s * NS_PER_S))
            self._others_ns = self._next_other(self._others_ns)
        self.now_ns = sent_ns + latency_ns
        if self.random.random() < self.truth.fails:
            if self.truth.fails_charged:
                self.admits(at_ns)
            return Sight(ask.key, sent_ns, self.now_ns, 500, None)
        passes = self.admits(at_ns)
        return Sight(ask.key, sent_ns, self.now_ns, 200 if passes else 429, passes, self.readings(at_ns))


def run(world: World, budget: Budget) -> Investigation:
    """Drive the plan to its end."""
    current: list[Sight] = []
    investigation = Investigation(budget, lambda exchange, ask: current[-1])
    drive(investigation.plan(), world, current)
    return investigation


def drive(plan: Generator[Ask, Exchange, None], world: World, current: list[Sight]) -> None:
    """Answer every ask; the exchange itself carries only the instants."""
    try:
        ask = next(plan)
        while True:
            sight = world.answer(ask)
            current.append(sight)
            ask = plan.send(Exchange(None, 1, sight.sent_ns, sight.answered_ns, Cost(), Answer(sight.status)))
    except StopIteration:
        return
