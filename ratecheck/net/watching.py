"""Runs the proxy on uvicorn, and beside it the app: its streams and signals pass through, its exit code comes back."""

import asyncio
import logging
import os
import secrets
import signal
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ratecheck.errors import UsageError

if TYPE_CHECKING:
    from ratecheck.net.proxy import Observer

HOST = "127.0.0.1"

# How often a live view is drawn anew; twice as often is no more to the eye.
_TICK_S = 0.25
# Longer than a trivial command lives, shorter than an interpreter needs to import an SDK.
_HEAD_START_S = 0.03
# What a finished app's last requests get to notice that it is gone.
_LAST_S = 0.3

# Signals that a terminal sends to the app by itself, because it is in the same process group.
_FROM_TERMINAL = frozenset({signal.SIGINT, signal.SIGQUIT, signal.SIGTSTP, signal.SIGWINCH})
_FORWARDED = ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2")


@dataclass(frozen=True, slots=True)
class Listener:
    """A bound port and the origin behind it."""

    origin: str
    sock: socket.socket
    port: int


def listen(origins: Sequence[str], port: int) -> list[Listener]:
    """Bind a loopback port for each origin; the first one gets ``port``, the others free ones.

    Raises ``UsageError`` where the port is taken, or an upstream is the proxy itself.
    """
    listeners = []
    for index, origin in enumerate(origins):
        # The protocol is named because asyncio switches Nagle's delay off (40 ms an answer) only where it is.
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind((HOST, port if index == 0 else 0))
        except OSError as error:
            sock.close()
            why = (error.strerror or "unknown reason").lower()
            raise UsageError(f"cannot listen on {HOST}:{port}: {why}", "leave --port out to take a free one") from None
        # From here on the app's connections queue up: it may start before the server does.
        sock.listen(2048)
        sock.setblocking(False)
        listeners.append(Listener(origin, sock, sock.getsockname()[1]))
    ports = {listener.port for listener in listeners}
    for listener in listeners:
        if _is_here(listener.origin, ports):
            raise UsageError(f"the upstream {listener.origin} is this proxy itself", "give --upstream another address")
    return listeners


def _is_here(origin: str, ports: set[int]) -> bool:
    from urllib.parse import urlsplit

    parts = urlsplit(origin)
    if (parts.port or (443 if parts.scheme == "https" else 80)) not in ports:
        return False
    host = parts.hostname or ""
    return host == "localhost" or host == "0.0.0.0" or host.startswith("127.")


@dataclass(slots=True)
class Run:
    """One watched run."""

    listeners: Sequence[Listener]
    observe: Callable[[], "Observer"]
    """Makes the observer, once, when the server starts: what it imports is not needed before."""
    command: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    stdout_to_stderr: bool = False
    """The app's stdout goes to stderr: ours holds a JSON document."""
    keep_answer_bytes: int = 0
    on_tick: Callable[[], None] | None = None

    def __call__(self) -> int | None:
        """Run to the end: the app's exit code, or ``None`` when Ctrl-C ended a run without a command."""
        loop_factory: Any = None
        try:
            import uvloop

            loop_factory = uvloop.new_event_loop
        except ImportError:
            pass  # no wheel for this platform: asyncio's own loop is slower and right
        with asyncio.Runner(loop_factory=loop_factory) as runner:
            return runner.run(self._main())

    async def _main(self) -> int | None:
        app = await self._start() if self.command else None
        stop = asyncio.Event()
        self._take_signals(app, stop)
        if app is not None and await self._over_at_once(app):
            return _shell_code(await app.wait())
        server = self._server()
        await server.start()
        ticker = asyncio.create_task(self._tick()) if self.on_tick is not None else None
        try:
            if app is None:
                await stop.wait()
                return None
            code = await app.wait()
            await server.quiet(_LAST_S)
            return _shell_code(code)
        finally:
            if ticker is not None:
                ticker.cancel()
            await server.stop()

    async def _over_at_once(self, app: asyncio.subprocess.Process) -> bool:
        """Give the app a moment before the server is imported: its first connection waits in the queue meanwhile.

        An app that is over by then, and connected to nothing, needs no server (`watch -- true`).
        """
        loop = asyncio.get_running_loop()
        connected = asyncio.Event()
        for listener in self.listeners:
            loop.add_reader(listener.sock, connected.set)
        waits = [asyncio.ensure_future(app.wait()), asyncio.ensure_future(connected.wait())]
        await asyncio.wait(waits, timeout=_HEAD_START_S, return_when=asyncio.FIRST_COMPLETED)
        # Once more round the loop: an app that connected and died has both to report.
        await asyncio.sleep(0)
        for each in waits:
            each.cancel()
        for listener in self.listeners:
            loop.remove_reader(listener.sock)
        return app.returncode is not None and not connected.is_set()

    async def _start(self) -> asyncio.subprocess.Process:
        name = self.command[0]
        try:
            return await asyncio.create_subprocess_exec(
                *self.command, env={**os.environ, **self.environment},
                stdout=sys.stderr.fileno() if self.stdout_to_stderr else None,
            )  # fmt: skip
        except FileNotFoundError:
            raise UsageError(f"no such command: {name}", "what follows `--` is run as it is, without a shell") from None
        except PermissionError:
            raise UsageError(f"{name} may not be executed", "name its interpreter: -- python app.py") from None
        except (OSError, ValueError) as error:
            raise UsageError(f"{name} cannot be run: {error}") from None

    def _take_signals(self, app: asyncio.subprocess.Process | None, stop: asyncio.Event) -> None:
        loop = asyncio.get_running_loop()

        def take(number: signal.Signals) -> None:
            if app is None:
                stop.set()
            elif app.returncode is None and not (number in _FROM_TERMINAL and _in_terminal()):
                app.send_signal(number)

        for name in _FORWARDED:
            number = getattr(signal, name, None)
            if number is not None and (app is not None or name in ("SIGINT", "SIGTERM", "SIGHUP")):
                loop.add_signal_handler(number, take, number)

    def _server(self) -> "_Server":
        from ratecheck.net.proxy import Proxy, Route
        from ratecheck.net.upstream import Origin, Upstream

        routes = {
            listener.port: Route(Upstream(Origin.of(listener.origin)), _provider_at(listener.origin))
            for listener in self.listeners
        }
        return _Server(Proxy(routes, self.observe(), secrets.token_hex(4), self.keep_answer_bytes), self.listeners)

    async def _tick(self) -> None:
        assert self.on_tick is not None
        while True:
            await asyncio.sleep(_TICK_S)
            self.on_tick()


def _provider_at(origin: str) -> str | None:
    """Name who answers there; ``None`` for a host that no table knows: its answers' headers tell."""
    from ratecheck import dialects

    row = dialects.of_url(origin)
    return row.name if row is not None else None


def _shell_code(code: int) -> int:
    return 128 - code if code < 0 else code  # killed by a signal: what a shell would say


class _Server:
    """uvicorn, driven step by step: our signals, no log of its own, no wait for its main loop's next turn."""

    def __init__(self, proxy: Any, listeners: Sequence[Listener]) -> None:
        import uvicorn

        # It would log a broken upstream as our failure, with a traceback.
        logging.getLogger("uvicorn.error").disabled = True
        config = uvicorn.Config(
            proxy, http="httptools", ws="none", lifespan="off", log_config=None, access_log=False,
            server_header=False, date_header=False,
            # Longer than SDKs keep idle connections (httpx 5 s, Go 90 s): the app's side closes first.
            timeout_keep_alive=120, timeout_graceful_shutdown=1,
        )  # fmt: skip
        config.load()
        self._server = uvicorn.Server(config)
        self._server.lifespan = config.lifespan_class(config)
        self._proxy = proxy
        self._sockets = [listener.sock for listener in listeners]

    async def start(self) -> None:
        await self._server.startup(sockets=self._sockets)

    async def quiet(self, most_s: float) -> None:
        """Wait until no request is under way, at most so long."""
        end = asyncio.get_running_loop().time() + most_s
        while self._server.server_state.tasks and asyncio.get_running_loop().time() < end:
            await asyncio.sleep(0.01)

    async def stop(self) -> None:
        for task in list(self._server.server_state.tasks):
            task.cancel()
        await asyncio.sleep(0)
        for server in self._server.servers:
            server.close()
        for connection in list(self._server.server_state.connections):
            connection.shutdown()
        await asyncio.sleep(0)
        for connection in list(self._server.server_state.connections):
            connection.transport.abort()  # its app reads no more, and what is unsent would hold it open
        self._proxy.close()
        await asyncio.sleep(0)


def _in_terminal() -> bool:
    """Whether the terminal has sent this signal to the app already: both are its foreground group."""
    try:
        return os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp()
    except (OSError, ValueError):
        return False
