"""From beliefs to findings: what was found, how sure, and the sentences with the numbers that say so.

Below ``REPORTED`` belief a field is ``None`` and the algorithm unknown; what was left over stands in the evidence.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from ratecheck.durations import NS_PER_S, human_s
from ratecheck.identify.belief import SNAP, Belief, Claim, Window
from ratecheck.identify.hypotheses import MOST_RESET_OFF, ROUND_S, USUAL_S, Hypothesis, Observation
from ratecheck.identify.sight import human_ms
from ratecheck.identify.weigh import REPORTED, counted, counts_wanted, rivalled, same, tested, turns
from ratecheck.model import Dimension

# A window that only the usual ones fit into is likely, not measured: it never reaches the confidence of a finding.
SNAPPED_CONFIDENCE = 0.85
# A refusal or admission that the best hypothesis did not foretell leaves this much of the confidence.
_PER_MISS = 0.7
# An amount that was counted once may be short by what somebody else took just then; a bucket on which others draw
# shows its refill less exactly. Either way a finding stays below the confidence of one that was seen twice.
_COUNTED_ONCE, _OTHERS_DRAW, _BLURRED, _ODD = 0.88, 0.88, 0.88, 0.88
# A window of fewer answers than this shows where it begins and ends too coarsely to be sure of, and one in which using
# up the amount takes more than this share leaves room for somebody else's requests in between.
_ANSWERS_IN_A_WINDOW, _BURST_IN_A_WINDOW = 8, 0.125


# Bursts that differ by less come to the same.
_SAME_BURST = 0.02


@dataclass(frozen=True, slots=True)
class LimiterFound:
    """One limiter, as far as it was found out. ``None`` is unknown."""

    dimension: Dimension
    algorithm: str
    """``token_bucket``, ``fixed_window``, ``sliding_log`` or ``unknown``."""
    limit: int | None
    window_s: float | None
    burst: int | None
    refill_per_s: float | None
    charges_rejected: bool | None
    confidence: float
    """0..1, of all that is stated here together; of an unknown algorithm nothing can be sure: it is not shown."""
    evidence: tuple[str, ...]
    quantised: bool = False
    """Enforced as an even pace: far fewer at once than the limit says."""
    announced: bool = True
    """False where no header shows this limit."""


def limiter_found(belief: Belief, dimension: Dimension, *, announced: bool, driven: bool) -> LimiterFound:
    """Return what a belief comes to. ``driven`` says that admissions and refusals bear it out, not numbers alone."""
    amount = _announced_amount(belief)
    claims = belief.claims()
    evidence = [*_counts(belief), *_pace(belief)]
    if not claims:
        evidence.append("nothing that is known fits all answers")
        return _unknown(dimension, amount, 0.0, evidence, announced)
    if announced and _still(belief):
        evidence.append("what is left of it never moved: nothing about it can be told")
        return _unknown(dimension, amount, 0.0, evidence, announced)
    first = claims[0]
    algorithm_share = sum(claim.share for claim in claims if claim.family.says == first.family.says)
    amount_share = sum(claim.share for claim in claims if claim.amount == first.amount)
    together = [claim for claim in claims if same(claim, first)]
    whole_share = sum(claim.share for claim in together)
    window = belief.window(first)
    doubt = _doubt(first.best, belief)
    evidence += _fit(first.best, belief)
    unsure = doubt * algorithm_share < REPORTED or not tested(belief, first) or rivalled(belief, first)
    if unsure or first.family.reports_as is None:
        evidence.append(_left_over(claims, belief))
        known = amount if amount is not None else first.amount if _bounded(belief, amount_share * doubt) else None
        confidence = doubt * amount_share if known is not None and amount is None else doubt * algorithm_share
        return _unknown(dimension, known, confidence, evidence, announced)
    window_s, confidence = None, doubt * min(algorithm_share, amount_share)
    if window.exact and whole_share * doubt >= REPORTED:
        window_s, confidence = _round_in(window, first), doubt * min(algorithm_share, amount_share, whole_share)
    elif (usual := _usual_in(window, 2.0 if amount is not None else 1.25)) is not None:
        window_s, confidence = usual, min(confidence, SNAPPED_CONFIDENCE)
        low, high = human_s(window.low_s), human_s(window.high_s)
        evidence.append(f"the window lies between {low} and {high}; {human_s(usual)} is the usual one in it")
    else:
        evidence.append(_window_unknown(window, first))
    evidence.append(_verdict(first, window_s, belief, driven))
    times = counted(belief, first)
    if amount is None and times < min(2, counts_wanted(first)):
        confidence *= _COUNTED_ONCE
        evidence.append(f"the {first.amount:,} were counted once: if somebody else drew just then, there are more")
    elif amount is None and not first.family.continuous and times < counts_wanted(first):
        confidence *= _COUNTED_ONCE
        evidence.append(f"the {first.amount:,} were counted {times} times: a client who draws steadily would not show")
    irregular = first.family.continuous and first.best.unlike > len(belief.history) // 4
    # A boundary on the clock stands whatever others take; a window told by resets alone may look as if they had.
    borne = len(belief.history) // 8 if first.family.phases else 1
    if first.best.foreign > (0 if first.family.continuous else borne) or irregular:
        confidence *= _OTHERS_DRAW
    if amount is None and not first.family.continuous and window_s not in (None, *ROUND_S):
        confidence *= _ODD
        evidence.append("nobody is known to configure such a window: somebody else's requests may have bent it")
    answer_s = median(seen.answered_ns - seen.sent_ns for seen in belief.history) / NS_PER_S
    if not first.family.continuous and first.window_s < _ANSWERS_IN_A_WINDOW * answer_s:
        confidence *= _BLURRED
        evidence.append("the answers take so long that fewer than eight fit into the window: it is not exact")
    if amount is None and not first.family.continuous and first.amount * answer_s > _BURST_IN_A_WINDOW * first.window_s:
        confidence *= _COUNTED_ONCE
        evidence.append("using it up took a good part of the window: somebody else may have drawn meanwhile")
    blur_s = max(seen.blur_ns for seen in belief.history) / NS_PER_S
    if amount is None and 4 * blur_s > first.window_s / first.amount:
        confidence *= _BLURRED
        evidence.append("the answers take about as long as the refill: what passed meanwhile is not exact")
    return _found(belief, dimension, first, window_s, confidence, tuple(evidence), announced, _charges(belief, first))


def _found(
    belief: Belief,
    dimension: Dimension,
    claim: Claim,
    window_s: float | None,
    confidence: float,
    evidence: tuple[str, ...],
    announced: bool,
    charges: bool | None,
) -> LimiterFound:
    burst = claim.best.limiter.largest
    if claim.family.name == "gcra":
        burst = _even_burst(claim.amount, belief.window(claim), window_s)
    continuous = claim.family.continuous
    return LimiterFound(
        dimension=dimension,
        algorithm=claim.family.reports_as or "unknown",
        limit=claim.amount,
        window_s=window_s,
        burst=burst,
        refill_per_s=claim.amount / window_s if continuous and window_s else None,
        charges_rejected=charges,
        confidence=round(min(confidence, 0.99), 3),
        evidence=evidence,
        quantised=claim.family.name == "gcra" or (claim.amount == 1 and belief.history[0].limit is None),
        announced=announced,
    )


def _unknown(
    dimension: Dimension, amount: int | None, confidence: float, evidence: Sequence[str], announced: bool
) -> LimiterFound:
    return LimiterFound(
        dimension, "unknown", amount, None, None, None, None, round(min(confidence, 0.89), 3), tuple(evidence),
        announced=announced,
    )  # fmt: skip


def never_refused(history: Sequence[Observation], dimension: Dimension) -> LimiterFound:
    """Return the finding of a server that neither announced nor enforced anything."""
    admitted = sum(seen.admitted is True for seen in history)
    span_ns = history[-1].answered_ns - history[0].sent_ns if history else 0
    if not admitted:
        return _unknown(dimension, None, 0.0, ("no request was admitted or refused",), announced=False)
    sentence = (
        f"{admitted} requests within {human_ms(span_ns)} were all admitted: a limit, if any, is above that"
        if admitted > 1
        else "one request was sent, and it was admitted"
    )
    return _unknown(dimension, None, 0.0, (sentence,), announced=False)


# --- windows ---------------------------------------------------------------------------------------------------------


def _round_in(window: Window, claim: Claim) -> float:
    """Return the one round window that the evidence allows; an unusual one only where it moves nothing else."""
    measured_s = math.sqrt(window.low_s * window.high_s)
    near = [each for each in ROUND_S if window.low_s * 0.995 <= each <= window.high_s * 1.005]
    if len(near) != 1 or abs(near[0] / measured_s - 1) > SNAP:
        return measured_s
    moves = claim.family.name == "gcra" and _in_a_second(claim.amount, near[0]) != _in_a_second(
        claim.amount, measured_s
    )
    return measured_s if moves and near[0] not in USUAL_S else float(near[0])


def _in_a_second(amount: int, window_s: float) -> int:
    """Return a second's share of the amount: what an even pace lets through at once."""
    return max(int(amount / window_s + 1e-9), 1)


def _even_burst(amount: int, window: Window, window_s: float | None) -> int | None:
    """Return what an even pace lets through at once; ``None`` where the windows still possible disagree about it."""
    if window_s is None:
        return None
    if window_s in USUAL_S:
        return _in_a_second(amount, window_s)
    most, least = _in_a_second(amount, window.low_s), _in_a_second(amount, window.high_s)
    return _in_a_second(amount, window_s) if most - least <= _SAME_BURST * least else None


def _usual_in(window: Window, within: float) -> float | None:
    """Return the one usual window that the evidence allows, where its bounds lie within this factor."""
    usual = [each for each in USUAL_S if window.low_s * 0.99 <= each <= window.high_s * 1.01]
    return float(usual[0]) if len(usual) == 1 and window.high_s < within * window.low_s else None


def _window_unknown(window: Window, claim: Claim) -> str:
    if window.high_s > 80_000 and claim.family.name == "fixed_window":
        return f"the window is {human_s(window.low_s)} or longer: its end was not waited for"
    return f"the window lies between {human_s(window.low_s)} and {human_s(window.high_s)}: not told more exactly"


# --- doubts ----------------------------------------------------------------------------------------------------------


def _doubt(best: Hypothesis, belief: Belief) -> float:
    """Return what is left of the confidence after what the best hypothesis did not foretell."""
    left = _PER_MISS ** (best.misses + best.more_left)
    readings = sum(seen.reset_s is not None for seen in belief.history)
    if best.reset_off >= min(max(2, readings // 4 + 1), MOST_RESET_OFF):
        left *= 0.8  # the numbers mean something else than the family's reset
    return left


def _still(belief: Belief) -> bool:
    """True where a limit whose charge only its own numbers show stood still."""
    unmoved = len({seen.remaining for seen in belief.history if seen.remaining is not None}) <= 1
    return unmoved and all(seen.units is None for seen in belief.history)


def _announced_amount(belief: Belief) -> int | None:
    return next((seen.limit for seen in reversed(belief.history) if seen.limit is not None), None)


def _bounded(belief: Belief, share: float) -> bool:
    return share >= REPORTED and turns(belief) >= 1


def _charges(belief: Belief, claim: Claim) -> bool | None:
    """Return whether refusals are charged, where the evidence tells: they must have been seen to move something."""
    mine = [
        (hypothesis.cell.charges, weight)
        for hypothesis, weight in zip(belief.alive, belief.weights(), strict=True)
        if hypothesis.cell.family.name == claim.family.name
    ]
    total = sum(weight for _, weight in mine)
    charged = sum(weight for charges, weight in mine if charges is True) / total
    if claim.family.charging == (None,):
        return None
    return True if charged >= 0.95 else False if charged <= 0.05 else None


# --- sentences -------------------------------------------------------------------------------------------------------


def _counts(belief: Belief) -> list[str]:
    history = belief.history
    first_refusal = next((i for i, seen in enumerate(history) if seen.admitted is False), None)
    if first_refusal is None:
        return []
    admitted = sum(seen.admitted is True for seen in history[:first_refusal])
    if not admitted:
        return ["the first request was refused"]
    span_ns = history[first_refusal].sent_ns - history[0].sent_ns
    return [f"{admitted} requests were admitted within {human_ms(span_ns)}, then one was refused"]


def _pace(belief: Belief) -> list[str]:
    """Say how many passed after each wait at the wall."""
    sentences = []
    told = [seen for seen in belief.history if seen.admitted is not None]
    for index in range(1, len(told)):
        if told[index].admitted and not told[index - 1].admitted:
            passed = 0
            while index + passed < len(told) and told[index + passed].admitted:
                passed += 1
            refused_s = told[index - 1].at_ns / NS_PER_S
            open_end = index + passed == len(told)
            sentences.append(
                f"refused at {refused_s:.1f} s, admitted at {told[index].at_ns / NS_PER_S:.1f} s: "
                f"{'at least ' if open_end else ''}{passed} passed"
            )
    return sentences[:4]


def _fit(best: Hypothesis, belief: Belief) -> list[str]:
    sentences = []
    readings = [seen for seen in belief.history if seen.reset_s is not None]
    if readings:
        right = len(readings) - best.reset_off
        most = "at most " if best.reset_off >= MOST_RESET_OFF else ""
        sentences.append(f"{most}{right} of {len(readings)} resets are what this limiter would state")
    if best.misses:
        sentences.append(f"{best.misses} of {len(belief.history)} answers came out otherwise than it would give them")
    return sentences


def _left_over(claims: Sequence[Claim], belief: Belief) -> str:
    shares: dict[str, float] = {}
    for claim in claims:
        shares[claim.family.title] = shares.get(claim.family.title, 0.0) + claim.share
    said = ", ".join(f"{title} {share:.0%}" for title, share in sorted(shares.items(), key=lambda pair: -pair[1])[:3])
    best = claims[0].best
    if best.misses or best.more_left:
        return f"no known limiter gives all of these answers; nearest: {said}"
    if not tested(belief, claims[0]):
        return f"too little was seen to tell (so far: {said})"
    return f"what the answers leave over: {said}"


def _verdict(claim: Claim, window_s: float | None, belief: Belief, driven: bool) -> str:
    how = "borne out by admissions and refusals" if driven else "from the headers alone, not driven to a refusal"
    foretold = sum(seen.admitted is not None for seen in belief.history) - claim.best.misses
    words = f"{claim.amount:,} in {human_s(window_s)}" if window_s else f"{claim.amount:,} in an unknown window"
    if claim.family.name == "gcra":
        words += ", let through at an even pace"
    if claim.family.anchored and belief.share(lambda each: each.cell.family.anchored) >= REPORTED:
        words += ", begun by the first request after the last one's end,"
    return f"a {claim.family.title.split(' with')[0]} of {words} gives {foretold} of these answers ({how})"
