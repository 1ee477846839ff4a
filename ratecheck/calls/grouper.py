"""Attempts become SDK calls while they happen; SDK calls become calls once nothing more can follow."""

from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from ratecheck.calls.attempt import Attempt, Call, Habit, Outcome, Request, Run
from ratecheck.calls.loops import LONGEST_WAIT_NS, call_of, learn, resolve

# Runs of one lane that are looked at together: a lane busier than this is judged in pieces.
_MOST_HELD = 1_000
# Refused lanes held at once: a flood of different refused requests must not grow the memory without end.
_MOST_HOLDING = 10_000
# Lanes remembered after their last call, only to learn at which pace the app repeats itself.
_MOST_LANES = 4_096


@dataclass(slots=True)
class _Lane:
    runs: list[Run] = field(default_factory=list)
    """Held until nothing more can follow them."""
    in_flight: int = 0
    failed: int = 0
    touched_ns: int = 0
    ok_ended_ns: int | None = None
    due_ns: int = 0
    """The latest instant to which an answer told this lane to wait."""
    habit: Habit = field(default_factory=Habit)
    program: Habit = field(default_factory=Habit)


Handle = tuple[_Lane, Run, int]


class Grouper:
    """Joins attempts into calls while they happen.

    ``begin`` at the moment a request is known, ``end`` when its answer is over; ``on_call`` gets each call as soon as
    nothing more can belong to it. Memory follows what is under way, not what has passed. Instants come from one clock.
    """

    def __init__(self, on_call: Callable[[Call], None]) -> None:
        self._on_call = on_call
        self._lanes: OrderedDict[tuple[object, ...], _Lane] = OrderedDict()
        self._holding: dict[int, _Lane] = {}
        self._programs: dict[tuple[object, ...], Habit] = {}
        self._begun = 0

    def begin(self, request: Request) -> Handle:
        """Take in a request; returns what ``end`` wants back."""
        self._begun += 1
        if self._begun % 512 == 0:
            self.settle(request.sent_ns)
        lane = self._lane(request)
        program = lane.program
        program.in_flight += 1
        program.at_once = max(program.at_once, program.in_flight)
        run = _resumed(lane, request)
        if run is None:
            run = Run([request], moved_on=program.at_once == 1 and program.last_lane != id(lane))
            program.last_lane = id(lane)
            if not lane.in_flight and lane.ok_ended_ns is not None:
                pace_ns = max(request.sent_ns - lane.ok_ended_ns, 0)
                lane.habit.paces_ns.append(pace_ns)
                program.paces_ns.append(pace_ns)
                lane.ok_ended_ns = None
            lane.runs.append(run)
        else:
            if run.ended_ns is None:
                # Its client has given up waiting and the hang-up has not been seen yet.
                run.outcomes.append(Outcome(request.sent_ns, None, cut="client"))
            else:
                lane.failed -= 1
            run.requests.append(request)
        lane.in_flight += 1
        lane.touched_ns = request.sent_ns
        self._holding[id(lane)] = lane
        return lane, run, len(run.requests) - 1

    def end(self, handle: Handle, outcome: Outcome) -> None:
        """Take in how a request ended."""
        lane, run, index = handle
        lane.in_flight -= 1
        lane.program.in_flight -= 1
        lane.touched_ns = max(lane.touched_ns, outcome.answered_ns)
        if index < len(run.outcomes):
            return  # already taken for given up
        run.outcomes.append(outcome)
        if not outcome.ok:
            lane.failed += 1
            lane.due_ns = max(lane.due_ns, run.due_ns)
        elif not lane.failed:
            # Nothing here was refused and could come again: no need to wait for what follows.
            lane.runs.remove(run)
            lane.ok_ended_ns = outcome.answered_ns
            self._on_call(call_of([run]))
        if not lane.runs:
            self._holding.pop(id(lane), None)
        elif len(lane.runs) >= _MOST_HELD:
            self._resolve_all([lane])

    def settle(self, now_ns: int) -> None:
        """Give out the calls to which nothing can belong any more."""
        quiet = [
            lane for lane in self._holding.values()
            if not lane.in_flight and now_ns > max(lane.touched_ns, lane.due_ns) + LONGEST_WAIT_NS
        ]  # fmt: skip
        if len(self._holding) > _MOST_HOLDING:
            oldest = list(self._holding.values())[: _MOST_HOLDING // 2]
            quiet += [lane for lane in oldest if not lane.in_flight and lane not in quiet]
        self._resolve_all(quiet)
        if len(self._programs) > _MOST_LANES:
            # An app that draws a new key or user agent each time: lanes that live keep their own reference.
            self._programs.clear()
        while len(self._lanes) > _MOST_LANES:
            key, lane = next(iter(self._lanes.items()))
            if lane.runs:
                self._lanes.move_to_end(key)
                break
            del self._lanes[key]

    def close(self) -> None:
        """The traffic is over: give out what is left, requests without an answer among it."""
        lanes = list(self._holding.values())
        for lane in lanes:
            for run in lane.runs:
                if run.ended_ns is None:
                    run.outcomes.append(Outcome(max(lane.touched_ns, run.requests[-1].sent_ns), None, cut="client"))
            lane.program.in_flight -= lane.in_flight
            lane.in_flight = 0
        self._resolve_all(lanes)

    def pending(self) -> tuple[Call, ...]:
        """Return the calls still held, as they look now (for a live view)."""
        calls: list[Call] = []
        for lane in self._holding.values():
            ended = [run for run in lane.runs if run.ended_ns is not None]
            if ended:
                calls += resolve(ended, lane.habit, lane.program)
        return tuple(calls)

    def _lane(self, request: Request) -> _Lane:
        key = request.lane
        lane = self._lanes.get(key)
        if lane is None:
            lane = self._lanes[key] = _Lane(program=self._program(request))
        else:
            self._lanes.move_to_end(key)
        return lane

    def _program(self, request: Request) -> Habit:
        who = request.sender
        return self._programs.setdefault((who.sdk, who.version, who.agent, request.key), Habit())

    def _resolve_all(self, lanes: list[_Lane]) -> None:
        # Learn from all before judging any: several requests tell more about a program's loop than one.
        for lane in lanes:
            ended = [run for run in lane.runs if run.ended_ns is not None]
            if ended:
                learn(ended, lane.habit, lane.program, id(lane))
        for lane in lanes:
            self._resolve(lane)

    def _resolve(self, lane: _Lane) -> None:
        ended = [run for run in lane.runs if run.ended_ns is not None]
        lane.runs = [run for run in lane.runs if run.ended_ns is None]
        lane.failed = 0
        if not lane.runs:
            self._holding.pop(id(lane), None)
        if not ended:
            return
        for call in resolve(ended, lane.habit, lane.program):
            self._on_call(call)
        last = max(ended, key=lambda run: run.ended_ns or 0)
        lane.ok_ended_ns = last.ended_ns if last.ok else None


def _resumed(lane: _Lane, request: Request) -> Run | None:
    """Return the run that this request carries on, told by an id or a counter on the wire."""
    sender = request.sender
    if sender.run_id is not None:
        for run in reversed(lane.runs):
            if run.failed and run.sender.run_id == sender.run_id:
                return run
    if not sender.retry_count:
        return None
    before = [run for run in lane.runs if run.requests[-1].sender.retry_count == sender.retry_count - 1 and not run.ok]
    ended = [run for run in before if run.failed]
    if not ended:
        return before[0] if before else None
    # Those whose wait is over go first (an obedient retry never looks early); among them the same connection (a client
    # with a pool of its own), then the one refused last: an older one may be a call that was given up long ago.
    now = request.sent_ns
    return max(ended, key=lambda run: (run.due_ns <= now, request.connection in run.connections, run.due_ns))


def group(attempts: Iterable[Attempt]) -> tuple[Call, ...]:
    """Group a finished recording, in any order, into calls in order of their first attempt."""
    calls: list[Call] = []
    grouper = Grouper(calls.append)
    events = []
    for number, attempt in enumerate(attempts):
        # An end before a beginning at the same instant: what follows may be its retry.
        events.append((attempt.request.sent_ns, 1, number, attempt))
        events.append((max(attempt.outcome.answered_ns, attempt.request.sent_ns), 0, number, attempt))
    handles = {}
    late = []
    for _, begins, number, attempt in sorted(events, key=lambda event: event[:3]):
        if begins:
            handles[number] = grouper.begin(attempt.request)
        elif number in handles:
            grouper.end(handles.pop(number), attempt.outcome)
        else:
            late.append((number, attempt))  # answered within the same nanosecond as sent
    for number, attempt in late:
        grouper.end(handles.pop(number), attempt.outcome)
    grouper.close()
    return tuple(sorted(calls, key=lambda call: call.started_ns))
