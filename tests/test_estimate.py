"""What prompts cost against limits: fit, bad input, and the words that say so."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import Ratecheck
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from ratecheck.estimate import Estimator, Settings
from ratecheck.estimate.images import Area, Patches, Tiles, size_of
from ratecheck.estimate.limits import AskedLimit, from_file, from_options
from ratecheck.estimate.models import resolve
from ratecheck.estimate.report import Report, Skipped
from ratecheck.estimate.requests import Line, NotARequest, parse
from ratecheck.estimate.tools import Tool, namespace
from ratecheck.limits_file import LimitRow, LimitsFile
from ratecheck.model import Dimension
from ratecheck.net.tokenizer import counter, in_background
from ratecheck.render.estimate import page
from ratecheck.render.estimate_document import _prompt, document
from ratecheck.render.page import Style, render


def chat(words: int, **more: Any) -> dict[str, Any]:
    """Make a chat request of about so many tokens."""
    return {"model": "gpt-4o", "messages": [{"role": "user", "content": "word " * words}], **more}


def report(*requests: Any, limits: list[AskedLimit] | None = None, **settings: Any) -> Report:
    """Estimate requests given as JSON values."""
    estimator = Estimator(Settings(**settings), counter)
    made = [estimator.request("batch", raw, place) for place, raw in enumerate(requests, 1)]
    return estimator.report(made, limits or [])


def test_the_two_numbers_are_kept_apart() -> None:
    """What is billed comes from tokens, what the limiter takes from characters and the reserved output."""
    found = report(chat(1000, max_tokens=4000)).prompts[0]
    assert found.prompt_tokens == 1001 + 7
    assert found.charged_tokens == 4000
    assert found.billed_tokens_max == 1008 + 4000
    assert found.bare_tokens == 1250 + 2


@pytest.mark.parametrize(
    ("settings", "charged"),
    [
        ({}, 600),
        ({"on": "2024-11-30"}, 125 + 1 + 600),
        ({"provider": "azure"}, 125 + 4 + 600),
        ({"provider": "moonshot"}, 108 + 600),
        ({"charging": "openai-responses-2025"}, 108 + 19),
        ({"max_output_tokens": 50}, 127),
        ({"provider": "together"}, 108 + 600),
        ({"provider": "deepseek"}, 0),
    ],
)
def test_the_charge_follows_provider_rule_and_date(settings: dict[str, Any], charged: int) -> None:
    """The same request is charged by the rule that applies; options win over what the request says."""
    assert report(chat(100, max_tokens=600), **settings).charged_tokens == charged


def test_a_minute_holds_what_the_tighter_limit_lets_through() -> None:
    """The binding limit, the rate under it, the time for all and the interval that never meets a limit."""
    limits = from_options(rpm=100, tpm=12_000, rpd=None)
    fit = report(*[chat(10, max_tokens=600)] * 4, limits=limits).fit
    assert fit is not None
    assert fit.binding is not None
    assert fit.binding.dimension is Dimension.TOKENS
    assert fit.per_minute == pytest.approx(20)
    assert fit.minutes_for_all == pytest.approx(4 * 600 / 12_000)
    assert fit.interval_s == pytest.approx(3.0)


@pytest.mark.parametrize(("tpm", "never"), [(599, True), (600, False), (601, False)])
def test_never_fits_begins_just_above_the_limit(tpm: int, never: bool) -> None:
    """A prompt of exactly the limit passes when the minute is fresh; one token more never does."""
    fit = report(chat(10, max_tokens=600), limits=from_options(rpm=None, tpm=tpm, rpd=None), charging="moonshot").fit
    assert fit is not None
    taken = 18 + 600
    assert bool(fit.never_fits) is (taken > tpm)
    exact = from_options(rpm=None, tpm=taken + (-1 if never else 0), rpd=None)
    fit = report(chat(10, max_tokens=600), limits=exact, charging="moonshot").fit
    assert fit is not None
    assert bool(fit.never_fits) is never


def test_what_may_not_fit_is_told_from_what_cannot() -> None:
    """Inside the band of recorded charges the answer is "perhaps"; the exit code speaks only for certainties."""
    for tpm, certain in ((140, None), (127, False), (120, True)):
        fit = report(chat(100), limits=from_options(rpm=None, tpm=tpm, rpd=None)).fit
        assert fit is not None
        assert [each.certain for each in fit.never_fits] == ([] if certain is None else [certain])


def test_a_day_binds_only_when_the_batch_uses_it_up() -> None:
    """Two hundred a day are no rate: five prompts pass at once, three hundred do not."""
    limits = from_options(rpm=60, tpm=None, rpd=200)
    few, many = (report(*[chat(1)] * number, limits=limits).fit for number in (5, 300))
    assert few is not None
    assert many is not None
    assert few.per_minute == 60
    assert few.minutes_for_all == pytest.approx(5 / 60)
    assert many.binding is not None
    assert many.binding.window_s == 86_400
    assert many.minutes_for_all == pytest.approx(100 / 200 * 1440)


def test_a_minute_never_holds_more_than_a_day() -> None:
    """Where the minute's tokens would let ten thousand pass and the day two hundred requests, it is two hundred."""
    fit = report(chat(1), limits=from_options(rpm=None, tpm=40_000, rpd=200)).fit
    assert fit is not None
    assert fit.binding is not None
    assert (fit.per_minute, fit.binding.window_s) == (pytest.approx(200), 86_400)


def test_changes_say_what_they_buy() -> None:
    """Trimming the reserved output and merging calls are worth what the arithmetic says."""
    fit = report(chat(10, max_tokens=4000), limits=from_options(rpm=None, tpm=40_000, rpd=None)).fit
    assert fit is not None
    assert [(change.what, change.per_minute) for change in fit.changes] == [
        ("max_output_tokens 4,000 -> 2,000", 20.0),
        ("max_output_tokens 4,000 -> 256", 156.25),
    ]
    fit = report(chat(10), limits=from_options(rpm=3, tpm=40_000, rpd=None)).fit
    assert fit is not None
    assert [change.per_minute for change in fit.changes] == [6.0, 15.0, 30.0]


def test_limits_files_count_by_the_window_and_concurrency_does_not() -> None:
    """A window that nobody measured is taken as a minute and marked so; prompts have no concurrency."""
    rows = (
        LimitRow(Dimension.INPUT_TOKENS, 50, 60.0, burst=20),
        LimitRow(Dimension.CONCURRENCY, 4),
        LimitRow(Dimension.TOKENS, 900, remaining=3),
    )
    read = from_file(LimitsFile(rows))
    assert [(each.short, each.limit, each.assumed_window) for each in read] == [("itpm", 50, False), ("tpm", 900, True)]
    assert (read[0].at_once, read[1].remaining) == (20, 3)


@pytest.mark.parametrize(
    ("name", "encoding", "assumed"),
    [
        ("gpt-4o-2024-11-20", "o200k_base", False),
        ("gpt-4-0125-preview", "cl100k_base", False),
        ("gpt-4.1-mini", "o200k_base", False),
        ("ft:gpt-4.1-nano-2025-04-14:acme::Abc1", "o200k_base", False),
        ("ft:gpt-3.5-turbo:acme::x", "cl100k_base", False),
        ("openai/gpt-5-mini", "o200k_base", False),
        ("openrouter/openai/gpt-4", "cl100k_base", False),
        ("GPT-35-Turbo", "cl100k_base", False),
        ("gpt-6.1-sol", "o200k_base", True),
        ("o9-mini", "o200k_base", True),
        ("my-deployment", "o200k_base", True),
        ("prod-gpt-35-turbo", "cl100k_base", True),
        ("azure/my-gpt4o", "o200k_base", True),
        ("gpt4_eastus", "cl100k_base", True),
        ("team-gpt-4-32k", "cl100k_base", True),
        ("text-embedding-004", "o200k_base", True),
        ("gpt-4o-eastus", "o200k_base", False),
        ("codex-mini-latest", "o200k_base", False),
        ("openai/gpt-oss-120b", "o200k_harmony", False),
        ("text-embedding-3-large", "cl100k_base", False),
        ("text-davinci-003", "p50k_base", False),
        ("us.anthropic.claude-sonnet-4-20250514-v1:0", "o200k_base", False),
        ("", "o200k_base", True),
    ],
)
def test_model_names_lead_to_their_vocabulary(name: str, encoding: str, assumed: bool) -> None:
    """Vendors, fine-tunes and dates are seen through; what no row knows is said to be assumed."""
    found = resolve(name)
    assert (found.row.encoding, found.assumed) == (encoding, assumed)


@pytest.mark.parametrize(
    ("name", "factor"),
    [
        ("anthropic/claude-opus-4.7", 1.4), ("claude-opus-4-8-20260401", 1.4), ("claude-opus-5", 1.4),
        ("vertex_ai/claude-sonnet-4@20250514", 1.1), ("anthropic/claude-3.7-sonnet", 1.1), ("claude-opus-4.1", 1.1),
        ("gemini-2.5-pro", 1.0), ("open-mixtral-8x7b", 1.0), ("nous/hermes-3-llama-3.1-405b", 1.0),
    ],
)  # fmt: skip
def test_models_without_a_vocabulary_have_a_stand_in_with_its_band(name: str, factor: float) -> None:
    """However a gateway writes the name, the measured factor of that generation is taken, with a band around it."""
    row = resolve(name).row
    assert row.stands_in
    assert row.factor == factor


def test_a_stand_in_says_so() -> None:
    """Claude's figures are another vocabulary's times a factor, with a band around each."""
    found = report({"model": "claude-opus-4-8", "max_tokens": 9, "system": "Be kind.", "messages": [
        {"role": "user", "content": [{"type": "text", "text": "word " * 99}]}]})  # fmt: skip
    assert found.token_method == "estimate:o200k_basex1.4"
    assert found.prompts[0].endpoint == "messages"
    assert found.prompts[0].rule.name == "anthropic"
    low, high = found.prompts[0].band or (0, 0)
    assert low < found.prompt_tokens < high
    assert [each.code for each in found.diagnoses] == ["RC404"]


@pytest.mark.parametrize(
    ("formula", "size", "detail", "tokens"),
    [
        (Tiles(85, 170), (1, 1), "auto", 255),
        (Tiles(85, 170), (1, 1), "low", 85),
        (Tiles(85, 170), (512, 512), "high", 255),
        (Tiles(85, 170), (513, 512), "high", 425),
        (Tiles(85, 170), (1024, 1024), "high", 765),
        (Tiles(85, 170), (4096, 8192), "high", 85 + 170 * 6),
        (Tiles(2833, 5667), (1126, 488), "auto", 19_834),
        (Patches(1536, 2048), (1024, 1024), "high", 1024),
        (Patches(1536, 2048), (1800, 2400), "high", 1452),
        (Patches(1536, 2048, 1.62), (32, 33), "high", 4),
        (Patches(None, None), (6400, 6400), "auto", 40_000),
        (Area(750, 1600), (750, 1000), "auto", 1000),
    ],
)
def test_images_cost_what_the_guide_says(formula: Any, size: tuple[int, int], detail: str, tokens: int) -> None:
    """The guide's examples, and the points where one more pixel costs one more tile."""
    assert formula.tokens(*size, detail) == tokens


@pytest.mark.parametrize(
    ("head", "size"),
    [
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x01\x40\0\0\0\xf0\x08\x02", (320, 240)),
        (b"GIF89a\x40\x01\xf0\x00rest", (320, 240)),
        (b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\x3f\x01\0\xef\0\0", (320, 240)),
        (b"\xff\xd8\xff\xe0\x00\x04ab\xff\xc0\x00\x11\x08\x00\xf0\x01\x40\x03", (320, 240)),
        (b"\xff\xd8\xff\xe0\xff\xff", None),
        (b"\x89PNG\r\n\x1a\n", None),
        (b"", None),
        (b"%PDF-1.7", None),
    ],
)
def test_an_images_size_is_read_from_its_first_bytes(head: bytes, size: tuple[int, int] | None) -> None:
    """PNG, GIF, WebP and JPEG; a truncated or foreign file has no size, and nothing breaks."""
    assert size_of(head) == size


def test_tools_are_written_as_models_see_them() -> None:
    """Nested objects, alternatives, references and absent types; a schema that points to itself comes to an end."""
    tool = Tool("find", "Finds it", {"type": "object", "required": ["q"], "properties": {
        "q": {"type": "string", "description": "What"}, "kind": {"enum": ["a", "b"]},
        "sizes": {"type": "array", "items": {"type": "integer"}},
        "where": {"type": "object", "properties": {"x": {"type": ["number", "null"]}}}}})  # fmt: skip
    assert namespace([tool]).splitlines()[2:10] == [
        "// Finds it", "type find = (_: {", "// What", "q: string,", 'kind?: "a" | "b",', "sizes?: number[],",
        "where?: {", "  x?: number | null,",
    ]  # fmt: skip
    endless = {"$defs": {"N": {"type": "object", "properties": {"n": {"$ref": "#/$defs/N"}, "m": {"$ref": "#/no"}}}},
               "properties": {"n": {"$ref": "#/$defs/N"}}}  # fmt: skip
    assert len(namespace([Tool("t", "", endless)], whole=True)) < 10_000


@pytest.mark.parametrize("raw", [None, 3, "x", [], {}, {"messages": 3}, {"a": 1}, {"body": {}}, [1]])
def test_json_without_a_request_is_told_apart(raw: Any) -> None:
    """What holds no request says so; nothing is counted in its place."""
    with pytest.raises(NotARequest):
        parse(raw)


def test_every_kind_of_request_is_read() -> None:
    """Chat, Responses, completions, embeddings, Anthropic, Gemini, batch lines and bare lists."""
    found = report(
        chat(1),
        {"model": "gpt-4.1", "instructions": "Be short.", "input": "hi"},
        {"model": "gpt-3.5-turbo-instruct", "prompt": ["a b", "c"], "n": 2, "max_tokens": 5},
        {"model": "text-embedding-3-small", "input": [[1, 2, 3]]},
        {"model": "claude-3-opus", "max_tokens": 5, "messages": [{"role": "user", "content": "hi"}]},
        {"contents": [{"role": "user", "parts": [{"text": "hi"}]}], "generationConfig": {"maxOutputTokens": 7}},
        {"custom_id": "1", "method": "POST", "url": "/v1/responses", "body": {"model": "gpt-4o", "input": "hi"}},
        [{"role": "user", "content": "hi"}],
    ).prompts
    assert [each.endpoint for each in found] == [
        "chat", "responses", "completions", "embeddings", "messages", "chat", "responses", "chat",
    ]  # fmt: skip
    assert [each.prompt_tokens for each in found[:4]] == [9, 3 + 4 + 3 + 4 + 1, 3, 3]
    assert found[5].max_output_tokens == 7
    assert found[2].n == 2


def test_a_recording_is_read_where_it_holds_bodies() -> None:
    """A recorded attempt is the request that its body holds; without bodies the reason is said."""
    line = {"schema": "ratecheck.watch/1", "status": 429, "fingerprint": "ab", "target": "/v1/responses"}
    kept = report(line | {"request_body": json.dumps({"model": "gpt-4o", "input": "hi"})}).prompts[0]
    assert (kept.endpoint, kept.prompt_tokens) == ("responses", 8)
    for raw, words in ((line, "--bodies"), (line | {"request_body": '{"model"'}, "cut")):
        with pytest.raises(NotARequest, match=words):
            parse(raw)


def test_built_in_tools_make_the_figure_a_lower_bound() -> None:
    """Hidden text is never passed off as counted."""
    found = report({"model": "gpt-5.4", "input": "hi", "tools": [{"type": "web_search"}]})
    assert found.prompts[0].open_ended
    assert found.diagnoses[0].code in ("RC406", "RC408")


_texts = st.text(max_size=30) | st.sampled_from(["Be brief.", "Why 429?\n", "<|endoftext|>", "\ud800", "中文"])
_roles = st.sampled_from(["system", "user", "assistant", "developer", "function", "tool", "", "x"])
_messages = st.lists(st.fixed_dictionaries({"role": _roles, "content": _texts}), max_size=4)
_models = st.sampled_from(
    ["gpt-4o", "gpt-5-nano", "gpt-3.5-turbo-0301", "openai/gpt-4.1", "no-such-model", "claude-3-opus", "groq/llama3"]
)
_odd: st.SearchStrategy[Any] = st.sampled_from(
    [None, [3], {"messages": 5}, {"messages": [{"content": 3}]}, {"model": "gpt-4o", "input": "hi"},
     {"messages": [{"role": "user", "content": [{"type": "text", "text": "a"}]}]},
     {"messages": [{"role": "user", "content": "a"}, {"role": "user", "content": "a", "name": "b"}]}]
)  # fmt: skip
_plain = st.fixed_dictionaries(
    {"model": _models, "messages": _messages},
    optional={"max_tokens": st.none() | st.integers(0, 999) | st.just("many"), "n": st.integers(0, 3)},
)


@given(raws=st.lists(_plain | _odd, max_size=12), charging=st.sampled_from([None, "moonshot", "openai-chat-2024"]))
@hypothesis_settings(max_examples=200, deadline=None)
def test_a_file_of_requests_is_the_sum_of_its_lines(raws: list[Any], charging: str | None) -> None:
    """The short way that a batch takes gives what each request gives alone, in the same order, broken ones told."""
    together = Estimator(Settings(charging=charging), counter, in_background)
    wrapped = [
        {"custom_id": "a", "url": "/v1/chat/completions", "body": raw} if place % 3 == 2 else raw
        for place, raw in enumerate(raws)
    ]
    found = list(together.lines("x", iter([(place, raw, None) for place, raw in enumerate(wrapped, 1)])))
    alone = Estimator(Settings(charging=charging), counter)
    for place, (raw, made) in enumerate(zip(wrapped, found, strict=True), 1):
        try:
            wanted: Any = alone.request("x", raw, place)
        except NotARequest as error:
            wanted = Skipped(f"x:{place}", str(error))
        assert made == wanted


def test_a_batch_is_worked_on_in_parts_of_bounded_size() -> None:
    """Requests of a megabyte, thousands of short ones, and many that take the long way: lines are read as needed."""
    for words, more, most in ((250_000, {}, 4), (1, {}, 10_000), (1, {"tools": []}, 200)):
        read = 0

        def lines(words: int = words, more: dict[str, Any] = more) -> Iterator[Line]:
            nonlocal read
            for place in range(1, 20_000):
                read = place
                yield place, {"messages": [{"role": "user", "content": f"{place} word" * words}], **more}, None

        estimator = Estimator(Settings(), counter)
        assert not isinstance(next(iter(estimator.lines("x", lines()))), Skipped)
        assert read <= most


def written(found: Report) -> dict[str, Any]:
    """Return the report as JSON reads it back."""
    made = json.loads("".join(document(found)))
    assert isinstance(made, dict)
    return made


@given(raws=st.lists(_plain | _odd, min_size=1, max_size=6))
@hypothesis_settings(max_examples=60, deadline=None)
def test_rows_written_the_short_way_say_the_same(raws: list[Any]) -> None:
    """Every prompt in the document is what its fields are one by one, whichever way it was written."""
    estimator = Estimator(Settings(), counter)
    lines = iter([(place, raw, None) for place, raw in enumerate(raws, 1)])
    found = [each for each in estimator.lines('a"\n.jsonl', lines) if not isinstance(each, Skipped)]
    if found:
        wanted = [json.loads(json.dumps(_prompt(each))) for each in found]
        assert written(estimator.report(found, []))["prompts"] == wanted


def test_the_document_keeps_its_contract() -> None:
    """Every field of the contract is there; unknown is null."""
    made = written(report(chat(10, max_tokens=512), limits=from_options(rpm=500, tpm=30_000, rpd=None)))
    assert made["schema"] == "ratecheck.estimate/1"
    assert {
        "model",
        "encoding",
        "token_method",
        "token_error_band",
        "charging",
        "prompts",
        "totals",
        "limits",
        "fit",
    } <= set(made)
    assert made["prompts"][0] | {"source": "batch:1", "n": 1, "max_output_tokens": 512} == made["prompts"][0]
    assert made["limits"] == {"rpm": 500, "tpm": 30_000, "rpd": None}
    assert made["fit"]["binding"] == "tokens"
    assert made["fit"]["never_fits"] == []
    assert written(report(chat(1)))["fit"]["per_minute"] is None


@pytest.mark.parametrize("width", [40, 60, 100])
def test_a_page_fits_its_terminal(width: int) -> None:
    """No line is wider than the terminal, with and without what Unicode draws."""
    found = report(*[chat(10 * each, max_tokens=512) for each in range(1, 30)],
                   limits=from_options(rpm=500, tpm=600, rpd=9))  # fmt: skip
    for unicode in (True, False):
        text = render(page(found), Style(width=width, unicode=unicode))
        assert max(map(len, text.splitlines())) <= width
        assert text.startswith("29 requests")


BAD_INPUTS = {
    "nothing.txt": (None, "no such file"),
    "empty.txt": (b"", "is empty"),
    "program.bin": (b"\x7fELF\0\0\0", "is not text"),
    "late.txt": (b"a" * 300_000 + b"\0", "is not text"),
    "latin.txt": ("Änderung".encode("latin-1"), "is not UTF-8 text"),
    "broken.json": (b'{"messages": [\n{"role": user}]}', "line 2, column 10"),
    "cut": (b'{"messages": [', "line 1, column 15"),
    "deep.json": (b"[" * 200_000, "nested too deeply"),
    "folder": (b"", "is a directory"),
    "none.jsonl": (b"{\n\n{", "broken JSON at column 2"),
}


@pytest.mark.parametrize("name", BAD_INPUTS)
def test_bad_input_is_one_clear_line_and_exit_2(name: str, ratecheck: Ratecheck, tmp_path: Path) -> None:
    """Whatever is wrong with the only input is said in words, with no traceback."""
    content, words = BAD_INPUTS[name]
    path = tmp_path / name
    if name == "folder":
        path.mkdir()
    elif content is not None:
        path.write_bytes(content)
    done = ratecheck("estimate", str(path))
    assert done.returncode == 2
    assert done.stdout == ""
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_broken_lines_are_counted_and_named_and_the_rest_goes_on(ratecheck: Ratecheck, tmp_path: Path) -> None:
    """Two broken lines of five: the other two are counted, the blank one is nobody's; --strict stops."""
    batch = tmp_path / "batch.jsonl"
    good = json.dumps(chat(1))
    batch.write_text("\n".join((good, '{"cut', "", "[3]", good)), "utf-8")
    made = json.loads(ratecheck("estimate", "--json", str(batch)).stdout)
    assert made["totals"]["requests"] == 2
    assert [each["source"].rpartition(":")[2] for each in made["prompts"]] == ["1", "5"]
    assert made["skipped"]["count"] == 2
    assert [each["source"].rpartition(":")[2] for each in made["skipped"]["first"]] == ["2", "4"]
    strict = ratecheck("estimate", "--strict", str(batch))
    assert strict.returncode == 2
    assert "batch.jsonl:2: broken JSON at column" in strict.stderr


def test_a_prompt_that_can_never_fit_is_exit_1(ratecheck: Ratecheck, tmp_path: Path) -> None:
    """Scripts can stop before they retry for hours; the words say what would help."""
    prompt = tmp_path / "p.json"
    prompt.write_text(json.dumps(chat(10, max_tokens=30_601)), "utf-8")
    done = ratecheck("estimate", str(prompt), "--tpm", "30000")
    assert done.returncode == 1
    assert "it can never pass" in " ".join(done.stdout.split())
    assert "RC401" in done.stdout
    assert ratecheck("estimate", str(prompt), "--tpm", "40000").returncode == 0


def test_limits_come_through_a_pipe(ratecheck: Ratecheck, tmp_path: Path) -> None:
    """`headers --json | estimate FILE --limits -`; an option beats what was read."""
    prompt = tmp_path / "p.txt"
    prompt.write_text("hello", "utf-8")
    limit = {"dimension": "requests", "window_s": 60, "limit": 12}
    piped = json.dumps({"schema": "ratecheck.headers/1", "probes": [{"limits": [limit]}]})
    made = json.loads(ratecheck("estimate", str(prompt), "--limits", "-", "--json", stdin=piped).stdout)
    assert made["fit"]["per_minute"] == 12
    made = json.loads(ratecheck("estimate", str(prompt), "--limits", "-", "--rpm", "3", "--json", stdin=piped).stdout)
    assert made["fit"]["per_minute"] == 3
    assert ratecheck("estimate", "--limits", "-", stdin=piped).returncode == 2


def test_image_files_are_measured(ratecheck: Ratecheck, tmp_path: Path) -> None:
    """A picture as a prompt, and a request that names one beside it by path."""
    head = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x04\x66\0\0\x01\xe8\x08\x02\0\0\0"
    (tmp_path / "wide.png").write_bytes(head)
    made = json.loads(ratecheck("estimate", "--json", str(tmp_path / "wide.png")).stdout)
    assert made["prompts"][0]["prompt_tokens"] == 595 + 7
    parts = [{"type": "text", "text": "hi"}, {"type": "image_url", "image_url": {"url": "wide.png"}}]
    (tmp_path / "q.json").write_text(json.dumps({"model": "gpt-4o", "messages": [{"role": "user", "content": parts}]}))
    made = json.loads(ratecheck("estimate", "--json", str(tmp_path / "q.json")).stdout)
    assert made["prompts"][0]["prompt_tokens"] == 603
    assert made["prompts"][0]["prompt_tokens_band"] is None


def test_ctrl_c_gives_what_was_counted_so_far(tmp_path: Path) -> None:
    """A batch that somebody stops halfway is reported as far as it came, says so, and exits 130."""
    pipe = tmp_path / "batch.jsonl"
    os.mkfifo(pipe)
    run = subprocess.Popen(
        [sys.executable, "-m", "ratecheck", "estimate", "--json", str(pipe)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        # A shell in the background hands its children an ignored Ctrl-C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler) and None,
    )  # fmt: skip
    with pipe.open("w") as writer:
        for place in range(20_000):  # five parts of a batch: when the last is read, the first ones are counted
            writer.write(json.dumps(chat(1) | {"user": f"{place}"}) + "\n")
        writer.flush()
        # More than a pipe holds has been written: what is missing here is in its hands.
        deadline = time.monotonic() + 20
        while True:
            time.sleep(0.3)
            run.send_signal(signal.SIGINT)
            try:
                out, errors = run.communicate(timeout=5)
                break
            except subprocess.TimeoutExpired:
                assert time.monotonic() < deadline
    assert run.returncode == 130, errors
    assert "Traceback" not in errors
    made = json.loads(out)
    assert made["interrupted"] is True
    assert 4000 <= made["totals"]["requests"] <= 20_000
