"""One run: the calls of a workload through one retry policy and one set of remedies, against one provider's limits."""

import gc
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, NamedTuple

from ratecheck.durations import NS_PER_S, ns_from_s
from ratecheck.errors import UsageError
from ratecheck.kernel import Kernel, Process
from ratecheck.model import Dimension
from ratecheck.provider.faults import OK, Outcome, Script
from ratecheck.provider.voices import error_problem, voice_of
from ratecheck.retry import Progress, RetryPolicy, Signals, read
from ratecheck.simulate.gate import NEVER, Amounts, Charging, Gate, Wording
from ratecheck.simulate.scenario import Arrivals, KeysScope, Scenario
from ratecheck.simulate.workload import Job, jobs

# Attempts kept for tables, charts and --events; later ones are only counted.
MOST_ATTEMPTS = 200_000

# Between two looks at the clock and at Ctrl-C: some tens of milliseconds of work.
_SLICE = 50_000


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
class Tally:
    """What one run comes to. Times in nanoseconds of virtual time."""

    calls: int = 0
    calls_ok: int = 0
    calls_cached: int = 0
    requests: int = 0
    requests_ok: int = 0
    requests_limited: int = 0
    requests_faulted: int = 0
    first_limited_call: int | None = None
    drained_at_ns: int | None = None
    end_ns: int = 0
    latencies_ns: list[int] = field(default_factory=list)
    attempts: list[Attempt] = field(default_factory=list)
    unfinished: int = 0
    """Calls that had not ended when the run was cut."""
    events: int = 0
    cut: str | None = None
    """Why the run ended early: ``"max_events"`` or ``"interrupted"``."""
    limited_by: dict[str, int] = field(default_factory=dict)
    """Refusals by the name of the limit."""


class Throttle:
    """A client-side limiter as tutorials write it: each caller is told when it may go, first come first served."""

    def __init__(self, name: str, per_min: float, window_ns: int = 60 * NS_PER_S) -> None:
        self._interval_ns = round(60 * NS_PER_S / per_min)
        self._window_ns = window_ns
        # A bucket lets a minute's worth go at once; a leaky bucket paces evenly; a log counts the last minute.
        self._burst = max(int(per_min), 1) if name != "leaky-bucket" else 1
        self._log: deque[int] | None = deque(maxlen=self._burst) if name == "sliding-log" else None
        self._next_ns = 0

    def grant(self, now_ns: int) -> int:
        """Return the instant at which the caller may go, and count it."""
        if self._log is not None:
            at_ns = now_ns
            if len(self._log) == self._burst:
                at_ns = max(at_ns, self._log[0] + self._window_ns)
            self._log.append(at_ns)
            return at_ns
        at_ns = max(now_ns, self._next_ns - (self._burst - 1) * self._interval_ns)
        self._next_ns = max(self._next_ns, at_ns) + self._interval_ns
        return at_ns


THROTTLES = ("token-bucket", "leaky-bucket", "sliding-log")

# Sizes whose cost is remembered; drawn sizes repeat, unbounded ones would not.
_MOST_COSTS = 100_000

_UNKNOWN: Any = object()

_Size = tuple[int, int | None, int]
"""Prompt tokens, largest output, real output."""

_Cost = tuple[Amounts, Any, Amounts | None, bool]

_Step = tuple[float, float, float, float, int]
"""A plan's four numbers and the state after it; -1 where the state depends on the wait itself."""


class _Client:
    """A retry policy with its plans remembered: states are numbers, and a plan is looked up, not worked out again."""

    _MOST_KEPT = 300_000

    def __init__(self, policy: RetryPolicy) -> None:
        self.policy = policy
        self.kept: dict[tuple[int, object], _Step | None] = {}
        self._states: list[Progress] = [policy.start()]
        self._numbers: dict[Progress, int] = {policy.start(): 0}
        self._remembers = any(layer.backoff.memory for layer in policy.layers)
        # Time decides too in some rules: then nothing is the same twice.
        self.keeps = not policy.needs_elapsed and not self._remembers

    def step(self, state: int, key: object, signals: Signals, elapsed_s: float) -> _Step | None:
        """Return the plan for what ``key`` names (``signals``) in ``state``, and keep it."""
        progress = self._states[state]
        planned = self.policy.plan(progress, signals, elapsed_s)
        found: _Step | None = None
        if planned is not None:
            plan, index = planned
            after = -1 if self._remembers else self._number(self.policy.advance(progress, index, 0.0))
            found = (*plan, after)
        if self.keeps and len(self.kept) < self._MOST_KEPT:
            self.kept[state, key] = found
        return found

    def after(self, state: int, signals: Signals, elapsed_s: float, wait_s: float) -> int:
        """Return the state that follows a wait, where the wait itself is remembered."""
        progress = self._states[state]
        planned = self.policy.plan(progress, signals, elapsed_s)
        if planned is None:
            return state
        return self._number(self.policy.advance(progress, planned[1], wait_s))

    def _number(self, progress: Progress) -> int:
        number = self._numbers.get(progress)
        if number is None:
            if len(self._states) > self._MOST_KEPT:
                raise UsageError("the retries of this policy have no end here", "give --max-retries or --calls")
            number = self._numbers[progress] = len(self._states)
            self._states.append(progress)
        return number


class Run:
    """One simulation: build it, ``go`` until it is done, read ``tally``."""

    def __init__(self, scenario: Scenario, policy: RetryPolicy, seed: int, *, record: bool = False) -> None:
        self.tally = Tally()
        self._scenario = scenario
        self._record = record
        self._random = Random(f"{seed}/run").random
        self._client = _Client(policy)
        self._charging = Charging(scenario.profile)
        text = any(layer.hints.text is not None for layer in policy.layers)
        self._wording = Wording(scenario.profile, scenario.hints, text)
        self._script = Script(scenario.faults) if scenario.faults else None
        self._chance = Random(f"{seed}/faults").random
        remedies = scenario.remedies
        counts = charges_refusals(scenario)
        gates = remedies.keys if remedies.keys_scope is KeysScope.KEY else 1
        self._gates = [Gate(scenario.profile, counts) for _ in range(gates)]
        self._limit_names = [rule.name for rule in scenario.profile.limits]
        clients = scenario.workload.clients
        self._throttles = [
            Throttle(remedies.throttle, throttle_per_min(scenario)) for _ in range(clients) if remedies.throttle
        ]
        self._kernel = Kernel()
        self._fault_signals: dict[Outcome, Signals] = {}
        self._costs: dict[_Size, _Cost] = {}
        self._limited_by = [0] * len(scenario.profile.limits)
        self._counts_limits = len(scenario.profile.limits) > 1
        self._client_of = self._caller()
        self._start(jobs(scenario.workload, remedies, seed))

    def _start(self, by_client: tuple[tuple[Job, ...], ...]) -> None:
        self.tally.unfinished = sum(len(job.arrivals_ns) for mine in by_client for job in mine)
        self.tally.calls = self.tally.unfinished
        workers = self._scenario.remedies.workers
        if workers is not None:
            queue = sorted((job for mine in by_client for job in mine), key=lambda job: (job.at_ns, job.number))
            # Each of the workers takes the next call from the one queue when it is free.
            waiting = iter(queue)
            for _ in range(workers):
                self._kernel.spawn(self._client_of(waiting))
        elif self._scenario.workload.arrivals is Arrivals.SCHEDULE:
            for mine in by_client:
                self._kernel.spawn(self._client_of(mine))
        else:
            for mine in by_client:
                self._kernel.spawn(self._source(mine))

    def go(self, tick: Callable[[Tally], None] | None = None) -> Tally:
        """Run to the end or to the bound on events. Ctrl-C ends it early with what there is."""
        left = self._scenario.max_events
        tally, kernel = self.tally, self._kernel
        # A run makes no cycles, and the collector would look through every waiting process again and again: a fifth
        # of the time at 20,000 clients.
        collecting = gc.isenabled()
        gc.disable()
        try:
            while left > 0 and not kernel.run(min(_SLICE, left)):
                left -= min(_SLICE, left)
                if tick is not None:
                    tick(tally)
        except KeyboardInterrupt:
            tally.cut = "interrupted"
        finally:
            if collecting:
                gc.enable()
        if tally.cut is None and not kernel.idle:
            tally.cut = "max_events"
        tally.events = kernel.events
        if not self._counts_limits:
            self._limited_by[0] = tally.requests_limited
        tally.limited_by = {n: count for n, count in zip(self._limit_names, self._limited_by, strict=True) if count}
        return tally

    # -- processes ----------------------------------------------------------------------------------------------------

    def _source(self, mine: Sequence[Job]) -> Process:
        """Calls that may overlap: each gets a process of its own when it arrives, so that the queue stays short."""
        now_ns = yield (mine[0].at_ns if mine else 0)
        for job in mine:
            if job.at_ns > now_ns:
                now_ns = yield job.at_ns
            self._kernel.spawn(self._client_of((job,)))

    def _caller(self) -> Callable[[Iterable[Job]], Process]:
        """Return the process of a client: its calls one after the other, each sent until answered or given up.

        This is the loop that everything else waits for: what does not change is looked up once, here, and the counts
        are local until the call ends.
        """
        tally, record, script, chance = self.tally, self._record, self._script, self._chance
        client, random, step_ns, kept = self._client, self._random, self._wording.step_ns, self._client.kept
        scenario, gates, throttles, costs = self._scenario, self._gates, self._throttles, self._costs
        latency, fixed_ns = scenario.latency_s, ns_from_s(scenario.latency_s.low)
        drawn, unknown, limited_by = not latency.fixed, _UNKNOWN, self._limited_by
        timeout_ns = None if scenario.timeout_s is None else ns_from_s(scenario.timeout_s)
        several, one_gate, counts_limits = len(gates), gates[0], self._counts_limits
        admit, drains = one_gate.admit, one_gate.drains
        latencies_ns = tally.latencies_ns

        def client_of(mine: Iterable[Job]) -> Process:
            now_ns = -1
            for job in mine:
                # Each call when it is due, never before the one before has ended.
                if job.at_ns > now_ns:
                    now_ns = yield job.at_ns
                number, owner, _, arrivals_ns, tokens, largest, output, cached = job
                if cached:
                    tally.calls_cached += 1
                    tally.calls_ok += 1
                    tally.unfinished -= 1
                    latencies_ns.append(now_ns - arrivals_ns[0])
                    tally.end_ns = max(tally.end_ns, now_ns)
                    continue
                size = (tokens, largest, output)
                amounts, taken, used, settles = costs[size] if size in costs else self._cost(size)
                gate, ask = one_gate, admit
                if several > 1:
                    gate = gates[number % several]
                    ask = gate.admit
                if throttles:
                    at_ns = throttles[owner].grant(now_ns)
                    if at_ns > now_ns:
                        now_ns = yield at_ns
                start_ns, state, attempt, limited, faulted, ok = now_ns, 0, 0, 0, 0, False
                outcome: Outcome = OK
                key: object
                signals: Signals | None
                while True:
                    attempt += 1
                    signals = None
                    spent_ns = ns_from_s(latency.at(random())) if drawn else fixed_ns
                    if script is None or (outcome := script.next(number, chance())).kind == "ok":
                        wait_ns = ask(taken, now_ns, drains)
                        if wait_ns == 0:
                            ok = True
                            break
                        if not limited:
                            self._refused(job, now_ns)
                        limited += 1
                        if counts_limits:
                            limited_by[gate.refused_by] += 1
                        # Rounded up to what is told: equal tellings share one remembered plan.
                        key = -(-wait_ns // step_ns) if step_ns and wait_ns is not None else NEVER
                    else:
                        faulted += 1
                        key, signals = outcome, self._faulted(outcome, gate, amounts, now_ns)
                        if outcome.kind == "timeout" and timeout_ns is not None:
                            spent_ns = timeout_ns
                    planned = kept.get((state, key), unknown)
                    if planned is unknown:
                        signals = signals or self._signals(key)
                        planned = client.step(state, key, signals, (now_ns + spent_ns - start_ns) / NS_PER_S)
                    if planned is None:
                        if record:
                            self._note(job, attempt, now_ns, gate, outcome, key, None)
                        break
                    wait_s, spread_s, least_s, most_s, after = planned
                    if spread_s:
                        wait_s += spread_s * random()
                    if wait_s < least_s:
                        wait_s = least_s
                    if wait_s > most_s:
                        wait_s = most_s
                    if after < 0:
                        elapsed_s = (now_ns + spent_ns - start_ns) / NS_PER_S
                        after = client.after(state, signals or self._signals(key), elapsed_s, wait_s)
                    state = after
                    delay_ns = int(wait_s * 1e9)
                    if record:
                        self._note(job, attempt, now_ns, gate, outcome, key, delay_ns)
                    now_ns = yield now_ns + spent_ns + delay_ns
                tally.requests += attempt
                tally.requests_limited += limited
                if faulted:
                    tally.requests_faulted += faulted
                if tally.drained_at_ns is None and self._empty(gate, now_ns):
                    tally.drained_at_ns = now_ns
                sent_ns = now_ns
                if record and ok:
                    self._note(job, attempt, now_ns, gate, None, NEVER, None)
                if spent_ns:
                    now_ns = yield now_ns + spent_ns
                calls = len(arrivals_ns)
                tally.unfinished -= calls
                if ok:
                    tally.requests_ok += 1
                    tally.calls_ok += calls
                    if settles:
                        gate.settle(amounts, used, sent_ns, now_ns)
                if calls == 1:
                    latencies_ns.append(now_ns - arrivals_ns[0])
                else:
                    latencies_ns.extend(now_ns - at_ns for at_ns in arrivals_ns)
                if now_ns > tally.end_ns:
                    tally.end_ns = now_ns

        return client_of

    # -- details ------------------------------------------------------------------------------------------------------

    def _cost(self, size: _Size) -> _Cost:
        """Return what a request of that size takes, as numbers and as ``admit`` wants them, and what its end does."""
        tokens, largest, output = size
        charging, gate = self._charging, self._gates[0]
        cost = charging.cost(tokens, largest)
        used = charging.used(cost, output)
        amounts = charging.amounts(cost)
        spent = None if used is None else charging.amounts(used)
        found = amounts, gate.taken(amounts), spent, gate.settles or spent is not None
        if len(self._costs) < _MOST_COSTS:
            self._costs[size] = found
        return found

    def _signals(self, key: object) -> Signals:
        """Return what the refusal says that ``key`` stands for: a number of steps to wait."""
        return self._wording.signals(key if isinstance(key, int) else NEVER)

    def _refused(self, job: Job, now_ns: int) -> None:
        tally = self.tally
        if tally.first_limited_call is None or job.number < tally.first_limited_call:
            tally.first_limited_call = job.number
        if tally.drained_at_ns is None:
            tally.drained_at_ns = now_ns

    @staticmethod
    def _empty(gate: Gate, now_ns: int) -> bool:
        return gate.requests is not None and gate.requests.level(now_ns)[0] == 0

    def _faulted(self, outcome: Outcome, gate: Gate, amounts: Amounts, now_ns: int) -> Signals:
        """Charge a fault as the provider does, and return what the client reads in it."""
        if outcome.status is None:
            # Nothing came back, but the request had arrived and did its work.
            if gate.admit(gate.taken(amounts), now_ns, gate.drains) == 0 and gate.settles:
                gate.settle(amounts, None, now_ns, now_ns)
            return Signals(None, timed_out=outcome.kind == "timeout")
        gate.fail(amounts, now_ns)
        if outcome not in self._fault_signals:
            import json

            from ratecheck.model import Answer

            voice = voice_of(self._scenario.profile.dialect)
            problem = error_problem(voice, outcome.status, code=outcome.code)
            body = json.dumps(voice.envelope(problem, "req")).encode()
            self._fault_signals[outcome] = read(Answer(outcome.status, outcome.headers, body))
        return self._fault_signals[outcome]

    def _note(
        self, job: Job, attempt: int, at_ns: int, gate: Gate, outcome: Outcome | None, key: object, delay_ns: int | None
    ) -> None:
        """Keep one attempt; ``outcome`` is ``None`` for an answer that was let through."""
        kept = self.tally.attempts
        if len(kept) >= MOST_ATTEMPTS:
            return
        status: int | None = 200
        what, kind, told_s = "200", "ok", None
        if outcome is not None and outcome.kind == "ok":
            status, what, kind = 429, "429", "limited"
            told_s = key * self._wording.step_ns / NS_PER_S if isinstance(key, int) and key >= 0 else None
        elif outcome is not None:
            status, kind = outcome.status, "fault"
            what = outcome.kind if status is None else f"{status}"
        kept.append(
            Attempt(at_ns, job.number, attempt, job.client, kind, status, what, delay_ns, told_s, gate.remaining(at_ns))
        )


def charges_refusals(scenario: Scenario) -> bool:
    """Return whether a refused request counts against the request limits; unknown is taken as no."""
    from ratecheck import dialects

    counts = scenario.profile.charges_refusals
    if counts is None:
        dialect = dialects.get(scenario.profile.dialect)
        counts = dialect.rejections_count if dialect is not None else None
    return bool(counts)


def throttle_per_min(scenario: Scenario) -> float:
    """Return the rate of each client's throttle: as asked, else its fair share of the tightest request limit."""
    remedies = scenario.remedies
    if remedies.throttle_per_min is not None:
        return remedies.throttle_per_min
    rates = [
        rule.limit.amount * 60 * NS_PER_S / rule.limit.window_ns
        for rule in scenario.profile.limits
        if rule.limit.dimension is Dimension.REQUESTS
    ]
    tokens = scenario.workload.tokens.high
    rates += [
        rule.limit.amount * 60 * NS_PER_S / rule.limit.window_ns / tokens
        for rule in scenario.profile.limits
        if rule.limit.dimension in (Dimension.TOKENS, Dimension.INPUT_TOKENS) and tokens
    ]
    if not rates:
        raise UsageError("a throttle needs a rate: there is no limit to take a share of", "write --throttle NAME:30")
    return min(rates) / scenario.workload.clients
