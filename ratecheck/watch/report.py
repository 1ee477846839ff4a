"""The report of a watched run or of a recording."""

from dataclasses import dataclass
from typing import Any

from ratecheck.calls import Call
from ratecheck.calls.record import limit_document
from ratecheck.calls.tally import Tally, limited
from ratecheck.diagnose.traffic import diagnose, remedies
from ratecheck.durations import s_from_ns
from ratecheck.model import Diagnosis


@dataclass(frozen=True, slots=True)
class WatchReport:
    """All that a run has shown. ``calls`` are handed out one by one elsewhere: there may be a hundred thousand."""

    upstreams: tuple[str, ...]
    tally: Tally
    diagnoses: tuple[Diagnosis, ...]
    remedies: tuple[str, ...]
    fail_over: float | None = None
    recording: str | None = None
    lost_lines: int = 0
    """Attempts that could not be recorded, or lines that could not be read."""
    troubles: tuple[tuple[str, int], ...] = ()
    command: str | None = None
    exit_code: int | None = None

    @property
    def over(self) -> bool:
        """Whether the app needed more requests per call than it was allowed."""
        ratio = self.tally.amplification
        return self.fail_over is not None and ratio is not None and ratio > self.fail_over


def report(upstreams: tuple[str, ...], tally: Tally, **facts: Any) -> WatchReport:
    """Judge the figures of a run."""
    return WatchReport(upstreams, tally, diagnose(tally), remedies(tally), **facts)


def call_document(call: Call, epoch_ns: int) -> dict[str, Any]:
    """Return one call as ``watch --json`` writes it, without its number."""
    waits = (None, *call.waits_ns())
    return {
        "model": call.attempts[0].request.model,
        "client": call.attempts[0].request.sender.title,
        "ok": call.ok,
        "attempts": [
            {
                "t_s": round(s_from_ns(attempt.request.sent_ns - epoch_ns), 6),
                "status": attempt.outcome.status,
                "latency_s": round(s_from_ns(attempt.outcome.answered_ns - attempt.request.sent_ns), 6),
                "retry_after_s": attempt.outcome.retry_after_s,
                "limits": [limit_document(limit) for limit in attempt.outcome.limits],
                "charged_tokens": attempt.outcome.charged_tokens,
                "layer": layer.value,
                "waited_s": None if wait is None else round(s_from_ns(wait), 6),
                "limited": limited(attempt),
            }
            for attempt, layer, wait in zip(call.attempts, call.layers, waits, strict=True)
        ],
    }
