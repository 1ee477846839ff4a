"""A listening socket and the server behind it, for ``serve`` and ``watch``."""

import errno
import gc
import socket
from collections.abc import Callable
from types import FrameType
from typing import Any

import uvicorn

from ratecheck.errors import UsageError

_BACKLOG = 2048
# What an answer under way may still take when Ctrl-C comes.
_GRACE_S = 1
_HERE = "--host 127.0.0.1 listens on this machine"


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket; port 0 takes a free one. Raises ``UsageError`` that names what is taken or wrong."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except (OSError, UnicodeError):
        raise UsageError(f"{host} is no address of this machine", _HERE) from None
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            hint = "--port 0 takes a free one; `ss -ltnp` shows who holds it"
            raise UsageError(f"port {port} on {host} is taken", hint) from None
        if error.errno == errno.EACCES:
            raise UsageError(f"port {port} on {host} is not allowed", "ports from 1024 on need no rights") from None
        if error.errno == errno.EADDRNOTAVAIL:
            raise UsageError(f"{host} is no address of this machine", _HERE) from None
        raise UsageError(
            f"cannot listen on {host} port {port}: {error.strerror}", "--port 0 takes a free one"
        ) from None
    return listener


def base_url(listener: socket.socket) -> str:
    """Return the URL at which a socket of this machine is reached, without a path."""
    host, port = listener.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def run(app: Callable[..., Any], listener: socket.socket, on_ready: Callable[[], None]) -> None:
    """Serve ``app`` until Ctrl-C or SIGTERM, then return; ``on_ready`` is called once both are waited for."""
    Server(app, on_ready).run(sockets=[listener])


class Server(uvicorn.Server):
    """uvicorn without its logs, and with Ctrl-C or SIGTERM as its normal end rather than an exception."""

    def __init__(self, app: Callable[..., Any], on_ready: Callable[[], None]) -> None:
        self._on_ready = on_ready
        config = uvicorn.Config(
            app,
            http=_http(),
            log_config=None,
            log_level="critical",
            access_log=False,
            lifespan="off",
            ws="none",
            server_header=False,
            date_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=_GRACE_S,
        )
        super().__init__(config)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to accept, then say so: whoever reads the URL may send Ctrl-C at once."""
        await super().startup(sockets)
        # What is there now stays: the collector need not walk through it while requests are served.
        gc.freeze()
        self._on_ready()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """End; a second signal ends at once."""
        self.force_exit = self.should_exit
        self.should_exit = True


def _http() -> Any:
    """Return uvicorn's protocol with what the emulator needs of it; the short cut where httptools is."""
    try:
        from ratecheck.net.protocol import ShortCut
    except ImportError:
        from uvicorn.protocols.http.h11_impl import H11Protocol

        return _cutting(H11Protocol)
    return _cutting(ShortCut)


def _cutting(base: Any) -> Any:
    """Put ``abort()`` into ``scope["state"]``: ASGI has no word for cutting a connection off."""

    class Protocol(base):  # type: ignore[misc]  # the base is known at run time
        app_state: dict[str, Any]

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            self.app_state = {**self.app_state, "abort": transport.abort}

    return Protocol
