"""Every header family is read to the numbers it states. One table, a case or more a family."""

from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from ratecheck.dialects import read_limits
from ratecheck.dialects.rules import Reading, Remarks
from ratecheck.model import Dimension

NOW = datetime(2026, 11, 3, 9, 30, 0, tzinfo=UTC)
DATE = ("date", "Tue, 03 Nov 2026 09:30:00 GMT")
EPOCH = int(NOW.timestamp())

R, T, I, O, IMG = (  # noqa: E741
    Dimension.REQUESTS, Dimension.TOKENS, Dimension.INPUT_TOKENS, Dimension.OUTPUT_TOKENS, Dimension.IMAGES,
)  # fmt: skip

Row = tuple[Dimension | None, float | None, int | None, int | None, float | None]
"""dimension, window_s, limit, remaining, reset_s"""


@dataclass
class Case:
    """One answer's headers and the limits that they state."""

    name: str
    headers: str
    rows: list[Row]
    provider: str | None = None
    told: str | None = None
    """The provider that the reading names."""


CASES = [
    Case(
        "OpenAI, a minute",
        """openai-processing-ms: 310
        x-ratelimit-limit-requests: 7500
        x-ratelimit-remaining-requests: 7499
        x-ratelimit-reset-requests: 8ms
        x-ratelimit-limit-tokens: 450000
        x-ratelimit-remaining-tokens: 449100
        x-ratelimit-reset-tokens: 120ms""",
        [(R, 60, 7500, 7499, 0.008), (T, 60, 450_000, 449_100, 0.12)], told="openai",
    ),
    Case(
        "OpenAI, requests a day",
        """openai-organization: acme
        x-ratelimit-limit-requests: 200
        x-ratelimit-remaining-requests: 197
        x-ratelimit-reset-requests: 21m36s""",
        [(R, 86_400, 200, 197, 1296)], told="openai",
    ),
    Case(
        "OpenAI, a day and partly refilled",
        """x-ratelimit-limit-requests: 10000
        x-ratelimit-remaining-requests: 9999
        x-ratelimit-reset-requests: 6.9s""",
        [(R, 86_400, 10_000, 9999, 6.9)], provider="openai", told="openai",
    ),
    Case(
        "OpenAI, projects, images and the usage-based family of 2023",
        """openai-version: 2020-10-01
        x-ratelimit-limit-project-tokens: 90000
        x-ratelimit-remaining-project-tokens: 60000
        x-ratelimit-reset-project-tokens: 20s
        x-ratelimit-limit-project-requests: 600
        x-ratelimit-remaining-project-requests: 540
        x-ratelimit-reset-project-requests: 6s
        x-ratelimit-limit-input-images: 3000
        x-ratelimit-remaining-input-images: 2900
        x-ratelimit-reset-input-images: 2s
        x-ratelimit-limit-tokens-usage-based: 90000
        x-ratelimit-remaining-tokens-usage-based: 89970
        x-ratelimit-reset-tokens-usage-based: 20ms""",
        [(T, 60, 90_000, 60_000, 20), (R, 60, 600, 540, 6), (IMG, 60, 3000, 2900, 2), (T, 60, 90_000, 89_970, 0.02)],
        told="openai",
    ),
    Case(
        "Azure, the classic route writes milliseconds",
        """x-ms-region: Sweden Central
        x-ratelimit-limit-requests: 240
        x-ratelimit-remaining-requests: 238
        x-ratelimit-reset-requests: 500
        x-ratelimit-renewalperiod-requests: 60
        x-ratelimit-limit-tokens: 240000
        x-ratelimit-remaining-tokens: 239960
        x-ratelimit-reset-tokens: 10
        x-ratelimit-renewalperiod-tokens: 60""",
        [(R, 60, 240, 238, 0.5), (T, 60, 240_000, 239_960, 0.01)], told="azure",
    ),
    Case(
        "Azure, the Foundry route writes floored seconds",
        """apim-request-id: 6f
        x-ratelimit-limit-requests: 40
        x-ratelimit-remaining-requests: 38
        x-ratelimit-reset-requests: 3
        x-ratelimit-renewalperiod-requests: 60
        x-ratelimit-limit-tokens: 80000
        x-ratelimit-remaining-tokens: 79990
        x-ratelimit-reset-tokens: 0
        x-ratelimit-renewalperiod-tokens: 60""",
        [(R, 60, 40, 38, 3), (T, 60, 80_000, 79_990, 0)], told="azure",
    ),
    Case(
        "Azure, a limit that cannot tell its unit asks its sibling",
        """azureml-model-session: s1
        x-ratelimit-limit-requests: 30
        x-ratelimit-remaining-requests: 28
        x-ratelimit-reset-requests: 4
        x-ratelimit-renewalperiod-requests: 60
        x-ratelimit-remaining-tokens: 700
        x-ratelimit-reset-tokens: 2""",
        [(R, 60, 30, 28, 4), (T, None, None, 700, 2)], told="azure",
    ),
    Case(
        "Azure, a 429 of 2023 in seconds",
        """x-ms-region: West US 3
        x-rate-limit-reset-tokens: 41
        policy-id: DeploymentRatelimit-Token""",
        [(T, None, None, None, 41)], told="azure",
    ),
    Case(
        "Azure, provisioned throughput",
        "azure-openai-deployment-utilization: 73.5%",
        [(None, None, None, None, None)], told="azure",
    ),
    Case(
        "Anthropic, resets against the date",
        """anthropic-ratelimit-requests-limit: 2000
        anthropic-ratelimit-requests-remaining: 1990
        anthropic-ratelimit-requests-reset: 2026-11-03T09:30:01Z
        anthropic-ratelimit-input-tokens-limit: 700000
        anthropic-ratelimit-input-tokens-remaining: 350000
        anthropic-ratelimit-input-tokens-reset: 2026-11-03T09:30:30Z
        anthropic-ratelimit-output-tokens-limit: 120000
        anthropic-ratelimit-output-tokens-remaining: 120000
        anthropic-ratelimit-output-tokens-reset: 2026-11-03T09:29:59Z
        anthropic-ratelimit-tokens-limit: 820000
        anthropic-ratelimit-tokens-remaining: 470000
        anthropic-ratelimit-tokens-reset: 2026-11-03T09:30:26Z""",
        [
            (R, 60, 2000, 1990, 1), (I, 60, 700_000, 350_000, 30), (O, 60, 120_000, 120_000, 0),
            (T, 60, 820_000, 470_000, 26),
        ],
        told="anthropic",
    ),
    Case(
        "Anthropic, priority and fast",
        """anthropic-priority-input-tokens-limit: 20000
        anthropic-priority-input-tokens-remaining: 18000
        anthropic-priority-input-tokens-reset: 2026-11-03T09:30:06Z
        anthropic-fast-output-tokens-limit: 9000
        anthropic-fast-output-tokens-remaining: 9000
        anthropic-fast-output-tokens-reset: 2026-11-03T09:30:00Z""",
        [(I, None, 20_000, 18_000, 6), (O, None, 9000, 9000, 0)], told="anthropic",
    ),
    Case(
        "Anthropic, a plan's windows in epoch seconds or RFC 3339",
        f"""anthropic-ratelimit-unified-status: allowed
        anthropic-ratelimit-unified-5h-status: allowed
        anthropic-ratelimit-unified-5h-utilization: 0.61
        anthropic-ratelimit-unified-5h-reset: {EPOCH + 7200}
        anthropic-ratelimit-unified-7d-utilization: 0.18
        anthropic-ratelimit-unified-7d-reset: 2026-11-05T09:30:00Z
        anthropic-ratelimit-unified-representative-claim: five_hour""",
        [(None, 18_000, None, None, 7200), (None, 604_800, None, None, 172_800)], told="anthropic",
    ),
    Case(
        "Groq, requests a day and tokens a minute by documentation",
        """x-ratelimit-limit-requests: 1000
        x-ratelimit-remaining-requests: 1000
        x-ratelimit-reset-requests: 0s
        x-ratelimit-limit-tokens: 6000
        x-ratelimit-remaining-tokens: 5982
        x-ratelimit-reset-tokens: 179.999999ms""",
        [(R, 86_400, 1000, 1000, 0), (T, 60, 6000, 5982, 0.179999999)], provider="groq", told="groq",
    ),
    Case(
        "Mistral now",
        """x-ratelimit-limit-req-10-second: 20
        x-ratelimit-remaining-req-10-second: 17
        x-ratelimit-limit-tokens-minute: 500000
        x-ratelimit-remaining-tokens-minute: 499870
        x-ratelimit-limit-tokens-month: 1000000000
        x-ratelimit-remaining-tokens-month: 999000000
        x-ratelimit-limit-audio-seconds-minute: 600
        x-ratelimit-remaining-audio-seconds-minute: 590
        x-ratelimit-tokens-query-cost: 130""",
        [
            (R, 10, 20, 17, None), (T, 60, 500_000, 499_870, None),
            (T, 2_592_000, 1_000_000_000, 999_000_000, None), (None, 60, 600, 590, None),
        ],
        told="mistral",
    ),
    Case(
        "Mistral in 2025",
        """x-ratelimit-limit-req-minute: 90
        x-ratelimit-remaining-req-minute: 88
        x-ratelimit-tokens-query-cost: 12""",
        [(R, 60, 90, 88, None)], told="mistral",
    ),
    Case(
        "Mistral in 2024: one limit under two names",
        """ratelimitbysize-limit: 250000
        ratelimitbysize-remaining: 249000
        ratelimitbysize-reset: 21
        ratelimitbysize-query-cost: 1000
        x-ratelimitbysize-limit-minute: 250000
        x-ratelimitbysize-remaining-minute: 249000
        x-ratelimitbysize-limit-month: 500000000
        x-ratelimitbysize-remaining-month: 499999000""",
        [(T, 60, 250_000, 249_000, 21), (T, 2_592_000, 500_000_000, 499_999_000, None)], told="mistral",
    ),
    Case(
        "OpenRouter, epoch milliseconds (from a body's metadata.headers)",
        f"""X-RateLimit-Limit: 120
        X-RateLimit-Remaining: 0
        X-RateLimit-Reset: {EPOCH * 1000 + 90_000}""",
        [(R, None, 120, 0, 90)], provider="openrouter", told="openrouter",
    ),
    Case(
        "Cerebras",
        """x-ratelimit-limit-requests-day: 2400
        x-ratelimit-remaining-requests-day: 2399
        x-ratelimit-reset-requests-day: 50412.7501
        x-ratelimit-limit-tokens-minute: 90000
        x-ratelimit-remaining-tokens-minute: 88000
        x-ratelimit-reset-tokens-minute: 12.7501
        x-ratelimit-limit-requests-hour: 900
        x-ratelimit-remaining-requests-hour: 899
        x-ratelimit-reset-requests-hour: 1812.7501""",
        [(R, 86_400, 2400, 2399, 50_412.7501), (T, 60, 90_000, 88_000, 12.7501), (R, 3600, 900, 899, 1812.7501)],
        told="cerebras",
    ),
    Case(
        "SambaNova",
        f"""x-ratelimit-limit-requests: 30
        x-ratelimit-remaining-requests: 29
        x-ratelimit-reset-requests: {EPOCH + 44}
        x-ratelimit-limit-requests-day: 800
        x-ratelimit-remaining-requests-day: 650
        x-ratelimit-reset-requests-day: {EPOCH + 40_000}""",
        [(R, 60, 30, 29, 44), (R, 86_400, 800, 650, 40_000)], provider="sambanova", told="sambanova",
    ),
    Case(
        "xAI, no reset",
        """x-zero-data-retention: true
        x-ratelimit-limit-requests: 480
        x-ratelimit-remaining-requests: 479
        x-ratelimit-limit-tokens: 2000000
        x-ratelimit-remaining-tokens: 1999800""",
        [(R, None, 480, 479, None), (T, None, 2_000_000, 1_999_800, None)], told="xai",
    ),
    Case(
        "Together, seconds",
        """x-inference-version: v2
        x-ratelimit-limit: 4
        x-ratelimit-remaining: 3
        x-ratelimit-reset: 1""",
        [(R, 1, 4, 3, 1)], told="together",
    ),
    Case(
        "Together's own and earned limits a second",
        """x-tokenlimit-limit: 900
        x-tokenlimit-remaining: 850
        x-ratelimit-limit-dynamic: 11
        x-ratelimit-remaining-dynamic: 10""",
        [(T, 1, 900, 850, None), (R, 1, 11, 10, None)], told="together",
    ),
    Case(
        "Codex plans: used percent, minutes, seconds or epoch",
        f"""x-codex-primary-used-percent: 37.5
        x-codex-primary-window-minutes: 300
        x-codex-primary-reset-after-seconds: 4200
        x-codex-secondary-used-percent: 4
        x-codex-secondary-window-minutes: 10080
        x-codex-secondary-reset-at: {EPOCH + 90_000}""",
        [(None, 18_000, None, None, 4200), (None, 604_800, None, None, 90_000)], told="openai",
    ),
    Case("used of a limit in one value", "X-Shop-Api-Call-Limit: 13/40\nX-Acme-RateLimit-Remaining-Tokens: 7/90",
         [(R, None, 40, 27, None), (T, None, 90, 7, None)]),
    Case("a limit with its window in words", "X-RateLimit-Limit-Requests: 90 per minute", [(R, 60, 90, None, None)]),
    Case("counts with a suffix", "X-RateLimit-Limit-Tokens: 1.5M\nX-RateLimit-Remaining-Tokens: 12k",
         [(T, None, 1_500_000, 12_000, None)]),
    Case("a window in milliseconds", "X-Acme-RateLimit-Max: 70\nX-Acme-RateLimit-Interval-Milliseconds: 10000",
         [(None, 10, 70, None, None)]),
    Case("a share is no count", "X-Acme-RateLimit-Limit-Percentage: 0.81", [(None, None, None, None, None)]),
    Case(
        "Fireworks",
        """x-ratelimit-limit-tokens-prompt: 70000
        x-ratelimit-remaining-tokens-prompt: 69000
        x-ratelimit-limit-tokens-generated: 900
        x-ratelimit-remaining-tokens-generated: 880""",
        [(I, None, 70_000, 69_000, None), (O, None, 900, 880, None)], told="fireworks",
    ),
    Case(
        "Replicate, unprefixed and no limit",
        """ratelimit-remaining: 580
        ratelimit-reset: 2""",
        [(R, None, None, 580, 2)], provider="replicate", told="replicate",
    ),
    Case(
        "GitHub REST",
        f"""x-github-request-id: E1
        x-ratelimit-limit: 5000
        x-ratelimit-remaining: 4990
        x-ratelimit-used: 10
        x-ratelimit-reset: {EPOCH + 1800}
        x-ratelimit-resource: core""",
        [(R, None, 5000, 4990, 1800)], told="github",
    ),
    Case(
        "GitHub Models names the limit that was hit",
        """x-ratelimit-type: UserByModelByMinute
        x-ratelimit-timeremaining: 37""",
        [(None, 60, None, None, 37)], told="github",
    ),
    Case(
        "GitHub Models, requests at once",
        "x-ratelimit-type: UserConcurrentRequests",
        [(Dimension.CONCURRENCY, None, None, None, None)], told="github",
    ),
    Case(
        "Hugging Face, two strings before q",
        """RateLimit-Policy: "fixed window";"api";q=1500;w=300
        RateLimit: "api";r=1421;t=77""",
        [(R, 300, 1500, 1421, 77)], told="huggingface",
    ),
    Case(
        "IETF now: two policies, the item names one, a unit and a partition key",
        """RateLimit-Policy: "burst";q=50;w=1;qu="tokens", "daily";q=9000;w=86400;pk=:Zm9v:
        RateLimit: "daily";r=8000;t=40000""",
        [(R, 86_400, 9000, 8000, 40_000), (T, 1, 50, None, None)],
    ),
    Case(
        "IETF now: a unit that is no dimension",
        """RateLimit-Policy: "peruser";q=70000;qu="content-bytes";w=30""",
        [(None, 30, 70_000, None, None)],
    ),
    Case(
        "IETF draft 07",
        """RateLimit: limit=250, remaining=75, reset=9
        RateLimit-Policy: 250;w=30""",
        [(None, 30, 250, 75, 9)],
    ),
    Case(
        "IETF, early drafts",
        """RateLimit-Limit: 40, 40;w=5, 900;w=3600
        RateLimit-Remaining: 12
        RateLimit-Reset: 2""",
        [(None, 5, 40, 12, 2), (None, 3600, 900, None, None)],
    ),
    Case(
        "Cohere's trial keys",
        """x-trial-endpoint-call-limit: 20
        x-endpoint-monthly-call-limit: 900""",
        [(R, None, 20, None, None), (R, 2_592_000, 900, None, None)], told="cohere",
    ),
    Case(
        "Moonshot",
        """msh-request-id: a
        X-RateLimit-Limit: 3
        X-RateLimit-Remaining: 1
        X-RateLimit-Reset: 19""",
        [(None, None, 3, 1, 19)], told="moonshot",
    ),
    Case(
        "LiteLLM: limits of the proxy's key",
        """x-litellm-version: 1.80.0
        x-litellm-key-rpm-limit: 90
        x-litellm-key-tpm-limit: None
        x-ratelimit-api_key-remaining-requests: 71
        x-ratelimit-api_key-limit-requests: 90""",
        [(R, 60, 90, None, None), (R, None, 90, 71, None)], told="litellm",
    ),
    Case("generic, seconds from now", "X-RateLimit-Limit: 33\nX-RateLimit-Remaining: 30\nX-RateLimit-Reset: 8",
         [(None, None, 33, 30, 8)]),
    Case("generic, epoch seconds", f"X-RateLimit-Limit: 33\nX-RateLimit-Used: 3\nX-RateLimit-Reset: {EPOCH + 88}",
         [(None, None, 33, 30, 88)]),
    Case("generic, epoch milliseconds", f"X-RateLimit-Remaining: 2\nX-RateLimit-Reset: {EPOCH * 1000 + 1500}",
         [(None, None, None, 2, 1.5)]),
    Case("generic, JavaScript's date text",
         "X-RateLimit-Reset: Tue Nov 03 2026 10:31:00 GMT+0100 (Central European Standard Time)",
         [(None, None, None, None, 60)]),
    Case("generic, HTTP date", "X-RateLimit-Reset: Tue, 03 Nov 2026 09:30:09 GMT", [(None, None, None, None, 9)]),
    Case("generic, a unit in a comment", "X-Rate-Limit-Limit: 70\nX-Rate-Limit-Reset: 2500 (in milliseconds)",
         [(None, None, 70, None, 2.5)]),
    Case("generic, policies spelled window=", "X-RateLimit-Limit: 60, 60;window=60\nX-RateLimit-Remaining: 59",
         [(None, 60, 60, 59, None)]),
    Case("articles: X-RateLimit-Limit-Requests", "X-RateLimit-Limit-Requests: 44\nX-RateLimit-Remaining-Requests: 40",
         [(R, None, 44, 40, None)]),
    Case("articles: rpm and tpm",
         """x-ratelimit-limit-rpm: 66
         x-ratelimit-remaining-rpm: 60
         x-ratelimit-remaining-tpm: 4100
         X-RateLimit-Limit-TPM: 5000""",
         [(R, 60, 66, 60, None), (T, 60, 5000, 4100, None)]),
    Case("articles: milliseconds in OpenAI's names only fit as milliseconds",
         """x-ratelimit-limit-requests: 300
         x-ratelimit-remaining-requests: 295
         x-ratelimit-reset-requests: 1000""",
         [(R, 60, 300, 295, 1.0)]),
    Case("unknown names, windows in words",
         """X-Acme-Tokens-Limit-Per-Hour: 7000
         X-Acme-Tokens-Remaining-Per-Hour: 6500
         X-Daily-Request-Quota-Limit: 90
         X-Completion-Tokens-Rate-Limit-10-Second: 80""",
         [(T, 3600, 7000, 6500, None), (R, 86_400, 90, None, None), (O, 10, 80, None, None)]),
]  # fmt: skip


def parse(text: str) -> list[tuple[str, str]]:
    pairs = (line.strip().partition(":") for line in text.strip().splitlines())
    return [(name, value.strip()) for name, _, value in pairs]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_family_is_read_to_its_numbers(case: Case) -> None:
    """Dimension, window, limit, remaining and reset of every limit, and no limit-like header left unread."""
    headers = parse(case.headers)
    reading = read_limits([DATE, *headers], provider=case.provider)
    rows = [(one.dimension, one.window_s, one.limit, one.remaining, one.reset_s) for one in reading.limits]
    expected = [(*row[:4], row[4] if row[4] is None else pytest.approx(row[4])) for row in case.rows]
    assert rows == expected
    assert reading.provider == case.told
    assert reading.unknown == ()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_nothing_that_was_read_is_hidden(case: Case) -> None:
    """Each header with a limit, remaining or reset in its name stands in the reading under the server's spelling."""
    headers = parse(case.headers)
    reading = read_limits([DATE, *headers], provider=case.provider)
    words = ("limit", "utilization", "quota", "policy-id")
    assert {name for name, _ in headers if any(word in name.lower() for word in words)} <= set(reading.headers)


def one(text: str, provider: str | None = None, now: datetime | None = NOW) -> Reading:
    return read_limits(parse(text), provider=provider, now=now)


def kinds(text: str, provider: str | None = None, now: datetime | None = NOW) -> list[Remarks]:
    return [remark.kind for remark in one(text, provider, now).remarks]


def test_names_that_no_row_knows_are_marked() -> None:
    """Words in a name give a reading, never the claim to know the header."""
    (limit,) = one("X-Acme-Request-Limit: 30\nX-Acme-Request-Remaining: 3").limits
    assert (limit.known, limit.limit, limit.remaining) == (False, 30, 3)
    assert one("x-ratelimit-limit-requests: 30").limits[0].known


def test_a_value_that_cannot_be_read_is_shown_as_unknown() -> None:
    """Documentation placeholders and noise are neither guessed nor dropped."""
    reading = one('RateLimit: "api";r=[remaining];t=[seconds]\nX-RateLimit-Limit: lots')
    assert reading.limits == ()
    assert set(reading.unknown) == {"RateLimit", "X-RateLimit-Limit"}


@pytest.mark.parametrize(
    "name", ["access-control-max-age", "x-max-tokens", "x-csrf-token-reset-url", "content-length", "x-request-id",
             "x-should-retry", "x-upload-limit", "strict-transport-security", "x-max-retry-attempts-reached"],
)  # fmt: skip
def test_headers_that_are_no_limits_stay_out(name: str) -> None:
    """A limit is not seen where there is none."""
    reading = read_limits([(name, "600")])
    assert (reading.limits, reading.unknown) == ((), ())


def test_sentinels_are_unknown_not_numbers() -> None:
    """-1 of -1 with a reset of 0 says nothing: neither negative, nor empty, nor retry now."""
    text = "x-ratelimit-limit-tokens: -1\nx-ratelimit-remaining-tokens: -1\nx-ratelimit-reset-tokens: 0"
    (limit,) = one(text, "azure").limits
    assert (limit.dimension, limit.limit, limit.remaining, limit.reset_s) == (T, None, None, None)
    assert Remarks.SENTINEL in kinds(text, "azure")


def test_a_debt_is_nothing_left_and_said() -> None:
    """A negative remainder is read as none left; the debt is remarked."""
    reading = one("x-ratelimit-limit-tokens: 1000\nx-ratelimit-remaining-tokens: -250")
    assert reading.limits[0].remaining == 0
    assert [(remark.kind, remark.detail) for remark in reading.remarks] == [(Remarks.OVERDRAWN, "250")]


def test_more_left_than_the_limit_is_remarked() -> None:
    """Numbers that cannot belong together are shown as they are, with a word."""
    assert kinds("x-ratelimit-limit-tokens: 100\nx-ratelimit-remaining-tokens: 150") == [Remarks.ABOVE_LIMIT]


@pytest.mark.parametrize(
    ("seconds", "milliseconds", "expected", "remarked"),
    [("2", "1350", 1.35, False), ("1", "0", 1.0, True), ("0", "0", 0.0, False), ("60", "500", 60.0, True),
     ("7", None, 7.0, False), (None, "40", 0.04, False), ("1", "1", 0.001, False)],
)  # fmt: skip
def test_of_two_delays_the_exact_or_the_larger_counts(
    seconds: str | None, milliseconds: str | None, expected: float, remarked: bool
) -> None:
    """retry-after is retry-after-ms rounded up; where it is not, the larger one is taken and it is said."""
    pairs = [("retry-after", seconds), ("retry-after-ms", milliseconds)]
    reading = read_limits([(name, value) for name, value in pairs if value is not None])
    assert reading.retry_after_s == pytest.approx(expected)
    assert (Remarks.DELAYS_CONTRADICT in [remark.kind for remark in reading.remarks]) is remarked


def test_dates_are_taken_against_the_answers_own_clock() -> None:
    """The Date header beats the caller's now; without either an instant gives no wait."""
    instant = "Tue, 03 Nov 2026 09:30:25 GMT"
    late = datetime(2027, 1, 1, tzinfo=UTC)
    assert read_limits([DATE, ("retry-after", instant)], now=late).retry_after_s == 25
    assert read_limits([("retry-after", instant)], now=NOW).retry_after_s == 25
    undated = read_limits([("retry-after", instant)])
    assert (undated.retry_after_s, [remark.kind for remark in undated.remarks]) == (None, [Remarks.NO_DATE])


def test_a_reset_long_past_is_no_wait() -> None:
    """A second before the date is now; an hour before says nothing about the future."""
    assert one(f"x-ratelimit-remaining: 3\nx-ratelimit-reset: {EPOCH - 1}").limits[0].reset_s == 0
    text = f"x-ratelimit-remaining: 3\nx-ratelimit-reset: {EPOCH - 3600}"
    assert one(text).limits[0].reset_s is None
    assert kinds(text) == [Remarks.PAST]


def test_arithmetic_that_contradicts_the_documentation_is_said() -> None:
    """Groq documents a day; headers that give a minute are believed, and the contradiction is visible."""
    text = "x-ratelimit-limit-requests: 600\nx-ratelimit-remaining-requests: 540\nx-ratelimit-reset-requests: 6s"
    reading = one(text, "groq")
    assert (reading.limits[0].window_s, reading.limits[0].window_from) == (60, "reset arithmetic")
    assert [remark.kind for remark in reading.remarks] == [Remarks.WINDOW_CONTRADICTED]


def test_a_fixed_windows_reset_cannot_be_longer_than_the_window() -> None:
    """Together documents a second; a reset in five contradicts it, visibly."""
    assert kinds("x-ratelimit-limit: 3\nx-ratelimit-reset: 5", "together") == [Remarks.WINDOW_CONTRADICTED]
    assert kinds("x-ratelimit-limit: 3\nx-ratelimit-reset: 1", "together") == []


def test_the_documented_window_stands_where_the_reset_proves_none() -> None:
    """A reset of four roundings or less, or none at all, leaves the documentation's word."""
    text = "x-ratelimit-limit-requests: 600\nx-ratelimit-remaining-requests: 599\nx-ratelimit-reset-requests: 1ms"
    limit = one(text, "groq").limits[0]
    assert (limit.window_s, limit.window_from) == (86_400, "documentation")
    assert one(text, "openai").limits[0].window_s is None


def test_copies_of_a_gateway_say_whose_limit_it_is() -> None:
    """LiteLLM's copies join what it passed on; what differs stays apart."""
    text = """x-litellm-version: 1.81.2
    x-ratelimit-limit-requests: 800
    x-ratelimit-remaining-requests: 799
    x-ratelimit-limit-tokens: 5000
    x-ratelimit-remaining-tokens: 4000
    llm_provider-x-ratelimit-limit-requests: 800
    llm_provider-x-ratelimit-remaining-requests: 799
    llm_provider-x-ratelimit-limit-tokens: 90000
    llm_provider-x-ratelimit-remaining-tokens: 89000
    llm_provider-openai-processing-ms: 12"""
    found = [(limit.dimension, limit.limit, limit.whose) for limit in one(text).limits]
    assert found == [(R, 800, "upstream"), (T, 5000, None), (T, 90_000, "upstream")]
    assert len(one(text).limits[0].headers) == 4


def test_what_a_request_cost_is_kept() -> None:
    """Mistral says what this call was charged."""
    charges = one("x-ratelimit-tokens-query-cost: 321").charges
    assert [(charge.dimension, charge.amount) for charge in charges] == [(T, 321)]
