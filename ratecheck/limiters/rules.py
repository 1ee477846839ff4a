"""What a limiter is asked, and what all of them do alike."""

from typing import Protocol

from ratecheck.errors import UsageError
from ratecheck.model import Limit, Verdict


class Limiter(Protocol):
    """One limit, enforced in one way."""

    limit: Limit

    @property
    def largest(self) -> int | None:
        """The largest amount that can ever pass at once; ``None`` where there is none."""

    def wait_ns(self, amount: int, now_ns: int) -> int | None:
        """Nanoseconds until ``amount`` would pass: 0 for now, ``None`` when no clock can tell (too large, or taken)."""

    def level(self, now_ns: int) -> tuple[int, int]:
        """Whole units left, never below 0, and nanoseconds until all are there again."""

    def charge(self, amount: int, now_ns: int) -> None:
        """Take ``amount`` whether it fits or not: an admission, or what turned out to have been used (a debt)."""

    def drain(self, amount: int, now_ns: int) -> None:
        """Charge a refused request: it uses up what is left and never makes a debt that outlives one window."""

    def give_back(self, amount: int, now_ns: int, taken_ns: int | None = None) -> None:
        """Return what was taken at ``taken_ns`` (default: now), but for what time has returned by itself."""

    def admit(self, amount: int, now_ns: int, drains: bool = False) -> int | None:
        """Take ``amount`` and return 0, or take nothing and return the wait as ``wait_ns`` does.

        With ``drains`` a refusal is charged first, and the wait told is the one after that.
        """

    def most_in(self, span_ns: int, largest: int) -> int | None:
        """The most units that may be admitted in any ``span_ns``, no request being larger than ``largest``."""

    def peek(self, amount: int, now_ns: int) -> Verdict:
        """Say what ``take`` would say, and change nothing."""

    def take(self, amount: int, now_ns: int) -> Verdict:
        """Take ``amount`` if it fits now; a refusal takes nothing."""


class Rules:
    """What all limiters do alike, in terms of ``wait_ns``, ``level`` and ``charge``."""

    def __init__(self, limit: Limit) -> None:
        if limit.amount < 0 or limit.window_ns < 1 or (limit.burst is not None and limit.burst < 0):
            raise UsageError(f"a limit of {limit.amount} {limit.dimension} in {limit.window_ns} ns makes no sense")
        self.limit = limit

    @property
    def largest(self) -> int | None:
        return self.limit.amount

    def wait_ns(self, amount: int, now_ns: int) -> int | None:
        raise NotImplementedError

    def level(self, now_ns: int) -> tuple[int, int]:
        raise NotImplementedError

    def charge(self, amount: int, now_ns: int) -> None:
        raise NotImplementedError

    def drain(self, amount: int, now_ns: int) -> None:
        self.charge(amount, now_ns)

    def admit(self, amount: int, now_ns: int, drains: bool = False) -> int | None:
        wait_ns = self.wait_ns(amount, now_ns)
        if wait_ns == 0:
            self.charge(amount, now_ns)
        elif drains:
            self.drain(amount, now_ns)
            return self.wait_ns(amount, now_ns)
        return wait_ns

    def peek(self, amount: int, now_ns: int) -> Verdict:
        wait_ns = self.wait_ns(amount, now_ns)
        return Verdict(wait_ns == 0, wait_ns, *self.level(now_ns))

    def take(self, amount: int, now_ns: int) -> Verdict:
        wait_ns = self.wait_ns(amount, now_ns)
        if wait_ns == 0:
            self.charge(amount, now_ns)
        return Verdict(wait_ns == 0, wait_ns, *self.level(now_ns))
