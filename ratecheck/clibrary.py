"""Functions of the C library: there on most systems, never to be counted on."""

from functools import cache
from typing import Any


@cache
def c_function(name: str, result: Any, *arguments: Any) -> Any:
    """Return a function of the C library with its types, or ``None`` where it has none of that name."""
    import ctypes

    try:
        # PyDLL: calls of microseconds are not worth giving other threads their turn.
        function = getattr(ctypes.PyDLL(None), name)
    except (AttributeError, OSError, TypeError):
        return None
    function.restype = result
    function.argtypes = arguments
    return function
