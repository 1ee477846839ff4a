"""Limits as every screen shows them: one table and one bar for ``headers``, ``decode``, ``watch`` and its live view."""

from collections.abc import Sequence

from ratecheck.durations import human_s, window_name
from ratecheck.model import LimitReading
from ratecheck.render.page import Table, Tone
from ratecheck.wording import UNKNOWN, left_of, limit_name, percent, units

# Below a tenth a person should look; below a fiftieth the next prompt of ordinary size is at risk.
LOW, NEARLY_EMPTY = 0.10, 0.02


def tone_of(share: float | None) -> Tone:
    """Return the colour of a share that is left."""
    if share is None:
        return Tone.PLAIN
    return Tone.BAD if share < NEARLY_EMPTY else Tone.WARN if share < LOW else Tone.GOOD


def label_of(limit: LimitReading) -> str:
    """Name a limit in a word or two: ``project tokens``; one of unknown kind by its own name or its header's."""
    kind = units(limit.dimension) if limit.dimension else limit.name or next(iter(limit.headers), UNKNOWN)
    return f"{limit.scope} {kind}" if limit.scope else kind


def full_name(limit: LimitReading) -> str:
    """Name a limit with its window where that is known: ``requests per minute``."""
    return limit_name(limit.dimension, limit.window_s, limit.scope) if limit.dimension else label_of(limit)


def left_in(limit: LimitReading) -> str:
    """Say what is left in numbers; as a share where the server tells no more than that."""
    if limit.remaining is None and limit.utilization is not None:
        return f"{percent(1 - limit.utilization)} left"
    return left_of(limit.remaining, limit.limit)


def limits_table(limits: Sequence[LimitReading], title: str = "") -> Table:
    """Return a row a limit: what is left, of which window, told by what, and when all of it is free again."""
    rows = tuple(
        (
            label_of(limit) + ("" if limit.known else " *"),
            left_in(limit),
            UNKNOWN if limit.window_s is None else window_name(limit.window_s),
            limit.window_from or "",
            UNKNOWN if limit.reset_s is None else human_s(limit.reset_s),
        )
        for limit in limits
    )
    starred = any(not limit.known for limit in limits)
    return Table(
        ("limit", "left", "window", "told by", "full again in"),
        rows,
        title,
        right=frozenset({1, 4}),
        optional=frozenset({3}),
        note="* read from the words in the header's name alone: no table row knows it" if starred else "",
    )
