"""The calls that an application makes: arrivals and sizes, drawn once from the seed: every policy meets the same.

Remedies that change what is asked (cache, merging, trimming, a lower ``max_tokens``) are applied here.
"""

from collections.abc import Iterator
from functools import lru_cache
from itertools import count
from random import Random
from typing import NamedTuple

from ratecheck.durations import NS_PER_S
from ratecheck.simulate.scenario import MOST_CALLS, Arrivals, Remedies, Workload

Size = tuple[int, int | None, int]
"""Prompt tokens, largest output, real output. Calls of one size hold the very same tuple."""


class Job(NamedTuple):
    """What is sent as one call: one of the application's calls, or several merged, or none where the cache answers."""

    at_ns: int
    """When it can be sent: at the arrival, or when the last of the merged calls is there."""
    number: int
    """From 1, in the order of arrival over all clients; of merged calls the last one's."""
    size: Size
    client: int
    earlier_ns: tuple[int, ...] = ()
    """When the merged calls before the last one arrived."""
    cached: bool = False


def _arrivals_s(workload: Workload, random: Random, start_s: float) -> Iterator[float]:
    """Yield one client's arrivals in order, without end where nothing but the duration ends them."""
    if workload.arrivals is Arrivals.POISSON:
        at_s = 0.0
        while True:
            at_s += random.expovariate(workload.rate_per_s)
            yield at_s
    every_s = workload.every_s if workload.arrivals is Arrivals.SCHEDULE else 0.0
    for index in count():
        yield start_s + index * every_s


def _of_client(workload: Workload, random: Random, start_s: float) -> Iterator[tuple[float, int, int]]:
    """Yield arrival in seconds, prompt tokens and output tokens of one client's calls."""
    for done, at_s in enumerate(_arrivals_s(workload, random, start_s)):
        if done >= (MOST_CALLS if workload.calls is None else workload.calls):
            return
        # Without a step, only a count ends a burst: the duration never would.
        if workload.duration_s is not None and at_s >= workload.duration_s:
            return
        tokens = round(workload.tokens.at(random.random())) if not workload.tokens.fixed else round(workload.tokens.low)
        spread = workload.output_tokens
        if spread is None:
            output = workload.max_output_tokens
        else:
            output = round(spread.low) if spread.fixed else round(spread.at(random.random()))
        yield at_s, tokens, output


# Policies are compared on the same calls: one seed's are drawn once.
@lru_cache(maxsize=4)
def jobs(workload: Workload, remedies: Remedies, seed: int) -> tuple[tuple[Job, ...], ...]:
    """Return each client's jobs in order of arrival. The same seed gives the same calls, whatever the remedies."""
    random = Random(seed)
    calls: list[tuple[float, int, int, int, int]] = []
    if workload.arrivals is Arrivals.FILE:
        for index, asked in enumerate(workload.asked):
            calls.append(
                (asked.at_s, index % workload.clients, asked.tokens, asked.max_output_tokens, asked.output_tokens)
            )
    else:
        for client in range(workload.clients):
            # Clients that do not know of each other are not in step: each starts somewhere in its own interval.
            apart = client and workload.arrivals is Arrivals.SCHEDULE
            start_s = workload.every_s * random.random() if apart else 0.0
            for at_s, tokens, output in _of_client(workload, random, start_s):
                calls.append((at_s, client, tokens, workload.max_output_tokens, output))
    calls.sort(key=lambda call: call[0])
    # A stream of its own: so that a cache changes nothing but what it answers.
    lucky = Random(f"{seed}/cache").random
    cache, keep, cap, merge = remedies.cache, 1 - remedies.trim, remedies.cap_output, remedies.merge
    by_client: list[list[Job]] = [[] for _ in range(workload.clients)]
    waiting: list[list[Job]] = [[] for _ in range(workload.clients)]
    sizes: dict[Size, Size] = {}
    for number, (at_s, client, tokens, largest, output) in enumerate(calls, 1):
        allowed = largest if cap is None else min(largest or cap, cap)
        kept = tokens if keep == 1 else round(tokens * keep)
        size = (kept, allowed or None, min(output, allowed) if allowed else output)
        cached = cache > 0 and lucky() < cache
        job = Job(int(at_s * NS_PER_S), number, sizes.setdefault(size, size), client, (), cached)
        if merge == 1 or cached:
            by_client[client].append(job)
            continue
        waiting[client].append(job)
        if len(waiting[client]) == merge:
            by_client[client].append(_merged(waiting[client]))
            waiting[client] = []
    for client, group in enumerate(waiting):
        if group:
            by_client[client].append(_merged(group))
            # It is sent when its last call is there: before what the cache answered since.
            by_client[client].sort()
    return tuple(tuple(mine) for mine in by_client)


def _merged(group: list[Job]) -> Job:
    last = group[-1]
    tokens, largest, output = zip(*(job.size for job in group), strict=True)
    size = (sum(tokens), sum(filter(None, largest)) or None, sum(output))
    return last._replace(size=size, earlier_ns=tuple(job.at_ns for job in group[:-1]))


def calls_at_most(workload: Workload) -> int:
    """Return a bound on the calls of a workload, without drawing it."""
    if workload.arrivals is Arrivals.FILE:
        return len(workload.asked)
    counts = [MOST_CALLS if workload.calls is None else workload.calls]
    if workload.duration_s is not None:
        if workload.arrivals is Arrivals.SCHEDULE and workload.every_s > 0:
            counts.append(-int(-workload.duration_s // workload.every_s))
        elif workload.arrivals is Arrivals.POISSON:
            expected = workload.duration_s * workload.rate_per_s
            # Five standard deviations above the mean: a Poisson count passes that once in millions of runs.
            counts.append(int(expected + 5 * expected**0.5 + 10))
    return min(counts) * workload.clients


def offered_per_min(workload: Workload) -> float | None:
    """Return the calls a minute that are meant, ``None`` where that is no rate (a burst, a recording)."""
    if workload.arrivals is Arrivals.POISSON:
        return workload.rate_per_s * 60 * workload.clients
    if workload.arrivals is Arrivals.SCHEDULE and workload.every_s > 0:
        return 60 / workload.every_s * workload.clients
    return None
