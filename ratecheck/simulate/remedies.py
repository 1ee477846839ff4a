"""What could be done, as rows: the change to the scenario, and the line of code that makes it, by language.

Each is simulated as what it is. A throttle counts calls and never sees the SDK's own retries; several keys of one
organisation share one bucket; a cache answers without asking.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from ratecheck import retry
from ratecheck.durations import NS_PER_S, human_s
from ratecheck.model import Answer, Dimension
from ratecheck.retry import RetryPolicy
from ratecheck.simulate.scenario import Arrivals, KeysScope, Scenario
from ratecheck.simulate.throttle import throttle_per_min
from ratecheck.simulate.workload import calls_at_most
from ratecheck.wording import counted

_JAVASCRIPT = {"openai-node", "azure-openai-node", "anthropic-node", "groq-node", "langchain-js", "vercel-ai"}
_OTHER = {"openai-go", "openai-java", "openai-dotnet", "codex", "codex-typescript", "aider"}
_ANTHROPIC = {"anthropic-python", "anthropic-node"}

# The loops that remedies put in place of the SDK's own, as rows of ``retry``.
_PATIENT, _MINUTE, _OBEDIENT = "cookbook-tenacity-sdk-off", "minute-pause", "server-hint"

# Below so many calls a share of them (a cache, merging) is luck, not a figure.
_FEW_CALLS = 10


def language(policy: RetryPolicy) -> str | None:
    """Return ``"python"`` or ``"javascript"``; ``None`` where a line of either would not help."""
    name = policy.name.rpartition("+")[2]
    return "javascript" if name in _JAVASCRIPT else None if name in _OTHER else "python"


@dataclass(frozen=True, slots=True)
class Proposal:
    """A remedy to try: a label, what it is, its code, and the scenario and policy it makes."""

    title: str
    why: str
    code: tuple[str, ...]
    scenario: Scenario
    policy: str


Make = Callable[[Scenario, RetryPolicy], Proposal | None]


def _lines(policy: RetryPolicy, python: str, javascript: str) -> tuple[str, ...]:
    spoken = language(policy)
    return (python,) if spoken == "python" else (javascript,) if spoken == "javascript" else ()


def _off(policy: RetryPolicy) -> tuple[str, ...]:
    return (policy.disable,) if policy.disable else ()


def _with(scenario: Scenario, **changes: object) -> Scenario:
    return replace(scenario, remedies=replace(scenario.remedies, **changes))  # type: ignore[arg-type]  # field names


def _retries_off(scenario: Scenario, policy: RetryPolicy) -> Proposal | None:
    if policy.worst_case == 1:
        return None
    why = "one request a call: a failure is yours to see and to time"
    if not policy.disable:
        why += f"; {policy.name} has no switch for it"
    return Proposal("retries off", why, _off(policy), _with(scenario, retries_off=True), policy_text(policy))


def _own_loop(scenario: Scenario) -> Scenario:
    """Return the scenario for a loop that replaces the SDK's retries: it is there even where those are off."""
    return _with(scenario, retries_off=False)


def _longest_s(policy: RetryPolicy) -> float:
    """Return the most that a client waits in one call, all waits together, where no answer says how long."""
    return sum(most_s for _, most_s in policy.unprompted_waits())


def _obeys(policy: RetryPolicy) -> bool:
    told = policy.waits(Answer(429, (("retry-after", "7"),)), 1)
    return bool(told) and told[0][0] >= 7


def _patient(scenario: Scenario, policy: RetryPolicy) -> Proposal | None:
    mine_s, longer_s = _longest_s(policy), _longest_s(retry.get(_PATIENT))
    if mine_s >= longer_s:
        return None
    if scenario.hints and _obeys(policy):
        mine = "what the server says"
    else:
        mine = human_s(mine_s) if mine_s else "none"
    code = _lines(
        policy,
        "@retry(wait=wait_random_exponential(min=1, max=60), stop=stop_after_attempt(6))  # tenacity, around the call",
        "await pRetry(call, {retries: 5, minTimeout: 500, maxTimeout: 60000, randomize: true})  // p-retry",
    )
    why = f"up to {human_s(longer_s)} of waiting in place of {mine}"
    why += ", with the SDK's own retries off" if policy.disable else ""
    return Proposal("longer back-off", why, _off(policy) + code, _own_loop(scenario), _PATIENT)


def _pause(scenario: Scenario, policy: RetryPolicy) -> Proposal | None:
    if all(rule.limit.window_ns > 60 * NS_PER_S for rule in scenario.profile.limits):
        return None
    code = _lines(
        policy,
        "@retry(wait=wait_fixed(60) + wait_random(0, 5), stop=stop_after_attempt(3))  # tenacity, around the call",
        "await pRetry(call, {retries: 2, factor: 1, minTimeout: 60000 + 5000 * Math.random()})  // p-retry",
    )
    why = "retries off, and two of your own that outlast the minute"
    return Proposal("a minute between tries", why, _off(policy) + code, _own_loop(scenario), _MINUTE)


def _obey(scenario: Scenario, policy: RetryPolicy) -> Proposal | None:
    if not scenario.hints:
        return None
    many = f"{retry.get(_OBEDIENT).max_retries} times at most"
    code = _lines(
        policy,
        f"time.sleep(float(error.response.headers['retry-after']))  # then again, {many}",
        f"await sleep(1000 * Number(error.headers.get('retry-after')))  // then again, {many}",
    )
    why = f"retries off, and a loop that waits as long as the server says and tries again, {many}"
    return Proposal("obey the server's wait", why, _off(policy) + code, _own_loop(scenario), _OBEDIENT)


def _paced(name: str, title: str, why: str, python: str, javascript: str, *, off: bool = False) -> Make:
    def make(scenario: Scenario, policy: RetryPolicy) -> Proposal | None:
        if not _rates(scenario):
            return None
        per_min = throttle_per_min(scenario)
        many, gap_s = max(int(per_min), 1), 60 / per_min
        # A bucket of so many is full again after ``span``: a minute, but for what rounding to whole calls leaves.
        words = {"n": counted(many, "call"), "many": many, "gap": f"{gap_s:.4g}", "span": f"{many * gap_s:.4g}",
                 "each": human_s(gap_s), "full": human_s(many * gap_s),
                 # Bottleneck looks at its clock four times a second.
                 "quarters": math.ceil(round(many * gap_s * 4, 6)) * 250}  # fmt: skip
        code = _lines(policy, python.format(**words), javascript.format(**words))
        return Proposal(
            title, why.format(**words), (_off(policy) if off else ()) + code,
            _with(scenario, throttle=name, throttle_per_min=per_min, retries_off=off or scenario.remedies.retries_off),
            policy_text(policy),
        )  # fmt: skip

    return make


def policy_text(policy: RetryPolicy) -> str:
    """Return the text by which ``retry.get`` finds this very row again."""
    rows = retry.ALL.get(policy.name, ())
    if not rows or policy.versions == rows[0].versions:
        return policy.name
    return f"{policy.name}@{policy.versions.first or '0'}"


def _rates(scenario: Scenario) -> bool:
    return any(rule.limit.dimension is not Dimension.CONCURRENCY for rule in scenario.profile.limits)


def _queue(scenario: Scenario, policy: RetryPolicy) -> Proposal | None:
    if scenario.workload.clients == 1 and scenario.workload.arrivals is Arrivals.SCHEDULE:
        return None
    if scenario.workload.clients > 1:
        code = _lines(
            policy,
            "celery -A app worker --concurrency=1  # every client sends its calls to this one queue",
            "new Worker('calls', call, {connection, concurrency: 1})  // BullMQ: every client adds to this one queue",
        )
        why = "one call at a time over all clients, the others wait in one queue that the clients share"
    else:
        code = _lines(
            policy, "gate = asyncio.Semaphore(1)  # async with gate: …", "const limit = pLimit(1)  // p-limit"
        )
        why = "one call at a time, the others wait in a queue"
    return Proposal("a queue with 1 worker", why, code, _with(scenario, workers=1), policy_text(policy))


def _cache(scenario: Scenario, policy: RetryPolicy) -> Proposal | None:
    if calls_at_most(scenario.workload) < _FEW_CALLS:
        return None
    code = _lines(policy, "@functools.cache  # by prompt", "const answer = seen.get(prompt) ?? await call(prompt)")
    why = "if 3 of 10 calls ask what was asked before"
    return Proposal("a cache that hits 30 %", why, code, _with(scenario, cache=0.3), policy_text(policy))


def _merge(scenario: Scenario, policy: RetryPolicy) -> Proposal | None:
    if calls_at_most(scenario.workload) < _FEW_CALLS:
        return None
    code = _lines(
        policy, 'prompt = "\\n".join(f"{n}. {task}" for n, task in enumerate(tasks, 1))  # five tasks, one request',
        "const prompt = tasks.map((task, n) => `${n + 1}. ${task}`).join('\\n')  // five tasks, one request",
    )  # fmt: skip
    why = "five calls become one request; each waits for the fifth"
    return Proposal("merge 5 calls into 1", why, code, _with(scenario, merge=5), policy_text(policy))


def _token_limited(scenario: Scenario) -> bool:
    return scenario.workload.tokens.high > 0 and any(
        rule.limit.dimension in (Dimension.TOKENS, Dimension.INPUT_TOKENS) for rule in scenario.profile.limits
    )


def _trim(scenario: Scenario, policy: RetryPolicy) -> Proposal | None:
    if not _token_limited(scenario):
        return None
    code = _lines(policy, "messages = messages[:1] + messages[-6:]", "messages = [messages[0], ...messages.slice(-6)]")
    why = "prompts shorter by 30 %"
    return Proposal("trim prompts by 30 %", why, code, _with(scenario, trim=0.3), policy_text(policy))


def _cap(scenario: Scenario, policy: RetryPolicy) -> Proposal | None:
    largest, produced = scenario.workload.max_output_tokens, scenario.workload.output_tokens
    if produced is None or not largest or round(produced.high) >= largest:
        return None
    cap = round(produced.high)
    name = "max_tokens" if policy.name in _ANTHROPIC else "max_completion_tokens"
    code = _lines(policy, f"{name}={cap}", f"{name}: {cap}")
    why = f"reserve the {cap} tokens that answers need, not {largest}"
    return Proposal(f"lower max_tokens to {cap}", why, code, _with(scenario, cap_output=cap), policy_text(policy))


def _keys(scope: KeysScope) -> Make:
    def make(scenario: Scenario, policy: RetryPolicy) -> Proposal | None:
        if scenario.remedies.keys > 1:
            return None
        shared = scope is KeysScope.ORGANIZATION
        title = "3 keys, one account" if shared else "3 separate accounts"
        why = "they share one limit, so nothing changes" if shared else "three limits; check that the terms allow it"
        code = _lines(policy, "api_key=next(keys)  # itertools.cycle([…])", "apiKey: keys[n++ % keys.length]")
        return Proposal(title, why, code, _with(scenario, keys=3, keys_scope=scope), policy_text(policy))

    return make


_even_pace = _paced(
    "leaky-bucket",
    "throttle: even pace",
    "one call every {each}",
    "time.sleep(max(0, last + {gap} - time.monotonic()))  # before each call",
    "new Bottleneck({{minTime: {gap} * 1000, maxConcurrent: 1}})",
)

SENSIBLE: tuple[Make, ...] = (
    _retries_off,
    _pause,
    _patient,
    _obey,
    _paced(
        "token-bucket", "throttle: token bucket", "{n} in {full}, at once if it must be",
        "limiter = AsyncLimiter({many}, {span})  # aiolimiter; async with limiter: …",
        "new Bottleneck({{reservoir: {many}, reservoirRefreshAmount: {many}, reservoirRefreshInterval: {quarters}}})",
    ),
    _even_pace,
    _paced(
        "sliding-log", "throttle: last minute's log", "at most {n} in any 1 min",
        "sent = deque(maxlen={many})  # before each call: sleep until sent[0] + 60",
        "await sleep(sent[0] + 60000 - Date.now())  // sent: times of the last {many} calls",
    ),
    _paced(
        "leaky-bucket", "even pace and retries off", "one call every {each}, and no hidden request beside it",
        "time.sleep(max(0, last + {gap} - time.monotonic()))  # before each call",
        "new Bottleneck({{minTime: {gap} * 1000, maxConcurrent: 1}})", off=True,
    ),
    _queue,
    _cache,
    _merge,
    _trim,
    _cap,
    _keys(KeysScope.ORGANIZATION),
    _keys(KeysScope.KEY),
)  # fmt: skip

# The few that the default story tells; --compare runs them all.
_TOLD = (_retries_off, _pause, _patient, _even_pace, _keys(KeysScope.ORGANIZATION), _keys(KeysScope.KEY))


def proposals(scenario: Scenario, policy: RetryPolicy, *, every: bool) -> list[Proposal]:
    """Return the remedies that make sense here: all of them, or the few that the default story tells.

    What the client does already is none.
    """
    made = (make(scenario, policy) for make in (SENSIBLE if every else _TOLD))
    return [each for each in made if each is not None and not _done_already(each, scenario, policy)]


def _done_already(proposal: Proposal, scenario: Scenario, policy: RetryPolicy) -> bool:
    return proposal.scenario == scenario and retry.get(proposal.policy).layers == policy.layers
