"""What moves while `watch` runs: a table in a terminal of its own, one line a refusal in the app's."""

from typing import TextIO

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from ratecheck.calls import Attempt
from ratecheck.calls.tally import limited
from ratecheck.durations import human_wait_s
from ratecheck.model import LimitReading
from ratecheck.redact import neutralise
from ratecheck.render.limits import full_name, left_in
from ratecheck.render.page import Style
from ratecheck.watch.session import Session
from ratecheck.wording import limit_kind


def line_of(attempt: Attempt) -> str | None:
    """Say in one line what happened to an attempt that was refused or is a repeat; ``None`` for an ordinary one."""
    request, outcome = attempt.request, attempt.outcome
    retry = request.sender.retry_count or 0
    if outcome.ok and not retry:
        return None
    what = "no answer" if outcome.status is None else str(outcome.status)
    if limited(attempt):
        finding = outcome.finding
        what += f", refused by a {limit_kind(finding.dimension if finding else None)}"
    parts = [what, neutralise(request.model or request.target.rsplit("/", 1)[-1], 40)]
    if retry:
        parts.append(f"retry {retry} by {neutralise(request.sender.title, 40)}")
    if outcome.retry_after_s is not None:
        parts.append(f"told to wait {human_wait_s(outcome.retry_after_s)}")
    return "; ".join(parts)


class LiveTable:
    """Redrawn in place. Only for a terminal that no app writes to."""

    def __init__(self, stream: TextIO, style: Style) -> None:
        console = Console(
            file=stream, width=style.width, no_color=not style.color, legacy_windows=False, highlight=False
        )  # fmt: skip
        # Drawn by the run's own tick: a thread of rich's beside the event loop is not needed.
        self._live = Live(Text(""), console=console, auto_refresh=False, transient=True)
        self._live.start()
        self._limits: dict[tuple[object, object], LimitReading] = {}
        self._last = ""

    def attempt(self, attempt: Attempt) -> None:
        """Note what an answer says about limits."""
        self._last = line_of(attempt) or self._last
        for reading in attempt.outcome.limits:
            if len(self._limits) < 8 or (reading.dimension, reading.window_s) in self._limits:
                self._limits[reading.dimension, reading.window_s] = reading

    def tick(self, session: Session) -> None:
        """Draw the figures as they are."""
        calls = session.calls_so_far()
        grid = Table.grid(padding=(0, 2, 0, 0))
        ratio = f"{session.requests / calls:.2f} for each" if calls else ""
        grid.add_row(Text("calls"), Text(f"{calls:,}", style="bold"))
        grid.add_row(Text("requests"), Text(f"{session.requests:,}", style="bold"), Text(ratio))
        grid.add_row(Text("refused"), Text(f"{session.limited:,}", style="bold red" if session.limited else "bold"))
        grid.add_row(Text("under way"), Text(str(session.under_way)))
        for reading in self._limits.values():
            grid.add_row(
                Text(full_name(reading)), Text(left_in(reading)), Text("left" if reading.remaining is not None else "")
            )
        if self._last:
            grid.add_row(Text("last"), Text(""), Text(self._last))
        self._live.update(grid, refresh=True)

    def close(self) -> None:
        """Leave the terminal as it was found."""
        self._live.stop()
