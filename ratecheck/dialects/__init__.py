"""What providers send about limits: one row per API, and the two functions that read and write by the rows."""

from ratecheck.dialects.lookup import ALL, get, of_headers, of_url
from ratecheck.dialects.providers import COMPATIBLE
from ratecheck.dialects.reading import read_limits
from ratecheck.dialects.rules import Dialect, HeaderRule, Level, Reading
from ratecheck.dialects.windows import below_configured, until_passes_s
from ratecheck.dialects.writing import write_limits

__all__ = [
    "ALL",
    "COMPATIBLE",
    "Dialect",
    "HeaderRule",
    "Level",
    "Reading",
    "below_configured",
    "get",
    "of_headers",
    "of_url",
    "read_limits",
    "until_passes_s",
    "write_limits",
]
