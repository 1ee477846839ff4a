"""Texts and requests, one by one, and the ``Report`` on them all.

Nothing here reads a file or counts a token: a counter is handed in for each encoding.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from ratecheck.dialects.charging import ASSUMED, Admission, ChargingRule, by_name, names, rule_for
from ratecheck.errors import UsageError, no_such
from ratecheck.estimate.diagnoses import diagnose
from ratecheck.estimate.fit import fit
from ratecheck.estimate.framing import Part, Prompt, message_with_all, prompt_of
from ratecheck.estimate.images import Image
from ratecheck.estimate.limits import AskedLimit
from ratecheck.estimate.memory import Begin, Counter, Memory
from ratecheck.estimate.models import Model
from ratecheck.estimate.plain import Batch, Kind, Row
from ratecheck.estimate.report import PromptEstimate, Prompts, Report, Skipped, charge_of
from ratecheck.estimate.requests import Line, Message, NotARequest, Request, parse
from ratecheck.estimate.settings import Settings
from ratecheck.estimate.texts import ROLE, Measured

# Lines that are worked on together, and what they may hold. Many: a counter's tables fill the processor's caches, and
# have to come back into them each time. Not too many: all their texts are held at once.
_TOGETHER = 4096
_OTHERS_TOGETHER = 64
_CHARS_TOGETHER = 1 << 20

# Messages of one prompt that are listed; a report is no place for a thousand bars.
_LISTED = 200


class Broken(NamedTuple):
    """A line that holds no request."""

    why: str
    lines: int = 1
    """How many there are from this one on that are not named each."""


class Counted(NamedTuple):
    """Lines of a file that were counted, each with its number."""

    rows: list[Row]
    """Plain requests."""
    others: list[tuple[int, PromptEstimate | Broken]]
    """All other requests, and lines without one."""


class Estimator:
    """Estimates prompt after prompt with one set of settings."""

    def __init__(self, settings: Settings, counter: Callable[[str], Counter]) -> None:
        self.settings = settings
        self._counter = counter
        self._memories: dict[str, Memory] = {}
        self._kinds: dict[str | None, Kind] = {}
        self._rules: dict[tuple[str, str, str | None], tuple[ChargingRule, bool]] = {}
        self._forced = by_name(settings.charging) if settings.charging is not None else None
        if settings.charging is not None and self._forced is None:
            raise no_such("charging rule", settings.charging, names())

    def _memory(self, encoding: str) -> Memory:
        if encoding not in self._memories:
            self._memories[encoding] = Memory(self._counter(encoding))
        return self._memories[encoding]

    def _kind(self, named: str | None) -> Kind:
        if named not in self._kinds:
            model = self.settings.model_for(named)
            self._kinds[named] = Kind(model, self._memory(model.row.encoding), *self._rule(model, "chat"))
        return self._kinds[named]

    def _rule(self, model: Model, endpoint: str, service: str | None = None) -> tuple[ChargingRule, bool]:
        if self._forced is not None:
            return self._forced, False
        key = (model.name, endpoint, service)
        if key not in self._rules:
            # Who limits is who serves: said by hand, by where the request went, by the model's name, or known of it.
            provider = self.settings.provider or service or model.service or model.row.provider or "unknown"
            rule = rule_for(provider, endpoint, model=model.name, on=self.settings.on)
            self._rules[key] = (ASSUMED, True) if rule is None else (rule, False)
        return self._rules[key]

    def counter(self) -> Counter:
        """Return what counts the texts that name no model."""
        return self._memory(self.settings.model_for(None).row.encoding).counter

    def text(self, source: str, text: Measured) -> PromptEstimate:
        """Estimate a text sent as one user message, or as the input of an embeddings or completions model."""
        model = self.settings.model_for(None)
        request = Request(_text_endpoint(model), [Message(ROLE, "")])
        empty = prompt_of(request, model, text.around.__getitem__)
        scaled = round(text.tokens * model.row.factor)
        band = model.row.band
        total = empty.tokens + scaled
        low, high = (total, total) if band is None else (int(total * (1 + band[0])), int(total * (1 + band[1])) + 1)
        prompt = Prompt((Part("text", total, low, high, model.row.source),))
        return self._estimate(source, None, request, model, prompt, text.chars, text_tokens=scaled)

    def image(self, source: str, size: tuple[int, int] | None) -> PromptEstimate:
        """Estimate a picture of ``size`` pixels sent alone in one user message."""
        model = self.settings.model_for(None)
        picture = Image(*size) if size else Image()
        return self._one(source, None, Request("chat", [Message("user", images=(picture,))]), model)

    def lines(
        self,
        source: str,
        lines: Iterator[Line],
        whole: Callable[[Any], Any] = lambda raw: raw,
        background: Begin = lambda work: work,
    ) -> Iterator[PromptEstimate | Skipped]:
        """Estimate the requests of a file by line: while some are worked on, the next ones' texts are counted.

        ``whole`` completes the value of a line that is more than roles and texts. ``background`` starts work elsewhere
        and gives what waits for its outcome; by default all is done here.
        """
        for some in self.counted(source, lines, whole, background):
            yield from self.made(source, some)

    def counted(
        self,
        source: str,
        lines: Iterator[Line],
        whole: Callable[[Any], Any] = lambda raw: raw,
        background: Begin = lambda work: work,
    ) -> Iterator[Counted]:
        """Count the requests of a file by line, some at a time: all of ``lines`` that takes long."""
        going = self._begin(lines, background)
        while going is not None:
            following = self._begin(lines, background)
            rows, others = going
            yield Counted(
                rows(), [(number, self._line(source, number, whole(raw), why)) for number, raw, why in others]
            )
            going = following

    def made(self, source: str, counted: Counted, before: int = 0) -> list[PromptEstimate | Skipped]:
        """Make the estimates, line by line, of what was counted after the first ``before`` lines of a file."""
        rows, others = counted
        found: list[PromptEstimate | Skipped] = [self._kind(row[1]).estimate(source, before, row) for row in rows]
        if not others:
            return found
        by_line = {row[0]: each for row, each in zip(rows, found, strict=True)}
        for line, each in others:
            by_line[line] = (
                Skipped(f"{source}:{before + line}", each.why, each.lines)
                if isinstance(each, Broken)
                else each._replace(line=before + line)
            )
        return [by_line[line] for line in sorted(by_line)]

    def _begin(self, lines: Iterator[Line], background: Begin) -> tuple[Callable[[], list[Row]], list[Line]] | None:
        """Start to count some lines; return what waits for those that are plain, and the others."""
        others: list[Line] = []
        batch = Batch(self._kind, self.settings.max_output_tokens, self.settings.n)
        read = 0
        for read, line in enumerate(lines, 1):
            if not batch.take(line[0], line[1]):
                others.append(line)
            if read >= _TOGETHER or len(others) >= _OTHERS_TOGETHER or batch.chars >= _CHARS_TOGETHER:
                break
        return (batch.begin(background), others) if read else None

    def _line(self, source: str, number: int, raw: Any, broken: str | None) -> PromptEstimate | Broken:
        if broken is None:
            try:
                return self.request(source, raw, number)
            except NotARequest as error:
                broken = str(error)
        return Broken(broken)

    def several(self, source: str, raws: Sequence[Any]) -> list[PromptEstimate | Skipped]:
        """Estimate the requests of a list by their places in it."""
        others = [(place, self._line(source, place, raw, None)) for place, raw in enumerate(raws, 1)]
        return self.made(source, Counted([], others))

    def request(self, source: str, raw: Any, line: int | None = None) -> PromptEstimate:
        """Estimate a request that ``raw``, parsed JSON, holds.

        Raises:
            NotARequest: it holds none.
        """
        try:
            request = parse(raw)
            return self._one(source, line, request, self.settings.model_for(request.model))
        except RecursionError:  # some readers of JSON go deeper than we do
            raise NotARequest("JSON nested too deeply") from None

    def _one(self, source: str, line: int | None, request: Request, model: Model) -> PromptEstimate:
        count = self._memory(model.row.encoding).count
        prompt = prompt_of(request, model, count)
        # No recording shows how tokens are charged where text is charged by its characters: four to each, as of text.
        chars = 4 * request.given_tokens
        for message in request.messages:
            chars += message.chars()
        return self._estimate(source, line, request, model, prompt, chars)

    def by_message(self, raw: Any) -> tuple[tuple[str, int], ...]:
        """Return role and tokens of each message of a request, calls and images too; of very many, the first."""
        request = parse(raw)
        model = self.settings.model_for(request.model)
        count = self._memory(model.row.encoding).count
        return tuple(
            (message.role, message_with_all(message, request, model, count)) for message in request.messages[:_LISTED]
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
        settings = self.settings
        most = request.max_output_tokens if settings.max_output_tokens is None else settings.max_output_tokens
        rule, assumed = self._rule(model, request.endpoint, request.service)
        plain = len(prompt.parts) == 1
        ask = Admission(
            text_chars=chars,
            messages=len(request.messages),
            prompt_tokens=prompt.tokens,
            max_output_tokens=None if request.endpoint == "embeddings" else most,
            n=request.n if settings.n is None else settings.n,
            images=0 if plain else sum(len(message.images) for message in request.messages),
            function_tools=len(request.tools),
        )
        band = prompt.band
        if (unsure := self._memory(model.row.encoding).counter.error_band) is not None:
            low, high = band or (prompt.tokens, prompt.tokens)
            band = int(low * (1 + unsure[0])), int(high * (1 + unsure[1])) + 1
        return PromptEstimate(
            source, line, request.endpoint, model, ask, rule, assumed, charge_of(rule, ask, band), text_tokens,
            band, () if plain else prompt.parts, (), (*prompt.notes, *request.asides), prompt.open_ended,
        )  # fmt: skip

    def report(
        self,
        prompts: Sequence[PromptEstimate],
        limits: Sequence[AskedLimit],
        skipped: Sequence[Skipped] = (),
        skipped_total: int = 0,
        interrupted: bool = False,
    ) -> Report:
        """Sum up."""
        if not prompts:
            raise UsageError("no prompt could be read", f"{skipped[0].source}: {skipped[0].why}" if skipped else None)
        every = Prompts(prompts)
        used = self._memory(every[0].model.row.encoding).counter
        standing = next((prompt.model for prompt in every.kinds if prompt.model.row.stands_in), None)
        method, band = used.method, used.error_band
        if standing is not None and method == "tiktoken":
            method = f"estimate:{standing.row.encoding}x{standing.row.factor:g}"
            band = standing.row.band
        encodings = tuple(dict.fromkeys(prompt.model.row.encoding for prompt in every.kinds))
        engines = "+".join(dict.fromkeys(self._memory(encoding).counter.engine for encoding in encodings))
        report = Report(
            every, encodings, method, engines, band, tuple(limits), fit(every, limits), tuple(skipped), skipped_total,
            interrupted,
        )  # fmt: skip
        return replace(report, diagnoses=diagnose(report))


def _text_endpoint(model: Model) -> str:
    name = model.name.lower()
    if "embed" in name:
        return "embeddings"
    if "davinci" in name or "babbage" in name or ("instruct" in name and "gpt-3.5" in name):
        return "completions"
    return "messages" if model.row.provider == "anthropic" else "chat"
