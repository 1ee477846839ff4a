"""What error bodies say: every row of ``sentences`` and ``codes``, and the search for them in a text.

The rows are tables with sources; this file finds which of them stand in a text. Words with numbers in them
("5-hour", "TPM", "requests per 60 seconds") become dimensions and windows here too.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from ratecheck.dialects.codes import CLUES, CODES
from ratecheck.dialects.sentences import DAY, HOUR, MINUTE, MONTH, SENTENCES, WEEK
from ratecheck.dialects.signs import Sign, compiled, identifier
from ratecheck.model import Dimension, Source

SOURCES: dict[str, Source] = {
    "dialects": Source("https://github.com/openai/openai-python/issues/416", "2026-11",
                       note="pasted answers in public threads, one or more for each row"),
    "limits-openai": Source("https://developers.openai.com/api/docs/guides/error-codes", "2026-10"),
    "limits-anthropic": Source("https://platform.claude.com/docs/en/api/rate-limits", "2026-10"),
    "anthropic-docs": Source("https://platform.claude.com/docs/en/api/rate-limits", "2026-10"),
    "limits-azure": Source("https://learn.microsoft.com/azure/foundry/openai/how-to/quota", "2026-09"),
    "limits-others": Source("https://help.aliyun.com/en/model-studio/rate-limit", "2026-10"),
    "unseen": Source("https://github.com/openai/openai-python/issues/416", "2026-11", verified=False,
                     note="from documentation or memory of it; no pasted answer was found"),
}  # fmt: skip


class Found(NamedTuple):
    """A sign and where it stands; ``groups`` holds the pattern's named readings as written."""

    sign: Sign
    start: int
    end: int
    groups: dict[str, str]


def find(signs: tuple[Sign, ...], text: str, lower: str) -> Iterator[Found]:
    """Yield each sign that stands in ``text``, at its first place. ``lower`` is ``text`` in lower case."""
    for sign in signs:
        for needle in sign.needles:
            at = lower.find(needle)
            if at < 0:
                continue
            if sign.pattern is None:
                if sign.code:
                    whole = identifier(needle).search(lower, at)
                    if whole is None:
                        continue
                    at = whole.start()
                yield Found(sign, at, at + len(needle), {})
                break
            # A pattern may start well before its needle, never on the far side of a long text.
            found = compiled(sign.pattern).search(text, max(at - 2_000, 0))
            if found is not None:
                groups = {name: value for name, value in found.groupdict().items() if value is not None}
                yield Found(sign, found.start(), found.end(), groups)
                break


# The first group with a word that stands in the text wins: "concurrent requests" are not requests per time.
_DIMENSIONS: tuple[tuple[Dimension, tuple[str, ...]], ...] = (
    (Dimension.CONCURRENCY, ("concurren", "parallel", "并发")),
    (Dimension.IMAGES, ("image", "ipm")),
    (Dimension.INPUT_TOKENS, ("input token", "input_token", "inputtoken", "prompt token", "itpm")),
    (Dimension.OUTPUT_TOKENS, ("output token", "output_token", "outputtoken", "completion token", "otpm")),
    (Dimension.TOKENS, ("token", "tpm", "tpd", "tps")),
    (
        Dimension.REQUESTS,
        ("request", "call", "quer", "rpm", "rpd", "rps", "rph", "qps", "qpm", "message", "prediction", "请求", "调用"),
    ),
)


def dimension_of(words: str) -> Dimension | None:
    """Return what the words count: ``"input tokens"``, ``"API calls"``, ``"TPM"``; ``None`` when they say nothing."""
    words = words.lower()
    return next((dimension for dimension, some in _DIMENSIONS if any(word in words for word in some)), None)


_UNITS_S = {
    "s": 1.0, "sec": 1.0, "second": 1.0, "m": MINUTE, "min": MINUTE, "minute": MINUTE, "h": HOUR, "hr": HOUR,
    "hour": HOUR, "hourly": HOUR, "d": DAY, "day": DAY, "daily": DAY, "week": WEEK, "weekly": WEEK,
    "month": MONTH, "monthly": MONTH,
    "秒": 1.0, "分钟": MINUTE, "小时": HOUR, "天": DAY, "日": DAY, "周": WEEK, "月": MONTH,
}  # fmt: skip
_PERIOD = re.compile(r"(?:per[- ])?(?:(\d{1,9})[ -]?)?([a-z]{1,8}|[秒分钟小时天日周月]{1,2})", re.IGNORECASE)


def window_of(words: str) -> float | None:
    """Return the seconds of a period as people write it: ``"min"``, ``"per-day"``, ``"5-hour"``, ``"daily"``."""
    found = _PERIOD.fullmatch(words.strip().lower())
    if found is None:
        return None
    count, unit = found.groups()
    seconds = _UNITS_S.get(unit) or _UNITS_S.get(unit.rstrip("s"))
    if seconds is None:
        return None
    # A window longer than a year is a number misread.
    total = seconds * (int(count) if count else 1)
    return total if 0 < total <= 366 * DAY else None


ABBREVIATION_S = {"m": MINUTE, "d": DAY, "s": 1.0, "h": HOUR}
"""The last letter of TPM, RPD, QPS, RPH names the window."""

__all__ = [
    "ABBREVIATION_S",
    "CLUES",
    "CODES",
    "SENTENCES",
    "SOURCES",
    "Found",
    "Sign",
    "dimension_of",
    "find",
    "window_of",
]
