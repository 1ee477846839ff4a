"""What prompts cost against the limits: tokens, the limiter's charge, and how many fit in a minute.

The names below are imported when they are first asked for: a large text is counted while the rest is still imported.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ratecheck.estimate.estimator import Estimator
    from ratecheck.estimate.settings import Settings

_PLACES = {"Estimator": "estimator", "Settings": "settings"}

__all__ = ["Estimator", "Settings"]


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)
