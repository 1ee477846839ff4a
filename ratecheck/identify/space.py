"""Everything that a limit might be before the first request, or after the first refusal: the first cells."""

import math

from ratecheck.durations import NS_PER_S
from ratecheck.identify.hypotheses import (
    COARSE,
    FAMILIES,
    LONGEST_S,
    ROUND_S,
    SHORTEST_ANNOUNCED_S,
    SHORTEST_S,
    USUAL_S,
    Cell,
    Family,
    Observation,
)  # fmt: skip


def _windows() -> list[tuple[int, float]]:
    """Cells' middles in nanoseconds and the log of their weight."""
    half = (COARSE - 1) / (COARSE + 1)
    cells: list[tuple[int, float]] = []
    window_s = SHORTEST_S
    while window_s < LONGEST_S:
        low, high = window_s * (1 - half), window_s * (1 + half)
        weight = 1.0
        weight += 2.0 * sum(low <= each < high for each in ROUND_S)
        weight += 6.0 * sum(low <= each < high for each in USUAL_S)
        cells.append((round(window_s * NS_PER_S), weight))
        window_s *= COARSE
    total = sum(weight for _, weight in cells)
    return [(window_ns, math.log(weight / total)) for window_ns, weight in cells]


WINDOWS = _windows()
HALF = (COARSE - 1) / (COARSE + 1)


# Window, half its cell, phase, half its cell, log weight.
_Told = tuple[int, float, int, int, float]


def announced(first: Observation) -> list[Cell]:
    """Return every hypothesis about a limit whose amount the server states in its first answer.

    Where that answer has a reset, each family says what window (or phase) would make it so: those cells weigh most.
    The coarse ones stay beside them, for a reset that means something else.
    """
    assert first.limit is not None
    cells: list[Cell] = []
    for family in FAMILIES:
        told = [cell for cell in _told(family, first) if cell[0] > SHORTEST_ANNOUNCED_S * NS_PER_S]
        coarse: list[_Told] = [
            (window_ns, HALF, phase_ns, half_ns, log_prior - math.log(max(family.phases, 1)))
            for window_ns, log_prior in WINDOWS
            if window_ns > SHORTEST_ANNOUNCED_S * NS_PER_S
            for phase_ns, half_ns in _phases(family, window_ns, 0)
        ]
        if told:
            coarse = [(*cell[:4], cell[4] - 2.0) for cell in coarse]
        cells += [
            Cell(family, first.limit, window_ns, half, charges, phase_ns, half_ns,
                 log_prior + math.log(family.prior / len(family.charging)))
            for window_ns, half, phase_ns, half_ns, log_prior in told + coarse
            # An even pace over a second or less is a bucket of the whole amount.
            # (Nor is one tried where only the remainder tells what a request cost.)
            if family.name != "gcra" or (window_ns > 1.08 * NS_PER_S and first.units is not None)
            for charges in family.charging
        ]  # fmt: skip
    return cells


def _told(family: Family, first: Observation) -> list[_Told]:
    """Return the cells of what would make the first answer's reset so."""
    if first.unclocked or not first.reset_s or not first.limit or first.remaining is None or not first.admitted:
        return []
    reset_ns, step_ns = round(first.reset_s * NS_PER_S), round(first.reset_step_s * NS_PER_S)
    if family.phases:
        # A boundary is known to the blur, the window only to be no shorter than what is left of it. A counter is clear
        # one window after that boundary.
        counter = family.name == "sliding_counter"
        blur_ns = first.blur_ns + step_ns
        cells: list[_Told] = []
        for window_ns, log_prior in WINDOWS:
            low_ns = max(round(window_ns * (1 - HALF)), (reset_ns - step_ns) // (2 if counter else 1))
            high_ns = round(window_ns * (1 + HALF))
            high_ns = min(high_ns, reset_ns + step_ns) if counter else high_ns
            if low_ns < high_ns:
                middle_ns, wide_ns = (low_ns + high_ns) // 2, (high_ns - low_ns) // 2
                phase_ns = first.answered_ns + reset_ns - middle_ns * counter
                half_ns = blur_ns + wide_ns * counter
                cells.append((middle_ns, wide_ns / middle_ns, phase_ns, half_ns, log_prior))
        return cells
    # A reset of hardly more than its rounding says nothing that the coarse cells do not cover.
    if not family.continuous:
        half = max(step_ns / reset_ns, 0.001)
        return [(reset_ns, half, 0, 0, 0.0)] if half < 0.25 else []
    used = first.limit - first.remaining if family.name == "token_bucket" else 1
    half = step_ns / reset_ns + (0.5 / used if used > 1 else 0.0)
    window_ns = reset_ns * first.limit // max(used, 1)
    return [(window_ns, max(half, 0.001), 0, 0, 0.0)] if half < 0.25 else []


def _phases(family: Family, window_ns: int, after_ns: int) -> list[tuple[int, int]]:
    if not family.phases:
        return [(0, 0)]
    if window_ns <= after_ns:
        return []
    half_ns = (window_ns - after_ns) / (2 * family.phases)
    return [(round(after_ns + (2 * each + 1) * half_ns), round(half_ns)) for each in range(family.phases)]


def unannounced(history: list[Observation]) -> list[Cell]:
    """Return every hypothesis about a limit of which only the first refusal is known.

    ``history`` ends with that refusal. What was admitted before it is the amount, less what came back meanwhile: under
    a bucket by refill, under a fixed window by a boundary within the burst.
    """
    admitted = [seen for seen in history if seen.admitted]
    count = len(admitted)
    if not count:
        return []
    begun_ns, ended_ns = history[0].at_ns, history[-1].at_ns
    # A request that ended in a 500 may have been charged like an admitted one.
    unsure = sum(seen.admitted is None for seen in history)
    cells: list[Cell] = []
    for family in FAMILIES:
        if family.name == "gcra" or ((family.name == "sliding_log" or family.anchored) and count == 1):
            continue  # without a stated amount an even pace is a small bucket; a log or window of one a bucket of one
        for window_ns, log_prior in WINDOWS:
            spots: list[tuple[int, int, int]] = []  # amount, phase, half of its cell
            if family.phases:
                for index in range(1, count // 2 + 1):
                    # The burst began before a boundary: what was admitted behind it is the amount.
                    gap_ns = admitted[index].at_ns - admitted[index - 1].at_ns
                    boundary_ns = admitted[index].at_ns - gap_ns // 2
                    if boundary_ns - begun_ns <= window_ns and ended_ns - boundary_ns < window_ns:
                        spots.append((count - index, boundary_ns, gap_ns // 2))
                spots += [(count, *each) for each in _phases(family, window_ns, ended_ns)]
            elif family.continuous:
                least = max(1, math.floor(count / (1 + (ended_ns - begun_ns) / (window_ns * (1 - HALF)))))
                # A refill in the burst hides a part of the amount; more than 12 candidates would be no knowledge.
                spots += [(amount, 0, 0) for amount in range(max(least, count - 12), count + 1)]
            else:
                spots.append((count, 0, 0))
            cells += [
                Cell(family, amount + more, window_ns, HALF, charges, phase_ns, phase_half_ns,
                     log_prior + math.log(family.prior / (len(spots) * len(family.charging) * (1 + unsure))))
                for amount, phase_ns, phase_half_ns in spots
                for more in range(unsure + 1)
                for charges in family.charging
            ]  # fmt: skip
    return cells
