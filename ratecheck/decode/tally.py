"""Refusals with one meaning, counted: how many, from where to where, in which minutes."""

import sys
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from ratecheck.decode.judge import Draft
from ratecheck.decode.paste import Timeline
from ratecheck.decode.records import instant_of

_MOST_MINUTES = 200_000

Place = tuple[int, int]
"""A line of a log: which part of it, and the line within that part, from 1."""


_NOT_MET: Place = (sys.maxsize, 0)


@dataclass(slots=True)
class Tally:
    """Refusals that are one finding; ``draft`` is the first one's, with the longest delay of all."""

    draft: Draft
    count: int = 0
    first: Place = _NOT_MET
    last: Place = (0, 0)
    minutes: dict[bytes, int] = field(default_factory=dict)
    first_at: int = -1
    last_at: int = -1
    """Offsets in the block that is being read; -1 where it holds none."""

    def met(self, at: int, minute: bytes | None) -> None:
        """Count one more, which stands at this offset."""
        self.count += 1
        if self.first_at < 0:
            self.first_at = at
        self.last_at = at
        if minute in self.minutes:
            self.minutes[minute] += 1
        elif minute is not None and len(self.minutes) < _MOST_MINUTES:
            self.minutes[minute] = 1

    def number(self, part: int, lines: dict[int, int]) -> None:
        """Turn the offsets in the block that was read into places; ``lines`` says on which line each is."""
        self.first = min(self.first, (part, lines[self.first_at]))
        self.last = (part, lines[self.last_at])
        self.first_at = self.last_at = -1

    def told(self, delay_s: float | None) -> None:
        """Hear how long one more refusal says to wait."""
        self.draft = _at_longest(self.draft, delay_s)

    def add(self, other: "Tally") -> None:
        """Take what was counted of the same meaning in other parts of the log."""
        early, late = (self, other) if self.first <= other.first else (other, self)
        self.draft = _at_longest(early.draft, late.draft.finding.retry_after_s)
        self.first, self.last = early.first, max(self.last, other.last)
        self.count += other.count
        for minute, count in other.minutes.items():
            self.minutes[minute] = self.minutes.get(minute, 0) + count


def _at_longest(draft: Draft, delay_s: float | None) -> Draft:
    known_s = draft.finding.retry_after_s
    if delay_s is None or (known_s is not None and known_s >= delay_s):
        return draft
    return replace(draft, finding=replace(draft.finding, retry_after_s=delay_s))


def timeline(tallies: Iterable[Tally]) -> Timeline:
    """Return for each dimension how many refusals came in each minute, from the first dated one on."""
    dated: dict[str, dict[float, int]] = {}
    for tally in tallies:
        finding = tally.draft.finding
        counts = dated.setdefault(finding.dimension.value if finding.dimension else finding.category.value, {})
        for minute, count in tally.minutes.items():
            instant = instant_of(minute.decode("utf-8", "replace") + ":00")
            if instant is not None:
                counts[instant.timestamp()] = counts.get(instant.timestamp(), 0) + count
    first = min((at for counts in dated.values() for at in counts), default=0.0)
    return tuple(
        (name, tuple((at - first, counts[at]) for at in sorted(counts))) for name, counts in dated.items() if counts
    )
