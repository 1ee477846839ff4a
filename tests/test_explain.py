"""`ratecheck explain`: every row of every table can be asked for, nothing is said that no row says.

``RATECHECK_UPDATE=1 python -m pytest tests/test_explain.py`` writes the golden pages anew.
"""

import json
import os
import re
from pathlib import Path

import pytest
from conftest import Ratecheck
from hypothesis import given
from hypothesis import strategies as st

from ratecheck import retry
from ratecheck.diagnose.codes import AREAS, CODES
from ratecheck.dialects import ALL
from ratecheck.dialects.charging import RULES
from ratecheck.dialects.rules import Grammar
from ratecheck.errors import UsageError
from ratecheck.explain import explain, names
from ratecheck.explain.entries import (
    AreaEntry,
    ChargingEntry,
    ClientEntry,
    CodeEntry,
    FactsEntry,
    ProfileEntry,
    ProviderEntry,
)
from ratecheck.explain.facts import facts, unverified
from ratecheck.model import Answer
from ratecheck.provider.profiles import profiles
from ratecheck.render.as_json import dumps
from ratecheck.render.explain import document, pages
from ratecheck.render.explain.pages import _WRITTEN
from ratecheck.render.page import Style, render

GOLDEN = Path(__file__).parent / "golden"
PAGES = ["RC105", "openai-python@1.109.1", "cookbook-backoff", "groq", "azure", "gemini-free", "openai-chat-2025"]


def text(name: str | None, style: Style | None = None) -> str:
    return "\n".join(render(page, style or Style()) for page in pages(explain(name)))


def client(name: str) -> ClientEntry:
    (entry,) = (each for each in explain(name) if isinstance(each, ClientEntry))
    return entry


def provider(name: str) -> ProviderEntry:
    (entry,) = (each for each in explain(name) if isinstance(each, ProviderEntry))
    return entry


# -- what is shown ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [60, 100])
@pytest.mark.parametrize("name", PAGES)
def test_the_page_is_as_agreed(name: str, width: int) -> None:
    """Golden pages: wording, order and form are looked at before they change."""
    shown = text(name, Style(width=width))
    golden = GOLDEN / f"explain-{name}-{width}.txt"
    if os.environ.get("RATECHECK_UPDATE"):
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(shown, "utf-8")
    assert shown == golden.read_text("utf-8")


@pytest.mark.parametrize("style", [Style(60), Style(100), Style(160), Style(80, unicode=False)], ids=str)
def test_every_name_has_a_page_that_fits(style: Style) -> None:
    """No line is wider than the screen but one that is there to be copied; no colour where none is wanted."""
    for name in [None, *names()]:
        shown = text(name, style)
        assert "\x1b" not in shown
        # Code to copy is never broken: it stands alone, indented by two; nor is an address.
        wide = [line for line in shown.splitlines() if len(line) > style.width]
        assert all("://" in line or (line.startswith("  ") and name in retry.ALL) for line in wide), wide
        assert style.unicode or shown.isascii()


def test_every_name_has_a_document() -> None:
    """The JSON of each entry says its kind, and unknown is null: nothing in it is an object's repr."""
    for name in [None, *names()]:
        said = dumps(document(name, explain(name)))
        found = json.loads(said)
        assert found["schema"] == "ratecheck.explain/1"
        assert found["name"] == name
        assert all(entry["kind"] for entry in found["entries"])
        assert "object at 0x" not in said
        assert "NaN" not in said


def test_every_grammar_has_a_word() -> None:
    """A header written in a way that nobody named would end the page."""
    assert set(_WRITTEN) == set(Grammar)


# -- whose name it is -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "code"), [("RC101", "RC101"), ("rc101", "RC101"), ("101", "RC101"), (" rc 306 ", "RC306")]
)
def test_a_code_is_known_however_it_is_written(asked: str, code: str) -> None:
    """Case, a missing RC and blanks do not matter."""
    (entry,) = explain(asked)
    assert isinstance(entry, CodeEntry)
    assert entry.code.code == code


@pytest.mark.parametrize("asked", ["RC2xx", "rc2", "RC200"])
def test_a_hundred_is_an_area(asked: str) -> None:
    """The whole area is shown, by its number."""
    (entry,) = explain(asked)
    assert isinstance(entry, AreaEntry)
    assert entry.area is AREAS[1]


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        ("groq", "groq"), ("GROQ", "groq"), ("https://api.groq.com/openai/v1", "groq"), ("api.x.ai", "xai"),
        ("gemini", "google"), ("kimi", "moonshot"), ("my-deployment.openai.azure.com", "azure"),
        ("claude-sonnet-4-5", "anthropic"), ("grok-4", "xai"),
    ],
)  # fmt: skip
def test_a_provider_is_known_by_name_address_title_or_model(asked: str, name: str) -> None:
    """People know a provider by what they call; an address names its owner, a model its maker."""
    assert provider(asked).row.name == name


@pytest.mark.parametrize(
    ("asked", "name", "versions"),
    [
        ("openai-python", "openai-python", ">=3.0"), ("openai-python@1.109.1", "openai-python", ">=1.7,<2.51"),
        ("OpenAI-Python@v1.109.1", "openai-python", ">=1.7,<2.51"), ("@anthropic-ai/sdk", "anthropic-node", ">=1.0"),
        ("langchain_openai", "langchain-openai", ">=1.0"), ("full-jitter+groq-python", "full-jitter+groq-python", None),
    ],
)  # fmt: skip
def test_a_client_is_known_by_policy_package_and_version(asked: str, name: str, versions: str | None) -> None:
    """Whatever `simulate --policy` takes, and the names of packages in tracebacks."""
    entry = client(asked)
    assert entry.policy.name == name
    assert versions is None or str(entry.policy.versions) == versions


def test_one_name_two_things() -> None:
    """LiteLLM is a gateway and a client: both are told."""
    assert [type(entry) for entry in explain("litellm")] == [ProviderEntry, ClientEntry]


@pytest.mark.parametrize(
    ("asked", "kind"),
    [("policies", "policies"), ("clients", "policies"), ("profiles", "profiles"), ("accounts", "profiles"),
     ("charging", "charging"), ("rules", "charging"), ("providers", "providers")],
)  # fmt: skip
def test_a_table_goes_by_the_word_that_help_uses(asked: str, kind: str) -> None:
    """`clients` and `accounts` are what the help and the README call them."""
    (entry,) = explain(asked)
    assert getattr(entry, "kind", None) == kind


def test_accounts_and_charging_rules_have_names() -> None:
    """Each row of these tables is its own entry; a rule of its provider's own name is told there."""
    for name in profiles():
        assert [type(entry) for entry in explain(name)] == [ProfileEntry]
    for rule in RULES:
        kinds = [type(entry) for entry in explain(rule.name)]
        assert kinds[0] is (ProviderEntry if rule.name in ALL else ChargingEntry)


@pytest.mark.parametrize(
    ("asked", "hint"),
    [("opnai", "openai"), ("RC31", "RC301"), ("openai-pyton", "openai-python"), ("unverifed", "unverified"),
     ("azure-so", "azure-s0")],
)  # fmt: skip
def test_an_unknown_name_exits_2_with_the_nearest(ratecheck: Ratecheck, asked: str, hint: str) -> None:
    """One line on stderr, nothing on stdout, and the name that was probably meant."""
    done = ratecheck("explain", asked, "--json")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: no code, client or provider is called")
    assert f"did you mean {hint}" in done.stderr


def test_a_version_that_nobody_looked_at_is_not_another_one(ratecheck: Ratecheck) -> None:
    """The neighbours are named; none of them is taken."""
    done = ratecheck("explain", "openai-python@1.2")
    assert done.returncode == 2
    assert "nobody has looked at openai-python 1.2" in done.stderr
    assert ">=1.7,<2.51" in done.stderr


@given(st.text(max_size=400))
def test_any_text_is_an_entry_or_a_usage_error(name: str) -> None:
    """Hostile names end like any unknown one."""
    hint: str | None = "none needed"
    try:
        found: tuple[object, ...] = explain(name)
    except UsageError as error:
        found, hint = (), error.hint
    assert found or hint
    assert hint


# -- that it is true --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", retry.ROWS, ids=lambda row: f"{row.name} {row.versions}")
def test_what_a_client_is_said_to_do_is_what_its_rule_does(row: retry.RetryPolicy) -> None:
    """Requests, waits and both sides of each bound are the policy's own answers."""
    version = "" if row.versions.first is None else f"@{row.versions.first}"
    entry = client(f"{row.name}{version}") if retry.ALL[row.name][0] is not row else client(row.name)
    policy = entry.policy
    assert policy == row
    for told in entry.told:
        answer = Answer(429, (("retry-after", f"{told.retry_after_s:g}"),))
        low, high = policy.delay_s(1, answer, 0.0), policy.delay_s(1, answer, 1 - 1e-9)
        assert (told.wait is None) == (low is None)
        if told.wait is not None and low is not None and high is not None:
            assert told.wait == (pytest.approx(min(low, high)), pytest.approx(max(low, high)))
    assert all(shortest <= longest for shortest, longest in entry.waits)
    most = [count for _, count in entry.requests]
    assert None in most or max(count for count in most if count is not None) >= len(entry.waits)


def test_the_bounds_of_versions_are_told_apart() -> None:
    """A wait of 61 s: 1.109.1 falls back to its own short one, 3.x keeps it; beyond 120 s the new one gives up."""
    old = {told.retry_after_s: told for told in client("openai-python@1.109.1").told}
    new = {told.retry_after_s: told for told in client("openai-python").told}
    assert old[60.0].wait == (60.0, 60.0)
    assert old[61.0].wait == (pytest.approx(0.375), 0.5)
    assert new[120.0].wait == (120.0, 120.0)
    assert (new[121.0].wait, new[121.0].requests) == (None, 1)


@pytest.mark.parametrize("row", ALL.values(), ids=lambda row: row.name)
def test_a_provider_is_told_with_every_header_of_its_rows(row: object) -> None:
    """Nothing that a row says of a provider is left out of its entry."""
    entry = provider(row.name)  # type: ignore[attr-defined]
    told = [rule for bucket in (*entry.current, *entry.former) for rule in bucket.rules]
    assert sorted(told, key=str) == sorted(entry.row.headers, key=str)
    assert [rule.name for rule in entry.charging] == [rule.name for rule in RULES if rule.provider == entry.row.name]
    assert entry.traps
    assert all(trap.code is None or trap.code in CODES for trap in entry.traps)


def test_traps_follow_from_the_rows() -> None:
    """The known ones: Groq's day, Azure's two units, Anthropic's rounding, Gemini's silence."""

    def codes(name: str) -> set[str | None]:
        return {trap.code for trap in provider(name).traps}

    assert "RC101" in codes("groq")
    assert {"RC105", "RC106", "RC506", "RC507"} <= codes("azure")
    assert "RC106" not in codes("openai")
    assert {"RC105", "RC122"} <= codes("anthropic")
    assert any("1,000" in trap.says for trap in provider("anthropic").traps)
    assert {"RC108", "RC111", "RC112"} <= codes("google")
    assert "RC117" in codes("litellm")


# -- honesty ----------------------------------------------------------------------------------------------------------

DATE = re.compile(r"20\d\d-(0[1-9]|1[0-2])(-\d\d)?")


def test_every_fact_has_a_source_and_a_date() -> None:
    """Whoever doubts a row can go and look."""
    for fact in facts():
        assert fact.source.url.strip(), fact
        assert DATE.fullmatch(fact.source.date), fact


def test_what_is_unverified_is_listed_in_one_place() -> None:
    """The list is the tables' own, complete, and its page names each row."""
    doubtful = [fact for fact in facts() if not fact.source.verified]
    (entry,) = explain("unverified")
    assert isinstance(entry, FactsEntry)
    assert list(entry.unverified) == doubtful
    assert sum(bad for _, _, bad in entry.rows) == len(doubtful) > 0
    shown = " ".join(text("unverified").split())
    assert all(fact.name in shown for fact in doubtful)


def evidence(shared: Path) -> str:
    files = (*shared.glob("*.md"), *shared.rglob("*.json*"), *(shared / "facts").glob("*.md"))
    return "\n".join(path.read_text("utf-8") for path in files)


def test_a_page_that_is_not_among_the_evidence_is_marked(shared: Path) -> None:
    """A verified row rests on an address that the collected evidence names, if only by its last part ("…/article")."""
    known = evidence(shared)
    missing = set()
    for fact in facts():
        address = fact.source.url.partition("#")[0].rstrip("/")
        if not fact.source.verified or not address.startswith("https://"):
            continue
        part = address.rpartition("/")[2]
        if address.removeprefix("https://") not in known and not (len(part) >= 7 and part in known):
            missing.add((fact.table, address))
    assert not missing


def test_no_table_is_left_out() -> None:
    """Each table with sources is walked: the count of a kind is that of its table."""
    rows = {table: count for table, count, _ in unverified().rows}
    assert rows["finding codes"] == len(CODES)
    assert rows["client policies"] == len(retry.ROWS)
    assert rows["accounts"] == len(profiles())
    assert rows["charging rules"] == len(RULES) + 1
    assert set(rows) == {
        "finding codes", "providers", "charging rules", "client policies", "accounts", "refusals", "user agents",
        "variables", "models", "images", "model names", "tools", "addresses",
    }  # fmt: skip


# -- as a command -----------------------------------------------------------------------------------------------------


def test_other_commands_point_at_the_reference_once(ratecheck: Ratecheck) -> None:
    """A page with findings ends with one line that names one of them; a page without has none."""
    done = ratecheck("simulate", "--rpm", "3")
    assert done.stdout.count("`ratecheck explain") == 1
    assert "`ratecheck explain RC301` says more" in done.stdout
    assert "ratecheck explain" not in ratecheck("decode", stdin="nothing here").stdout


def test_help_names_two_real_examples(ratecheck: Ratecheck) -> None:
    """The examples of the help text run."""
    shown = ratecheck("explain", "--help").stdout
    examples = re.findall(r"^ *ratecheck explain (\S+)$", shown, flags=re.MULTILINE)
    assert len(examples) >= 2
    for name in examples:
        assert ratecheck("explain", name).returncode == 0
