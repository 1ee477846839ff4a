"""A retry policy with its plans remembered: a client's state is a number, and what it does next is looked up."""

from ratecheck.errors import UsageError
from ratecheck.retry import Progress, RetryPolicy, Signals

Step = tuple[float, float, float, float, int]
"""A plan's four numbers and the state after it; -1 where the state depends on the wait itself."""

_MOST_KEPT = 300_000


class Planner:
    """What one policy does, in each of its states, about each kind of answer."""

    def __init__(self, policy: RetryPolicy) -> None:
        self.policy = policy
        self.kept: list[dict[object, Step | None]] = []
        """By state, then by what stands for the answer: the plan, ``None`` to give up."""
        self._states: list[Progress] = []
        self._numbers: dict[Progress, int] = {}
        self._remembers = any(layer.backoff.memory for layer in policy.layers)
        # Time decides too in some rules: then nothing is the same twice.
        self._keeps = not policy.needs_elapsed and not self._remembers
        self._room = _MOST_KEPT
        self._number(policy.start())

    def step(self, state: int, key: object, signals: Signals, elapsed_s: float) -> Step | None:
        """Return the plan for what ``key`` names (``signals``) in ``state``, and keep it."""
        progress = self._states[state]
        planned = self.policy.plan(progress, signals, elapsed_s)
        found: Step | None = None
        if planned is not None:
            plan, index = planned
            after = -1 if self._remembers else self._number(self.policy.advance(progress, index, 0.0))
            found = (*plan, after)
        if self._keeps and self._room:
            self._room -= 1
            self.kept[state][key] = found
        return found

    def after(self, state: int, signals: Signals, elapsed_s: float, wait_s: float) -> int:
        """Return the state that follows a wait, where the wait itself is remembered."""
        progress = self._states[state]
        planned = self.policy.plan(progress, signals, elapsed_s)
        if planned is None:
            return state
        return self._number(self.policy.advance(progress, planned[1], wait_s))

    def _number(self, progress: Progress) -> int:
        number = self._numbers.get(progress)
        if number is None:
            if len(self._states) > _MOST_KEPT:
                raise UsageError("the retries of this policy have no end here", "give --max-retries or --calls")
            number = self._numbers[progress] = len(self._states)
            self._states.append(progress)
            self.kept.append({})
        return number
