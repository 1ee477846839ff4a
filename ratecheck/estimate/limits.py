"""The limits that prompts are held against: from options, or from what ``headers``, ``probe`` or ``decode`` found."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ratecheck.errors import UsageError
from ratecheck.model import Dimension

_MINUTE_S = 60.0

# The short names that people use for a dimension over a window.
_SHORT = {
    ("requests", 1.0): "rps", ("requests", 60.0): "rpm", ("requests", 3600.0): "rph", ("requests", 86_400.0): "rpd",
    ("tokens", 60.0): "tpm", ("tokens", 3600.0): "tph", ("tokens", 86_400.0): "tpd",
    ("input_tokens", 60.0): "itpm", ("output_tokens", 60.0): "otpm", ("images", 60.0): "ipm",
    ("input_tokens", 86_400.0): "itpd", ("output_tokens", 86_400.0): "otpd",
}  # fmt: skip
_LONG = {short: (Dimension(name), window) for (name, window), short in _SHORT.items()}


@dataclass(frozen=True, slots=True)
class AskedLimit:
    """``limit`` units of ``dimension`` per ``window_s``; ``burst`` is the most at once, ``None`` for ``limit``."""

    dimension: Dimension
    window_s: float
    limit: int
    burst: int | None = None
    remaining: int | None = None
    assumed_window: bool = False
    """The source named no window: a minute was taken."""

    @property
    def at_once(self) -> int:
        """Return the largest cost that can ever pass."""
        return self.limit if self.burst is None else min(self.burst, max(self.limit, self.burst))

    @property
    def short(self) -> str:
        """Return ``tpm``, ``rpd`` …, or words where there is no short name."""
        return _SHORT.get((self.dimension.value, self.window_s), f"{self.dimension.value}_per_{self.window_s:g}s")


def from_options(*, rpm: int | None, tpm: int | None, rpd: int | None) -> list[AskedLimit]:
    """Return the limits that options gave."""
    given = {"rpm": rpm, "tpm": tpm, "rpd": rpd}
    return [AskedLimit(*_LONG[short], limit) for short, limit in given.items() if limit is not None]


def _number(value: Any) -> int | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value != value or not 0 <= value < 1 << 62:
        return None
    return int(value)


def _dimension(value: Any) -> Dimension | None:
    try:
        return Dimension(value)
    except ValueError:
        return None


def _row(raw: Any) -> AskedLimit | None:
    if not isinstance(raw, Mapping):
        return None
    dimension, limit = _dimension(raw.get("dimension")), _number(raw.get("limit"))
    if dimension is None or limit is None or dimension is Dimension.CONCURRENCY:
        return None
    window = raw.get("window_s")
    known = isinstance(window, (int, float)) and not isinstance(window, bool) and 0 < window < 1e9
    return AskedLimit(
        dimension,
        float(window) if known and window is not None else _MINUTE_S,
        limit,
        _number(raw.get("burst")),
        _number(raw.get("remaining")),
        assumed_window=not known,
    )


def _rows(document: Mapping[str, Any]) -> list[Any]:
    """Return everything in a document that may be a limit, the latest reading last."""
    found: list[Any] = []
    for key in ("probes", "findings"):
        for each in document.get(key) or () if isinstance(document.get(key), list) else ():
            if isinstance(each, Mapping):
                found += each["limits"] if isinstance(each.get("limits"), list) else []
                found.append(each)
                if isinstance(each.get("finding"), Mapping):
                    found.append(each["finding"])
    for key in ("limits", "limiters"):
        value = document.get(key)
        if isinstance(value, list):
            found += value
        elif isinstance(value, Mapping):
            found += _named(value)
    return found + _named(document)


def _named(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {"dimension": _LONG[key][0].value, "window_s": _LONG[key][1], "limit": value}
        for key, value in document.items()
        if key in _LONG
    ]


def from_document(document: Any, source: str) -> list[AskedLimit]:
    """Return the limits in a ``headers``, ``probe``, ``decode`` or ``estimate`` document, or in ``{"rpm": 60}``.

    Raises:
        UsageError: there is none in it.
    """
    rows = _rows(document) if isinstance(document, Mapping) else document if isinstance(document, list) else []
    latest: dict[tuple[Dimension, float], AskedLimit] = {}
    for raw in rows:
        row = _row(raw)
        if row is not None:
            latest[row.dimension, row.window_s] = row
    if not latest:
        schema = document.get("schema") if isinstance(document, Mapping) else None
        said = f"; its schema is {schema}" if isinstance(schema, str) and re.fullmatch(r"[\w./-]{1,40}", schema) else ""
        raise UsageError(
            f"no limit in {source}{said}",
            'give the output of `ratecheck headers --json` or `probe --json`, or {"rpm": 60, "tpm": 30000}',
        )
    return list(latest.values())
