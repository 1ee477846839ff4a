"""Arithmetic over one limit: what window it has, what unit its reset is in, when a request of some cost passes.

Under continuous refill a reset is the time until full, so ``window = reset x limit / (limit - remaining)``.
"""

import math

from ratecheck.model import LimitReading

# What providers count over. A computed window is believed only when it comes out at one of these.
STANDARD_S = (1.0, 10.0, 60.0, 3600.0, 86_400.0, 604_800.0, 2_592_000.0)

# Below four steps of its own rounding a reset says too little: 1 ms could be anything from 0.5 to 2 ms.
_STEPS = 4

# A server may measure the remainder a little after or before the reset.
_SLACK = 0.02


def infer_window_s(*, limit: int, remaining: int, reset_s: float, resolution_s: float) -> float | None:
    """Return the standard window that a reset proves, or ``None`` where it proves none.

    ``remaining`` is a whole number that may have partly refilled: of one used request, up to half may be back already
    (recorded: 0.75 to 1). So the true window lies between ``reset x limit / used`` and what the smaller true use gives.
    """
    used = limit - remaining
    if limit <= 0 or used <= 0 or reset_s < _STEPS * resolution_s - 1e-9:
        return None
    shortest_s = max(reset_s - resolution_s, 0.0) * limit / used * (1 - _SLACK)
    longest_s = (reset_s + resolution_s) * limit / max(used - 1, used / 2) * (1 + _SLACK)
    inside = [window_s for window_s in STANDARD_S if shortest_s <= window_s <= longest_s]
    return inside[0] if len(inside) == 1 else None


def raw_window_s(*, limit: int, remaining: int, reset_s: float) -> float | None:
    """Return ``reset x limit / used`` as it comes out, unsnapped; ``None`` where nothing is used."""
    used = limit - remaining
    return reset_s * limit / used if limit > 0 and used > 0 else None


def contradicts(raw_s: float, proved_s: float | None, documented_s: float, steps: float) -> bool:
    """True when a reset of ``steps`` of its own rounding speaks against the documented window."""
    if steps < _STEPS or proved_s == documented_s:
        return False
    # Partly refilled remainders and rounded resets stay within half and double of the truth.
    return proved_s is not None or not documented_s / 2 <= raw_s <= documented_s * 2


def unit_of_reset(number: float, *, limit: int, remaining: int, window_s: float) -> float | None:
    """Return what a bare reset counts, 1.0 (seconds) or 0.001 (milliseconds); ``None`` where the numbers cannot tell.

    Compares with the time until full, ``(limit - remaining) / limit x window``: whichever unit comes nearer in ratio.
    """
    expected_s = (limit - remaining) / limit * window_s if limit > 0 else 0.0
    if number <= 0 or expected_s <= 0:
        return None
    # The two readings lie a factor 1000 apart, so the border is at sqrt(1000) of the expected seconds.
    return 1.0 if number < expected_s * math.sqrt(1000) else 0.001


def until_passes_s(*, limit: int, used: float, window_s: float, cost: int) -> float | None:
    """Return how long until a request of ``cost`` passes under continuous refill; ``None`` when it never can.

    That is ``(used + cost - limit) / (limit / window)``: sooner than the reset, which is the time until full.
    """
    if cost > limit or limit <= 0:
        return None
    return max(used + cost - limit, 0.0) * window_s / limit


def below_configured(reading: LimitReading, configured: int, window_s: float | None = None) -> float | None:
    """Return the share by which the server's limit lies below what was configured (0.25 for a quarter), else ``None``.

    ``None`` as well where they cannot be compared: no limit told, or another window than ``window_s``.
    """
    if reading.limit is None or configured <= 0 or reading.limit >= configured:
        return None
    if window_s is not None and reading.window_s is not None and window_s != reading.window_s:
        return None
    return 1 - reading.limit / configured
