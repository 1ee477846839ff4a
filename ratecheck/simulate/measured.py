"""An account out of ``--limits FILE``: as measured, not as sold; what was not measured is assumed and said."""

from dataclasses import replace

from ratecheck import dialects, limiters
from ratecheck.durations import MINUTE_S, ns_from_s
from ratecheck.errors import UsageError
from ratecheck.limits_file import LimitRow, LimitsFile
from ratecheck.model import Dimension, Limit, Source
from ratecheck.provider import LimitRule, Profile, of_dialect

MEASURED = "measured"


def account_of(found: LimitsFile, source: str) -> tuple[Profile, tuple[str, ...]]:
    """Return the account that the rows describe, and what had to be assumed, in sentences.

    Raises ``UsageError`` for a limit that lets nothing through.
    """
    notes: list[str] = []
    rules = tuple(_rule(row, source, notes) for row in found.rows)
    name = found.provider if found.provider and dialects.get(found.provider) is not None else "unknown"
    start = of_dialect(name) or of_dialect("unknown") or of_dialect("openai")
    if start is None:
        raise UsageError(f"--limits {source}: no provider to imitate")
    charged = any(row.charges_rejected for row in found.rows)
    profile = replace(
        start, name=MEASURED, dialect=name, title="as measured", limits=rules, model=found.model or start.model,
        source=Source(f"--limits {source}", "measured", verified=True),
        charges_refusals=True if charged else start.charges_refusals,
    )  # fmt: skip
    return profile, tuple(dict.fromkeys(notes))


def _rule(row: LimitRow, source: str, notes: list[str]) -> LimitRule:
    what = row.dimension.value.replace("_", " ")
    if row.limit == 0:
        raise UsageError(f"--limits {source}: a limit of 0 {what} lets nothing through", "there is nothing to simulate")
    window_s, algorithm = row.window_s, row.algorithm
    if row.dimension is Dimension.CONCURRENCY:
        return LimitRule(Limit(row.dimension, row.limit, ns_from_s(window_s or 1.0)), "concurrency")
    if window_s is None:
        # By far the most common window.
        window_s = MINUTE_S
        notes.append(f"No window was measured for {what}: taken as a minute.")
    if algorithm not in limiters.ALGORITHMS:
        algorithm = "token_bucket"
        notes.append("The limiter was not identified: taken as a token bucket.")
    return LimitRule(Limit(row.dimension, row.limit, ns_from_s(window_s), row.burst), algorithm)
