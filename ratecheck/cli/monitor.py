"""``ratecheck headers --every``: probe for ever, draw what is left, tell others, outlive a server that goes away."""

import sys
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ratecheck.cli.output import Output
from ratecheck.errors import ExitCode

if TYPE_CHECKING:
    from ratecheck.errors import RatecheckError
    from ratecheck.headers import HeadersReport, Probe, Target
    from ratecheck.model import Ask, Exchange

# The chart's width in probes: more would fall on the same columns of a terminal.
_KEPT = 240
_HOME = "\x1b[H\x1b[2J"


class Monitor:
    """What a long run keeps: the latest probes, counts, and whether the alert is on."""

    def __init__(
        self,
        output: Output,
        target: "Target",
        demo: str | None,
        *,
        alert: float | None,
        on_alert: str | None,
        textfile: Path | None,
    ) -> None:
        from ratecheck.net.alarm import words_of

        self._output = output
        self._target = target
        self._demo = demo
        self._alert = alert
        self._hook = words_of(on_alert) if on_alert is not None else None
        self._textfile = textfile
        self._probes: deque[Probe] = deque(maxlen=_KEPT)
        self.sent = 0
        self.refused = 0
        self.errors = 0
        self.below: bool | None = None
        self.ever_below = False

    def report(self) -> "HeadersReport":
        """Return what the screen and the document are made of."""
        from ratecheck.headers import HeadersReport

        return HeadersReport(
            provider=self._target.dialect.name,
            url=self._target.url,
            model=self._target.model,
            key_shown=self._target.key_shown,
            probes=tuple(self._probes),
            demo=self._demo,
            told_from=self._target.told_from,
            spent_requests=self.sent,
        )

    def answered(self, probe: "Probe") -> None:
        """Take in an answer: alert, file, screen."""
        from ratecheck.headers import least_share
        from ratecheck.model import Category

        self.sent += 1
        self._probes.append(probe)
        refused = probe.finding is not None and probe.finding.category is not Category.NOT_RATE_LIMIT
        self.refused += refused
        if probe.finding is not None and not refused:
            self.errors += 1
        share = 0.0 if refused else least_share(probe)
        if self._alert is not None and share is not None:
            self._judge(share)
        self._write(up=True)
        self._draw(probe)

    def lost(self, words: str) -> None:
        """Take in that no answer came; the next probe opens a new connection."""
        self.sent += 1
        self.errors += 1
        self._output.note(f"no answer: {words}; trying again")
        self._write(up=False)

    def _judge(self, share: float) -> None:
        """Tell the crossing, not the state: one alert until there was room again."""
        assert self._alert is not None
        below = share * 100 < self._alert
        if below and not self.below:
            self.ever_below = True
            self._output.note(f"alert: {share:.1%} left, below {self._alert:g}%")
            if self._hook is not None:
                from ratecheck.net.alarm import run_hook

                facts = {
                    "RATECHECK_LEFT_PERCENT": f"{share * 100:.3f}",
                    "RATECHECK_ALERT_PERCENT": f"{self._alert:g}",
                    "RATECHECK_PROVIDER": self._target.dialect.name,
                    "RATECHECK_MODEL": self._target.model,
                }
                if trouble := run_hook(self._hook, facts):
                    self._output.note(trouble)
        elif self.below and not below:
            self._output.note(f"over: {share:.1%} left again")
        self.below = below

    def _write(self, *, up: bool) -> None:
        if self._textfile is None:
            return
        from ratecheck.net.alarm import replace_file
        from ratecheck.net.clock import utc_now
        from ratecheck.render.prometheus import exposition

        text = exposition(
            self.report(), up=up, below=self.below, sent=self.sent, refused=self.refused, errors=self.errors,
            at_unix_s=utc_now().timestamp(),
        )  # fmt: skip
        replace_file(self._textfile, text)

    def _draw(self, probe: "Probe") -> None:
        """Redraw the screen on a terminal; else one line a probe, on stderr where stdout is for the document."""
        from ratecheck.render.headers import line, page

        if not self._output.json and self._output.moves(sys.stdout):
            sys.stdout.write(_HOME)
            self._output.page(page(self.report(), sources=self._target.sources))
            sys.stdout.flush()
        elif self._output.json:
            self._output.note(line(probe))
        else:
            print(line(probe), flush=True)


def run(
    monitor: Monitor,
    target: "Target",
    send: "Callable[[Ask], Exchange]",
    failure: "Callable[[HeadersReport], RatecheckError | None]",
    *,
    count: int | None,
    every_s: float,
    paced: bool,
) -> BaseException | None:
    """Probe until Ctrl-C (or ``count`` times); return what ended it early.

    ``paced`` says that ``send`` waits for an ask's instant by itself. The first probe's ``failure`` ends the run, as a
    wrong address, model or key would fail for ever; a later one does not.
    """
    from ratecheck.durations import ns_from_s
    from ratecheck.errors import RatecheckError, UnreachableError
    from ratecheck.headers import read_probe, wants_completion_name
    from ratecheck.model import Ask
    from ratecheck.net.clock import sleep_s, utc_now

    number = 0
    renamed = False
    try:
        while count is None or number < count:
            if number and not paced:
                sleep_s(every_s)
            try:
                exchange = send(Ask(at_ns=number * ns_from_s(every_s)))
            except UnreachableError as error:
                if number == 0:
                    return error
                monitor.lost(error.message)
                number += 1
                continue
            if not renamed and wants_completion_name(exchange):
                renamed = True  # the model wants the other parameter name: the sender says it so from now on
                monitor.sent += 1
                continue
            probe = read_probe(target, exchange, utc_now())
            monitor.answered(probe)
            if number == 0 and (wrong := failure(monitor.report())):
                return wrong
            number += 1
    except (KeyboardInterrupt, RatecheckError) as stopped:
        return stopped
    return None


def exit_code(monitor: Monitor, ended: BaseException | None) -> ExitCode:
    """Return 1 when the alert was ever crossed or the last probe was refused, 130 after Ctrl-C."""
    if isinstance(ended, KeyboardInterrupt):
        return ExitCode.INTERRUPTED
    return ExitCode.ANSWER_IS_NO if monitor.ever_below or monitor.refused else ExitCode.OK
