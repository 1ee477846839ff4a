"""Azure's way: a minute's budget that is checked on short slices as well."""

from ratecheck.durations import NS_PER_S
from ratecheck.limiters.buckets import TokenBucket
from ratecheck.limiters.windows import FixedWindow
from ratecheck.model import Limit


class AzureSlices(TokenBucket):
    """A minute's budget that is also checked on slices of 10 s: a sixth of it in each, at least 1.

    https://learn.microsoft.com/azure/foundry/openai/how-to/quota (2026-09): slices of 1 s or 10 s. The minute itself
    refills continuously: so the recorded reset headers have it, against the page's "resets each minute".
    """

    slice_ns = 10 * NS_PER_S

    def __init__(self, limit: Limit) -> None:
        super().__init__(limit)
        share = -(-limit.amount * self.slice_ns // limit.window_ns)
        self._share = min(max(share, min(limit.amount, 1)), limit.amount)
        self._slice = FixedWindow(Limit(limit.dimension, self._share, self.slice_ns))

    def wait_ns(self, amount: int, now_ns: int) -> int | None:
        wait_ns = super().wait_ns(amount, now_ns)
        if wait_ns is None:
            return None
        # A request larger than a slice passes in a slice of its own.
        at_ns = now_ns + wait_ns
        return wait_ns + (self._slice.wait_ns(min(amount, self._share), at_ns) or 0)

    def charge(self, amount: int, now_ns: int) -> None:
        super().charge(amount, now_ns)
        self._slice.charge(amount, now_ns)

    def give_back(self, amount: int, now_ns: int, taken_ns: int | None = None) -> None:
        super().give_back(amount, now_ns)
        self._slice.give_back(amount, now_ns, taken_ns)

    def most_in(self, span_ns: int, largest: int) -> int | None:
        slices = self._slice.most_in(span_ns, largest) or 0
        return min(super().most_in(span_ns, largest) or 0, slices // max(self._share, 1) * max(self._share, largest))


class AzureSecondSlices(AzureSlices):
    """The same on slices of 1 s: 600 requests a minute pass as 10 a second."""

    slice_ns = NS_PER_S
