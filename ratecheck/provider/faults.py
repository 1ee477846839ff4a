"""Faults on purpose: ``--fault WHEN=WHAT`` of ``simulate`` and ``serve``, as one grammar and one meaning.

``first=500,timeout`` lets the first call meet a 500, then a timeout, then what the provider really says.
"""

import re
from collections.abc import Hashable
from dataclasses import dataclass

from ratecheck.durations import parse_number
from ratecheck.errors import UsageError

# Outcomes a list may hold, and the names that may ride on one: whatever an answer can carry that clients read.
_MOST_OUTCOMES = 100
_HEADERS = ("retry-after-ms", "retry-after", "x-should-retry")
_CODES = ("insufficient_quota", "rate_limit_exceeded", "overloaded_error", "server_error")
_WORDS = ("drop", "timeout", "ok")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one attempt meets: ``"ok"`` (the provider's own answer), ``"drop"``, ``"timeout"`` or ``"status"``."""

    kind: str
    status: int | None = None
    headers: tuple[tuple[str, str], ...] = ()
    code: str | None = None
    """An error code that the body names, ``insufficient_quota`` for one."""

    @property
    def told_s(self) -> float | None:
        """How long its headers say to wait, in seconds; ``None`` where they say no number."""
        headers = dict(self.headers)
        for name, unit in (("retry-after-ms", 1000), ("retry-after", 1)):
            told = parse_number(headers.get(name, ""))
            if told is not None and told >= 0:
                return told / unit
        return None


OK = Outcome("ok")


@dataclass(frozen=True, slots=True)
class Fault:
    """One ``--fault``: which calls it meets and what their attempts get, in order."""

    text: str
    probability: float | None
    """``None`` under ``first``; 1 under ``always``."""
    repeats: bool
    """Does the last outcome repeat (``always``), or does the provider answer once the list is through?"""
    outcomes: tuple[Outcome, ...]

    def meets(self, call_number: int, u: float) -> bool:
        """Say whether it meets this call; ``call_number`` counts from 1, ``u`` is a draw from [0, 1)."""
        return call_number == 1 if self.probability is None else u < self.probability

    def outcome(self, attempt: int) -> Outcome:
        """Return what attempt ``attempt`` (from 1) of a call that it meets gets."""
        if attempt <= len(self.outcomes):
            return self.outcomes[attempt - 1]
        return self.outcomes[-1] if self.repeats else OK


class _Text:
    """The text of one fault; complains with a pointer at the character."""

    def __init__(self, text: str) -> None:
        self.text = text

    def wrong(self, position: int, expected: str) -> UsageError:
        shown = self.text if len(self.text) <= 60 else self.text[: max(position, 0) + 1][-60:]
        at = f"character {position + 1}" if position < len(self.text) else "the end"
        return UsageError(
            f"--fault {shown!r}: {expected} at {at}",
            "WHEN=WHAT: WHEN is first, always or a probability; WHAT is a list such as 500,timeout,429+retry-after:2",
        )


def parse(text: str) -> Fault:
    """Parse one ``WHEN=WHAT``. Raises ``UsageError`` that says at which character what was expected."""
    source = _Text(text)
    when, equals, what = text.partition("=")
    probability: float | None = None
    if when == "always":
        probability = 1.0
    elif re.fullmatch(r"\d?\.?\d{1,12}", when) and float(when) <= 1:
        probability = float(when)
    elif when != "first":
        raise source.wrong(0, "expected first, always or a probability from 0 to 1")
    if not equals:
        raise source.wrong(len(when), "expected '=' and a list of outcomes")
    outcomes, position = [], len(when) + 1
    for part in what.split(","):
        outcomes.append(_outcome(source, part, position))
        position += len(part) + 1
    if len(outcomes) > _MOST_OUTCOMES:
        raise source.wrong(len(text), f"expected at most {_MOST_OUTCOMES} outcomes")
    return Fault(text, probability, when == "always", tuple(outcomes))


def _outcome(source: _Text, part: str, position: int) -> Outcome:
    kind, *riders = part.split("+")
    if kind in _WORDS:
        if riders:
            raise source.wrong(position + len(kind), f"expected nothing after {kind}: only a status carries more")
        return Outcome(kind)
    if not re.fullmatch(r"[2-5]\d\d", kind):
        raise source.wrong(position, "expected a status such as 500, or drop, timeout, ok")
    headers, code, at = [], None, position + len(kind) + 1
    for rider in riders:
        name, colon, value = rider.partition(":")
        if rider in _CODES:
            code = rider
        elif name.lower() not in _HEADERS:
            raise source.wrong(at, f"expected one of {', '.join((*_HEADERS, *_CODES))}")
        elif not colon or not re.fullmatch(r"[\x21-\x7e][\x20-\x7e]{0,99}", value):
            raise source.wrong(at + len(name), f"expected ':' and a value for {name}")
        else:
            headers.append((name.lower(), value))
        at += len(rider) + 1
    return Outcome("status", int(kind), tuple(headers), code)


class Script:
    """Hands out outcomes to attempts as they arrive: which call an attempt belongs to is the caller's business.

    The first fault that meets a call decides it. A call that is over is forgotten; under traffic that never
    ends its calls, the oldest is.
    """

    _MOST_CALLS = 10_000

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        self._faults = faults
        self._calls = 0
        self._running: dict[Hashable, tuple[Fault, int]] = {}

    def next(self, call: Hashable, u: float, *, first: bool = False) -> Outcome:
        """Return what the next attempt of ``call`` meets; ``u`` decides when this is its first.

        ``first`` says that the client calls it a first attempt: what it left unfinished before is over.
        """
        if first:
            self._running.pop(call, None)
        if call in self._running:
            fault, attempt = self._running[call]
        else:
            self._calls += 1
            met = next((fault for fault in self._faults if fault.meets(self._calls, u)), None)
            if met is None:
                return OK
            fault, attempt = met, 1
        outcome = fault.outcome(attempt)
        if outcome.kind == "ok" or (not fault.repeats and attempt >= len(fault.outcomes) + 1):
            self._running.pop(call, None)
        else:
            if len(self._running) >= self._MOST_CALLS:
                del self._running[next(iter(self._running))]
            self._running[call] = (fault, attempt + 1)
        return outcome
