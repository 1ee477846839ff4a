"""What prompts cost against the limits: tokens, the limiter's charge, and how many fit in a minute.

``Estimator`` takes texts and requests one by one and makes a ``Report`` of them. It reads no file and counts no token
itself: a counter is handed in for each encoding.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
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
from ratecheck.estimate.requests import Message, Request, parse

DEFAULT_MODEL = "gpt-4o"

# Messages of one prompt that are listed; a report is no place for a thousand bars.
_LISTED = 200

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

    def count_all(self, blocks: Iterable[str]) -> int:
        """Return the tokens of the text that ``blocks`` are parts of."""


class _Memory:
    """Counts each string once: a batch repeats its system prompt in every line.

    Two generations: what was asked for again lives on when the older one goes, what was not does not.
    """

    def __init__(self, count: Callable[[str], int]) -> None:
        self._count = count
        self._young: dict[str, int] = {}
        self._old: dict[str, int] = {}
        self._chars = 0

    def count(self, text: str) -> int:
        found = self._young.get(text)
        if found is not None:
            return found
        found = self._old.get(text)
        if found is None:
            found = self._count(text)
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

    def __init__(self, settings: Settings, counter: Callable[[str], Counter]) -> None:
        self._settings = settings
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
            self._memories[encoding] = _Memory(self._used[encoding].count)
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

    def request(self, source: str, raw: Any, line: int | None = None) -> PromptEstimate:
        """Estimate a request that ``raw``, parsed JSON, holds.

        Raises:
            NotARequest: it holds none.
        """
        request = parse(raw)
        return self._one(source, line, request, self._model(request.model))

    def _one(self, source: str, line: int | None, request: Request, model: Model) -> PromptEstimate:
        count = self._memory(model.row.encoding).count
        prompt = prompt_of(request, model, count)
        chars = sum(message.chars() for message in request.messages)
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
    ) -> PromptEstimate:
        settings = self._settings
        most = request.max_output_tokens if settings.max_output_tokens is None else settings.max_output_tokens
        rule, assumed = self._rule(model, request.endpoint)
        ask = Admission(
            text_chars=chars,
            messages=len(request.messages),
            prompt_tokens=prompt.tokens,
            max_output_tokens=None if request.endpoint == "embeddings" else most,
            n=request.n if settings.n is None else settings.n,
            images=sum(len(message.images) for message in request.messages),
            function_tools=len(request.tools),
        )
        charge = rule.charge(ask)
        plain = len(prompt.parts) == 1
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
