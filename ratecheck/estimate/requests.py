"""A request as its JSON says it, whatever API it was written for, in one shape.

Chat Completions, Responses, legacy completions, embeddings, Anthropic messages, Gemini ``contents``, a line of a batch
file, a bare list of messages. Nothing is trusted: what has the wrong type is passed over, and a note says so.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

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
    tools: tuple[Tool, ...] = ()
    hosted: tuple[str, ...] = ()
    """Built-in tools: they bring hidden text that nobody can count."""
    choice: Any = None
    schema: Schema | None = None
    max_output_tokens: int | None = None
    n: int = 1
    cached: bool = False
    """The request marks parts for a prompt cache."""
    given_tokens: int = 0
    """Of a prompt that came as numbers of tokens."""
    notes: list[str] = field(default_factory=list)


Line = tuple[int, Any, str | None]
"""Of a file with one JSON value a line: number, value, and ``None`` or why there is no value."""


class NotARequest(ValueError):
    """The JSON is well formed but holds no request that is known."""


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _whole(value: Any) -> int | None:
    # JSON knows no integers: 1e3 and 512.0 are how some writers put them.
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value != value or not 0 <= value < 1 << 40:
        return None
    return int(value)


def _image(part: Mapping[str, Any]) -> Image:
    inner = part.get("image_url")
    url = inner.get("url") if isinstance(inner, dict) else inner
    detail = part.get("detail") or (inner.get("detail") if isinstance(inner, dict) else None)
    source = part.get("source") or part.get("inlineData") or part.get("inline_data")
    if isinstance(source, dict):
        url = source.get("data") or source.get("url")
    size = None
    if isinstance(url, str) and not url.startswith(("http://", "https://")):
        size = size_of_data_url(url)
    said = detail if detail in ("low", "high", "original") else "auto"
    return Image(*size, said) if size else Image(detail=said)


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
        elif kind in ("image_url", "input_image", "image") or "inlineData" in part or "inline_data" in part:
            images.append(_image(part))
        elif kind == "tool_use" or "functionCall" in part:
            inner = part.get("functionCall", part)
            calls.append((_text(inner.get("name", "")), _text(inner.get("input", inner.get("args", {})))))
        elif kind == "tool_result" or "functionResponse" in part:
            inner = part.get("content", part.get("functionResponse"))
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
    inner = call.get("function")
    told = inner if isinstance(inner, dict) else call
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


def _tools(raw: Iterable[Any], request: Request) -> None:
    tools, hosted = list(request.tools), list(request.hosted)
    for each in raw:
        if not isinstance(each, dict):
            continue
        inner = each.get("function") if isinstance(each.get("function"), dict) else each
        assert isinstance(inner, dict)
        if isinstance(each.get("functionDeclarations"), list):
            _tools(each["functionDeclarations"], request)
            tools, hosted = list(request.tools), list(request.hosted)
        elif isinstance(inner.get("name"), str) and each.get("type") in (None, "function", "custom"):
            parameters = inner.get("parameters", inner.get("input_schema"))
            described = inner.get("description")
            tools.append(
                Tool(
                    inner["name"],
                    described if isinstance(described, str) else "",
                    parameters if isinstance(parameters, dict) else None,
                )
            )
        else:
            hosted.append(_text(each.get("type", "?")))
    request.tools, request.hosted = tuple(tools), tuple(hosted)


_OUTPUT_KEYS = frozenset(
    {"max_completion_tokens", "max_tokens", "max_output_tokens", "max_tokens_to_sample", "maxOutputTokens"}
)
_TIMES_KEYS = frozenset({"n", "best_of", "candidateCount"})


def asked_for(raw: Mapping[str, Any]) -> tuple[int | None, int]:
    """Return how long an answer may be by a request's JSON (``None``: it does not say), and how many there are."""
    most, n = None, 1
    # Most requests have none or one of these keys: a look at the keys together is cheaper than one at each.
    for key in _OUTPUT_KEYS & raw.keys():
        wanted = _whole(raw[key])
        if wanted is not None:
            most = max(wanted, most or 0)
    for key in _TIMES_KEYS & raw.keys():
        n = max(n, _whole(raw[key]) or 1)
    return most, n


def _schema(raw: Mapping[str, Any], request: Request) -> None:
    wanted = raw.get("response_format")
    told = raw.get("text")
    if wanted is None and isinstance(told, dict):
        wanted = told.get("format")
    if isinstance(wanted, dict) and wanted.get("type") == "json_schema":
        told = wanted.get("json_schema", wanted)
        if isinstance(told, dict):
            described, name = told.get("description"), told.get("name")
            request.schema = Schema(
                told.get("schema", told),
                described if isinstance(described, str) else "",
                name if isinstance(name, str) else "",
                told.get("strict") is True,
            )


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


def _told_endpoint(raw: Mapping[str, Any]) -> str:
    model = raw.get("model")
    named = model.lower() if isinstance(model, str) else ""
    if isinstance(raw.get("messages"), list):
        blocks = any(
            isinstance(part, dict) and part.get("type") in ("tool_use", "tool_result", "image")
            for message in raw["messages"][:50]
            if isinstance(message, dict) and isinstance(message.get("content"), list)
            for part in message["content"]
        )
        return "messages" if "system" in raw or "anthropic_version" in raw or "claude" in named or blocks else "chat"
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
        try:
            return parse(json.loads(raw["request_body"]), endpoint_of(target) if isinstance(target, str) else None)
        except (ValueError, RecursionError):
            raise NotARequest("its `request_body` is cut or holds no request") from None
    if "fingerprint" in raw and "status" in raw:
        raise NotARequest("a recording without bodies; record with `watch --bodies`")
    # A batch line wraps the request: `body` with its `url` (OpenAI), `params` (Anthropic), `request` (Gemini).
    for wrap in ("body", "params", "request"):
        if isinstance(raw.get(wrap), dict):
            path = raw.get("url", raw.get("path"))
            return parse(raw[wrap], endpoint_of(path) if isinstance(path, str) else endpoint)
    kind = endpoint or _told_endpoint(raw)
    model = raw.get("model")
    request = Request(kind, [], model if isinstance(model, str) else None)
    match kind:
        case "chat" | "messages":
            _chat(raw, request)
        case "responses":
            _responses(raw, request)
        case _:
            _prompts(raw.get("input", raw.get("prompt")), request)
    inner = raw.get("generationConfig", raw.get("generation_config"))
    request.max_output_tokens, request.n = asked_for(raw | inner if isinstance(inner, dict) else raw)
    # The two fields that most requests lack: looked for once, not method by method.
    if "tools" in raw or "functions" in raw:
        for key in ("tools", "functions"):
            if isinstance(raw.get(key), list):
                _tools(raw[key], request)
        request.choice = raw.get("tool_choice", raw.get("function_call"))
    if "response_format" in raw or "text" in raw:
        _schema(raw, request)
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
    for each in messages:
        if isinstance(each, dict):
            content = each.get("content")
            # The plain message, which is nearly every one in a large batch.
            if type(content) is str and len(each) == 2 and type(each.get("role")) is str:
                add(Message(each["role"], content))
            else:
                add(_message(each))


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
