"""Reports as JSON: field names carry units, unknown is ``null``, never left out, never NaN."""

import dataclasses
import json
import math
from collections.abc import Mapping
from enum import Enum
from typing import Any


def plain(value: Any) -> Any:
    """Turn dataclasses, tuples (named or not) and enums into what JSON knows; nan and infinity become ``None``."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        value = value._asdict()
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(each) for each in value]
    return value


def dumps(document: Mapping[str, Any]) -> str:
    """Write a document on one line, the same bytes for the same document on every machine."""
    return json.dumps(plain(document), ensure_ascii=True, allow_nan=False, separators=(", ", ": "))
