"""What a client's traffic shows about it: requests per call, quota spent in vain, waits not kept, layers that multiply.

Works on a ``Tally`` of grouped calls, so ``watch``, ``serve`` and recordings are judged alike. The tables of providers
and SDKs are imported where a finding needs them: a run without traffic is judged without.
"""

import math
from dataclasses import dataclass

from ratecheck.calls.attempt import Layer
from ratecheck.calls.tally import LimitUse, Tally, Told
from ratecheck.durations import human_s, human_wait_s
from ratecheck.model import Diagnosis, Dimension, Severity
from ratecheck.wording import counted, limit_name

# Retries of one call that fall together are its own; several calls' show workers. Three may be chance.
_WORKERS = 4
# Below this many requests per call nobody needs to be told.
_WORTH_TELLING = 1.005
# Pace over a shorter run is a burst, not a pace.
_SHORTEST_PACE_S = 1.0


def diagnose(tally: Tally) -> tuple[Diagnosis, ...]:
    """Return what is worth saying, the gravest first."""
    if not tally.requests:
        return (
            Diagnosis(
                "RC210", Severity.WARN, "No request passed through: the app may set its base URL in code.",
                advice=("Build the client without base_url, or with the address that `ratecheck watch` prints.",),
            ),
        )  # fmt: skip
    found = [
        *_amplified(tally), *_stacked(tally), *_hopeless(tally), *_early(tally), *_refusals(tally), *_together(tally),
        *_first_limit(tally), *_hot(tally), *_rules(tally), *_unanswered(tally),
    ]  # fmt: skip
    order = {Severity.BAD: 0, Severity.WARN: 1, Severity.NOTE: 2}
    return tuple(sorted(found, key=lambda each: order[each.severity]))


def remedies(tally: Tally) -> tuple[str, ...]:
    """Return the line of code that switches off the retries of each SDK seen to retry."""
    from ratecheck import retry

    lines = []
    for sdk, version in tally.sdks:
        row = retry.find(sdk, version) or retry.find(sdk)
        if row is not None and row.disable and tally.layers[Layer.SDK]:
            lines.append(f"{sdk}: {row.disable}")
    return tuple(dict.fromkeys(lines))


def _amplified(tally: Tally) -> list[Diagnosis]:
    ratio = tally.amplification or 1.0
    if ratio < _WORTH_TELLING:
        return []
    who = ", ".join(
        f"{tally.layers[layer]:,} by {name}"
        for layer, name in ((Layer.SDK, "the SDK"), (Layer.WRAPPER, "a wrapper"), (Layer.APP, "a loop around it"))
        if tally.layers[layer]
    )
    retries = tally.requests - tally.calls
    severity = Severity.BAD if ratio >= 1.5 else Severity.WARN
    says = f"{counted(tally.calls, 'call')} became {counted(tally.requests, 'request')}, {ratio:.2f} for each."
    wasted = sum(share.limited for number, share in tally.by_number.items() if number > 1)
    evidence = [f"{counted(retries, 'retry', 'retries')}: {who}"]
    if wasted:
        evidence.append(f"{wasted:,} of the retries {_was(wasted)} refused again")
    return [Diagnosis("RC201", severity, says, tuple(evidence), remedies(tally))]


def _was(number: int) -> str:
    return "was" if number == 1 else "were"


def _stacked(tally: Tally) -> list[Diagnosis]:
    if not tally.stacked.calls:
        return []
    requests, runs = tally.worst_stack
    says = (
        f"{counted(tally.stacked.calls, 'call')} went through two layers of retries or more: up to {requests} requests "
        f"for one call, in {runs} rounds of the SDK."
    )
    advice = tuple(f"Let the outer layer retry alone: {line}" for line in remedies(tally))
    return [Diagnosis("RC205", Severity.BAD, says, advice=advice or ("Let one layer retry, switch the others off.",))]


def _hopeless(tally: Tally) -> list[Diagnosis]:
    if not tally.hopeless_retries:
        return []
    why, _ = tally.hopeless.most_common(1)[0]
    says = f"{counted(tally.hopeless_retries, 'request')} repeated what no wait can mend: {why}."
    return [Diagnosis("RC208", Severity.BAD, says, advice=("Stop on such an answer: raise it, do not retry it.",))]


def _early(tally: Tally) -> list[Diagnosis]:
    found = []
    for name, told in tally.told.items():
        if not told.early or told.worst is None:
            continue
        asked_s, waited_s = told.worst
        kept = f", {told.obeyed:,} kept it" if told.obeyed else ""
        says = (
            f"{name} came back before the wait it was told was over: {counted(told.early, 'time')}{kept}; told "
            f"{human_s(asked_s)}, it waited {human_s(waited_s)}."
        )
        evidence, advice = _rule_of(told), "Wait as long as the answer says."
        if told.unheard:
            heard = "each time" if told.unheard == told.early else counted(told.unheard, "time")
            evidence = (f"{heard} the wait stood in the message only, not in a header", *evidence)
            advice = "Read the wait out of the message in your own loop: no Retry-After header came with it."
        found.append(Diagnosis("RC203", Severity.BAD, says, evidence, (advice,)))
    return found


def _rule_of(told: Told) -> tuple[str, ...]:
    """Say what the rule of that SDK and version is about long waits, where a row has it."""
    from ratecheck import retry

    row = retry.find(*told.sdk) if told.sdk else None
    if row is None:
        return ()
    hints = row.layers[-1].hints
    if not hints.headers:
        return (f"{row.name} {row.versions} reads no Retry-After (source: {row.source.url}, {row.source.date})",)
    beyond = {
        "stop": "gives up above it", "backoff": "ignores a longer one and uses its short back-off",
    }.get(hints.over.value, "cuts a longer one to that")  # fmt: skip
    bound = "without a bound" if hints.most_s is None else f"up to {human_s(hints.most_s)} and {beyond}"
    return (f"{row.name} {row.versions} honours Retry-After {bound}",)


def _rules(tally: Tally) -> list[Diagnosis]:
    """Name the rule of an SDK's version that the traffic shows at work."""
    from ratecheck import retry

    found = []
    for name, told in tally.told.items():
        if told.sdk is None:
            continue
        rule = _rule_of(told)
        if told.obeyed and not told.early:
            says = f"{name} waited as told {counted(told.obeyed, 'time')}, {human_s(told.longest_obeyed_s)} at most."
            found.append(Diagnosis("RC206", Severity.NOTE, says, rule))
        row = retry.find(*told.sdk)
        most_s = row.layers[-1].hints.most_s if row is not None else None
        if row is not None and told.given_up and most_s is not None and told.longest_given_up_s > most_s:
            says = (
                f"{name} gave up where it was told to wait {human_s(told.longest_given_up_s)}: beyond "
                f"{human_s(most_s)} this version does not wait."
            )
            if row.layers[-1].hints.over.value == "stop":
                advice = ("Catch the error and wait in your own code, or treat it as a stop sign.",)
                found.append(Diagnosis("RC206", Severity.WARN, says, rule, advice))
    return found


def _refusals(tally: Tally) -> list[Diagnosis]:
    if not tally.limited:
        return []
    from ratecheck import dialects

    share = tally.limited / tally.requests
    provider = tally.providers.most_common(1)[0][0] if tally.providers else None
    row = dialects.get(provider)
    counts = row.rejections_count if row is not None else None
    tail = {
        True: f"{row.title if row else ''} counts refused requests against the limit.",
        False: f"{row.title if row else ''} does not count refused requests.",
        None: "Whether refusals count is not documented here.",
    }[counts]
    says = (
        f"{tally.limited:,} of {counted(tally.requests, 'request')} {_was(tally.limited)} refused ({share:.0%}). {tail}"
    )
    what = [
        f"{number:,} by {limit_name(dimension, window_s)}"
        for (dimension, window_s), number in tally.refused_by.most_common(4)
        if dimension is not None
    ]
    severity = Severity.NOTE if counts is False else Severity.BAD if share >= 0.5 else Severity.WARN
    return [Diagnosis("RC202", severity, says, tuple(what))]


def _together(tally: Tally) -> list[Diagnosis]:
    most = tally.together()
    if most < _WORKERS or tally.calls < _WORKERS:
        return []
    says = f"Workers retry together: {most:,} retries within a tenth of a second."
    advice = ("Share one throttle among the workers, or give their waits full jitter.",)
    return [Diagnosis("RC204", Severity.WARN, says, advice=advice)]


def _hot(tally: Tally) -> list[Diagnosis]:
    if not tally.hot_repeats:
        return []
    says = (
        f"{counted(tally.hot_repeats, 'request')} repeated a refused one at once. Counted as calls of their own; "
        "if they are retries, their loop does not wait."
    )
    return [Diagnosis("RC209", Severity.NOTE, says)]


def _unanswered(tally: Tally) -> list[Diagnosis]:
    if not tally.unanswered:
        return []
    says = f"{counted(tally.unanswered, 'request')} got no answer: the upstream failed, or the app hung up first."
    return [Diagnosis("RC211", Severity.WARN, says)]


@dataclass(frozen=True, slots=True)
class Load:
    """How one limit stands against the pace of a run."""

    use: LimitUse
    used_per_window: float | None
    """Units in one window at this pace; ``None`` where the run does not show them."""

    @property
    def share(self) -> float | None:
        """Units per window at this pace as a share of the limit."""
        limit = self.use.reading.limit
        return self.used_per_window / limit if limit and self.used_per_window is not None else None

    @property
    def empty_after_s(self) -> float:
        """Seconds in which this pace uses up a whole window's amount; infinite where it never does."""
        return (self.use.reading.window_s or math.inf) / self.share if self.share and self.share > 1 else math.inf


def loads(tally: Tally) -> list[Load]:
    """Set the pace of the run against each limit that the answers state: what runs out first, then the fullest."""
    span_s = tally.span_s
    found = []
    for use in tally.limits.values():
        reading = use.reading
        per_s = None
        if span_s >= _SHORTEST_PACE_S:
            if reading.dimension is Dimension.REQUESTS:
                per_s = tally.requests / span_s
            elif reading.dimension is Dimension.TOKENS and tally.charged_requests:
                # What one answered request used stands for the others: refusals state no usage.
                per_s = tally.charged_tokens / tally.charged_requests * tally.requests / span_s
        in_window = per_s * reading.window_s if per_s is not None and reading.window_s else None
        found.append(Load(use, in_window))
    return sorted(found, key=lambda load: (load.empty_after_s, -(load.share or 0.0)))


def _first_limit(tally: Tally) -> list[Diagnosis]:
    tight = [load for load in loads(tally) if load.share is not None]
    if not tight or (tight[0].share or 0.0) < 0.8:
        return []
    load = tight[0]
    reading, share = load.use.reading, load.share or 0.0
    name = limit_name(reading.dimension, reading.window_s)
    says = (
        f"At the pace of this run ({human_s(tally.span_s)}) {name} run out first: {load.used_per_window:,.0f} against "
        f"a limit of {reading.limit:,}, {share:.1f} times as many."
    )
    every_s = (reading.window_s or 0.0) / (reading.limit or 1)
    requests = reading.dimension is Dimension.REQUESTS
    advice = (f"Send at most one request every {human_wait_s(every_s)}.",) if requests else ()
    return [Diagnosis("RC207", Severity.BAD if share > 1 else Severity.WARN, says, advice=advice)]
