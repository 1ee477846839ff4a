"""What a request and a model's name mean: every form is read, and what cannot be known is said to be assumed."""

import base64
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from test_estimate import chat, report

from ratecheck.estimate import Estimator, Settings
from ratecheck.estimate.images import Area, Patches, Tiles, row_for, size_of
from ratecheck.estimate.models import resolve
from ratecheck.estimate.report import PromptEstimate
from ratecheck.estimate.requests import NotARequest, parse
from ratecheck.estimate.tools import RESPONSES, Tool, namespace
from ratecheck.net.tokenizer import counter
from ratecheck.render.estimate_document import document

PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x04\x66\0\0\x01\xe8\x08\x02\0\0\0"


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
    """By one rule at every level: what is said stands above its field, what nothing is said of stands on one line."""
    inner = {"type": "object", "properties": {"x": {"type": ["number", "null"]}, "y": {"type": "object"}}}
    tool = Tool("find", "Finds it", {"type": "object", "required": ["q"], "properties": {
        "q": {"type": "string", "description": "What", "default": "all"}, "kind": {"enum": ["a", "b"]},
        "sizes": {"type": "array", "items": {"type": "integer"}}, "where": inner,
        "said": {"type": "object", "properties": {"z": {"type": "boolean", "description": "Z", "default": None}}},
    }})  # fmt: skip
    assert namespace([tool]).splitlines()[2:-2] == [
        "// Finds it", "type find = (_: {", "// What", "// default: all", "q: string,", 'kind?: "a" | "b",',
        "sizes?: number[],", "where?: { x?: number | null, y?: {} },", "said?: {", "// Z", "// default: null",
        "z?: boolean,", "},", "}) => any;",
    ]  # fmt: skip
    old = namespace([replace(tool, legacy=True)]).splitlines()
    assert "  z?: boolean," in old
    assert not {"// Z", "  // Z", "// default: all"} & set(old)


def test_responses_show_all_that_a_schema_says() -> None:
    """Titles, what is said of objects, and references; a schema that points to itself comes to an end."""
    node = {"type": "object", "title": "Node", "properties": {"m": {"type": "string"}}}
    following = {"n": {"title": "Next", "$ref": "#/$defs/N"}}
    tool = Tool("t", "Does it. ", {"$defs": {"N": node}, "title": "args", "properties": following})
    assert namespace([tool], RESPONSES).splitlines()[2:-2] == [
        "// Does it.", "type t = (_: // args", "{", "// Next", "n?: // Node", "{", "m?: string,", "},", "}) => any;",
    ]  # fmt: skip
    assert "n?: any" in namespace([tool])
    endless = {"$defs": {"N": {"type": "object", "properties": {"n": {"$ref": "#/$defs/N"}, "m": {"$ref": "#/no"}}}},
               "properties": {"n": {"$ref": "#/$defs/N"}}}  # fmt: skip
    assert len(namespace([Tool("t", "", endless)], RESPONSES)) < 10_000


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


def test_bedrocks_converse_is_read_whole() -> None:
    """System text, calls and their results, a picture, tools, the largest output; and Bedrock charges for it."""
    picture = base64.b64encode(PNG).decode()
    raw = {
        "modelId": "meta.llama3-1-8b-instruct-v1:0",
        "system": [{"text": "Be brief."}],
        "messages": [
            {
                "role": "user",
                "content": [{"text": "Rain?"}, {"image": {"format": "png", "source": {"bytes": picture}}}],
            },
            {
                "role": "assistant",
                "content": [{"toolUse": {"toolUseId": "t", "name": "rain", "input": {"in": "Bern"}}}],
            },
            {"role": "user", "content": [{"toolResult": {"toolUseId": "t", "content": [{"json": {"mm": 3}}]}}]},
        ],
        "inferenceConfig": {"maxTokens": 300},
        "toolConfig": {"tools": [{"toolSpec": {"name": "rain", "inputSchema": {"json": {"type": "object"}}}}]},
    }
    read = parse(raw)
    assert (read.endpoint, read.model, read.service, read.max_output_tokens) == ("chat", raw["modelId"], "bedrock", 300)
    assert [message.role for message in read.messages] == ["system", "user", "assistant", "user"]
    assert [message.texts for message in read.messages] == [("Be brief.",), ("Rain?",), (), ('{"mm":3}',)]
    assert [(image.width, image.height) for image in read.messages[1].images] == [(1126, 488)]
    assert read.messages[2].calls == (("rain", '{"in":"Bern"}'),)
    assert [(tool.name, tool.parameters) for tool in read.tools] == [("rain", {"type": "object"})]
    assert report(raw).prompts[0].rule.name == "bedrock"
    assert parse(raw | {"modelId": "us.anthropic.claude-sonnet-4-5-20250929-v1:0"}).endpoint == "messages"


def test_ollama_says_the_largest_output_in_its_options() -> None:
    """`options.num_predict`; -1 is no limit."""
    for told, most in ((100, 100), (-1, None)):
        found = parse({"model": "llama3.2", "prompt": "Why?", "stream": False, "options": {"num_predict": told}})
        assert (found.endpoint, found.max_output_tokens, found.asides) == ("completions", most, [])


_keys = st.sampled_from(
    ["messages", "role", "content", "text", "type", "name", "input", "prompt", "contents", "parts", "system", "image",
     "image_url", "url", "source", "data", "bytes", "inlineData", "functionCall", "toolUse", "toolResult", "json",
     "tool_calls", "function", "arguments", "tools", "toolConfig", "toolSpec", "inputSchema", "parameters", "functions",
     "generationConfig", "options", "inferenceConfig", "max_tokens", "maxTokens", "n", "model", "modelId", "body",
     "response_format", "json_schema", "schema", "properties", "functionDeclarations", "instructions", "params",
     "request_body", "anthropic_version", "function_call", "description", "enum", "items", "required"]
)  # fmt: skip
_leaves = st.sampled_from(
    [None, True, 0, -1, 1e999, 2.5, "", "user", "function", "tool_use", "tool_result", "image", "input_text", "message",
     "json_schema", "object", "array", "string", "gpt-4o", "claude-3-opus", "data:image/png;base64,AA", "\ud800", "{}"]
)  # fmt: skip
_json = st.recursive(
    _leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_keys, inner, max_size=6), max_leaves=25
)


@given(raw=st.dictionaries(_keys, _json, max_size=8) | _json, outer=st.sampled_from(["messages", "input", "contents"]))
@hypothesis_settings(max_examples=400, deadline=None)
def test_any_json_is_a_request_or_none(raw: Any, outer: str) -> None:
    """Values of wrong types in the right places, at every depth: an estimate or a sentence, never an exception."""
    for each in (raw, {outer: [raw]}, {outer: [{"role": "user", "content": [raw]}]}, {"input": "x", "tools": [raw]}):
        try:
            found = report(each)
        except NotARequest:
            continue
        assert found.prompt_tokens >= 0
        "".join(document(found))


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


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("azure/gpt-4.1", "azure-chat"), ("azure/eu/gpt-4o", "azure-chat"), ("gpt-35-turbo", "azure-chat"),
        ("openai/gpt-4o", "openai-chat-2025"), ("ft:gpt-4.1-mini:org::id", "openai-chat-2025"),
        ("openrouter/openai/gpt-5", "assumed-sum"), ("openai/gpt-oss-120b", "assumed-sum"),
        ("groq/llama-3.3-70b", "groq"), ("groq/openai/gpt-oss-20b", "groq"),
        ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", "bedrock-claude"),
        ("anthropic/claude-sonnet-4.5", "anthropic"),
        ("bedrock/us.meta.llama3-1-8b-instruct-v1:0", "bedrock"), ("gpt-41-mini", "openai-chat-2025"),
        ("accounts/fireworks/models/llama-v3p1-8b", "fireworks"), ("mistral/mistral-small", "mistral"),
    ],
)  # fmt: skip
def test_who_serves_a_model_charges_for_it(name: str, rule: str) -> None:
    """The outermost part of a name that is a service counts, not who made the model."""
    assert report(chat(1) | {"model": name}).prompts[0].rule.name == rule
    assert report(chat(1) | {"model": name}, provider="groq").prompts[0].rule.name == "groq"


def test_a_form_that_names_no_model_is_its_makers() -> None:
    """Gemini, Bedrock and Azure have the model in the address; a recording has read it there."""
    gemini = {"contents": [{"parts": [{"text": "hi"}]}]}
    claude = {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 9, "messages": chat(1)["messages"]}
    found = report(gemini, claude, {"system": "Be short.", **chat(1), "model": None}, gemini | {"model": "gpt-4o"})
    assert [each.model.name for each in found.prompts] == ["gemini", "claude", "claude", "gpt-4o"]
    assert [each.rule.name for each in found.prompts[:3]] == ["google", "bedrock", "anthropic"]
    host = "https://east.openai.azure.com/openai/deployments/my-gpt4o/chat/completions"
    line = {
        "model": "my-gpt4o",
        "target": f"POST {host}",
        "request_body": json.dumps({"messages": chat(1)["messages"]}),
    }
    kept = report(line).prompts[0]
    assert (kept.model.name, kept.rule.name, kept.endpoint) == ("my-gpt4o", "azure-chat", "chat")


@pytest.mark.parametrize("value", ["100", -5, float("inf"), float("nan"), True, 1 << 70, [1]])
@pytest.mark.parametrize("key", ["max_tokens", "max_completion_tokens", "n"])
def test_what_is_no_number_is_passed_over_and_said(key: str, value: Any) -> None:
    """No silence where someone meant a number, in a file of its own or as a line of a batch."""
    raw = chat(1) | {key: value}
    (line,) = Estimator(Settings(), counter).lines("batch", iter([(1, raw, None)]))
    assert isinstance(line, PromptEstimate)
    for found in (line, report(raw).prompts[0]):
        assert (found.max_output_tokens, found.n, found.open_ended) == (None, 1, False)
        assert any(f"`{key}` is no number" in note for note in found.notes)
    assert not report(chat(1) | {key: None}).prompts[0].notes


def test_claude_is_told_more_than_its_tools() -> None:
    """Anthropic states the hidden text that comes with tools: the figure holds it, the band how the rest is shown."""
    tool = {"name": "find", "description": "Finds it", "input_schema": {"type": "object", "properties": {}}}
    hidden = {
        (model, choice): report(
            {"model": model, "messages": chat(1)["messages"], "tools": [tool], "tool_choice": {"type": choice}}
        ).prompts[0].parts[1]
        for model in ("claude-sonnet-4-5", "claude-3-opus", "claude-opus-4-8") for choice in ("auto", "any")
    }  # fmt: skip
    for model, more in (("claude-sonnet-4-5", 346 - 313), ("claude-3-opus", 530 - 281), ("claude-opus-4-8", 346 - 313)):
        assert hidden[model, "auto"].tokens - hidden[model, "any"].tokens == more
    sure, newer = hidden["claude-sonnet-4-5", "auto"], hidden["claude-opus-4-8", "auto"]
    assert 346 < sure.low < sure.tokens < sure.high
    assert newer.low < 346 < newer.tokens < newer.high


def test_a_picture_of_known_size_is_not_said_to_be_unknown() -> None:
    """What is unsure about Claude's pictures is the formula; the bar of its message holds the picture."""
    data = base64.b64encode(PNG).decode()
    part = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": data}}
    raw = {"model": "claude-sonnet-4-5", "messages": [
        {"role": "user", "content": [part]}, {"role": "assistant", "content": "ok"}]}  # fmt: skip
    (prompt,) = report(raw).prompts
    images = prompt.parts[-1]
    assert not any("unknown size" in note for note in prompt.notes)
    assert any("is assumed" in note for note in prompt.notes)
    (_, first), (_, second) = Estimator(Settings(), counter).by_message(raw)
    assert first > images.tokens > second


def test_a_prompt_of_tokens_is_charged() -> None:
    """Embeddings may be asked for tokens: where text is charged by characters they are not free."""
    found = report({"model": "text-embedding-3-small", "input": [list(range(100)), [1, 2]]})
    assert (found.prompt_tokens, found.charged_tokens) == (102, 102)


def test_the_band_of_a_picture_nobody_has_seen_holds_every_size() -> None:
    """An address is not fetched: whatever size it turns out to have costs no more and no less than is said."""
    parts = [{"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}]
    for model in ("gpt-4o", "gpt-4o-mini", "gpt-5-nano", "gpt-5.4"):
        part = report({"model": model, "messages": [{"role": "user", "content": parts}]}).prompts[0].parts[-1]
        formula = row_for(model).formula
        costs = [
            formula.tokens(wide, high, "high") for wide in (1, 600, 768, 2048, 9000) for high in (1, 768, 2048, 9000)
        ]
        assert part.low <= min(costs)
        assert max(costs) <= part.high


def test_a_batch_of_two_vocabularies_names_both() -> None:
    """One name in place of two would be wrong for half of the lines."""
    found = report(chat(1), chat(1) | {"model": "gpt-4"})
    assert found.encodings == ("o200k_base", "cl100k_base")
    told = json.loads("".join(document(found)))
    assert (told["encoding"], told["encodings"]) == (None, ["o200k_base", "cl100k_base"])
