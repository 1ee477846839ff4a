"""Which question parts belief best, and when is a belief good enough: arithmetic over hypotheses and their weights."""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import accumulate, pairwise

from ratecheck.identify.belief import PRECISE, Belief, Claim
from ratecheck.identify.hypotheses import Hypothesis
from ratecheck.identify.sight import Sight

# A finding is reported from this confidence on; the plan tries to get a little further.
REPORTED, SURE = 0.9, 0.97
# How much less likely the answers are under every other algorithm before one is named: one clear contradiction.
CONTRADICTED = 3.0
# So few can be counted five times within a usual budget.
_SMALL = 6


def settled(belief: Belief) -> bool:
    """True where one algorithm, amount and window is believed, exact enough, and was tested."""
    claims = belief.claims()
    if not claims or claims[0].family.reports_as is None:
        return False
    first = claims[0]
    share = sum(claim.share for claim in claims if same(claim, first))
    return share >= SURE and belief.window(first).exact and tested(belief, first) and not rivalled(belief, first)


def rivalled(belief: Belief, claim: Claim) -> bool:
    """True where another algorithm gives the answers about as well, and only what is usual speaks against it.

    Belief before the first answer orders the questions. It is no finding: some answer must have contradicted the rest.
    """
    # Without numbers the turns between admitted and refused have to speak for it: see ``tested``.
    numbers = any(seen.remaining is not None for seen in belief.history)
    return numbers and any(rival.cell.family.says != claim.family.says for rival, _ in rivals(belief))


def rivals(belief: Belief) -> list[tuple[Hypothesis, float]]:
    """Return the best hypothesis of each algorithm that no answer has contradicted, none more likely than another."""
    best: dict[tuple[str | None, bool], tuple[float, Hypothesis]] = {}
    for hypothesis in belief.alive:
        fit, says = hypothesis.score - hypothesis.cell.log_prior, hypothesis.cell.family.says
        if says not in best or best[says][0] < fit:
            best[says] = fit, hypothesis
    most = max((fit for fit, _ in best.values()), default=0.0)
    left = [hypothesis for fit, hypothesis in best.values() if fit > most - CONTRADICTED]
    return [(hypothesis, 1 / len(left)) for hypothesis in left]


def same(one: Claim, other: Claim) -> bool:
    """True where two claims come to the same report."""
    return (
        one.family.says == other.family.says
        and one.amount == other.amount
        and abs(one.window_s / other.window_s - 1) <= PRECISE
    )


def tested(belief: Belief, claim: Claim) -> bool:
    """True where the claim foretold enough that could have come out otherwise.

    From numbers: three readings. From admissions alone: two turns from refused to admitted, and two back.
    """
    readings = sum(seen.remaining is not None for seen in belief.history)
    if readings >= 3:
        return True
    return turns(belief) >= 2


def counted(belief: Belief, claim: Claim) -> int:
    """Return how often the whole amount was used up in one go, from the first request to the refusal."""
    runs, length, last_ns = 0, 0, 0
    for seen in belief.history:
        # What a bucket passed while it refilled counts its pace, not its size.
        at_once = not claim.family.continuous or seen.sent_ns - last_ns <= 2 * seen.blur_ns
        last_ns = seen.answered_ns
        if seen.admitted is False:
            runs += length >= claim.amount
            length = 0
        elif seen.admitted:
            length = length + 1 if at_once else 1
    return runs


def counts_wanted(claim: Claim) -> int:
    """Return how often the whole amount is counted before it is believed: small amounts often, they cost little.

    Of a stranger's draws a small number repeats by chance sooner than a large one.
    """
    return 5 if claim.amount <= _SMALL and not claim.family.continuous else 3


def turns(belief: Belief) -> int:
    """Return how often the limit was seen to turn both ways: from admitted to refused and back."""
    told = [seen.admitted for seen in belief.history if seen.admitted is not None]
    ups = sum(after and not before for before, after in pairwise(told))
    downs = sum(before and not after for before, after in pairwise(told))
    return min(ups, downs)


def turned(belief: Belief) -> bool:
    """True once a request passed after a refusal."""
    return turns(belief) > 0


def at_half(ready: Sequence[tuple[int, float]]) -> int:
    """Return the wait within which half of this belief lets the next request pass."""
    reached = [*accumulate(weight for _, weight in ready)]
    return ready[bisect_left(reached, reached[-1] / 2)][0]


def cut(ready: Sequence[tuple[int, float]], wanted: float, blur_ns: int) -> int:
    """Return the wait that parts this belief best: the share ``wanted`` before, as little as possible in the blur."""
    waits = [wait_ns for wait_ns, _ in ready]
    total = sum(weight for _, weight in ready)
    sums = [0.0, *accumulate(weight / total for _, weight in ready)]

    def cost(wait_ns: int) -> float:
        before = sums[bisect_right(waits, wait_ns - blur_ns)]
        after = sums[-1] - sums[bisect_right(waits, wait_ns + blur_ns)]
        unsure = sums[-1] - before - after
        # All on one side is no question at all, only a way to get on.
        return abs(before + unsure / 2 - wanted) + unsure / 2 + (0.3 if min(before, after) < 0.02 else 0.0)

    candidates = {(one + other) // 2 for one, other in pairwise(waits)} | {waits[-1] + 2 * blur_ns}
    return min(sorted(candidates), key=cost)


def refused(belief: Belief) -> bool:
    return any(seen.admitted is False for seen in belief.history)


def last_share(belief: Belief) -> float:
    last = next((seen for seen in reversed(belief.history) if seen.remaining is not None), None)
    return 1.0 if last is None or not last.limit else (last.remaining or 0) / last.limit


def in_a_row(sights: Sequence[Sight], admitted: bool | None) -> int:
    count = 0
    for sight in reversed(sights):
        if sight.admitted is not admitted:
            break
        count += 1
    return count


def representatives(belief: Belief) -> list[tuple[Hypothesis, float]]:
    """Return the heaviest hypothesis of each family, charging and window, at most 24 of them."""
    chosen: dict[tuple[str, bool | None, int], tuple[Hypothesis, float]] = {}
    for hypothesis, weight in zip(belief.alive, belief.weights(), strict=True):
        key = (hypothesis.cell.family.name, hypothesis.cell.charges, round(math.log(hypothesis.cell.window_ns) * 12))
        held = chosen.get(key)
        if held is None or held[1] < weight:
            chosen[key] = (hypothesis, weight + (held[1] if held else 0.0))
        else:
            chosen[key] = (held[0], held[1] + weight)
    return sorted(chosen.values(), key=lambda pair: -pair[1])[:24]


def gain(shown: Sequence[tuple[Hypothesis, float]], at_ns: int, blur_ns: int, step_ns: int) -> float:
    """Return how likely two hypotheses, drawn by weight, foretell answers that can be told apart."""
    told = [(weight, *foretold(hypothesis, at_ns)) for hypothesis, weight in shown]
    gain = 0.0
    for index, (weight, left, full_ns, slack) in enumerate(told):
        for other_weight, other_left, other_full_ns, other_slack in told[index + 1 :]:
            apart = abs(left - other_left) > 1 + max(slack, other_slack) or (
                abs(full_ns - other_full_ns) > 2 * step_ns + 2 * blur_ns + 0.03 * max(abs(full_ns), abs(other_full_ns))
            )
            gain += weight * other_weight * apart
    return gain


def foretold(hypothesis: Hypothesis, at_ns: int) -> tuple[int, int, int]:
    """Return what an answer at ``at_ns`` would say: units left, change of the reset, how many units that may be off."""
    cell = hypothesis.cell
    left, full_ns = hypothesis.level(at_ns)
    slack = hypothesis.slack_ns(at_ns) * cell.amount // cell.window_ns if cell.family.continuous else 0
    before_ns = hypothesis.last_full_ns or 0
    if hypothesis.wait_ns(at_ns) > 0:
        return left, full_ns - before_ns, slack
    match cell.family.name:
        case "sliding_log":
            full_ns = cell.window_ns
        case "first_use_window":
            full_ns = full_ns or cell.window_ns
        case "fixed_window":
            full_ns = cell.window_ns - (at_ns - cell.phase_ns) % cell.window_ns
        case "sliding_counter":
            full_ns = 2 * cell.window_ns - (at_ns - cell.phase_ns) % cell.window_ns
        case _:
            full_ns += cell.window_ns // cell.amount
    return left - 1, full_ns - before_ns, slack
