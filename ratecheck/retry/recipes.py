"""What tutorials teach, named by what it does. Each stands alone; put one on a client with ``RECIPE+CLIENT``."""

import re
from dataclasses import replace

from ratecheck.model import Source
from ratecheck.retry.layer import Backoff, Hints, Layer, Memory, Use
from ratecheck.retry.policy import RetryPolicy
from ratecheck.retry.rows import BOTH, EVERY_ERROR, FIVE_HUNDREDS, USUAL

_HINTED = Hints(
    BOTH, text=re.compile(r"again in (\d{1,9}(?:\.\d{1,9})?)\s?(ms|s|m|h)\b", re.IGNORECASE), least_counts=True
)


def _recipe(name: str, layer: Layer, where: str, note: str, disable: str | None = "remove the loop") -> RetryPolicy:
    return RetryPolicy(
        name, lambda count: (replace(layer, retries=count),), layer.retries, disable,
        Source(where, "2026-11", False, "arithmetic of the recipe as taught"), note=note,
    )  # fmt: skip


_AWS = "https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/"
_TAUGHT = "a pattern that tutorials teach"
_FULL = Backoff(1.0, cap_s=60.0, at_0=0.0, at_1=1.0)

RECIPES = (
    _recipe("no-retry", Layer("no retry", 0, frozenset(), drops=False, timeouts=False), "by definition",
            "one request a call, whatever happens", None),
    _recipe("server-hint", Layer("server hint", 5, frozenset(), hints=_HINTED, drops=False, timeouts=False,
                                 hint_needed=frozenset({408, 409, 429, 500, 502, 503, 504, 529})),
            _TAUGHT, "waits exactly what the server says, up to five times; gives up where it says nothing"),
    _recipe("full-jitter", Layer("full jitter", 5, USUAL, _FULL), _AWS, "U(0, min(60, 2^k)) s, five retries"),
    _recipe("equal-jitter", Layer("equal jitter", 5, USUAL, replace(_FULL, at_0=0.5)), _AWS,
            "half of min(60, 2^k) s and up to as much again, five retries"),
    _recipe("decorrelated-jitter",
            Layer("decorrelated jitter", 5, USUAL,
                  Backoff(1.0, 3.0, cap_s=60.0, cap_last=True, memory=Memory.DECORRELATED)),
            _AWS, "U(1, 3 x the last wait) s, at most 60 s, five retries"),
    _recipe("tenacity-2-60x5",
            Layer("tenacity", 4, EVERY_ERROR, Backoff(1.0, cap_s=60.0, least_s=2.0),
                  Hints(("retry-after",), use=Use.ADD)),
            _TAUGHT, "five tries, 2, 2, 4, 8 s, and sleeps Retry-After on top of that"),
    _recipe("doubling-plus-1s-x5", Layer("doubling", 4, USUAL, Backoff(1.0, add_s=1.0)), _TAUGHT,
            "2^k + U(0, 1) s, five tries"),
    _recipe("half-to-one-and-a-half-cap60",
            Layer("half to one and a half", 5, USUAL, Backoff(0.5, cap_s=60.0, at_0=0.5, at_1=1.5)), _TAUGHT,
            "0.5 x 2^k s times U(0.5, 1.5), at most 60 s before the jitter, five retries"),
    _recipe("minute-pause", Layer("minute pause", 2, USUAL, Backoff(60.0, 1.0, add_s=5.0)), _TAUGHT,
            "60 s + U(0, 5) between tries, two retries: outlasts any limit by the minute"),
    _recipe("only-5xx-once", Layer("5xx once", 1, FIVE_HUNDREDS, Backoff(1.0), drops=False, timeouts=False), _TAUGHT,
            "one retry after 1 s, on 5xx only"),
)  # fmt: skip
