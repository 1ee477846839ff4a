"""A ``ratecheck serve`` of one's own, as a process on a real socket, for a test's lifetime."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass
class Running:
    """A server that is up; ``out`` and ``err`` are filled when it has ended."""

    url: str
    process: subprocess.Popen[str]
    code: int | None = None
    out: str = ""
    err: str = ""
    first: str = ""

    @property
    def port(self) -> int:
        return int(self.root.rpartition(":")[2])

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=10)

    @property
    def root(self) -> str:
        return self.url.removesuffix("/v1")


@contextmanager
def serve(*arguments: str, home: Path) -> Iterator[Running]:
    """Start ``ratecheck serve`` on a free port; end it as Ctrl-C does."""
    clean = {name: value for name, value in os.environ.items() if name in ("PATH", "LANG", "TMPDIR", "SYSTEMROOT")}
    process = subprocess.Popen(
        [sys.executable, "-m", "ratecheck", "serve", "--port", "0", *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8",
        env={**clean, "HOME": str(home), "PYTHONUTF8": "1"},
    )  # fmt: skip
    try:
        assert process.stdout is not None
        first = process.stdout.readline()
        url = json.loads(first)["url"] if first.startswith("{") else first.strip()
        running = Running(url, process, first=first)
        yield running
        process.send_signal(signal.SIGINT)
        running.out, running.err = process.communicate(timeout=20)
        running.code = process.returncode
    finally:
        process.kill()
        process.communicate()


@dataclass
class Reply:
    """One answer as it stood on the wire."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def replies(raw: bytes) -> list[Reply]:
    """Take apart answers that state their length; a stream or a torn one stays together as the last body."""
    found = []
    while raw:
        head, _, rest = raw.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines)
        length = int(headers.get("content-length", len(rest)))
        found.append(Reply(int(first.split()[1]), headers, rest[:length]))
        raw = rest[length:]
    return found


def read_to_end(sock: socket.socket) -> bytes:
    """Return all that comes until the server closes."""
    parts = []
    try:
        while data := sock.recv(65536):
            parts.append(data)
    except ConnectionResetError:
        pass
    return b"".join(parts)


def read_reply(sock: socket.socket) -> Reply:
    """Return the next answer of a connection that stays open."""
    raw = b""
    while b"\r\n\r\n" not in raw:
        raw += _some(sock, raw)
    end = raw.index(b"\r\n\r\n") + 4
    length = int(raw[:end].lower().partition(b"content-length: ")[2].split(b"\r\n")[0] or 0)
    while len(raw) < end + length:
        raw += _some(sock, raw)
    assert len(raw) == end + length, raw[end + length :]
    return replies(raw)[0]


def _some(sock: socket.socket, so_far: bytes) -> bytes:
    data = sock.recv(65536)
    assert data, f"closed after {so_far!r}"
    return data
