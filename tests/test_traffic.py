"""What traffic shows about a client: each diagnosis on a run that has it, with its numbers, and not on one without."""

from dataclasses import replace

import pytest
from test_calls import OPENAI, Program, Send, Server, app, loop, raw, refuse, run, sdk

from ratecheck.calls import Attempt, group
from ratecheck.calls.tally import Tally
from ratecheck.clients import Sender
from ratecheck.diagnose.codes import CODES
from ratecheck.diagnose.traffic import diagnose, loads, remedies
from ratecheck.model import Category, Diagnosis, Dimension, Finding, LimitReading, Severity


def tally_of(programs: list[Program], server: Server, **outcome: object) -> Tally:
    """Run programs and add their calls up; ``outcome`` is put into every refused attempt."""
    attempts, _ = run(programs, server)
    attempts = [
        Attempt(one.request, one.outcome._replace(**outcome)) if one.outcome.status == 429 else one  # type: ignore[arg-type]
        for one in attempts
    ]
    tally = Tally()
    for call in group(attempts):
        tally.add(call)
    return tally


def found(tally: Tally) -> dict[str, Diagnosis]:
    return {each.code: each for each in diagnose(tally)}


def test_calm_traffic_is_not_complained_about() -> None:
    """One request for each call, none refused: nothing to say."""
    assert diagnose(tally_of([app([lambda: sdk("a"), lambda: sdk("b")])], lambda now, n: (200, None))) == ()


def test_requests_per_call_and_who_made_them() -> None:
    """RC201 counts calls, requests and layers, and gives the line of code that ends it."""
    tally = tally_of([app([lambda: sdk("a"), lambda: sdk("b")])], refuse())
    says = found(tally)["RC201"]
    assert says.says == "2 calls became 6 requests, 3.00 for each."
    assert "4 retries: 4 by the SDK" in says.evidence
    assert remedies(tally) == ("openai-python: OpenAI(max_retries=0)",)
    assert "RC205" not in found(tally)


def test_stacked_layers() -> None:
    """RC205 where a loop stands around an SDK that retries by itself."""
    says = found(tally_of([app([lambda: loop(sdk, "a", [1.0, 2.0])])], refuse()))["RC205"]
    assert "up to 9 requests for one call, in 3 rounds" in says.says
    assert says.severity is Severity.BAD


@pytest.mark.parametrize(
    ("counts", "severity", "tail"),
    [
        ("openai", Severity.BAD, "counts refused"),
        ("groq", Severity.NOTE, "does not count"),
        ("xai", Severity.BAD, "not documented"),
    ],
)
def test_quota_spent_on_refusals(counts: str, severity: Severity, tail: str) -> None:
    """RC202 says whether the provider counts refusals, as its row has it, and by what was refused."""
    finding = Finding(Category.RATE_LIMIT, counts, dimension=Dimension.TOKENS, window_s=60.0)
    says = found(tally_of([app([lambda: sdk("a")])], refuse(), finding=finding))["RC202"]
    assert "3 of 3 requests were refused (100%)" in says.says
    assert tail in says.says
    assert says.evidence == ("3 by tokens per minute",)
    assert says.severity is severity


def test_a_wait_that_was_not_kept() -> None:
    """RC203 names who came back early, what it was told and what it waited; RC206 who kept it."""

    def hasty() -> Program:
        for number in range(3):
            yield Send("a", replace(OPENAI, retry_count=number))
            yield from _pause(0.45)
        return 1

    early = found(tally_of([hasty()], refuse(20.0)))
    assert "told 20 s, it waited 454 ms" in early["RC203"].says
    assert "2 times" in early["RC203"].says
    obeyed = found(tally_of([app([lambda: sdk("a")])], refuse(20.0)))
    assert "RC203" not in obeyed
    assert obeyed["RC206"].says == "openai-python 3.54.0 waited as told 2 times, 20 s at most."
    in_words = found(tally_of([hasty()], refuse(20.0), in_words=True))["RC203"]
    assert any("message only" in line for line in in_words.evidence)


def _pause(seconds: float) -> "Program":
    from test_calls import Pause

    yield Pause(seconds)
    return 0


@pytest.mark.parametrize(("told", "gives_up"), [(120.0, False), (121.0, True), (900.0, True)])
def test_an_sdk_that_gives_up_beyond_its_bound(told: float, gives_up: bool) -> None:
    """RC206 tells the bound of that version: openai 3.x stops where it is told more than two minutes."""
    says = found(tally_of([app([lambda: sdk("a", retries=0)])], refuse(told)))
    assert ("RC206" in says) == gives_up
    if gives_up:
        assert "gave up where it was told to wait" in says["RC206"].says


def test_workers_that_come_back_together() -> None:
    """RC204 from four retries of different calls within a tenth of a second; one worker alone never has it."""
    assert "RC204" in found(tally_of([app([lambda i=i: sdk(f"p{i}")]) for i in range(6)], refuse()))
    assert "RC204" not in found(tally_of([app([lambda: loop(raw, "a", [0.05] * 9)])], refuse()))


@pytest.mark.parametrize(
    ("finding", "why"),
    [
        (Finding(Category.QUOTA_EXHAUSTED), "the quota is used up"),
        (Finding(Category.REQUEST_TOO_LARGE, will_fit_ever=False), "larger than the limit"),
    ],
)
def test_retrying_what_no_wait_can_mend(finding: Finding, why: str) -> None:
    """RC208 for a quota that is used up and a request that never fits."""
    says = found(tally_of([app([lambda: sdk("a")])], refuse(), finding=finding))["RC208"]
    assert why in says.says
    assert says.says.startswith("2 requests")


def test_which_limit_runs_out_first() -> None:
    """RC207 sets the pace of the run against each stated limit; the tightest is named, with the pace that fits it."""
    limits = (
        LimitReading(Dimension.REQUESTS, 60.0, "header name", 10, 0, headers=("x-a",)),
        LimitReading(Dimension.REQUESTS, 86_400.0, "header name", 1_000_000, 5, headers=("x-b",)),
    )
    tally = tally_of([app([lambda: sdk("a"), lambda: sdk("b")])], refuse(), limits=limits)
    says = found(tally)["RC207"]
    assert "requests per minute run out first" in says.says
    assert says.advice == ("Send at most one request every 6 s.",)
    assert [load.use.reading.limit for load in loads(tally)] == [10, 1_000_000]


def test_what_runs_out_first_is_a_matter_of_time_not_of_how_far_it_is_overrun() -> None:
    """A short burst overruns the day's limit by more than the minute's, but the minute refuses long before."""
    day = LimitReading(Dimension.REQUESTS, 86_400.0, "header name", 200, 190, headers=("x-a",))
    refusal = Finding(Category.RATE_LIMIT, "openai", 429, dimension=Dimension.REQUESTS, window_s=60.0, limit=3)
    tally = tally_of([app([lambda: sdk("a"), lambda: sdk("b")])], refuse(), limits=(day,), finding=refusal)
    says = found(tally)["RC207"]
    assert "requests per minute run out first" in says.says
    assert "against a limit of 3" in says.says


def test_a_limit_without_a_window_gets_the_one_that_its_refusal_names() -> None:
    """Headers and words speak of one limit: it is not listed twice."""
    bare = LimitReading(Dimension.REQUESTS, None, None, 3, 2, headers=("x-a",))
    refusal = Finding(Category.RATE_LIMIT, "openai", 429, dimension=Dimension.REQUESTS, window_s=60.0, limit=3)
    tally = tally_of([app([lambda: sdk("a"), lambda: sdk("b")])], refuse(), limits=(bare,), finding=refusal)
    (load,) = loads(tally)
    assert (load.use.reading.window_s, load.use.reading.window_from) == (60.0, "the refusal")


def test_requests_at_once_after_a_refusal_and_requests_without_an_answer() -> None:
    """RC209 and RC211 say how many."""
    assert found(tally_of([app([lambda: raw("a")] * 4)], refuse()))["RC209"].says.startswith("3 requests repeated")
    none = tally_of([app([lambda: raw("a")])], refuse(), status=None)
    assert found(none)["RC211"].says.startswith("1 request got no answer")


def test_no_traffic_at_all_and_every_code_is_in_the_table() -> None:
    """RC210 for an app that never came by; no code of ours is missing from the table."""
    assert list(found(Tally())) == ["RC210"]
    assert {f"RC2{number:02d}" for number in range(1, 12)} <= set(CODES)


def test_figures_stay_small_whatever_comes() -> None:
    """Thousands of models, clients and limits are added up without being kept apart for ever."""
    tally = Tally()
    for number in range(2_000):
        program = app([lambda n=number: raw(f"p{n}", Sender(agent=f"agent-{n}"))])
        attempts, _ = run([program], lambda now, n: (200, None))
        for call in group(attempts):
            tally.add(call)
    assert tally.calls == 2_000
    assert len(tally.by_client) <= 201
    assert sum(share.calls for share in tally.by_client.values()) == 2_000
    assert len(tally.notable()) <= 40
