"""Random limiters, what can be told about them at all, and the score of what was told: the proof of ``identify``.

``can_be_told`` asks only what the world is, never what the plan did or found.
"""

import math
import random
from collections import Counter
from dataclasses import dataclass, field

from limiter_world import Truth, World, run

from ratecheck.identify.findings import limiters_of
from ratecheck.identify.plan import Budget, Investigation
from ratecheck.identify.report import LimiterFound
from ratecheck.limiters import make
from ratecheck.model import Dimension, Limit

BUDGET = Budget(requests=60, tokens=None, wait_s=900.0, to_the_wall=True)
ALGORITHMS = ("token_bucket", "fixed_window", "first_use_window", "sliding_log", "quantised")
USUAL = (1.0, 10.0, 60.0, 3600.0, 86_400.0)
# A window is right within this share of the true one; below 50 an amount must be exact, above within 2 %.
WINDOW_RIGHT, AMOUNT_RIGHT = 0.05, 0.02
# What the proof holds.
RIGHT_AT_LEAST, WRONG_AT_MOST, SURE = 0.95, 0.01, 0.9


def random_truth(seed: int) -> Truth:
    """Return the limiter of a seed: every algorithm, amount, window, charging and noise, with and without headers."""
    draw = random.Random(seed)
    amount = round(math.exp(draw.uniform(math.log(2), math.log(10_000))))
    window_s = draw.choice(USUAL) if draw.random() < 0.5 else math.exp(draw.uniform(0.0, math.log(86_400)))
    headers = draw.random() < 0.5
    if not headers and draw.random() < 0.6:
        # Without headers most of the space is out of every budget's reach; more of the draws go where it is not.
        amount = draw.randint(2, 44)
        window_s = draw.choice(USUAL[:3]) if draw.random() < 0.5 else math.exp(draw.uniform(0.0, math.log(600)))
    return Truth(
        algorithm=draw.choice(ALGORITHMS),
        amount=amount,
        window_s=window_s,
        charges=draw.random() < 0.5,
        headers=headers,
        whole_seconds=draw.random() < 0.3,
        latency_s=math.exp(draw.uniform(math.log(0.02), math.log(0.4))),
        jitter=draw.choice((0.1, 0.3, 0.6)),
        fails=draw.choice((0.0, 0.0, 0.0, 0.03)),
        fails_charged=draw.random() < 0.5,
        others_per_s=draw.uniform(0.02, 0.3) * amount / window_s if draw.random() < 0.2 else 0.0,
        start_s=draw.uniform(1e6, 2e6),
    )


def burst_of(truth: Truth) -> int:
    """Return what the limiter admits at once."""
    level, _ = limiter_of(truth).level(0)
    return level


def limiter_of(truth: Truth):  # type: ignore[no-untyped-def]
    """Return the true limiter, full."""
    return make(truth.algorithm, Limit(Dimension.REQUESTS, truth.amount, round(truth.window_s * 1e9)))


def can_be_told(truth: Truth, budget: Budget = BUDGET) -> bool:
    """Return whether algorithm, amount and window follow from anything that this budget can see.

    Four things put a limiter out of reach: a turn that lies beyond the waiting allowed; an amount that cannot be used
    up within the requests or against its own refill (where no header counts it); instants or resets too coarse for the
    window; and, without headers, somebody else who draws: their requests cannot be told from a smaller limit.
    """
    burst, latency_s, step_s = burst_of(truth), truth.latency_s, 1.0 if truth.whole_seconds else 0.001
    bucket = truth.algorithm in ("token_bucket", "quantised")
    refills_in_s = truth.window_s / truth.amount
    # How far off the instant of a decision may be.
    blur_s = latency_s * (1 + truth.jitter) / 2
    if truth.headers:
        if burst == 1 and 2.5 * refills_in_s > budget.wait_s:
            return False  # "0 left" after one request: others may have used it up, unless two turns are seen
        if truth.others_per_s and 12 * latency_s > truth.window_s:
            return False  # what a stranger takes between two looks hides what came back
        if bucket:
            # Unless it refills between two requests, up to a dozen of them add up to a longer and so more exact reset.
            used = min(12, burst) if refills_in_s > latency_s else 1
            off_s = step_s + (blur_s if used > 1 else 0.0)
            return off_s <= WINDOW_RIGHT * used * refills_in_s
        if truth.algorithm == "sliding_log":
            # Its resets are the window itself: of whole seconds they look rounded to whole seconds.
            step_s = 1.0 if truth.window_s == int(truth.window_s) else step_s
            return step_s <= WINDOW_RIGHT * truth.window_s and 2 * latency_s <= truth.window_s
        gone_s = truth.start_s % truth.window_s if truth.algorithm == "fixed_window" else 0.0
        to_boundary_s = truth.window_s - gone_s
        return step_s + 2 * blur_s <= WINDOW_RIGHT * truth.window_s and to_boundary_s + 60 <= budget.wait_s
    if truth.others_per_s or truth.fails:
        return False
    if bucket:
        return (
            burst + 18 <= budget.requests
            and 12 * refills_in_s <= budget.wait_s
            and 4 * (latency_s + blur_s) <= refills_in_s
        )
    return (
        # Three turns: one to find the first boundary, one for the window, one to be exact.
        3 * truth.amount + 18 <= budget.requests
        and 6 * truth.window_s <= budget.wait_s
        and 4 * truth.amount * latency_s <= truth.window_s
        and 2 * blur_s <= WINDOW_RIGHT * truth.window_s
    )


def right(truth: Truth, found: LimiterFound) -> bool:
    """Return whether all that is stated is there and true."""
    return found.algorithm != "unknown" and None not in (found.limit, found.window_s) and not wrong(truth, found)


def wrong(truth: Truth, found: LimiterFound) -> bool:
    """Return whether anything that is stated is false; unknown is never wrong."""
    bucket = truth.algorithm in ("token_bucket", "quantised")
    burst = burst_of(truth)
    # Without headers a bucket shows its burst and its refill and nothing else: 60 a minute one by one is 1 a second.
    amount = truth.amount if truth.headers or not bucket else burst
    window_s = truth.window_s * amount / truth.amount
    names = {"quantised": "token_bucket", "first_use_window": "fixed_window"}
    return (
        found.algorithm not in ("unknown", names.get(truth.algorithm, truth.algorithm))
        or (found.limit is not None and abs(found.limit - amount) > AMOUNT_RIGHT * amount)
        or (found.window_s is not None and abs(found.window_s / window_s - 1) > WINDOW_RIGHT)
        or (found.algorithm == "token_bucket" and bucket and abs((found.burst or burst) - burst) > AMOUNT_RIGHT * burst)
    )


@dataclass
class Score:
    """What came out over many limiters."""

    total: int = 0
    told: int = 0
    told_right: int = 0
    sure: int = 0
    sure_wrong: int = 0
    over_budget: int = 0
    confusion: Counter[tuple[str, bool, str]] = field(default_factory=Counter)
    requests: dict[tuple[str, bool], list[int]] = field(default_factory=dict)
    waits: dict[tuple[str, bool], list[float]] = field(default_factory=dict)
    missed: list[int] = field(default_factory=list)
    wrong_seeds: list[int] = field(default_factory=list)

    def add(self, seed: int) -> None:
        """Investigate the limiter of a seed."""
        truth = random_truth(seed)
        world = World(truth, seed)
        investigation = run(world, BUDGET)
        found = main_finding(investigation)
        self.total += 1
        self.over_budget += world.sent > BUDGET.requests or world.waited_ns > BUDGET.wait_s * 1e9 + 1
        key = truth.algorithm, truth.headers
        self.requests.setdefault(key, []).append(world.sent)
        self.waits.setdefault(key, []).append(world.waited_ns / 1e9)
        said = "right" if right(truth, found) else "wrong" if wrong(truth, found) else "unknown"
        if said == "wrong" and found.algorithm != "unknown":
            said = f"wrong: {found.algorithm}"
        if can_be_told(truth):
            self.told += 1
            self.told_right += said == "right"
            self.confusion[(*key, said)] += 1
            if said != "right":
                self.missed.append(seed)
        else:
            self.confusion[(*key, f"({said})")] += 1
        if found.confidence >= SURE:
            self.sure += 1
            if wrong(truth, found):
                self.sure_wrong += 1
                self.wrong_seeds.append(seed)

    def merge(self, other: "Score") -> None:
        """Add what another score counted."""
        for name in ("total", "told", "told_right", "sure", "sure_wrong", "over_budget"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.confusion.update(other.confusion)
        self.missed += other.missed
        self.wrong_seeds += other.wrong_seeds
        for mine, theirs in ((self.requests, other.requests), (self.waits, other.waits)):
            for key, values in theirs.items():
                mine.setdefault(key, []).extend(values)  # type: ignore[attr-defined]


def score_of(seeds: range) -> Score:
    """Investigate the limiters of these seeds."""
    score = Score()
    for seed in seeds:
        score.add(seed)
    return score


def main_finding(investigation: Investigation) -> LimiterFound:
    """Return the finding about requests."""
    return limiters_of(investigation)[0]


def table(score: Score) -> str:
    """Return the confusion table and what it cost, as text."""
    lines = [
        f"limiters {score.total}, can be told {score.told}, of these right {score.told_right} "
        f"({score.told_right / max(score.told, 1):.1%})",
        f"stated with confidence >= {SURE}: {score.sure}, wrong among them {score.sure_wrong} "
        f"({score.sure_wrong / max(score.sure, 1):.2%} of them, {score.sure_wrong / max(score.total, 1):.2%} of all)",
        f"over the budget: {score.over_budget}",
        "",
        f"{'truth':<18}{'headers':<9}{'came out':<22}{'limiters':>9}   (in brackets: cannot be told)",
    ]
    for (algorithm, headers, said), count in sorted(score.confusion.items()):
        lines.append(f"{algorithm:<18}{'yes' if headers else 'no':<9}{said:<22}{count:>9}")
    lines += ["", f"{'truth':<18}{'headers':<9}{'requests p50':>13}{'p95':>5}{'max':>5}{'waited p50 s':>14}{'p95':>7}"]
    for key in sorted(score.requests):
        sent, waited = sorted(score.requests[key]), sorted(score.waits[key])
        half, most = len(sent) // 2, len(sent) * 95 // 100
        name = f"{key[0]:<18}{'yes' if key[1] else 'no':<9}"
        lines.append(f"{name}{sent[half]:>13}{sent[most]:>5}{sent[-1]:>5}{waited[half]:>14.1f}{waited[most]:>7.0f}")
    return "\n".join(lines)
