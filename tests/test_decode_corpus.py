"""Every pasted answer of the recorded evidence is understood, by form and not by heart."""

import json
from pathlib import Path
from typing import Any

from ratecheck.decode import decode_text
from ratecheck.render.as_json import plain

FIELDS = (
    "category", "provider", "dimension", "window_s", "limit", "used", "requested", "retry_after_s", "model", "scope",
    "retryable", "will_fit_ever",
)  # fmt: skip
# The text says nothing of these: a value where none is expected is a guess.
GUESSED = ("dimension", "retry_after_s", "limit")


def same(got: Any, want: Any) -> bool:
    numbers = (int, float)
    if isinstance(want, numbers) and not isinstance(want, bool) and isinstance(got, numbers):
        return abs(got - want) < 1e-6 * max(1, abs(want))
    return bool(got == want)


def test_the_recorded_pastes_are_understood(shared: Path) -> None:
    """Category right in 97 of 100, every expected field in 94 of 100; healthy answers count by category alone."""
    right = asked = categories = cases = 0
    wrong = []
    for line in (shared / "corpus" / "decode_cases.jsonl").read_text("utf-8").splitlines():
        case = json.loads(line)
        expect = case["expect"]
        found = plain(decode_text(case["text"]).findings)
        best = max(found, key=lambda each: sum(each.get(key) == expect.get(key) for key in FIELDS), default={})
        healthy = expect["category"] == "not_rate_limit"
        cases += 1
        categories += best.get("category", "not_rate_limit" if healthy else None) == expect["category"]
        for key in ("category",) if healthy else FIELDS:
            want = expect.get(key)
            if want is None and key not in GUESSED:
                continue
            asked += 1
            if same(best.get(key, "not_rate_limit" if healthy else None), want):
                right += 1
            else:
                wrong.append((case["id"], key, want, best.get(key)))
    print(f"category {categories}/{cases}, fields {right}/{asked}, wrong: {wrong}")
    assert categories / cases >= 0.97, wrong
    assert right / asked >= 0.94, wrong
