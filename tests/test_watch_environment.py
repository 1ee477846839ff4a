"""Where the SDKs' variables lead: one upstream each, the path that each SDK expects, nothing that breaks an app."""

import pytest
from conftest import Ratecheck

from ratecheck.errors import UsageError
from ratecheck.watch.environment import settings, targets


def led(environment: dict[str, str], upstream: str | None = None) -> dict[str, str]:
    found = targets(environment, upstream)
    ports = {origin: 4000 + number for number, origin in enumerate(dict.fromkeys(each.origin for each in found))}
    behind = {f"http://127.0.0.1:{port}": origin for origin, port in ports.items()}
    changed = settings(found, ports, environment)
    addresses = {}
    for name, value in changed.items():
        origin = next((origin for start, origin in behind.items() if value.startswith(start)), None)
        if origin is not None:
            addresses[name] = origin + value[len("http://127.0.0.1:4000") :]
    return addresses


def test_without_an_upstream_each_variable_leads_to_its_own_provider() -> None:
    """What is not set leads where the SDK would go by itself; what is set keeps its address, path and all."""
    found = led({"ANTHROPIC_BASE_URL": "https://gateway.example.com:8443/llm/anthropic/"})
    assert found["OPENAI_BASE_URL"] == "https://api.openai.com/v1"
    assert found["GROQ_BASE_URL"] == "https://api.groq.com"
    assert found["ANTHROPIC_BASE_URL"] == "https://gateway.example.com:8443/llm/anthropic"
    assert "AZURE_OPENAI_ENDPOINT" not in found, "Azure has no address of its own"
    azure = led({"AZURE_OPENAI_ENDPOINT": "https://mine.openai.azure.com", "OPENAI_API_KEY": "k"})
    assert azure["AZURE_OPENAI_ENDPOINT"] == "https://mine.openai.azure.com"


@pytest.mark.parametrize("upstream", ["http://127.0.0.1:9/v1", "http://127.0.0.1:9", "http://127.0.0.1:9/v1/"])
def test_one_upstream_for_all_gets_the_path_that_each_sdk_expects(upstream: str) -> None:
    """OpenAI's SDK wants /v1 in its address, Anthropic's, Azure's and Groq's add their paths themselves."""
    found = led({}, upstream)
    assert found["OPENAI_BASE_URL"] == found["OPENAI_API_BASE"] == "http://127.0.0.1:9/v1"
    for name in ("ANTHROPIC_BASE_URL", "AZURE_OPENAI_ENDPOINT", "GROQ_BASE_URL"):
        assert found[name] == "http://127.0.0.1:9"


def test_a_gateway_with_a_path_of_its_own_keeps_it() -> None:
    """The path before the version is the gateway's: every SDK finds it."""
    found = led({}, "https://gw.example.com/team/openai/v1")
    assert found["OPENAI_BASE_URL"] == "https://gw.example.com/team/openai/v1"
    assert found["ANTHROPIC_BASE_URL"] == "https://gw.example.com/team"


def test_an_azure_app_is_not_handed_what_azure_clients_refuse() -> None:
    """openai's Azure client for Node stops where OPENAI_BASE_URL is set beside the endpoint: it stays unset."""
    found = led({"AZURE_OPENAI_ENDPOINT": "https://mine.openai.azure.com", "AZURE_OPENAI_API_KEY": "k"})
    assert "OPENAI_BASE_URL" not in found
    assert "OPENAI_API_BASE" not in found


def test_the_app_reaches_the_proxy_past_a_forward_proxy() -> None:
    """NO_PROXY gains the loopback address and keeps what it had."""
    found = targets({}, "http://127.0.0.1:9")
    changed = settings(found, {"http://127.0.0.1:9": 4000}, {"NO_PROXY": "corp.example.com"})
    assert changed["NO_PROXY"] == "corp.example.com,127.0.0.1,localhost"
    assert "NO_PROXY" not in settings(found, {"http://127.0.0.1:9": 4000}, {"NO_PROXY": "*"})


@pytest.mark.parametrize(
    "address", ["", "ftp://x", "http://", "http://[", "http://x:99999/", "not a url", "http:///v1"]
)
def test_an_address_that_is_none_is_refused(address: str) -> None:
    """Also when it comes from the environment: the variable is named, its value is not."""
    with pytest.raises(UsageError):
        targets({}, address)
    if address:
        with pytest.raises(UsageError, match="GROQ_BASE_URL"):
            targets({"GROQ_BASE_URL": address}, None)


@pytest.mark.parametrize("more", ["https://h.example/v1?key=hunter2", "https://me:hunter2@h.example/v1"])
def test_a_password_or_a_query_is_left_behind_and_said_so(ratecheck: Ratecheck, more: str) -> None:
    """It does not reach the upstream, and no word of it the screen."""
    assert {(each.origin, each.path, each.curtailed) for each in targets({"OPENAI_BASE_URL": more})} >= {
        ("https://h.example", "/v1", True), ("https://api.anthropic.com", "", False)
    }  # fmt: skip
    for arguments, environment, name in (
        (("--upstream", more), {}, "--upstream"), ((), {"OPENAI_BASE_URL": more}, "OPENAI_BASE_URL"),
    ):  # fmt: skip
        done = ratecheck("watch", *arguments, "--", "true", env=environment)
        assert f"warning: the password or query in {name} does not come along" in done.stderr
        assert "hunter2" not in done.stderr + done.stdout
