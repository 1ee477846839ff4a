"""What prompts cost against limits: fit, bad input, and the words that say so."""

import json
from pathlib import Path
from typing import Any

import pytest
from conftest import Ratecheck

from ratecheck.estimate import Estimator, Settings
from ratecheck.estimate.limits import AskedLimit, from_file, from_options
from ratecheck.estimate.report import PromptEstimate, Report
from ratecheck.estimate.texts import AROUND, Measured
from ratecheck.limits_file import LimitRow, LimitsFile
from ratecheck.model import Dimension
from ratecheck.net.tokenizer import ScriptCounter, counter
from ratecheck.render.estimate import page
from ratecheck.render.estimate_document import document
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


def written(found: Report) -> dict[str, Any]:
    """Return the report as JSON reads it back."""
    made = json.loads("".join(document(found)))
    assert isinstance(made, dict)
    return made


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
        assert all(len(line) <= width or "://" in line for line in text.splitlines())  # an address is there to copy
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


@pytest.mark.parametrize(("limit", "never", "certain"), [(31, False, None), (26, True, False), (17, True, True)])
@pytest.mark.parametrize("dimension", [Dimension.TOKENS, Dimension.INPUT_TOKENS])
def test_an_estimate_is_never_certain_to_be_too_large(
    dimension: Dimension, limit: int, never: bool, certain: bool | None
) -> None:
    """A stand-in counts 18 to 26 tokens: a limit between the two may refuse it, and nobody knows."""
    claude = {"model": "claude-opus-4-8", "max_tokens": 900,
              "messages": [{"role": "user", "content": "Write a haiku about rate limits.\n"}]}  # fmt: skip
    found = report(claude, limits=[AskedLimit(dimension, 60.0, limit - 1)])
    (prompt,) = found.prompts
    assert (prompt.charge.low_tokens, prompt.charge.high_tokens) == prompt.band == (18, 26)
    assert found.fit is not None
    assert [each.certain for each in found.fit.never_fits] == ([certain] if never else [])


def test_a_count_by_script_has_a_band_everywhere() -> None:
    """Without a vocabulary no prompt of a file, however plain, passes for counted."""
    estimator = Estimator(Settings(), ScriptCounter)
    lines = [*estimator.lines("batch", iter([(1, chat(40), None), (2, {"input": "hi"}, None)]))]
    lines.append(estimator.text("p.txt", Measured(40, 10, dict.fromkeys(AROUND, 1))))
    for each in lines:
        assert isinstance(each, PromptEstimate)
        assert each.band is not None
        assert each.band[0] < each.prompt_tokens < each.band[1]


def test_what_would_help_is_said_of_each_prompt() -> None:
    """One of two prompts is too long, the other only reserves too much: they are not given the same advice."""
    found = report(chat(10, max_tokens=5000), chat(4000), limits=from_options(rpm=None, tpm=900, rpd=None))
    (told,) = [each for each in found.diagnoses if each.code == "RC401"]
    assert "the largest takes 5,0" in told.says
    assert told.advice[0].startswith("Lower max_output_tokens of batch:1: without it 1")
    assert told.advice[1].startswith("Shorten or split batch:2:")
