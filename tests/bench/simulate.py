"""Simulation against SimPy and against a bare heap, as ratios in one run; equal totals are asserted.

    pip install simpy && python tests/bench/simulate.py [SEEDS [JOBS]]

An event is a request that is sent or an answer that comes. CPU time is compared, the best of several turns. The bare
heap, as large and as often, tells how much of the growth is the machine's: its caches hold fewer and fewer of the
clients.
"""

import gc
import heapq
import math
import sys
import time
from collections.abc import Callable
from functools import partial
from random import Random

from ratecheck import limiters, retry
from ratecheck.model import Dimension, Limit
from ratecheck.net.progress import Progress
from ratecheck.net.spread import spread
from ratecheck.simulate.engine import Run
from ratecheck.simulate.options import Options, scenario_of
from ratecheck.simulate.scenario import Scenario
from ratecheck.simulate.study import Task, one_by_one, policy_of
from ratecheck.simulate.totals import Totals
from ratecheck.simulate.workload import jobs

MINUTE_NS = 60_000_000_000
LATENCY_NS = 200_000_000

# Ten kinds of client: SDKs, stacks of layers, recipes.
POLICIES = (
    "openai-python", "openai-node", "anthropic-python", "litellm-num-retries", "litellm-router", "langchain-js@0.3.80",
    "vercel-ai", "dspy", "instructor@1.3.7", "equal-jitter",
)  # fmt: skip


def timed(turns: int, *works: Callable[[], object]) -> list[float]:
    """Return each one's best CPU time; they take turns, so that a busy machine slows all of them alike."""
    best = [math.inf] * len(works)
    for _ in range(turns):
        for index, work in enumerate(works):
            gc.collect()
            gc.disable()  # as the command runs; for SimPy and the bare heap alike
            start = time.process_time()
            work()
            best[index] = min(best[index], time.process_time() - start)
            gc.enable()
    return best


def scenario(clients: int, duration_s: float) -> Scenario:
    """Twice as many calls as the limit lets through, back-offs of the SDK's own."""
    made, _, _ = scenario_of(
        Options(
            rpm=max(clients * 3, 1), clients=clients, every=10.0, duration=duration_s, latency="0.2",
            retry_after=False, provider="groq", max_events=10**9,
        )
    )  # fmt: skip
    return made


def in_simpy(made: Scenario, seed: int, *, folded: bool) -> tuple[int, int, int]:
    """The same model with SimPy's processes: the same limiter, the same waits, the same draws.

    ``folded`` makes one pause of an answer and the wait after it, as our kernel does: fewer events for SimPy, too.
    """
    import simpy

    env = simpy.Environment()
    amount = made.profile.limits[0].limit.amount
    bucket = limiters.make("token_bucket", Limit(Dimension.REQUESTS, amount, MINUTE_NS))
    admit, draw = bucket.admit, Random(f"{seed}/run").random
    totals = [0, 0, 0]

    def client(mine):  # type: ignore[no-untyped-def]  # SimPy ships no types
        for job in mine:
            if job.at_ns > env.now:
                yield env.timeout(job.at_ns - env.now)
            for base_s, spread_s in ((0.5, -0.125), (1.0, -0.25), (0.0, 0.0)):
                totals[0] += 1
                if admit(1, env.now, False) == 0:
                    totals[1] += 1
                    yield env.timeout(LATENCY_NS)
                    break
                totals[2] += 1
                wait_ns = int((base_s + spread_s * draw()) * 1e9) if spread_s else 0
                if folded:
                    yield env.timeout(LATENCY_NS + wait_ns)
                    continue
                yield env.timeout(LATENCY_NS)
                if wait_ns:
                    yield env.timeout(wait_ns)

    for mine in jobs(made.workload, made.remedies, seed):
        env.process(client(mine))
    env.run()
    return totals[0], totals[1], totals[2]


def ours(made: Scenario, policy: str, seed: int) -> Totals:
    return Run(made, policy_of(made, policy), seed).go()


def against_simpy() -> None:
    print("clients    events  ours ev/s  SimPy ev/s  ratio  its pauses folded  bare heap ns/ev  ours ns/ev")
    spent: list[tuple[int, float, float]] = []
    for clients, duration_s, turns in ((50, 600.0, 9), (2_000, 120.0, 5), (20_000, 120.0, 2)):
        made = scenario(clients, duration_s)
        totals = ours(made, "openai-python", 0)
        told = (totals.requests, totals.requests_ok, totals.requests_limited)
        assert in_simpy(made, 0, folded=False) == in_simpy(made, 0, folded=True) == told
        events = 2 * totals.requests
        # The calls are drawn before the clocks start: they are input to both.
        mine, plain, folded, floor = timed(
            turns,
            partial(ours, made, "openai-python", 0),
            partial(in_simpy, made, 0, folded=False),
            partial(in_simpy, made, 0, folded=True),
            partial(bare, events, clients),
        )
        spent.append((clients, mine / events, floor / events))
        print(f"{clients:7,} {events:9,} {events / mine:10,.0f} {events / plain:11,.0f} {plain / mine:6.2f}", end="")
        print(f" {folded / mine:18.2f} {floor / events * 1e9:16.0f} {mine / events * 1e9:11.0f}")
    (few, ours_few, bare_few), (many, ours_many, bare_many) = spent[1:]
    print(
        f"\n{few:,} -> {many:,} clients, an event's time grows: ours {ours_many / ours_few:.2f} x, "
        f"the bare heap {bare_many / bare_few:.2f} x, n log n {math.log(many) / math.log(few):.2f} x"
    )


def bare(events: int, clients: int) -> None:
    """Nothing but the queue: take the earliest out, put its successor in at a time that is as mixed as real waits."""
    heap = [(index, index, None) for index in range(clients)]
    heapq.heapify(heap)
    draw = Random(1).random
    waits = [int(draw() * 1e10) for _ in range(1024)]
    pop, push = heapq.heappop, heapq.heappush
    for event in range(events):
        at_ns, order, nothing = pop(heap)
        push(heap, (at_ns + waits[event & 1023], order, nothing))


def against_the_bare_heap(seeds: int, processes: int) -> None:
    made = scenario(50, 3600.0)
    tasks = [Task(made, policy, seed) for policy in POLICIES for seed in range(seeds)]
    start = time.perf_counter()
    events = 2 * sum(done[0].requests for done in spread(tasks, processes, Progress("bench")))
    spread_s = time.perf_counter() - start
    start = time.perf_counter()
    (floor_cpu,) = timed(1, partial(bare, events, 50))
    floor_s = time.perf_counter() - start
    (spent,) = timed(1, lambda: list(one_by_one(tasks)))
    print(f"\n{len(POLICIES)} policies x {seeds} seeds x 1 h x 50 clients: {events:,} events")
    print(f"one process: {spent:.1f} s of CPU, {spent / floor_cpu:.2f} x the bare heap loop ({floor_cpu:.1f} s)")
    print(f"{processes} processes: {spread_s:.1f} s by the clock, {spread_s / floor_s:.2f} x ({floor_s:.1f} s)")


def main() -> None:
    print(f"Python {sys.version.split()[0]}; {retry.get('openai-python').name} rules, token bucket, no refusal charged")
    against_simpy()
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    processes = int(sys.argv[2]) if len(sys.argv) > 2 else 2
    against_the_bare_heap(seeds, processes)


if __name__ == "__main__":
    main()
