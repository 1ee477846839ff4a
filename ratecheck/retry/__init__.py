"""What clients do when a request fails: one row a client and stretch of versions, and what follows from it.

``get("openai-python@1.109.1")`` is the rule of that version, ``get("openai-python")`` the newest one;
``get("full-jitter+openai-python")`` puts a recipe's loop around a client's.
"""

from collections.abc import Mapping
from dataclasses import replace

from ratecheck.errors import UsageError, no_such
from ratecheck.retry.layer import Backoff, Hints, Layer, Memory, Over, Plan, Use
from ratecheck.retry.policy import Progress, RetryPolicy, Versions, number_of
from ratecheck.retry.recipes import RECIPES
from ratecheck.retry.rows import AZURE_OPENAI, OPENAI, OWN, STAINLESS
from ratecheck.retry.signals import Signals, read
from ratecheck.retry.wrappers import WRAPPERS

__all__ = [
    "ALL", "ROWS", "Backoff", "Hints", "Layer", "Memory", "Over", "Plan", "Progress", "RetryPolicy", "Signals", "Use",
    "Versions", "find", "get", "number_of", "read",
]  # fmt: skip

ROWS: tuple[RetryPolicy, ...] = (*OPENAI, *AZURE_OPENAI, *STAINLESS, *OWN, *WRAPPERS, *RECIPES)


def _by_name() -> dict[str, tuple[RetryPolicy, ...]]:
    grouped: dict[str, list[RetryPolicy]] = {}
    for row in ROWS:
        grouped.setdefault(row.name, []).append(row)
    return {
        name: tuple(sorted(rows, key=lambda row: number_of(row.versions.first or "0"), reverse=True))
        for name, rows in grouped.items()
    }


ALL: Mapping[str, tuple[RetryPolicy, ...]] = _by_name()
"""Every policy by name; its rows from the newest version down."""


def get(text: str) -> RetryPolicy:
    """Return the policy that ``NAME``, ``NAME@VERSION`` or ``OUTER+INNER`` names.

    Raises ``UsageError`` for a name or a version that no row covers, with the nearest that there is.
    """
    names = text.strip().split("+")
    if len(names) == 1:
        return _one(names[0])
    parts = [_one(name) for name in names]
    inner = parts[-1]
    layers = tuple(layer for part in parts for layer in part.layers)
    return replace(
        inner, name="+".join(part.name for part in parts), build=lambda _: layers, sdk=None,
        note=f"{parts[0].name} around {'+'.join(part.name for part in parts[1:])}",
    )  # fmt: skip


def _one(text: str) -> RetryPolicy:
    name, _, version = text.strip().partition("@")
    rows = ALL.get(name.lower())
    if rows is None:
        raise no_such("client policy", name, ALL, "`ratecheck simulate --list-policies` lists them")
    if not version:
        return rows[0]
    if not version[:1].isdigit() and version[:1] != "v":
        raise UsageError(f"{version!r} is no version of {name}", f"write {name}@{rows[0].checked.split()[0]}")
    for row in rows:
        if version.lstrip("v") in row.versions:
            return row
    known = ", ".join(str(row.versions) for row in rows)
    raise UsageError(f"nobody has looked at {name} {version}", f"known: {known}")


def find(client: str, version: str | None = None) -> RetryPolicy | None:
    """Return the row of a client named as people, packages or the collected facts name it; ``None`` where unknown.

    A version that no row covers is answered with ``None`` too, never with a neighbour's rule.
    """
    wanted = client.strip().lower()
    rows = ALL.get(wanted) or tuple(
        row for row in ROWS if wanted in row.package or (row.sdk is not None and row.sdk.lower() == wanted)
    )
    if not rows:
        return None
    if version is None:
        return rows[0] if rows[0].name != wanted else ALL[wanted][0]
    return next((row for named in rows for row in ALL[named.name] if version.lstrip("v") in row.versions), None)
