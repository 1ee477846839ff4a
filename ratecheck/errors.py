"""What can go wrong, and the exit code that says so.

Raise the child that fits; the command line turns it into ``error: …`` and ``hint: …`` on stderr and exits.
"""

from collections.abc import Iterable
from enum import IntEnum


class ExitCode(IntEnum):
    """The exit codes that scripts rely on."""

    OK = 0
    ANSWER_IS_NO = 1
    """Done, and the answer is no: limited, below an alert, never fits, nothing about a limit found."""
    USAGE = 2
    UNREACHABLE = 3
    CREDENTIALS = 4
    BUG = 70
    INTERRUPTED = 130


class RatecheckError(Exception):
    """A failure that the user can do something about.

    ``message`` says what happened in one line; ``hint`` says what to do next.
    """

    exit_code: ExitCode = ExitCode.USAGE

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(RatecheckError):
    """Wrong options, or input that cannot be read."""


def no_such(what: str, name: str, known: Iterable[str], otherwise: str | None = None) -> UsageError:
    """Return the error for a name that no ``what`` has.

    Its hint is the names that begin so, or the nearest ones, or ``otherwise``, or all.
    """
    from difflib import get_close_matches  # only a slip needs it

    names = {each.lower(): each for each in known}
    asked = name.lower()
    begun = [each for each in names if len(asked) > 2 and each.startswith(asked)][:4]
    near = [names[each] for each in begun or get_close_matches(asked, names, n=3, cutoff=0.5)]
    hint = f"did you mean {' or '.join(near)}?" if near else otherwise or f"one of {', '.join(names.values())}"
    return UsageError(f"no {what} is called {name[:60]!r}", hint)


class UnreachableError(RatecheckError):
    """The server could not be reached, or what it said could not be understood."""

    exit_code = ExitCode.UNREACHABLE


class CredentialsError(RatecheckError):
    """The key is missing, or the server refused it."""

    exit_code = ExitCode.CREDENTIALS
