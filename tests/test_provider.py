"""The provider in virtual time: what it admits, what it charges, and whose words it uses."""

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ratecheck import dialects, limiters, provider
from ratecheck.durations import NS_PER_S
from ratecheck.errors import UsageError
from ratecheck.model import Answer, Call, Cost, Dimension
from ratecheck.provider import Profile, Provider, faults, rule_of
from ratecheck.provider.voices import VOICES

S = NS_PER_S


def call(tokens: int = 10, output: int = 0, model: str = "m", produced: int | None = None) -> Call:
    return Call(1, model, Cost(1, tokens, output), output if produced is None else produced, 0)


def openai(**limits: int) -> Profile:
    rules = tuple(rule_of(name, amount) for name, amount in limits.items())
    return replace(provider.get("openai-tier1"), limits=rules)


def drained(name: str) -> tuple[Provider, Answer]:
    """Ask a profile's provider at one instant until it refuses; return both."""
    imitated = Provider(provider.get(name))
    for _ in range(5000):
        answer = imitated.answer(call(), 7 * S)
        if answer.status != 200:
            return imitated, answer
    raise AssertionError("nothing was refused")


def test_a_refusal_under_one_limit_spends_nothing_under_the_others() -> None:
    """A prompt that is too large for now leaves the requests as they were, and the other way round."""
    imitated = Provider(replace(openai(rpm=10, tpm=100), charges_refusals=False))
    assert imitated.answer(call(90), 0).status == 200
    assert imitated.answer(call(20), 0).status == 429
    assert [level.remaining for level in imitated.levels(0, model="m")] == [9, 10]


def test_refused_requests_use_up_the_requests_but_no_tokens() -> None:
    """OpenAI counts unsuccessful requests: a client that keeps asking stays out, its tokens are untouched."""
    imitated = Provider(openai(rpm=3, tpm=1000))
    answers = [imitated.answer(call(), second * S).status for second in range(60)]
    assert answers == [200] * 3 + [429] * 57
    patient = Provider(replace(openai(rpm=3, tpm=1000), charges_refusals=False))
    assert [patient.answer(call(), second * S).status for second in range(60)].count(200) == 5
    assert imitated.levels(60 * S, model="m")[1].remaining == 1000


def test_the_wait_of_a_charged_refusal_counts_what_the_refusal_took() -> None:
    """retry-after is true at the moment it is said: following it gets through, half a second earlier does not."""
    imitated = Provider(openai(rpm=60))
    for _ in range(60):
        imitated.answer(call(), 0)
    refused = imitated.answer(call(), S // 2)
    assert (refused.header("retry-after-ms"), refused.header("retry-after")) == ("1000", "1")
    assert imitated.answer(call(), S // 2 + S).status == 200


def test_the_longest_wait_is_told_and_what_never_fits_first() -> None:
    """Of two limits that refuse, the one that refuses longer speaks; a request over a limit is told so."""
    imitated = Provider(openai(rpm=1, tpm=600))
    imitated.answer(call(600), 0)
    body = json.loads(imitated.answer(call(10), 0).body)
    assert "requests per min (RPM): Limit 1, Used 1, Requested 1. Please try again in 1m0s" in body["error"]["message"]
    never = imitated.answer(call(601), 0)
    assert "Request too large" in json.loads(never.body)["error"]["message"]
    assert "try again" not in json.loads(never.body)["error"]["message"]
    assert never.header("retry-after") is None


def test_each_model_and_key_has_limits_of_its_own_unless_the_organisation_shares_them() -> None:
    """Rotating keys helps exactly as long as they are not one organisation's."""
    apart, shared = Provider(openai(rpm=1)), Provider(openai(rpm=1), shared_by="org")
    assert [apart.answer(call(), 0, key).status for key in ("a", "b", "a")] == [200, 200, 429]
    assert [shared.answer(call(), 0, key).status for key in ("a", "b", "c")] == [200, 429, 429]
    assert apart.answer(call(model="other"), 0, "a").status == 200
    with pytest.raises(UsageError, match="shared by key or org"):
        Provider(openai(rpm=1), shared_by="user")


def test_an_answer_is_settled_when_it_ends_and_not_before() -> None:
    """Anthropic's output counts once it exists; a concurrency place is free when the answer has ended."""
    imitated = Provider(replace(provider.get("anthropic-tier1"), limits=(rule_of("otpm", 600),)), latency_ns=2 * S)
    imitated.answer(call(10, 0, produced=300), 0)
    assert imitated.levels(2 * S - 1, model="m")[0].remaining == 600
    assert imitated.levels(2 * S, model="m")[0].remaining == 300

    one = Provider(replace(provider.get("moonshot-tier0"), limits=(rule_of("concurrency", 1),)), latency_ns=2 * S)
    assert [one.answer(call(), at).status for at in (0, 2 * S - 1, 2 * S)] == [200, 429, 200]


def test_groq_adds_the_output_and_takes_nothing_for_refusals() -> None:
    """Prompt at admission, output once it exists (a debt if need be), refusals free."""
    imitated = Provider(replace(provider.get("groq-free"), limits=(rule_of("tpm", 60),)))
    assert imitated.answer(call(50, produced=40), 0).status == 200
    refused = imitated.answer(call(10), 0)
    assert refused.status == 429
    assert "Please try again in 40s" in json.loads(refused.body)["error"]["message"]
    assert imitated.answer(call(10), 40 * S - 1).status == 429
    assert imitated.answer(call(10), 40 * S).status == 200


@pytest.mark.parametrize("name", provider.profiles())
def test_every_profile_answers_and_refuses_in_its_dialects_own_form(name: str) -> None:
    """JSON, a status, headers that its dialect reads back to the very levels, and a wait where it is told one."""
    imitated, refused = drained(name)
    assert refused.status == 429
    json.loads(refused.body)
    assert imitated.dialect.name in VOICES
    for answer in (Provider(provider.get(name)).answer(call(), 7 * S), refused):
        reading = dialects.read_limits(answer.headers, provider=imitated.dialect.name, now=None)
        written = {(level.dimension, float(level.window_s)): level for level in imitated.levels(7 * S, model="m")}
        assert bool(reading.limits) == (name not in ("gemini-free", "moonshot-tier0")), "these two send no headers"
        for limit in reading.limits:
            assert limit.dimension is not None
            level = next(
                each for (dimension, window_s), each in written.items()
                if dimension is limit.dimension and limit.limit == each.limit and limit.window_s in (None, window_s)
            )  # fmt: skip
            if answer is refused:
                assert limit.remaining is not None
                assert abs(limit.remaining - level.remaining) <= 500, "Anthropic rounds to thousands"


def test_profiles_name_their_source_and_date() -> None:
    """Nobody has to believe a number: each says where it was read, when, and whether it was seen."""
    for profile in provider.profiles().values():
        assert profile.source.url.startswith("https://")
        assert len(profile.source.date) >= 7
        assert profile.limits
        assert profile.dialect == "unknown" or dialects.get(profile.dialect) is not None
    with pytest.raises(UsageError, match="no profile is called"):
        provider.get("openai-free-tier")


def test_a_profile_file_overrides_a_built_in_one() -> None:
    """Tiers change: a few lines of TOML are enough to follow."""
    profile = provider.load('base = "groq-free"\nrpm = 60\ntpd = 5\nsource = "my console"\ndate = 2026-11-20', "mine")
    assert {rule.name: rule.limit.amount for rule in profile.limits} == {"RPM": 60, "RPD": 1000, "TPM": 12000, "TPD": 5}
    assert (profile.dialect, profile.source.url, profile.source.date) == ("groq", "my console", "2026-11-20")
    own = provider.load(
        'dialect = "mistral"\n[[limits]]\ndimension = "requests"\namount = 6\nwindow_s = 2.5\n'
        'algorithm = "sliding_log"\n[[limits]]\ndimension = "tokens"\namount = 9\nwindow_s = 60\nburst = 3', "own",
    )  # fmt: skip
    assert [(rule.algorithm, rule.limit.amount, rule.limit.window_ns, rule.limit.burst) for rule in own.limits] == [
        ("sliding_log", 6, 2_500_000_000, None),
        ("token_bucket", 9, 60 * S, 3),
    ]
    assert own.limits[0].name == "requests in 2.5 s"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("rpm = ", "not TOML"), ("rmp = 3", "unknown key 'rmp'"), ("rpm = -1", "whole number"),
        ("rpm = true", "whole number"), ('rpm = "3"', "whole number"), ('base = "nobody"', "no profile is called"),
        ("", "no limit"), ("per_model = 1\nrpm = 2", "per_model is a bool"), ("limits = 3", "limits is a list"),
        ("[[limits]]\namount = 1", "needs dimension, amount and window_s"),
        ('[[limits]]\ndimension = "rpm"\namount = 1\nwindow_s = 1', "no dimension is called 'rpm'"),
        ('[[limits]]\ndimension = "tokens"\namount = 1\nwindow_s = 0', "window_s"),
        ('[[limits]]\ndimension = "tokens"\namount = 1\nwindow_s = nan', "window_s"),
        ('[[limits]]\ndimension = "tokens"\namount = 1\nwindow_s = 1\nalgorithm = "magic"', "no limiter is called"),
    ],
)  # fmt: skip
def test_a_wrong_profile_file_is_told_which_key_is_wrong(text: str, complaint: str) -> None:
    """One line that names the key and what was expected."""
    with pytest.raises(UsageError, match=complaint):
        provider.load(text, "mine.toml")


def test_a_limiter_may_be_put_in_place_of_the_profiles_own() -> None:
    """``--limiter`` changes what enforces the limits, never the places at the table."""
    profile = provider.get("moonshot-tier0").enforced_by("sliding_log")
    assert {rule.algorithm for rule in profile.limits} == {"sliding_log", "concurrency"}
    with pytest.raises(UsageError, match="no limiter"):
        profile.enforced_by("bucket")


def test_faults_answer_in_the_dialects_shape_and_count_as_failed_requests() -> None:
    """The story: a 500 and a timeout of the first call leave one of three requests."""
    imitated, script = Provider(openai(rpm=3)), faults.Script((faults.parse("first=500,timeout"),))
    statuses = []
    for second in range(5):
        outcome = script.next("same call", 0.0)
        if outcome.kind == "ok":
            statuses.append(imitated.answer(call(), second * S).status)
        else:
            statuses.append(imitated.fault(outcome, Cost(), "m", second * S).status)
    assert statuses == [500, None, 200, 429, 429]

    quota = imitated.fault(faults.parse("always=429+insufficient_quota").outcomes[0], Cost(), "m", 0)
    assert json.loads(quota.body)["error"]["code"] == "insufficient_quota"
    limited = imitated.fault(faults.parse("always=429+retry-after:120").outcomes[0], Cost(), "m", 0)
    assert limited.header("retry-after") == "120"
    assert "Rate limit reached" in json.loads(limited.body)["error"]["message"]


@given(
    st.lists(st.tuples(st.integers(0, 20 * S), st.integers(1, 400), st.sampled_from("ab")), max_size=60),
    st.sampled_from(sorted(set(limiters.ALGORITHMS) - {"concurrency"})),
)
@settings(max_examples=60)
def test_admissions_are_those_of_limiters_asked_together(script: list[tuple[int, int, str]], algorithm: str) -> None:
    """For any script, an admission is exactly what all limits of that key together allow."""
    profile = replace(openai(rpm=5, tpm=600).enforced_by(algorithm), charges_refusals=False)
    imitated, now_ns = Provider(profile), 0
    plain = {key: [limiters.make(rule.algorithm, rule.limit) for rule in profile.limits] for key in "ab"}
    for later_ns, tokens, key in script:
        now_ns += later_ns
        requests, all_tokens = plain[key]
        fits = requests.peek(1, now_ns).admitted and all_tokens.peek(tokens, now_ns).admitted
        if fits:
            requests.take(1, now_ns)
            all_tokens.take(tokens, now_ns)
        assert (imitated.answer(call(tokens), now_ns, key).status == 200) == fits


def test_strangers_do_not_fill_the_memory() -> None:
    """A million keys that each ask once leave no more than the cap behind."""
    imitated = Provider(openai(rpm=60))
    for number in range(25_000):
        imitated.answer(call(), number * S // 100, f"key-{number}")
    assert len(imitated.state(0)) <= 10_000


def test_images_and_requests_are_limited_apart() -> None:
    """An image limit refuses the request with images and lets the plain one pass."""
    imitated = Provider(openai(ipm=1))
    picture = Call(1, "m", Cost(1, 700, 0, 1), 0, 0)
    assert [imitated.answer(each, 0).status for each in (picture, picture, call())] == [200, 429, 200]
    assert imitated.levels(0, model="m")[0].dimension is Dimension.IMAGES
