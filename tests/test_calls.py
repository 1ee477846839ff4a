"""Requests become calls: programs whose number of calls is known are run in virtual time, exactly.

A program is a generator that yields what it does (``Send``, ``Pause``) and returns how often it meant to call.
"""

import heapq
from collections.abc import Callable, Generator
from dataclasses import dataclass
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ratecheck.calls import Attempt, Grouper, Layer, Outcome, Request, group
from ratecheck.clients import Sender, sender_of

OPENAI = Sender(sdk="openai-python", version="3.54.0", agent="OpenAI/Python")
RAW = Sender(agent="python-requests/2.32.5")


@dataclass
class Send:
    prompt: str
    sender: Sender
    connection: str = ""


@dataclass
class Pause:
    seconds: float


Reply = Outcome
Program = Generator[Send | Pause, Reply | None, int]
Server = Callable[[float, int], tuple[int, float | None]]
"""From the instant and the number of the request to (status, retry-after)."""

# What a program needs to go on after an answer, and a server to give one.
TURN_S, SERVICE_S = 0.004, 0.02


def run(programs: list[Program], server: Server, service_s: float = SERVICE_S) -> tuple[list[Attempt], int]:
    """Run programs side by side against a server; return the attempts and the true number of calls."""
    queue: list[tuple[float, int, Program, Reply | None]] = []
    order, sent = count(), count(1)
    for index, program in enumerate(programs):
        heapq.heappush(queue, (index * 0.001, next(order), program, None))
    attempts: list[Attempt] = []
    calls = 0
    while queue:
        now, _, program, reply = heapq.heappop(queue)
        try:
            did = program.send(reply)
        except StopIteration as stop:
            calls += stop.value
            continue
        if isinstance(did, Pause):
            heapq.heappush(queue, (now + did.seconds, next(order), program, None))
            continue
        status, told = server(now, next(sent))
        request = Request(
            round(now * 1e9), "POST http://api/v1/chat/completions", "m-1", did.prompt, did.sender, did.connection
        )
        outcome = Outcome(round((now + service_s) * 1e9), status, told)
        attempts.append(Attempt(request, outcome))
        heapq.heappush(queue, (now + service_s + TURN_S, next(order), program, outcome))
    return attempts, calls


def sdk(
    prompt: str, retries: int = 2, connection: str = "", jitter: float = 0.5
) -> Generator[Send | Pause, Reply | None, bool]:
    """One call of an SDK that counts its retries; returns whether it succeeded."""
    for number in range(retries + 1):
        sender = Sender(OPENAI.sdk, OPENAI.version, OPENAI.agent, retry_count=number)
        reply = yield Send(prompt, sender, connection)
        assert reply is not None
        if reply.ok:
            return True
        if number < retries:
            yield Pause(reply.retry_after_s or min(0.5 * 2**number, 8) * (1 - 0.25 * jitter))
    return False


def raw(prompt: str, sender: Sender = RAW) -> Generator[Send | Pause, Reply | None, bool]:
    reply = yield Send(prompt, sender)
    assert reply is not None
    return reply.ok


One = Callable[[str], Generator[Send | Pause, Reply | None, bool]]


def loop(one: One, prompt: str, waits: list[float]) -> Generator[Send | Pause, Reply | None, bool]:
    """An outer retry loop around one way of calling."""
    if (yield from one(prompt)):
        return True
    for wait in waits:
        yield Pause(wait)
        if (yield from one(prompt)):
            return True
    return False


def app(calls: list[Callable[[], Generator[Send | Pause, Reply | None, bool]]], between: float = 0.0) -> Program:
    for call in calls:
        yield from call()
        if between:
            yield Pause(between)
    return len(calls)


def refuse(told: float | None = None) -> Server:
    return lambda now, number: (429, told)


def admit_each(period: float) -> Server:
    """Let one request pass in each period, refuse the others."""
    state = {"next": 0.0}

    def server(now: float, number: int) -> tuple[int, float | None]:
        if now >= state["next"]:
            state["next"] = now + period
            return 200, None
        return 429, None

    return server


def sizes(attempts: list[Attempt]) -> list[int]:
    return [len(call.attempts) for call in group(attempts)]


def test_five_calls_with_the_same_prompt_through_an_sdk_stay_five() -> None:
    """The counter going back to 0 ends a call, whatever the prompt: a rival reports these as one call of 15."""
    attempts, calls = run([app([lambda: sdk("same")] * 5)], refuse())
    assert calls == 5
    assert sizes(attempts) == [3] * 5
    assert all(call.layers == (Layer.FIRST, Layer.SDK, Layer.SDK) for call in group(attempts))


@pytest.mark.parametrize("told", [None, 0.2, 1.0])
def test_a_loop_around_the_sdk_is_one_call(told: float | None) -> None:
    """A request that comes back after a wait is the outer loop's retry, and is told apart from the SDK's own."""
    waits = [1.0, 1.5, 2.25, 4.0, 7.0]
    attempts, _ = run([app([lambda: loop(sdk, "same", waits)])], refuse(told))
    (call,) = group(attempts)
    assert len(call.attempts) == 18
    assert call.layers[::3] == (Layer.FIRST, *[Layer.APP] * 5)
    assert set(call.layers[1::3]) == {Layer.SDK}


def test_several_calls_of_a_loop_with_the_same_prompt() -> None:
    """Waits that start over after a request at once: the next call of the app."""
    attempts, calls = run([app([lambda: loop(sdk, "same", [1.0, 2.0])] * 4)], refuse())
    assert sizes(attempts) == [9] * 4
    attempts, calls = run([app([lambda: loop(raw, "same", [0.05, 0.1, 0.2])] * 3)], refuse())
    assert sizes(attempts) == [4] * calls


@pytest.mark.parametrize("one", [sdk, raw])
def test_the_same_prompt_at_the_same_time_is_not_one_call(one: One) -> None:
    """Eight threads, or a gather of twenty, that say the same stay as many calls."""
    for workers in (8, 20):
        attempts, calls = run([app([lambda: one("same")]) for _ in range(workers)], refuse())
        assert len(group(attempts)) == calls == workers
        assert len(set(sizes(attempts))) == 1


def test_threads_that_each_call_several_times_with_the_same_prompt() -> None:
    """A worker that has just become free starts a new call; it does not retry its neighbour's."""
    attempts, calls = run([app([lambda: sdk("same")] * 3) for _ in range(8)], refuse())
    assert len(group(attempts)) == calls == 24


@pytest.mark.parametrize("one", [sdk, raw])
def test_a_waiting_loop_in_each_of_eight_threads_with_the_same_prompt(one: One) -> None:
    """Overlapping loops over the same prompt: as many calls as loops, all attempts in them."""
    programs = [app([lambda i=i: loop(one, "same", [1.0 + 0.1 * i, 1.7 - 0.08 * i, 2.9 + 0.13 * i])]) for i in range(8)]
    attempts, calls = run(programs, refuse())
    grouped = group(attempts)
    assert len(grouped) == calls == 8
    assert sum(len(call.attempts) for call in grouped) == len(attempts)


def test_the_same_prompt_after_success_is_a_new_call() -> None:
    """A call that ended well ends; the same words again are a call of their own, retried or not."""
    attempts, calls = run([app([lambda: loop(raw, "same", [0.3] * 9)] * 5)], admit_each(0.5))
    assert len(group(attempts)) == calls == 5
    attempts, calls = run([app([lambda: sdk("same", retries=5)] * 5)], admit_each(0.5))
    assert len(group(attempts)) == calls == 5


def test_a_worker_that_has_moved_on_does_not_retry() -> None:
    """One thing at a time, another prompt in between: the same prompt again is a new call, whatever the pause."""
    attempts, calls = run([app([lambda: sdk("a"), lambda: sdk("b"), lambda: sdk("a")], between=0.3)], refuse())
    assert sizes(attempts) == [3] * calls


def test_a_poll_at_its_own_pace_is_not_a_retry_loop() -> None:
    """A pause that the app also makes after a success is its pace: every poll is a call."""
    attempts, calls = run([app([lambda: raw("same")] * 8, between=1.0)], lambda now, n: (200 if n <= 3 else 429, None))
    assert sizes(attempts) == [1] * calls
    attempts, calls = run([app([lambda: sdk("same")] * 4, between=60.0)], refuse(None))
    assert sizes(attempts) == [3] * calls


def test_a_refused_request_at_once_again_is_marked_as_open_to_doubt() -> None:
    """Without a wait, nothing tells a new call from a retry: it counts as a call, and carries a mark."""
    attempts, _calls = run([app([lambda: raw("same")] * 5)], refuse())
    grouped = group(attempts)
    assert [len(call.attempts) for call in grouped] == [1] * 5
    assert [call.hot_repeat for call in grouped] == [False, True, True, True, True]


def test_told_to_wait_nothing_is_no_sign_of_a_loop() -> None:
    """Retry-After of 0 after each refusal: requests at once stay calls of their own, waits still join."""
    attempts, calls = run([app([lambda: raw("same")] * 6)], refuse(0.0))
    assert sizes(attempts) == [1] * calls
    attempts, calls = run([app([lambda: loop(raw, "same", [0.2, 0.4, 0.8])] * 3)], refuse(0.0))
    assert sizes(attempts) == [4] * calls


def test_an_sdk_that_is_slow_to_raise_its_first_error_is_no_loop() -> None:
    """A tenth of a second once, after the first failure, is an import and not a wait; twice, it is a wait."""

    def slow_once() -> Program:
        yield from sdk("same")
        yield Pause(0.1)
        yield from sdk("same")
        yield from sdk("same")
        return 3

    attempts, calls = run([slow_once()], refuse())
    assert sizes(attempts) == [3] * calls
    attempts, _ = run([app([lambda: loop(sdk, "same", [0.1, 0.1])])], refuse())
    assert sizes(attempts) == [9]


def test_a_loop_without_waits_shows_itself() -> None:
    """Until an answer comes and then never again, or several prompts each repeated only when refused: a hot loop."""
    attempts, _ = run([app([lambda: loop(raw, "same", [0.0] * 50)])], lambda now, n: (200 if n == 6 else 429, None))
    assert sizes(attempts) == [6]
    programs = [app([lambda p=p: loop(raw, p, [0.0] * 2) for p in ("a", "b", "c")])]
    attempts, calls = run(programs, refuse())
    assert sizes(attempts) == [3] * calls


def test_an_obeyed_wait_is_a_retry_however_long() -> None:
    """Retry-After of minutes, waited out to the second, joins the two requests."""
    attempts, _ = run([app([lambda: loop(raw, "same", [130.0, 130.0])])], refuse(130.0))
    assert sizes(attempts) == [3]


def test_a_second_stage_with_the_retries_off_is_a_wrapper() -> None:
    """litellm's num_retries: three attempts of the SDK, then single ones at once, is one call of 2N+1 requests."""

    def litellm(prompt: str) -> Generator[Send | Pause, Reply | None, bool]:
        if (yield from sdk(prompt)):
            return True
        for _ in range(2):
            if (yield from sdk(prompt, retries=0)):
                return True
        return False

    attempts, calls = run([app([lambda: litellm("same")] * 3)], refuse())
    grouped = group(attempts)
    assert [len(call.attempts) for call in grouped] == [5] * calls
    assert grouped[0].layers == (Layer.FIRST, Layer.SDK, Layer.SDK, Layer.WRAPPER, Layer.WRAPPER)


def test_two_loops_around_an_sdk_are_three_layers() -> None:
    """An app's loop around a wrapper's loop around the SDK: each retry has the layer that made it."""

    def wrapper(prompt: str) -> Generator[Send | Pause, Reply | None, bool]:
        return (yield from loop(sdk, prompt, [0.4, 0.4]))

    attempts, _ = run([app([lambda: loop(wrapper, "same", [3.0] * 2)])], refuse())
    (call,) = group(attempts)
    assert len(call.attempts) == 27
    assert call.layers.count(Layer.SDK) == 18
    assert call.layers.count(Layer.WRAPPER) == 6
    assert call.layers.count(Layer.APP) == 2


def test_sdks_without_a_counter_are_known_by_name() -> None:
    """azure-core retries at once and then waits, and sends no counter: its retries are the SDK's, not the app's."""
    azure = Sender(sdk="azure-ai-inference", version="1.0.0b9", agent="azsdk-python-ai-inference/1.0.0b9")
    one: One = lambda prompt: raw(prompt, azure)  # noqa: E731  (a short way of calling, not a function of its own)
    attempts, _ = run([app([lambda: loop(one, "same", [0.0, 1.6, 3.2])])], refuse())
    (call,) = group(attempts)
    assert call.layers == (Layer.FIRST, Layer.SDK, Layer.SDK, Layer.SDK)


def test_clients_on_connections_of_their_own_are_followed_there() -> None:
    """Eight clients at once with the same prompt and a loop each: a connection per client tells them apart."""
    programs = [
        app([lambda i=i: loop(lambda p: sdk(p, connection=f"c{i}", jitter=i / 8), "same", [1.0, 1.4])])
        for i in range(8)
    ]
    attempts, calls = run(programs, refuse())
    assert sizes(attempts) == [9] * calls


def test_a_given_up_attempt_is_followed_by_its_retry() -> None:
    """A client that times out and retries before its hang-up was noticed keeps its call."""
    calls: list[int] = []
    grouper = Grouper(lambda call: calls.append(len(call.attempts)))
    first = grouper.begin(Request(0, "t", None, "f", Sender("openai-python", "3", "a", retry_count=0)))
    second = grouper.begin(Request(10**9, "t", None, "f", Sender("openai-python", "3", "a", retry_count=1)))
    grouper.end(second, Outcome(2 * 10**9, 200))
    grouper.end(first, Outcome(3 * 10**9, None, cut="client"))
    grouper.close()
    assert calls == [2]


def test_a_retry_seen_without_its_first_attempt_is_a_call() -> None:
    """A counter that starts at 2 (recording began late) loses nothing and raises nothing."""
    one = Attempt(Request(0, "t", None, "f", Sender("openai-python", "3", "a", retry_count=2)), Outcome(5, 429))
    assert [len(call.attempts) for call in group([one])] == [1]


def test_memory_follows_what_is_under_way() -> None:
    """Calls leave as they end, also in a lane that never rests."""
    given_out: list[int] = []
    grouper = Grouper(lambda call: given_out.append(len(call.attempts)))
    for number in range(20_000):
        handle = grouper.begin(Request(number * 1000, "t", None, str(number % 7), RAW))
        grouper.end(handle, Outcome(number * 1000 + 500, 200 if number % 3 else 429))
    assert sum(given_out) > 12_000
    assert len(grouper.pending()) < 8_000
    grouper.close()
    assert sum(given_out) == 20_000


STEPS = st.lists(
    st.tuples(st.sampled_from(["sdk", "loop"]), st.sampled_from("abc"), st.integers(0, 3), st.floats(0.06, 9.0)),
    min_size=1, max_size=6,
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(
    workers=st.lists(STEPS, min_size=1, max_size=4),
    refused=st.sets(st.integers(1, 60)),
    told=st.none() | st.floats(0.1, 5),
)
def test_every_request_is_in_exactly_one_call(
    workers: list[list[tuple[str, str, int, float]]], refused: set[int], told: float | None
) -> None:
    """Whatever the traffic: no request is lost or counted twice, attempts are in order, success ends a call."""
    programs = [
        app([
            (lambda p=p, n=n: sdk(p, n)) if kind == "sdk" else (lambda p=p, n=n, w=w: loop(sdk, p, [w] * n))
            for kind, p, n, w in steps
        ])
        for steps in workers
    ]  # fmt: skip
    attempts, _ = run(programs, lambda now, n: (429, told) if n in refused else (200, None))
    grouped = group(attempts)
    held = [id(attempt.request) for call in grouped for attempt in call.attempts]
    assert sorted(held) == sorted(id(attempt.request) for attempt in attempts)
    for call in grouped:
        assert len(call.layers) == len(call.attempts)
        assert not any(attempt.outcome.ok for attempt in call.attempts[:-1])
        sent = [attempt.request.sent_ns for attempt in call.attempts]
        assert sent == sorted(sent)


@settings(max_examples=60, deadline=None)
@given(
    prompts=st.lists(st.sampled_from("ab"), min_size=1, max_size=12),
    workers=st.integers(1, 6),
    refused=st.sets(st.integers(1, 80)),
    retries=st.integers(0, 4),
)
def test_an_sdk_that_counts_is_counted_exactly(
    prompts: list[str], workers: int, refused: set[int], retries: int
) -> None:
    """Without an outer loop, the SDK's counter alone decides: prompts, threads and refusals change nothing."""
    shares = [prompts[index::workers] for index in range(workers)]
    programs = [app([lambda p=p: sdk(p, retries) for p in share]) for share in shares]
    attempts, calls = run(programs, lambda now, n: (429 if n in refused else 200, None))
    assert len(group(attempts)) == calls


@pytest.mark.parametrize(
    ("headers", "sdk_name", "version", "retry_count"),
    [
        ([("user-agent", "OpenAI/Python 1.99.2"), ("x-stainless-retry-count", "1")], "openai-python", "1.99.2", 1),
        ([("user-agent", "AsyncAzureOpenAI/Python 2.7.0")], "openai-python", "2.7.0", None),
        ([("user-agent", "OpenAI/JS 6.3.1"), ("x-stainless-retry-count", "0")], "openai-node", "6.3.1", 0),
        ([("user-agent", "AsyncAnthropic/Python 0.77.0")], "anthropic-python", "0.77.0", None),
        ([("user-agent", "python-httpx/0.28.1")], None, None, None),
        ([("user-agent", "x"), ("x-stainless-retry-count", "-1")], None, None, None),
        ([("x-stainless-retry-count", "99999999999999999999")], None, None, None),
        ([], None, None, None),
    ],
)
def test_a_sender_is_told_from_its_headers(
    headers: list[tuple[str, str]], sdk_name: str | None, version: str | None, retry_count: int | None
) -> None:
    """Name and version come from the user agent, the counter from its header; nonsense is no counter."""
    sender = sender_of(headers)
    assert (sender.sdk, sender.version, sender.retry_count) == (sdk_name, version, retry_count)
