"""Which request next? The one that would tell most, soonest: asks out, sights in.

With headers a request is asked where the living hypotheses foretell different numbers. Without, it is asked where about
as much belief says "admitted" as "refused": at a quantile of the instants at which they let the next one pass.
Nothing here sends, sleeps or reads a clock.
"""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass

from ratecheck.durations import NS_PER_S
from ratecheck.identify import weigh
from ratecheck.identify.belief import Belief
from ratecheck.identify.evidence import Evidence
from ratecheck.identify.hypotheses import BY_NAME, LONGEST_NS
from ratecheck.identify.sight import Sight, track_of
from ratecheck.identify.weigh import counted, in_a_row, refused, settled
from ratecheck.model import Ask, Dimension, Exchange

# The output that the reservation experiment asks for: large against any prompt's charge, small against any budget.
RESERVED_TOKENS = 200
# Numbers that agree are followed so far for a window more exact.
_MORE_EXACT = 45
# A question is asked while its wait fits this often into the waiting that is left: an answer needs turns to confirm it.
_TURNS_WANTED = 4
# A window is waited for to see whether it is true where that takes no more than this share of the waiting left.
_CHECK_SHARE = 0.25
_CHECKED_UNITS = 5
# Requests that the last experiments need: two for a reservation, three for a second key.
_EXPERIMENTS = 3


@dataclass(frozen=True, slots=True)
class Budget:
    """What the investigation may spend at most, and what it must leave."""

    requests: int = 30
    tokens: int | None = 2000
    wait_s: float = 900.0
    """Waiting for limits to refill, all in all: a limit that takes longer is called unknown."""
    leave: float = 0.5
    """The share of an announced limit that stays untouched."""
    to_the_wall: bool = False
    """A 429 may be provoked."""


class Investigation(Evidence):
    """One limiter under question. ``plan`` may be stopped at any point; what is known so far stays here."""

    def __init__(self, budget: Budget, see: Callable[[Exchange, Ask], Sight], *, second_key: bool = False) -> None:
        super().__init__()
        self.budget = budget
        self._see = see
        self.second_key = second_key
        self.waited_ns = 0
        self.tokens_spent = 0
        self.now_ns = 0
        self.stopped = "interrupted"
        self._in_a_burst = 0
        self._bursts = 0
        self._recount_from: int | None = None
        self._recounts = 0
        self._checks = 0
        self._ends_ns = 0
        self.fatal: str | None = None
        self.sharing: list[Sight] = []
        self.reservation: list[Sight] = []

    # --- what is left ------------------------------------------------------------------------------------------------

    @property
    def requests_left(self) -> int:
        """Requests that may still be sent."""
        return self.budget.requests - len(self.sights)

    @property
    def wait_left_ns(self) -> int:
        """Waiting that may still be done."""
        return round(self.budget.wait_s * NS_PER_S) - self.waited_ns

    def _affordable(self, max_output_tokens: int) -> bool:
        tokens = self.budget.tokens
        # A tiny prompt is charged 10 to 30 tokens, whatever the wrapping.
        return self.requests_left > 0 and (tokens is None or self.tokens_spent + max_output_tokens + 30 <= tokens)

    @property
    def _was_refused(self) -> bool:
        return any(sight.admitted is False for sight in self.sights)

    def _reserve_reached(self) -> bool:
        """True where one more request could take more than the reserve allows."""
        if self.budget.to_the_wall or not self.sights:
            return False
        if self._was_refused:
            return True
        for sight in reversed(self.sights):
            readings = [limit for limit in sight.limits if track_of(limit) is not None]
            if sight.key == 0 and readings:
                return any(
                    (limit.remaining or 0) - 1 < self.budget.leave * (limit.limit or 0)
                    for limit in readings
                    if limit.dimension is Dimension.REQUESTS
                )
        # Nothing announced: how much is left cannot be seen, so nothing may be used up to find out.
        return sum(sight.admitted is not None for sight in self.sights) >= 3

    # --- asking ------------------------------------------------------------------------------------------------------

    def _ask(
        self, at_ns: int | None = None, *, key: int = 0, max_output_tokens: int = 1
    ) -> Generator[Ask, Exchange, Sight]:
        at_ns = self.now_ns if at_ns is None else max(at_ns, self.now_ns)
        wait_ns = at_ns - self.now_ns
        self._in_a_burst = self._in_a_burst + 1 if at_ns == self.now_ns else 1
        ask = Ask(at_ns=at_ns, max_output_tokens=max_output_tokens, key=key)
        exchange = yield ask
        self.waited_ns += wait_ns  # only now: Ctrl-C may have cut it short
        sight = self._see(exchange, ask)
        self.now_ns = max(sight.answered_ns, self.now_ns)
        self.take_in(sight)
        self.tokens_spent += sight.tokens if sight.tokens is not None else 30 * bool(sight.admitted)
        if sight.fatal:
            self.fatal = sight.fatal
        return sight

    # --- the plan ----------------------------------------------------------------------------------------------------

    def plan(self) -> Generator[Ask, Exchange, None]:
        """Ask until sure, spent or pointless; ``stopped`` says which."""
        self.stopped = "interrupted"
        stopped = yield from self._main_part()
        if not self.fatal:
            yield from self._reservation_part()
            if self.second_key and not self.sharing:
                yield from self._second_key_part()
        self.stopped = "error" if self.fatal else stopped

    def _main_part(self) -> Generator[Ask, Exchange, str]:
        while True:
            keep = _EXPERIMENTS if self.second_key and not self.sharing else 0
            if self.fatal:
                return "error"
            if self.requests_left <= keep or not self._affordable(1):
                return "identified" if self._settled() else "budget"
            if self._reserve_reached():
                return "identified" if self._settled() else "limited" if self._was_refused else "budget"
            if in_a_row(self.sights, None) >= 5:
                self.fatal = "five answers in a row told nothing"
                return "error"
            if keep and not self.tracks and in_a_row(self.sights, False):
                yield from self._second_key_part()  # no number will tell: it has to knock while the first is refused
            at_ns = self._next()
            if at_ns is None or at_ns - self.now_ns > self.wait_left_ns:
                return "identified" if self._settled() else "budget"
            yield from self._ask(at_ns)

    def _settled(self) -> bool:
        belief = self.main
        return belief is not None and settled(belief)

    def _next(self) -> int | None:
        """Return the instant of the most telling next request; ``None`` where none would tell anything within reach."""
        belief = self.main
        if belief is None:
            if self.sights and self.sights[-1].admitted is False:
                return self._after_refused_start()
            return self.now_ns  # before the first refusal only the end of the burst tells anything
        if not belief.alive:
            return None
        readings = sum(seen.remaining is not None for seen in belief.history)
        reads = readings > 0 and self.enforced is None
        if reads and readings < 2 and (belief.history[-1].remaining or 0) >= 2:
            return self.now_ns
        done = settled(belief)
        if done and reads and (at_ns := self._checked_by_waiting(belief)) is not None:
            return at_ns
        if done and reads and self._in_a_burst < self._burst_wanted(belief) and not refused(belief):
            return self.now_ns  # is there a limit that no header shows?
        if done and self.enforced is not None and (at_ns := self._recount(belief)) is not None:
            return at_ns
        if done and not (self.budget.to_the_wall and self._wall_is_near(belief)):
            return None
        admitted = self.sights[-1].admitted is True
        if reads and not done and admitted and readings >= 8 and self._bursts < 2 and self._in_a_burst < 10:
            # Small differences did not tell; much used at once makes a bucket's reset stand out from its rounding.
            self._bursts += self._in_a_burst == 9
            return self.now_ns
        if reads and not done:
            at_ns = self._by_numbers(belief)
            if at_ns is None and readings < 3:
                return self.now_ns
            if at_ns is not None or not (self.budget.to_the_wall and self._wall_is_near(belief)):
                return at_ns
        return self._by_admission(belief)

    def _checked_by_waiting(self, belief: Belief) -> int | None:
        """Return when to see whether a window that stands on resets alone ends then: just before, and just after.

        A log's reset is its whole window, a window's that begins with a request too: nothing else contradicts one that
        is off by the same each time.
        """
        first = belief.claims()[0]
        best = first.best
        # What a stranger took comes back at instants that nobody here knows; of too few units none stands out.
        told_otherwise = first.family.continuous or first.family.phases > 0 or first.amount < 4
        if told_otherwise or self._checks == 2 or (best.foreign and not self._checks):
            return None
        window_ns = best.cell.window_ns
        if self._checks == 0:
            full_in_ns = best.level(self.now_ns)[1]
            if full_in_ns <= 0 or full_in_ns + window_ns // 20 > self.wait_left_ns * _CHECK_SHARE:
                return None
            if min(self._in_a_burst, in_a_row(self.sights, True)) < min(_CHECKED_UNITS, best.cell.amount // 2):
                # So much has to come back at that instant that it stands out; where all is used up, not before it has.
                used_up = self.sights[-1].admitted is False
                return self.now_ns + (full_in_ns + window_ns // 20 if used_up else 0)
            self._ends_ns = self.now_ns + full_in_ns
        self._checks += 1
        aside_ns = window_ns // 20 + belief.history[-1].blur_ns
        return max(self._ends_ns + (aside_ns if self._checks == 2 else -aside_ns), self.now_ns)

    def _recount(self, belief: Belief) -> int | None:
        """Return when to use up the whole amount once more, where it was not counted often enough and can be again.

        Whoever else draws on it takes more at one time than at another: three equal counts are hardly chance.
        """
        first = belief.claims()[0]
        asked = len(self.sights) - self._recount_from if self._recount_from is not None else 0
        if 0 < asked <= first.amount + 2 and self.sights[-1].admitted is not False:
            return self.now_ns
        wanted = weigh.counts_wanted(first)
        if counted(belief, first) >= wanted or self._recounts == wanted - 1:
            return None
        # Full by every hypothesis that is left: one unit short would look like somebody else's.
        full_in_ns = max(hypothesis.level(self.now_ns)[1] for hypothesis in belief.alive)
        wait_ns = full_in_ns + first.best.slack_ns(self.now_ns + full_in_ns) + belief.history[-1].blur_ns * 4
        if first.amount + 2 > self.requests_left or wait_ns > self.wait_left_ns:
            return None
        self._recount_from = len(self.sights)
        self._recounts += 1
        return self.now_ns + wait_ns

    def _burst_wanted(self, belief: Belief) -> int:
        """Requests at once after which a hidden limit is thought not to be near.

        A sixth of a usual 60 a minute, or one more than the announced limit's share of a second or of ten (the slices
        that Azure documents) where half the budget reaches it.
        """
        if not self.budget.to_the_wall:
            return 4
        first = belief.claims()[0]
        shares = [int(first.amount * slice_s / first.window_s) + 2 for slice_s in (1, 10) if slice_s < first.window_s]
        return max([11, *(share for share in shares if share <= self.budget.requests // 2)])

    def _after_refused_start(self) -> int | None:
        """Return when to knock again where nothing has been admitted yet: twice as late each time."""
        refused = in_a_row(self.sights, False)
        told_s = self.sights[-1].retry_after_s
        wait_ns = round(told_s * NS_PER_S) if told_s else NS_PER_S * 2 ** min(refused - 1, 12)
        return self.now_ns + wait_ns if wait_ns <= self.wait_left_ns else None

    def _wall_is_near(self, belief: Belief) -> bool:
        """True where the wall can be seen with what is left: is the announced limit enforced, are refusals charged?"""
        best = belief.claims()[0].best
        if any(seen.admitted is False for seen in belief.history):
            both = belief.share(lambda each: each.cell.charges is True)
            open_question = 0.1 < both < 0.9 and best.wait_ns(self.now_ns) < self.wait_left_ns
            return open_question and sum(seen.admitted is False for seen in belief.history) < 4
        left, _ = best.level(self.now_ns)
        pace_ns = sum(sight.answered_ns - sight.sent_ns for sight in self.sights) // len(self.sights)
        refills_ns = best.cell.window_ns // best.cell.amount if best.cell.family.continuous else 10**18
        return self.enforced is None and left + 4 <= self.requests_left // 2 and pace_ns * 3 < refills_ns

    # --- choosing by the headers' numbers ----------------------------------------------------------------------------

    def _by_numbers(self, belief: Belief) -> int | None:
        """Return the soonest instant at which the most likely hypotheses foretell different numbers."""
        shown, rivals = weigh.representatives(belief), weigh.rivals(belief)
        blur_ns = max(seen.answered_ns - seen.sent_ns for seen in belief.history[-5:])
        step_ns = max(round(seen.reset_step_s * NS_PER_S) for seen in belief.history[-5:])
        if all(seen.reset_s is None for seen in belief.history[-5:]):
            step_ns = LONGEST_NS  # without resets only what is left tells
        spans: set[int] = {0, *(NS_PER_S * (1 << power) // 4 for power in range(14))}
        for hypothesis, _ in shown + rivals:
            full_in_ns = hypothesis.level(self.now_ns)[1]
            margin_ns = hypothesis.slack_ns(self.now_ns + full_in_ns) + 2 * blur_ns + step_ns
            spans |= {full_in_ns + margin_ns, hypothesis.wait_ns(self.now_ns) + margin_ns}
        within = sorted(span_ns for span_ns in spans if span_ns <= self.wait_left_ns)
        best_gain = 0.0
        for group in (shown, rivals):  # what is unlikely, but not contradicted, is asked about when the rest is clear
            gains = [(span_ns, weigh.gain(group, self.now_ns + span_ns, blur_ns, step_ns)) for span_ns in within]
            best_gain = max((gain for _, gain in gains), default=0.0)
            if best_gain >= 0.01:
                break
        if best_gain < 0.01:
            # The numbers agree; only more of the limit used makes a bucket's reset more exact.
            left = belief.claims()[0].best.level(self.now_ns)[0]
            return self.now_ns if self.requests_left > 10 and left > 2 and len(self.sights) < _MORE_EXACT else None
        # Where few requests are left to ask with, each has to tell as much as it can.
        few = belief.claims()[0].best.level(self.now_ns)[0] <= 3
        return self.now_ns + next(span_ns for span_ns, gain in gains if gain >= (0.97 if few else 0.8) * best_gain)

    # --- choosing by admissions alone --------------------------------------------------------------------------------

    def _by_admission(self, belief: Belief) -> int | None:
        ready = belief.ready(self.now_ns)
        blur_ns = max((seen.blur_ns for seen in belief.history[-5:]), default=0)
        passing = sum(weight for wait_ns, weight in ready if wait_ns <= 0)
        if passing <= 0.1 and self.budget.to_the_wall and not refused(belief):
            return self.now_ns  # used up by its own numbers: is it enforced?
        if passing > 0.97:
            # All agree that it passes: it only brings the next wall nearer, which must be within reach.
            needed = min(hypothesis.level(self.now_ns)[0] for hypothesis in belief.alive)
            return self.now_ns + self._spread_ns(belief) if needed + 2 <= self.requests_left else None
        if passing > 0.1:
            return self.now_ns + (self._pause_ns(belief, blur_ns) if passing < 0.9 else 0)
        repeatable = [pair for pair in ready if pair[0] * _TURNS_WANTED <= self.wait_left_ns]
        if sum(weight for _, weight in repeatable) > 0.02:
            ready = repeatable
        wait_ns = weigh.cut(ready, self._late_share(belief, ready), blur_ns)
        # Knocking again at once after a refusal tells nothing that the refusal did not.
        wait_ns = max(wait_ns, self._pause_ns(belief, blur_ns))
        if wait_ns > self.wait_left_ns:
            # The question is out of reach; the last instant within reach still gives a bound.
            within = self.wait_left_ns > NS_PER_S and ready[0][0] < self.wait_left_ns
            return self.now_ns + self.wait_left_ns if within else None
        return self.now_ns + wait_ns

    def _spread_ns(self, belief: Belief) -> int:
        """Return how long to wait between the first request of a window and the rest.

        Used up in one go, a log and a window come back at the same instant; used up in two, they do not.
        """
        shares: dict[str, float] = {}
        for claim in belief.claims():
            shares[claim.family.name] = shares.get(claim.family.name, 0.0) + claim.share
        told = [sight.admitted for sight in self.sights[-2:]]
        log = shares.get("sliding_log", 0.0)
        windows = sum(share for name, share in shares.items() if not BY_NAME[name].continuous) - log
        if told != [False, True] or min(log, windows) < 0.05 or log + windows < 0.6:
            return 0
        half_ns = belief.claims()[0].best.cell.window_ns // 2
        return half_ns if 3 * half_ns < self.wait_left_ns else 0

    def _late_share(self, belief: Belief, ready: Sequence[tuple[int, float]]) -> float:
        """Return how much of the belief in ``ready`` the next question should leave on its early side.

        A question that comes late costs as many requests as it then takes to use the limit up again, one that comes
        early costs a single refused one: so the larger the limit, the earlier the question.
        """
        median_ns = weigh.at_half(ready)
        near = [
            (0 if hypothesis.cell.family.continuous else min(hypothesis.cell.amount, 60), weight)
            for hypothesis, weight in zip(belief.alive, belief.weights(), strict=True)
            if hypothesis.wait_ns(self.now_ns) <= median_ns
        ]
        amount = sum(units * weight for units, weight in near) / sum(weight for _, weight in near)
        if not weigh.turned(belief):
            # Nothing is known but that it is used up: the first turn need not be exact, but must not take all that is
            # left either.
            used = sum(seen.admitted is True for seen in belief.history)
            return 0.3 if self.requests_left > used + 8 else 0.12
        if amount > 1 and self.requests_left < amount + 12:
            # The last questions: about eight find the instant, and then the limit cannot be used up again.
            return max(1 / (self.requests_left + 1), 0.08)
        return min(max(1.5 / (amount + 2), 0.12), 0.5)

    def _pause_ns(self, belief: Belief, blur_ns: int) -> int:
        last = belief.history[-1]
        if last.admitted is not False:
            return 0
        admitted_ns = next((seen.at_ns for seen in reversed(belief.history) if seen.admitted), 0)
        return max(2 * blur_ns, (self.now_ns - admitted_ns) // 16)

    # --- the last experiments ----------------------------------------------------------------------------------------

    def _reservation_part(self) -> Generator[Ask, Exchange, None]:
        """Ask for much output once: the token limit shows whether it is taken up front, and given back."""
        tokens = [track for track in self.tracks if track.dimension in (Dimension.TOKENS, Dimension.OUTPUT_TOKENS)]
        if not tokens or not self.sights or self.sights[-1].admitted is False or self._reserve_reached():
            return
        for output in (1, RESERVED_TOKENS, 1):
            if not self._affordable(output):
                return
            sight = yield from self._ask(max_output_tokens=output)
            self.reservation.append(sight)

    def _second_key_part(self) -> Generator[Ask, Exchange, None]:
        """Let the second key draw twice between two requests of the first; or knock where the first was refused."""
        refused = bool(self.sights) and self.sights[-1].admitted is False
        for key in (1, 1, 0) if refused else (0, 1, 1, 0):
            if not self._affordable(1) or (self._reserve_reached() and not refused):
                return
            sight = yield from self._ask(key=key)
            self.sharing.append(sight)
            if sight.fatal:
                return
