"""Google's list of quotas that were violated: in the body's details, whole or half-escaped, cut or complete."""

from dataclasses import dataclass

from ratecheck.decode.lazy import lazy
from ratecheck.decode.slots import number
from ratecheck.dialects.bodies import dimension_of
from ratecheck.dialects.signs import DAY, HOUR, MINUTE
from ratecheck.model import Dimension

_FIELD = lazy(
    r"(?P<key>quotaMetric|quotaId|quotaValue|quota_metric|quota_id|quota_value|quota_limit_value|quota_limit)\W{1,6}"
    # Protocol buffers as text: metadata { key: "quota_limit" value: "…" }.
    r"(?:value\W{1,6})?(?P<value>[\w./-]{1,200})"
)
# An ErrorInfo calls the quota's id its limit, and the limit its value.
_IDS = ("quotaId", "quota_id", "quota_limit")
_KEYS = {"quotalimit": "quotaid", "quotalimitvalue": "quotavalue"}
_MODEL = lazy(r"\bmodel\W{1,12}(?:value\W{1,6})?(?P<model>[A-Za-z][\w.:@/-]{1,100}\w)")
_WINDOWS = (("perday", DAY), ("perminute", MINUTE), ("perhour", HOUR), ("persecond", 1.0))


@dataclass
class Violation:
    """One quota: what it counts, over what, how many are allowed."""

    metric: str = ""
    quota_id: str = ""
    value: int | None = None

    @property
    def window_s(self) -> float | None:
        name = self.quota_id.lower()
        return next((window for word, window in _WINDOWS if word in name), None)

    @property
    def dimension(self) -> Dimension | None:
        return dimension_of(self.quota_id.replace("InputTokens", "input tokens")) or dimension_of(
            self.metric.replace("_", " ")
        )

    @property
    def scope(self) -> str | None:
        name = self.quota_id.lower()
        return "project" if "perproject" in name or name else None


def read(text: str) -> list[Violation]:
    """Return the violations in order of appearance; empty where the text has no quota ids."""
    if not any(key in text for key in _IDS):
        return []
    found: list[Violation] = []
    for match in _FIELD().finditer(text):
        key = match["key"].lower().replace("_", "")
        key = _KEYS.get(key, key)
        if not found or (key == "quotametric" and found[-1].metric) or (key == "quotaid" and found[-1].quota_id):
            found.append(Violation())
        if key == "quotametric":
            found[-1].metric = match["value"]
        elif key == "quotaid":
            found[-1].quota_id = match["value"]
        else:
            found[-1].value = number(match["value"])
    return found


def binding(violations: list[Violation]) -> Violation | None:
    """Return the one to wait for: the longest window binds; of equal ones the first."""
    return max(violations, key=lambda each: each.window_s or 0, default=None)


def model(text: str) -> str | None:
    """Return the model that the details name."""
    found = _MODEL().search(text)
    return found["model"] if found else None
