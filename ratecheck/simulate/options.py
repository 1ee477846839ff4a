"""Options as a person gives them -> a scenario that makes sense, or one line that says what does not."""

import math
from dataclasses import dataclass, replace

from ratecheck import dialects, limiters
from ratecheck.durations import human_s
from ratecheck.errors import UsageError, no_such
from ratecheck.limits_file import parse as parse_limits
from ratecheck.provider import Profile, get, of_dialect, rule_of
from ratecheck.provider.faults import Fault
from ratecheck.provider.faults import parse as parse_fault
from ratecheck.simulate.measured import account_of
from ratecheck.simulate.recorded import read_workload
from ratecheck.simulate.scenario import (
    LONGEST_S,
    MOST_CALLS,
    MOST_CLIENTS,
    MOST_TOKENS,
    Arrivals,
    KeysScope,
    Remedies,
    Scenario,
    Span,
    Workload,
    rate_per_s,
    span,
)
from ratecheck.simulate.throttle import THROTTLES

# The account that has the limits of the options and no others.
PLAIN = "options"

# The hiccup of the story: the server stumbles, then an answer gets lost, then all is well.
STORY_FAULT = "first=500,timeout"

# Gateways count so: what the last minute used fades evenly through this one. A bucket would have forgiven by then.
STORY_LIMITER = "sliding_counter"


@dataclass(frozen=True, slots=True)
class Options:
    """What was asked for; ``None`` where nobody did."""

    rpm: int | None = None
    tpm: int | None = None
    rpd: int | None = None
    limiter: str | None = None
    profile: str | None = None
    provider: str | None = None
    limits: str | None = None
    retry_after: bool | None = None
    policy: list[str] | None = None
    max_retries: int | None = None
    calls: int | None = None
    every: float | None = None
    rate: str | None = None
    burst: bool = False
    clients: int = 1
    duration: float | None = None
    workload: str | None = None
    strict: bool = False
    tokens: str | None = None
    max_output_tokens: int | None = None
    output_tokens: str | None = None
    latency: str = "0"
    timeout: float | None = None
    fault: list[str] | None = None
    throttle: str | None = None
    workers: int | None = None
    retries_off: bool = False
    keys: int = 1
    keys_scope: str = "organization"
    cache: float = 0.0
    merge: int = 1
    trim: float = 0.0
    cap_output: int | None = None
    max_events: int = 5_000_000

    @property
    def story(self) -> bool:
        """Whether nobody said anything about calls or faults: then the default story is told."""
        asked = (self.calls, self.every, self.rate, self.duration, self.workload, self.fault, self.tokens)
        return all(each is None for each in asked) and not self.burst and self.clients == 1


def scenario_of(
    options: Options, limits_text: str | None = None, workload_text: str | None = None
) -> tuple[Scenario, tuple[str, ...], tuple[str, ...]]:
    """Return the scenario, notes on what was assumed, and the lines of the workload that were skipped.

    Raises ``UsageError`` for anything that makes no sense, before anything is simulated.
    """
    notes: tuple[str, ...] = ()
    profile, measured = _profile(options, limits_text)
    notes += measured
    workload, skipped, read = _workload(options, workload_text)
    notes += read
    policies = tuple(dict.fromkeys(options.policy or ["openai-python"]))
    if options.max_retries is not None and not 0 <= options.max_retries <= 100:
        raise UsageError("--max-retries is from 0 to 100")
    if options.max_events < 1:
        raise UsageError("--max-events is at least 1")
    latency = span(options.latency, "--latency", LONGEST_S, ("0.8", "0.5-3"))
    _seconds("--timeout", options.timeout)
    faults: tuple[Fault, ...] = tuple(parse_fault(text) for text in options.fault or ())
    if options.story:
        faults = (parse_fault(STORY_FAULT),)
    # The story's lost answer is noticed at once: it tells of seconds, and an SDK's ten minutes of patience hide them.
    timeout_s = options.timeout
    if options.story and timeout_s is None:
        timeout_s = latency.high
        after = f"after {human_s(timeout_s)}" if timeout_s else "at once"
        notes += (f"A lost answer is noticed {after}, not after the client's own patience (--timeout).",)
    hints = options.retry_after if options.retry_after is not None else not options.story
    scenario = Scenario(
        profile, workload, _remedies(options, workload), policies, options.max_retries, faults, latency,
        timeout_s, hints, story=options.story, max_events=options.max_events,
    )  # fmt: skip
    _make_sense(options, scenario)
    return scenario, notes, skipped


def _seconds(option: str, value: float | None, *, zero: bool = True) -> None:
    if value is None:
        return
    if not math.isfinite(value) or value < 0 or (value == 0 and not zero):
        raise UsageError(f"{option} is a number of seconds {'from' if zero else 'above'} 0, not {value:g}")
    if value > LONGEST_S:
        raise UsageError(f"{option} {value:g} s is longer than a year", "86400 is a day")


def _whole(option: str, value: int | None, least: int, most: int) -> None:
    if value is not None and not least <= value <= most:
        raise UsageError(f"{option} is from {least:,} to {most:,}, not {value:,}")


def _share(option: str, value: float) -> None:
    if not (math.isfinite(value) and 0 <= value <= 1):
        raise UsageError(f"{option} is a share from 0 to 1, not {value:g}", f"for 30 per cent: {option} 0.3")


def _profile(options: Options, limits_text: str | None) -> tuple[Profile, tuple[str, ...]]:
    for name, amount in (("--rpm", options.rpm), ("--tpm", options.tpm), ("--rpd", options.rpd)):
        if amount is not None and not 1 <= amount <= 10**12:
            raise UsageError(f"{name} {amount} makes no sense", f"{name} is a whole number from 1")
    notes: tuple[str, ...] = ()
    if options.limits is not None:
        if options.profile is not None:
            raise UsageError("--limits and --profile both name an account", "give one of them")
        profile, notes = account_of(parse_limits(limits_text or "", options.limits), options.limits)
    elif options.profile is not None:
        profile = get(options.profile)
    else:
        profile = _plain(options)
    if options.provider is not None and (options.profile is not None or options.limits is not None):
        profile = replace(profile, dialect=dialects.known(options.provider))
    for short, amount in (("rpm", options.rpm), ("tpm", options.tpm), ("rpd", options.rpd)):
        if amount is not None:
            profile = profile.with_limit(short, amount)
    algorithm = options.limiter
    if algorithm is None and options.story and options.limits is None and options.profile is None:
        algorithm = STORY_LIMITER
    if algorithm is not None:
        if algorithm not in limiters.ALGORITHMS or algorithm == "concurrency":
            raise no_such("limiter", algorithm, [name for name in limiters.ALGORITHMS if name != "concurrency"])
        profile = profile.enforced_by(algorithm)
    return profile, notes


def _plain(options: Options) -> Profile:
    """Return an account with nothing but the limits that were asked for."""
    if options.rpm is None and options.tpm is None and options.rpd is None:
        raise UsageError(
            "there is no limit to simulate", "give --rpm N, --tpm N, --rpd N, --profile NAME or --limits FILE"
        )
    dialect = dialects.known(options.provider or "openai")
    start = of_dialect(dialect) or of_dialect("openai")
    if start is None:
        raise UsageError("no profile to start from")
    asked = {"rpm": options.rpm, "tpm": options.tpm, "rpd": options.rpd}
    rules = tuple(rule_of(short, amount) for short, amount in asked.items() if amount is not None)
    return replace(start, name=PLAIN, dialect=dialect, title="as asked", limits=rules)


def _workload(options: Options, text: str | None) -> tuple[Workload, tuple[str, ...], tuple[str, ...]]:
    _whole("--clients", options.clients, 1, MOST_CLIENTS)
    _whole("--calls", options.calls, 1, MOST_CALLS)
    _whole("--max-output-tokens", options.max_output_tokens, 1, MOST_TOKENS)
    _seconds("--every", options.every)
    _seconds("--duration", options.duration, zero=False)
    tokens = span(options.tokens, "--tokens", MOST_TOKENS) if options.tokens else Span(0, 0)
    output = span(options.output_tokens, "--output-tokens", MOST_TOKENS) if options.output_tokens else None
    if output is not None and options.max_output_tokens is not None and output.low > options.max_output_tokens:
        raise UsageError("--output-tokens is more than --max-output-tokens allows")
    ways = [
        name
        for name, given in (
            ("--every", options.every is not None), ("--rate", options.rate is not None), ("--burst", options.burst),
            ("--workload", options.workload is not None),
        )
        if given
    ]  # fmt: skip
    if len(ways) > 1:
        raise UsageError(f"{' and '.join(ways)} both say when calls arrive", "give one of them")
    largest = options.max_output_tokens or 0
    if options.workload is not None:
        if options.calls is not None or options.duration is not None:
            raise UsageError("--workload brings its own calls: --calls and --duration do not go with it")
        asked, skipped, notes = read_workload(text or "", options.workload, strict=options.strict)
        if options.tokens is not None or options.max_output_tokens is not None:
            size = round(tokens.low)
            asked = tuple(
                replace(
                    each,
                    tokens=size if options.tokens is not None else each.tokens,
                    max_output_tokens=largest or each.max_output_tokens,
                )
                for each in asked
            )
        most = max((each.tokens for each in asked), default=0)
        work = Workload(
            Arrivals.FILE, None, options.clients, tokens=Span(min((each.tokens for each in asked), default=0), most),
            max_output_tokens=max((each.max_output_tokens for each in asked), default=0), asked=asked,
        )  # fmt: skip
        return work, skipped, notes
    calls = options.calls
    if options.rate is not None:
        arrivals = Arrivals.POISSON
        if calls is None and options.duration is None:
            raise UsageError("--rate goes on for ever", "add --duration SECONDS or --calls N")
    elif options.burst:
        arrivals = Arrivals.BURST
        if options.duration is not None:
            raise UsageError("--burst is one instant: --duration does not go with it")
        calls = calls or 10
    else:
        arrivals = Arrivals.SCHEDULE
        if calls is None and options.duration is None:
            calls = 2
        if calls is None and options.every == 0:
            raise UsageError("--every 0 goes on for ever", "add --calls N")
    every_s = 60.0 if options.every is None else options.every
    return (
        Workload(
            arrivals, calls, options.clients, every_s, rate_per_s(options.rate) if options.rate is not None else 0.0,
            options.duration, tokens, largest, output,
        ),
        (),
        (),
    )  # fmt: skip


def _remedies(options: Options, workload: Workload) -> Remedies:
    _share("--cache", options.cache)
    _share("--trim", options.trim)
    _whole("--keys", options.keys, 1, 10_000)
    _whole("--merge", options.merge, 1, 10_000)
    _whole("--workers", options.workers, 1, 10_000)
    _whole("--cap-output", options.cap_output, 1, MOST_TOKENS)
    if options.keys_scope not in ("organization", "key"):
        raise UsageError(f"--keys-scope {options.keys_scope!r} is none", "organization (shared limits) or key")
    name, per_min = None, None
    if options.throttle is not None:
        name, _, number = options.throttle.partition(":")
        name = name.replace("_", "-")
        if name not in THROTTLES:
            raise no_such("throttle", name, THROTTLES)
        if number:
            per_min = rate_per_s(number, f"--throttle {name}:", f"--throttle {name}:30 or {name}:2/s") * 60
    return Remedies(
        name, per_min, options.workers, options.keys, KeysScope(options.keys_scope), options.cache, options.merge,
        options.trim, options.cap_output,
        options.retries_off,
    )  # fmt: skip


def _make_sense(options: Options, scenario: Scenario) -> None:
    tokens = scenario.workload.tokens.high > 0
    if options.trim and not tokens:
        raise UsageError("--trim cuts prompts, but calls have no tokens here", "add --tokens N")
    if options.cap_output is not None and not scenario.workload.max_output_tokens:
        raise UsageError("--cap-output lowers max_tokens, but none is set", "add --max-output-tokens N")
    if options.tpm is not None and not tokens and not scenario.workload.max_output_tokens:
        raise UsageError("--tpm limits tokens, but calls have none here", "add --tokens N")
    if options.keys_scope == "key" and options.keys == 1:
        raise UsageError("--keys-scope key needs several keys", "add --keys N")
    if options.strict and options.workload is None:
        raise UsageError("--strict is about the lines of --workload FILE")
