"""Chat requests that are nothing but roles and texts, hundreds at a time: what nearly every line of a large batch is.

The same sums as `framing` and `charging` make, without a `Request` in between and with the texts of all counted in one
call: about ten times as fast. `tests/test_estimate.py` holds one way against the other.
"""

from collections.abc import Callable
from functools import lru_cache, partial
from itertools import accumulate
from typing import Any, NamedTuple

from ratecheck.dialects.charging import Admission, Charge, ChargingRule, Measure
from ratecheck.estimate.answers import asked_for
from ratecheck.estimate.memory import Begin, Memory
from ratecheck.estimate.models import Model
from ratecheck.estimate.report import PromptEstimate

# Keys of a chat request that costs nothing but its texts.
_KEYS = frozenset(
    {"model", "messages", "max_tokens", "max_completion_tokens", "n", "temperature", "top_p", "seed", "stream", "user",
     "stop", "presence_penalty", "frequency_penalty", "logprobs", "store", "metadata", "service_tier"}
)  # fmt: skip

# Charges of requests of one shape and size that are remembered: batches repeat them.
_CHARGES = 4096


Row = tuple[int, str | None, int, int, int, int | None, int]
"""One request: its line, the model it names, messages, characters, prompt tokens, largest output, answers."""


class _Roles(dict[str, int]):
    """What a message of a role costs beside its text."""

    def __init__(self, model: Model, memory: Memory) -> None:
        super().__init__()
        self._framing, self._count = model.row.framing, memory.count

    def __missing__(self, role: str) -> int:
        cost = self._framing.message + (self._count(role) if self._framing.roles else 0)
        self[role] = cost
        return cost


def _charge(rule: ChargingRule, size: int, messages: int, most: int | None, n: int) -> Charge:
    # A rule sizes a prompt by its characters or by its tokens, never by both.
    return rule.charge(Admission(size, messages, size, most, n))


class Kind:
    """All plain requests to one model: what they share."""

    def __init__(self, model: Model, memory: Memory, rule: ChargingRule, assumed: bool) -> None:
        """``assumed``: no row says how this provider charges."""
        self.model, self.memory, self.rule, self.assumed = model, memory, rule, assumed
        self.roles = _Roles(model, memory)
        self.opening = ""
        """The first text of the request before: the same again need not be hashed again."""
        self.charge: Callable[[int, int, int | None, int], Charge] = lru_cache(_CHARGES)(partial(_charge, rule))
        counted = memory.counter.error_band is None
        self.fits = counted and not model.row.stands_in and model.row.provider != "anthropic"
        """Whether the short way knows all that such a request costs."""

    def estimate(self, file: str, before: int, row: Row) -> PromptEstimate:
        """Return what a request comes to; ``before``: lines of the file before those that its row counts from."""
        line, _, messages, chars, tokens, most, n = row
        size = chars if self.rule.measure is Measure.CHARACTERS else tokens
        return PromptEstimate(
            file, before + line, "chat", self.model, Admission(chars, messages, tokens, most, n), self.rule,
            self.assumed, self.charge(size, messages, most, n),
        )  # fmt: skip


class _Taken(NamedTuple):
    """One request: its texts are those from ``first`` to ``last`` of its kind's."""

    line: int
    named: str | None
    kind: Kind
    first: int
    last: int
    fixed_tokens: int
    chars: int
    most: int | None
    n: int


class Batch:
    """Requests taken one by one, counted together."""

    def __init__(self, kind_of: Callable[[str | None], Kind], most: int | None, n: int | None) -> None:
        """``most`` and ``n``, where given, win over what a request says."""
        self._kind_of, self._most, self._n = kind_of, most, n
        self._taken: list[_Taken] = []
        self._texts: dict[Kind, list[str]] = {}
        self.chars = 0
        """Of all texts but those that open one request after another."""

    def take(self, line: int, raw: Any) -> bool:
        """Take a request, parsed JSON; ``False`` where it is not plain."""
        if type(raw) is not dict:
            return False
        body = raw["body"] if raw.get("url") == "/v1/chat/completions" and type(raw.get("body")) is dict else raw
        messages = body.get("messages")
        if type(messages) is not list or not messages or not body.keys() <= _KEYS:
            return False
        stated = body.get("model")
        named = stated if type(stated) is str else None
        kind = self._kind_of(named)
        if not kind.fits:
            return False
        most, n, passed = asked_for(body) if len(body) > (1 if stated is None else 2) else (None, 1, ())
        if passed:
            return False
        texts, opening = self._texts.setdefault(kind, []), kind.opening
        first, fixed, chars = len(texts), kind.model.row.framing.priming, 0
        for message in messages:
            if type(message) is dict and len(message) == 2:
                role, text = message.get("role"), message.get("content")
                if type(text) is str and type(role) is str and role != "function":
                    texts.append(opening if text == opening else text)
                    fixed += kind.roles[role]
                    chars += len(text)
                    continue
            del texts[first:]
            return False
        self.chars += chars
        if texts[first] is opening:
            self.chars -= len(opening)
        kind.opening = texts[first]
        most = most if self._most is None else self._most
        n = n if self._n is None else self._n
        self._taken.append(_Taken(line, named, kind, first, len(texts), fixed, chars, most, n))
        return True

    def begin(self, begin: Begin) -> Callable[[], list[Row]]:
        """Start to count; what comes back gives a row for each request that was taken, in order."""
        waiting = {kind: kind.memory.begin(texts, begin) for kind, texts in self._texts.items()}

        def settle() -> list[Row]:
            upto: dict[Kind, list[int]] = {}
            for kind, texts in self._texts.items():
                upto[kind] = [0, *accumulate(map(waiting[kind]().__getitem__, texts))]
            return [
                (line, named, last - first, chars, fixed + upto[kind][last] - upto[kind][first], most, n)
                for line, named, kind, first, last, fixed, chars, most, n in self._taken
            ]

        return settle
