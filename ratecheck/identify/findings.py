"""All that an investigation found out, at whatever point it stopped: the report behind ``ratecheck probe``."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ratecheck.durations import NS_PER_S, human_s
from ratecheck.identify.belief import Belief
from ratecheck.identify.clocks import clock_findings
from ratecheck.identify.plan import RESERVED_TOKENS, Budget, Investigation
from ratecheck.identify.report import SNAPPED_CONFIDENCE, LimiterFound, limiter_found, never_refused
from ratecheck.identify.sight import Sight, Track
from ratecheck.identify.weigh import REPORTED
from ratecheck.model import Diagnosis, Dimension, Severity
from ratecheck.wording import units

# A charge is believed to hold the output that was asked for from six tenths of it on: some charge the larger of prompt
# and output instead of the sum. Below two tenths it does not.
_HELD, _NOT_HELD = 0.6, 0.2
# Draws that are nobody's until so many were seen: a 500 may have been charged, a remainder may be a moment old.
_OTHERS_FROM = 3
_IN_USE_CONFIDENCE = 0.5


@dataclass(frozen=True, slots=True)
class ProbeReport:
    """What ``ratecheck probe`` found out. ``None`` is unknown."""

    budget: Budget
    stopped: str
    """``identified``, ``budget``, ``limited``, ``error`` or ``interrupted``."""
    requests_spent: int
    tokens_spent: int
    waited_s: float
    limiters: tuple[LimiterFound, ...]
    reserves_max_tokens: bool | None
    gives_back_max_tokens: bool | None
    keys_share_quota: bool | None
    reset_true: bool | None
    """Whether the announced resets are what the limiter then did."""
    retry_after_true: bool | None
    other_client: bool | None
    diagnoses: tuple[Diagnosis, ...]
    sights: tuple[Sight, ...]
    fatal: str | None = None
    second_key: bool = False
    """A second key was given: whether the two share a limit is a question."""

    @property
    def refused(self) -> bool:
        """True when a request ran into a limit."""
        return any(sight.admitted is False for sight in self.sights)


def report_of(investigation: Investigation) -> ProbeReport:
    """Return what is known now; nothing is asked any more."""
    limiters = limiters_of(investigation)
    reserves, gives_back, reservation = _reservation(investigation)
    sharing, keys = _sharing(investigation)
    reset_true, retry_true, truth = _truth(investigation)
    other_client, others = _others(investigation)
    diagnoses = (
        *_hidden(investigation, limiters),
        *others,
        *_changed(investigation),
        *truth,
        *clock_findings(investigation),
        *_charged(limiters),
        *reservation,
        *keys,
        *_nothing(investigation, limiters),
    )
    return ProbeReport(
        budget=investigation.budget,
        stopped=investigation.stopped,
        requests_spent=len(investigation.sights),
        tokens_spent=investigation.tokens_spent,
        waited_s=investigation.waited_ns / NS_PER_S,
        limiters=limiters,
        reserves_max_tokens=reserves,
        gives_back_max_tokens=gives_back,
        keys_share_quota=sharing,
        reset_true=reset_true,
        retry_after_true=retry_true,
        other_client=other_client,
        diagnoses=diagnoses,
        sights=tuple(investigation.sights),
        fatal=investigation.fatal,
        second_key=investigation.second_key,
    )


def limiters_of(investigation: Investigation) -> tuple[LimiterFound, ...]:
    """Return every limiter found, the one on requests that is enforced first in front."""
    found: list[LimiterFound] = []
    if investigation.enforced is not None:
        found.append(limiter_found(investigation.enforced, Dimension.REQUESTS, announced=False, driven=True))
    others = {track: belief for track, belief in investigation.tracks.items() if belief is not investigation.main}
    if investigation.enforced is None and investigation.main is not None:
        track = next(track for track, belief in investigation.tracks.items() if belief is investigation.main)
        found.append(_announced(investigation, investigation.main, track))
    found += [_announced(investigation, belief, track) for track, belief in others.items()]
    mine = [sight.observation(None) for sight in investigation.sights if sight.key == 0]
    if not any(each.dimension is Dimension.REQUESTS for each in found) and mine:
        found.insert(0, never_refused(mine, Dimension.REQUESTS))
    return tuple(_sobered(each, investigation) for each in found)


def _announced(investigation: Investigation, belief: Belief, track: Track) -> LimiterFound:
    driven = any(seen.admitted is False and seen.units == 1 for seen in belief.history)
    found = limiter_found(belief, track.dimension, announced=True, driven=driven)
    if found.window_s is not None and found.confidence >= REPORTED:
        return found
    reading = next(
        (mine for sight in reversed(investigation.sights) if (mine := sight.reading(track)) is not None), None
    )
    if reading is None or reading.window_s is None or "arithmetic" in (reading.window_from or ""):
        return found
    # Not measured, but said: by the header's own name, or by the provider's documentation.
    source = reading.window_from or "server"
    said = f"the window of {human_s(reading.window_s)} is what the {source} says; it was not measured exactly"
    return replace(
        found,
        window_s=reading.window_s,
        confidence=min(found.confidence, SNAPPED_CONFIDENCE),
        evidence=(*found.evidence, said),
    )


def _sobered(found: LimiterFound, investigation: Investigation) -> LimiterFound:
    """Take confidence from an amount counted from an unknown start: admissions alone cannot see what was in use."""
    if found.announced or found.limit is None:
        return found
    evidence = found.evidence
    if investigation.sights[0].admitted is False:
        # In use when the search began, and perhaps still: what was counted is a lower bound.
        evidence = (*evidence, "the first request was refused: the limit was in use, so it may be larger")
        confidence = min(found.confidence, _IN_USE_CONFIDENCE)
        return replace(
            found, algorithm="unknown", limit=None, window_s=None, burst=None, refill_per_s=None,
            confidence=confidence, evidence=evidence,
        )  # fmt: skip
    if found.algorithm == "token_bucket":
        evidence = (*evidence, "counted from the first request on: whatever was in use before it would come on top")
    return replace(found, evidence=evidence, confidence=round(found.confidence * 0.9**investigation.restarts, 3))


# --- the other questions ---------------------------------------------------------------------------------------------


def _hidden(investigation: Investigation, limiters: Sequence[LimiterFound]) -> list[Diagnosis]:
    announced = [each for each in limiters if each.announced and each.dimension is Dimension.REQUESTS]
    hidden = [each for each in limiters if not each.announced and each.dimension is Dimension.REQUESTS]
    if investigation.enforced is None or not announced or not hidden:
        return []
    left = next(
        (
            limit.remaining
            for sight in investigation.sights
            if sight.admitted is False
            for limit in sight.limits
            if limit.dimension is Dimension.REQUESTS and limit.remaining
        ),
        None,
    )
    said = f" while the headers still said {left:,} left" if left is not None else ""
    return [
        Diagnosis(
            "RC501", Severity.BAD, f"A limit that no header shows refused a request{said}.", hidden[0].evidence[:2]
        )
    ]


def _others(investigation: Investigation) -> tuple[bool | None, list[Diagnosis]]:
    """Return whether somebody else draws on the limit: more is gone than was asked for."""
    announced = [belief for track, belief in investigation.tracks.items() if track.dimension is Dimension.REQUESTS]
    drawn = max(
        (belief.claims()[0].best.foreign for belief in announced if belief.claims() and _shown(belief) > 2),
        default=0,
    )
    if drawn >= _OTHERS_FROM:
        sent = len(investigation.sights)
        says = f"Somebody else draws on the same limit: at least {drawn:,} requests besides the {sent:,} sent here."
        return True, [Diagnosis("RC502", Severity.WARN, says)]
    readings = sum(seen.remaining is not None for belief in announced for seen in belief.history)
    return (False if readings >= 4 and drawn == 0 else None), []


def _shown(belief: Belief) -> int:
    """Return on how many admitted answers a limit showed: numbers that stand on refusals alone count nothing."""
    return sum(seen.admitted is True and seen.remaining is not None for seen in belief.history)


def _changed(investigation: Investigation) -> list[Diagnosis]:
    return [
        Diagnosis(
            "RC505",
            Severity.WARN,
            f"The limit on {units(track.dimension)} changed from {before:,} to {after:,} at request {number}.",
        )
        for track, before, after, number in investigation.changed[:4]
    ]


def _truth(investigation: Investigation) -> tuple[bool | None, bool | None, list[Diagnosis]]:
    """Return whether resets and retry-after tell the truth, as far as the plan went to see."""
    diagnoses: list[Diagnosis] = []
    reset_true: bool | None = None
    main = investigation.main if investigation.enforced is None else None
    claims = main.claims() if main is not None else []
    if main is not None and claims:
        readings = sum(seen.reset_s is not None for seen in main.history)
        off = claims[0].best.reset_off
        if readings >= 3 and off <= 1:
            reset_true = True
        elif readings >= 4 and off > readings // 2:
            reset_true = False
            says = f"{off} of {readings} resets do not fit what the limit then did: do not wait by them."
            diagnoses.append(Diagnosis("RC503", Severity.WARN, says))
    retry_true, sentence = _retry_after(investigation.sights)
    if retry_true is False:
        diagnoses.append(Diagnosis("RC504", Severity.WARN, sentence))
    return reset_true, retry_true, diagnoses


def _retry_after(sights: Sequence[Sight]) -> tuple[bool | None, str]:
    told: bool | None = None
    for index, sight in enumerate(sights[:-1]):
        following = sights[index + 1]
        if sight.admitted is not False or sight.retry_after_s is None or following.key != sight.key:
            continue
        waited_s = (following.sent_ns - sight.answered_ns) / NS_PER_S
        if following.admitted is False and waited_s > sight.retry_after_s:
            stated, waited = human_s(sight.retry_after_s), human_s(waited_s)
            return False, f"Retry-after said {stated}; a request after {waited} was refused again."
        # A second of rounding is no lie; being told to wait twice as long as needed is.
        if following.admitted and waited_s + 1.0 < sight.retry_after_s / 2:
            stated, waited = human_s(sight.retry_after_s), human_s(waited_s)
            return False, f"Retry-after said {stated}; a request after {waited} passed."
        if following.admitted and waited_s >= sight.retry_after_s:
            told = True
    return told, ""


def _charged(limiters: Sequence[LimiterFound]) -> list[Diagnosis]:
    if any(each.charges_rejected for each in limiters):
        says = "Refused requests are charged too: knocking on keeps the door shut."
        return [Diagnosis("RC506", Severity.WARN, says)]
    return []


def _reservation(investigation: Investigation) -> tuple[bool | None, bool | None, list[Diagnosis]]:
    """Compare what the token limit lost to a request for much output with what it lost to a tiny one."""
    sights = investigation.reservation
    tracks = [track for track in investigation.tracks if track.dimension in (Dimension.OUTPUT_TOKENS, Dimension.TOKENS)]
    if len(sights) < 3 or not all(sight.admitted for sight in sights) or not tracks:
        return None, None, []
    before = investigation.sights[investigation.sights.index(sights[0]) - 1]
    answers = [before, *sights]
    for track in tracks:
        charges = [_charge(investigation, track, answers[i], answers[i + 1]) for i in range(3)]
        if None in charges:
            continue
        small, large, after = (charge for charge in charges if charge is not None)
        asked = RESERVED_TOKENS - 1
        extra = large - small
        if extra <= _NOT_HELD * asked:
            return False, None, []
        if extra < _HELD * asked:
            return None, None, []
        made = sights[1].output_tokens
        back: bool | None = None
        if made is not None and made < asked / 2:
            # What came back beyond the refill shows as a charge that is too small by what was not produced.
            returned = small - after
            back = True if returned >= _HELD * (asked - made) else False if returned <= _NOT_HELD * asked else None
        says = (
            f"The output that is asked for is reserved up front: {RESERVED_TOKENS} output tokens took {large:,.0f} "
            f"{units(track.dimension)}, 1 took {small:,.0f}"
        )
        if back is not None:
            says += "; what is not produced is given back" if back else "; what is not produced is not given back"
        says += "."
        return True, back, [Diagnosis("RC507", Severity.WARN, says)]
    return None, None, []


def _charge(investigation: Investigation, track: Track, one: Sight, other: Sight) -> float | None:
    """Return what ``other`` took from a token limit, its refill since ``one`` counted in; ``None`` where unknown."""
    first, second = one.reading(track), other.reading(track)
    if first is None or second is None or first.remaining is None or second.remaining is None or second.limit is None:
        return None
    if second.remaining % 1000 == 0 and first.remaining % 1000 == 0 and second.limit % 1000 == 0:
        return None  # rounded to thousands: a small charge does not show
    gone_s = (other.sent_ns - one.sent_ns) / NS_PER_S
    refilled = min(second.limit, first.remaining + gone_s * _refill_per_s(investigation.tracks[track], second.limit))
    return refilled - second.remaining


def _refill_per_s(belief: Belief, limit: int) -> float:
    claims = belief.claims()
    if not claims or not claims[0].family.continuous:
        return 0.0
    return limit / claims[0].window_s


def _sharing(investigation: Investigation) -> tuple[bool | None, list[Diagnosis]]:
    """Return whether two keys draw on one limit."""
    sights = investigation.sharing
    if len(sights) == 3:
        verdict = _sharing_at_the_wall(sights)
    elif len(sights) == 4 and all(sight.admitted for sight in sights):
        verdict = _sharing_by_numbers(investigation, sights)
    else:
        verdict = None
    if verdict is None:
        return None, []
    says = "Both keys draw on one limit: a second key adds nothing." if verdict else "Each key has a limit of its own."
    return verdict, [Diagnosis("RC508", Severity.NOTE, says)]


def _sharing_at_the_wall(sights: Sequence[Sight]) -> bool | None:
    if sights[2].admitted is not False:
        return None  # the wall was gone before the second key had its say
    if sights[0].admitted and sights[1].admitted:
        return False
    return True if sights[0].admitted is False and sights[1].admitted is False else None


def _sharing_by_numbers(investigation: Investigation, sights: Sequence[Sight]) -> bool | None:
    for track, belief in investigation.tracks.items():
        first, last = sights[0].reading(track), sights[3].reading(track)
        if track.dimension is not Dimension.REQUESTS or first is None or last is None:
            continue
        if first.remaining is None or last.remaining is None or last.limit is None:
            continue
        gone_s = (sights[3].sent_ns - sights[0].sent_ns) / NS_PER_S
        refilled = gone_s * _refill_per_s(belief, last.limit)
        drawn = first.remaining + refilled - last.remaining
        # Shared: the first key's request and two of the second's are gone; else one. The refill must not blur that.
        if refilled > 1 or first.remaining + refilled > last.limit:
            continue
        if 2.5 <= drawn <= 4.0:
            return True
        if 0.0 <= drawn <= 1.5:
            return False
    return None


def _nothing(investigation: Investigation, limiters: Sequence[LimiterFound]) -> list[Diagnosis]:
    requests = [each for each in limiters if each.dimension is Dimension.REQUESTS]
    if not investigation.sights or not requests:
        return []
    first = requests[0]
    refused = any(sight.admitted is False for sight in investigation.sights)
    if not refused and first.limit is None and any(sight.admitted for sight in investigation.sights):
        return [Diagnosis("RC509", Severity.NOTE, "Nothing was announced and nothing was refused.", first.evidence)]
    if refused and first.algorithm == "unknown" and "no known limiter" in " ".join(first.evidence):
        return [Diagnosis("RC510", Severity.WARN, "The refusals follow no limiter that is known here.", first.evidence)]
    return []
