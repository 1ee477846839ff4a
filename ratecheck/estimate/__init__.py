"""What prompts cost against the limits: tokens, the limiter's charge, and how many fit in a minute.

``Estimator`` takes texts and requests one by one and makes a ``Report`` of them. It reads no file and counts no token
itself: a counter is handed in for each encoding.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from ratecheck.dialects.charging import ASSUMED, Admission, ChargingRule, by_name, names, rule_for
from ratecheck.errors import UsageError
from ratecheck.estimate.findings import diagnose
from ratecheck.estimate.fit import fit
from ratecheck.estimate.framing import Part, Prompt, message_tokens, prompt_of
from ratecheck.estimate.images import Image
from ratecheck.estimate.limits import AskedLimit
from ratecheck.estimate.models import Model, resolve
from ratecheck.estimate.report import PromptEstimate, Report, Skipped
from ratecheck.estimate.requests import Message, Request, parse, set_limits

DEFAULT_MODEL = "gpt-4o"

# Messages of one prompt that are listed; a report is no place for a thousand bars.
_LISTED = 200

# Of a chat request that costs nothing but its texts.
_PLAIN_KEYS = frozenset(
    {"model", "messages", "max_tokens", "max_completion_tokens", "n", "temperature", "top_p", "seed", "stream", "user",
     "stop", "presence_penalty", "frequency_penalty", "logprobs", "store", "metadata", "service_tier"}
)  # fmt: skip

# Characters that the memory of counted strings may hold before its older half goes.
_REMEMBERED_CHARS = 8 << 20


class Counter(Protocol):
    """Counts tokens of one encoding."""

    encoding: str
    method: str
    engine: str
    error_band: tuple[float, float] | None

    def count(self, text: str) -> int:
        """Return the tokens of ``text``."""

    def count_many(self, texts: Sequence[str]) -> list[int]:
        """Return the tokens of each of ``texts``."""

    def count_all(self, blocks: Iterable[str]) -> int:
        """Return the tokens of the text that ``blocks`` are parts of."""


class _Memory:
    """Counts each string once: a batch repeats its system prompt in every line.

    Two generations: what was asked for again lives on when the older one goes, what was not does not.
    """

    def __init__(self, counter: Counter) -> None:
        self._counter = counter
        self._young: dict[str, int] = {}
        self._old: dict[str, int] = {}
        self._chars = 0

    def count(self, text: str) -> int:
        found = self._young.get(text)
        if found is not None:
            return found
        found = self._old.get(text)
        if found is None:
            found = self._counter.count(text)
        return self._keep(text, found)

    def unknown(self, texts: Iterable[str]) -> list[str]:
        """Return what is new among ``texts``, each once."""
        young, old = self._young, self._old
        return list({text: None for text in texts if text not in young and text not in old})

    def learn(self, texts: Sequence[str], tokens: Sequence[int]) -> None:
        """Remember how many tokens each of ``texts`` has."""
        for text, found in zip(texts, tokens, strict=True):
            self._keep(text, found)

    def _keep(self, text: str, found: int) -> int:
        self._chars += len(text)
        if self._chars > _REMEMBERED_CHARS:
            self._old, self._young, self._chars = self._young, {}, len(text)
        self._young[text] = found
        return found


@dataclass(frozen=True, slots=True)
class Settings:
    """What the command line says over what the requests say; ``None``: nothing."""

    model: str | None = None
    max_output_tokens: int | None = None
    n: int | None = None
    provider: str | None = None
    charging: str | None = None
    on: str | None = None
    """ISO date whose rules are taken; ``None`` for today's."""


class Estimator:
    """Estimates prompt after prompt with one set of settings."""

    def __init__(
        self,
        settings: Settings,
        counter: Callable[[str], Counter],
        background: Callable[[Callable[[], list[int]]], Callable[[], list[int]]] = lambda work: work,
    ) -> None:
        """``background`` starts work elsewhere and gives what waits for its outcome; by default all is done here."""
        self._settings = settings
        self._background = background
        self._counter = counter
        self._memories: dict[str, _Memory] = {}
        self._rules: dict[tuple[str, str], tuple[ChargingRule, bool]] = {}
        self._used: dict[str, Counter] = {}
        self._forced = by_name(settings.charging) if settings.charging is not None else None
        if settings.charging is not None and self._forced is None:
            raise UsageError(f"no charging rule {settings.charging!r}", f"one of: {', '.join(names())}")

    def _memory(self, encoding: str) -> _Memory:
        if encoding not in self._memories:
            self._used[encoding] = self._counter(encoding)
            self._memories[encoding] = _Memory(self._used[encoding])
        return self._memories[encoding]

    def _model(self, named: str | None) -> Model:
        return resolve(self._settings.model or named or DEFAULT_MODEL)

    def _rule(self, model: Model, endpoint: str) -> tuple[ChargingRule, bool]:
        if self._forced is not None:
            return self._forced, False
        key = (model.name, endpoint)
        if key not in self._rules:
            provider = self._settings.provider or model.row.provider or (model.vendor if model.vendor else "unknown")
            rule = rule_for(provider, endpoint, model=model.name, on=self._settings.on)
            self._rules[key] = (ASSUMED, True) if rule is None else (rule, False)
        return self._rules[key]

    def text(self, source: str, blocks: Iterable[str]) -> PromptEstimate:
        """Estimate a text sent as one user message, or as the input of an embeddings or completions model."""
        model = self._model(None)
        self._memory(model.row.encoding)
        chars = 0

        def seen() -> Iterator[str]:
            nonlocal chars
            for block in blocks:
                chars += len(block)
                yield block

        tokens = self._used[model.row.encoding].count_all(seen())
        endpoint = _text_endpoint(model)
        request = Request(endpoint, [Message("user", "")])
        empty = prompt_of(request, model, self._memory(model.row.encoding).count)
        scaled = round(tokens * model.row.factor)
        band = model.row.band
        total = empty.tokens + scaled
        low, high = (total, total) if band is None else (int(total * (1 + band[0])), int(total * (1 + band[1])) + 1)
        prompt = Prompt((Part("text", total, low, high, model.row.source),))
        return self._estimate(source, None, request, model, prompt, chars, text_tokens=scaled)

    def image(self, source: str, size: tuple[int, int] | None) -> PromptEstimate:
        """Estimate a picture of ``size`` pixels sent alone in one user message."""
        model = self._model(None)
        picture = Image(*size) if size else Image()
        return self._one(source, None, Request("chat", [Message("user", images=(picture,))]), model)

    def announce(self, raws: Iterable[Any]) -> Callable[[], None]:
        """Begin to count the texts of requests that are about to come, together and in the background.

        What comes back is to be called before these requests are handed in.
        """
        texts: dict[str, list[str]] = {}
        for raw in raws:
            body = raw.get("body", raw) if type(raw) is dict else None
            if type(body) is dict and type(body.get("messages")) is list:
                named = body.get("model")
                here = texts.setdefault(self._model(named if type(named) is str else None).row.encoding, [])
                for message in body["messages"]:
                    if type(message) is dict and type(message.get("content")) is str:
                        here.append(message["content"])
        begun = []
        for encoding, each in texts.items():
            memory = self._memory(encoding)
            new = memory.unknown(each)
            begun.append((memory, new, self._background(partial(self._used[encoding].count_many, new))))

        def settle() -> None:
            for memory, new, outcome in begun:
                memory.learn(new, outcome())

        return settle

    def request(self, source: str, raw: Any, line: int | None = None) -> PromptEstimate:
        """Estimate a request that ``raw``, parsed JSON, holds.

        Raises:
            NotARequest: it holds none.
        """
        plain = self._plain(source, raw, line)
        if plain is not None:
            return plain
        request = parse(raw)
        return self._one(source, line, request, self._model(request.model))

    def _plain(self, source: str, raw: Any, line: int | None) -> PromptEstimate | None:
        """Estimate a chat request that is nothing but roles and texts, as nearly all of a large batch are.

        The same sums as `framing` makes, without a `Request` in between: three times as fast. ``None`` for any other.
        """
        if type(raw) is not dict:
            return None
        body = raw["body"] if raw.get("url") == "/v1/chat/completions" and type(raw.get("body")) is dict else raw
        messages = body.get("messages")
        if type(messages) is not list or not messages or not body.keys() <= _PLAIN_KEYS:
            return None
        model = self._model(body.get("model") if type(body.get("model")) is str else None)
        row = model.row
        if row.stands_in or row.provider == "anthropic":
            return None
        count = self._memory(row.encoding).count
        tokens, chars = row.framing.priming + row.framing.message * len(messages), 0
        for message in messages:
            if type(message) is not dict or len(message) != 2:
                return None
            role, text = message.get("role"), message.get("content")
            if type(role) is not str or type(text) is not str or role == "function":
                return None
            tokens += count(text) + (count(role) if row.framing.roles else 0)
            chars += len(text)
        request = Request("chat", [])
        if len(body) > 2:
            set_limits(body, request)
        return self._estimate(
            source, line, request, model, Prompt((Part("text", tokens, tokens, tokens),)), chars, number=len(messages)
        )

    def _one(self, source: str, line: int | None, request: Request, model: Model) -> PromptEstimate:
        count = self._memory(model.row.encoding).count
        prompt = prompt_of(request, model, count)
        chars = 0
        for message in request.messages:
            chars += message.chars()
        return self._estimate(source, line, request, model, prompt, chars)

    def by_message(self, raw: Any) -> tuple[tuple[str, int], ...]:
        """Return role and tokens of each message of a request; the first few where there are very many."""
        request = parse(raw)
        model = self._model(request.model)
        count = self._memory(model.row.encoding).count
        return tuple(
            (message.role, round(message_tokens(message, model, count) * model.row.factor))
            for message in request.messages[:_LISTED]
        )

    def _estimate(
        self,
        source: str,
        line: int | None,
        request: Request,
        model: Model,
        prompt: Prompt,
        chars: int,
        text_tokens: int | None = None,
        number: int | None = None,
    ) -> PromptEstimate:
        settings = self._settings
        most = request.max_output_tokens if settings.max_output_tokens is None else settings.max_output_tokens
        rule, assumed = self._rule(model, request.endpoint)
        plain = len(prompt.parts) == 1
        ask = Admission(
            text_chars=chars,
            messages=len(request.messages) if number is None else number,
            prompt_tokens=prompt.tokens,
            max_output_tokens=None if request.endpoint == "embeddings" else most,
            n=request.n if settings.n is None else settings.n,
            images=0 if plain else sum(len(message.images) for message in request.messages),
            function_tools=len(request.tools),
        )
        charge = rule.charge(ask)
        return PromptEstimate(
            source, line, request.endpoint, model, ask, rule, assumed,
            charge.tokens, charge.input_tokens, charge.low_tokens, charge.high_tokens,
            text_tokens, prompt.band, () if plain else prompt.parts, (), prompt.notes, prompt.open_ended,
        )  # fmt: skip

    def report(
        self,
        prompts: Sequence[PromptEstimate],
        limits: Sequence[AskedLimit],
        skipped: Sequence[Skipped] = (),
        skipped_total: int = 0,
    ) -> Report:
        """Sum up."""
        if not prompts:
            raise UsageError("no prompt could be read", f"{skipped[0].source}: {skipped[0].why}" if skipped else None)
        used = self._used[prompts[0].model.row.encoding]
        standing = next((prompt.model for prompt in prompts if prompt.model.row.stands_in), None)
        method, band = used.method, used.error_band
        if standing is not None and method == "tiktoken":
            method = f"estimate:{standing.row.encoding}x{standing.row.factor:g}"
            band = standing.row.band
        fitted = fit(prompts, limits)
        engines = "+".join(dict.fromkeys(each.engine for each in self._used.values()))
        report = Report(
            prompts, used.encoding, method, engines, band, tuple(limits), fitted, tuple(skipped), skipped_total
        )
        return diagnose(report, default_model=DEFAULT_MODEL)


def _text_endpoint(model: Model) -> str:
    name = model.name.lower()
    if "embed" in name:
        return "embeddings"
    if "davinci" in name or "babbage" in name or ("instruct" in name and "gpt-3.5" in name):
        return "completions"
    return "messages" if model.row.provider == "anthropic" else "chat"
