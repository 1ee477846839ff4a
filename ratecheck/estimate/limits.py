"""The limits that prompts are held against: from options, or from what ``headers``, ``probe`` or ``decode`` found."""

from dataclasses import dataclass

from ratecheck.limits_file import LimitsFile
from ratecheck.model import SHORT_NAMES, Dimension

_MINUTE_S = 60.0

_SHORT = {(dimension, float(window_s)): short for short, (dimension, window_s) in SHORT_NAMES.items()}


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
        return _SHORT.get((self.dimension, self.window_s), f"{self.dimension.value}_per_{self.window_s:g}s")


def from_options(*, rpm: int | None, tpm: int | None, rpd: int | None) -> list[AskedLimit]:
    """Return the limits that options gave."""
    given = {"rpm": rpm, "tpm": tpm, "rpd": rpd}
    return [AskedLimit(*SHORT_NAMES[short], limit) for short, limit in given.items() if limit is not None]


def from_file(found: LimitsFile) -> list[AskedLimit]:
    """Return the limits over time of a ``--limits`` file; a window that it does not state is taken as a minute."""
    return [
        AskedLimit(
            row.dimension, row.window_s or _MINUTE_S, row.limit, row.burst, row.remaining,
            assumed_window=row.window_s is None,
        )
        for row in found.rows
        if row.dimension is not Dimension.CONCURRENCY
    ]  # fmt: skip
