"""Lines on disk as they happen: mode 0600, nothing held back, a full disk stops the recording and nothing else."""

import os
import sys
import tempfile
from array import array
from collections.abc import Iterator
from types import TracebackType
from typing import IO

from ratecheck.errors import UsageError
from ratecheck.wording import counted


class Recorder:
    """Writes lines to a file that only its owner may read.

    A new recording replaces an old one of the same name; with ``append`` it goes on behind it.
    """

    def __init__(self, path: str, *, append: bool = False) -> None:
        self.path = path
        self.lost = 0
        """Lines that found no room."""
        self.trouble: str | None = None
        try:
            # O_APPEND: also after a foreign process has cut the file, a line goes to its end.
            begin = 0 if append else os.O_TRUNC
            self._file = os.open(path, os.O_WRONLY | os.O_CREAT | begin | os.O_APPEND | os.O_CLOEXEC, 0o600)
            if os.path.isfile(path) and not append:
                os.fchmod(self._file, 0o600)
        except OSError as error:
            why = (error.strerror or "unknown reason").lower()
            raise UsageError(f"cannot write {path}: {why}", "give --record a file in a directory of yours") from None

    def write(self, line: str) -> None:
        """Write one line with one system call: what a crash finds is whole lines."""
        if self.trouble is not None:
            self.lost += 1
            return
        data = line.encode("utf-8", "replace") + b"\n"
        try:
            written = os.write(self._file, data)
            if written < len(data):
                os.write(self._file, data[written:])
        except OSError as error:
            self.lost += 1
            self.trouble = (error.strerror or "unknown reason").lower()

    def complaint(self) -> str | None:
        """Return what to tell a person at the end: that the recording is not whole, and why."""
        if self.trouble is None:
            return None
        lost = counted(self.lost, "attempt is", "attempts are")
        return f"warning: the recording stopped: {self.trouble}; {lost} not in it"

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)

    def __enter__(self) -> "Recorder":
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, at: TracebackType | None) -> None:
        self.close()


class Spool:
    """Texts that come out of order and are wanted in order; on disk beyond a few megabytes: memory stays flat."""

    def __init__(self) -> None:
        self._file: IO[bytes] = tempfile.SpooledTemporaryFile(max_size=4 << 20)  # noqa: SIM115  (lives as long as we)
        self._keys = array("q")
        self._offsets = array("q", [0])

    def add(self, key: int, text: str) -> None:
        """Take in a text that stands at ``key`` in the order."""
        data = text.encode()
        self._file.write(data)
        self._keys.append(key)
        self._offsets.append(self._offsets[-1] + len(data))

    def __iter__(self) -> Iterator[str]:
        for index in sorted(range(len(self._keys)), key=self._keys.__getitem__):
            self._file.seek(self._offsets[index])
            yield self._file.read(self._offsets[index + 1] - self._offsets[index]).decode()


def lines_of(path: str) -> Iterator[bytes]:
    """Yield the lines of a recording, ``-`` for stdin; raises ``UsageError`` where it cannot be read."""
    try:
        if path == "-":
            yield from sys.stdin.buffer
            return
        with open(path, "rb") as file:
            yield from file
    except OSError as error:
        raise UsageError(f"cannot read {path}: {(error.strerror or 'unknown reason').lower()}") from None
