"""One place that maps what went wrong to a line on stderr and an exit code. No traceback ever reaches a user."""

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


def run(app: typer.Typer) -> int:
    """Run the command line; return the exit code of what happened."""
    try:
        outcome: Any = app(standalone_mode=False)
        sys.stdout.flush()
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
        if os.environ.get("RATECHECK_DEBUG"):
            raise
        _bug(error)
        return ExitCode.BUG
    return outcome if isinstance(outcome, int) else ExitCode.OK
