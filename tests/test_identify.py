"""What `identify` promises: right where it can be told, unknown where not, never beyond its budget."""

import random
from collections.abc import Callable
from dataclasses import replace

import pytest
from limiter_world import Truth, World, drive, run
from probe_proof import BUDGET, RIGHT_AT_LEAST, SURE, can_be_told, main_finding, random_truth, score_of, table, wrong

from ratecheck.durations import NS_PER_S
from ratecheck.identify.findings import ProbeReport, report_of
from ratecheck.identify.plan import Budget, Investigation
from ratecheck.identify.sight import Sight
from ratecheck.limiters import Limiter, make
from ratecheck.model import Answer, Ask, Cost, Dimension, Exchange, Limit, LimitReading

START_S = 1_000_017.3


def limit(amount: int, window_s: float) -> Limit:
    return Limit(Dimension.REQUESTS, amount, round(window_s * NS_PER_S))


def investigate(
    truth: Truth, *, seed: int = 1, budget: Budget = BUDGET, limiters: list[Limiter] | None = None
) -> ProbeReport:
    return report_of(run(World(truth, seed, limiters or []), budget))


def test_the_proof_holds_over_a_sample_of_random_limiters() -> None:
    """Right in at least 95 % of what can be told, never sure and wrong, never over the budget."""
    score = score_of(range(7000, 7036))
    assert score.told >= 12, table(score)
    assert score.told_right >= RIGHT_AT_LEAST * score.told - 1, table(score)  # one of few is no percentage
    assert score.sure_wrong <= 1, table(score)
    assert score.over_budget == 0


def test_what_can_be_told_does_not_hang_on_the_plan() -> None:
    """The rule leaves out what it says: an amount beyond the budget, a day without waiting, a stranger's draws."""
    near = Truth("token_bucket", 10, 60, latency_s=0.05)
    assert can_be_told(near)
    assert not can_be_told(replace(near, amount=50))
    assert not can_be_told(replace(near, window_s=86_400))
    assert not can_be_told(replace(near, others_per_s=0.1))
    assert can_be_told(replace(near, amount=5000, window_s=86_400, headers=True))
    assert sum(can_be_told(random_truth(seed)) for seed in range(400)) > 120


@pytest.mark.parametrize(
    ("truth", "algorithm", "amount", "window_s", "burst"),
    [
        (Truth("token_bucket", 12, 60), "token_bucket", 12, 60, 12),
        (Truth("token_bucket", 12, 60, charges=True), "token_bucket", 12, 60, 12),
        (Truth("fixed_window", 6, 10), "fixed_window", 6, 10, 6),
        (Truth("sliding_log", 6, 20), "sliding_log", 6, 20, 6),
        (Truth("first_use_window", 6, 20), "fixed_window", 6, 20, 6),
        (Truth("first_use_window", 900, 60, headers=True), "fixed_window", 900, 60, 900),
        (Truth("leaky_bucket", 8, 60), "token_bucket", 9, 67.5, 9),
        (Truth("quantised", 30, 60), "token_bucket", 1, 2, 1),
        (Truth("token_bucket", 9000, 86_400, headers=True), "token_bucket", 9000, 86_400, 9000),
        (Truth("fixed_window", 700, 60, headers=True), "fixed_window", 700, 60, 700),
        (Truth("sliding_log", 4000, 3600, headers=True), "sliding_log", 4000, 3600, 4000),
        (Truth("quantised", 300, 60, headers=True), "token_bucket", 300, 60, 5),
    ],
)  # fmt: skip
def test_each_limiter_is_told(truth: Truth, algorithm: str, amount: int, window_s: float, burst: int) -> None:
    """Algorithm, amount, window and burst come out, with evidence in numbers."""
    found = investigate(replace(truth, start_s=START_S)).limiters[0]
    assert (found.algorithm, found.limit, found.burst) == (algorithm, amount, burst)
    assert found.window_s == pytest.approx(window_s, rel=0.05)
    assert found.confidence >= SURE
    assert any(any(character.isdigit() for character in line) for line in found.evidence)


@pytest.mark.parametrize("charges", [True, False])
def test_whether_refusals_are_charged_is_told(charges: bool) -> None:
    """Knocks on a used-up bucket delay the next admission where they are charged, and the report says which."""
    report = investigate(Truth("token_bucket", 8, 60, charges=charges, start_s=START_S))
    assert report.limiters[0].charges_rejected is charges
    assert ("RC506" in {each.code for each in report.diagnoses}) is charges


@pytest.mark.parametrize(("window_s", "amount"), [(10, 5), (60, 9)])
def test_a_counter_s_resets_are_not_taken_for_a_window_of_twice_the_length(window_s: float, amount: int) -> None:
    """A sliding counter is clear after up to two windows: no window of that length is reported for sure."""
    found = investigate(Truth("sliding_counter", amount, window_s, headers=True, start_s=START_S)).limiters[0]
    assert found.algorithm == "unknown"


class Silent(World):
    """Says what is left and never when it is back."""

    def readings(self, at_ns: int) -> tuple[LimitReading, ...]:
        return tuple(replace(each, reset_s=None) for each in super().readings(at_ns))


@pytest.mark.parametrize("algorithm", ["fixed_window", "sliding_log", "first_use_window"])
def test_without_resets_it_waits_instead_of_using_the_limit_up(algorithm: str) -> None:
    """Where only the remainder is announced (Mistral), waiting tells; nothing wrong is said for sure."""
    truth = Truth(algorithm, 30, 10, headers=True, start_s=START_S)
    report = report_of(run(Silent(truth, 1), BUDGET))
    assert report.waited_s > 10
    assert report.limiters[0].confidence < SURE or not wrong(truth, report.limiters[0])


def test_a_slice_of_ten_seconds_is_met_where_half_the_budget_reaches_it() -> None:
    """120 a minute on slices of 10 s: 21 at once are tried, and the refusal that no header shows is said."""
    report = investigate(Truth("azure_slices", 120, 60, headers=True, start_s=START_S))
    assert "RC501" in {each.code for each in report.diagnoses}
    assert (report.limiters[0].limit, report.limiters[0].announced) == (20, False)


class Moody:
    """Refuses at random: no limiter at all."""

    def __init__(self, share: float, seed: int) -> None:
        self.limit = limit(1, 1)
        self._share, self._random = share, random.Random(seed)

    def wait_ns(self, amount: int, now_ns: int) -> int:
        return 0 if self._random.random() > self._share else NS_PER_S

    def charge(self, amount: int, now_ns: int) -> None: ...

    def level(self, now_ns: int) -> tuple[int, int]:
        return 50, 0


@pytest.mark.parametrize(
    "limiter",
    [
        lambda: make("sliding_counter", limit(10, 60)),
        lambda: make("sliding_counter", limit(5, 10)),
        lambda: make("concurrency", limit(10, 60)),
        lambda: Moody(0.3, 3),
        lambda: Moody(0.1, 4),
    ],
)  # fmt: skip
@pytest.mark.parametrize("seed", [1, 2])
def test_a_limiter_of_no_known_kind_is_called_unknown(limiter: Callable[[], Limiter], seed: int) -> None:
    """Counters over two windows, concurrency and random refusals are never given a known algorithm's name."""
    truth = Truth("token_bucket", 10, 60, start_s=START_S + 7 * seed)
    assert investigate(truth, seed=seed, limiters=[limiter()]).limiters[0].algorithm == "unknown"


def test_a_limit_that_no_header_shows_is_found_beside_the_announced_one() -> None:
    """40 a minute are announced, 5 in 10 seconds are enforced: both are reported, the hidden one as such."""
    limiters = [make("token_bucket", limit(40, 60)), make("fixed_window", limit(5, 10))]
    report = investigate(Truth("token_bucket", 40, 60, headers=True, start_s=START_S), limiters=limiters)
    hidden, shown = report.limiters
    assert (hidden.algorithm, hidden.limit, hidden.window_s, hidden.announced) == ("fixed_window", 5, 10.0, False)
    assert (shown.algorithm, shown.limit, shown.window_s, shown.announced) == ("token_bucket", 40, 60.0, True)
    assert "RC501" in {each.code for each in report.diagnoses}


def test_another_client_is_noticed() -> None:
    """A stranger who takes a third of the limit shows in the remainders, and the limit is told all the same."""
    report = investigate(Truth("fixed_window", 600, 60, headers=True, others_per_s=3.0, start_s=START_S))
    assert report.other_client is True
    assert "RC502" in {each.code for each in report.diagnoses}
    assert report.limiters[0].algorithm in ("fixed_window", "unknown")


def test_nobody_else_is_not_taken_for_a_client() -> None:
    """Without a stranger none is reported."""
    report = investigate(Truth("fixed_window", 600, 60, headers=True, start_s=START_S))
    assert report.other_client is False


def reading(amount: int, left: int, reset_s: float | None) -> LimitReading:
    headers = ("x-ratelimit-limit-requests", "x-ratelimit-remaining-requests")
    return LimitReading(Dimension.REQUESTS, None, None, amount, left, reset_s, headers)


class Lying(World):
    """A bucket whose headers count nothing and whose resets are thrown dice."""

    def readings(self, at_ns: int) -> tuple[LimitReading, ...]:
        return (reading(self.truth.amount, self.limiters[0].level(at_ns)[0], round(self.random.uniform(1, 500), 2)),)


def test_headers_that_lie_are_not_believed() -> None:
    """Resets out of the blue never make a confident wrong window, and are called what they are."""
    report = report_of(run(Lying(Truth("token_bucket", 20, 60, headers=True, start_s=START_S), 1), BUDGET))
    found = report.limiters[0]
    assert report.reset_true is not True
    assert found.confidence < SURE or not wrong(Truth("token_bucket", 20, 60, headers=True), found)


class Changing(World):
    """Halves its limit after the third request."""

    def readings(self, at_ns: int) -> tuple[LimitReading, ...]:
        amount = 400 if self.sent <= 3 else 200
        left, full_ns = self.limiters[0].level(at_ns)
        return (reading(amount, min(left, amount), full_ns / NS_PER_S),)


def test_a_limit_that_changes_on_the_way_is_said() -> None:
    """The change and the request at which it came are reported; the number reported is the new one."""
    report = report_of(run(Changing(Truth("fixed_window", 400, 60, headers=True, start_s=START_S), 1), BUDGET))
    changed = [each.says for each in report.diagnoses if each.code == "RC505"]
    assert changed == ["The limit on requests changed from 400 to 200 at request 4."]
    assert report.limiters[0].limit == 200


def test_a_server_that_never_refuses_gives_a_bound_and_no_guess() -> None:
    """Nothing announced, nothing refused: unknown, with how many passed, within the budget."""
    report = investigate(Truth("token_bucket", 10_000, 1, start_s=START_S), budget=replace(BUDGET, requests=25))
    found = report.limiters[0]
    assert (found.algorithm, found.limit, found.window_s) == ("unknown", None, None)
    assert report.requests_spent <= 25
    assert [each.code for each in report.diagnoses] == ["RC509"]


@pytest.mark.parametrize("requests", [0, 1, 2, 5, 17])
@pytest.mark.parametrize("headers", [True, False])
def test_the_budget_is_never_passed(requests: int, headers: bool) -> None:
    """Requests and waiting stay within what was allowed, however little that is."""
    budget = replace(BUDGET, requests=requests, wait_s=20.0)
    world = World(Truth("fixed_window", 5, 30, headers=headers, start_s=START_S), 1)
    run(world, budget)
    assert world.sent <= requests
    assert world.waited_ns <= 20 * NS_PER_S


def test_the_reserve_stays_untouched() -> None:
    """Half of an announced limit is left unless told otherwise, and no refusal is provoked."""
    truth = Truth("sliding_log", 10, 600, headers=True, start_s=START_S)
    world = World(truth, 1)
    report = report_of(run(world, Budget(requests=60, tokens=None)))
    assert not report.refused
    assert min(sight.limits[0].remaining or 0 for sight in report.sights) >= 5


def test_without_headers_nothing_is_used_up_unasked() -> None:
    """Where nothing shows how much is left, three requests are all that is sent without --to-the-wall."""
    report = investigate(Truth("token_bucket", 10, 60, start_s=START_S), budget=Budget(requests=60, tokens=None))
    assert report.requests_spent == 3
    assert report.limiters[0].algorithm == "unknown"


def test_broken_answers_end_the_search() -> None:
    """Five answers in a row that tell nothing are enough."""
    report = investigate(Truth("token_bucket", 10, 60, fails=1.0, start_s=START_S))
    assert (report.stopped, report.requests_spent) == ("error", 5)
    assert report.limiters[0].algorithm == "unknown"


def test_a_search_that_is_cut_off_reports_what_is_known() -> None:
    """After any number of answers a report can be made."""
    for count in range(12):
        world = World(Truth("token_bucket", 6, 60, start_s=START_S), 1)
        current: list[Sight] = []
        investigation = Investigation(BUDGET, lambda exchange, ask, seen=current: seen[-1])
        plan = investigation.plan()
        ask = next(plan)
        for _ in range(count):
            sight = world.answer(ask)
            current.append(sight)
            ask = plan.send(Exchange(None, 1, sight.sent_ns, sight.answered_ns, Cost(), Answer(sight.status)))
        report = report_of(investigation)
        assert (report.stopped, report.requests_spent) == ("interrupted", count)


class TwoKeys(World):
    """Each key has a bucket of its own, or both have the first one's."""

    shared = True

    def answer(self, ask: Ask) -> Sight:
        if ask.key == 1 and not self.shared:
            own, self.limiters = self.limiters, [self.other]
            try:
                return super().answer(ask)
            finally:
                self.limiters = own
        return super().answer(ask)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.other = make(self.truth.algorithm, limit(self.truth.amount, self.truth.window_s))


@pytest.mark.parametrize("headers", [True, False])
@pytest.mark.parametrize("shared", [True, False])
def test_two_keys_are_told_apart_or_together(headers: bool, shared: bool) -> None:
    """With headers by the remainders, without them by knocking where the first key was refused."""
    world = TwoKeys(
        Truth("sliding_log", 40 if headers else 8, 300 if headers else 600, headers=headers, start_s=START_S), 1
    )
    world.shared = shared
    current: list[Sight] = []
    investigation = Investigation(replace(BUDGET, requests=40), lambda exchange, ask: current[-1], second_key=True)
    drive(investigation.plan(), world, current)
    assert report_of(investigation).keys_share_quota is shared


def test_the_same_world_gives_the_same_report() -> None:
    """Nothing in the search is random."""
    truth = random_truth(11)
    first, second = (main_finding(run(World(truth, 11), BUDGET)) for _ in range(2))
    assert first == second


class Reserving(World):
    """Announces tokens as well: what is asked for is taken up front; what is not produced may come back."""

    gives_back = True
    takes_output = True

    def answer(self, ask: Ask) -> Sight:
        seen = super().answer(ask)
        at_ns = seen.answered_ns
        output = ask.max_output_tokens or 0
        charge = 9 + (output if self.takes_output else 0)
        self.tokens.charge(charge, at_ns)
        left, full_ns = self.tokens.level(at_ns)
        if self.gives_back and self.takes_output:
            self.tokens.give_back(output - 1, at_ns)
        headers = ("x-ratelimit-limit-tokens", "x-ratelimit-remaining-tokens")
        told = LimitReading(Dimension.TOKENS, None, None, 40_000, left, round(full_ns / 1e6) / 1e3, headers)
        return replace(seen, limits=(*seen.limits, told), tokens=10, output_tokens=1, max_output_tokens=output)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.tokens = make("token_bucket", Limit(Dimension.TOKENS, 40_000, 60 * NS_PER_S))


@pytest.mark.parametrize(("takes", "gives_back"), [(True, True), (True, False), (False, None)])
def test_whether_output_is_reserved_and_given_back_is_told(takes: bool, gives_back: bool | None) -> None:
    """Where the headers show tokens, asking for much once shows what is taken up front and what comes back."""
    world = Reserving(Truth("token_bucket", 500, 60, headers=True, start_s=START_S), 1)
    world.takes_output, world.gives_back = takes, bool(gives_back)
    report = report_of(run(world, Budget(requests=40, tokens=2000)))
    assert (report.reserves_max_tokens, report.gives_back_max_tokens) == (takes, gives_back)


class SlowToConnect(World):
    """The first answer takes a second and a half: a name to look up, a connection to open, a model to load."""

    def answer(self, ask: Ask) -> Sight:
        seen = super().answer(ask)
        if self.sent > 1:
            return seen
        self.now_ns += 1_500_000_000
        return replace(seen, answered_ns=self.now_ns)


@pytest.mark.parametrize(
    ("algorithm", "name", "burst"),
    [("token_bucket", "token_bucket", 5), ("sliding_log", "sliding_log", 5), ("quantised", "token_bucket", 1),
     ("fixed_window", "fixed_window", 5), ("first_use_window", "fixed_window", 5)],
)  # fmt: skip
def test_a_slow_first_answer_spoils_nothing(algorithm: str, name: str, burst: int) -> None:
    """Five in ten seconds are told although nobody knows when within 1.5 s the first was counted."""
    world = SlowToConnect(Truth(algorithm, 5, 10, start_s=START_S, latency_s=0.03), 1)
    found = report_of(run(world, BUDGET)).limiters[0]
    assert (found.algorithm, found.burst) == (name, burst)


class Shifted(World):
    """Every reset is off by the same."""

    shift_s = 0.0

    def readings(self, at_ns: int) -> tuple[LimitReading, ...]:
        return tuple(
            replace(each, reset_s=max((each.reset_s or 0.0) + self.shift_s, 0.0)) for each in super().readings(at_ns)
        )


@pytest.mark.parametrize("shift_s", [37.0, -30.0, 3.0, -5.0])
@pytest.mark.parametrize(("algorithm", "amount", "window_s"), [("sliding_log", 100, 60), ("first_use_window", 90, 60)])
def test_a_window_that_stands_on_resets_alone_is_waited_for(
    algorithm: str, amount: int, window_s: float, shift_s: float
) -> None:
    """A log's reset is its whole window: 97 s for one of 60 s is never sure, for it was seen to be back before."""
    truth = Truth(algorithm, amount, window_s, headers=True, start_s=START_S)
    world = Shifted(truth, 1)
    world.shift_s = shift_s
    found = report_of(run(world, BUDGET)).limiters[0]
    # Within 5 % the shift does not matter, beyond it nothing is sure.
    assert found.confidence < SURE or not wrong(truth, found)


@pytest.mark.parametrize("seed", range(1, 6))
@pytest.mark.parametrize("algorithm", ["fixed_window", "first_use_window"])
def test_a_steady_stranger_makes_nobody_sure_of_too_small_an_amount(algorithm: str, seed: int) -> None:
    """Six in ten seconds, of which somebody else takes some: five is never stated as sure."""
    truth = Truth(algorithm, 6, 10, others_per_s=0.18, start_s=START_S + 7.7 * seed)
    found = investigate(truth, seed=seed).limiters[0]
    assert found.confidence < SURE or not wrong(truth, found)


def test_a_window_as_short_as_a_few_answers_is_not_sure() -> None:
    """A second, seen through answers of a third of one, comes out as something near it: that is said."""
    truth = Truth("first_use_window", 900, 1.0, headers=True, latency_s=0.33, jitter=0.1, start_s=START_S)
    found = investigate(truth).limiters[0]
    assert found.confidence < SURE
    assert found.algorithm == "unknown" or any("take so long" in line for line in found.evidence)


def test_a_window_is_not_rounded_where_that_moves_the_burst() -> None:
    """748 in 28.8 s let 25 through at once; in a rounded half minute they would let 24."""
    truth = Truth("quantised", 748, 28.81, headers=True, start_s=START_S)
    found = investigate(truth).limiters[0]
    assert found.burst in (None, 25)
    assert found.window_s == pytest.approx(28.81, rel=0.05)


def test_a_wait_that_was_cut_short_is_not_spent() -> None:
    """Ctrl-C comes while the plan waits: what it would have waited is no part of what it cost."""
    current: list[Sight] = []
    world = World(Truth("fixed_window", 6, 60), 1)
    investigation = Investigation(BUDGET, lambda exchange, ask: current[-1])
    plan = investigation.plan()
    ask = next(plan)
    while ask.at_ns - world.now_ns < 5 * NS_PER_S:
        current.append(sight := world.answer(ask))
        ask = plan.send(Exchange(None, 1, sight.sent_ns, sight.answered_ns, Cost(), Answer(sight.status)))
    plan.close()
    assert investigation.waited_ns == world.waited_ns
