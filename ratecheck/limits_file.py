"""``--limits FILE``: limits as rows, out of what ``headers``, ``probe``, ``decode`` or ``estimate`` printed as JSON.

``estimate`` holds prompts against them and ``simulate`` makes an account of them; where a row has ``None``, each says
itself what it assumes. A plain ``{"rpm": 60, "tpm": 30000}`` is read too: who knows the limits can write them down.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ratecheck.errors import UsageError
from ratecheck.model import SHORT_NAMES, Dimension

_HINT = 'give what `ratecheck headers --json` or `probe --json` printed, or {"rpm": 60, "tpm": 30000}'

# What is above is a slip or an attack: no account has so many a window, no limit a window of years.
_MOST = 10**12
_LONGEST_S = 400 * 86_400


@dataclass(frozen=True, slots=True)
class LimitRow:
    """One limit as a document states it; ``None`` is what it does not say."""

    dimension: Dimension
    limit: int
    window_s: float | None = None
    burst: int | None = None
    remaining: int | None = None
    algorithm: str | None = None
    charges_rejected: bool | None = None


@dataclass(frozen=True, slots=True)
class LimitsFile:
    """The limits of a document, each once, and whose they are."""

    rows: tuple[LimitRow, ...]
    provider: str | None = None
    model: str | None = None


def parse(text: str, source: str) -> LimitsFile:
    """Return the limits in ``text``; ``source`` names the file in complaints.

    Of several readings of a limit the latest counts, and what ``probe`` found out beats what headers said of the same
    dimension. Raises ``UsageError`` where the text is no JSON or holds no limit.
    """
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise UsageError(f"--limits {source}: {'empty' if not text.strip() else 'not JSON'}", _HINT) from None
    rows = _rows(document)
    if not rows:
        schema = document.get("schema") if isinstance(document, Mapping) else None
        named = isinstance(schema, str) and re.fullmatch(r"[\w./-]{1,40}", schema)
        raise UsageError(f"--limits {source}: no limit in it{f' ({schema})' if named else ''}", _HINT)
    return LimitsFile(rows, _said(document, "provider"), _said(document, "model"))


def _rows(document: Any) -> tuple[LimitRow, ...]:
    read = list(filter(None, map(_row, _readings(document))))
    found = list(filter(None, map(_row, _dicts(_under(document, "limiters")))))
    measured = {row.dimension for row in found}
    rows = {(row.dimension, row.window_s): row for row in read if row.dimension not in measured}
    rows |= {(row.dimension, row.window_s): row for row in found}
    # The same limit, before its window could be told, is no second limit.
    told = {(row.dimension, row.limit) for row in rows.values() if row.window_s is not None}
    return tuple(row for row in rows.values() if row.window_s is not None or (row.dimension, row.limit) not in told)


def _readings(document: Any) -> Iterator[Mapping[str, Any]]:
    """Yield everything that may state a limit, the latest last."""
    yield from _dicts(document)
    for each in (*_dicts(_under(document, "probes")), *_dicts(_under(document, "findings"))):
        yield each
        if isinstance(each.get("finding"), Mapping):
            yield each["finding"]
        yield from _dicts(each.get("limits"))
    yield from _dicts(_under(document, "limits"))
    for named in (_under(document, "limits"), document):
        if isinstance(named, Mapping):
            for short, (dimension, window_s) in SHORT_NAMES.items():
                yield {"dimension": dimension.value, "window_s": window_s, "limit": named.get(short)}


def _under(document: Any, key: str) -> Any:
    return document.get(key) if isinstance(document, Mapping) else None


def _dicts(value: Any) -> list[Mapping[str, Any]]:
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []


def _row(entry: Mapping[str, Any]) -> LimitRow | None:
    dimension = next((each for each in Dimension if each.value == entry.get("dimension")), None)
    limit = _number(entry.get("limit"), _MOST)
    if dimension is None or limit is None:
        return None
    algorithm, charges = entry.get("algorithm"), entry.get("charges_rejected")
    return LimitRow(
        dimension, int(limit), _number(entry.get("window_s"), _LONGEST_S) or None,
        _whole(entry.get("burst")) or None, _whole(entry.get("remaining")),
        algorithm if isinstance(algorithm, str) else None, charges if isinstance(charges, bool) else None,
    )  # fmt: skip


def _number(value: Any, most: float) -> float | None:
    """Return a JSON number from 0 to ``most``; ``None`` for anything else (``NaN`` compares false)."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
        return None
    return float(value)


def _whole(value: Any) -> int | None:
    number = _number(value, _MOST)
    return None if number is None else int(number)


def _said(document: Any, key: str) -> str | None:
    """Return the one name that the document has for its target; ``None`` where it names none or several."""
    target = _under(document, "target")
    places = [target] if isinstance(target, Mapping) else _dicts(_under(document, "findings"))
    names = {each[key] for each in places if isinstance(each.get(key), str) and len(each[key]) < 200}
    return names.pop() if len(names) == 1 else None
