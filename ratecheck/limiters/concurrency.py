"""How many at a time."""

from ratecheck.limiters.rules import Rules
from ratecheck.model import Limit


class Concurrency(Rules):
    """So many at a time. Only the end of another request makes room, so no refusal can name a wait."""

    def __init__(self, limit: Limit) -> None:
        super().__init__(limit)
        self._used = 0

    def wait_ns(self, amount: int, now_ns: int) -> int | None:
        return 0 if self._used + amount <= self.limit.amount or amount == 0 else None

    def level(self, now_ns: int) -> tuple[int, int]:
        return max(self.limit.amount - self._used, 0), 0

    def charge(self, amount: int, now_ns: int) -> None:
        self._used += amount

    def drain(self, amount: int, now_ns: int) -> None:
        """A refused request holds no place."""

    def give_back(self, amount: int, now_ns: int, taken_ns: int | None = None) -> None:
        self._used = max(self._used - amount, 0)

    def most_in(self, span_ns: int, largest: int) -> int | None:
        return None
