"""Which runs of the same request an outer loop repeated, and which the app simply meant again.

Nothing on the wire says so; what tells is time and habit:

* an answer that succeeded ends a call;
* a loop waits before it tries again, an app that moves on does not: a refused request that comes back at once is a new
  call, unless something shows a loop that does not wait;
* a pause that the app also makes after a success is its own pace, not a back-off;
* a pause as long as the server told is a retry, however long;
* a program that does one thing at a time and has meanwhile sent something else has moved on;
* where runs overlap, each start has one cause: a worker that has just become free, or a wait that is over.
"""

import itertools
from collections.abc import Sequence

from ratecheck import clients
from ratecheck.calls.attempt import Attempt, Call, Habit, Layer, Run
from ratecheck.durations import NS_PER_S

# A program needs a few milliseconds between an answer and its next request, some tens under load; the shortest pause
# that people write down is 50 ms.
HOT_NS = 45_000_000

# After its first failure an SDK imports and formats for up to a tenth of a second before the app goes on (measured
# with anthropic 2.12.0): below this a pause after its last attempt is a wait only where another pause is as long.
_SDK_HOT_NS = 150_000_000

# After this much silence no loop comes back to a refused request, unless it was told to wait longer: the longest wait
# in the retry rules seen is 33 s (aider's last; facts of 2026-11), and a poll "once a minute" must stay apart.
LONGEST_WAIT_NS = 45 * NS_PER_S


def resolve(runs: Sequence[Run], lane: Habit, program: Habit) -> list[Call]:
    """Divide the ended runs of one lane into calls, in order of their first attempt."""
    groups: list[list[Run]] = []
    runs = sorted(runs, key=lambda run: run.started_ns)
    for worker in _workers(runs):
        groups += _concurrent(worker) if _overlap(worker) else _split(worker, lane, program)
    groups.sort(key=lambda group: group[0].started_ns)
    calls: list[Call] = []
    refused_at: list[int] = []
    for group in groups:
        hot = any(0 <= group[0].started_ns - ended < HOT_NS for ended in refused_at[-64:])
        calls.append(call_of(group, hot))
        if group[-1].failed:
            refused_at.append(_end(group[-1]))
    return calls


def learn(runs: Sequence[Run], lane: Habit, program: Habit, lane_id: int) -> None:
    """Remember how the app goes on after an answer; asking twice about the same runs does no harm."""
    runs = sorted(runs, key=lambda run: run.started_ns)
    if _overlap(runs):
        return
    paces = [later.started_ns - _end(one) for one, later in itertools.pairwise(runs) if one.ok]
    lane.paces_ns.extend(paces)
    program.paces_ns.extend(paces)
    if any(one.failed and _pause(one, later) < HOT_NS for one, later in itertools.pairwise(runs)):
        program.hot_lanes.add(lane_id)


def _end(run: Run) -> int:
    return run.started_ns if run.ended_ns is None else run.ended_ns


def _pause(one: Run, later: Run) -> int:
    return later.started_ns - _end(one)


def _overlap(runs: Sequence[Run]) -> bool:
    latest = None
    for run in runs:
        if latest is not None and run.started_ns < latest:
            return True
        latest = _end(run) if latest is None else max(latest, _end(run))
    return False


def _workers(runs: list[Run]) -> list[list[Run]]:
    """Divide overlapping runs by worker where connections show it: clients that share no pool keep their connection.

    Proof of that is a retry of each of several workers on its own connection; a shared pool hands connections round.
    """
    if not _overlap(runs):
        return [runs]
    retried = [run for run in runs if len(run.requests) > 1]
    by_connection: dict[str, list[Run]] = {}
    for run in runs:
        by_connection.setdefault(run.requests[0].connection, []).append(run)
    separate = len(by_connection) > 1 and len(retried) > 1 and all(len(run.connections) == 1 for run in retried)
    divided = list(by_connection.values())
    return divided if separate and not any(_overlap(each) for each in divided) else [runs]


def _split(runs: list[Run], lane: Habit, program: Habit) -> list[list[Run]]:
    """Cut the chain of one worker into calls."""
    groups = [[runs[0]]]
    for index, (one, later) in enumerate(itertools.pairwise(runs)):
        if not one.ok and _again(runs, index, groups[-1], lane, program):
            groups[-1].append(later)
        else:
            groups.append([later])
    return groups


def _again(runs: list[Run], index: int, group: list[Run], lane: Habit, program: Habit) -> bool:
    """Tell whether run ``index + 1`` repeats the refused run ``index`` because that was refused."""
    one, later = runs[index], runs[index + 1]
    if later.moved_on:
        return False
    pause, told = _pause(one, later), one.told_ns
    if told and told * 0.98 <= pause <= told * 1.1 + 250_000_000:
        return True  # a tenth and a quarter of a second: the jitter of those who obey
    if pause > LONGEST_WAIT_NS:
        return False
    if pause < HOT_NS or (pause < _SDK_HOT_NS and one.sender.sdk and not _as_long_elsewhere(runs, index, pause)):
        return _waitless(runs, index, group, lane, program)
    return not any(_alike(pause, pace) for pace in lane.paces_ns)


def _as_long_elsewhere(runs: list[Run], index: int, pause_ns: int) -> bool:
    pairs = enumerate(itertools.pairwise(runs))
    return any(at != index and one.failed and _pause(one, later) > 0.8 * pause_ns for at, (one, later) in pairs)


def _alike(pause_ns: int, pace_ns: int) -> bool:
    return abs(pause_ns - pace_ns) <= pace_ns * 0.2 + 15_000_000


def _waitless(runs: list[Run], index: int, group: list[Run], lane: Habit, program: Habit) -> bool:
    """Tell whether a request that came back at once is the retry of a loop that does not wait."""
    one, later = runs[index], runs[index + 1]
    row = clients.row(one.sender.sdk)
    if row is not None and row.first_wait_may_be_zero and len(group) == 1:
        return True
    if len(group[0].requests) > 1 and later.failed and len(later.requests) == 1 and _same_refusal(group[0], later):
        return True  # the same client with its retries switched off: a wrapper's second stage (litellm)
    if one.sender.retry_count is not None:
        return False  # an SDK that counts has said that its call was over
    if any(pace < HOT_NS for pace in (*lane.paces_ns, *program.paces_ns)):
        return False  # the app repeats itself at once after a success as well
    tail = runs[index:]
    until_ok = next((run for run in tail if run.ok), None)
    chain = [run for run in runs if run.failed]
    if until_ok is runs[-1] and len(chain) > 1:
        return True  # refused, refused, answered, and then never again: a loop that runs until it has an answer
    return len(program.hot_lanes) > 1 and not program.paces_ns  # several requests, each repeated only when refused


def _same_refusal(one: Run, later: Run) -> bool:
    return one.outcomes[0].status == later.outcomes[-1].status


def _concurrent(runs: list[Run]) -> list[list[Run]]:
    """Find the cause of every start among overlapping runs: a worker just freed, or a wait that is over.

    Which refused run a waiting start belongs to cannot be seen; the number of calls does not depend on it.
    """
    groups: list[list[Run]] = []
    if not _loops(runs):
        return [[run] for run in runs]
    waiting: list[list[Run]] = []
    for run in runs:
        ready = [
            group for group in waiting
            if group[-1].failed and _pause(group[-1], run) >= HOT_NS and run.started_ns <= _latest(group[-1])
        ]  # fmt: skip
        fresh = any(group[-1].ok and 0 <= _pause(group[-1], run) < HOT_NS for group in waiting)
        if ready and not fresh:
            group = min(ready, key=lambda each: each[-1].due_ns)
            group.append(run)
        else:
            group = [run]
            groups.append(group)
            waiting.append(group)
        waiting = [each for each in waiting if _latest(each[-1]) >= run.started_ns]
    return groups


def _latest(run: Run) -> int:
    return max(_end(run) + LONGEST_WAIT_NS, run.due_ns + (run.told_ns or 0) // 10 + NS_PER_S // 4)


def _loops(runs: list[Run]) -> bool:
    """Tell by majority whether starts follow waits (a loop) or freed workers (an app that moves on)."""
    free: list[Run] = []
    after_wait = after_end = 0
    ended = sorted(runs, key=_end)
    position = 0
    for run in runs:
        while position < len(ended) and _end(ended[position]) <= run.started_ns:
            free.append(ended[position])
            position += 1
        if not free:
            continue
        if _pause(free[-1], run) < HOT_NS:
            after_end += 1
            free.pop()
        elif any(each.failed for each in free):
            after_wait += 1
            free.remove(next(each for each in free if each.failed))
    return after_wait > after_end


def call_of(runs: Sequence[Run], hot_repeat: bool = False) -> Call:
    """Put runs together and say who sent each attempt."""
    attempts: list[Attempt] = []
    layers: list[Layer] = []
    inner = _inner_block(runs)
    sdk_retries = 0
    row = clients.row(runs[0].sender.sdk)
    for index, run in enumerate(runs):
        attempts += run.attempts()
        if index == 0:
            layers.append(Layer.FIRST)
        elif row is not None and not row.counts and sdk_retries < row.retries:
            layers.append(Layer.SDK)  # this SDK retries on its own and has no counter to say so
            sdk_retries += 1
        else:
            sdk_retries = 0
            layers.append(Layer.WRAPPER if _is_wrapper(runs, index, inner) else Layer.APP)
        layers += [Layer.SDK] * (len(run.requests) - 1)
    return Call(tuple(attempts), tuple(layers), hot_repeat)


def _is_wrapper(runs: Sequence[Run], index: int, inner: int | None) -> bool:
    if inner is not None:
        return index % inner != 0
    if runs[index].sender.wrapper is not None:
        return True
    # Retries of the SDK on in the first run and off in the next: one library drives both.
    return len(runs[0].requests) > 1 and len(runs[index].requests) == 1 and runs[index].failed


def _inner_block(runs: Sequence[Run]) -> int | None:
    """Return how many runs an inner loop makes where an outer loop repeats it: waits that start over, regularly.

    The pause between two blocks must be 2.5 times any pause within one, so a growing back-off is never taken for it.
    """
    pauses = [_pause(one, later) for one, later in itertools.pairwise(runs)]
    for block in range(2, len(runs) // 2 + 1):
        between = pauses[block - 1 :: block]
        within = [pause for index, pause in enumerate(pauses) if (index + 1) % block]
        if within and between and min(between) > 2.5 * max(within):
            return block
    return None
