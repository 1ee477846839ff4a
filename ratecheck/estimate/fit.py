"""How many prompts pass in a minute, which limit binds, and what could be changed about it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ratecheck.estimate.limits import AskedLimit
from ratecheck.estimate.report import PromptEstimate
from ratecheck.model import Dimension

_DAY_S = 86_400.0
_TOKENS = frozenset({Dimension.TOKENS, Dimension.INPUT_TOKENS, Dimension.OUTPUT_TOKENS})


@dataclass(frozen=True, slots=True)
class Share:
    """One limit and what the prompts take of it."""

    limit: AskedLimit
    total: int
    largest: int
    per_minute: float | None
    """Prompts of the mean size; ``None`` where they take nothing of it."""
    minutes_for_all: float
    fits_now: int | None
    """Prompts of the largest size that what is left of it lets through at once."""


@dataclass(frozen=True, slots=True)
class NeverFits:
    """A prompt that a limit will never let through."""

    source: str
    charged_tokens: int
    low_tokens: int
    high_tokens: int
    """The range in which the charge lies, as far as is known."""
    limit: AskedLimit
    certain: bool
    """False where only the upper end of the charge's band is too large."""
    without_output: int
    """What it would take with no output reserved."""


@dataclass(frozen=True, slots=True)
class Change:
    """Something to change and what it buys."""

    what: str
    per_minute: float
    factor: float


@dataclass(frozen=True, slots=True)
class Fit:
    """All of it."""

    shares: tuple[Share, ...]
    per_minute: float | None
    binding: AskedLimit | None
    minutes_for_all: float | None
    never_fits: tuple[NeverFits, ...]
    interval_s: float | None
    """Between the starts of two calls so that no limit is ever met, were each call the largest one."""
    changes: tuple[Change, ...]


_COSTS: Mapping[Dimension, Callable[[PromptEstimate], int]] = {
    Dimension.REQUESTS: lambda prompt: 1,
    Dimension.TOKENS: lambda prompt: prompt.charge.tokens,
    Dimension.INPUT_TOKENS: lambda prompt: prompt.charge.input_tokens,
    Dimension.OUTPUT_TOKENS: lambda prompt: prompt.charge.output_tokens,
    Dimension.IMAGES: lambda prompt: prompt.images,
    Dimension.CONCURRENCY: lambda prompt: 0,
}
"""What one prompt takes of a limit on a dimension."""


def _share(limit: AskedLimit, prompts: Sequence[PromptEstimate]) -> Share:
    costs = list(map(_COSTS[limit.dimension], prompts))
    total, largest = sum(costs), max(costs, default=0)
    minutes = limit.window_s / 60
    if limit.limit == 0:
        rate: float | None = 0.0 if total else None
        needed = float("inf") if total else 0.0
    else:
        rate = limit.limit / minutes / (total / len(prompts)) if total else None
        # A day's allowance is there at once; only what exceeds it has to wait. A minute's is counted as it refills.
        over = max(total - limit.limit, 0) if limit.window_s >= _DAY_S else total
        needed = over / limit.limit * minutes
    left = None
    if limit.remaining is not None:
        left = limit.remaining // largest if largest else None
    return Share(limit, total, largest, rate, needed, left)


def _slowest(shares: Sequence[Share], prompts: int) -> Share | None:
    """Return the share that binds; a day's limit does only where these prompts use it up, or nothing else is known."""
    counted = [each for each in shares if each.per_minute is not None]
    short = [each for each in counted if each.limit.window_s < _DAY_S or each.total > each.limit.limit]
    return min(short or counted, key=lambda each: each.per_minute or 0.0, default=None)


def _never(prompts: Sequence[PromptEstimate], limits: Sequence[AskedLimit]) -> tuple[NeverFits, ...]:
    found: list[NeverFits] = []
    for limit in limits:
        most, cost_of = limit.at_once, _COSTS[limit.dimension]
        if most and limit.dimension not in _TOKENS:
            continue  # one request is never too large for a limit on requests, unless that is 0
        for prompt in prompts:
            cost, charge = cost_of(prompt), prompt.charge
            # What is reserved for the output is known to the token: the doubt is all about the input.
            spared = charge.tokens - cost
            known = limit.dimension is Dimension.OUTPUT_TOKENS or limit.dimension not in _TOKENS
            low, high = (cost, cost) if known else (charge.low_tokens - spared, charge.high_tokens - spared)
            if high > most:
                bare = prompt.bare_tokens if limit.dimension in _TOKENS else cost
                found.append(NeverFits(prompt.source, cost, low, high, limit, low > most, bare))
    return tuple(found)


def _first(pair: tuple[float, AskedLimit]) -> float:
    return pair[0]


def fit(prompts: Sequence[PromptEstimate], limits: Sequence[AskedLimit]) -> Fit | None:
    """Hold ``prompts`` against ``limits``; ``None`` where one of the two is empty."""
    if not limits or not prompts:
        return None
    never = _never(prompts, limits)
    certain = {each.source for each in never if each.certain}
    passing = [prompt for prompt in prompts if prompt.source not in certain] if certain else prompts
    if not passing:
        shares = tuple(_share(limit, prompts) for limit in limits)
        return Fit(shares, 0.0, never[0].limit, None, never, None, ())
    shares = tuple(_share(limit, passing) for limit in limits)
    slowest = _slowest(shares, len(passing))
    if slowest is None or slowest.per_minute is None:
        return Fit(shares, None, None, None, never, None, ())
    intervals = [
        each.largest * each.limit.window_s / each.limit.limit
        for each in shares
        if each.limit.limit and (each.limit.window_s < _DAY_S or each is slowest)
    ]
    needed = max(each.minutes_for_all for each in shares)
    rate, binding = slowest.per_minute, slowest.limit
    for each in shares:
        # All of a day's allowance may go in one minute, but no more than that.
        if each.limit.window_s >= _DAY_S and each.per_minute is not None:
            rate, binding = min((rate, binding), (each.per_minute * each.limit.window_s / 60, each.limit), key=_first)
    return Fit(
        shares,
        rate,
        binding,
        None if needed == float("inf") else needed,
        never,
        max(intervals, default=None),
        _changes(passing, limits, slowest) if binding is slowest.limit else (),
    )


def _changes(
    prompts: Sequence[PromptEstimate],
    limits: Sequence[AskedLimit],
    slowest: Share,
) -> tuple[Change, ...]:
    now = slowest.per_minute or 0.0
    if not now:
        return ()
    found: list[Change] = []

    def add(what: str, prompts_now: Sequence[PromptEstimate], times: int = 1) -> None:
        if times == 1:
            better = _slowest([_share(limit, prompts_now) for limit in limits], len(prompts_now))
            rate = better.per_minute if better is not None else None
        else:
            rates = [
                each.per_minute * (times if each.limit.dimension is Dimension.REQUESTS else 1)
                for each in (_share(limit, prompts_now) for limit in limits)
                if each.per_minute is not None
            ]
            rate = min(rates, default=None)
        if rate is not None and rate > now * 1.05:  # less than five in a hundred is not worth a line
            found.append(Change(what, rate, rate / now))

    if slowest.limit.dimension in _TOKENS:
        reserved = max(prompt.max_output_tokens or 0 for prompt in prompts)
        for most in sorted({reserved // 2, 256}, reverse=True):
            if 0 < most < reserved:
                trimmed = [each.recharged(min(most, each.max_output_tokens or most)) for each in prompts]
                add(f"max_output_tokens {reserved:,} -> {most:,}", trimmed)
        if any(prompt.n > 1 for prompt in prompts):
            add(f"n {max(prompt.n for prompt in prompts)} -> 1", [each.single() for each in prompts])
    elif slowest.limit.dimension is Dimension.REQUESTS:
        for times in (2, 5, 10):
            if times <= len(prompts) or len(prompts) == 1:
                add(f"merging {times} prompts into one request", prompts, times)
    return tuple(found)
