"""A request body as a provider reads it: what is asked, of which model, and what a limiter can see of its size."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from ratecheck.dialects.charging import Admission

# Tokens of an answer when nothing bounds it: enough to stream a few chunks, little enough to stay out of the way.
DEFAULT_OUTPUT_TOKENS = 16
# A provider's own cap on what one request may ask for; keeps an answer's size bounded whatever the request says.
_MOST_OUTPUT_TOKENS = 100_000
_MOST_CHOICES = 128
_MOST_INPUTS = 2048
_MOST_VECTOR = 4096
_VECTOR, _GOOGLE_VECTOR = 1536, 3072

CHARS_PER_TOKEN = 4
_MESSAGE_TOKENS = 3
_IMAGE_TOKENS = 765


class InvalidRequest(ValueError):
    """What the provider answers 400 to; ``param`` is the field at fault."""

    def __init__(self, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.param = param


class Inference(NamedTuple):
    """What a request wants."""

    kind: str
    """A kind of endpoint: ``chat``, ``messages``, ``generateContent`` … (the keys of ``_PROMPT``)."""
    model: str
    admission: Admission
    output_tokens: int
    """Tokens that the answer will have, all choices together."""
    stream: bool = False
    include_usage: bool = False
    inputs: int = 1
    """Texts to embed."""
    vector: int = _VECTOR
    as_base64: bool = False
    in_seconds: bool = False
    """Asked on a route where Azure states resets in whole seconds."""


@dataclass(slots=True)
class _Size:
    chars: int = 0
    messages: int = 0
    images: int = 0

    def add(self, content: Any) -> None:
        """Count texts and images of a message's content: a string, a part, or a list of them."""
        todo = [content]
        while todo:
            each = todo.pop()
            if isinstance(each, str):
                self.chars += len(each)
            elif isinstance(each, list):
                todo += each
            elif isinstance(each, dict):
                kind = each.get("type")
                if kind in ("image_url", "input_image", "image") or "inlineData" in each or "inline_data" in each:
                    self.images += 1
                else:
                    todo += [each[name] for name in ("text", "content", "parts") if name in each]


# Where each kind keeps its prompt, its largest output and how many answers it wants.
_PROMPT = {
    "chat": "messages", "messages": "messages", "completions": "prompt", "responses": "input", "embeddings": "input",
    "generateContent": "contents", "countTokens": "contents", "embedContent": "contents",
    "batchEmbedContents": "contents",
}  # fmt: skip
EMBEDDINGS = ("embeddings", "embedContent", "batchEmbedContents")
_STREAMS = ("chat", "completions", "responses", "messages")
_OBJECTS = ("messages", "contents")
_LARGEST = ("max_completion_tokens", "max_tokens", "max_output_tokens")
_SYSTEM = ("system", "instructions", "systemInstruction", "system_instruction")


def read(kind: str, payload: Any, model: str | None = None, *, stream: bool = False) -> Inference:
    """Read a decoded JSON body; ``model`` and ``stream`` are what the path says, where the dialect puts them there.

    Raises ``InvalidRequest`` for what the real API answers 400 to.
    """
    if not isinstance(payload, dict):
        raise InvalidRequest("The request body must be a JSON object.")
    if model is None:
        model = payload.get("model")
        if not isinstance(model, str) or not model:
            raise InvalidRequest("you must provide a model parameter", "model")
    if len(model) > 256:
        raise InvalidRequest("the model name is too long", "model")
    payload = _with_contents(kind, payload)
    field = _PROMPT[kind]
    prompt = payload.get(field)
    if prompt is None or prompt == [] or not isinstance(prompt, str | list):
        raise InvalidRequest(f"Missing required parameter: '{field}'.", field)
    if field in _OBJECTS and not (isinstance(prompt, list) and all(isinstance(each, dict) for each in prompt)):
        raise InvalidRequest(f"Invalid type for '{field}': expected an array of objects.", field)
    size = _Size(messages=len(prompt) if kind not in EMBEDDINGS and isinstance(prompt, list) else 1)
    size.add(prompt)
    for name in _SYSTEM:
        if name in payload:
            size.add(payload[name])
    options = payload.get("generationConfig") if kind == "generateContent" else payload
    options = options if isinstance(options, dict) else {}
    largest = next((_whole(options, name, _MOST_OUTPUT_TOKENS) for name in _LARGEST if options.get(name)), None)
    if kind == "generateContent":
        largest = _whole(options, "maxOutputTokens", _MOST_OUTPUT_TOKENS)
    if kind == "messages" and largest is None:
        raise InvalidRequest("max_tokens: Field required", "max_tokens")
    tools = payload.get("tools")
    # What the API would report is not known without its tokenizer: four characters a token, as its limiter counts.
    tokens = -(-size.chars // CHARS_PER_TOKEN) + size.images * _IMAGE_TOKENS
    if kind in ("chat", "messages", "responses", "generateContent", "countTokens"):
        tokens += _MESSAGE_TOKENS * size.messages + _MESSAGE_TOKENS
    stream_options = payload.get("stream_options")
    n = _whole(options, "n", _MOST_CHOICES) or 1
    functions = len(tools) if isinstance(tools, list) else 0
    each = DEFAULT_OUTPUT_TOKENS if largest is None else min(largest, DEFAULT_OUTPUT_TOKENS)
    return Inference(
        kind,
        model,
        Admission(size.chars, size.messages, tokens, largest, n, size.images, functions),
        0 if kind in EMBEDDINGS or kind == "countTokens" else each * n,
        stream=stream or (payload.get("stream") is True and kind in _STREAMS),
        include_usage=isinstance(stream_options, dict) and stream_options.get("include_usage") is True,
        inputs=_inputs(prompt) if kind in EMBEDDINGS else 1,
        vector=_vector_length(kind, payload),
        as_base64=payload.get("encoding_format") == "base64",
    )


def _with_contents(kind: str, payload: dict[str, Any]) -> dict[str, Any]:
    """Put Gemini's prompts, wherever an endpoint has them, where ``generateContent`` has its own."""
    match kind:
        case "embedContent":
            return {**payload, "contents": [payload["content"]] if "content" in payload else None}
        case "batchEmbedContents":
            requests = payload.get("requests")
            if not isinstance(requests, list) or not all(isinstance(each, dict) for each in requests):
                raise InvalidRequest("Invalid type for 'requests': expected an array of objects.", "requests")
            options = requests[0] if requests else {}
            return {**options, "contents": [each.get("content") for each in requests]}
        case "countTokens" if isinstance(payload.get("generateContentRequest"), dict):
            whole: dict[str, Any] = payload["generateContentRequest"]
            return whole
    return payload


def _vector_length(kind: str, payload: Mapping[str, Any]) -> int:
    if kind in ("embedContent", "batchEmbedContents"):
        return _whole(payload, "outputDimensionality", _MOST_VECTOR) or _GOOGLE_VECTOR
    return _whole(payload, "dimensions", _MOST_VECTOR) or _VECTOR


def _inputs(prompt: Any) -> int:
    """Count the texts to embed: a text, a list of texts, or a list of token ids (one text)."""
    if isinstance(prompt, str) or isinstance(prompt[0], int):
        return 1
    if len(prompt) > _MOST_INPUTS:
        raise InvalidRequest(f"'input' holds more than {_MOST_INPUTS} texts", "input")
    return len(prompt)


def _whole(table: Mapping[str, Any], name: str, most: int) -> int | None:
    value = table.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
        raise InvalidRequest(f"Invalid value for '{name}': expected a whole number from 1 to {most}.", name)
    return value


def vector(length: int, as_base64: bool) -> Any:
    """Return one unit vector of that length, as the API encodes it."""
    if as_base64:
        # 1.0 then zeros, as little-endian 32-bit floats.
        return base64.b64encode(b"\x00\x00\x80\x3f" + bytes(4 * (length - 1))).decode()
    return [1.0] + [0.0] * (length - 1)
