"""What a retry rule comes to, in a sentence: for people who never read the SDK's source."""

from collections.abc import Iterable, Sequence

from ratecheck.durations import human_s
from ratecheck.retry.layer import Layer, Over, Use
from ratecheck.retry.policy import RetryPolicy

# More waits than this are told as "…": nobody reads the eighth.
TOLD = 4


def statuses(layer: Layer) -> str:
    """Name what a layer retries: ``408, 409, 429 and 5xx``."""
    if len(layer.statuses) > 150:
        return "every error"
    names = [str(status) for status in sorted(layer.statuses) if status < 500]
    fives = sorted(status for status in layer.statuses if status >= 500)
    names += ["5xx"] if len(fives) > 50 else [str(status) for status in fives]
    if layer.hint_needed:
        names.append(f"{', '.join(str(each) for each in sorted(layer.hint_needed))} that state a wait")
    if layer.header_retries:
        names.append("any error with Retry-After")
    names += ["drops"] if layer.drops else []
    names += ["timeouts"] if layer.timeouts else []
    return _listed(names) or "nothing"


def _listed(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else "".join(names)


def wait_text(bounds: tuple[float, float]) -> str:
    """Write one wait: ``0.38-0.5 s``, or ``2 s`` where nothing is random."""
    shortest_s, longest_s = bounds
    if longest_s - shortest_s < 0.005:
        return human_s(longest_s)
    if longest_s < 10:
        return f"{shortest_s:.2f}".rstrip("0").rstrip(".") + f"-{longest_s:.2f}".rstrip("0").rstrip(".") + " s"
    return f"{human_s(shortest_s)} to {human_s(longest_s)}"


def waits_text(waits: Iterable[tuple[float, float]]) -> str:
    """Write waits in order, shortened after a few."""
    told = list(waits)
    names = [wait_text(bounds) for bounds in told[:TOLD]]
    return ", ".join(names) + (", …" if len(told) > TOLD else "")


def _hints(layer: Layer) -> str:
    hints = layer.hints
    if not hints.headers:
        return "reads the wait out of the text" if hints.text else "deaf to Retry-After"
    verb = {Use.REPLACE: "obeys", Use.AT_LEAST: "waits at least", Use.ADD: "adds"}[hints.use]
    words = f"{verb} {_listed(list(hints.headers))}"
    if hints.most_s is None:
        return f"{words}, however long"
    below = "up to" if hints.most_counts else "below"
    over = {Over.STOP: "gives up", Over.CLAMP: "waits only that long", Over.BACKOFF: "ignores it"}[hints.over]
    return f"{words} {below} {human_s(hints.most_s)} and above that {over}"


def sentence(policy: RetryPolicy) -> str:
    """Return one sentence on a policy: requests a call, what is retried, the waits, the server's say."""
    worst = policy.worst_case
    if worst == 1 and all(not layer.statuses and not layer.hint_needed for layer in policy.layers):
        return f"{policy.name} sends a call once" + (f" ({policy.note})" if policy.note else "") + "."
    many = "requests without end" if worst is None else f"up to {worst} requests a call" if worst > 1 else "one request"
    layers = []
    for layer in policy.layers:
        tries = (
            "endlessly"
            if layer.retries is None
            else f"{layer.retries} more times"
            if layer.retries != 1
            else "once more"
        )
        ends = f" for {human_s(layer.stops_after_s)}" if layer.stops_after_s is not None else ""
        layers.append(f"{layer.name} tries {statuses(layer)} again {tries}{ends}, {_hints(layer)}")
    waits = waits_text(policy.unprompted_waits(TOLD + 1))
    return f"{policy.name} sends {many} on a 429 or 5xx: {'; '.join(layers)}. Waits when not told: {waits or 'none'}."
