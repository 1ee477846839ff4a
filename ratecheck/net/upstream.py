"""The client side of `watch`: HTTP/1.1 to the provider, byte for byte, on pooled connections.

Why no library does this: measured under one minimal proxy on 2 shared, busy cores, 16 connections, same run, requests a
second: httpcore's pool 560, aiohttp 2,080, this file 2,850; p50 at one connection 0.94, 0.43 and 0.30 ms. httpx sits
on httpcore, so it can be no faster. (`tests/bench/watch_proxy.py --clients` prints the rows again; mitmdump with its
flow file made 210 on that machine in that hour.) Besides speed, a proxy needs what libraries hide: bodies left
compressed, header lines as they were, no retries, no redirects.
"""

import asyncio
import os
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlsplit

import httptools

from ratecheck.errors import UsageError

Headers = Sequence[tuple[bytes, bytes]]

# httpx, under the SDKs, keeps an idle connection 5 s: reusing ours less long than that adds no handshake that the app
# would not have paid, and keeps well below the idle limits of servers (uvicorn 5 s, nginx 75 s).
_IDLE_S = 4.0
_CONNECT_S = 30.0
# An answer's head beyond this is an attack or a fault, not a provider's.
_MOST_HEAD_BYTES = 1 << 20
# Body bytes read ahead of the app before the upstream is made to wait.
_READ_AHEAD_BYTES = 256 * 1024


class UpstreamError(Exception):
    """The provider gave no answer, or broke it off; the text says how, without any header or body."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an upstream lives."""

    scheme: str
    host: str
    port: int

    @classmethod
    def of(cls, url: str) -> "Origin":
        """Take the origin of a URL; raises ``UsageError`` for what is not http(s)."""
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError:
            host, port = None, None
            parts = urlsplit("")
        if parts.scheme not in ("http", "https") or not host:
            raise UsageError(f"not an http(s) URL: {url[:200]}", "write it like https://api.openai.com/v1")
        return cls(parts.scheme, host, port or (443 if parts.scheme == "https" else 80))

    @property
    def authority(self) -> str:
        """What stands in ``Host``."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        usual = 443 if self.scheme == "https" else 80
        return host if self.port == usual else f"{host}:{self.port}"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}"


class Connection(asyncio.Protocol):
    """One connection to the upstream: one request at a time, its answer read as fast as the app takes it."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._drained: asyncio.Future[None] | None = None
        self._reset(False)
        self.closed = False
        self.idle_since = 0.0

    def _reset(self, head_only: bool) -> None:
        self._parser: Any = httptools.HttpResponseParser(self)
        self.head_only = head_only
        self.status: int | None = None
        self.headers: list[tuple[bytes, bytes]] = []
        self._chunks: deque[bytes] = deque()
        self._held_bytes = 0
        self._head_bytes = 0
        self.complete = False
        self._informational = False
        self._framed = False
        self._keep = False
        self._error: str | None = None
        self._paused = False

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's has the methods, not the base class

    def data_received(self, data: bytes) -> None:
        if self.complete or self._error:
            self.close()  # bytes that nobody asked for: never reuse what comes after them
            return
        if self.status is None:
            self._head_bytes += len(data)
            if self._head_bytes > _MOST_HEAD_BYTES:
                self._fail("sent more than 1 MiB of headers")
                return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._fail("switched protocols, which nobody asked for")
        except httptools.HttpParserError:
            self._garbled()
        self._wake()

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed = True
        if not self.complete and not self._error:
            if self.status is not None and not self._framed and exc is None:
                self.complete = True  # a body without a length ends where the connection does
            elif self.status is None:
                self._error = "closed the connection without an answer"
            else:
                self._error = "broke the answer off"
        self.resume_writing()
        self._wake()

    def pause_writing(self) -> None:
        self._drained = self._loop.create_future()

    def resume_writing(self) -> None:
        drained, self._drained = self._drained, None
        if drained is not None and not drained.done():
            drained.set_result(None)

    # What the parser calls.

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.complete:
            self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        if self.complete:
            self._keep = False  # a second answer that nobody asked for
            return
        status = self._parser.get_status_code()
        if 100 <= status < 200:
            self._informational = True
            self.headers = []
            return
        self.status = status
        names = {name.lower() for name, _ in self.headers}
        self._framed = b"content-length" in names or b"transfer-encoding" in names or status in (204, 304)
        if self.head_only:
            self.complete = True

    def on_body(self, body: bytes) -> None:
        if self.complete or self._informational:
            return
        self._chunks.append(body)
        self._held_bytes += len(body)
        if self._held_bytes > _READ_AHEAD_BYTES and not self._paused and self._transport is not None:
            self._paused = True
            self._transport.pause_reading()

    def on_message_complete(self) -> None:
        if self.complete:
            return
        if self._informational:
            self._informational = False
            return
        self._keep = bool(self._parser.should_keep_alive())  # the parser knows it now and no later
        self.complete = True

    # What the proxy calls.

    def start(self, head: bytes, head_only: bool) -> None:
        """Send the head of a request, and whatever of its body is at hand."""
        self._reset(head_only)
        assert self._transport is not None
        self._transport.write(head)

    async def write(self, data: bytes) -> None:
        """Send more of the body, as fast as the upstream takes it."""
        if self._transport is None or self._transport.is_closing():
            raise UpstreamError(self._error or "closed the connection while the request was being sent")
        self._transport.write(data)
        if self._drained is not None:
            await self._drained

    async def head(self) -> None:
        """Wait for the status and the headers. Raises ``UpstreamError``."""
        while self.status is None:
            if self._error:
                raise UpstreamError(self._error)
            await self._wait()

    async def read(self) -> bytes:
        """Return the next bytes of the body, ``b""`` at its end. Raises ``UpstreamError`` where it breaks off."""
        while not self._chunks:
            if self.complete:
                return b""
            if self._error:
                raise UpstreamError(self._error)
            await self._wait()
        data = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        self._chunks.clear()
        self._held_bytes = 0
        if self._paused and self._transport is not None:
            self._paused = False
            self._transport.resume_reading()
        return data

    @property
    def drained(self) -> bool:
        """Whether the whole answer has been read."""
        return self.complete and not self._chunks

    @property
    def reusable(self) -> bool:
        """Whether another request may follow on this connection."""
        if self.closed or not self.drained or self.head_only or self._transport is None:
            return False
        return self._keep and self._framed and not self._transport.is_closing()

    def close(self) -> None:
        """Drop the connection; the upstream sees that nobody listens any more."""
        if self._transport is not None:
            self._transport.abort()

    def _fail(self, why: str) -> None:
        self._error = why
        self.close()
        self._wake()

    def _garbled(self) -> None:
        if self.complete:
            self.close()  # rubbish after a whole answer: the answer stands
        else:
            self._fail("sent something that is no HTTP answer")

    def _wake(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    async def _wait(self) -> None:
        self._waiter = self._loop.create_future()
        await self._waiter


class Upstream:
    """All connections to one origin. Idle ones are kept for a moment, the last used first."""

    def __init__(self, origin: Origin) -> None:
        self.origin = origin
        self._idle: list[Connection] = []
        self._tls: Any = None
        self._forward = _forward_proxy(origin)
        # A plain forward proxy wants the whole address in the request line.
        self.prefix = str(origin).encode() if self._forward and origin.scheme == "http" else b""

    async def connection(self) -> Connection:
        """Take an idle connection or open one. Raises ``UpstreamError``."""
        now = asyncio.get_running_loop().time()
        while self._idle:
            kept = self._idle.pop()
            if not kept.closed and now - kept.idle_since < _IDLE_S:
                return kept
            kept.close()
        return await self._open()

    def give_back(self, connection: Connection) -> None:
        """Keep a connection for the next request, or close it where it cannot carry one."""
        if connection.reusable:
            connection.idle_since = asyncio.get_running_loop().time()
            self._idle.append(connection)
        else:
            connection.close()

    def close(self) -> None:
        """Close what is idle."""
        while self._idle:
            self._idle.pop().close()

    async def _open(self) -> Connection:
        try:
            async with asyncio.timeout(_CONNECT_S):
                return await self._connect()
        except TimeoutError:
            raise UpstreamError(f"did not answer within {_CONNECT_S:.0f} s") from None
        except OSError as error:
            raise UpstreamError(_reason(error)) from None

    async def _connect(self) -> Connection:
        loop = asyncio.get_running_loop()
        tls = self._tls_context() if self.origin.scheme == "https" else None
        host, port = self._forward or (self.origin.host, self.origin.port)
        if self._forward is None or tls is None:
            name = self.origin.host if tls is not None else None
            _, made = await loop.create_connection(Connection, host, port, ssl=tls, server_hostname=name)
            return made
        tunnel = await self._tunnel(host, port)
        connection = Connection()
        transport = await loop.start_tls(tunnel, connection, tls, server_hostname=self.origin.host)
        if transport is None:
            raise UpstreamError("the forward proxy closed the tunnel")
        connection.connection_made(transport)
        return connection

    async def _tunnel(self, host: str, port: int) -> asyncio.WriteTransport:
        """Ask the forward proxy of the environment for a tunnel to the origin."""
        reader, writer = await asyncio.open_connection(host, port)
        target = f"{self.origin.host}:{self.origin.port}"
        writer.write(f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n".encode())
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            raise UpstreamError("the forward proxy of the environment closed the connection") from None
        status = head.split(b" ", 2)[1:2]
        if not status or not status[0].startswith(b"2"):
            said = status[0][:3].decode("ascii", "replace") if status else "nothing"
            raise UpstreamError(f"the forward proxy of the environment refused the tunnel: {said}")
        return writer.transport

    def _tls_context(self) -> Any:
        if self._tls is None:
            import ssl

            own = os.environ.get("SSL_CERT_FILE") or os.environ.get("REQUESTS_CA_BUNDLE")
            if own is None and not os.environ.get("SSL_CERT_DIR"):
                import certifi  # the SDKs trust the same list; comes with httpx

                own = certifi.where()
            try:
                self._tls = ssl.create_default_context(cafile=own, capath=os.environ.get("SSL_CERT_DIR") or None)
            except OSError as error:
                raise UpstreamError(f"the certificates in {own} cannot be read ({error.strerror})") from None
            self._tls.set_alpn_protocols(["http/1.1"])
        return self._tls


def _reason(error: OSError) -> str:
    """Say what became of a connection, as what the upstream did or is, without addresses of ours."""
    import socket
    import ssl

    if isinstance(error, ssl.SSLCertVerificationError):
        return f"has a certificate that is not trusted ({error.verify_message})"
    if isinstance(error, ssl.SSLError):
        return f"broke TLS off ({(error.reason or 'no reason given').lower().replace('_', ' ')})"
    if isinstance(error, socket.gaierror):
        return "has a host name that cannot be resolved"
    if isinstance(error, ConnectionRefusedError) or "Connect call failed" in str(error):
        return "refused the connection"
    return f"cannot be reached ({(error.strerror or type(error).__name__).lower()})"


def _forward_proxy(origin: Origin) -> tuple[str, int] | None:
    """Return the forward proxy that the environment names for this origin, as the SDKs would use it."""
    loopback = origin.host in ("localhost", "::1") or origin.host.startswith("127.")
    if loopback or not any(name.lower().endswith("_proxy") and value for name, value in os.environ.items()):
        return None
    # typeshed leaves out the second; it is what `requests` and `httpx` read NO_PROXY with.
    from urllib.request import getproxies_environment, proxy_bypass_environment  # type: ignore[attr-defined]

    proxies = getproxies_environment()
    url = proxies.get(origin.scheme) or proxies.get("all")
    if not url or proxy_bypass_environment(f"{origin.host}:{origin.port}", proxies):
        return None
    parts = urlsplit(url if "//" in url else f"http://{url}")
    if parts.scheme != "http" or not parts.hostname:
        return None
    return parts.hostname, parts.port or 80
