"""A client's rule, worked out from its row: what it retries, how often, how long it waits, what it is told."""

from ratecheck import retry
from ratecheck.explain.entries import ClientEntry, Told
from ratecheck.model import Answer
from ratecheck.retry import RetryPolicy
from ratecheck.retry.words import sentence, statuses

# A loop without an end shows its form long before this.
MOST_WAITS = 12
# What sends more often than this has no end that anybody would wait for.
_MOST_REQUESTS = 1000

_TROUBLES = (
    ("429", Answer(429)),
    ("500", Answer(500)),
    ("dropped connections", Answer(None)),
    ("timeouts", Answer(None, timed_out=True)),
)
# Waits that servers really state: a token's, a minute's, an hour's.
_USUAL_S = (1.0, 60.0, 3600.0)


def of_policy(policy: RetryPolicy) -> ClientEntry:
    """Return what there is to say about ``policy``."""
    waits = policy.unprompted_waits(MOST_WAITS + 1)
    return ClientEntry(
        policy,
        sentence(policy),
        tuple((layer.name, statuses(layer)) for layer in policy.layers),
        tuple((name, policy.requests(answer, _MOST_REQUESTS)) for name, answer in _TROUBLES),
        tuple(waits[:MOST_WAITS]),
        len(waits) > MOST_WAITS,
        tuple(_told(policy, stated_s) for stated_s in _stated(policy)),
        tuple(str(row.versions) for row in retry.ALL.get(policy.name, ())),
    )


def _stated(policy: RetryPolicy) -> list[float]:
    """Return the waits worth trying: usual ones, and both sides of each bound that the rule has."""
    bounds = {layer.hints.most_s for layer in policy.layers if layer.hints.most_s is not None}
    # A bound of weeks is no server's word; a day is the longest that is.
    sides = {side for bound in bounds if bound <= 86_400 for side in (bound, bound + 1)}
    return sorted({*_USUAL_S, *sides})


def _told(policy: RetryPolicy, stated_s: float) -> Told:
    answer = Answer(429, (("retry-after", f"{stated_s:g}"),))
    waits = policy.waits(answer, 1)
    return Told(stated_s, waits[0] if waits else None, policy.requests(answer, _MOST_REQUESTS))
