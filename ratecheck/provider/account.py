"""Limits of one account: reservation, refusal and settlement. Pure: every instant is an argument."""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import NamedTuple

from ratecheck import limiters
from ratecheck.dialects import Level
from ratecheck.durations import NS_PER_S
from ratecheck.limiters import Limiter
from ratecheck.model import Cost, Dimension
from ratecheck.provider.profiles import LimitRule, Profile
from ratecheck.provider.voices import Refusal

# So many keys and models are told apart; beyond that the ones that are full again are forgotten, then the oldest.
_MOST_SHELVES = 10_000
_PARTS = (Dimension.INPUT_TOKENS, Dimension.OUTPUT_TOKENS)


class _Enforced(NamedTuple):
    rule: LimitRule
    limiter: Limiter
    dimension: Dimension
    limit: int
    window_s: float


@dataclass(slots=True)
class Ticket:
    """One request that has been let in or refused; it is settled once."""

    cost: Cost
    at_ns: int
    shelf: tuple[_Enforced, ...]
    refusal: Refusal | None = None
    open: bool = True


class Account:
    """All limiters of a profile, one set ("shelf") for each key and model that has limits of its own."""

    def __init__(self, profile: Profile, *, charges_refusals: bool, shared: bool = False) -> None:
        self._profile = profile
        self._shared = shared
        self._charges_refusals = charges_refusals
        # Only where both are limited is there a sum to show.
        self._summed = {rule.limit.dimension for rule in profile.limits} >= set(_PARTS)
        self._shelves: dict[Hashable, tuple[_Enforced, ...]] = {}

    def _shelf(self, key: str, model: str, now_ns: int) -> tuple[_Enforced, ...]:
        name = ("" if self._shared else key, model if self._profile.per_model else "")
        shelf = self._shelves.get(name)
        if shelf is None:
            if len(self._shelves) >= _MOST_SHELVES:
                self._forget(now_ns)
            shelf = self._shelves[name] = self._new_shelf()
        return shelf

    def _new_shelf(self) -> tuple[_Enforced, ...]:
        return tuple(
            _Enforced(
                rule,
                limiters.make(rule.algorithm, rule.limit),
                rule.limit.dimension,
                rule.limit.amount,
                rule.limit.window_ns / NS_PER_S,
            )
            for rule in self._profile.limits
        )

    def _forget(self, now_ns: int) -> None:
        full = [
            name
            for name, shelf in self._shelves.items()
            if all(
                limiter.level(now_ns)[1] == 0 and limiter.level(now_ns)[0] >= rule.limit.amount
                for rule, limiter, *_ in shelf
            )
        ]
        for name in full or [next(iter(self._shelves))]:
            del self._shelves[name]

    def admit(self, cost: Cost, model: str, key: str, now_ns: int) -> Ticket:
        """Reserve ``cost`` under every limit, or under none: one refusal spends nothing elsewhere.

        Where refusals are charged they use up requests only: no provider says that a refused prompt costs tokens.
        """
        shelf = self._shelf(key, model, now_ns)
        ticket = Ticket(cost, now_ns, shelf)
        amounts = [(each, cost.of(each.dimension)) for each in shelf]
        for each, amount in amounts:
            if amount and each.limiter.wait_ns(amount, now_ns) != 0:
                ticket.refusal = self._refuse(amounts, model, now_ns)
                ticket.open = False
                return ticket
        for each, amount in amounts:
            if amount:
                each.limiter.charge(amount, now_ns)
        return ticket

    def _refuse(self, amounts: list[tuple[_Enforced, int]], model: str, now_ns: int) -> Refusal:
        if self._charges_refusals:
            self._drain(amounts, now_ns)
        refusals = []
        for (rule, limiter, *_), amount in amounts:
            wait_ns = limiter.wait_ns(amount, now_ns)
            if wait_ns == 0:
                continue
            remaining, _ = limiter.level(now_ns)
            fits_ever = limiter.largest is None or amount <= limiter.largest
            used = rule.limit.amount - min(remaining, rule.limit.amount)
            refusals.append(Refusal(rule.limit, rule.name, model, used, amount, wait_ns, fits_ever))
        # What never fits is told first, then the longest wait: when that one is over, the others are too.
        return max(refusals, key=lambda refusal: (not refusal.fits_ever, refusal.wait_ns or 0))

    @staticmethod
    def _drain(amounts: list[tuple[_Enforced, int]], now_ns: int) -> None:
        for each, amount in amounts:
            if each.dimension is Dimension.REQUESTS:
                each.limiter.drain(amount, now_ns)

    def fail(self, cost: Cost, model: str, key: str, now_ns: int) -> None:
        """Charge a request that broke on the provider's side: counted like a refused one, where those are."""
        if self._charges_refusals:
            shelf = self._shelf(key, model, now_ns)
            self._drain([(each, cost.of(each.dimension)) for each in shelf], now_ns)

    def settle(self, ticket: Ticket, used: Cost | None, now_ns: int) -> None:
        """End a request: free its place, and replace its reservation by what it ``used`` (``None``: as reserved)."""
        if not ticket.open:
            return
        ticket.open = False
        for _, limiter, dimension, *_ in ticket.shelf:
            if dimension is Dimension.CONCURRENCY:
                limiter.give_back(1, now_ns, ticket.at_ns)
            elif used is not None:
                left = ticket.cost.of(dimension) - used.of(dimension)
                if left > 0:
                    limiter.give_back(left, now_ns, ticket.at_ns)
                elif left < 0:
                    limiter.charge(-left, now_ns)

    def levels(self, key: str, model: str, now_ns: int) -> list[Level]:
        """Return how full each limit is for that key and model."""
        return levels_of(self._shelf(key, model, now_ns), now_ns, summed=self._summed)

    def state(self, now_ns: int) -> dict[tuple[str, str], list[tuple[LimitRule, Level]]]:
        """Return every shelf that has been used, by key and model."""
        return {
            name: list(zip((each.rule for each in shelf), levels_of(shelf, now_ns, summed=False), strict=True))
            for name, shelf in self._shelves.items()
            if isinstance(name, tuple)
        }

    def reset(self) -> None:
        """Forget all use. Requests still open return nothing to the new limiters."""
        self._shelves.clear()


def levels_of(shelf: tuple[_Enforced, ...], now_ns: int, *, summed: bool = True) -> list[Level]:
    """Return the levels of one set of limiters.

    With ``summed``, where input and output are limited apart and their sum is not, the sum is a level too: so Anthropic
    shows it (recorded 2025-2026: 480,000 of 400,000 and 80,000, with the earlier of the two resets).
    """
    levels = [
        Level(dimension, window_s, limit, *limiter.level(now_ns)) for _, limiter, dimension, limit, window_s in shelf
    ]
    if summed:
        parts = [each for each in levels if each.dimension in _PARTS]
        if len(parts) == 2 and parts[0].window_s == parts[1].window_s:
            a, b = parts
            full_in_ns = min(a.full_in_ns, b.full_in_ns)
            total = Level(Dimension.TOKENS, a.window_s, a.limit + b.limit, a.remaining + b.remaining, full_in_ns)
            levels.append(total)
    return levels
