"""What the API will report for a request: its texts, and what chats, tools, schemas and images add to them."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from ratecheck.estimate.images import image_tokens, row_for
from ratecheck.estimate.models import Model, base_name
from ratecheck.estimate.requests import Message, Request
from ratecheck.estimate.tools import (
    as_json,
    calls_tokens,
    choice_tokens,
    hidden_row,
    hidden_tokens,
    schema_tokens,
    tools_tokens,
)
from ratecheck.model import Source

Count = Callable[[str], int]

# How far recorded requests lie from the rules, as a share of that part: 4 % is stated for calls, the schema rule lies
# within a third of every record, and tool definitions are off most where nobody fitted the generation and endpoint.
_CALLS_BAND = (-0.04, 0.04)
_TOOLS_BAND = (-0.05, 0.05)
_SCHEMA_BAND = (-0.15, 0.4)
# What costs most by one formula or another: the most pixels, and the most tiles (two by four).
_LARGEST = ((2048, 2048), (768, 2048))
# The one recorded Responses request with `tool_choice: "required"` lies 9 tokens above what its tools explain.
_REQUIRED = 10


@dataclass(frozen=True, slots=True)
class Part:
    """A share of a prompt and how sure it is."""

    what: str
    """``text``, ``tools``, ``calls``, ``schema`` or ``images``."""
    tokens: int
    low: int
    high: int
    """The range in which the API's figure lies, as far as was measured."""
    source: Source | None = None


@dataclass(frozen=True, slots=True)
class Prompt:
    """The tokens of a prompt by part."""

    parts: tuple[Part, ...]
    notes: tuple[str, ...] = ()
    open_ended: bool = False
    """Holds something that cannot be counted: the figure is a lower bound."""

    @property
    def tokens(self) -> int:
        """Return the tokens that the API should report."""
        return sum(part.tokens for part in self.parts)

    @property
    def band(self) -> tuple[int, int] | None:
        """Return the lowest and highest figure to expect, ``None`` where the count is exact."""
        low, high = sum(part.low for part in self.parts), sum(part.high for part in self.parts)
        return None if low == high == self.tokens else (low, high)


def message_tokens(message: Message, model: Model, count: Count) -> int:
    """Return the tokens of a message's texts, role and name, without its calls and images."""
    framing = model.row.framing
    total = framing.message
    if framing.roles:
        total += count(message.role)
    if message.text is not None:
        total += count(message.text)
    else:
        for text in message.texts:
            total += count(text)
    if message.name:
        total += count(message.name) + framing.name
    if message.role == "function":
        total -= 2
    return total


def _calls(message: Message, request: Request, model: Model, count: Count) -> int:
    return calls_tokens(
        message.calls, count, endpoint=request.endpoint, reasoning=model.row.reasoning, legacy=message.legacy_call
    )  # fmt: skip


def message_with_all(message: Message, request: Request, model: Model, count: Count) -> int:
    """Return about what a message costs with its calls and images, for showing which ones are large."""
    calls = _calls(message, request, model, count)
    row = row_for(base_name(model.name))
    images = sum(image_tokens(image, row)[0] for image in message.images)
    return round((message_tokens(message, model, count) + calls) * model.row.factor) + images


def _share(what: str, tokens: int, band: tuple[float, float], source: Source | None = None) -> Part:
    return Part(what, tokens, int(tokens * (1 + band[0])), -int(-tokens * (1 + band[1]) // 1), source)


def _scaled(what: str, tokens: int, model: Model, band: tuple[float, float]) -> Part:
    """Return a part that a rule for OpenAI's models gives; for others times their factor, with the wider band."""
    if model.row.band is not None:
        band = min(band[0], model.row.band[0]), max(band[1], model.row.band[1])
    return _share(what, round(tokens * model.row.factor), band)


def prompt_of(request: Request, model: Model, count: Count) -> Prompt:
    """Return what the API will report for ``request`` to ``model``; ``count`` counts in the model's encoding."""
    row = model.row
    if request.endpoint in ("embeddings", "completions"):
        total = request.given_tokens + sum(
            count(message.text) for message in request.messages if message.text is not None
        )
        return Prompt((_text(total, model),))
    total = 0
    for message in request.messages:
        total += message_tokens(message, model, count)
    total += row.framing.priming
    parts = [_text(total, model)]
    if not (request.tools or request.schema or request.hosted or request.choice) and not any(
        message.calls or message.images or message.opaque for message in request.messages
    ):
        return Prompt(tuple(parts), tuple(request.notes), bool(request.notes))
    notes = list(request.notes)
    calls = sum(_calls(message, request, model, count) for message in request.messages)
    if calls:
        parts.append(_scaled("calls", calls, model, _CALLS_BAND))
    if request.tools:
        parts.append(_tools(request, model, count))
    if request.schema is not None:
        parts.append(_scaled("schema", schema_tokens(request.schema, count), model, _SCHEMA_BAND))
    if any(message.images for message in request.messages):
        parts.append(_images(request, model, notes))
    if request.hosted:
        notes.append(f"built-in tools ({', '.join(sorted(set(request.hosted)))}) add hidden text, from 200 tokens up")
    opaque = sum(message.opaque for message in request.messages)
    if opaque:
        notes.append(
            f"{opaque} item{'s' if opaque > 1 else ''} that cannot be counted as text (files, audio, reasoning)"
        )
    return Prompt(tuple(parts), tuple(notes), bool(request.hosted or opaque or request.notes))


def _text(tokens: int, model: Model) -> Part:
    if model.row.band is None:
        return Part("text", tokens, tokens, tokens, model.row.source)
    return _share("text", round(tokens * model.row.factor), model.row.band, model.row.source)


def _tools(request: Request, model: Model, count: Count) -> Part:
    row = model.row
    # A system message further on is none that definitions could go into.
    first = request.messages[0] if request.messages else None
    system = (first.text or "") if first is not None and first.role in ("system", "developer") else None
    definitions = tools_tokens(
        request.tools, count, endpoint=request.endpoint, reasoning=row.reasoning, system=system
    )  # fmt: skip
    if row.band is None:
        part = _share("tools", definitions + choice_tokens(request.choice, count), _TOOLS_BAND)
        forced = request.endpoint == "responses" and request.choice == "required"
        return replace(part, high=part.high + _REQUIRED) if forced else part
    # Nobody knows in which form such a model is shown them: the longest is their JSON.
    about = round(definitions * row.factor)
    most = max(about, round(count(as_json(request.tools)) * row.factor))
    low, high = int(about * (1 + row.band[0])), -int(-most * (1 + row.band[1]) // 1)
    hidden = hidden_row(base_name(model.name))
    if hidden is None:
        return Part("tools", about, low, high)
    more = hidden_tokens(hidden, request.choice)
    # A newer model has its own count of a text that may be another by now: the band is that of the stand-in.
    less, above = (0.0, 0.0) if hidden.source.verified else row.band
    return Part("tools", about + more, low + int(more * (1 + less)), high + round(more * (1 + above)), hidden.source)


def _images(request: Request, model: Model, notes: list[str]) -> Part:
    row = row_for(base_name(model.name))
    low = high = tokens = guessed = 0
    for message in request.messages:
        for image in message.images:
            cost, sized = image_tokens(image, row)
            tokens += cost
            sure = sized and row.source.verified
            low += cost if sure else row.formula.tokens(1, 1, "low")
            high += cost if sure else max(row.formula.tokens(*size, "high") for size in _LARGEST)
            guessed += not sized
    if guessed:
        notes.append(f"{guessed} image{'s' if guessed > 1 else ''} of unknown size: taken as 1024 x 1024")
    if not row.source.verified:
        notes.append(f"what an image costs on {model.name} is assumed: {row.source.note or 'nobody has confirmed it'}")
    return Part("images", tokens, min(low, tokens), max(high, tokens), row.source)
