"""What one answer gives to say: each code appears where its evidence is, with this case's numbers, and nowhere else."""

import pytest

from ratecheck.diagnose.codes import CODES
from ratecheck.diagnose.readings import of_finding, of_reading
from ratecheck.dialects import read_limits
from ratecheck.model import Category, Diagnosis, Dimension, Finding, LimitReading, Severity

OPENAI = "x-ratelimit-limit-{0}: {1}\nx-ratelimit-remaining-{0}: {2}\nx-ratelimit-reset-{0}: {3}\n"


def said(
    text: str, *, status: int = 200, provider: str | None = "openai", configured: dict[Dimension, int] | None = None
) -> dict[str, Diagnosis]:
    headers = [tuple(line.strip().split(": ", 1)) for line in text.strip().splitlines()]
    reading = read_limits([(name, value) for name, value in headers], provider=provider)
    return {one.code: one for one in of_reading(reading, status=status, configured=configured)}


def test_a_healthy_answer_gives_nothing_to_say() -> None:
    """Plenty left, a minute's window: silence."""
    text = OPENAI.format("requests", 600, 599, "100ms") + OPENAI.format("tokens", 90_000, 89_000, "666ms")
    assert said(text) == {}


def test_a_day_that_reads_like_a_minute() -> None:
    """The window is named, from what it was told, and the average a minute."""
    found = said(OPENAI.format("requests", 2_880, 2_878, "1m0s"))
    assert set(found) == {"RC101"}
    assert found["RC101"].says == (
        "The limit of 2,880 requests is for a day, not a minute (told by reset arithmetic): 2 a minute on average."
    )
    assert found["RC101"].severity is Severity.WARN


def test_a_name_that_states_its_month_needs_no_warning() -> None:
    """Mistral's monthly budget says so itself."""
    text = "x-ratelimit-limit-tokens-month: 9000000\nx-ratelimit-remaining-tokens-month: 8000000"
    assert said(text, provider="mistral") == {}


def test_less_than_configured() -> None:
    """A temporary reduction is told with both numbers."""
    text = OPENAI.format("tokens", 60_000, 59_000, "1s")
    found = said(text, configured={Dimension.TOKENS: 80_000, Dimension.REQUESTS: 10})
    assert found["RC102"].says == "The server enforces 60,000 tokens, 25% below the 80,000 you configured."
    assert "RC102" not in said(text, configured={Dimension.TOKENS: 60_000})


def test_a_day_is_not_below_a_minutes_configuration() -> None:
    """Amounts over different windows are not compared."""
    text = OPENAI.format("requests", 200, 199, "7m12s")
    assert "RC102" not in said(text, configured={Dimension.REQUESTS: 500})


def test_nearly_empty_says_what_will_be_refused() -> None:
    """The size of the next prompt that fails, and when all is free."""
    found = said(OPENAI.format("tokens", 40_000, 17, "59.974s"))
    assert found["RC103"].says == (
        "17 of 40,000 tokens left: the next prompt over 17 tokens will be refused; all is free again in 1 min."
    )
    assert found["RC103"].severity is Severity.WARN
    assert said(OPENAI.format("requests", 30, 0, "1m0s"))["RC103"].severity is Severity.BAD
    assert "RC103" not in said(OPENAI.format("tokens", 40_000, 4_000, "54s"))
    assert "RC103" in said(OPENAI.format("tokens", 40_000, 3_999, "54s"))


def test_a_small_request_passes_before_the_reset() -> None:
    """Continuous refill: one request of thirty a minute is back after two seconds, not after sixty."""
    found = said(OPENAI.format("requests", 30, 0, "1m0s"))
    assert found["RC105"].says == "One request passes in 2 s; the reset of 1 min is when all of it is free again."


def test_no_such_promise_for_a_fixed_window() -> None:
    """Where the reset is the window's end, nothing passes before it."""
    text = "x-ratelimit-limit: 30\nx-ratelimit-remaining: 0\nx-ratelimit-reset: 1"
    assert set(said(text, provider="together")) == {"RC103"}


def test_a_limit_of_zero() -> None:
    """Not empty: not in the plan."""
    found = said("x-ratelimit-limit-req-minute: 0\nx-ratelimit-remaining-req-minute: 0", provider="mistral")
    assert set(found) == {"RC127"}


@pytest.mark.parametrize(("share", "severity"), [("0.93", Severity.WARN), ("1.02", Severity.BAD)])
def test_a_plan_window_nearly_used(share: str, severity: Severity) -> None:
    """Subscription windows tell a share in place of numbers."""
    found = said(f"anthropic-ratelimit-unified-5h-utilization: {share}", provider="anthropic")
    assert found["RC128"].severity is severity
    assert said("anthropic-ratelimit-unified-5h-utilization: 0.42", provider="anthropic") == {}


@pytest.mark.parametrize(
    ("code", "text", "provider", "status"),
    [
        ("RC106", "x-ratelimit-limit-requests: 90\nx-ratelimit-remaining-requests: 89\n"
                  "x-ratelimit-reset-requests: 667", "azure", 200),
        ("RC107", "x-acme-request-limit: 9\nx-acme-request-remaining: 8", None, 200),
        ("RC107", "x-ratelimit-limit: plenty", None, 200),
        ("RC108", "content-type: text/plain", None, 200),
        ("RC109", "retry-after: 3\nretry-after-ms: 0", "azure", 429),
        ("RC110", "retry-after: 44", "anthropic", 200),
        ("RC115", "x-ratelimit-remaining-tokens: -1", "azure", 200),
        ("RC116", "x-ratelimit-limit-tokens: 50\nx-ratelimit-remaining-tokens: 60", None, 200),
        ("RC119", OPENAI.format("requests", 600, 500, "10s"), "groq", 200),
        ("RC122", "anthropic-ratelimit-requests-reset: 2026-08-01T10:00:00Z", "anthropic", 200),
        ("RC123", "x-ratelimit-limit-tokens: 50\nx-ratelimit-remaining-tokens: -7", None, 200),
        ("RC124", OPENAI.format("requests", 60, 55, "5s"), "openai", 429),
        ("RC125", "anthropic-ratelimit-unified-status: rejected", "anthropic", 429),
        ("RC125", "x-ratelimit-abusepenalty-active: True", "azure", 429),
    ],
)  # fmt: skip
def test_a_remark_gets_its_code(code: str, text: str, provider: str | None, status: int) -> None:
    """What the reader noticed is said once, under its code, with the headers as evidence."""
    found = said(text, provider=provider, status=status)
    assert code in found
    assert found[code].advice == (CODES[code].do,)


def test_four_resets_without_a_date_are_one_thing_to_say() -> None:
    """Equal remarks are folded, their headers kept."""
    text = "\n".join(
        f"anthropic-ratelimit-{name}-reset: 2026-08-01T10:00:0{digit}Z"
        for digit, name in enumerate(("requests", "tokens", "input-tokens", "output-tokens"))
    )
    assert len(said(text, provider="anthropic")["RC122"].evidence) == 4


def test_a_refusal_with_nothing_left_is_no_puzzle() -> None:
    """RC124 is for refusals that the shown limits do not explain."""
    assert "RC124" not in said(OPENAI.format("requests", 60, 0, "60s"), status=429)


def test_the_limit_that_no_header_shows_is_named() -> None:
    """A free account: the header shows the day's requests, and the three a minute refuse."""
    headers = [("x-ratelimit-limit-requests", "200"), ("x-ratelimit-remaining-requests", "190"),
               ("x-ratelimit-reset-requests", "1h12m0s")]  # fmt: skip
    refusal = Finding(Category.RATE_LIMIT, dimension=Dimension.REQUESTS, window_s=60.0, limit=3, requested=1)
    found = {one.code: one for one in of_reading(read_limits(headers), status=429, finding=refusal)}
    assert found["RC124"].says.endswith("the limit of 3 requests a minute refused, and no header shows it.")
    money = Finding(Category.QUOTA_EXHAUSTED)
    assert "RC124" not in [one.code for one in of_reading(read_limits(headers), status=429, finding=money)]


def test_whose_limit_behind_a_gateway() -> None:
    """Copies are the service's own; without copies nobody can tell."""
    copied = "x-litellm-version: 1.8\nllm_provider-x-ratelimit-limit-tokens: 70\nx-ratelimit-limit-requests: 5"
    assert "may be the gateway's own" in said(copied, provider=None)["RC117"].says
    assert "do not tell" in said("x-litellm-version: 1.8\nx-ratelimit-limit-tokens: 70", provider=None)["RC117"].says
    assert "RC117" not in said("x-ratelimit-limit-tokens: 70")


FINDINGS = [
    ("RC104", Finding(Category.RATE_LIMIT, status=429, dimension=Dimension.TOKENS, limit=6_000, requested=9_300)),
    ("RC104", Finding(Category.REQUEST_TOO_LARGE, status=413, will_fit_ever=False)),
    ("RC111", Finding(Category.QUOTA_EXHAUSTED, status=429, code="insufficient_quota", retryable=False)),
    ("RC112", Finding(Category.OVERLOADED, status=529)),
    ("RC113", Finding(Category.RATE_LIMIT, status=429, message="Request rate increased too quickly.")),
    ("RC113", Finding(Category.OVERLOADED, status=503, message="Slow Down")),
    ("RC114", Finding(Category.QUOTA_EXHAUSTED, message="Extra usage is required for long context requests.")),
    ("RC118", Finding(Category.RATE_LIMIT, "cloudflare", 429, message="error code: 1015")),
    ("RC120", Finding(Category.CONCURRENCY, status=429, limit=4)),
    ("RC121", Finding(Category.RATE_LIMIT, status=403)),
    ("RC126", Finding(Category.RATE_LIMIT, status=429, limits=(
        LimitReading(Dimension.REQUESTS, 60.0, remaining=0), LimitReading(Dimension.REQUESTS, 86_400.0, remaining=0)))),
    ("RC127", Finding(Category.QUOTA_EXHAUSTED, status=429, limit=0)),
]  # fmt: skip


@pytest.mark.parametrize(("code", "finding"), FINDINGS, ids=[code for code, _ in FINDINGS])
def test_a_refusal_gets_its_code(code: str, finding: Finding) -> None:
    """What kind of refusal it was, beyond its category."""
    assert code in [one.code for one in of_finding(finding)]


@pytest.mark.parametrize(
    "finding",
    [
        Finding(Category.RATE_LIMIT, status=429, limit=100, requested=100),
        Finding(Category.RATE_LIMIT, status=429, message="Please slow down."),
        Finding(Category.NOT_RATE_LIMIT, status=200, message="ramp up to a long context"),
        Finding(Category.RATE_LIMIT),
    ],
)
def test_an_ordinary_refusal_gets_none(finding: Finding) -> None:
    """A plain throttle explains itself: no code is claimed on thin evidence."""
    assert of_finding(finding) == ()


def test_limits_beside_a_refusal_are_judged_as_well() -> None:
    """A decoded dump says that its window is a day, whoever decoded it."""
    day = LimitReading(Dimension.REQUESTS, 86_400.0, "documentation", 2_000, 1_900)
    assert [one.code for one in of_finding(Finding(Category.NOT_RATE_LIMIT, status=200, limits=(day,)))] == ["RC101"]
    empty = LimitReading(Dimension.INPUT_TOKENS, 60.0, "documentation", 9_000, 0)
    (told,) = of_finding(Finding(Category.RATE_LIMIT, status=429, limits=(empty,)))
    assert told.says == "0 of 9,000 input tokens left: the next prompt will be refused."


def test_the_loudest_comes_first() -> None:
    """What stops the work stands before what is good to know."""
    found = of_finding(
        Finding(Category.RATE_LIMIT, status=413, dimension=Dimension.TOKENS, limit=1_000, requested=2_500)
    )
    assert [(one.code, one.severity) for one in found] == [("RC104", Severity.BAD), ("RC121", Severity.NOTE)]
    assert "(2.5 times)" in found[0].says


@pytest.mark.parametrize(
    ("text", "code", "says"),
    [
        ("x-ratelimit-limit: plenty", "RC107", "One header looks like a limit and its value could not be read."),
        ("x-ratelimit-limit-requests: 60\nx-ratelimit-remaining-requests: -1", "RC115",
         "One header says -1, which stands for unknown."),
        ("x-ratelimit-limit-requests: 60\nx-ratelimit-remaining-requests: -1\nx-ratelimit-reset-requests: nan", "RC115",
         "2 headers say -1 or nan, which stands for unknown."),
    ],
)  # fmt: skip
def test_one_header_is_said_as_one(text: str, code: str, says: str) -> None:
    """And two that stand for unknown in different words are not said to be the same."""
    assert said(text, provider="azure")[code].says == says
