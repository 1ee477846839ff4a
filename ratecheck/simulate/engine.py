"""One run: the calls of a workload through one retry policy and one set of remedies, against one provider's limits."""

import gc
import json
from collections.abc import Callable, Iterable, Sequence
from random import Random
from typing import Any

from ratecheck import dialects
from ratecheck.durations import NS_PER_S, ns_from_s
from ratecheck.kernel import Kernel, Process
from ratecheck.model import Answer
from ratecheck.provider.faults import OK, Outcome, Script
from ratecheck.provider.voices import error_problem, voice_of
from ratecheck.retry import RetryPolicy, Signals, read
from ratecheck.simulate.gate import NEVER, Amounts, Charging, Gate, Wording
from ratecheck.simulate.planner import Planner
from ratecheck.simulate.scenario import Arrivals, KeysScope, Scenario
from ratecheck.simulate.throttle import Throttle, throttle_per_min
from ratecheck.simulate.totals import MOST_ATTEMPTS, Attempt, Totals, Vain
from ratecheck.simulate.workload import Job, Size, jobs

# Between two looks at the clock and at Ctrl-C: some tens of milliseconds of work.
_SLICE = 50_000

# Sizes whose cost is remembered; drawn sizes repeat, unbounded ones would not.
_MOST_COSTS = 100_000

_UNKNOWN: Any = object()

_Cost = tuple[Amounts, Any, Amounts | None, bool]


class Run:
    """One simulation: build it, ``go`` until it is done, read ``totals``."""

    def __init__(self, scenario: Scenario, policy: RetryPolicy, seed: int, *, record: bool = False) -> None:
        self.totals = Totals()
        self._scenario = scenario
        self._record = record
        self._random = Random(f"{seed}/run").random
        self._planner = Planner(policy)
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
        self._fault_signals: dict[Outcome, Signals] = {}
        self._costs: dict[Size, _Cost] = {}
        self._limited_by = [0] * len(scenario.profile.limits)
        self._counts_limits = len(scenario.profile.limits) > 1
        self._client_of = self._caller()
        self._start(jobs(scenario.workload, remedies, seed))

    def _start(self, by_client: tuple[tuple[Job, ...], ...]) -> None:
        waiting = sum(map(len, by_client))
        # Where each call has a process of its own, there are that many.
        self._kernel = Kernel(waiting + len(by_client))
        merged = self._scenario.remedies.merge > 1
        self.totals.calls = sum(1 + len(job.earlier_ns) for mine in by_client for job in mine) if merged else waiting
        workers = self._scenario.remedies.workers
        if workers is not None:
            queue = sorted((job for mine in by_client for job in mine), key=lambda job: (job.at_ns, job.number))
            # Each of the workers takes the next call from the one queue when it is free.
            shared = iter(queue)
            for _ in range(min(workers, waiting)):
                self._kernel.spawn(self._client_of(shared))
        elif self._scenario.workload.arrivals is Arrivals.SCHEDULE:
            for mine in by_client:
                self._kernel.spawn(self._client_of(mine))
        else:
            for mine in by_client:
                self._kernel.spawn(self._source(mine))

    def go(self, tick: Callable[[Totals], None] | None = None) -> Totals:
        """Run to the end or to the bound on events. Ctrl-C ends it early with what there is."""
        left = self._scenario.max_events
        totals, kernel = self.totals, self._kernel
        # A run makes no cycles, and the collector would look through every waiting process again and again: a fifth
        # of the time at 20,000 clients.
        collecting = gc.isenabled()
        gc.disable()
        try:
            while left > 0 and not kernel.run(min(_SLICE, left)):
                left -= min(_SLICE, left)
                if tick is not None:
                    tick(totals)
        except KeyboardInterrupt:
            totals.cut = "interrupted"
        finally:
            if collecting:
                gc.enable()
        if totals.cut is None and not kernel.idle:
            totals.cut = "max_events"
        totals.events = kernel.events
        if not self._counts_limits:
            self._limited_by[0] = totals.requests_limited
        totals.limited_by = {n: count for n, count in zip(self._limit_names, self._limited_by, strict=True) if count}
        return totals

    # -- processes ----------------------------------------------------------------------------------------------------

    def _source(self, mine: Sequence[Job]) -> Process:
        """Calls that may overlap: each gets a process of its own when it arrives, so that the queue stays short."""
        now_ns = -1
        for job in mine:
            if job.at_ns > now_ns:
                now_ns = job.at_ns
                yield now_ns
            self._kernel.spawn(self._client_of((job,)))

    def _caller(self) -> Callable[[Iterable[Job]], Process]:
        """Return the process of a client: its calls one after the other, each sent until answered or given up.

        This is the loop that everything else waits for: what does not change is looked up once, here, and the counts
        are local until the call ends. A client is woken to send; the end of an answer wakes it only where something
        depends on that instant.
        """
        totals, record, script, chance = self.totals, self._record, self._script, self._chance
        planner, random, step_ns, kept = self._planner, self._random, self._wording.step_ns, self._planner.kept
        scenario, gates, throttles, costs = self._scenario, self._gates, self._throttles, self._costs
        latency, fixed_ns = scenario.latency_s, ns_from_s(scenario.latency_s.low)
        drawn, unknown, limited_by = not latency.fixed, _UNKNOWN, self._limited_by
        timeout_s = patience_s(scenario, self._planner.policy)
        timeout_ns = None if timeout_s is None else ns_from_s(timeout_s)
        several, counts_limits = len(gates), self._counts_limits
        # A queue's next call goes to the worker that is free first, so each must wait for the end of its own.
        queued = scenario.remedies.workers is not None
        ended = totals.latencies_ns.append

        def client_of(mine: Iterable[Job]) -> Process:
            now_ns, free_ns = -1, 0
            gate, admit, drains = gates[0], gates[0].admit, gates[0].drains
            known: Size | None = None
            for job in mine:
                at_ns, size, earlier_ns, cached = job.at_ns, job.size, job.earlier_ns, job.cached
                # Each call when it is due, never before the one before has ended.
                due_ns = at_ns if at_ns > free_ns else free_ns
                if throttles and not cached:
                    if due_ns > now_ns:
                        now_ns = due_ns
                        yield due_ns
                    due_ns = throttles[job.client].grant(due_ns)
                if due_ns > now_ns:
                    now_ns = due_ns
                    yield due_ns
                if cached:
                    totals.calls_cached += 1
                    totals.calls_ok += 1
                    ended(now_ns - at_ns)
                    free_ns = now_ns
                    if now_ns > totals.end_ns:
                        totals.end_ns = now_ns
                    continue
                if size is not known:
                    known = size
                    amounts, taken, used, settles = costs[size] if size in costs else self._cost(size)
                if several > 1:
                    gate = gates[job.number % several]
                    admit = gate.admit
                start_ns, state, attempt, limited, ok = now_ns, 0, 0, 0, False
                outcome: Outcome = OK
                wait_ns: int | None
                refused_ns, room_ns = 0, None
                key: object
                signals: Signals | None
                while True:
                    attempt += 1
                    signals = None
                    spent_ns = ns_from_s(latency.at(random())) if drawn else fixed_ns
                    if script is None or (outcome := script.next(job.number, chance())).kind == "ok":
                        wait_ns = admit(taken, now_ns, drains)
                        if wait_ns == 0:
                            ok = True
                            break
                        if not limited:
                            self._refused(job.number, now_ns)
                            refused_ns, room_ns = now_ns, wait_ns
                        limited += 1
                        if counts_limits:
                            limited_by[gate.refused_by] += 1
                        # Rounded up to what is told: equal tellings share one remembered plan.
                        key = -(-wait_ns // step_ns) if step_ns and wait_ns is not None else NEVER
                    else:
                        totals.requests_faulted += 1
                        key, signals = outcome, self._faulted(outcome, gate, amounts, now_ns)
                        if outcome.kind == "timeout" and timeout_ns is not None:
                            spent_ns = timeout_ns
                    planned = kept[state].get(key, unknown)
                    if planned is unknown:
                        signals = signals or self._signals(key)
                        planned = planner.step(state, key, signals, (now_ns + spent_ns - start_ns) / NS_PER_S)
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
                        after = planner.after(state, signals or self._signals(key), elapsed_s, wait_s)
                    state = after
                    delay_ns = int(wait_s * 1e9)
                    if record:
                        self._note(job, attempt, now_ns, gate, outcome, key, delay_ns)
                    now_ns += spent_ns + delay_ns
                    yield now_ns
                if limited:
                    totals.requests_limited += limited
                    if not ok and limited > 1 and totals.vain is None and outcome.kind == "ok":
                        totals.vain = Vain.of(job.number, refused_ns, room_ns, now_ns, wait_ns)
                if totals.drained_at_ns is None and self._empty(gate, now_ns):
                    totals.drained_at_ns = now_ns
                if record and ok:
                    self._note(job, attempt, now_ns, gate, None, NEVER, None)
                free_ns = now_ns + spent_ns
                if queued or (ok and settles):
                    sent_ns, now_ns = now_ns, free_ns
                    if spent_ns:
                        yield free_ns
                    if ok and settles:
                        gate.settle(amounts, used, sent_ns, now_ns)
                if ok:
                    totals.requests_ok += 1
                    totals.calls_ok += 1
                ended(free_ns - at_ns)
                if earlier_ns:
                    totals.calls_ok += len(earlier_ns) if ok else 0
                    totals.latencies_ns.extend(free_ns - each_ns for each_ns in earlier_ns)
                if free_ns > totals.end_ns:
                    totals.end_ns = free_ns

        return client_of

    # -- details ------------------------------------------------------------------------------------------------------

    def _cost(self, size: Size) -> _Cost:
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

    def _refused(self, number: int, now_ns: int) -> None:
        totals = self.totals
        if totals.first_limited_call is None or number < totals.first_limited_call:
            totals.first_limited_call = number
        if totals.drained_at_ns is None:
            totals.drained_at_ns = now_ns

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
            voice = voice_of(self._scenario.profile.dialect)
            problem = error_problem(voice, outcome.status, code=outcome.code)
            body = json.dumps(voice.envelope(problem, "req")).encode()
            self._fault_signals[outcome] = read(Answer(outcome.status, outcome.headers, body))
        return self._fault_signals[outcome]

    def _note(
        self, job: Job, attempt: int, at_ns: int, gate: Gate, outcome: Outcome | None, key: object, delay_ns: int | None
    ) -> None:
        """Keep one attempt; ``outcome`` is ``None`` for an answer that was let through."""
        kept = self.totals.attempts
        if len(kept) >= MOST_ATTEMPTS:
            return
        status: int | None = 200
        what, kind, told_s = "200", "ok", None
        if outcome is not None and outcome.kind == "ok":
            status, what, kind = 429, "429", "limited"
            told_s = key * self._wording.step_ns / NS_PER_S if isinstance(key, int) and key >= 0 else None
        elif outcome is not None:
            status, kind, told_s = outcome.status, "fault", outcome.told_s
            what = outcome.kind if status is None else f"{status}"
        kept.append(
            Attempt(at_ns, job.number, attempt, job.client, kind, status, what, delay_ns, told_s, gate.remaining(at_ns))
        )


def patience_s(scenario: Scenario, policy: RetryPolicy) -> float | None:
    """Return how long the client waits for an answer that never comes: as asked, else by its own default.

    ``None`` where nobody knows: then a timeout costs as long as an answer takes.
    """
    return policy.timeout_s if scenario.timeout_s is None else scenario.timeout_s


def charges_refusals(scenario: Scenario) -> bool:
    """Return whether a refused request counts against the request limits; unknown is taken as no."""
    counts = scenario.profile.charges_refusals
    if counts is None:
        dialect = dialects.get(scenario.profile.dialect)
        counts = dialect.rejections_count if dialect is not None else None
    return bool(counts)
