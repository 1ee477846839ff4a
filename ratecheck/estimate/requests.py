"""A request as its JSON says it, whatever API it was written for, in one shape.

Chat Completions, Responses, legacy completions, embeddings, Anthropic messages, Gemini ``contents``, Bedrock's
Converse, Ollama, a line of a batch file, a bare list of messages. Nothing is trusted: what has the wrong type is passed
over, and a note says so.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ratecheck.dialects import of_url
from ratecheck.estimate.answers import asked_for, schema_of
from ratecheck.estimate.images import Image, size_of_data_url
from ratecheck.estimate.tools import Schema, Tool


@dataclass(slots=True)
class Message:
    """One message or item."""

    role: str
    text: str | None = None
    """The only text, or ``None`` where ``texts`` holds several parts."""
    texts: tuple[str, ...] = ()
    name: str | None = None
    images: tuple[Image, ...] = ()
    calls: tuple[tuple[str, str], ...] = ()
    """Name and arguments, as JSON text, of each tool call."""
    legacy_call: bool = False
    """Its call is a `function_call`, the field before `tool_calls`."""
    opaque: bool = False
    """Something in it cannot be counted as text: a file, audio, encrypted reasoning."""

    def chars(self) -> int:
        """Return the characters that a limiter that counts characters sees."""
        return len(self.text) if self.text is not None else sum(map(len, self.texts))


@dataclass(slots=True)
class Request:
    """One request. ``None`` where it does not say."""

    endpoint: str
    """``chat``, ``responses``, ``completions``, ``embeddings`` or ``messages``."""
    messages: list[Message]
    model: str | None = None
    named: bool = True
    """``model`` stands in the request; else it is the family that its form belongs to, or nothing."""
    tools: tuple[Tool, ...] = ()
    hosted: tuple[str, ...] = ()
    """Built-in tools: they bring hidden text that nobody can count."""
    choice: Any = None
    schema: Schema | None = None
    max_output_tokens: int | None = None
    n: int = 1
    service: str | None = None
    """Who was asked, where a recording or the request's own form says so."""
    given_tokens: int = 0
    """Of a prompt that came as numbers of tokens."""
    notes: list[str] = field(default_factory=list)
    """Why the figure is a lower bound."""
    asides: list[str] = field(default_factory=list)
    """What was passed over because it has the wrong type: an API would refuse the request."""


Line = tuple[int, Any, str | None]
"""Of a file with one JSON value a line: number, value, and ``None`` or why there is no value."""


class NotARequest(ValueError):
    """The JSON is well formed but holds no request that is known."""


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _inner(raw: Mapping[str, Any], *keys: str) -> Mapping[str, Any]:
    """Return the object that one of ``keys`` holds, or ``raw`` itself where none does."""
    return next((raw[key] for key in keys if isinstance(raw.get(key), dict)), raw)


def _image(part: Mapping[str, Any]) -> Image:
    inner = part.get("image_url")
    url = inner.get("url") if isinstance(inner, dict) else inner
    detail = part.get("detail") or (inner.get("detail") if isinstance(inner, dict) else None)
    held = _inner(part, "image")
    source = held.get("source") or part.get("inlineData") or part.get("inline_data")
    if isinstance(source, dict):
        url = source.get("data") or source.get("url") or source.get("bytes")
    size = None
    if isinstance(url, str) and not url.startswith(("http://", "https://")):
        size = size_of_data_url(url)
    said = detail if detail in ("low", "high", "original") else "auto"
    return Image(*size, said) if size else Image(detail=said)


# What a part that is an image calls it where it has no type: Gemini, twice, and Bedrock.
_IMAGE_KEYS = frozenset({"inlineData", "inline_data", "image"})


def _parts(content: Sequence[Any], message: Message) -> None:
    texts: list[str] = []
    images: list[Image] = []
    calls = list(message.calls)
    for part in content:
        if isinstance(part, str):
            texts.append(part)
            continue
        if not isinstance(part, dict):
            continue
        kind = part.get("type")
        if isinstance(part.get("text"), str):
            texts.append(part["text"])
        elif isinstance(part.get("refusal"), str):
            texts.append(part["refusal"])
        elif kind in ("image_url", "input_image", "image") or not _IMAGE_KEYS.isdisjoint(part):
            images.append(_image(part))
        elif kind == "tool_use" or "functionCall" in part or "toolUse" in part:
            inner = _inner(part, "functionCall", "toolUse")
            calls.append((_text(inner.get("name", "")), _text(inner.get("input", inner.get("args", {})))))
        elif "json" in part:
            texts.append(_text(part["json"]))
        elif kind == "tool_result" or "functionResponse" in part or "toolResult" in part:
            inner = _inner(part, "toolResult").get("content", part.get("functionResponse"))
            if isinstance(inner, list):
                below = Message("tool")
                _parts(inner, below)
                texts += below.texts
                images += below.images
            elif inner is not None:
                texts.append(_text(inner))
        elif kind == "thinking" and isinstance(part.get("thinking"), str):
            pass  # the thinking of earlier turns is taken out again
        else:
            message.opaque = True
    message.texts, message.images, message.calls = tuple(texts), tuple(images), tuple(calls)


def _message(raw: Mapping[str, Any]) -> Message:
    role = raw.get("role")
    content = raw.get("content", raw.get("parts"))
    message = Message(role if isinstance(role, str) else "user")
    calls = raw.get("tool_calls")
    if isinstance(calls, list):
        message.calls = tuple(_call(call) for call in calls if isinstance(call, dict))
    if isinstance(raw.get("function_call"), dict):
        message.calls += (_call(raw["function_call"]),)
        message.legacy_call = len(message.calls) == 1
    if isinstance(content, str):
        message.text = content
    elif isinstance(content, list):
        _parts(content, message)
    elif isinstance(content, dict):
        _parts([content], message)
    if isinstance(raw.get("name"), str):
        message.name = raw["name"]
    return message


def _call(call: Mapping[str, Any]) -> tuple[str, str]:
    told = _inner(call, "function")
    return _text(told.get("name", "")), _text(told.get("arguments", told.get("input", "")))


def _item(raw: Mapping[str, Any], request: Request) -> None:
    """Add one item of a Responses input."""
    kind = raw.get("type")
    if kind in ("function_call", "custom_tool_call"):
        request.messages.append(Message("assistant", calls=(_call(raw),)))
    elif kind in ("function_call_output", "custom_tool_call_output"):
        output = raw.get("output", "")
        message = Message("tool")
        if isinstance(output, list):
            _parts(output, message)
        else:
            message.text = _text(output)
        request.messages.append(message)
    elif kind in (None, "message") or ("role" in raw and "content" in raw):
        request.messages.append(_message(raw))
    elif kind == "input_text" and isinstance(raw.get("text"), str):
        request.messages.append(Message("user", raw["text"]))
    else:
        request.messages.append(Message("assistant", opaque=True))
        if kind in ("tool_search_output", "additional_tools") and isinstance(raw.get("tools"), list):
            _tools(raw["tools"], request)


def _tools(raw: Iterable[Any], request: Request, legacy: bool = False) -> None:
    tools, hosted = list(request.tools), list(request.hosted)
    for each in raw:
        if not isinstance(each, dict):
            continue
        inner = _inner(each, "function", "toolSpec")
        if isinstance(each.get("functionDeclarations"), list):
            _tools(each["functionDeclarations"], request)
            tools, hosted = list(request.tools), list(request.hosted)
        elif isinstance(inner.get("name"), str) and each.get("type") in (None, "function", "custom"):
            parameters = inner.get("parameters", inner.get("input_schema", inner.get("inputSchema")))
            if isinstance(parameters, dict) and isinstance(parameters.get("json"), dict):
                parameters = parameters["json"]  # Bedrock says first in which form the schema comes
            described = inner.get("description")
            tools.append(
                Tool(
                    inner["name"],
                    described if isinstance(described, str) else "",
                    parameters if isinstance(parameters, dict) else None,
                    legacy,
                )
            )
        else:
            hosted.append(_text(each.get("type", "?")))
    request.tools, request.hosted = tuple(tools), tuple(hosted)


def _prompts(value: Any, request: Request) -> None:
    """Take a prompt or an input that is a text, several texts, or tokens."""
    if isinstance(value, str):
        request.messages.append(Message("user", value))
    elif isinstance(value, list) and value and all(isinstance(each, int) for each in value):
        request.given_tokens += len(value)
    elif isinstance(value, list):
        for each in value:
            _prompts(each, request)


_ENDPOINTS = (
    ("/chat/completions", "chat"),
    ("/responses", "responses"),
    ("/embeddings", "embeddings"),
    ("/completions", "completions"),
    ("/messages", "messages"),
)


def endpoint_of(path: str) -> str | None:
    """Return the kind of endpoint that a URL or path names, ``None`` where it names none."""
    return next((kind for part, kind in _ENDPOINTS if part in path), None)


# Where requests hold what is asked of the answer: Gemini, twice, Bedrock, Ollama.
_SETTINGS = ("generationConfig", "generation_config", "inferenceConfig", "options")
# Only Bedrock's Converse has one of these.
_CONVERSE = frozenset({"modelId", "inferenceConfig", "toolConfig"})


def _model(raw: Mapping[str, Any]) -> Any:
    return raw.get("model", raw.get("modelId"))


def _told_endpoint(raw: Mapping[str, Any]) -> str:
    model = _model(raw)
    named = model.lower() if isinstance(model, str) else ""
    if isinstance(raw.get("messages"), list):
        blocks = any(
            isinstance(part, dict) and part.get("type") in ("tool_use", "tool_result", "image")
            for message in raw["messages"][:50]
            if isinstance(message, dict) and isinstance(message.get("content"), list)
            for part in message["content"]
        )
        system = "system" in raw and _CONVERSE.isdisjoint(raw)
        return "messages" if system or "anthropic_version" in raw or "claude" in named or blocks else "chat"
    if "contents" in raw:
        return "chat"
    if "input" in raw:
        vectors = "embed" in named or "encoding_format" in raw or "dimensions" in raw or "input_type" in raw
        return "embeddings" if vectors else "responses"
    if "prompt" in raw:
        return "completions"
    if "instructions" in raw:
        return "responses"
    raise NotARequest(
        "no `messages`, `input`, `prompt` or `contents` in it"
        + (f", only {', '.join(f'`{key}`' for key in list(raw)[:6])}" if raw else "")
    )


def _family(raw: Mapping[str, Any], kind: str) -> str | None:
    """Return whose models are asked in this form, for requests whose model stands in the address."""
    if "contents" in raw:
        return "gemini"
    return "claude" if kind == "messages" else None


def parse(raw: Any, endpoint: str | None = None) -> Request:
    """Read one request.

    Raises:
        NotARequest: the JSON holds none.
    """
    if isinstance(raw, list) and raw and all(isinstance(each, dict) and "role" in each for each in raw):
        raw = {"messages": raw}
    if not isinstance(raw, dict):
        raise NotARequest(f"a request is a JSON object, this is {_kind(raw)}")
    # A line of a recording: the request is there as text where bodies were kept.
    if isinstance(raw.get("request_body"), str):
        target = raw.get("target")
        url = target.rpartition(" ")[2] if isinstance(target, str) else ""
        try:
            request = parse(json.loads(raw["request_body"]), endpoint_of(url))
        except (ValueError, RecursionError):
            raise NotARequest("its `request_body` is cut or holds no request") from None
        asked = of_url(url)
        request.service = asked.name if asked is not None else request.service
        # Azure and Gemini have the model in the address, which the recording has read.
        if isinstance(raw.get("model"), str) and not request.named:
            request.model = raw["model"]
        return request
    if "fingerprint" in raw and "status" in raw:
        raise NotARequest("a recording without bodies; record with `watch --bodies`")
    # A batch line wraps the request: `body` with its `url` (OpenAI), `params` (Anthropic), `request` (Gemini).
    for wrap in ("body", "params", "request"):
        if isinstance(raw.get(wrap), dict):
            path = raw.get("url", raw.get("path"))
            return parse(raw[wrap], endpoint_of(path) if isinstance(path, str) else endpoint)
    kind = endpoint or _told_endpoint(raw)
    model = _model(raw)
    named = isinstance(model, str) and bool(model)
    request = Request(kind, [], model if named else _family(raw, kind), named=named)
    if str(raw.get("anthropic_version", "")).startswith("bedrock") or not _CONVERSE.isdisjoint(raw):
        request.service = "bedrock"  # the two forms in which Bedrock takes requests
    match kind:
        case "chat" | "messages":
            _chat(raw, request)
        case "responses":
            _responses(raw, request)
        case _:
            _prompts(raw.get("input", raw.get("prompt")), request)
    request.max_output_tokens, request.n, passed = asked_for({**raw, **_inner(raw, *_SETTINGS)})
    request.asides += passed
    # The two fields that most requests lack: looked for once, not method by method.
    if "tools" in raw or "functions" in raw:
        for key in ("tools", "functions"):
            if isinstance(raw.get(key), list):
                _tools(raw[key], request, legacy=key == "functions")
        request.choice = raw.get("tool_choice", raw.get("function_call"))
    if isinstance(raw.get("toolConfig"), dict) and isinstance(raw["toolConfig"].get("tools"), list):
        _tools(raw["toolConfig"]["tools"], request)
    if "response_format" in raw or "text" in raw:
        request.schema = schema_of(raw)
    return request


def _chat(raw: Mapping[str, Any], request: Request) -> None:
    messages = raw.get("messages", raw.get("contents"))
    system = raw.get("system", raw.get("systemInstruction", raw.get("system_instruction")))
    if system:
        request.messages.append(_message(system if isinstance(system, dict) else {"content": system}))
        request.messages[0].role = "system"
    if isinstance(messages, str):
        messages = [{"role": "user", "content": messages}]
    if not isinstance(messages, list):
        raise NotARequest("`messages` is no list")
    add = request.messages.append
    odd = 0
    for each in messages:
        if isinstance(each, dict):
            content = each.get("content")
            # The plain message, which is nearly every one in a large batch.
            if type(content) is str and len(each) == 2 and type(each.get("role")) is str:
                add(Message(each["role"], content))
            else:
                add(_message(each))
                odd += not isinstance(content, str | list | dict | None)
        else:
            odd += 1
    if odd:
        request.asides.append(f"{odd} message{'s' if odd > 1 else ''} of no known form: passed over")


def _responses(raw: Mapping[str, Any], request: Request) -> None:
    if isinstance(raw.get("instructions"), str) and raw["instructions"]:
        request.messages.append(Message("system", raw["instructions"]))
    entered = raw.get("input")
    if isinstance(entered, str):
        request.messages.append(Message("user", entered))
    elif isinstance(entered, list):
        for each in entered:
            if isinstance(each, dict):
                _item(each, request)
            elif isinstance(each, str):
                request.messages.append(Message("user", each))
    if raw.get("previous_response_id") or raw.get("conversation"):
        request.notes.append("continues a stored conversation, whose earlier turns are not in the file")


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    names = {bool: "a boolean", int: "a number", float: "a number", str: "a string", list: "a list"}
    return names.get(type(value), "an object")
