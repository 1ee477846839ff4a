"""Patterns that are compiled when first used: a decode needs some, and compiling costs more than searching."""

import re
from collections.abc import Callable
from functools import cache


def lazy(pattern: str, flags: int = 0) -> Callable[[], re.Pattern[str]]:
    """Return what compiles ``pattern`` once, at its first use."""
    return cache(lambda: re.compile(pattern, flags))
