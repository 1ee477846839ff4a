"""The recorded evidence: every header is read, every window comes out right."""

import json
from collections import Counter
from pathlib import Path

import pytest

from ratecheck.dialects import of_url, read_limits
from ratecheck.model import Dimension, LimitReading


def observations(shared: Path) -> list[dict[str, object]]:
    text = (shared / "corpus" / "admission_observations.jsonl").read_text("utf-8")
    return [json.loads(line) for line in text.splitlines()]


def test_every_recorded_header_is_read(shared: Path) -> None:
    """No header of the recorded answers is dropped, and none stays unknown."""
    read = 0
    for row in observations(shared):
        dialect = of_url(f"https://{row['host']}")
        assert dialect is not None, row["host"]
        headers = row["headers"]
        assert isinstance(headers, dict)
        reading = read_limits(list(headers.items()), provider=dialect.name)
        assert reading.unknown == ()
        missing = set(headers) - set(reading.headers)
        assert missing <= {"retry-after"}
        assert ("retry-after" in headers) == (reading.retry_after_s is not None)
        read += len(headers)
    assert read == 2511


@pytest.mark.parametrize("told", [True, False], ids=["provider given", "provider unknown"])
def test_every_recorded_window_is_right_where_the_reset_says_enough(shared: Path, told: bool) -> None:
    """Of resets of 4 ms and more every window is found: the counts are those of the recordings."""
    counts: Counter[tuple[str, str, float | None]] = Counter()
    for row in observations(shared):
        dialect = of_url(f"https://{row['host']}")
        assert dialect is not None
        headers = row["headers"]
        assert isinstance(headers, dict)
        if dialect.name not in ("openai", "groq", "azure"):
            continue
        for limit in read_limits(list(headers.items()), provider=dialect.name if told else None).limits:
            if limit.reset_s is not None and limit.reset_s >= 0.004:
                assert isinstance(limit.dimension, Dimension)
                counts[dialect.name, limit.dimension.value, limit.window_s] += 1
    assert counts == {
        ("openai", "requests", 60.0): 168,
        ("openai", "requests", 86_400.0): 25,
        ("openai", "tokens", 60.0): 70,
        ("groq", "requests", 86_400.0): 13,
        ("groq", "tokens", 60.0): 13,
        ("azure", "requests", 60.0): 18,
        ("azure", "tokens", 60.0): 18,
    }


# What their evidence holds outside of the headers (a tool's own JSON, a name that the paste cut off).
ELSEWHERE = {
    ("anthropic-unified-0001", "requests"), ("anthropic-unified-0001", "tokens"), ("litellm-hdr-0001", "tokens"),
}  # fmt: skip


def test_every_bucket_of_the_pasted_dumps_is_found(shared: Path) -> None:
    """Limit, remaining, reset and window of each bucket that the header dumps of the corpus state."""
    buckets = 0
    for line in (shared / "corpus" / "decode_cases.jsonl").read_text("utf-8").splitlines():
        case = json.loads(line)
        if not case["headers"]:
            continue
        headers = [(name, str(value)) for name, value in case["headers"].items()]
        limits = read_limits(headers, provider=case["expect"]["provider"]).limits
        for name, stated in (case["expect"].get("buckets") or {}).items():
            if (case["id"], name) in ELSEWHERE:
                continue
            assert any(fits(limit, stated) for limit in limits), (case["id"], name, limits)
            buckets += 1
    assert buckets == 88


def fits(limit: LimitReading, stated: dict[str, float]) -> bool:
    told = {"limit": limit.limit, "remaining": limit.remaining, "window_s": limit.window_s,
            "utilization": limit.utilization, "reset_s": limit.reset_s}  # fmt: skip
    return all(told[key] == pytest.approx(value) for key, value in stated.items() if key in told)
