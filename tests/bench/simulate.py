"""Simulation against SimPy and against a bare heap, as ratios in one run; equal totals are asserted.

    pip install simpy && python tests/bench/simulate.py

An event is a request that is sent or an answer that comes. CPU time is compared, the best of several turns.
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
from ratecheck.simulate.engine import Run, Tally
from ratecheck.simulate.options import Options, scenario_of
from ratecheck.simulate.scenario import Scenario
from ratecheck.simulate.study import policy_of
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


def ours(made: Scenario, policy: str, seed: int) -> Tally:
    return Run(made, policy_of(made, policy), seed).go()


def against_simpy() -> None:
    print("clients    events   ours ev/s  SimPy ev/s  ratio  with pauses folded  ns per event / log2(clients)")
    for clients, turns in ((50, 9), (2_000, 5), (20_000, 2)):
        made = scenario(clients, 600.0 if clients < 2_000 else 240.0 if clients < 20_000 else 60.0)
        tally = ours(made, "openai-python", 0)
        totals = (tally.requests, tally.requests_ok, tally.requests_limited)
        assert in_simpy(made, 0, folded=False) == in_simpy(made, 0, folded=True) == totals
        events = 2 * tally.requests
        # The calls are drawn before the clocks start: they are input to both.
        mine, plain, folded = timed(
            turns,
            partial(ours, made, "openai-python", 0),
            partial(in_simpy, made, 0, folded=False),
            partial(in_simpy, made, 0, folded=True),
        )
        scaled = mine / events / math.log2(clients) * 1e9
        print(f"{clients:7,} {events:9,} {events / mine:11,.0f} {events / plain:11,.0f} {plain / mine:6.2f}", end="")
        print(f" {folded / mine:19.2f} {scaled:29.1f}")


def bare(events: int, clients: int) -> None:
    """Nothing but the queue: take the earliest out, put its successor in."""
    heap = [(index, index, None) for index in range(clients)]
    heapq.heapify(heap)
    pop, push = heapq.heappop, heapq.heappush
    for _ in range(events):
        at_ns, order, nothing = pop(heap)
        push(heap, (at_ns + 6_000_000 + order, order, nothing))


def against_the_bare_heap(seeds: int) -> None:
    made = scenario(50, 3600.0)
    events = 0

    def everything() -> None:
        nonlocal events
        events = 0
        for seed in range(seeds):
            for policy in POLICIES:
                events += 2 * ours(made, policy, seed).requests

    (spent,) = timed(1, everything)
    (floor,) = timed(3, lambda: bare(events, 50))
    print(
        f"\n{len(POLICIES)} policies x {seeds} seeds x 1 h x 50 clients: {events:,} events in {spent:.2f} s of CPU, ",
        end="",
    )
    print(f"{spent / floor:.2f} x the bare heap loop ({floor:.2f} s)")


def main() -> None:
    print(f"Python {sys.version.split()[0]}; {retry.get('openai-python').name} rules, token bucket, no refusal charged")
    against_simpy()
    against_the_bare_heap(int(sys.argv[1]) if len(sys.argv) > 1 else 20)


if __name__ == "__main__":
    main()
