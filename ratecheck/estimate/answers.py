"""What a request asks of its answer: how long it may be, how many there are, and in which form."""

from collections.abc import Mapping
from typing import Any

from ratecheck.estimate.tools import Schema


def _whole(value: Any) -> int | None:
    # JSON knows no integers: 1e3 and 512.0 are how some writers put them.
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value != value or not 0 <= value < 1 << 40:
        return None
    return int(value)


_OUTPUT_KEYS = frozenset(
    {"max_completion_tokens", "max_tokens", "max_output_tokens", "max_tokens_to_sample", "maxOutputTokens",
     "maxTokens", "num_predict"}
)  # fmt: skip
# Ollama's word for it.
_NO_LIMIT = -1
_TIMES_KEYS = frozenset({"n", "best_of", "candidateCount"})


def asked_for(raw: Mapping[str, Any]) -> tuple[int | None, int, tuple[str, ...]]:
    """Return how long an answer may be (``None``: it does not say), how many there are, and what was passed over.

    An API refuses what is no number, and so is it here; but a reader is told, who may have meant it.
    """
    most, n = None, 1
    passed: tuple[str, ...] = ()
    # Most requests have none or one of these keys: a look at the keys together is cheaper than one at each.
    for key in _OUTPUT_KEYS & raw.keys():
        wanted = _whole(raw[key])
        if wanted is not None:
            most = max(wanted, most or 0)
        elif raw[key] not in (None, _NO_LIMIT):
            passed += (f"`{key}` is no number of tokens: passed over",)
    for key in _TIMES_KEYS & raw.keys():
        times = _whole(raw[key])
        if times:
            n = max(n, times)
        elif raw[key] is not None:
            passed += (f"`{key}` is no number of answers: passed over",)
    return most, n, tuple(sorted(passed)) if passed else passed


def schema_of(raw: Mapping[str, Any]) -> Schema | None:
    """Return the JSON schema that the answer must keep to."""
    wanted = raw.get("response_format")
    told = raw.get("text")
    if wanted is None and isinstance(told, dict):
        wanted = told.get("format")
    if not isinstance(wanted, dict) or wanted.get("type") != "json_schema":
        return None
    told = wanted.get("json_schema", wanted)
    if not isinstance(told, dict):
        return None
    described, name = told.get("description"), told.get("name")
    return Schema(
        told.get("schema", told),
        described if isinstance(described, str) else "",
        name if isinstance(name, str) else "",
        told.get("strict") is True,
    )
