"""``--limits FILE``: one reader for every command that takes limits from a file."""

import json
from pathlib import Path
from typing import Any

import pytest
from conftest import Ratecheck
from hypothesis import given
from hypothesis import strategies as st

from ratecheck.errors import UsageError
from ratecheck.limits_file import LimitRow, LimitsFile, parse
from ratecheck.model import Dimension

HEADERS = {
    "schema": "ratecheck.headers/1", "target": {"provider": "groq", "model": "llama-9"},
    "probes": [
        {"limits": [{"dimension": "requests", "window_s": None, "limit": 7, "remaining": 7},
                    {"dimension": "tokens", "window_s": 60, "limit": 800, "remaining": 790}]},
        {"limits": [{"dimension": "requests", "window_s": 86400, "limit": 7, "remaining": 6},
                    {"dimension": "tokens", "window_s": 60, "limit": 900, "remaining": 600},
                    {"dimension": "tokens", "window_s": None, "limit": 450, "remaining": 450},
                    {"dimension": None, "window_s": None, "limit": None, "remaining": 9}]},
    ],
}  # fmt: skip
PROBE = {
    "schema": "ratecheck.probe/1", "target": {"provider": "openai", "model": None},
    "limiters": [
        {"dimension": "requests", "algorithm": "gcra", "limit": 12, "window_s": 60, "burst": 3,
         "charges_rejected": True, "confidence": 0.97},
        {"dimension": "tokens", "algorithm": "unknown", "limit": None, "window_s": None, "charges_rejected": None},
    ],
    "probes": [{"limits": [{"dimension": "requests", "window_s": 60, "limit": 10, "remaining": 9},
                           {"dimension": "tokens", "window_s": 60, "limit": 5000, "remaining": 4000}]}],
}  # fmt: skip
DECODE = {
    "schema": "ratecheck.decode/1", "findings": [
        {"provider": "groq", "dimension": "tokens", "window_s": 60.0, "limit": 6000, "remaining": None,
         "limits": [{"dimension": "requests", "window_s": 86400, "limit": 14400, "remaining": 14370}]},
    ],
}  # fmt: skip

REQUESTS, TOKENS, OUTPUT = Dimension.REQUESTS, Dimension.TOKENS, Dimension.OUTPUT_TOKENS


@pytest.mark.parametrize(
    ("document", "rows", "provider"),
    [
        (HEADERS, {LimitRow(REQUESTS, 7, 86400, remaining=6), LimitRow(TOKENS, 900, 60, remaining=600),
                   LimitRow(TOKENS, 450, None, remaining=450)}, "groq"),
        (PROBE, {LimitRow(REQUESTS, 12, 60, burst=3, algorithm="gcra", charges_rejected=True),
                 LimitRow(TOKENS, 5000, 60, remaining=4000)}, "openai"),
        (DECODE, {LimitRow(TOKENS, 6000, 60), LimitRow(REQUESTS, 14400, 86400, remaining=14370)}, "groq"),
        ({"schema": "ratecheck.estimate/1", "limits": {"rpm": 6, "tpm": None, "otpm": 70}},
         {LimitRow(REQUESTS, 6, 60), LimitRow(OUTPUT, 70, 60)}, None),
        ({"rpm": 9, "tpd": 80}, {LimitRow(REQUESTS, 9, 60), LimitRow(TOKENS, 80, 86400)}, None),
        ([{"dimension": "requests", "limit": 5}], {LimitRow(REQUESTS, 5)}, None),
    ],
    ids=["headers", "probe", "decode", "estimate", "by hand", "rows"],
)  # fmt: skip
def test_what_the_commands_print_is_read(document: Any, rows: set[LimitRow], provider: str | None) -> None:
    """The latest reading counts, a probe's finding beats it, and what is not told stays unknown."""
    found = parse(json.dumps(document), "x")
    assert set(found.rows) == rows
    assert len(found.rows) == len(rows)
    assert found.provider == provider


@pytest.mark.parametrize(
    "text",
    ["", "nonsense", "[" * 100_000, "null", "[]", "3", '"x"', "{}", '{"limits": []}', '{"rpm": "many"}', '{"rpm": -1}',
     '{"rpm": true}', '{"rpm": NaN}', '{"rpm": 1e999}', '{"probes": 3}', '{"limiters": [7, null]}',
     '{"rpm": 1' + "0" * 5000 + "}"],
)  # fmt: skip
def test_a_file_without_limits_is_refused_in_one_line(text: str) -> None:
    """No limit is ever made up, and the complaint names the option and the file."""
    with pytest.raises(UsageError, match=r"^--limits some\.json: [^\n]+$"):
        parse(text, "some.json")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(["requests", "tokens", "groq", ""]),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(
        st.sampled_from(["probes", "limits", "limiters", "findings", "finding", "dimension", "limit", "window_s",
                         "burst", "remaining", "target", "provider", "algorithm", "rpm", "tpm"]), inner, max_size=6),
    max_leaves=20,
)  # fmt: skip


@given(JSON)
def test_any_document_is_limits_or_one_complaint(document: Any) -> None:
    """Whatever stands in the file: rows that make sense, or a usage error."""
    try:
        found = parse(json.dumps(document), "x")
    except UsageError:
        return
    assert isinstance(found, LimitsFile)
    for row in found.rows:
        assert 0 <= row.limit <= 10**12
        assert row.window_s is None or 0 < row.window_s <= 400 * 86_400


def test_both_commands_take_the_same_file(ratecheck: Ratecheck, tmp_path: Path) -> None:
    """estimate and simulate read one document alike."""
    text, prompt = json.dumps(HEADERS), tmp_path / "prompt.txt"
    prompt.write_text("How much is left?", "utf-8")
    estimated = ratecheck("estimate", str(prompt), "--limits", "-", "--json", stdin=text)
    simulated = ratecheck("simulate", "--limits", "-", "--tokens", "5", "--json", stdin=text)
    assert (estimated.returncode, simulated.returncode) == (0, 0), estimated.stderr + simulated.stderr
    limits = {(each["dimension"], each["window_s"], each["limit"])
              for each in json.loads(simulated.stdout)["scenario"]["limits"]}  # fmt: skip
    assert limits == {("requests", 86400.0, 7), ("tokens", 60.0, 900), ("tokens", 60.0, 450)}
    assert json.loads(estimated.stdout)["limits"]["rpd"] == 7


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_file_is_read_as_a_shell_may_have_written_it(ratecheck: Ratecheck, tmp_path: Path, encoding: str) -> None:
    """An older PowerShell writes UTF-16 for ``headers --json > limits.json``."""
    path = tmp_path / "limits.json"
    path.write_text('{"rpm": 7}', encoding)
    done = ratecheck("simulate", "--limits", str(path), "--json")
    assert json.loads(done.stdout)["scenario"]["rpm"] == 7
