"""Simulations: the story, the same answers as the provider's own, remedies as what they are, the same bytes again."""

import itertools
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest
from conftest import Ratecheck
from hypothesis import given, settings
from hypothesis import strategies as st

from ratecheck import retry
from ratecheck.durations import NS_PER_S
from ratecheck.errors import UsageError
from ratecheck.limiters import ALGORITHMS
from ratecheck.model import Call, Cost
from ratecheck.provider import Provider, get, profiles, rule_of
from ratecheck.render.page import Style, render
from ratecheck.render.simulate import document
from ratecheck.render.simulate import page as simulate_page
from ratecheck.simulate import Plan, SimulateReport, one_by_one, perform, study
from ratecheck.simulate.curves import remaining
from ratecheck.simulate.engine import Run, charges_refusals
from ratecheck.simulate.gate import Charging, Gate, Wording
from ratecheck.simulate.options import Options, scenario_of
from ratecheck.simulate.remedies import Proposal, proposals
from ratecheck.simulate.report import interval
from ratecheck.simulate.scenario import Remedies, Scenario, rate_per_s, span
from ratecheck.simulate.study import Done, Task, policy_of
from ratecheck.simulate.throttle import Throttle
from ratecheck.simulate.totals import Totals, Vain
from ratecheck.simulate.workload import jobs

OPEN_TIMES = [name for name in ALGORITHMS if name != "concurrency"]


def scenario(**options: object) -> Scenario:
    made, _, _ = scenario_of(Options(**options))  # type: ignore[arg-type]
    return made


def run(policy: str = "openai-python", seed: int = 0, **options: object) -> Totals:
    return Run(scenario(**options), retry.get(policy), seed, record=True).go()


def report(seed: int = 0, replicas: int = 1, compare: bool = False, **options: object) -> SimulateReport:
    return study(Plan(scenario(**options), seed, replicas, compare, keep_attempts=True))


# -- the story --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(5))
def test_the_story_is_true_for_every_seed(seed: int) -> None:
    """One call, a hiccup, three requests within 1.5 s, nothing left; a minute later the next call is refused thrice."""
    tally = run(rpm=3, seed=seed)
    one = [each for each in tally.attempts if each.call == 1]
    two = [each for each in tally.attempts if each.call == 2]
    assert [each.what for each in one] == ["500", "timeout", "200"]
    assert one[-1].at_ns <= 1.5 * NS_PER_S
    assert [each.remaining["requests"] for each in one] == [2, 1, 0]
    assert tally.drained_at_ns == one[-1].at_ns
    assert [each.what for each in two] == ["429"] * 3
    assert two[0].at_ns == 60 * NS_PER_S
    assert (tally.requests, tally.calls_ok, tally.first_limited_call) == (6, 1, 2)


def test_the_story_has_remedies_with_the_line_of_code_for_that_sdk() -> None:
    """Each remedy changes a number or says that it does not, and the switch is the SDK's own."""
    told = report(rpm=3)
    by_title = {remedy.title: remedy for remedy in told.remedies}
    assert by_title["retries off"].code == ("OpenAI(max_retries=0)",)
    assert by_title["retries off"].outcome.figures.requests == 2
    assert by_title["a minute between tries"].outcome.figures.calls_ok == 2
    assert by_title["3 keys, one account"].outcome.figures == told.policies[0].outcome.figures
    assert by_title["3 separate accounts"].outcome.figures.calls_ok == 2
    node = report(rpm=3, policy=["openai-node@6.49.0"])
    assert next(r for r in node.remedies if r.title == "retries off").code == ("new OpenAI({maxRetries: 0})",)
    assert {each.code for each in told.diagnoses} == {"RC301", "RC302"}


def test_a_server_that_says_how_long_saves_the_call() -> None:
    """With Retry-After the refused call waits 20 s as told and passes."""
    tally = run(rpm=3, retry_after=True, limiter="sliding_log", calls=4, every=1)
    fourth = [each for each in tally.attempts if each.call == 4]
    assert [each.what for each in fourth] == ["429", "200"]
    assert fourth[0].told_s == fourth[0].delay_ns / NS_PER_S  # type: ignore[operator]


ROOM = [
    # limiter, calls of one client, seconds between them, the one that is refused in vain, when, how far away room is
    ("sliding_counter", 2, 60.0, 2, 60.0, 40.0),  # 3 of the last minute fade, and the refusal itself is charged
    ("fixed_window", 4, 1.0, 4, 3.0, 57.0),
    ("sliding_log", 4, 1.0, 4, 3.0, 58.0),  # with the refusal there are 4: two of them have to be gone
    ("token_bucket", 4, 1.0, 4, 3.0, 20.0),  # the refusal took what had been refilled
]  # fmt: skip


@pytest.mark.parametrize(("limiter", "calls", "every", "call", "at_s", "room_s"), ROOM)
def test_room_is_as_far_away_as_that_limiter_says(
    limiter: str, calls: int, every: float, call: int, at_s: float, room_s: float
) -> None:
    """RC302 names the wait after which the call would have passed, and a nanosecond less would not have done."""
    fault = ["first=500,timeout"] if every == 60 else None
    made = scenario(rpm=3, limiter=limiter, calls=calls, every=every, fault=fault, timeout=0.0, retry_after=False)
    vain = Run(made, retry.get("openai-python"), 0).go().vain
    assert vain is not None
    assert (vain.call, vain.at_ns, vain.room_ns) == (call, at_s * NS_PER_S, room_s * NS_PER_S)
    tally = Run(made, retry.get("openai-python"), 0, record=True).go()
    for early_ns in (0, 1):
        gate = Gate(made.profile, charges_refusals(made))
        for each in tally.attempts:
            if each.at_ns <= vain.at_ns:
                gate.admit(1, each.at_ns, gate.drains)
        assert (gate.admit(1, vain.at_ns + vain.room_ns - early_ns, gate.drains) == 0) == (not early_ns)
    (found,) = (each for each in report(rpm=3, limiter=limiter, calls=calls, every=every, fault=fault, timeout=0.0,
                                        retry_after=False).diagnoses if each.code == "RC302")  # fmt: skip
    assert f"room for it was {room_s:.0f} s away" in found.says


@pytest.mark.parametrize(("room_s", "last_s", "vain"), [(40, 39.999, True), (40, 40, False), (None, 1, False)])
def test_retries_that_last_until_there_is_room_were_not_too_short(
    room_s: float | None, last_s: float, vain: bool
) -> None:
    """At the very instant of room they are long enough; where no clock tells, nothing is said."""
    room_ns = None if room_s is None else int(room_s * NS_PER_S)
    assert (Vain.of(2, 0, room_ns, int(last_s * NS_PER_S), None) is not None) == vain


@pytest.mark.parametrize("options", [{"policy": ["no-retry"]}, {"max_retries": 0}, {"retries_off": True}])
def test_a_client_that_does_not_retry_has_no_retries_that_are_too_short(options: dict[str, object]) -> None:
    """Neither RC302 nor RC306 speaks of retries that are switched off."""
    told = report(rpm=3, calls=9, every=1, clients=2, retry_after=False, **options)
    assert told.policies[0].outcome.figures.calls_ok < 18
    assert not {each.code for each in told.diagnoses} & {"RC302", "RC306"}


TOLD = [
    ({"rpm": 3}, "cost 3 of 3 requests: the next call, 1 min on, was refused and failed.", True),
    ({"rpm": 10}, "cost 3 of 10 requests; there was enough left for the next.", False),
    ({"rpm": 3, "policy": ["no-retry"]}, "failed and cost 1 of 3 requests; there was enough left for the next.", False),
    ({"rpm": 3, "max_retries": 0}, "failed and cost 1 of 3 requests; there was enough left for the next.", False),
    # A third request of one: there was nothing to pay it with, and a bucket is as empty a minute later.
    ({"rpm": 1}, "failed and cost 1 of 1 requests: the next call, 1 min on, was refused and failed.", False),
    # Groq does not charge the 500.
    ({"rpm": 9, "provider": "groq"}, "cost 2 of 9 requests; there was enough left for the next.", False),
    ({"rpm": 3, "limiter": "token_bucket"}, "cost 3 of 3 requests; there was enough left for the next.", False),
]  # fmt: skip


@pytest.mark.parametrize(("options", "headline", "forgiven"), TOLD)
def test_the_storys_words_are_true_of_its_table(options: dict[str, object], headline: str, forgiven: bool) -> None:
    """A failed call is called so, a cost is what was charged, and a bucket is praised only where it helps."""
    told = report(**options)
    shown = simulate_page(told, 200)
    assert shown.verdict == f"Your one call {headline}"
    assert any("--limiter token_bucket the next call would have passed" in note for note in told.notes) == forgiven
    if forgiven:
        assert report(**{**options, "limiter": "token_bucket"}).policies[0].outcome.figures.requests_limited == 0


@pytest.mark.parametrize(
    ("options", "timeout_s", "noticed"),
    [
        ({}, 0.0, "A lost answer is noticed at once"), ({"latency": "2"}, 2.0, "A lost answer is noticed after 2 s"),
        ({"timeout": 9.0}, 9.0, ""),
    ],
)  # fmt: skip
def test_the_story_says_when_it_notices_a_lost_answer(
    options: dict[str, object], timeout_s: float, noticed: str
) -> None:
    """What nobody asked for is said; the second try takes just that long."""
    made, notes, _ = scenario_of(Options(rpm=3, **options))  # type: ignore[arg-type]
    assert made.timeout_s == timeout_s
    assert noticed in " ".join(notes)
    assert bool(noticed) == bool(notes)
    _, second, third, *_ = Run(made, retry.get("openai-python"), 0, record=True).go().attempts
    assert second.delay_ns is not None
    assert third.at_ns - second.at_ns - second.delay_ns == timeout_s * NS_PER_S


# -- simulate and serve agree -----------------------------------------------------------------------------------------

INSTANTS = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 3000), st.integers(1, 900)), min_size=1, max_size=40)


@settings(max_examples=60)
@given(
    INSTANTS,
    st.sampled_from(OPEN_TIMES),
    st.sampled_from(["openai", "azure", "anthropic", "groq", "moonshot", "google"]),
)
def test_the_gate_answers_as_the_provider_does(calls: list[tuple[int, int, int]], algorithm: str, dialect: str) -> None:
    """The same calls at the same instants: the same verdicts, and the very signals that a client would read."""
    profile = replace(
        get("openai-tier1"), dialect=dialect, limits=(rule_of("rpm", 7, algorithm), rule_of("tpm", 4000, algorithm))
    )
    provider, made = Provider(profile, shared_by="org"), Scenario(profile)
    gate, wording = Gate(profile, charges_refusals(made)), Wording(profile, hints=True, text=True)
    charging = Charging(profile)
    now_ns = 0
    for gap_s, gap_ms, tokens in calls:
        now_ns += gap_s * NS_PER_S // 4 + gap_ms * 1_000_000
        cost = Cost(1, tokens, 0)
        answer = provider.answer(Call(1, profile.model, cost, 0, now_ns), now_ns)
        amounts = charging.amounts(cost)
        wait_ns = gate.admit(gate.taken(amounts), now_ns, gate.drains)
        assert (wait_ns == 0) == (answer.status == 200)
        used = charging.used(cost, 0)
        if wait_ns == 0 and used is not None:
            gate.settle(amounts, charging.amounts(used), now_ns, now_ns)
        if wait_ns != 0:
            steps = -1 if wait_ns is None or not wording.step_ns else -(-wait_ns // wording.step_ns)
            told, read = wording.signals(steps), retry.read(answer)
            assert (told.retry_after, told.retry_after_ms) == (read.retry_after, read.retry_after_ms)
            assert (told.quota_code, told.quota_words) == (read.quota_code, read.quota_words)
            if gate.refused_by == 0 and wait_ns is not None:
                assert told.again == read.again


@pytest.mark.parametrize("algorithm", OPEN_TIMES)
def test_one_limit_is_answered_as_many_are(algorithm: str) -> None:
    """The short way for a single limit gives what the long way gives."""
    one = replace(get("openai-tier1"), limits=(rule_of("rpm", 5, algorithm),))
    short, long = Gate(one, True), Gate(one, True)
    for step in range(200):
        now_ns = step * 1_700_000_000 + step * step * 1_000_003
        assert short.admit(1, now_ns, True) == long._admit_all((1,), now_ns, True)


@pytest.mark.parametrize("name", sorted(profiles()))
def test_every_built_in_account_can_be_simulated(name: str) -> None:
    """Any limiter and dialect of serve, concurrency included, runs to the end."""
    tally = run(profile=name, rate="200/min", duration=60, tokens="100-900", latency="0.2-2", clients=2)
    assert tally.unfinished == 0
    assert tally.requests == tally.requests_ok + tally.requests_limited + tally.requests_faulted


def test_faults_cost_what_they_cost_at_the_provider() -> None:
    """A drop has done its work and is charged; a 500 is charged where refusals are; an insufficient_quota is read."""
    assert [a.remaining["requests"] for a in run(rpm=9, fault=["first=drop,500,ok"], calls=1).attempts] == [8, 7, 6]
    groq = run(rpm=9, provider="groq", fault=["first=drop,500,ok"], calls=1)
    assert [a.remaining["requests"] for a in groq.attempts] == [8, 8, 7]
    quota = run("langchain-js", rpm=9, fault=["always=429+insufficient_quota"], calls=1)
    assert quota.requests == 1
    assert run("openai-python", rpm=9, fault=["always=429+insufficient_quota"], calls=1).requests == 3


@pytest.mark.parametrize(
    ("policy", "timeout", "told", "cost_s"),
    [
        ("openai-python", None, "No answer within 10 min is a timeout: the default of openai-python (--timeout).", 600),
        ("groq-python", None, "No answer within 1 min is a timeout: the default of groq-python (--timeout).", 60),
        ("full-jitter+groq-python", None, "the default of full-jitter+groq-python", 60),
        ("vercel-ai", None, "How long vercel-ai waits for an answer is not known", 2),
        ("openai-python", 7.0, "", 7),
    ],
)
def test_a_timeout_costs_the_clients_patience(policy: str, timeout: float | None, told: str, cost_s: float) -> None:
    """The SDK's own default where it is known, said so; else an answer's time, said louder."""
    made = report(
        rpm=9, calls=1, policy=[policy], fault=["first=timeout"], timeout=timeout, latency="2", compare=True
    )  # fmt: skip
    first, second = made.policies[0].outcome.attempts
    assert first.delay_ns is not None
    assert second.at_ns - first.at_ns - first.delay_ns == cost_s * NS_PER_S
    assert told in " ".join(made.notes)
    assert bool(told) == bool(made.notes)
    assert all(each.outcome.figures.makespan_s >= cost_s for each in made.remedies)


def test_the_curve_of_what_is_left_is_the_limiters_own() -> None:
    """The chart's line goes through every recorded level."""
    made = scenario(rpm=10, clients=3, every=4, duration=120)
    tally = Run(made, retry.get("openai-python"), 1, record=True).go()
    points = remaining(made, tally.attempts, 130.0)
    for each in tally.attempts:
        levels = [level for at_s, level in points if at_s == each.at_ns / NS_PER_S]
        assert each.remaining["requests"] in levels


# -- workload and remedies --------------------------------------------------------------------------------------------


def test_arrivals_are_what_they_are_called() -> None:
    """A schedule is even, a burst is one instant, Poisson keeps its rate; two policies meet the same calls."""
    even = jobs(scenario(rpm=9, calls=3, every=2.5).workload, scenario(rpm=9).remedies, 0)[0]
    assert [job.at_ns for job in even] == [0, 2_500_000_000, 5_000_000_000]
    burst = jobs(scenario(rpm=9, burst=True, calls=4, clients=2).workload, scenario(rpm=9).remedies, 0)
    assert {job.at_ns for mine in burst for job in mine} == {0}
    work = scenario(rpm=9, rate="60/min", duration=3000).workload
    drawn = [job.at_ns for job in jobs(work, scenario(rpm=9).remedies, 3)[0]]
    assert drawn == sorted(drawn)
    assert 2800 < len(drawn) < 3200  # 3000 expected, standard deviation 55
    assert drawn[-1] < 3000 * NS_PER_S
    assert drawn == [job.at_ns for job in jobs.__wrapped__(work, scenario(rpm=9).remedies, 3)[0]]


def test_a_client_that_calls_on_schedule_never_overlaps_itself() -> None:
    """The next call starts when the one before has ended, whichever is later."""
    tally = run(rpm=1000, calls=5, every=1, latency="3")
    assert [each.at_ns for each in tally.attempts] == [n * 3 * NS_PER_S for n in range(5)]


@pytest.mark.parametrize(
    ("name", "instants"),
    [
        ("token-bucket", [0, 0, 0, 20, 40, 60]), ("leaky-bucket", [0, 20, 40, 60, 80, 100]),
        ("sliding-log", [0, 0, 0, 60, 60, 60]),
    ],
)  # fmt: skip
def test_throttles_let_go_when_the_textbook_says(name: str, instants: list[int]) -> None:
    """Six at once under 3 a minute: a bucket, an even pace, a log of the last minute."""
    throttle = Throttle(name, 3.0)
    assert [throttle.grant(0) // NS_PER_S for _ in range(6)] == instants


def test_a_throttle_does_not_see_the_sdks_retries() -> None:
    """It counts calls: the hidden requests go by, and the report says so; without retries the limit holds."""
    busy = {"rpm": 30, "rate": "60/min", "duration": 300.0, "fault": ["0.5=500,500"], "throttle": "token-bucket:30"}
    told = report(**busy)
    assert told.policies[0].outcome.figures.requests_limited > 0
    assert "RC304" in {each.code for each in told.diagnoses}
    quiet = report(**{**busy, "policy": ["no-retry"], "throttle": "leaky-bucket:28"})
    assert quiet.policies[0].outcome.figures.requests_limited == 0


def test_retries_off_is_one_request_a_call_for_any_client() -> None:
    """The switch does to a stack of layers what it does to a plain SDK."""
    for policy in ("openai-python", "aider", "cookbook-backoff"):
        told = report(rpm=3, burst=True, calls=9, policy=[policy], retries_off=True)
        assert told.policies[0].outcome.figures.requests == 9


def test_workers_are_the_most_that_is_under_way() -> None:
    """With N workers never more than N requests overlap, and the queue is served in order."""
    tally = run(rpm=10_000, rate="600/min", duration=30, latency="1", workers=3)
    starts = sorted(each.at_ns for each in tally.attempts)
    assert all(later - first >= NS_PER_S for first, later in zip(starts, starts[3:], strict=False))
    assert [each.call for each in sorted(tally.attempts)] == sorted(each.call for each in tally.attempts)


def test_cache_merging_and_trimming_change_what_is_asked() -> None:
    """A cache answers its share with no request, K merged calls are one request, trimmed prompts charge less."""
    busy = {"rpm": 100_000, "rate": "600/min", "duration": 60.0}
    plain = run(**busy)
    cached = run(**busy, cache=0.3)
    assert cached.requests + cached.calls_cached == plain.requests
    assert 0.2 < cached.calls_cached / cached.calls < 0.4
    merged = run(**busy, merge=5)
    assert merged.calls == plain.calls
    assert merged.requests == -(-plain.requests // 5)
    assert len(merged.latencies_ns) == plain.calls
    tight = {"tpm": 10_000, "rate": "30/min", "duration": 300.0, "tokens": "1000"}
    assert run(**tight, trim=0.8).requests_limited < run(**tight).requests_limited


def test_what_is_left_of_a_merge_is_sent_in_its_turn() -> None:
    """The last calls make no full group and go when the last of them is there, though the cache answered since."""
    totals = run(rpm=100, rate="600/min", duration=60.0, merge=5, cache=0.3, seed=5)
    assert (totals.unfinished, totals.calls_ok) == (0, totals.calls)
    work, remedies = scenario(rpm=9, rate="90/min", duration=60.0).workload, Remedies(merge=7, cache=0.4)
    for seed in range(20):
        instants = [job.at_ns for job in jobs(work, remedies, seed)[0]]
        assert instants == sorted(instants)


def test_keys_of_one_organisation_share_and_accounts_do_not() -> None:
    """Three keys change nothing under the organisation's limit; three accounts triple it."""
    busy = {"rpm": 30, "rate": "80/min", "duration": 300.0}
    plain, shared, apart = run(**busy), run(**busy, keys=3), run(**busy, keys=3, keys_scope="key")
    assert shared.attempts == plain.attempts
    assert apart.calls_ok > 2 * plain.calls_ok


def test_lower_max_tokens_frees_what_was_reserved() -> None:
    """Where max_tokens is reserved, reserving what answers need lets more through."""
    busy = {"tpm": 20_000, "provider": "azure", "rate": "30/min", "duration": 600.0, "tokens": "200",
            "max_output_tokens": 4000, "output_tokens": "50-200"}  # fmt: skip
    assert run(**busy, cap_output=200).calls_ok > 2 * run(**busy).calls_ok


def test_what_never_fits_is_said() -> None:
    """A call larger than the limit is refused for ever, under its code."""
    told = report(tpm=1000, tokens="3000", calls=2)
    assert told.diagnoses[0].code == "RC104"
    assert told.policies[0].outcome.figures.calls_ok == 0


def remedy_of(title: str, **options: object) -> Proposal | None:
    made = scenario(**options)
    policy = policy_of(made, made.policies[0])
    return next((each for each in proposals(made, policy, every=True) if each.title == title), None)


@pytest.mark.parametrize(
    ("options", "waits"),
    [
        ({}, "in place of 1.5 s, with the SDK's own retries off"),
        ({"policy": ["vercel-ai"]}, "in place of 6 s, with the SDK's own retries off"),
        ({"policy": ["no-retry"]}, "in place of none"), ({"max_retries": 0}, "in place of none, with"),
        ({"max_retries": 1}, "in place of 500 ms"),
        ({"retry_after": True}, "in place of what the server says"),
        # These wait as long already.
        ({"policy": ["cookbook-tenacity"]}, None), ({"policy": ["cookbook-tenacity-sdk-off"]}, None),
        ({"policy": ["cookbook-backoff"]}, None),
    ],
)  # fmt: skip
def test_a_longer_back_off_is_longer_than_this_clients(options: dict[str, object], waits: str | None) -> None:
    """The sentence compares 31 s (1, 2, 4, 8, 16) with what the simulated client waits."""
    found = remedy_of("longer back-off", rpm=3, **options)
    assert (found is None) == (waits is None)
    assert found is None or f"up to 31 s of waiting {waits}" in found.why


@pytest.mark.parametrize(
    ("title", "policy"), [("a minute between tries", "minute-pause"), ("obey the server's wait", "server-hint")]
)
def test_what_a_client_does_already_is_no_remedy(title: str, policy: str) -> None:
    """The same loop under another title would be a row that changes nothing."""
    assert remedy_of(title, rpm=3, retry_after=True) is not None
    assert remedy_of(title, rpm=3, retry_after=True, policy=[policy]) is None


def test_a_loop_of_ones_own_works_where_the_sdks_retries_are_off() -> None:
    """--retries-off is about the SDK: the loop that a remedy adds is simulated all the same."""
    by_title = {each.title: each for each in report(rpm=3, retries_off=True).remedies}
    assert by_title["a minute between tries"].outcome.figures.calls_ok == 2
    assert by_title["longer back-off"].outcome.figures.requests > 2


@pytest.mark.parametrize(
    ("clients", "rpm", "many", "span_s"), [(1, 3, 3, 60.0), (20, 60, 3, 60.0), (20, 70, 3, 51.43), (20, 10, 1, 120.0)]
)
def test_the_code_of_a_token_bucket_is_the_bucket_that_was_simulated(
    clients: int, rpm: int, many: int, span_s: float
) -> None:
    """``AsyncLimiter(many, span)`` holds as many, and lets the next go at the same instants."""
    found = remedy_of("throttle: token bucket", rpm=rpm, clients=clients, calls=9, every=1)
    assert found is not None
    assert found.code == (f"limiter = AsyncLimiter({many}, {span_s:g})  # aiolimiter; async with limiter: …",)
    node = remedy_of("throttle: token bucket", rpm=rpm, clients=clients, calls=9, every=1, policy=["openai-node"])
    assert node is not None
    assert f"reservoirRefreshAmount: {many}, reservoirRefreshInterval: {-(-span_s * 4 // 1) * 250:.0f}" in node.code[0]
    per_min = found.scenario.remedies.throttle_per_min
    assert per_min is not None
    throttle = Throttle("token-bucket", per_min)
    instants = [throttle.grant(0) / NS_PER_S for _ in range(2 * many)]
    assert instants[:many] == [0.0] * many
    assert instants[many:] == pytest.approx([span_s / many * (n + 1) for n in range(many)], rel=1e-3)


@pytest.mark.parametrize(("clients", "shared"), [(1, False), (20, True)])
def test_a_queue_over_several_clients_is_one_that_they_share(clients: int, shared: bool) -> None:
    """It is simulated as one: a semaphore in each process would be another thing."""
    found = remedy_of("a queue with 1 worker", rpm=60, clients=clients, rate="6/min", duration=60)
    assert found is not None
    assert ("all clients" in found.why) == shared
    assert ("Semaphore" in found.code[0]) != shared


def test_obeying_the_server_says_how_often_and_does_no_more() -> None:
    """Five times at most, after the first try: six requests a call."""
    options = {"rpm": 9, "calls": 1, "fault": ["always=429+retry-after:1"]}
    found = remedy_of("obey the server's wait", **options)
    assert found is not None
    assert "5 times at most" in found.why
    assert "5 times at most" in found.code[-1]
    assert run(found.policy, **options).requests == 6


# -- determinism, replicas, bounds ------------------------------------------------------------------------------------

BUSY = {"rpm": 20, "clients": 3, "every": 5.0, "duration": 120.0, "latency": "0.1-1", "fault": ["0.1=500"]}


def test_the_same_seed_gives_the_same_bytes() -> None:
    """Twice the same document, a different one for another seed; the order of running does not matter."""

    def text(seed: int) -> str:
        return json.dumps(document(report(seed=seed, replicas=3, compare=True, **BUSY), events=True))

    assert text(1) == text(1)
    assert text(1) != text(2)
    plan = Plan(scenario(**BUSY), 1, 3, False, keep_attempts=True)
    tasks = [task for _, task in plan.tasks]
    assert list(one_by_one(tasks)) == [perform(task) for task in reversed(tasks)][::-1]


def test_processes_change_nothing_but_the_time() -> None:
    """Two processes give what one gives, in the same order."""
    from ratecheck.net.progress import Progress
    from ratecheck.net.spread import spread

    tasks = [task for _, task in Plan(scenario(**BUSY), 0, 4, False, keep_attempts=True).tasks]
    assert list(spread(tasks, 2, Progress("test"))) == list(one_by_one(tasks))


def test_intervals_are_students() -> None:
    """Mean 3 and standard deviation 1.581 of 1..5: half the interval is 2.776 x 1.581 / sqrt(5) = 1.963."""
    found = interval([1, 2, 3, 4, 5])
    assert found is not None
    assert found.mean == 3
    assert found.low == pytest.approx(3 - 1.963, abs=0.001)
    assert found.high == pytest.approx(3 + 1.963, abs=0.001)
    assert interval([7.0]).low is None  # type: ignore[union-attr]
    assert interval([]) is None


def test_a_policy_without_an_end_stops_at_the_bound_and_says_so() -> None:
    """The run is cut at --max-events, with what had happened by then."""
    made = scenario(rpm=9, fault=["always=429"], calls=1, policy=["cookbook-backoff"], max_events=500)
    told = study(Plan(made, 0, 1, False, keep_attempts=False))
    assert told.policies[0].outcome.figures.cut == "max_events"
    assert told.policies[0].outcome.figures.calls_unfinished == 1
    assert "RC307" in {each.code for each in told.diagnoses}


def test_ctrl_c_keeps_what_is_done() -> None:
    """An interrupt in the middle of a run leaves its figures so far, marked."""
    made = Run(scenario(rpm=600, rate="6000/min", duration=3600, max_events=10_000_000), retry.get("openai-python"), 0)

    def tick(tally: Totals) -> None:
        raise KeyboardInterrupt

    tally = made.go(tick)
    assert tally.cut == "interrupted"
    assert 0 < tally.calls - tally.unfinished < tally.calls


def test_remedies_are_ranked_by_what_they_bring() -> None:
    """More answered calls first; of equals the one that wastes less."""
    ranked = report(compare=True, rpm=20, clients=4, every=5, duration=120).remedies
    keys = [(-round(r.outcome.figures.success_share, 6), round(r.outcome.figures.wasted_share, 6)) for r in ranked]
    assert keys == sorted(keys)
    assert {"retries off", "throttle: token bucket", "a queue with 1 worker", "merge 5 calls into 1"} <= {
        r.title for r in ranked
    }


# -- what a person may give -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message", "hint"),
    [
        ({}, "no limit", "--rpm"),
        ({"rpm": 0}, "--rpm 0", "from 1"),
        ({"rpm": -3}, "--rpm -3", "from 1"),
        ({"rpm": 3, "duration": 1e12}, "longer than a year", "86400"),
        ({"rpm": 3, "duration": float("nan")}, "--duration", ""),
        ({"rpm": 3, "every": -1.0}, "--every", ""),
        ({"rpm": 3, "every": float("inf")}, "--every", ""),
        ({"rpm": 3, "rate": "fast", "duration": 9.0}, "no rate", "30/min"),
        ({"rpm": 3, "rate": "0/min", "duration": 9.0}, "no rate", "30/min"),
        ({"rpm": 3, "rate": "30/min"}, "for ever", "--duration"),
        ({"rpm": 3, "rate": "30/min", "every": 3.0}, "both say", "one of them"),
        ({"rpm": 3, "every": 0.0, "duration": 60.0}, "for ever", "--calls"),
        ({"rpm": 3, "tokens": "9-3"}, "ends before", "3-9"),
        ({"rpm": 3, "tokens": "many"}, "no number", "200-1500"),
        ({"rpm": 3, "latency": "inf"}, "--latency 'inf'", "--latency 0.8"),
        ({"rpm": 3, "throttle": "token-bucket:nan"}, "--throttle token-bucket: 'nan'", "token-bucket:30"),
        ({"rpm": 3, "throttle": "token-bucket:0"}, "no rate above 0", "token-bucket:30"),
        ({"rpm": 3, "cache": 30.0}, "--cache is a share", "0.3"),
        ({"rpm": 3, "trim": 0.3}, "no tokens", "--tokens"),
        ({"rpm": 3, "keys_scope": "team"}, "--keys-scope", "organization"),
        ({"rpm": 3, "keys_scope": "key"}, "several keys", "--keys"),
        ({"rpm": 3, "throttle": "tokenbucket"}, "no throttle", "token-bucket"),
        ({"rpm": 3, "limiter": "tokn_bucket"}, "no limiter", "token_bucket"),
        ({"rpm": 3, "provider": "openia"}, "no provider", "openai"),
        ({"profile": "openai-fre"}, "no profile", "openai-free"),
        ({"rpm": 3, "fault": ["first=5xx"]}, "character 7", "WHEN=WHAT"),
        ({"tpm": 3000}, "calls have none", "--tokens"),
        ({"rpm": 3, "clients": 0}, "--clients", ""),
        ({"rpm": 3, "max_output_tokens": 10, "output_tokens": "50"}, "--output-tokens", ""),
        ({"rpm": 3, "strict": True}, "--strict", ""),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_said_in_one_line(options: dict[str, object], message: str, hint: str) -> None:
    """Every senseless option or combination is an error with the way out, before anything runs."""
    with pytest.raises(UsageError) as caught:
        scenario_of(Options(**options))  # type: ignore[arg-type]
    assert message in caught.value.message
    assert "\n" not in caught.value.message
    assert hint in (caught.value.hint or "")


def test_numbers_and_ranges_are_read_as_written() -> None:
    """``800``, ``200-1500`` and rates by second, minute, hour, or bare."""
    assert (span("800", "--tokens", 1e6).low, span("200-1500", "--tokens", 1e6).high) == (800, 1500)
    rates = [rate_per_s(text) for text in ("30/min", "30", "2/s", "100/h", "1 / day")]
    assert rates == pytest.approx([0.5, 0.5, 2.0, 100 / 3600, 1 / 86400])


HEADERS = {
    "schema": "ratecheck.headers/1", "target": {"provider": "groq", "model": "llama-9"},
    "probes": [{"limits": [
        {"dimension": "requests", "window_s": 86400, "limit": 77, "remaining": 76},
        {"dimension": "tokens", "window_s": None, "limit": 1234, "remaining": 1200},
        {"dimension": None, "window_s": None, "limit": None, "remaining": 9},
    ]}],
}  # fmt: skip
PROBED = {
    "schema": "ratecheck.probe/1", "target": {"provider": "openai"},
    "limiters": [{"dimension": "requests", "algorithm": "fixed_window", "limit": 12, "window_s": 60, "burst": None,
                  "charges_rejected": True}],
}  # fmt: skip


def test_limits_come_from_what_was_measured() -> None:
    """headers' readings and probe's findings become the account; what was not measured is said."""
    made, notes, _ = scenario_of(Options(limits="-", tokens="10"), json.dumps(HEADERS))
    assert [(r.name, r.limit.amount, r.algorithm) for r in made.profile.limits] == [
        ("RPD", 77, "token_bucket"), ("TPM", 1234, "token_bucket"),
    ]  # fmt: skip
    assert made.profile.dialect == "groq"
    assert "No window was measured for tokens: taken as a minute." in notes
    made, _, _ = scenario_of(Options(limits="-"), json.dumps(PROBED))
    assert [(r.name, r.limit.amount, r.algorithm) for r in made.profile.limits] == [("RPM", 12, "fixed_window")]
    assert made.profile.charges_refusals is True
    for text in ("", "[]", "{}", '{"probes": 3}', "nonsense", "[" * 100_000):
        with pytest.raises(UsageError):
            scenario_of(Options(limits="-"), text)


def line(at_s: float, count: int, status: int, fingerprint: str) -> str:
    return json.dumps({
        "schema": "ratecheck.attempt/1", "t_s": at_s, "status": status, "latency_s": 0.01, "charged_tokens": 120,
        "target": "POST /v1/chat/completions", "model": "m", "fingerprint": fingerprint, "retry_count": count,
        "client": {"sdk": "openai-python", "version": "3.54.0", "agent": "", "wrapper": None}, "run": None,
    })  # fmt: skip


def test_a_recording_is_a_workload() -> None:
    """Its calls arrive at their own instants, retries of the recorded client are not calls; broken lines are named."""
    text = "\n".join([line(5.0, 0, 429, "a"), line(5.4, 1, 200, "a"), "{torn", line(9.0, 0, 200, "b")])
    made, _, skipped = scenario_of(Options(rpm=1, workload="rec", retry_after=False), None, text)
    assert [(asked.at_s, asked.tokens) for asked in made.workload.asked] == [(0.0, 120), (4.0, 120)]
    assert skipped == ("rec, line 3: no recorded attempt, skipped",)
    tally = Run(made, retry.get("openai-python"), 0).go()
    assert (tally.calls, tally.requests) == (2, 4)
    with pytest.raises(UsageError, match="line 3"):
        scenario_of(Options(rpm=1, workload="rec", strict=True), None, text)
    with pytest.raises(UsageError, match="no recorded attempt in it"):
        scenario_of(Options(rpm=1, workload="rec"), None, "hello\n")


def test_what_was_interrupted_says_how_many_replicas_its_means_are_of() -> None:
    """Ctrl-C after the second of five: neither the page nor the document speaks of five as done."""

    def two_of(tasks: Sequence[Task]) -> Iterator[Done]:
        yield from itertools.islice(one_by_one(tasks), 2)
        raise KeyboardInterrupt

    told = study(Plan(scenario(**BUSY), 0, 5, compare=False, keep_attempts=False), two_of)
    numbers = document(told, events=False)
    assert (numbers["interrupted"], numbers["replicas"], numbers["policies"][0]["replicas"]) == (True, 5, 2)
    shown = render(simulate_page(told, 100), Style(width=100, color=False, unicode=True))
    assert "Means of at least 2 of 5 replicas" in shown
    assert "Means of 5 replicas" not in shown


# -- the command ------------------------------------------------------------------------------------------------------


def test_the_document_is_the_contracts(ratecheck: Ratecheck) -> None:
    """One JSON document with the promised fields; the figures are the story's."""
    done = ratecheck("simulate", "--rpm", "3", "--json", "--events")
    assert done.returncode == 0
    assert done.stderr == ""
    told = json.loads(done.stdout)
    assert told["schema"] == "ratecheck.simulate/1"
    assert (told["seed"], told["scenario"]["rpm"], told["scenario"]["tpm"]) == (0, 3, None)
    assert (told["scenario"]["calls"], told["scenario"]["clients"]) == (2, 1)
    (policy,) = told["policies"]
    expected = {
        "policy": "openai-python", "calls": 2, "calls_ok": 1, "calls_failed": 1, "requests": 6, "requests_ok": 1,
        "requests_limited": 3, "requests_faulted": 2, "amplification": 3.0, "first_limited_call": 2,
    }  # fmt: skip
    assert {name: policy[name] for name in expected} == expected
    assert 1.1 <= policy["drained_at_s"] <= 1.5
    assert told["scenario"]["timeout_s"] == 0.0
    assert told["notes"][0].startswith("A lost answer is noticed at once")
    assert set(policy["call_latency_s"]) == {"p50", "p95", "max"}
    assert policy["events"][0] | {"delay_s": None} == {
        "t_s": 0.0, "call": 1, "attempt": 1, "client": 1, "status": 500, "outcome": "fault", "fault": "500",
        "delay_s": None, "retry_after_s": None, "remaining": {"requests": 2},
    }  # fmt: skip


def test_the_list_of_policies_is_the_contracts(ratecheck: Ratecheck) -> None:
    """Every policy with its SDK's name, versions, switch, source and whether it was run."""
    told = json.loads(ratecheck("simulate", "--list-policies", "--json").stdout)
    row = next(each for each in told["policies"] if each["policy"] == "openai-python")
    assert row["sdk"] == "openai (Python) 3.x"
    assert {"versions", "max_retries", "disable", "source", "verified_on", "verified"} <= set(row)
    assert next(each for each in told["policies"] if each["policy"] == "full-jitter")["sdk"] is None
    assert len(told["policies"]) == len(retry.ROWS)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--rpm", "3", "--policy", "openai-pyhton"], "did you mean openai-python"),
        (["--rpm", "3", "--rate", "9000/min", "--duration", "86400"], "more than the bound"),
        (["--rpm", "3", "--limits", "/nowhere/at/all"], "--limits"),
        (["--rpm", "3", "--fault", "first=500,tmeout"], "character 11"),
        (["--rpm", "0"], "0 is not in the range x>=1"), (["--tpm", "0"], "0 is not in the range x>=1"),
        (["--rpd", "0"], "0 is not in the range x>=1"),
    ],
)  # fmt: skip
def test_mistakes_end_in_two_lines_and_2(ratecheck: Ratecheck, arguments: list[str], says: str) -> None:
    """Wrong usage: exit 2, an error and a hint on stderr, nothing on stdout, no traceback."""
    done = ratecheck("simulate", *arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert says in done.stderr
    assert len(done.stderr.strip().splitlines()) <= 2


@pytest.mark.parametrize("width", [60, 80, 100, 160])
def test_no_figure_is_cut_in_any_width(width: int) -> None:
    """With replicas and remedies, names may wrap; every figure of the tables is there whole."""
    told = report(replicas=4, compare=True, rpm=20, clients=4, every=5, duration=120, policy=["anthropic-python"])
    text = render(simulate_page(told, width), Style(width=width, color=False))
    table = text[text.index("What would help") : text.index("Calls answered")]
    assert "2 min" in table
    assert not re.search(r"\d min \d{1,2}$", table, re.MULTILINE)
    assert "anthropic-python" in text


@pytest.mark.parametrize("width", ["60", "100"])
def test_the_screen_fits_and_tells_the_story(ratecheck: Ratecheck, width: str) -> None:
    """Verdict, timeline, chart with refused attempts marked, remedies with code; nothing but code is wider."""
    done = ratecheck("simulate", "--rpm", "3", env={"COLUMNS": width})
    text = done.stdout
    assert "Your one call cost 3 of 3 requests" in text
    for part in ("What really happens", "Requests left; x marks", "What each remedy changes", "OpenAI(max_retries=0)"):
        assert part in text
    code = ("      ",)
    assert all(len(row) <= int(width) for row in text.splitlines() if not row.startswith(code))


@pytest.mark.parametrize(("told_s", "sent_at_s"), [(60, [0, 60, 120]), (120, [0, 120, 240]), (121, [0])])
def test_an_event_says_what_the_fault_told(told_s: int, sent_at_s: list[float]) -> None:
    """``retry_after_s`` is in every event of an answer that carried it, and the client went by it or gave up."""
    made = report(rpm=1000, calls=1, fault=[f"always=429+retry-after:{told_s}"])
    events = document(made, events=True)["policies"][0]["events"]
    assert [event["t_s"] for event in events] == sent_at_s
    assert {event["retry_after_s"] for event in events} == {told_s}
