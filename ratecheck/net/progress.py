"""A bar on stderr for work that takes longer than a second; nothing in a pipe, nothing left behind."""

import sys

from ratecheck.net import clock

# Work that is over within a second needs no bar, and an eye sees no more than ten changes a second.
_AFTER_NS = 1_000_000_000
_EVERY_NS = 100_000_000

_CELLS = 30


class Progress:
    """``with Progress("simulating") as bar: bar.show(0.3)``."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._tty = sys.stderr.isatty()
        self._start_ns = self._drawn_ns = clock.monotonic_ns()
        self._drawn = False

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *_: object) -> None:
        if self._drawn:
            sys.stderr.write("\r" + " " * (_CELLS + len(self._what) + 8) + "\r")
            sys.stderr.flush()

    def show(self, share: float) -> None:
        """Draw the bar at ``share`` (0..1), where it is time to."""
        now_ns = clock.monotonic_ns()
        if not self._tty or now_ns - self._start_ns < _AFTER_NS or now_ns - self._drawn_ns < _EVERY_NS:
            return
        self._drawn_ns, self._drawn = now_ns, True
        full = round(min(max(share, 0.0), 1.0) * _CELLS)
        sys.stderr.write(f"\r{self._what} [{'#' * full}{'.' * (_CELLS - full)}] {share:4.0%}")
        sys.stderr.flush()
