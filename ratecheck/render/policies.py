"""The list of client policies (`simulate --list-policies`) as a page and as a document."""

from collections.abc import Sequence
from typing import Any

from ratecheck.render.page import Page, Table
from ratecheck.retry import RetryPolicy

# From so many columns on there is room for the line of code that switches retries off.
_WIDE = 90


def page(rows: Sequence[RetryPolicy], width: int = 80) -> Page:
    """Return the list of client policies."""
    cells = []
    for row in rows:
        worst = "no end" if row.worst_case is None else f"{row.worst_case}"
        seen = "run" if row.verified else "read"
        off = (row.disable or "-",) if width >= _WIDE else ()
        cells.append((row.name, str(row.versions), worst, seen, *off))
    columns = ("policy", "versions", "worst", "seen", *(("switch off",) if width >= _WIDE else ()))
    table = Table(
        columns, tuple(cells), right=frozenset({2}),
        note="worst: requests that one call can become on a 429 or 5xx. seen: run on the wire, or read in the source.",
    )  # fmt: skip
    names = len({row.name for row in rows})
    return Page(f"{names} client policies in {len(rows)} versions", blocks=(table,))


def document(rows: Sequence[RetryPolicy]) -> dict[str, Any]:
    """Return the list of client policies as the contract has it."""
    return {
        "schema": "ratecheck.simulate/1",
        "policies": [
            {
                "policy": row.name, "sdk": row.sdk, "versions": str(row.versions), "max_retries": row.max_retries,
                "disable": row.disable, "source": row.source.url, "verified_on": row.source.date,
                "verified": row.verified, "requests_worst_case": row.worst_case, "checked": row.checked,
                "timeout_s": row.timeout_s, "note": row.note,
            }
            for row in rows
        ],
    }  # fmt: skip
