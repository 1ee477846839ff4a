"""What a limiter might be: a family, an amount, a window, a phase. Each hypothesis is run beside the real limiter.

The hypotheses use the very limiters of ``limiters.py``: what an algorithm does stands in one place. A hypothesis covers
a small cell of windows (and phases); the cell's width is a tolerance in time, and cells are cut smaller as the evidence
gets finer.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from ratecheck.durations import NS_PER_S
from ratecheck.limiters import make
from ratecheck.model import Dimension, Limit


@dataclass(frozen=True, slots=True)
class Family:
    """One way to enforce a limit, as far as the search is concerned."""

    name: str
    """As ``limiters.make`` calls it."""
    reports_as: str | None
    """The word of the contracts; ``None`` for a way that has none there: it is described, and called unknown."""
    title: str
    phases: int
    """How many first boundaries are tried for each window; 0 where the algorithm has no clock of its own."""
    charging: tuple[bool | None, ...]
    """Whether refusals may be charged; ``(None,)`` where that changes nothing that could be seen."""
    prior: float
    continuous: bool
    """What was used comes back bit by bit."""
    anchored: bool = False
    """Its window begins with a request, not on the clock."""

    @property
    def says(self) -> tuple[str | None, bool]:
        """What a report makes of it: the algorithm, and whether it lets through at an even pace."""
        return self.reports_as, self.name == "gcra"


# Priors: the documented APIs are buckets and fixed windows first (facts of the dialect rows); the counter is there so
# that it is not mistaken for one of the others.
FAMILIES: tuple[Family, ...] = (
    Family("token_bucket", "token_bucket", "token bucket", 0, (False, True), 0.3, True),
    Family("gcra", "token_bucket", "token bucket with an even pace", 0, (False, True), 0.15, True),
    Family("sliding_log", "sliding_log", "sliding log", 0, (False, True), 0.2, False),
    Family("fixed_window", "fixed_window", "fixed window", 6, (None,), 0.2, False),
    Family("first_use_window", "fixed_window", "fixed window", 0, (None,), 0.1, False, anchored=True),
    Family("sliding_counter", None, "sliding window counter", 5, (False, True), 0.08, True),
)
BY_NAME = {family.name: family for family in FAMILIES}

# Neighbouring windows differ by this factor at first: a hundred cells from 80 ms to a day and a bit.
COARSE = 1.15
SHORTEST_S, LONGEST_S = 0.08, 100_000.0
LONGEST_NS = round(LONGEST_S * NS_PER_S)
# No header announces less than a second.
SHORTEST_ANNOUNCED_S = 0.8
# Windows that people configure. Their cells weigh more; a window found within 3 % of one is taken to be that one.
ROUND_S = (1, 2, 5, 10, 15, 20, 30, 60, 120, 180, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)
USUAL_S = (1, 10, 60, 3600, 86400)

# How likely an observation is under a hypothesis that says otherwise. A refusal can come from another client or another
# limit; an admission beyond the limit comes from nothing.
AS_SAID, BARELY = math.log(0.98), math.log(0.5)
REFUSED_UNSAID, ADMITTED_UNSAID = math.log(0.02), math.log(0.001)
LESS_LEFT, LESS_AGAIN, MUCH_AGAIN, MORE_LEFT = math.log(0.25), math.log(0.6), math.log(0.05), math.log(0.01)
RESET_OFF, RETRY_OFF = math.log(0.01), math.log(0.2)
# A forecast that many remainders would fit says less than an exact one. A quarter: blur bounds, it is no spread.
VAGUE = 0.25
# Headers that contradict a hypothesis this often are not independent evidence any more: they mean something else.
MOST_RESET_OFF = 12


@dataclass(frozen=True, slots=True)
class Observation:
    """One exchange as a limiter of one dimension saw it. Instants are nanoseconds after the plan's start."""

    sent_ns: int
    answered_ns: int
    admitted: bool | None
    """``None`` where the answer does not tell (a 500, a dropped connection)."""
    limit: int | None = None
    remaining: int | None = None
    reset_s: float | None = None
    reset_step_s: float = 0.001
    """To what the server rounds its resets."""
    unclocked: bool = False
    """The reset was a date that only this computer's clock could be compared with: the clocks may differ."""
    retry_after_s: float | None = None
    units: int | None = 1
    """What the request takes; ``None`` where only ``remaining`` can tell."""

    @property
    def at_ns(self) -> int:
        """The middle: the limiter decided somewhere in between."""
        return (self.sent_ns + self.answered_ns) // 2

    @property
    def blur_ns(self) -> int:
        """How far from the middle the decision may have been."""
        return (self.answered_ns - self.sent_ns) // 2 + NS_PER_S // 1000


@dataclass(frozen=True, slots=True)
class Cell:
    """What one hypothesis claims."""

    family: Family
    amount: int
    window_ns: int
    half: float
    """Half the cell's width as a share of the window."""
    charges: bool | None
    phase_ns: int = 0
    """The first window boundary after the plan's start."""
    phase_half_ns: int = 0
    log_prior: float = 0.0

    def split(self) -> Iterator["Cell"]:
        """Yield the same cell cut finer."""
        width_ns = self.window_ns * self.half * 2
        for step in (-1, 0, 1):
            window_ns = round(self.window_ns + step * width_ns / 3)
            finer_phase = self.phase_half_ns > self.half * self.window_ns / 3
            for shift in (-1, 0, 1) if finer_phase else (0,):
                yield Cell(
                    self.family,
                    self.amount,
                    window_ns,
                    self.half / 3,
                    self.charges,
                    self.phase_ns + shift * 2 * self.phase_half_ns // 3,
                    self.phase_half_ns // 3 if finer_phase else self.phase_half_ns,
                    self.log_prior - math.log(9 if finer_phase else 3),
                )


class Hypothesis:
    """A cell and a limiter that has lived through everything that was observed."""

    __slots__ = ("_anchor_ns", "_doubts", "_empty_for_ns", "_full_ns", "_last_reset", "_left_off", "_shift_ns",
                 "_was_full", "cell", "foreign", "limiter", "misses", "more_left", "reset_off", "retry_off", "score",
                 "seen", "unlike")  # fmt: skip

    def __init__(self, cell: Cell) -> None:
        self.cell = cell
        burst = None
        self.limiter = make(cell.family.name, Limit(Dimension.REQUESTS, cell.amount, cell.window_ns, burst))
        # A thousand windows ahead: instants before the first boundary stay positive.
        self._shift_ns = 1000 * cell.window_ns - cell.phase_ns
        self._full_ns = 0
        self._empty_for_ns = 0
        self._was_full = False
        self._anchor_ns = 0
        self._left_off = 0
        self._last_reset: tuple[int, int, int, int, int, int] | None = None
        self._doubts: list[int] = []
        self.score = cell.log_prior
        self.seen = 0
        self.misses = 0
        self.foreign = 0
        self.more_left = 0
        self.unlike = 0
        self.reset_off = 0
        self.retry_off = 0

    # --- forecasts ---------------------------------------------------------------------------------------------------

    def wait_ns(self, at_ns: int) -> int:
        """Nanoseconds from ``at_ns`` until one request would pass."""
        wait_ns = self.limiter.wait_ns(1, at_ns + self._shift_ns)
        return wait_ns if wait_ns is not None else 10**18

    def level(self, at_ns: int) -> tuple[int, int]:
        """Units left at ``at_ns`` and nanoseconds until all are back."""
        return self.limiter.level(at_ns + self._shift_ns)

    def slack_ns(self, at_ns: int) -> int:
        """How far the cell's width moves this hypothesis' next event by ``at_ns``.

        A fifth more than the width: a cell is dropped only when none of its windows can be right.
        """
        cell = self.cell
        if cell.family.phases:
            gone_ns = max(at_ns - cell.phase_ns, 0) + cell.window_ns
            # A boundary that may lie anywhere lies within one window all the same.
            return min(cell.phase_half_ns + round(1.2 * cell.half * gone_ns), cell.window_ns)
        if cell.family.continuous:
            return round(1.2 * cell.half * max(at_ns - self._full_ns, 0))
        return round(1.2 * cell.half * cell.window_ns) + (self._anchor_ns if cell.family.anchored else 0)

    # --- evidence ----------------------------------------------------------------------------------------------------

    def observe(self, seen: Observation) -> None:
        """Live through one exchange and weigh it. The state follows what happened, whatever was forecast."""
        at_ns = seen.at_ns
        # A first answer may take seconds: what counts from it is no more exact than that.
        # (Within a factor of four it is the answers' usual jitter, which is allowed for already.)
        slow = not self.cell.family.phases and self._anchor_ns > 4 * seen.blur_ns
        blur_ns = (self._anchor_ns if slow else seen.blur_ns) + self.slack_ns(at_ns)
        first = self.seen == 0
        self.seen += 1
        if seen.admitted is None:
            self._doubts.append(at_ns)
        elif seen.units is not None:
            self._decide(seen, at_ns, blur_ns)
        if seen.remaining is not None and seen.admitted is not None:
            self._left(seen, at_ns, blur_ns, first)
        if seen.reset_s is not None and self.reset_off < MOST_RESET_OFF and seen.admitted is not None:
            self._reset(seen, at_ns, blur_ns)

    def _decide(self, seen: Observation, at_ns: int, blur_ns: int) -> None:
        here_ns = at_ns + self._shift_ns
        limiter, units = self.limiter, seen.units or 1
        self._empty_for_ns = limiter.level(here_ns)[1]
        self._was_full = limiter.level(here_ns - blur_ns)[1] == 0
        if (self.cell.family.continuous or self.cell.family.anchored) and self._empty_for_ns == 0:
            # The refill, or the window, counts from here on, and from no more exactly than this.
            self._full_ns, self._anchor_ns = at_ns, seen.blur_ns
        wait_ns = limiter.wait_ns(units, here_ns)
        if wait_ns is None:
            wait_ns = 10**18
        if seen.admitted:
            if wait_ns == 0:
                self.score += AS_SAID
            elif wait_ns <= blur_ns:
                self.score += BARELY
                here_ns += wait_ns
            else:
                self.score += ADMITTED_UNSAID
                self.misses += 1
            limiter.charge(units, here_ns)
            if self.cell.family.name == "sliding_log" and (
                seen.blur_ns >= self._anchor_ns or at_ns - self._full_ns > self.cell.window_ns
            ):
                self._full_ns, self._anchor_ns = at_ns, seen.blur_ns  # the least exact entry that still counts
            return
        if seen.retry_after_s is not None and self.retry_off < MOST_RESET_OFF:
            # Servers round it, mostly up to whole seconds.
            off_s = seen.retry_after_s - wait_ns / NS_PER_S
            if not -0.05 - blur_ns / NS_PER_S <= off_s <= 1.05 + blur_ns / NS_PER_S:
                self.score += RETRY_OFF
                self.retry_off += 1
        if wait_ns > 0:
            self.score += AS_SAID
        elif (limiter.wait_ns(units, here_ns - blur_ns) or 0) > 0:
            self.score += BARELY
        else:
            self._unsaid_refusal(at_ns, here_ns, confirmed=seen.remaining == 0)
        if self.cell.charges:
            limiter.drain(units, here_ns)

    def _unsaid_refusal(self, at_ns: int, here_ns: int, *, confirmed: bool) -> None:
        left, _ = self.limiter.level(here_ns)
        self._doubts = [each for each in self._doubts if at_ns - each < self.cell.window_ns]
        if left <= len(self._doubts):
            # Requests that ended in a 500 may have been counted all the same.
            del self._doubts[:left]
            self.score += BARELY
        elif confirmed:
            # The server itself says that nothing is left: somebody else took it.
            self.score += LESS_LEFT
            self.foreign += left
        else:
            self.score += REFUSED_UNSAID
            self.misses += 1
            self.foreign += left
        self.limiter.charge(left, here_ns)

    def _left(self, seen: Observation, at_ns: int, blur_ns: int, first: bool) -> None:
        assert seen.remaining is not None
        cell, here_ns = self.cell, at_ns + self._shift_ns
        left, _ = self.limiter.level(here_ns)
        more = seen.remaining - left
        if seen.units is None:
            # What the request cost is not known: the remainder itself says it, and only the reset can contradict.
            if more < 0:
                self.limiter.charge(-more, here_ns)
            else:
                self.limiter.give_back(more, here_ns)
            return
        self._left_off = abs(more)
        self.unlike += more != 0 and not first
        refilled = 0.0
        if cell.family.phases:
            # A counter gives back what the last window took, and nothing before that; a fixed window nothing at all.
            refilled = cell.family.continuous * self._moves_within(blur_ns, here_ns, left)
        elif cell.family.continuous and not self._was_full:
            refilled = cell.amount * blur_ns / cell.window_ns
        slack = 1 + math.ceil(refilled)
        if cell.family.name == "sliding_log":
            # Units that end within the blur of this instant may be back or not.
            slack += self.limiter.level(here_ns + blur_ns)[0] - self.limiter.level(here_ns - blur_ns)[0]
        if (cell.family.phases or cell.family.anchored) and more > slack:
            # A boundary within the blur gives everything back.
            to_boundary_ns = self.limiter.level(here_ns)[1] if cell.family.anchored else -here_ns % cell.window_ns
            if to_boundary_ns <= blur_ns and seen.remaining <= cell.amount:
                self.limiter.wait_ns(1, here_ns + to_boundary_ns)
                self.limiter.charge(max(cell.amount - seen.remaining, 0), here_ns + to_boundary_ns)
                self.score += BARELY
                return
        if abs(more) <= slack if not first else more == 0:
            self.score += AS_SAID - VAGUE * math.log1p(refilled)
            return
        if more < 0:
            if not first:
                self._doubts = [each for each in self._doubts if at_ns - each < cell.window_ns]
                explained = min(len(self._doubts), -more)
                del self._doubts[:explained]
                if explained < -more - slack + 1:
                    # Once somebody else is known to draw, they draw again; but not most of the limit at every turn.
                    again = LESS_AGAIN if -more <= cell.amount // 5 else MUCH_AGAIN
                    self.score += again if self.foreign else LESS_LEFT
                    self.foreign += -more
            self.limiter.charge(-more, here_ns)
        else:
            self.score += MORE_LEFT
            self.more_left += 1
            self.limiter.give_back(more, here_ns)

    def _moves_within(self, blur_ns: int, here_ns: int, left: int) -> int:
        """Return how many units the forecast is off at most where the instant is off by the blur."""
        return max(self.limiter.level(here_ns + blur_ns)[0] - left, left - self.limiter.level(here_ns - blur_ns)[0])

    def _reset(self, seen: Observation, at_ns: int, blur_ns: int) -> None:
        """Compare the server's reset with the forecast, and its change since the last answer with the forecast change.

        The change is the sharper test: whether a reset stands still, falls with the clock or grows with use does not
        hang on a window that is known only roughly.
        """
        assert seen.reset_s is not None
        cell = self.cell
        full_ns = self.level(at_ns)[1]
        off_ns = round(seen.reset_s * NS_PER_S) - full_ns
        step_ns = round(seen.reset_step_s * NS_PER_S)
        turned_ns = self._turned_ns(seen, at_ns, off_ns, step_ns)
        off_ns, full_ns = off_ns - turned_ns, full_ns + turned_ns
        own_ns = self._own_blur_ns(seen)
        if cell.family.continuous and self._empty_for_ns:
            own_ns += self._anchor_ns  # the refill began somewhere within the blur of the answer that found it full
        allowed_ns = step_ns + own_ns
        unit_ns = 0
        if cell.family.phases:
            allowed_ns += blur_ns - seen.blur_ns
        elif cell.family.continuous:
            if self.foreign or seen.units is None or self.seen == 1 or self._doubts or self._left_off:
                # A remainder is whole units, a reset is not; and what differs within the blur is not corrected.
                unit_ns = cell.window_ns // cell.amount * (1 + self._left_off)
            allowed_ns += round(cell.half * full_ns) + unit_ns
        else:
            allowed_ns += round(cell.half * cell.window_ns)
        # Two clocks may differ by anything, but by the same from answer to answer: there only the change tells.
        as_said = seen.unclocked or abs(off_ns) <= allowed_ns
        if as_said and self._last_reset is not None:
            last_off_ns, last_full_ns, last_own_ns, last_step_ns, last_unit_ns, last_at_ns = self._last_reset
            turned = (cell.family.phases > 0 or cell.family.anchored) and full_ns > last_full_ns
            # Each boundary that was passed meanwhile adds what a window is off.
            drift_ns = at_ns - last_at_ns + cell.window_ns if turned else abs(full_ns - last_full_ns)
            # Both are rounded alike: their difference is off by one step at most.
            allowed_ns = max(step_ns, last_step_ns) + own_ns + last_own_ns + round(cell.half * drift_ns)
            allowed_ns += unit_ns + max(unit_ns, last_unit_ns)
            as_said = abs(off_ns - last_off_ns) <= allowed_ns
        self._last_reset = off_ns, full_ns, own_ns, step_ns, unit_ns, at_ns
        self.score += AS_SAID if as_said else RESET_OFF
        self.reset_off += not as_said

    def _turned_ns(self, seen: Observation, at_ns: int, off_ns: int, step_ns: int) -> int:
        """Return the window by which a reset differs because the request was counted on a boundary's other side."""
        cell = self.cell
        if not cell.family.phases or 2 * abs(off_ns) < cell.window_ns:
            return 0
        wide_ns = 1.2 * cell.half * cell.window_ns
        count = round((at_ns - cell.phase_ns) / cell.window_ns)
        near_ns = seen.blur_ns + cell.phase_half_ns + wide_ns * abs(count)
        turned_ns = cell.window_ns if off_ns > 0 else -cell.window_ns
        fits = abs(off_ns - turned_ns) <= near_ns + step_ns + (wide_ns if off_ns > 0 else 0)
        return turned_ns if fits and abs(at_ns - cell.phase_ns - count * cell.window_ns) <= near_ns else 0

    def _own_blur_ns(self, seen: Observation) -> int:
        """How much of the blur reaches the reset: a log that has just been written to, a full bucket have none."""
        if self.cell.family.anchored:
            return seen.blur_ns + self._anchor_ns if self._empty_for_ns else 0
        if self.cell.family.phases or not seen.admitted:
            return seen.blur_ns
        if seen.units is None:
            return 0  # the level was just set by the remainder that came with this reset
        return min(2 * seen.blur_ns, self._empty_for_ns) if self.cell.family.continuous else 0

    @property
    def reset_off_ns(self) -> int | None:
        """How much later than foretold the last answer's reset was."""
        return self._last_reset[0] if self._last_reset else None

    @property
    def last_full_ns(self) -> int | None:
        """What this hypothesis foretold for the reset of the last answer."""
        return self._last_reset[1] if self._last_reset else None
