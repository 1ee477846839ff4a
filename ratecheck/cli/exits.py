"""One place that maps what went wrong to a line on stderr and an exit code. No traceback ever reaches a user."""

import contextlib
import errno
import io
import os
import sys
from typing import Any

import typer
from typer._click import exceptions as click  # typer ships its own click and re-exports no exceptions of it

from ratecheck.errors import ExitCode, RatecheckError


def complain(message: str, hint: str | None = None) -> None:
    """Write ``error: …`` and ``hint: …`` to stderr, neutralised."""
    from ratecheck.redact import neutralise, scrub

    print(f"error: {neutralise(scrub(message), 600)}", file=sys.stderr)
    if hint:
        print(f"hint: {neutralise(scrub(hint), 600)}", file=sys.stderr)


def _usage_hint(error: click.UsageError) -> str:
    context = error.ctx
    return f"see `{context.command_path} --help`" if context is not None else "see `ratecheck --help`"


def _bug(error: Exception) -> None:
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    place = "unknown place"
    if frame is not None:
        place = f"{os.path.basename(frame.tb_frame.f_code.co_filename)}:{frame.tb_lineno}"
    # The exception's text is left out on purpose: it may quote what was pasted or a key.
    complain(
        f"a bug in ratecheck: {type(error).__name__} at {place}",
        "please report this line, the command and its options (no keys); RATECHECK_DEBUG=1 shows the traceback",
    )


def _reader_left() -> int:
    """The reader (`head`, a pager) has what it wanted. Python would complain once more while it exits."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return ExitCode.OK


# The disk behind a stream, not the program: what a person can do something about.
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}


def _no_room(error: OSError) -> int:
    """Say that the output could not be written; what is still buffered must not be tried once more at the exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    complain(f"the output cannot be written: {(error.strerror or 'unknown reason').lower()}", "is the disk full?")
    return ExitCode.USAGE


class _Aside(io.TextIOWrapper):
    """A stderr that cannot be written to (a full disk, a reader that left) ends nothing: the data are on stdout."""

    def write(self, text: str) -> int:
        with contextlib.suppress(OSError):
            super().write(text)
        return len(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            super().flush()


def standard_streams() -> None:
    """Make the three streams safe to use, whatever the caller did to them.

    In the place of one that was closed (``<&-``, ``>&-``, some service managers) Python has ``None``, and the next
    socket or file would get its number, and a child's output with it: nothing is put there. And a remark that cannot
    be written ends nothing.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            opened = os.open(os.devnull, os.O_RDWR)
            if opened != number:
                os.dup2(opened, number)
                os.close(opened)
            os.set_inheritable(number, True)
            setattr(sys, name, open(number, "r" if number == 0 else "w", encoding="utf-8", closefd=False))  # noqa: SIM115
    if isinstance(sys.stderr, io.TextIOWrapper):
        encoding, errors = sys.stderr.encoding, sys.stderr.errors
        sys.stderr = _Aside(sys.stderr.detach(), encoding=encoding, errors=errors, line_buffering=True)


def run(app: typer.Typer) -> int:
    """Run the command line; return the exit code of what happened."""
    code = _outcome(app)
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _reader_left()  # whoever read had enough; what the command found out stays true
    except OSError as error:
        return _no_room(error)
    return code


def _outcome(app: typer.Typer) -> int:
    try:
        outcome: Any = app(standalone_mode=False)
    except click.UsageError as error:
        complain(error.format_message(), _usage_hint(error))
        return ExitCode.USAGE
    except click.ClickException as error:
        complain(error.format_message())
        return ExitCode.USAGE
    except RatecheckError as error:
        complain(error.message, error.hint)
        return error.exit_code
    except (KeyboardInterrupt, typer.Abort):
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        return _reader_left()
    except SystemExit as stop:
        if isinstance(stop.__context__, BrokenPipeError):  # met within a command: click makes it an exit with 1
            return _reader_left()
        raise
    except Exception as error:  # the last line of defence: a bug becomes one line
        if isinstance(error, OSError) and error.errno in _NO_ROOM:
            return _no_room(error)
        if os.environ.get("RATECHECK_DEBUG"):
            raise
        _bug(error)
        return ExitCode.BUG
    return outcome if isinstance(outcome, int) else ExitCode.OK
