"""A reverse proxy as an ASGI application: what the app sends goes up, what comes back goes down, untouched.

It changes what HTTP says a hop must change (connection headers, framing, ``Host``) and nothing else. Whatever it cannot
carry it answers itself, with a 502 (or 501) whose text begins with "ratecheck".
"""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any, Protocol

from ratecheck.net.clock import monotonic_ns
from ratecheck.net.upstream import Connection, Upstream, UpstreamError
from ratecheck.watch.seen import ERROR_BYTES, TAIL_BYTES, Fingerprint, Seen

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

# What belongs to one connection and not to the message (RFC 9110, 7.6.1).
_HOP = frozenset({
    b"connection", b"keep-alive", b"proxy-authenticate", b"proxy-authorization", b"proxy-connection", b"te",
    b"trailer", b"transfer-encoding", b"upgrade", b"expect",
})  # fmt: skip

# On its way up a request carries the mark of the proxies it passed, on plain HTTP only: a loop needs this machine, and
# a provider's server sees nothing but what the app sent. (`Via` would do, but nginx stops compressing where it is set.)
MARK = b"x-ratecheck-watch"

# Characters that the server below us refuses to write in a header.
_UNWRITABLE = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")

# Almost every refusal is there within this; only a slower answer is worth a task that listens for a hang-up.
_LISTEN_AFTER_S = 0.02

# Enough of a body to find the model's name and to parse an ordinary request.
_KEEP_BODY_BYTES = 1 << 20


class Observer(Protocol):
    """Who is told about each request: when all of it is known, and when its answer is over."""

    def arrived(self, seen: Seen) -> Any:
        """Take in a request; what this returns is handed back to ``left``."""

    def left(self, seen: Seen, handle: Any) -> None:
        """Take in its answer."""


@dataclass(frozen=True, slots=True)
class Route:
    """Where one listening port leads."""

    upstream: Upstream
    provider: str | None


class _HungUp(Exception):
    """The app is gone."""


class Proxy:
    """The application. ``routes`` maps a local port to its upstream; ``identity`` marks this proxy against loops."""

    def __init__(
        self, routes: Mapping[int, Route], observer: Observer, identity: str, keep_answer_bytes: int = 0
    ) -> None:
        self._routes = routes
        self._observer = observer
        self._identity = identity.encode()
        self._keep_answer_bytes = keep_answer_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Carry one request and its answer."""
        if scope["type"] != "http":
            return
        route = self._routes[scope["server"][1]]
        await _Exchange(self, route, scope, receive, send).run()

    def close(self) -> None:
        """Close the idle connections to all upstreams."""
        for route in self._routes.values():
            route.upstream.close()


class _Exchange:
    """One request on its way up and its answer on its way down."""

    def __init__(self, proxy: Proxy, route: Route, scope: Scope, receive: Receive, send: Send) -> None:
        self._proxy, self._route, self._scope = proxy, route, scope
        self._receive, self._send = receive, send
        client = scope.get("client") or ("", 0)
        self._seen = Seen(
            sent_ns=monotonic_ns(),
            upstream=str(route.upstream.origin),
            provider=route.provider,
            method=scope["method"],
            path=scope["raw_path"].decode("latin-1"),
            headers=[(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]],
            connection=f"{client[0]}:{client[1]}",
        )
        self._handle: Any = None
        self._known = False
        self._started = False
        self._chunked = False
        self._uploaded = False
        self._listener: asyncio.Task[None] | None = None
        self._fingerprint = Fingerprint()

    async def run(self) -> None:
        refusal = self._refusal()
        if refusal is not None:
            await self._answer(*refusal)
            return
        connection: Connection | None = None
        timer: asyncio.TimerHandle | None = None
        try:
            try:
                first = await self._body_event()
                connection = await self._route.upstream.connection()
                connection.start(self._head(first), self._scope["method"] == "HEAD")
                if first["more_body"]:
                    self._listener = asyncio.create_task(self._upload(connection))
                else:
                    self._uploaded = True
                    timer = asyncio.get_running_loop().call_later(_LISTEN_AFTER_S, self._listen, connection)
                await connection.head()
                await self._download(connection)
            finally:
                if timer is not None:
                    timer.cancel()
                if self._listener is not None:
                    self._listener.cancel()
                if connection is not None and self._uploaded:
                    self._route.upstream.give_back(connection)
                elif connection is not None:
                    connection.close()  # half a request stands on it
        except _HungUp:
            self._seen.cut = "client"
        except UpstreamError as error:
            if self._seen.cut == "client":
                pass  # we broke it off ourselves because the app is gone
            elif self._started:
                self._seen.cut = "upstream"
                self._over()
                raise  # the server closes the app's connection: it sees the same broken answer
            else:
                self._seen.trouble = str(error)
                await self._answer(502, "upstream_failed", f"the upstream {self._route.upstream.origin} {error}")
        except asyncio.CancelledError:
            self._seen.cut = self._seen.cut or "client"
            raise
        finally:
            self._over()

    def _refusal(self) -> tuple[int, str, str] | None:
        """Return status, code and sentence for what cannot be carried."""
        names = dict(self._scope["headers"])
        if self._proxy._identity in names.get(MARK, b"").split(b","):
            return 502, "loop", "the upstream of this proxy is the proxy itself; give its --upstream another address"
        if b"websocket" in names.get(b"upgrade", b"").lower():
            return 501, "no_websocket", "`ratecheck watch` carries HTTP requests, no WebSockets; let the app use HTTP"
        return None

    def _head(self, first: MutableMapping[str, Any]) -> bytes:
        """Write the request as the upstream is to see it: its head, and the body that has come so far."""
        scope, upstream = self._scope, self._route.upstream
        target = upstream.prefix + scope["raw_path"]
        if scope["query_string"]:
            target += b"?" + scope["query_string"]
        authority = upstream.origin.authority.encode()
        lines = [scope["method"].encode() + b" " + target + b" HTTP/1.1", b"host: " + authority]
        dropped = _HOP
        mark = self._proxy._identity
        for name, value in scope["headers"]:
            if name == b"connection":
                dropped = dropped | {token.strip().lower() for token in value.split(b",")} - {b"close"}
            elif name == b"transfer-encoding":
                self._chunked = True
        for name, value in scope["headers"]:
            if name == MARK:
                mark = value + b"," + mark
            elif name not in dropped and name != b"host":
                lines.append(name + b": " + value)
        if upstream.origin.scheme == "http":
            lines.append(MARK + b": " + mark)
        if self._chunked:
            lines.append(b"transfer-encoding: chunked")
        lines += (b"", b"")
        return b"\r\n".join(lines) + self._framed(first)

    def _framed(self, event: MutableMapping[str, Any]) -> bytes:
        data: bytes = event["body"]
        if not self._chunked:
            return data
        framed = b"%x\r\n%b\r\n" % (len(data), data) if data else b""
        return framed if event["more_body"] else framed + b"0\r\n\r\n"

    async def _body_event(self) -> MutableMapping[str, Any]:
        """Receive more of the request's body; raises ``_HungUp`` when the app is gone."""
        event = await self._receive()
        if event["type"] == "http.disconnect":
            raise _HungUp
        seen, data = self._seen, event["body"]
        if not seen.body_bytes:
            kind = next((value for name, value in seen.headers if name == "content-type"), "")
            self._fingerprint = Fingerprint(kind)
        if data:
            self._fingerprint.update(data)
            seen.body_bytes += len(data)
            room = _KEEP_BODY_BYTES - len(seen.body)
            if room > 0:
                seen.body += data[:room]
        if not event["more_body"]:
            self._arrived()
        return event

    def _arrived(self) -> None:
        if not self._known:
            self._known = True
            self._seen.fingerprint = self._fingerprint.text()
            self._handle = self._proxy._observer.arrived(self._seen)

    async def _upload(self, connection: Connection) -> None:
        """Send the rest of a long body while the answer may already come; then listen for a hang-up."""
        try:
            while True:
                event = await self._body_event()
                await connection.write(self._framed(event))
                if not event["more_body"]:
                    self._uploaded = True
                    break
            await self._hang_up(connection)
        except _HungUp:
            self._seen.cut = "client"
            connection.close()
        except UpstreamError:
            pass  # the answer, or its absence, says more than the upload that failed

    def _listen(self, connection: Connection) -> None:
        self._listener = asyncio.create_task(self._hang_up(connection))

    async def _hang_up(self, connection: Connection) -> None:
        """Wait until the app hangs up, then let the upstream know by hanging up as well."""
        while (await self._receive())["type"] != "http.disconnect":
            pass
        if not connection.drained:
            self._seen.cut = "client"
            connection.close()

    async def _download(self, connection: Connection) -> None:
        seen = self._seen
        assert connection.status is not None
        seen.first_byte_ns = monotonic_ns()
        seen.status = connection.status
        seen.answer_headers = [(n.decode("latin-1").lower(), v.decode("latin-1")) for n, v in connection.headers]
        if connection.status > 599 or any(_UNWRITABLE.search(value) for _, value in connection.headers):
            raise UpstreamError(f"answered with a status ({connection.status}) or a header that HTTP does not allow")
        dropped = _HOP
        for name, value in connection.headers:
            if name.lower() == b"connection":
                dropped = dropped | {token.strip().lower() for token in value.split(b",")}
        if connection.status in (204, 304):
            dropped = dropped | {b"content-length"}  # it tells of a body that does not follow
        headers = [(name, value) for name, value in connection.headers if name.lower() not in dropped]
        self._started = True
        await self._send({"type": "http.response.start", "status": connection.status, "headers": headers})
        keep = ERROR_BYTES if connection.status >= 400 else self._proxy._keep_answer_bytes
        keep = max(keep, self._proxy._keep_answer_bytes)
        while data := await connection.read():
            if len(seen.answer_body) < keep:
                seen.answer_body += data[: keep - len(seen.answer_body)]
            seen.answer_bytes += len(data)
            seen.answer_tail = data[-TAIL_BYTES:] if len(data) >= 512 else (seen.answer_tail + data)[-TAIL_BYTES:]
            await self._send({"type": "http.response.body", "body": data, "more_body": not connection.drained})
            if connection.drained:
                break
        else:
            await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _answer(self, status: int, code: str, sentence: str) -> None:
        """Answer in the upstream's place, in the form that the SDKs' error classes read."""
        self._started = True
        error = {"message": f"ratecheck watch: {sentence}", "type": "ratecheck_proxy_error", "code": code}
        body = json.dumps({"error": error}).encode()
        headers = [
            (b"content-type", b"application/json"), (b"content-length", b"%d" % len(body)),
            (b"server", b"ratecheck"), (b"connection", b"close"),
        ]  # fmt: skip
        await self._send({"type": "http.response.start", "status": status, "headers": headers})
        await self._send({"type": "http.response.body", "body": body, "more_body": False})

    def _over(self) -> None:
        """Tell the observer, once, however it ended."""
        seen = self._seen
        if seen.answered_ns:
            return
        seen.answered_ns = monotonic_ns()
        self._arrived()
        self._proxy._observer.left(seen, self._handle)
