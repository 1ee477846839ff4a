"""The only file that reads a clock."""

import time
from datetime import UTC, datetime


def monotonic_ns() -> int:
    """Nanoseconds of a clock that never goes back; its zero means nothing."""
    return time.monotonic_ns()


def utc_now() -> datetime:
    """Wall time, for comparing with dates that a server states."""
    return datetime.now(UTC)


def sleep_s(seconds: float) -> None:
    """Sleep; interrupted by Ctrl-C as usual."""
    time.sleep(max(seconds, 0.0))
