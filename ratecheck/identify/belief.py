"""What is believed after each exchange: hypotheses with weights, cut finer where they survive.

A belief never forgets what was observed: a finer cell lives through the whole history again before it counts.
"""

import math
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate

from ratecheck.durations import NS_PER_S
from ratecheck.identify.hypotheses import BY_NAME, ROUND_S, Cell, Family, Hypothesis, Observation

# A hypothesis this much less likely than the best is dropped (e^-10 is about 1 in 22,000).
HOPELESS = 10.0
# Cells are cut while few enough are left to afford it, until they are finer than any finding needs.
AFFORDABLE, FINE = 48, 0.004
# Of more than that, only the heaviest are cut, and none while the search is still wide open.
HEAVIEST, MOST = 8, 250
# Two windows nearer than this are the same finding.
PRECISE = 0.05
SNAP = 0.03


@dataclass(frozen=True, slots=True)
class Claim:
    """The hypotheses that come to the same finding, taken together."""

    family: Family
    amount: int
    window_s: float
    low_s: float
    high_s: float
    """The windows that the evidence allows."""
    share: float
    """Of all belief."""
    best: Hypothesis

    @property
    def width(self) -> float:
        """How far the windows that are still possible lie apart, as a share."""
        return (self.high_s - self.low_s) / self.window_s


@dataclass(frozen=True, slots=True)
class Window:
    """Where the window lies, over all hypotheses of one family and amount."""

    middle_s: float
    low_s: float
    high_s: float

    @property
    def exact(self) -> bool:
        """True where nothing further from the middle than a finding may be is possible."""
        return self.high_s / self.low_s - 1 <= 1.9 * PRECISE


class Belief:
    """Hypotheses about one limit of one dimension."""

    def __init__(self, cells: Sequence[Cell], history: Sequence[Observation] = ()) -> None:
        self.history: list[Observation] = []
        self.alive = [Hypothesis(cell) for cell in cells]
        for seen in history:
            self.observe(seen)

    def observe(self, seen: Observation) -> None:
        """Take in one exchange."""
        self.history.append(seen)
        for hypothesis in self.alive:
            hypothesis.observe(seen)
        self._prune()
        self._refine()

    def _prune(self) -> None:
        if self.alive:
            best = max(hypothesis.score for hypothesis in self.alive)
            self.alive = [hypothesis for hypothesis in self.alive if hypothesis.score > best - HOPELESS]

    def _refine(self) -> None:
        for _ in range(4):
            coarse = [hypothesis for hypothesis in self.alive if hypothesis.cell.half > FINE]
            if not coarse or len(self.alive) > MOST:
                return
            if len(self.alive) > AFFORDABLE:
                best = max(hypothesis.score for hypothesis in self.alive)
                heavy = sorted(coarse, key=lambda hypothesis: -hypothesis.score)[:HEAVIEST]
                coarse = [hypothesis for hypothesis in heavy if hypothesis.score > best - 3]
                if not coarse:
                    return
            cut = set(map(id, coarse))
            fine = [hypothesis for hypothesis in self.alive if id(hypothesis) not in cut]
            for hypothesis in coarse:
                for cell in hypothesis.cell.split():
                    child = Hypothesis(cell)
                    for seen in self.history:
                        child.observe(seen)
                    fine.append(child)
            self.alive = fine
            self._prune()

    def weights(self) -> list[float]:
        """Return each living hypothesis' share of all belief."""
        if not self.alive:
            return []
        best = max(hypothesis.score for hypothesis in self.alive)
        raw = [math.exp(hypothesis.score - best) for hypothesis in self.alive]
        total = sum(raw)
        return [each / total for each in raw]

    def share(self, where: Callable[[Hypothesis], bool]) -> float:
        """Return how much of all belief fits ``where``."""
        return sum(weight for hypothesis, weight in zip(self.alive, self.weights(), strict=True) if where(hypothesis))

    def ready(self, at_ns: int) -> list[tuple[int, float]]:
        """Return (wait in ns, weight) of every hypothesis for one more request, soonest first."""
        waits = [hypothesis.wait_ns(at_ns) for hypothesis in self.alive]
        return sorted(zip(waits, self.weights(), strict=True))

    def window(self, claim: Claim) -> Window:
        """Return where the window of a claim's algorithm and amount lies, but for 3 % of the belief on each side."""
        mine = sorted(
            (hypothesis.cell.window_ns, hypothesis.cell.half, weight)
            for hypothesis, weight in zip(self.alive, self.weights(), strict=True)
            if hypothesis.cell.family.says == claim.family.says and hypothesis.cell.amount == claim.amount
        )
        total = sum(weight for _, _, weight in mine)
        low, high = _at_quantile(mine, 0.03 * total, -1), _at_quantile(mine, 0.97 * total, 1)
        return Window(claim.window_s, low / NS_PER_S, high / NS_PER_S)

    def claims(self) -> list[Claim]:
        """Return what is believed, most likely first: one claim for each family, amount and window."""
        groups: dict[tuple[str, int], list[tuple[float, Hypothesis]]] = {}
        for hypothesis, weight in zip(self.alive, self.weights(), strict=True):
            groups.setdefault((hypothesis.cell.family.name, hypothesis.cell.amount), []).append((weight, hypothesis))
        claims = [claim for (name, amount), group in groups.items() for claim in _claims(BY_NAME[name], amount, group)]
        return sorted(claims, key=lambda claim: -claim.share)


def _claims(family: Family, amount: int, group: list[tuple[float, Hypothesis]]) -> list[Claim]:
    """Cut a family's cells into runs of neighbouring windows; each run is one claim."""
    group = sorted(group, key=lambda pair: pair[1].cell.window_ns)
    runs: list[list[tuple[float, Hypothesis]]] = []
    reach = 0.0
    for weight, hypothesis in group:
        window_ns, half = hypothesis.cell.window_ns, hypothesis.cell.half
        if not runs or window_ns * (1 - half) > reach * 1.001:
            runs.append([])
        runs[-1].append((weight, hypothesis))
        reach = max(reach, window_ns * (1 + half))
    return [_claim(family, amount, run) for run in runs]


def _claim(family: Family, amount: int, run: list[tuple[float, Hypothesis]]) -> Claim:
    share = sum(weight for weight, _ in run)
    best = max(run, key=lambda pair: pair[0])[1]
    # The outermost 2 % of the belief on each side are no bounds: a cell may live on its blur.
    cells = [(hypothesis.cell.window_ns, hypothesis.cell.half, weight) for weight, hypothesis in run]
    low_s = _at_quantile(cells, 0.02 * share, -1) / NS_PER_S
    high_s = _at_quantile(cells, 0.98 * share, 1) / NS_PER_S
    mean_s = sum(weight * hypothesis.cell.window_ns for weight, hypothesis in run) / share / NS_PER_S
    return Claim(family, amount, _snapped(mean_s, low_s, high_s), low_s, high_s, share, best)


def _at_quantile(mine: Sequence[tuple[int, float, float]], wanted: float, side: int) -> float:
    """Return the edge (``side`` -1 or 1) of the cell in which the belief, summed up, reaches ``wanted``."""
    reached = [*accumulate(weight for _, _, weight in mine)]
    window_ns, half, _ = mine[min(bisect_left(reached, wanted), len(mine) - 1)]
    return window_ns * (1 + side * half)


def _snapped(window_s: float, low_s: float, high_s: float) -> float:
    """Return the one round window that the evidence allows, where there is one near; else the measured one."""
    near = [each for each in ROUND_S if low_s * 0.995 <= each <= high_s * 1.005 and abs(each / window_s - 1) <= SNAP]
    return float(near[0]) if len(near) == 1 else window_s
