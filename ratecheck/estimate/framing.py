"""What the API will report for a request: its texts, and what chats, tools, schemas and images add to them."""

from collections.abc import Callable
from dataclasses import dataclass

from ratecheck.estimate.images import image_tokens, row_for
from ratecheck.estimate.models import Model, base_name
from ratecheck.estimate.requests import Message, Request
from ratecheck.estimate.tools import calls_tokens, choice_tokens, schema_tokens, tools_tokens
from ratecheck.model import Source

Count = Callable[[str], int]

# How far recorded requests lie from the rules, as a share of that part: 4 % is stated for calls, the schema rule lies
# within a third of every record, and tool definitions are off most where nobody fitted the generation and endpoint.
_CALLS_BAND = (-0.04, 0.04)
_TOOLS_BAND = (-0.05, 0.05)
_SCHEMA_BAND = (-0.15, 0.4)


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


def _share(what: str, tokens: int, band: tuple[float, float], source: Source | None = None) -> Part:
    return Part(what, tokens, int(tokens * (1 + band[0])), -int(-tokens * (1 + band[1]) // 1), source)


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
    calls = sum(
        calls_tokens(message.calls, count, endpoint=request.endpoint, reasoning=row.reasoning)
        for message in request.messages
    )
    if calls:
        parts.append(_share("calls", calls, _CALLS_BAND))
    if request.tools:
        parts.append(_tools(request, model, count))
    if request.schema is not None:
        parts.append(_share("schema", schema_tokens(request.schema, count), _SCHEMA_BAND))
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
    system = next((each.text or "" for each in request.messages if each.role in ("system", "developer")), None)
    total = tools_tokens(
        request.tools, count, endpoint=request.endpoint, reasoning=model.row.reasoning, system=system
    ) + choice_tokens(request.choice, count)
    return _share("tools", round(total * model.row.factor), model.row.band or _TOOLS_BAND)


def _images(request: Request, model: Model, notes: list[str]) -> Part:
    row = row_for(base_name(model.name))
    low = high = tokens = guessed = 0
    for message in request.messages:
        for image in message.images:
            cost, known = image_tokens(image, row)
            tokens += cost
            low += cost if known else row.formula.tokens(1, 1, "low")
            high += cost if known else row.formula.tokens(2048, 2048, "high")
            guessed += not known
    if guessed:
        notes.append(f"{guessed} image{'s' if guessed > 1 else ''} of unknown size or formula: taken as 1024 x 1024")
    return Part("images", tokens, min(low, tokens), max(high, tokens), row.source)
