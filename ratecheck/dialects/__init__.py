"""What providers send about limits: one row per API, and the two functions that read and write by the rows.

The names below are imported when they are first asked for: `decode` of a body without headers needs none of the tables.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ratecheck.dialects.lookup import ALL, get, known, of_headers, of_url
    from ratecheck.dialects.providers import COMPATIBLE
    from ratecheck.dialects.reading import read_limits
    from ratecheck.dialects.rules import Dialect, HeaderRule, Level, Reading
    from ratecheck.dialects.windows import below_configured, until_passes_s
    from ratecheck.dialects.writing import LimitWriter, write_limits

_PLACES = {
    "COMPATIBLE": "providers", "ALL": "lookup", "get": "lookup", "known": "lookup",
    "of_headers": "lookup", "of_url": "lookup",
    "read_limits": "reading", "write_limits": "writing", "LimitWriter": "writing",
    "Dialect": "rules", "HeaderRule": "rules", "Level": "rules", "Reading": "rules",
    "below_configured": "windows", "until_passes_s": "windows",
}  # fmt: skip

__all__ = [
    "ALL",
    "COMPATIBLE",
    "Dialect",
    "HeaderRule",
    "Level",
    "LimitWriter",
    "Reading",
    "below_configured",
    "get",
    "known",
    "of_headers",
    "of_url",
    "read_limits",
    "until_passes_s",
    "write_limits",
]


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)
