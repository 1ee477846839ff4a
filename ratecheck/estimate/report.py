"""What ``estimate`` found: one row a prompt, their sums, and how they fit."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from ratecheck.dialects.charging import Admission, Charge, ChargingRule
from ratecheck.estimate.framing import Part
from ratecheck.estimate.models import Model
from ratecheck.model import Diagnosis

if TYPE_CHECKING:
    from ratecheck.estimate.fit import Fit
    from ratecheck.estimate.limits import AskedLimit


def charge_of(rule: ChargingRule, ask: Admission, band: tuple[int, int] | None) -> Charge:
    """Return what ``rule`` takes; where the prompt's tokens are a range, so is a charge by tokens."""
    charge = rule.charge(ask)
    if band is None:
        return charge
    low, high = (rule.charge(ask._replace(prompt_tokens=tokens)) for tokens in band)
    return charge._replace(low_tokens=low.low_tokens, high_tokens=high.high_tokens)


class PromptEstimate(NamedTuple):
    """One prompt: what the API will report, and what the limiter takes when it arrives.

    A tuple, like what it holds: a batch makes a hundred thousand of them.
    """

    file: str
    line: int | None
    """Its line in a JSON Lines file, or its place in a list of requests."""
    endpoint: str
    model: Model
    ask: Admission
    rule: ChargingRule
    assumed_rule: bool
    """No row says how this provider charges: the cautious assumption was taken."""
    charge: Charge
    text_tokens: int | None = None
    """Of the bare text, for a prompt that was a text file."""
    band: tuple[int, int] | None = None
    """Lowest and highest figure to expect from the API; ``None`` where the count is exact."""
    parts: tuple[Part, ...] = ()
    """Left out where there is text only."""
    by_message: tuple[tuple[str, int], ...] = ()
    """Role and tokens of each message."""
    notes: tuple[str, ...] = ()
    open_ended: bool = False

    @property
    def source(self) -> str:
        """Return where it came from: ``prompt.txt``, ``batch.jsonl:17``."""
        return self.file if self.line is None else f"{self.file}:{self.line}"

    @property
    def prompt_tokens(self) -> int:
        """Return what the API will report."""
        return self.ask.prompt_tokens

    @property
    def charged_tokens(self) -> int:
        """Return what a limit on all tokens loses when it arrives."""
        return self.charge.tokens

    @property
    def max_output_tokens(self) -> int | None:
        """Return the largest output, ``None`` where neither request nor option names one."""
        return self.ask.max_output_tokens

    @property
    def n(self) -> int:
        """Return how many answers are asked for."""
        return self.ask.n

    @property
    def images(self) -> int:
        """Return how many images it holds."""
        return self.ask.images

    @property
    def billed_tokens_max(self) -> int | None:
        """Return the most that can be billed, ``None`` where the output has no stated limit."""
        most = self.ask.max_output_tokens
        return None if most is None else self.ask.prompt_tokens + max(self.ask.n, 1) * most

    @property
    def bare_tokens(self) -> int:
        """Return what the limiter would take with the smallest output."""
        return self.rule.charge(self.ask._replace(max_output_tokens=0)).tokens

    def recharged(self, most: int) -> "PromptEstimate":
        """Return the same prompt with ``most`` as its largest output."""
        return self._with(self.ask._replace(max_output_tokens=most))

    def single(self) -> "PromptEstimate":
        """Return the same prompt asking for one answer."""
        return self._with(self.ask._replace(n=1))

    def _with(self, ask: Admission) -> "PromptEstimate":
        return self._replace(ask=ask, charge=charge_of(self.rule, ask, self.band))


class Prompts(tuple[PromptEstimate, ...]):
    """Estimates, and what is asked of all of them together: each worked out once, a batch has a hundred thousand."""

    @cached_property
    def kinds(self) -> list[PromptEstimate]:
        """Return the first one for each model and charging rule."""
        found: dict[tuple[int, int], PromptEstimate] = {}
        for prompt in self:
            kind = id(prompt.model), id(prompt.rule)
            if kind not in found:
                found[kind] = prompt
        return list(found.values())

    @cached_property
    def models(self) -> tuple[str, ...]:
        """Return the models' names, each once."""
        return tuple(dict.fromkeys(prompt.model.name for prompt in self.kinds))

    @cached_property
    def rules(self) -> tuple[ChargingRule, ...]:
        """Return the charging rules used, each once."""
        return tuple({prompt.rule.name: prompt.rule for prompt in self.kinds}.values())

    @cached_property
    def inexact(self) -> list[PromptEstimate]:
        """Return those whose figure has a band, or is a lower bound."""
        return [prompt for prompt in self if prompt.band or prompt.open_ended]

    @cached_property
    def tokens(self) -> list[int]:
        """Return what the API will report of each."""
        return [prompt.ask.prompt_tokens for prompt in self]

    @cached_property
    def charged(self) -> list[int]:
        """Return what a limit on all tokens loses to each."""
        return [prompt.charge.tokens for prompt in self]


@dataclass(frozen=True, slots=True)
class Skipped:
    """A line or file that could not be read, and why."""

    source: str
    why: str
    lines: int = 1
    """How many there are, where only the first is named."""


@dataclass(frozen=True, slots=True)
class Report:
    """Everything."""

    prompts: Prompts
    encodings: tuple[str, ...]
    token_method: str
    token_engine: str
    token_error_band: tuple[float, float] | None
    limits: "tuple[AskedLimit, ...]"
    fit: "Fit | None"
    skipped: tuple[Skipped, ...] = ()
    skipped_total: int = 0
    """All of them; ``skipped`` names the first few."""
    interrupted: bool = False
    """Somebody has stopped it: there was more to read."""
    diagnoses: tuple[Diagnosis, ...] = ()

    @property
    def prompt_tokens(self) -> int:
        """Return the sum of what the API will report."""
        return sum(self.prompts.tokens)

    @property
    def charged_tokens(self) -> int:
        """Return the sum of what limiters take."""
        return sum(self.prompts.charged)
