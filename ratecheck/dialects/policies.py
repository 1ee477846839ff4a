"""The IETF RateLimit headers, in the three syntaxes of the drafts, joined into one limit per policy.

``RateLimit-Limit: 100, 100;w=60`` (early drafts), ``RateLimit: limit=100, remaining=80, reset=54`` (draft 07),
``RateLimit: "hour";r=80;t=54`` with ``RateLimit-Policy: "hour";q=100;w=3600`` (now).
"""

from typing import NamedTuple

from ratecheck.dialects import values, words
from ratecheck.dialects.rules import Grammar, Remark, Remarks
from ratecheck.model import Dimension, LimitReading

# A list longer than this many characters is read up to there: real ones have a handful of items.
_LONGEST_LIST = 16_384

# Policies and states that are kept; whoever sends more is not describing limits.
_MOST = 64

# The draft's registered quota units; without one the unit is requests.
_UNITS = {"requests": Dimension.REQUESTS, "concurrent-requests": Dimension.CONCURRENCY}


class _Quota(NamedTuple):
    header: str
    names: tuple[str, ...]
    limit: int | None
    window_s: float | None
    unit: str | None
    stated_dimension: bool


class _State(NamedTuple):
    header: str
    names: tuple[str, ...]
    limit: int | None
    remaining: int | None
    reset_s: float | None


class Policies:
    """What the lists of one answer say; ``add`` each header, then ask for the windows and the readings."""

    def __init__(self) -> None:
        self.quotas: list[_Quota] = []
        self.taken: set[_Quota] = set()
        """Those that a limit was joined to."""
        self.states: list[_State] = []
        self.unreadable: list[str] = []

    def add(self, header: str, value: str, is_state: bool) -> None:
        """Take the value of a ``RateLimit-Policy`` or (``is_state``) a ``RateLimit`` header."""
        entries = values.items(value[:_LONGEST_LIST])
        before = len(self.quotas) + len(self.states)
        entries = entries[: max(_MOST - before, 0)]
        if is_state and any({"limit", "remaining", "reset"} & set(entry.parameters) for entry in entries):
            merged = {key: text for entry in entries for key, text in entry.parameters.items()}
            self._add_state(header, (), merged, ("limit", "remaining", "reset"))
        elif is_state:
            for entry in entries:
                self._add_state(header, entry.names, entry.parameters, ("q", "r", "t"))
        else:
            for entry in entries:
                self._add_quota(header, entry)
        if len(self.quotas) + len(self.states) == before:
            self.unreadable.append(header)

    def add_to_limit(self, header: str, value: str) -> int | None:
        """Take a limit followed by policies, ``100, 100;w=60, 10000;w=86400``; return the limit itself."""
        limit: int | None = None
        for entry in values.items(value[:_LONGEST_LIST])[:_MOST]:
            number = values.count(entry.names[0]) if entry.names else None
            if number is not None and limit is None:
                limit = number
            if entry.parameters and len(self.quotas) < _MOST:
                self._add_quota(header, entry)
        return limit

    def _add_quota(self, header: str, entry: values.Item) -> None:
        said = entry.parameters
        text = said.get("q") or next((name for name in entry.names if values.count(name) is not None), "")
        limit, window = (
            values.count(text),
            values.delay(said.get("w") or said.get("window") or "", Grammar.SECONDS, None),
        )
        if limit is None and window is None:
            return
        names = tuple(name for name in entry.names if values.count(name) is None)
        unit = said.get("qu", "").strip().lower() or None
        self.quotas.append(
            _Quota(header, names, limit, window.seconds if window else None, unit, "q" in said)
        )  # fmt: skip

    def _add_state(self, header: str, names: tuple[str, ...], said: dict[str, str], keys: tuple[str, str, str]) -> None:
        limit, remaining = (values.count(said.get(key, "")) for key in keys[:2])
        reset = values.delay(said.get(keys[2], ""), Grammar.SECONDS, None)
        if limit is None and remaining is None and reset is None:
            return
        negative = remaining is not None and remaining < 0
        self.states.append(
            _State(header, names, limit, None if negative else remaining, reset.seconds if reset else None)
        )

    def window_for(self, bucket: str, limit: int | None, headers: list[str]) -> float | None:
        """Return the window of the policy that states this very limit, for the plain ``-Limit`` headers."""
        if "ratelimit-{}" not in bucket.replace("rate-limit", "ratelimit") or limit is None:
            return None
        for quota in self.quotas:
            if quota.limit == limit and quota.window_s:
                self.taken.add(quota)
                if quota.header not in headers:
                    headers.append(quota.header)
                return quota.window_s
        return None

    def readings(self, remarks: list[Remark], unknown: list[str]) -> list[LimitReading]:
        """Return one reading a state, joined to its policy, and one for each policy that nothing spoke of."""
        unknown += self.unreadable
        found = []
        for state in self.states:
            quota = self._quota_of(state)
            if quota is not None:
                self.taken.add(quota)
            limit = state.limit if state.limit is not None else quota.limit if quota else None
            if limit is not None and state.remaining is not None and state.remaining > limit:
                remarks.append(Remark(Remarks.ABOVE_LIMIT, (state.header,), f"{state.remaining} of {limit}"))
            headers = (state.header,) if quota is None else (quota.header, state.header)
            found.append(_reading(quota, state.names, headers, limit, state.remaining, state.reset_s))
        found += [
            _reading(quota, quota.names, (quota.header,), quota.limit, None, None)
            for quota in self.quotas
            if quota not in self.taken
        ]
        return found

    def _quota_of(self, state: _State) -> _Quota | None:
        if state.names:
            by_name = [quota for quota in self.quotas if set(quota.names) & set(state.names)]
            return by_name[0] if by_name else None
        same = [quota for quota in self.quotas if quota.limit == state.limit and state.limit is not None]
        return same[0] if same else self.quotas[0] if len(self.quotas) == 1 else None


def _reading(
    quota: _Quota | None,
    names: tuple[str, ...],
    headers: tuple[str, ...],
    limit: int | None,
    remaining: int | None,
    reset_s: float | None,
) -> LimitReading:
    name = names[0][:60] if names else None
    said = words.read(name or "")
    dimension = said.dimension
    if quota is not None and quota.unit is not None:
        dimension = _UNITS.get(quota.unit) or words.read(quota.unit).dimension
        name = quota.unit[:60] if dimension is None else name
    elif quota is not None and quota.stated_dimension:
        dimension = Dimension.REQUESTS
    window_s = quota.window_s if quota else None
    return LimitReading(
        dimension, window_s, "header value" if window_s else None, limit if limit is None or limit >= 0 else None,
        remaining, reset_s, headers, said.scope, None, True, name,
    )  # fmt: skip
