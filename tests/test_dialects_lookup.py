"""Whose API it is: told from names, URLs and signatures; every provider of the contracts has its row."""

import re
from datetime import UTC, datetime

import pytest

from ratecheck.dialects import ALL, Level, get, of_headers, of_url, write_limits
from ratecheck.dialects.rules import Means
from ratecheck.model import Dimension

# The vocabulary of the contracts, but "unknown".
VOCABULARY = re.findall(
    r"\w+",
    """
    openai azure anthropic google groq mistral openrouter bedrock moonshot xai together zhipu qianfan litellm
    huggingface deepseek cohere ollama dashscope replicate minimax siliconflow nvidia cloudflare github opencode
    coreweave portkey exa perplexity fireworks cerebras sambanova meta deepinfra volcengine
    """,
)


def test_every_provider_of_the_vocabulary_has_a_row() -> None:
    """A name that scripts may meet is a name that can be looked up."""
    assert set(VOCABULARY) <= set(ALL)
    assert get("acme") is None
    assert get(None) is None


@pytest.mark.parametrize("name", VOCABULARY)
def test_a_row_says_where_its_facts_come_from(name: str) -> None:
    """Source and date on every row; what nobody saw happen is marked."""
    row = ALL[name]
    assert row.sources
    for source in row.sources:
        assert source.url.startswith("https://")
        assert re.fullmatch(r"20\d\d-\d\d(-\d\d)?", source.date)
    assert row.verified == all(source.verified for source in row.sources)
    assert all(env.isupper() for env in (*row.key_env, *row.base_url_env))
    assert row.base_url is None or of_url(row.base_url) is row


@pytest.mark.parametrize("name", VOCABULARY)
def test_rules_name_headers_in_lower_case_once(name: str) -> None:
    """One header has one meaning in one dialect."""
    headers = [rule.header for rule in ALL[name].headers]
    assert headers == [header.lower() for header in headers]
    assert len(headers) == len(set(headers))


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://api.openai.com/v1/chat/completions", "openai"),
        ("https://eu.api.openai.com/v1", "openai"),
        ("https://acme-east.openai.azure.com/openai/deployments/x/chat/completions?api-version=1", "azure"),
        ("https://acme.services.ai.azure.com/models", "azure"),
        ("https://models.inference.ai.azure.com", "github"),  # the longer pattern wins over Azure's
        ("api.groq.com", "groq"),
        ("HTTPS://API.ANTHROPIC.COM:443/v1/messages", "anthropic"),
        ("https://europe-west4-aiplatform.googleapis.com/v1", "google"),
        ("https://bedrock-runtime.us-east-1.amazonaws.com", "bedrock"),
        ("https://bedrock-runtime.amazonaws.com", None),  # a star never stands for nothing
        ("https://api.openai.com.evil.example/v1", None),
        ("https://notapi.openai.com.example", None),
        ("http://127.0.0.1:8080/v1", None),
        ("http://[::1", None),
        ("", None),
    ],
)
def test_a_url_names_its_provider_by_host_alone(url: str, name: str | None) -> None:
    """The host decides, whole labels and the longest pattern; anything else is unknown."""
    row = of_url(url)
    assert (row.name if row else None) == name


@pytest.mark.parametrize(
    ("headers", "name"),
    [
        ({"OpenAI-Processing-MS": "12"}, "openai"),
        ({"openai-processing-ms": "12", "x-ms-region": "UK South"}, "azure"),
        ({"openai-organization": "o", "x-portkey-trace-id": "t"}, "portkey"),
        ({"llm_provider-anthropic-ratelimit-tokens-limit": "5"}, "litellm"),
        ({"policy-id": "DeploymentRatelimit-Token"}, "azure"),
        ({"policy-id": "privacy-2"}, None),
        ({"cf-ray": "9"}, None),  # many APIs sit behind that edge
        ({}, None),
    ],
)
def test_signature_headers_name_who_answered(headers: dict[str, str], name: str | None) -> None:
    """A gateway's signature comes before that of the service whose answer it passes on."""
    row = of_headers(headers.items())
    assert (row.name if row else None) == name


NOW = datetime(2026, 2, 3, 4, 5, 6, 700_000, tzinfo=UTC)
MINUTE, DAY = 60.0, 86_400.0


def written(name: str, *levels: Level, wait_ns: int | None = None) -> dict[str, str]:
    return dict(write_limits(ALL[name], levels, now=NOW, retry_after_ns=wait_ns))


def test_openai_shows_the_tighter_of_two_request_limits() -> None:
    """Requests a minute and a day share one header: the one with the lower rate is shown."""
    minute = Level(Dimension.REQUESTS, MINUTE, 500, 499, 120_000_000)
    day = Level(Dimension.REQUESTS, DAY, 10_000, 9_999, 8_640_000_000)
    assert written("openai", minute, day) == written("openai", day, minute) == {
        "x-ratelimit-limit-requests": "10000",
        "x-ratelimit-remaining-requests": "9999",
        "x-ratelimit-reset-requests": "8.64s",
    }  # fmt: skip


def test_groq_has_no_header_for_requests_a_minute() -> None:
    """What the real one never shows is not shown."""
    assert written("groq", Level(Dimension.REQUESTS, MINUTE, 30, 0, 60_000_000_000)) == {}


def test_each_provider_writes_its_own_grammar() -> None:
    """The same level in each provider's words, rounded as each rounds."""
    requests = Level(Dimension.REQUESTS, MINUTE, 120, 119, 500_000_000)
    assert written("azure", requests, wait_ns=1_200_000_000) == {
        "x-ratelimit-limit-requests": "120",
        "x-ratelimit-remaining-requests": "119",
        "x-ratelimit-reset-requests": "500",
        "x-ratelimit-renewalperiod-requests": "60",
        "retry-after-ms": "1200",
        "retry-after": "2",
    }
    tokens = Level(Dimension.INPUT_TOKENS, MINUTE, 80_000, 78_600, 1_050_000_000)
    assert written("anthropic", tokens) == {
        "anthropic-ratelimit-input-tokens-limit": "80000",
        "anthropic-ratelimit-input-tokens-remaining": "79000",
        "anthropic-ratelimit-input-tokens-reset": "2026-02-03T04:05:08Z",
    }
    full = Level(Dimension.REQUESTS, MINUTE, 50, 50, 0)
    assert written("anthropic", full)["anthropic-ratelimit-requests-reset"] == "2026-02-03T04:05:06Z"
    assert written("mistral", Level(Dimension.REQUESTS, 10.0, 6, 5, 1)) == {
        "x-ratelimit-limit-req-10-second": "6",
        "x-ratelimit-remaining-req-10-second": "5",
    }
    assert written("openrouter", requests)["x-ratelimit-reset"] == str(int(NOW.timestamp() * 1000) + 500)


def test_google_and_bedrock_write_no_limits() -> None:
    """Recorded: their answers carry none."""
    for name in ("google", "bedrock"):
        assert not [rule for rule in ALL[name].headers if rule.means is not Means.RETRY_AFTER]


def test_a_projects_level_stands_beside_the_organizations() -> None:
    """OpenAI shows both, in two families."""
    mine = Level(Dimension.TOKENS, MINUTE, 900, 800, 6_666_000_000, "project")
    whole = Level(Dimension.TOKENS, MINUTE, 9_000, 8_000, 6_666_000_000)
    found = written("openai", mine, whole)
    assert (found["x-ratelimit-limit-tokens"], found["x-ratelimit-limit-project-tokens"]) == ("9000", "900")
