"""What ``serve`` learned about the client that talked to it: the report at Ctrl-C. Pure; fed one request at a time.

Calls are told by ``calls`` from what a real server would see; what the retries cost is known exactly, because the
limits are ours.
"""

import itertools
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from ratecheck.calls import Call, Grouper, Outcome, Request
from ratecheck.calls.grouper import Handle
from ratecheck.calls.tally import Tally
from ratecheck.diagnose.traffic import diagnose
from ratecheck.dialects import Level
from ratecheck.durations import NS_PER_S, s_from_ns
from ratecheck.model import Diagnosis, Source
from ratecheck.provider import Profile

# Points of one chart line: more than a terminal has columns, few enough to forget about.
_MOST_POINTS = 600
# A retry that comes this much before its time is punctual: clocks, rounding to seconds and the network take as much.
_TOLERANCE_NS = 20_000_000
_CONTINUOUS = ("token_bucket", "gcra", "quantised", "leaky_bucket", "azure_slices", "azure_slices_1s")
_MOST_WAITS = 50_000
# So many requests in so short a time are a flood; so long after a failure its retries are over.
_FLOOD, _FLOOD_NS, _CALM_NS = 64, NS_PER_S // 5, 60 * NS_PER_S
_DRAWN_EVERY_NS = NS_PER_S // 100
# Keys and models whose limits are followed; the one asked most is drawn.
_MOST_SHELVES = 16


# Why a request never came to a limit.
STRAYS = {
    400: "not understood", 401: "no key", 404: "no such path", 405: "not with this method", 408: "never came whole",
    413: "too large",
}  # fmt: skip


class Ended(NamedTuple):
    """What the server alone knows of a request that has ended."""

    refused_by: str | None = None
    """The limit that said no: ``"RPM"``."""
    wait_ns: int | None = None
    """From the refusal until the request would have passed, whether or not the client was told."""
    fault: str | None = None
    reserved_tokens: int = 0
    levels: Sequence[Level] = ()
    """What was left for this key and model, in the order of the profile's limits."""


@dataclass(frozen=True, slots=True)
class Remaining:
    """How much of one limit was left, over time."""

    name: str
    limit: int
    refill_per_s: float | None
    """Units a second where they come back bit by bit; ``None`` where they come back all at once."""
    points: tuple[tuple[float, int], ...]


@dataclass(frozen=True, slots=True)
class ServeReport:
    """What a client did with its limits."""

    profile: Profile
    charges_refusals: bool
    duration_s: float
    requests: int
    requests_ok: int
    requests_limited: int
    requests_faulted: int
    requests_cut: int
    """The client hung up before the end."""
    strays: dict[int, int]
    """Requests that met no limit, by status: no such path, no key, no JSON. No calls, and counted nowhere else."""
    calls: int
    calls_ok: int
    calls_failed: int
    requests_per_call: float | None
    early_retries: int
    """Retries that came while the limit was still shut, told or not."""
    ignored_retry_after: int
    """Those of them that had been told how long to wait."""
    wasted_requests: int
    """Refused requests that were charged against the limits all the same."""
    refusals: dict[str, int]
    """Refusals by the name of the limit."""
    reserved_tokens: int
    clients: tuple[str, ...]
    remaining: tuple[Remaining, ...]
    diagnoses: tuple[Diagnosis, ...] = ()
    sources: tuple[Source, ...] = ()


@dataclass(slots=True)
class _Line:
    """Points of one limit; when there are too many every second one goes, and from then on fewer come in."""

    limit: int
    every_ns: int = 0
    points: list[tuple[int, int]] = field(default_factory=list)

    def add(self, now_ns: int, remaining: int) -> None:
        points = self.points
        if points and points[-1][1] == remaining:
            return
        if points and now_ns - points[-1][0] < self.every_ns:
            # Within one step the lowest level is what a client feels.
            points[-1] = (points[-1][0], min(points[-1][1], remaining))
            return
        points.append((now_ns, remaining))
        if len(points) >= _MOST_POINTS:
            self.every_ns = 2 * max(self.every_ns, (points[-1][0] - points[0][0]) // _MOST_POINTS, 1)
            del points[1:-1:2]


@dataclass(slots=True)
class _Shelf:
    """The limits of one key and model."""

    lines: list[_Line]
    requests: int = 0


class Handed(NamedTuple):
    """What ``end`` wants back."""

    request: Request
    group: Handle


class Session:
    """Counts while the server runs. Memory follows what is under way, not what has passed.

    A flood in which nothing fails is only counted: each of its answered requests is a call, and nobody needs to know
    at which pace a load test goes on. The first failure brings the grouping back.
    """

    def __init__(self, profile: Profile, *, charges_refusals: bool, started_ns: int) -> None:
        self._profile = profile
        self._charges = charges_refusals
        self._started_ns = started_ns
        self._grouper = Grouper(self._on_call)
        self._tally = Tally(started_ns)
        self._counts: Counter[str] = Counter()
        self._refusals: Counter[str] = Counter()
        self._strays: Counter[int] = Counter()
        self._clients: Counter[str] = Counter()
        self._requests = self._flooded = 0
        self._shelves: dict[tuple[str | None, str | None], _Shelf] = {}
        self._waits_ns: dict[tuple[int, str], int] = {}
        self._failed_ns: int | None = None
        self._recent_ns: deque[int] = deque(maxlen=_FLOOD)
        self._drawn_ns = started_ns - _DRAWN_EVERY_NS

    def meet(self, sent_ns: int, client: str, retry_count: int | None) -> bool:
        """Count a request that has been read. Says whether it is one of a flood: ``passed`` is enough if all is well.

        Otherwise it is to be begun and ended.
        """
        self._requests += 1
        if client in self._clients or len(self._clients) < 100:
            self._clients[client] += 1
        recent = self._recent_ns
        recent.append(sent_ns)
        calm = self._failed_ns is None or sent_ns - self._failed_ns > _CALM_NS
        return calm and not retry_count and len(recent) == _FLOOD and sent_ns - recent[0] < _FLOOD_NS

    def passed(self, reserved_tokens: int) -> None:
        """Take in that a request of a flood was answered: a call of its own."""
        self._flooded += 1
        self._counts["tokens"] += reserved_tokens

    def begin(self, request: Request) -> Handle:
        """Take in a request that has been met."""
        return self._grouper.begin(request)

    def end(self, handed: Handed, outcome: Outcome, ended: Ended) -> None:
        """Take in how it ended."""
        if not outcome.ok:
            self._failed_ns = outcome.answered_ns
        self._grouper.end(handed.group, outcome)
        if outcome.cut == "client":
            self._counts["cut"] += 1
        elif ended.fault is not None:
            self._counts["faulted"] += 1
        elif ended.refused_by is not None:
            self._counts["limited"] += 1
            self._refusals[ended.refused_by] += 1
            if ended.wait_ns is not None:
                self._shut(handed.request, ended.wait_ns)
        elif outcome.ok:
            self._counts["ok"] += 1
        self._counts["tokens"] += ended.reserved_tokens
        if ended.levels:
            self.draw(handed.request, outcome.answered_ns, ended.levels)

    def stray(self, status: int) -> None:
        """Count a request that was turned away before it met a limit."""
        self._strays[status] += 1

    def draws(self, now_ns: int) -> bool:
        """Say whether the chart has room for another look at the levels, which costs something."""
        if now_ns - self._drawn_ns < _DRAWN_EVERY_NS and self._requests > _FLOOD:
            return False
        self._drawn_ns = now_ns
        return True

    def draw(self, request: Request, now_ns: int, levels: Sequence[Level]) -> None:
        """Put what was left after this request on the chart."""
        name = (request.key, request.model)
        shelf = self._shelves.get(name)
        if shelf is None:
            if len(self._shelves) >= _MOST_SHELVES:
                return
            shelf = self._shelves[name] = _Shelf([_Line(level.limit) for level in levels])
            for line in shelf.lines:
                line.add(self._started_ns, line.limit)
        shelf.requests += 1
        for line, level in zip(shelf.lines, levels, strict=False):
            line.add(now_ns, level.remaining)

    def _shut(self, request: Request, wait_ns: int) -> None:
        # The grouper gives refused requests back within the minute; a flood of them must not grow the memory.
        if len(self._waits_ns) >= _MOST_WAITS:
            del self._waits_ns[next(iter(self._waits_ns))]
        self._waits_ns[request.sent_ns, request.fingerprint] = wait_ns

    def _on_call(self, call: Call) -> None:
        self._counts["calls"] += 1
        self._counts["calls_ok"] += call.ok
        self._tally.add(call)
        # Only what belongs to one call is a retry: the same request a second time may be a call of its own.
        for one, later in itertools.pairwise(call.attempts):
            wait_ns = self._waits_ns.pop((one.request.sent_ns, one.request.fingerprint), None)
            if wait_ns and later.request.sent_ns < one.outcome.answered_ns + wait_ns - _TOLERANCE_NS:
                self._counts["early"] += 1
                self._counts["ignored"] += one.outcome.retry_after_s is not None

    def report(self, now_ns: int) -> ServeReport:
        """Close the session and say what was seen."""
        self._grouper.close()
        for each in ("calls", "calls_ok", "ok"):
            self._counts[each] += self._flooded
        self._tally.calls += self._flooded
        self._tally.calls_ok += self._flooded
        self._tally.requests += self._flooded
        self._flooded = 0
        counts, calls = self._counts, self._counts["calls"]
        return ServeReport(
            profile=self._profile,
            charges_refusals=self._charges,
            duration_s=s_from_ns(now_ns - self._started_ns),
            requests=self._requests,
            requests_ok=counts["ok"],
            requests_limited=counts["limited"],
            requests_faulted=counts["faulted"],
            requests_cut=counts["cut"],
            strays=dict(self._strays.most_common()),
            calls=calls,
            calls_ok=counts["calls_ok"],
            calls_failed=calls - counts["calls_ok"],
            requests_per_call=self._requests / calls if calls else None,
            early_retries=counts["early"],
            ignored_retry_after=counts["ignored"],
            wasted_requests=counts["limited"] if self._charges else 0,
            refusals=dict(self._refusals.most_common()),
            reserved_tokens=counts["tokens"],
            clients=tuple(name for name, _ in self._clients.most_common(10)),
            remaining=self._remaining(),
            diagnoses=diagnose(self._tally) if self._requests else (),
            sources=(self._profile.source,),
        )

    def _remaining(self) -> tuple[Remaining, ...]:
        busiest = max(self._shelves.values(), key=lambda shelf: shelf.requests, default=_Shelf([]))
        return tuple(
            Remaining(
                rule.name,
                line.limit,
                line.limit * NS_PER_S / rule.limit.window_ns if rule.algorithm in _CONTINUOUS else None,
                tuple(((at_ns - self._started_ns) / NS_PER_S, left) for at_ns, left in line.points),
            )
            for rule, line in zip(self._profile.limits, busiest.lines, strict=False)
        )
