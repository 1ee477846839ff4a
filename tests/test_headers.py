"""The main job without a socket: which request for whom, which key, what the answers mean together."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from conftest import Ratecheck

from ratecheck import dialects
from ratecheck.durations import NS_PER_S
from ratecheck.errors import CredentialsError, UsageError
from ratecheck.headers import HeadersReport, Probe, Target, below, body_of, plan, read_probe, request_of, shown, url_of
from ratecheck.model import Answer, Ask, Cost, Dimension, Exchange, LimitReading
from ratecheck.net.credentials import Wishes, target_from

KEY = "sk-live-abcdefghijklmnopqrstuvwxyz9876"


def target(provider: str, base_url: str, kind: str = "chat", model: str = "m", version: str | None = None) -> Target:
    row = dialects.get(provider) or dialects.COMPATIBLE
    return Target(row, base_url, model, kind, key=KEY, api_version=version)


@pytest.mark.parametrize(
    ("provider", "base", "kind", "version", "url"),
    [
        ("openai", "https://api.openai.com/v1", "chat", None, "https://api.openai.com/v1/chat/completions"),
        ("openai", "https://api.openai.com", "chat", None, "https://api.openai.com/v1/chat/completions"),
        ("openai", "https://api.openai.com/v1/", "responses", None, "https://api.openai.com/v1/responses"),
        ("openai", "https://api.openai.com/v1/chat/completions", "chat", None, "https://api.openai.com/v1/chat/completions"),
        ("azure", "https://r.openai.azure.com", "chat", "2024-10-21",
         "https://r.openai.azure.com/openai/deployments/m/chat/completions?api-version=2024-10-21"),
        ("azure", "https://r.openai.azure.com/openai/deployments/m", "chat", "2024-10-21",
         "https://r.openai.azure.com/openai/deployments/m/chat/completions?api-version=2024-10-21"),
        ("azure", "https://r.openai.azure.com/openai/v1", "chat", "2024-10-21",
         "https://r.openai.azure.com/openai/v1/chat/completions"),
        ("azure", "https://r.openai.azure.com/openai/deployments/m?api-version=v9", "chat", "2024-10-21",
         "https://r.openai.azure.com/openai/deployments/m/chat/completions?api-version=v9"),
        ("anthropic", "https://api.anthropic.com", "messages", None, "https://api.anthropic.com/v1/messages"),
        ("anthropic", "https://api.anthropic.com/v1", "messages", None, "https://api.anthropic.com/v1/messages"),
        ("groq", "https://api.groq.com/openai/v1", "chat", None, "https://api.groq.com/openai/v1/chat/completions"),
        ("google", "https://generativelanguage.googleapis.com/v1beta", "generateContent", None,
         "https://generativelanguage.googleapis.com/v1beta/models/m:generateContent"),
        ("none", "http://localhost:8000", "chat", None, "http://localhost:8000/v1/chat/completions"),
        ("none", "http://localhost:8000/api", "chat", None, "http://localhost:8000/api/chat/completions"),
    ],
)  # fmt: skip
def test_urls(provider: str, base: str, kind: str, version: str | None, url: str) -> None:
    """A base URL may be a host, a root or part of the path: nothing is said twice."""
    assert url_of(target(provider, base, kind, version=version)) == url


@pytest.mark.parametrize(
    ("kind", "field"),
    [("chat", "max_tokens"), ("responses", "max_output_tokens"), ("messages", "max_tokens"), ("embeddings", "input")],
)
def test_the_smallest_body_of_each_kind(kind: str, field: str) -> None:
    """One word, one token of answer (16 where the API takes no less)."""
    body = body_of(kind, "m", Ask())
    assert field in body
    assert body.get("max_tokens", 1) == 1
    assert body.get("max_output_tokens", 16) == 16


def test_credentials_go_in_the_header_of_the_dialect() -> None:
    """Each API has its own header for the key, and only that one holds it."""
    for provider, header, value in (
        ("openai", "authorization", f"Bearer {KEY}"),
        ("azure", "api-key", KEY),
        ("anthropic", "x-api-key", KEY),
        ("google", "x-goog-api-key", KEY),
    ):
        headers = dict(request_of(target(provider, "https://h.example/v1"), Ask()).headers)
        assert headers[header] == value
        assert [name for name, text in headers.items() if KEY in text] == [header]


def test_what_is_shown_of_a_request_hides_the_key() -> None:
    """--dry-run lines hold the last four characters and no more."""
    text = "\n".join(shown(target("openai", "https://api.openai.com/v1"), Ask()))
    assert "…9876" in text
    assert KEY[-5:] not in text


OPENAI = {"OPENAI_API_KEY": KEY}
AZURE = {"AZURE_OPENAI_API_KEY": KEY}
GROQ = "https://api.groq.com/openai/v1"
RESOURCE = "https://r.openai.azure.com"


@pytest.mark.parametrize(
    ("wishes", "environment", "provider", "model", "url_start"),
    [
        (Wishes(), OPENAI, "openai", "gpt-4o-mini", "https://api.openai.com/v1/"),
        (Wishes(), {**OPENAI, "OPENAI_BASE_URL": GROQ, "GROQ_API_KEY": KEY}, "groq", "llama-3.1-8b-instant", GROQ),
        (Wishes(), {**OPENAI, "ANTHROPIC_API_KEY": KEY}, "openai", "gpt-4o-mini", "https://api.openai.com/"),
        (Wishes(), {"ANTHROPIC_API_KEY": KEY, "GITHUB_TOKEN": KEY}, "anthropic", "claude-haiku-4-5",
         "https://api.anthropic.com/v1/messages"),
        (Wishes(provider="mistral"), {"MISTRAL_API_KEY": KEY}, "mistral", "mistral-small-latest", "https://api.mistral.ai/"),
        (Wishes(base_url="http://10.0.0.1:4000", model="x"), OPENAI, "unknown", "x", "http://10.0.0.1:4000/v1/chat/"),
        (Wishes(model="d"), {**AZURE, "AZURE_OPENAI_ENDPOINT": RESOURCE}, "azure", "d",
         f"{RESOURCE}/openai/deployments/d/chat/completions?api-version="),
        (Wishes(base_url=f"{RESOURCE}/openai/deployments/dd"), AZURE, "azure", "dd",
         f"{RESOURCE}/openai/deployments/dd/chat/completions?api-version="),
        (Wishes(base_url="https://api.openai.com/v1", api_key_env="MINE"), {"MINE": KEY}, "openai", "gpt-4o-mini",
         "https://api.openai.com/v1/"),
    ],
)  # fmt: skip
def test_targets(wishes: Wishes, environment: Mapping[str, str], provider: str, model: str, url_start: str) -> None:
    """Provider, URL, model and key are told from the options and the SDKs' own variables."""
    told = target_from(wishes, environment)
    assert (told.dialect.name, told.model) == (provider, model)
    assert told.url.startswith(url_start)
    assert told.key


@pytest.mark.parametrize(
    ("wishes", "environment", "error"),
    [
        (Wishes(), {}, CredentialsError),
        (Wishes(provider="groq"), OPENAI, CredentialsError),
        (Wishes(base_url=GROQ), OPENAI, CredentialsError),
        (Wishes(api_key_env="NOPE"), OPENAI, CredentialsError),
        (Wishes(), {"OPENAI_API_KEY": "sk-with\nbreak-in-the-middle"}, CredentialsError),
        (Wishes(provider="opneai"), OPENAI, UsageError),
        (Wishes(provider="azure", model="d"), {"AZURE_OPENAI_API_KEY": KEY}, UsageError),
        (Wishes(), {"OPENAI_API_KEY": f'"{KEY}"'}, CredentialsError),
        (Wishes(), {"CLOUDFLARE_API_TOKEN": KEY}, CredentialsError),
        (Wishes(model="d"), AZURE, UsageError),
        (Wishes(base_url="http://10.0.0.1:4000"), OPENAI, UsageError),
        (Wishes(kind="messages"), OPENAI, UsageError),
        (Wishes(base_url="file:///etc/passwd", model="m"), OPENAI, UsageError),
    ],
)
def test_targets_that_cannot_be(wishes: Wishes, environment: Mapping[str, str], error: type[Exception]) -> None:
    """A key goes only to the provider whose variable held it; what is missing is named."""
    with pytest.raises(error):
        target_from(wishes, environment)


def test_a_key_without_an_address_is_not_said_to_be_missing() -> None:
    """Azure's key alone: the endpoint is what is not there."""
    with pytest.raises(UsageError) as told:
        target_from(Wishes(model="d"), AZURE)
    assert told.value.message.startswith("AZURE_OPENAI_API_KEY is set, but where is Azure OpenAI")
    assert told.value.hint == "AZURE_OPENAI_ENDPOINT or --base-url URL"


def test_the_organisation_travels_as_the_sdk_sends_it() -> None:
    """OPENAI_ORG_ID and OPENAI_PROJECT_ID become headers."""
    told = target_from(Wishes(), {**OPENAI, "OPENAI_ORG_ID": "org-A1", "OPENAI_PROJECT_ID": "proj_B2"})
    assert told.extra_headers == (("openai-organization", "org-A1"), ("openai-project", "proj_B2"))


def exchange(status: int, headers: dict[str, str], body: Any = None) -> Exchange:
    answer = Answer(status, tuple(headers.items()), json.dumps(body if body is not None else {}).encode())
    return Exchange(None, 1, 0, NS_PER_S // 2, Cost(), answer)


def test_a_plan_asks_as_often_as_it_said() -> None:
    """count asks, every_ns apart, and once more only for another parameter name."""
    asks = plan(3, 6 * NS_PER_S)
    told = exchange(200, {})
    assert [next(asks).at_ns, asks.send(told).at_ns, asks.send(told).at_ns] == [0, 6 * NS_PER_S, 12 * NS_PER_S]
    with pytest.raises(StopIteration):
        asks.send(told)
    asks = plan(1, NS_PER_S)
    next(asks)
    asks.send(exchange(400, {}, {"error": {"message": "Use 'max_completion_tokens' instead."}}))
    with pytest.raises(StopIteration):
        asks.send(told)


@pytest.mark.parametrize(
    ("body", "tokens"),
    [
        ({"usage": {"total_tokens": 9}}, 9),
        ({"usage": {"input_tokens": 8, "output_tokens": 1}}, 9),
        ({"usageMetadata": {"totalTokenCount": 4}}, 4),
        ({"usage": {"total_tokens": -1}}, None), ({"usage": {"total_tokens": True}}, None),
        ({"usage": "lots"}, None), ([], None), ({}, None),
    ],
)  # fmt: skip
def test_what_a_probe_cost_is_what_the_answer_says(body: Any, tokens: int | None) -> None:
    """Unknown is null, and a lie is unknown."""
    probe = read_probe(target("openai", "https://api.openai.com/v1"), exchange(200, {}, body), None)
    assert probe.charged_tokens == tokens


def test_alert_looks_at_every_limit() -> None:
    """The tightest limit decides; a limit that says too little does not."""
    limits = (
        LimitReading(Dimension.REQUESTS, limit=500, remaining=499),
        LimitReading(Dimension.TOKENS, limit=30_000, remaining=5_999),
        LimitReading(Dimension.IMAGES, remaining=0),
    )
    probe = Probe(0.0, 200, 0.1, None, 1, 9, limits, None)
    report = HeadersReport("openai", "u", "m", None, (probe,))
    assert below(report, 20)
    assert not below(report, 19.9)


@pytest.mark.parametrize(
    "profile", ["openai-tier1", "azure-s0", "anthropic-start", "groq-free", "mistral-free", "ietf"]
)
def test_every_demo_says_first_that_the_numbers_are_not_yours(ratecheck: Ratecheck, profile: str) -> None:
    """No key, no network, a first line that nobody can misread, and limits in the document."""
    done = ratecheck("headers", "--demo", profile)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0].startswith("Demo: these are not your numbers")
    document = json.loads(ratecheck("headers", "--demo", profile, "--json").stdout)
    assert document["target"]["demo"] == profile
    assert document["probes"][0]["limits"]


def test_a_demo_can_run_dry(ratecheck: Ratecheck) -> None:
    """Three requests a minute: the fourth probe is refused, the answer is no, and its time takes no time."""
    done = ratecheck("headers", "--demo", "openai-free", "--count", "4", "--every", "2")
    assert done.returncode == 1
    assert "OpenAI refused on its limit of 3 requests a minute: wait 20 s (429)" in done.stdout
    assert "RC" in done.stdout


@pytest.mark.parametrize("columns", ["60", "100"])
def test_the_screen_fits(ratecheck: Ratecheck, columns: str) -> None:
    """No line of the screen but copied text is wider than the terminal."""
    done = ratecheck("headers", "--demo", "anthropic-start", env={"COLUMNS": columns})
    assert all(len(line) <= int(columns) or "://" in line for line in done.stdout.splitlines())
    assert "\x1b" not in done.stdout
