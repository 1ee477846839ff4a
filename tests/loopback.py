"""An upstream that does what a test says, and a proxy before it: both on one event loop in a thread of their own."""

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from serving import read_to_end

from ratecheck.calls import Call
from ratecheck.net.watching import Run, _Server, listen
from ratecheck.watch.session import Session


@dataclass
class Asked:
    """One request as the upstream received it."""

    head: bytes
    body: bytes

    @property
    def path(self) -> str:
        return self.head.split(b" ")[1].decode()

    def header(self, name: str) -> str | None:
        for line in self.head.split(b"\r\n")[1:]:
            key, _, value = line.partition(b":")
            if key.decode().lower() == name:
                return value.strip().decode("latin-1")
        return None


Script = Callable[[Asked, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def read_request(reader: asyncio.StreamReader) -> Asked:
    head = await reader.readuntil(b"\r\n\r\n")
    asked = Asked(head, b"")
    if asked.header("content-length"):
        asked.body = await reader.readexactly(int(asked.header("content-length") or 0))
    elif asked.header("transfer-encoding"):
        while size := int(await reader.readline(), 16):
            asked.body += await reader.readexactly(size)
            await reader.readexactly(2)
        await reader.readline()
    return asked


def answer(status: int, body: bytes, *headers: tuple[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {status} X", *(f"{name}: {value}" for name, value in headers), f"Content-Length: {len(body)}"]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def always(data: bytes) -> Script:
    async def script(asked: Asked, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        await writer.drain()

    return script


@dataclass
class Loopback:
    """What a test talks to and looks at afterwards."""

    port: int
    """Of the proxy."""
    upstream_port: int
    session: Session
    asked: list[Asked] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    hung_up: threading.Event = field(default_factory=threading.Event)
    """The proxy closed a connection to the upstream."""

    def connect(self, *, direct: bool = False) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.upstream_port if direct else self.port), timeout=10)

    def ask(self, data: bytes, *, direct: bool = False) -> bytes:
        """Send bytes and return all that comes until the server closes; the request must ask for that."""
        with self.connect(direct=direct) as sock:
            sock.sendall(data)
            return read_to_end(sock)


def get(path: str = "/v1/models", *headers: str, close: bool = True) -> bytes:
    lines = [f"GET {path} HTTP/1.1", "Host: x", *headers, *(["Connection: close"] if close else [])]
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


def post(body: bytes, *headers: str, path: str = "/v1/chat/completions", close: bool = True) -> bytes:
    lines = [f"POST {path} HTTP/1.1", "Host: x", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join([*lines, *(["Connection: close"] if close else [])]).encode() + b"\r\n\r\n" + body


@contextmanager
def proxied(script: Script, *, upstream: str | None = None, bodies: bool = False) -> Iterator[Loopback]:
    """Run a scripted upstream and the proxy before it."""
    ready, stop = threading.Event(), asyncio.Event()
    made: list[Loopback] = []
    loops: list[asyncio.AbstractEventLoop] = []

    async def serve() -> None:
        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                while True:
                    asked = await read_request(reader)
                    made[0].asked.append(asked)
                    await script(asked, reader, writer)
            except (asyncio.IncompleteReadError, ConnectionError):
                made[0].hung_up.set()
            except asyncio.CancelledError:
                writer.transport.abort()
            finally:
                writer.close()

        server = await asyncio.start_server(handle, "127.0.0.1", 0, limit=1 << 24)
        upstream_port = server.sockets[0].getsockname()[1]
        listeners = listen([upstream or f"http://127.0.0.1:{upstream_port}"], 0)
        calls: list[Call] = []
        lines: list[str] = []
        session = Session(
            0, datetime(2026, 11, 22, tzinfo=UTC), write=lines.append, on_call=calls.append,
            bodies=bodies, most_body_bytes=4096,
        )  # fmt: skip
        run = Run(listeners, lambda: session, keep_answer_bytes=4096 if bodies else 0)
        proxy: _Server = run._server()
        await proxy.start()
        made.append(Loopback(listeners[0].port, upstream_port, session, calls=calls, lines=lines))
        loops.append(asyncio.get_running_loop())
        ready.set()
        await stop.wait()
        await proxy.quiet(1.0)
        await proxy.stop()
        server.close()
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        await asyncio.sleep(0.01)

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert ready.wait(10)
    try:
        yield made[0]
    finally:
        loops[0].call_soon_threadsafe(stop.set)
        thread.join(10)
        assert not thread.is_alive()
        made[0].session.close()
