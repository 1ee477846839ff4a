"""The provider as a simulated call meets it: admitted, or refused for so long. The same limiters, without the words.

``Provider.answer`` writes headers and a body for every request; a simulation of a million needs the verdict and what a
client's retry rule reads in it. Tests hold the two to the same verdicts and the same signals at the same instants.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from typing import Any

from ratecheck import dialects, limiters
from ratecheck.dialects.charging import ASSUMED, Admission, ChargingRule, Settlement, rule_for
from ratecheck.durations import NS_PER_S
from ratecheck.limiters import Limiter
from ratecheck.model import Answer, Cost, Dimension
from ratecheck.provider.profiles import Profile
from ratecheck.provider.voices import Refusal, refusal_problem, voice_of
from ratecheck.retry import Signals, read

# Stands for a wait that no clock ends, where waits are counted in steps.
NEVER = -1

# Wait headers are delays here, so any day does to find out which ones a dialect writes.
_SOME_DAY = datetime(2026, 1, 1, tzinfo=UTC)

Amounts = tuple[int, ...]
"""What one request takes from each limit of the profile, in the profile's order."""


class Gate:
    """The limiters of one key, or of all keys that share an organisation's."""

    def __init__(self, profile: Profile, charges_refusals: bool) -> None:
        rules = profile.limits
        self.rules = rules
        self.limiters: tuple[Limiter, ...] = tuple(limiters.make(rule.algorithm, rule.limit) for rule in rules)
        self._drained = tuple(
            index for index, rule in enumerate(rules) if charges_refusals and rule.limit.dimension is Dimension.REQUESTS
        )
        self._held = tuple(index for index, rule in enumerate(rules) if rule.limit.dimension is Dimension.CONCURRENCY)
        self.requests = next(
            (
                each
                for rule, each in zip(rules, self.limiters, strict=True)
                if rule.limit.dimension is Dimension.REQUESTS
            ),
            None,
        )
        """The limiter of requests that is shown as "remaining"; ``None`` where there is none."""
        self.settles = bool(self._held)
        """Whether the end of a request changes a limit by itself."""
        self.refused_by = 0
        """Index of the limit that the last refusal was told of."""
        self.drains = bool(self._drained)
        # Most simulations have one limit: its own step, with nothing around it. ``taken`` shapes amounts for it.
        self.admit: Callable[[Any, int, bool], int | None] = (
            self.limiters[0].admit if len(rules) == 1 else self._admit_all
        )

    def taken(self, amounts: Amounts) -> Any:
        """Return ``amounts`` as ``admit(taken, now_ns, drains)`` wants them."""
        return amounts[0] if len(amounts) == 1 else amounts

    def _admit_all(self, amounts: Amounts, now_ns: int, drains: bool) -> int | None:
        """Reserve ``amounts`` under every limit, or under none; return the wait, ``None`` where no clock ends it."""
        all_limiters = self.limiters
        for limiter, amount in zip(all_limiters, amounts, strict=True):
            if amount and limiter.wait_ns(amount, now_ns) != 0:
                break
        else:
            for limiter, amount in zip(all_limiters, amounts, strict=True):
                if amount:
                    limiter.charge(amount, now_ns)
            return 0
        for index in self._drained if drains else ():
            all_limiters[index].drain(amounts[index], now_ns)
        longest, told = -1, 0
        for index, (limiter, amount) in enumerate(zip(all_limiters, amounts, strict=True)):
            wait_ns = limiter.wait_ns(amount, now_ns)
            if wait_ns == 0:
                continue
            if wait_ns is None and limiter.largest is not None and amount > limiter.largest:
                self.refused_by = index
                return None
            if (wait_ns or 0) > longest:
                longest, told = wait_ns or 0, index
        self.refused_by = told
        return longest or None

    def fail(self, amounts: Amounts, now_ns: int) -> None:
        """Charge a request that broke on the provider's side, where such are charged."""
        for index in self._drained:
            self.limiters[index].drain(amounts[index], now_ns)

    def settle(self, amounts: Amounts, used: Amounts | None, taken_ns: int, now_ns: int) -> None:
        """End an admitted request: free its place, and replace what was reserved by what was ``used``."""
        for index in self._held:
            self.limiters[index].give_back(1, now_ns, taken_ns)
        if used is None:
            return
        for index, (reserved, spent) in enumerate(zip(amounts, used, strict=True)):
            if index in self._held or reserved == spent:
                continue
            if spent < reserved:
                self.limiters[index].give_back(reserved - spent, now_ns, taken_ns)
            else:
                self.limiters[index].charge(spent - reserved, now_ns)

    def remaining(self, now_ns: int) -> dict[str, int]:
        """Return whole units left by limit, under the names that people use (``requests``, ``tokens`` …)."""
        left: dict[str, int] = {}
        for rule, limiter in zip(self.rules, self.limiters, strict=True):
            name = rule.limit.dimension.value
            level = limiter.level(now_ns)[0]
            left[name] = min(left.get(name, level), level)
        return left


@dataclass(frozen=True)
class Charging:
    """What requests of a size take from a profile's limits at admission, and what they hold in the end."""

    profile: Profile

    @cached_property
    def rule(self) -> ChargingRule:
        """Today's rule of the profile's dialect for its usual endpoint."""
        kind = voice_of(self.profile.dialect).speaks
        found = rule_for(self.profile.dialect, "chat" if kind == "generateContent" else kind, model=self.profile.model)
        return found or ASSUMED

    def cost(self, tokens: int, max_output_tokens: int | None) -> Cost:
        """Return what a request of ``tokens`` prompt tokens costs; the text is taken to be 4 characters a token."""
        if not tokens and not max_output_tokens:
            return Cost()
        ask = Admission(text_chars=4 * tokens, prompt_tokens=tokens, max_output_tokens=max_output_tokens)
        return self.rule.charge(ask).cost()

    def amounts(self, cost: Cost) -> Amounts:
        """Return ``cost`` in the order of the profile's limits."""
        return tuple(cost.of(rule.limit.dimension) for rule in self.profile.limits)

    def used(self, cost: Cost, output_tokens: int) -> Cost | None:
        """Return what the request holds once its answer is complete; ``None`` where the reservation stays."""
        if self.rule.settlement is not Settlement.ACTUAL or not cost.input_tokens:
            return None
        return Cost(cost.requests, cost.input_tokens, output_tokens * self.rule.output_weight, cost.images)


class Wording:
    """What a refusal says to a client's retry rule: the dialect's wait headers, and the sentence for who reads it."""

    def __init__(self, profile: Profile, hints: bool, text: bool) -> None:
        self._profile = profile
        dialect = dialects.get(profile.dialect)
        told = dialects.write_limits(dialect, [], now=_SOME_DAY, retry_after_ns=NS_PER_S) if dialect and hints else ()
        names = {name.lower() for name, _ in told}
        self._seconds = "retry-after" in names or (hints and dialect is None)
        self._milliseconds = "retry-after-ms" in names
        self._plain = self._read(None)
        self._text = text and hints and bool(self._read(NS_PER_S).again)
        self.step_ns = 1 if self._text else 1_000_000 if self._milliseconds else NS_PER_S if self._seconds else 0
        """Waits that round up to the same multiple of this are told alike; 0 where nothing is told."""
        self.signals = lru_cache(maxsize=65_536)(self._signals)

    def _read(self, wait_ns: int | None) -> Signals:
        """Return what is read in the body of a refusal by the profile's first limit."""
        voice, rule = voice_of(self._profile.dialect), self._profile.limits[0]
        amount = rule.limit.amount
        refusal = Refusal(rule.limit, rule.name, self._profile.model, amount, 1, wait_ns, fits_ever=True)
        body = json.dumps(voice.envelope(refusal_problem(voice, refusal), "req")).encode()
        return read(Answer(429, (), body))

    def _signals(self, steps: int) -> Signals:
        """Return what a refusal with a wait of ``steps`` times ``step_ns`` says; ``NEVER`` tells none."""
        if steps < 0 or not self.step_ns:
            return self._plain._replace(again="")
        wait_ns = steps * self.step_ns
        return self._plain._replace(
            retry_after=str(-(-wait_ns // NS_PER_S)) if self._seconds else None,
            retry_after_ms=str(-(-wait_ns // 1_000_000)) if self._milliseconds else None,
            again=self._read(wait_ns).again if self._text else "",
        )
