"""A recording as a workload: its calls at their own instants and sizes, to be replayed under other rules."""

from ratecheck.calls import Call, group
from ratecheck.calls.record import attempt_of
from ratecheck.durations import s_from_ns
from ratecheck.errors import UsageError
from ratecheck.simulate.scenario import MOST_CALLS, Asked

# Broken lines that are told one by one; beyond that they are counted.
_TOLD = 5


def read_workload(
    text: str, source: str, *, strict: bool
) -> tuple[tuple[Asked, ...], tuple[str, ...], tuple[str, ...]]:
    """Return the calls of a recording, complaints about lines that are no attempts, and notes on what was assumed.

    Raises ``UsageError`` with the line's number under ``strict``, and where no line is an attempt.
    """
    attempts, broken = [], []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        attempt = attempt_of(line)
        if attempt is None:
            if strict:
                raise UsageError(f"{source}, line {number}: no recorded attempt", "without --strict it is skipped")
            broken.append(number)
        else:
            attempts.append(attempt)
    if not attempts:
        raise UsageError(
            f"{source}: no recorded attempt in it", "it reads what `watch --record` and `serve --record` write"
        )
    told = [f"{source}, line {number}: no recorded attempt, skipped" for number in broken[:_TOLD]]
    if len(broken) > _TOLD:
        told.append(f"{source}: {len(broken) - _TOLD} more broken lines skipped")
    attempts.sort(key=lambda attempt: attempt.request.sent_ns)
    calls = group(attempts)
    if len(calls) > MOST_CALLS:
        raise UsageError(f"{source}: {len(calls):,} calls are more than {MOST_CALLS:,}")
    start_ns = attempts[0].request.sent_ns
    sizes = [_tokens(call) for call in calls]
    known = [size for size in sizes if size is not None]
    notes = []
    if known and len(known) < len(sizes):
        notes.append(f"{len(sizes) - len(known)} calls have no recorded tokens: taken as the mean of the others.")
    usual = round(sum(known) / len(known)) if known else 0
    asked = tuple(
        Asked(s_from_ns(call.attempts[0].request.sent_ns - start_ns), usual if size is None else size, 0, 0)
        for call, size in zip(calls, sizes, strict=True)
    )
    return tuple(sorted(asked, key=lambda each: each.at_s)), tuple(told), tuple(notes)


def _tokens(call: Call) -> int | None:
    """Return what the call was charged where any of its attempts tells."""
    return next((each.outcome.charged_tokens for each in call.attempts if each.outcome.charged_tokens), None)
