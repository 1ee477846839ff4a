"""The limiters that providers use, exact to the nanosecond and to the unit.

Every state is an integer. A bucket keeps its level in unit-nanoseconds: ``elapsed_ns * amount`` flows in, ``units *
window_ns`` goes out, so nothing drifts and a wait is one ceiling division. Each method is O(1) amortised; only the wait
and the settlement of a sliding log are a binary search. Time may stand still but never goes back: an instant before the
last one counts as the last one.
"""

from collections.abc import Callable

from ratecheck.errors import no_such
from ratecheck.limiters.buckets import Gcra, LeakyBucket, PlainBucket, TokenBucket
from ratecheck.limiters.concurrency import Concurrency
from ratecheck.limiters.log import SlidingLog
from ratecheck.limiters.rules import Limiter
from ratecheck.limiters.slices import AzureSecondSlices, AzureSlices
from ratecheck.limiters.windows import FirstUseWindow, FixedWindow, PacificDay, SlidingCounter
from ratecheck.model import Limit

__all__ = [
    "ALGORITHMS", "AzureSecondSlices", "AzureSlices", "Concurrency", "FirstUseWindow", "FixedWindow", "Gcra",
    "LeakyBucket", "Limiter", "PacificDay", "SlidingCounter", "SlidingLog", "TokenBucket", "make",
]  # fmt: skip

ALGORITHMS: dict[str, Callable[[Limit], Limiter]] = {
    "token_bucket": PlainBucket,
    "fixed_window": FixedWindow,
    "first_use_window": FirstUseWindow,
    "pacific_day": PacificDay,
    "sliding_log": SlidingLog,
    "sliding_counter": SlidingCounter,
    "leaky_bucket": LeakyBucket,
    "gcra": Gcra,
    "quantised": Gcra,
    "azure_slices": AzureSlices,
    "azure_slices_1s": AzureSecondSlices,
    "concurrency": Concurrency,
}


def make(algorithm: str, limit: Limit) -> Limiter:
    """Return a full limiter. Raises ``UsageError`` for a name that is none of ``ALGORITHMS`` or a senseless limit."""
    if algorithm not in ALGORITHMS:
        raise no_such("limiter", algorithm, ALGORITHMS)
    return ALGORITHMS[algorithm](limit)
