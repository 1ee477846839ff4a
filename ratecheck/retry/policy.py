"""A client's whole behaviour: its layers, stacked from the outermost in. Composition is code, numbers are rows."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime

from ratecheck.model import Answer, Source
from ratecheck.retry.layer import Layer, Plan
from ratecheck.retry.signals import Signals, read

Progress = tuple[tuple[int, float], ...]
"""How far each layer is, outermost first: retries made, and the last wait where the next one depends on it."""

# The largest draw there is, as good as: u lies below 1.
_LAST_U = 1.0 - 1e-9


@dataclass(frozen=True, slots=True)
class Versions:
    """A stretch of versions from ``first`` on, below ``before``; ``None`` for no end."""

    first: str | None = None
    before: str | None = None

    def __contains__(self, version: str) -> bool:
        wanted = number_of(version)
        return (self.first is None or number_of(self.first) <= wanted) and (
            self.before is None or wanted < number_of(self.before)
        )

    def __str__(self) -> str:
        ends = ([f">={self.first}"] if self.first else []) + ([f"<{self.before}"] if self.before else [])
        return ",".join(ends) or "any"


def number_of(version: str) -> tuple[int, ...]:
    """Return a version as numbers that compare: ``"1.109.1"`` is ``(1, 109, 1)``; what is no number counts 0."""
    parts = []
    for part in version.split(".")[:6]:
        digits = "".join(character for character in part if character.isdigit())
        parts.append(int(digits[:9]) if digits else 0)
    while parts and parts[-1] == 0:
        parts.pop()
    return tuple(parts)


@dataclass(frozen=True)
class RetryPolicy:
    """One row: what one client does, in a stretch of versions."""

    name: str
    build: Callable[[int], tuple[Layer, ...]] = field(repr=False, compare=False)
    """Layers, outermost first, for a setting of ``max_retries``."""
    max_retries: int | None
    """The client's own setting, at its default; ``None`` where the loop has no end."""
    disable: str | None
    """The line of code that switches the retries off; ``None`` where there is no way or nothing to switch off."""
    source: Source
    sdk: str | None = None
    """Its name in the collected facts; ``None`` for recipes and for what has no entry of its own there."""
    versions: Versions = Versions()
    checked: str = ""
    """The versions that were looked at."""
    timeout_s: float | None = None
    """How long one attempt may take by default; ``None`` where unknown or endless."""
    note: str = ""
    package: tuple[str, ...] = ()
    """Names under which people and tracebacks know it."""
    layers: tuple[Layer, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "layers", self.build(self.max_retries if self.max_retries is not None else 0))

    @property
    def verified(self) -> bool:
        """Whether somebody ran it; otherwise the source alone was read."""
        return self.source.verified

    @property
    def needs_elapsed(self) -> bool:
        """Whether the time since the call began decides anything."""
        return any(layer.stops_after_s is not None for layer in self.layers)

    def with_max_retries(self, count: int) -> "RetryPolicy":
        """Return the same client with another setting."""
        return replace(self, max_retries=count)

    def start(self) -> Progress:
        """Return the state of a call that has not been sent yet."""
        return ((0, 0.0),) * len(self.layers)

    def plan(self, progress: Progress, signals: Signals, elapsed_s: float = 0.0) -> tuple[Plan, int] | None:
        """Return the wait before the next request and the index of the layer that makes it; ``None`` to give up.

        The innermost layer that still wants to try again does; a layer that gives up hands the failure outwards.
        """
        for index in range(len(self.layers) - 1, -1, -1):
            if any(outer.inner_once and done[0] for outer, done in zip(self.layers[:index], progress, strict=False)):
                continue
            retry, before_s = progress[index]
            plan = self.layers[index].plan(signals, retry, before_s, elapsed_s)
            if plan is not None:
                return plan, index
        return None

    def advance(self, progress: Progress, index: int, wait_s: float) -> Progress:
        """Return the state after layer ``index`` waited: the layers below it begin anew."""
        remembered = wait_s if self.layers[index].backoff.memory else 0.0
        fresh = ((0, 0.0),) * (len(progress) - index - 1)
        return (*progress[:index], (progress[index][0] + 1, remembered), *fresh)

    def step(
        self, progress: Progress, signals: Signals, u: float, elapsed_s: float = 0.0
    ) -> tuple[float, Progress] | None:
        """Return the wait in seconds for the jitter ``u`` in [0, 1) and the state after it; ``None`` to give up."""
        planned = self.plan(progress, signals, elapsed_s)
        if planned is None:
            return None
        plan, index = planned
        wait_s = plan.wait_s(u)
        return wait_s, self.advance(progress, index, wait_s)

    def delay_s(self, attempt: int, answer: Answer, u: float, now: datetime | None = None) -> float | None:
        """Return the wait after request number ``attempt`` (1 is the first) was answered so, ``None`` to give up.

        ``u`` in [0, 1) is the jitter's draw. Layered clients depend on what came before: the earlier requests are
        taken to have been answered alike, with the same ``u``. ``now`` is only needed for a date without ``Date``.
        """
        signals, progress, elapsed_s = read(answer, now), self.start(), 0.0
        outcome: tuple[float, Progress] | None = None
        for _ in range(attempt):
            outcome = self.step(progress, signals, u, elapsed_s)
            if outcome is None:
                return None
            wait_s, progress = outcome
            elapsed_s += wait_s
        return outcome[0] if outcome else None

    def waits(
        self, answer: Answer, most: int = 200, u: float = 0.0, now: datetime | None = None
    ) -> list[tuple[float, float]]:
        """Return shortest and longest of each wait while every request is answered so, at most ``most`` of them."""
        signals, progress, elapsed_s = read(answer, now), self.start(), 0.0
        bounds: list[tuple[float, float]] = []
        while len(bounds) < most:
            planned = self.plan(progress, signals, elapsed_s)
            if planned is None:
                break
            plan, index = planned
            bounds.append(plan.bounds_s())
            wait_s = plan.wait_s(u)
            elapsed_s += wait_s
            progress = self.advance(progress, index, wait_s)
        return bounds

    def unprompted_waits(self, most: int = 200) -> list[tuple[float, float]]:
        """Return shortest and longest of each wait where no answer says how long, at most ``most`` of them.

        On a 429 or on a 5xx, whichever is tried again more often. Where a wait follows from the one before it, the
        shortest draws make the lower edge and the longest the upper one.
        """
        found: list[tuple[float, float]] = []
        for status in (429, 500):
            low, high = (self.waits(Answer(status), most, u) for u in (0.0, _LAST_U))
            bounds = [(below[0], above[1]) for below, above in zip(low, high, strict=False)]
            found = bounds if len(bounds) > len(found) else found
        return found

    def requests(self, answer: Answer, most: int = 200) -> int | None:
        """Return the requests of one call when every one is answered so; ``None`` where that passes ``most``."""
        waits = len(self.waits(answer, most))
        return waits + 1 if waits < most else None

    @property
    def worst_case(self) -> int | None:
        """The most requests that one call can become on a 429 or a 5xx; ``None`` for no end."""
        counts = [self.requests(Answer(status)) for status in (429, 500, 503)]
        return None if None in counts else max(count for count in counts if count is not None)
