"""`ratecheck watch`: the requests that an app really makes, while it makes them, or from a recording."""

import os
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from ratecheck.cli.options import a_number, examples
from ratecheck.cli.output import JsonOption, NoColorOption, Output
from ratecheck.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from ratecheck.calls import Attempt, Call
    from ratecheck.net.recorder import Recorder, Spool
    from ratecheck.net.watching import Listener
    from ratecheck.watch.environment import Target
    from ratecheck.watch.report import WatchReport
    from ratecheck.watch.session import Session

HELP = """Show the HTTP requests that an app really makes for each call it thinks it makes.

Runs COMMAND with the base-URL variables of the SDKs (OPENAI_BASE_URL, ANTHROPIC_BASE_URL, AZURE_OPENAI_ENDPOINT, …)
pointed at a local proxy, and returns its exit code. Its stdin, stdout and signals stay its own; the report goes to
stderr. With --json the document goes to stdout and the app's stdout to stderr. Without COMMAND it prints what to
export, runs until Ctrl-C, and then reports on stdout.
"""

SETTINGS = {
    "help": HELP,
    "epilog": examples(
        ("ratecheck watch -- python app.py", "requests per call, and whose retries they are"),
        (
            "ratecheck watch --record run.jsonl --fail-over 1.2 -- pytest -q",
            "for CI: fails where calls need more than 1.2 requests",
        ),
    ),
    "context_settings": {"allow_interspersed_args": False},
}

# A body kept in a recording: a long prompt, not a file.
_MAX_BODY_BYTES = 64 * 1024
# Lines a second about an app that runs in the same terminal; above it they are counted instead.
_MOST_LINES_PER_S = 8


def command(
    app: Annotated[list[str] | None, typer.Argument(metavar="[-- COMMAND…]", help="The app to run.")] = None,
    upstream: Annotated[
        str | None, typer.Option(metavar="URL", help="Where requests go. Default: what the environment says.")
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, metavar="PORT", help="Port to listen on. 0: a free one.")] = 0,
    record: Annotated[
        str | None, typer.Option(metavar="FILE", help="Write each attempt as it happens, as JSON Lines (mode 0600).")
    ] = None,
    read: Annotated[str | None, typer.Option(metavar="FILE", help="Report on a recording; - is stdin.")] = None,
    bodies: Annotated[bool, typer.Option("--bodies", help="Record bodies too, keys masked.")] = False,
    max_body: Annotated[
        int, typer.Option(min=0, metavar="BYTES", help="At most so much of each body.")
    ] = _MAX_BODY_BYTES,
    fail_over: Annotated[
        float | None,
        typer.Option(
            min=1.0,
            metavar="RATIO",
            callback=a_number,
            help="Exit 1 when there are more requests per call than this.",
        ),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="Nothing while it runs; the report comes at the end.")] = False,
    json: JsonOption = False,
    no_color: NoColorOption = False,
) -> ExitCode | int:
    output = Output(json=json, no_color=no_color)
    if read is not None:
        for name, given in (("a COMMAND", app), ("--upstream", upstream), ("--record", record)):
            if given:
                raise UsageError(f"--read takes no {name.removeprefix('a ')}", "a recording is read, nothing is run")
        return _again(read, fail_over, output)
    if bodies and record is None:
        raise UsageError("--bodies needs --record FILE", "bodies are kept in the recording and nowhere else")
    return _live(_Options(upstream, port, record, bodies, max_body, fail_over, quiet, tuple(app or ())), output)


class _Options(NamedTuple):
    """What the run was asked for."""

    upstream: str | None
    port: int
    record: str | None
    bodies: bool
    max_body: int
    fail_over: float | None
    quiet: bool
    command: tuple[str, ...]


def _live(options: _Options, output: Output) -> ExitCode | int:
    from contextlib import ExitStack

    from ratecheck.net.clock import monotonic_ns, utc_now
    from ratecheck.net.recorder import Recorder, Spool
    from ratecheck.net.watching import Run, listen
    from ratecheck.watch.environment import settings, targets

    found = targets(os.environ, options.upstream)
    listeners = listen(tuple(dict.fromkeys(target.origin for target in found)), options.port)
    if curtailed := [target.variable for target in found if target.curtailed]:
        name = "--upstream" if options.upstream is not None else " and ".join(curtailed)
        output.note(f"warning: the password or query in {name} does not come along: only host and path do")
    variables = settings(found, {each.origin: each.port for each in listeners}, os.environ)
    with ExitStack() as stack:
        recorder = stack.enter_context(Recorder(options.record)) if options.record is not None else None
        spool = Spool() if output.json else None
        epoch_ns = monotonic_ns()
        view = _view(options, output)
        started = utc_now()
        sessions: list[Session] = []

        def observe() -> "Session":
            from ratecheck.watch.session import Session

            sessions.append(
                Session(
                    epoch_ns, started,
                    write=recorder.write if recorder is not None else None,
                    on_call=_collector(spool, epoch_ns) if spool is not None else None,
                    on_attempt=view.attempt if view is not None else None,
                    bodies=options.bodies, most_body_bytes=options.max_body,
                )
            )  # fmt: skip
            return sessions[0]

        if not options.command:
            _say_exports(found, listeners, variables, options, output)
        run = Run(
            listeners, observe, options.command, variables,
            stdout_to_stderr=output.json,
            keep_answer_bytes=options.max_body if options.bodies else 0,
            on_tick=(lambda: view.tick(sessions[0])) if view is not None else None,
        )  # fmt: skip
        try:
            code = run()
        finally:
            if view is not None:
                view.close()
        session = sessions[0] if sessions else None
        if session is not None:
            session.close()
    return _finish(options, output, session, listeners, recorder, spool, code)


def _finish(
    options: _Options, output: Output, session: "Session | None", listeners: "Sequence[Listener]",
    recorder: "Recorder | None", spool: "Spool | None", code: int | None,
) -> ExitCode | int:  # fmt: skip
    from ratecheck.calls.tally import Tally
    from ratecheck.watch.report import report

    if recorder is not None and (complaint := recorder.complaint()):
        output.note(complaint)
    made = report(
        tuple(dict.fromkeys(listener.origin for listener in listeners)) if options.upstream else ("environment",),
        session.tally if session is not None else Tally(),
        fail_over=options.fail_over,
        recording=options.record,
        lost_lines=recorder.lost if recorder is not None else 0,
        troubles=tuple(session.troubles.items()) if session is not None else (),
        exit_code=code,
    )
    _print(made, spool, output, to_stderr=bool(options.command))
    if code:
        return code
    return ExitCode.ANSWER_IS_NO if made.over else ExitCode.OK


def _again(path: str, fail_over: float | None, output: Output) -> ExitCode:
    """Make the report of a recording again."""
    from ratecheck.calls.record import attempts_of
    from ratecheck.net.clock import utc_now
    from ratecheck.net.recorder import Spool, lines_of
    from ratecheck.watch.report import report
    from ratecheck.watch.session import Session

    attempts, unread = [], 0
    for attempt in attempts_of(line for line in lines_of(path) if line.strip()):
        if attempt is None:
            unread += 1
        else:
            attempts.append(attempt)
    if not attempts and unread:
        raise UsageError(f"{path} holds no attempt", "make one with `ratecheck watch --record FILE -- COMMAND`")
    spool = Spool() if output.json else None
    session = Session(0, utc_now(), on_call=_collector(spool, 0) if spool is not None else None)
    session.replay(attempts)
    session.close()
    targets = {attempt.request.target.partition(" ")[2] for attempt in attempts}
    origins = tuple(sorted({"/".join(target.split("/", 3)[:3]) for target in targets}))
    if unread:
        output.note(f"warning: {unread} lines of {path} could not be read")
    made = report(origins, session.tally, fail_over=fail_over, lost_lines=unread)
    _print(made, spool, output, to_stderr=False)
    return ExitCode.ANSWER_IS_NO if made.over else ExitCode.OK


def _collector(spool: "Spool", epoch_ns: int) -> "Callable[[Call], None]":
    from ratecheck.render.as_json import dumps
    from ratecheck.watch.report import call_document

    def collect(call: "Call") -> None:
        spool.add(call.started_ns, dumps(call_document(call, epoch_ns)))

    return collect


def _print(made: "WatchReport", spool: "Spool | None", output: Output, *, to_stderr: bool) -> None:
    from ratecheck.render import watch as render

    if spool is None:
        output.page(render.page(made), sys.stderr if to_stderr else sys.stdout)
        return
    from ratecheck.render.as_json import dumps

    # Call by call: a hundred thousand of them never stand in memory together.
    head, _, tail = dumps(render.document(made)).partition('"calls": []')
    sys.stdout.write(head + '"calls": [')
    for number, text in enumerate(spool, 1):
        sys.stdout.write((", " if number > 1 else "") + f'{{"call": {number}, ' + text[1:])
    sys.stdout.write("]" + tail + "\n")


def _say_exports(
    found: "Sequence[Target]", listeners: "Sequence[Listener]", variables: dict[str, str], options: _Options,
    output: Output,
) -> None:  # fmt: skip
    """Print what leads an app here: every variable with --upstream, else those of providers with a key around."""
    from ratecheck import dialects

    stream = sys.stderr if output.json else sys.stdout
    keyed = {
        name for name, row in dialects.ALL.items()
        if any(os.environ.get(variable) for variable in (*row.key_env, *row.base_url_env))
    } or {"openai", "anthropic"}  # fmt: skip
    for target in found:
        if options.upstream is not None or target.provider in keyed or os.environ.get(target.variable):
            print(f"export {target.variable}={variables[target.variable]}", file=stream)
    stream.flush()
    where = found[0].origin if options.upstream else "the providers"
    output.note(f"watching on 127.0.0.1:{listeners[0].port}, passing on to {where}; Ctrl-C ends it and reports")


def _view(options: _Options, output: Output) -> "Any":
    """Return what moves while it runs, on a terminal only: a table where it is ours, lines where it is the app's."""
    if options.quiet or not output.moves(sys.stderr):
        return None
    style = output.style(sys.stderr)
    if options.command:
        return _Lines(style.color)
    from ratecheck.render.live import LiveTable

    return LiveTable(sys.stderr, style)


class _Lines:
    """A line for each refusal and each repeat, below what the app itself prints: nothing on the screen is redrawn."""

    def __init__(self, color: bool) -> None:
        self._color = color
        self._left = _MOST_LINES_PER_S
        self._held = 0
        self._ticks = 0

    def attempt(self, attempt: "Attempt") -> None:
        from ratecheck.render.live import line_of

        line = line_of(attempt)
        if line is None:
            return
        if self._left > 0:
            self._left -= 1
            self._print(line)
        else:
            self._held += 1

    def tick(self, session: "Session") -> None:
        self._ticks += 1
        if self._ticks % 4 == 0:  # four ticks are a second
            if self._held:
                self._print(f"{self._held} more refusals; {session.calls_so_far()} calls, {session.requests} requests")
            self._left, self._held = _MOST_LINES_PER_S, 0

    def close(self) -> None:
        pass

    def _print(self, text: str) -> None:
        line = f"ratecheck: {text}"
        # One write: the app writes to the same terminal, and a line break of ours must not come after its words.
        sys.stderr.write(f"\x1b[2m{line}\x1b[0m\n" if self._color else f"{line}\n")
        sys.stderr.flush()
