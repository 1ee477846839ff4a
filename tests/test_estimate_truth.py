"""Recorded requests and what the API reported for them: plain ones come out exact, the rest as close as is stated."""

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from ratecheck.estimate import Estimator, Settings
from ratecheck.estimate.framing import Prompt, prompt_of
from ratecheck.estimate.models import resolve
from ratecheck.estimate.requests import endpoint_of, parse
from ratecheck.net.tokenizer import counter

# The guide's own example was sent as a data URL; the corpus keeps its address and names the size in the notes.
_SIZED = "1126 x 488"


def _request(row: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    endpoint = endpoint_of(row["api"])
    assert endpoint is not None
    texts = [message.get("content") for message in row["messages"]] if endpoint in ("embeddings", "completions") else []
    raw: dict[str, Any] = {"model": row["model"]}
    match endpoint:
        case "chat":
            raw["messages"] = row["messages"]
        case "responses":
            raw |= {"input": row["messages"], "instructions": row.get("instructions")}
        case "embeddings":
            raw["input"] = row.get("input") or texts
        case _:
            raw["prompt"] = row.get("prompt") or texts
    if row.get("tools") and "legacy functions" in row["notes"]:  # the corpus keeps them wrapped as tools
        raw["functions"] = [tool["function"] for tool in row["tools"]]
        row = row | {"tools": None}
    for key in ("tools", "tool_choice", "function_call", "response_format", "text"):
        if row.get(key):
            raw[key] = row[key]
    return endpoint, raw


def _png(width: int, height: int) -> str:
    import base64

    head = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + width.to_bytes(4, "big") + height.to_bytes(4, "big") + b"\x08\x02\0\0\0"
    return "data:image/png;base64," + base64.b64encode(head).decode()


def _estimate(row: dict[str, Any]) -> tuple[str, str, Prompt]:
    endpoint, raw = _request(row)
    if _SIZED in row["notes"]:
        raw = json.loads(json.dumps(raw))
        for part in raw["messages"][0]["content"]:
            if part["type"] == "image_url":
                part["image_url"]["url"] = _png(1126, 488)
    model = resolve(row["model"])
    prompt = prompt_of(parse(raw, endpoint), model, counter(model.row.encoding).count)
    kind = "+".join(part.what for part in prompt.parts if part.what != "text") or "plain"
    generation = "reasoning" if model.row.reasoning else model.row.encoding.removesuffix("_base")
    return "open-ended" if prompt.open_ended else kind, f"{endpoint}, {generation}", prompt


def test_recorded_requests_come_out_as_the_api_reported_them(shared: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """All plain chat, Responses, embeddings and completions requests and all images are exact.

    Tool definitions, calls and schemas lie as close as the table prints and all within the band that is stated; what
    is called a lower bound is one.
    """
    table: dict[tuple[str, str], list[int]] = defaultdict(list)
    wrong: list[str] = []
    for line in (shared / "corpus" / "token_ground_truth.jsonl").read_text("utf-8").splitlines():
        row = json.loads(line)
        kind, where, prompt = _estimate(row)
        off = prompt.tokens - row["api_prompt_tokens"]
        table[kind, where].append(off)
        if kind in ("plain", "images") and (off or (kind == "plain" and prompt.band)):
            wrong.append(f"{row['id']} {row['model']} {off:+d}")
        low, high = prompt.band or (prompt.tokens, prompt.tokens)
        if kind != "open-ended" and not low <= row["api_prompt_tokens"] <= high:
            wrong.append(f"{row['id']} lies outside its band {low} to {high}: {row['api_prompt_tokens']}")
        if kind == "open-ended" and off > 0.05 * row["api_prompt_tokens"]:
            wrong.append(f"{row['id']} is no lower bound: {off:+d}")
    with capsys.disabled():
        print()
        for (kind, where), off_by in sorted(table.items()):
            middle = sorted(off_by)[len(off_by) // 2]
            exact = sum(not off for off in off_by)
            print(
                f"{kind:14}{where:28}{len(off_by):4} records {exact:4} exact"
                f"   estimate minus API {min(off_by):+d} .. {max(off_by):+d}, median {middle:+d}"
            )
    assert not wrong, "\n".join(wrong)
    bounds = {("tools", "chat"): 4, ("tools", "responses"): 9, ("calls", "chat"): 4, ("calls", "responses"): 3}
    for (kind, where), off_by in table.items():
        most = bounds.get((kind.split("+")[0], where.split(",")[0]))
        assert most is None or max(map(abs, off_by)) <= most, (kind, where, off_by)
    tooled = [off for (kind, _), off_by in table.items() if "tools" in kind or "calls" in kind for off in off_by]
    assert sum(not off for off in tooled) >= 132, "fewer requests with tools and calls are exact than in November 2026"


def test_a_request_file_holds_all_that_is_billed(shared: Path) -> None:
    """The JSON that a client sends, schema and all, gives a band that holds the API's figure."""
    for line in (shared / "corpus" / "token_ground_truth.jsonl").read_text("utf-8").splitlines():
        row = json.loads(line)
        if "/chat" not in row["api"] or not row.get("response_format") or row.get("tools"):
            continue
        sent = {key: row[key] for key in ("model", "messages", "response_format")}
        estimator = Estimator(Settings(), counter)
        whole = estimator.request("request.json", sent)
        bare = estimator.request("request.json", sent | {"response_format": None})
        low, high = whole.band or (whole.prompt_tokens, whole.prompt_tokens)
        assert low <= row["api_prompt_tokens"] <= high, row["id"]
        assert bare.prompt_tokens <= whole.prompt_tokens
