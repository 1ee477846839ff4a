"""The only file that reads a clock."""

import time
from collections.abc import Callable
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


def wall_clock() -> Callable[[], int]:
    """Return a clock of nanoseconds since 1970 that never jumps: wall time now, monotonic from here on."""
    offset_ns = time.time_ns() - time.monotonic_ns()

    def now_ns() -> int:
        return time.monotonic_ns() + offset_ns

    return now_ns
