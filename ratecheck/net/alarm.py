"""What a monitor does outside: a file replaced in one step, and the user's own command."""

import os
import shlex
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from ratecheck.errors import UsageError

# A hook that hangs must not stop the monitor.
_HOOK_S: Final = 30.0


def replace_file(path: Path, text: str) -> None:
    """Write ``text`` so that a reader sees the old file or the new one, never a half. Raises ``UsageError``.

    A link stays a link. What is no file (``/dev/stdout``, a pipe) is written to: putting a file in its place would
    take it from everybody else.
    """
    try:
        if path.exists() and not path.is_file() and not path.is_dir():
            with path.open("w", encoding="utf-8") as device:
                device.write(text)
            return
        path = path.resolve()
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    except OSError as error:
        raise UsageError(f"--textfile cannot be written: {error.strerror}: {path}") from None
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        # mkstemp makes it private; a collector that runs as somebody else has to read it.
        os.chmod(name, 0o644)
        os.replace(name, path)
    except OSError as error:
        Path(name).unlink(missing_ok=True)
        raise UsageError(f"--textfile cannot be written: {error.strerror}: {path}") from None


def words_of(command: str) -> list[str]:
    """Split a command line as a shell would. Raises ``UsageError`` for one that is empty or has an open quote."""
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise UsageError(f"--on-alert is no command line: {error}") from None
    if not words:
        raise UsageError("--on-alert is empty", "for example --on-alert 'notify-send ratecheck'")
    return words


def run_hook(words: list[str], facts: Mapping[str, str]) -> str | None:
    """Run the command with ``facts`` in its environment and no shell in between; return what went wrong, if anything.

    What a server said reaches it as environment variables only, so it can never become part of a command.
    """
    try:
        # Its output goes to stderr: stdout may be somebody's JSON document.
        done = subprocess.run(
            words, env={**os.environ, **facts}, stdin=subprocess.DEVNULL, stdout=2, timeout=_HOOK_S, check=False
        )
    except subprocess.TimeoutExpired:
        return f"--on-alert: {words[0]} did not end within {_HOOK_S:g} s and was stopped"
    except OSError as error:
        return f"--on-alert: {words[0]} cannot be run: {error.strerror}"
    return None if done.returncode == 0 else f"--on-alert: {words[0]} ended with {done.returncode}"
