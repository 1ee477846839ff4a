"""`watch` beside mitmdump and lli, in one run.

Usage: python tests/bench/watch_proxy.py [--seconds 3] [--mitmdump PATH] [--lli PATH]

Prints each row's median and the ratios that the project promises: added p50 at one connection, requests a second at
16 connections, and the time of wrapping `true`. Upstream, load and proxies share this machine: compare rows of one run
only. `--clients` compares HTTP clients under one minimal ASGI proxy instead (needs httpx, httpcore, aiohttp).
"""

import argparse
import asyncio
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

# Every row is measured so often, in turn; the medians are printed.
ROUNDS = 3

BODY = b'{"model":"m-1","messages":[{"role":"user","content":"' + b"words " * 100 + b'"}]}'
ANSWER_BODY = b'{"id":"x","choices":[{"message":{"content":"' + b"text " * 100 + b'"}}],"usage":{"total_tokens":9}}'
ANSWER = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nx-ratelimit-limit-requests: 500\r\n"
    b"x-ratelimit-remaining-requests: 499\r\nx-ratelimit-reset-requests: 120ms\r\nContent-Length: %d\r\n\r\n"
    % len(ANSWER_BODY)
) + ANSWER_BODY


class Upstream(asyncio.Protocol):
    """Answers every request of the load alike; counts bytes instead of parsing."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.buffer = b""

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0 and len(self.buffer) >= end + 4 + len(BODY):
            self.buffer = self.buffer[end + 4 + len(BODY) :]
            self.transport.write(ANSWER)  # type: ignore[attr-defined]


class Load(asyncio.Protocol):
    """One connection that asks again as soon as it has its answer."""

    def __init__(self, port: int, times: list[float], until: float) -> None:
        self.times, self.until = times, until
        head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer k\r\n"
        self.request = f"{head}Content-Type: application/json\r\nContent-Length: {len(BODY)}\r\n\r\n".encode() + BODY
        self.done = asyncio.get_running_loop().create_future()
        self.buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.ask()

    def ask(self) -> None:
        self.began = time.perf_counter()
        self.transport.write(self.request)  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        if not self.buffer.endswith(ANSWER_BODY):
            return
        now = time.perf_counter()
        self.times.append(now - self.began)
        self.buffer = b""
        if now < self.until:
            self.ask()
        else:
            self.transport.close()
            self.done.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_result(None)


async def load(port: int, connections: int, seconds: float) -> tuple[float, float]:
    """Return requests a second and the median latency in milliseconds."""
    times: list[float] = []
    until = time.perf_counter() + seconds
    loop = asyncio.get_running_loop()
    made = [
        await loop.create_connection(lambda: Load(port, times, until), "127.0.0.1", port) for _ in range(connections)
    ]
    await asyncio.gather(*(protocol.done for _, protocol in made))
    return len(times) / seconds, statistics.median(times) * 1000


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def wait_for(port: int) -> None:
    for _ in range(300):
        with socket.socket() as sock:
            if sock.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise SystemExit(f"nothing listens on {port}")


@contextmanager
def running(*command: str) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(10)


def measure(port: int, seconds: float) -> tuple[float, ...]:
    wait_for(port)
    asyncio.run(load(port, 2, 0.3))
    rate_1, p50_1 = asyncio.run(load(port, 1, seconds))
    rate_16, p50_16 = asyncio.run(load(port, 16, seconds))
    return rate_1, p50_1, rate_16, p50_16


def rss_mib(process: subprocess.Popen[bytes]) -> float:
    for line in Path(f"/proc/{process.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return 0.0


def row(name: str, figures: tuple[float, ...], more: str = "") -> None:
    rate_1, p50_1, rate_16, p50_16 = figures
    print(f"{name:26} 1: {rate_1:7,.0f}/s p50 {p50_1:6.3f} ms   16: {rate_16:7,.0f}/s p50 {p50_16:6.2f} ms  {more}")


def proxies(upstream: int, options: argparse.Namespace) -> None:
    ratecheck = shutil.which("ratecheck") or str(Path(sys.executable).with_name("ratecheck"))
    url = f"http://127.0.0.1:{upstream}/v1"
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        ports = {name: free_port() for name in ("ratecheck watch --record", "ratecheck watch", "mitmdump -w")}
        watch = (ratecheck, "watch", "--upstream", url, "--port")
        recorded, plain, theirs = ports
        process = stack.enter_context(running(*watch, str(ports[recorded]), "--record", f"{folder}/r"))
        stack.enter_context(running(*watch, str(ports[plain])))
        if options.mitmdump:
            stack.enter_context(
                running(options.mitmdump, "-q", "--mode", f"reverse:http://127.0.0.1:{upstream}", "-p",
                        str(ports[theirs]), "--listen-host", "127.0.0.1", "-w", f"{folder}/flows")
            )  # fmt: skip
        else:
            del ports[theirs]
        ports = {"direct": upstream, **ports}
        for port in ports.values():
            wait_for(port)
        before = rss_mib(process)
        # Round by round, so that what else the machine does meets all of them.
        rounds = [
            {name: measure(port, options.seconds / ROUNDS) for name, port in ports.items()} for _ in range(ROUNDS)
        ]
        medians = {
            name: tuple(statistics.median(each[name][index] for each in rounds) for index in range(4)) for name in ports
        }
        for name, figures in medians.items():
            row(name, figures)
        lines = Path(folder, "r").read_bytes().count(b"\n")
        print(f"RSS while recording {lines:,} requests: {before:.0f} -> {rss_mib(process):.0f} MiB")
        if options.mitmdump:
            direct_ms = medians["direct"][1]
            added = (medians[recorded][1] - direct_ms) / (medians[theirs][1] - direct_ms)
            print(f"added p50 at 1 connection, ours recording / mitmdump -w: {added:.2f} (promised <= 0.33)")
            times = medians[recorded][2] / medians[theirs][2]
            print(f"requests/s at 16 connections, ours recording / mitmdump -w: {times:.1f} (promised >= 4)")
    if options.lli:
        pairs = [(timed(ratecheck, "watch", "--", "true"), timed(options.lli, "run", "--", "true")) for _ in range(5)]
        our_s, their_s = (statistics.median(each) for each in zip(*pairs, strict=True))
        print(f"wrapping `true`: ours {our_s:.2f} s, lli {their_s:.2f} s: {our_s / their_s:.2f} (promised <= 0.33)")


def timed(*command: str) -> float:
    began = time.perf_counter()
    subprocess.run(command, capture_output=True, check=False)
    return time.perf_counter() - began


def clients(upstream: int, options: argparse.Namespace) -> None:
    for name in ("httpx", "httpcore", "aiohttp", "own"):
        port = free_port()
        with running(sys.executable, __file__, "--serve", name, str(port), str(upstream)):
            row(name, measure(port, options.seconds))


def serve(name: str, port: int, upstream: int) -> None:
    """Run the smallest ASGI proxy over one HTTP client: read all, send on, read all, send back."""
    import uvicorn

    url = f"http://127.0.0.1:{upstream}"
    made: dict[str, object] = {}

    async def carry(method: str, path: str, headers: list, body: bytes) -> tuple[int, list, bytes]:  # type: ignore[type-arg]
        if name == "httpx":
            import httpx

            client = made.setdefault("c", httpx.AsyncClient(limits=httpx.Limits(max_keepalive_connections=64)))
            answer = await client.request(method, url + path, headers=headers, content=body)  # type: ignore[attr-defined]
            return answer.status_code, answer.headers.raw, answer.content
        if name == "httpcore":
            import httpcore

            pool = made.setdefault("c", httpcore.AsyncConnectionPool(max_keepalive_connections=64))
            answer = await pool.request(method, url + path, headers=headers, content=body)  # type: ignore[attr-defined]
            return answer.status, answer.headers, answer.content
        if name == "aiohttp":
            import aiohttp

            if "c" not in made:
                made["c"] = aiohttp.ClientSession(auto_decompress=False)
            names = [(key.decode(), value.decode()) for key, value in headers]
            async with made["c"].request(method, url + path, headers=names, data=body) as answer:  # type: ignore[attr-defined]
                return answer.status, list(answer.raw_headers), await answer.read()
        from ratecheck.net.upstream import Origin
        from ratecheck.net.upstream import Upstream as Pool

        own = made.setdefault("c", Pool(Origin.of(url)))
        connection = await own.connection()  # type: ignore[attr-defined]
        lines = [f"{method} {path} HTTP/1.1".encode(), *(key + b": " + value for key, value in headers), b"", b""]
        connection.start(b"\r\n".join(lines) + body, False)
        await connection.head()
        data = b""
        while more := await connection.read():
            data += more
        own.give_back(connection)  # type: ignore[attr-defined]
        return connection.status, connection.headers, data

    async def app(scope: dict, receive, send) -> None:  # type: ignore[no-untyped-def, type-arg]
        body = b""
        while True:
            event = await receive()
            body += event["body"]
            if not event["more_body"]:
                break
        status, headers, data = await carry(scope["method"], scope["path"], scope["headers"], body)
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": data})

    uvicorn.run(app, host="127.0.0.1", port=port, log_level="critical", lifespan="off", access_log=False)


async def upstream_forever(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Upstream, "127.0.0.1", port)
    await server.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--mitmdump", default=os.environ.get("MITMDUMP") or shutil.which("mitmdump"))
    parser.add_argument("--lli", default=os.environ.get("LLI") or shutil.which("lli"))
    parser.add_argument("--clients", action="store_true")
    parser.add_argument("--serve", nargs=3)
    parser.add_argument("--upstream", type=int)
    options = parser.parse_args()
    if options.serve:
        serve(options.serve[0], int(options.serve[1]), int(options.serve[2]))
    elif options.upstream:
        asyncio.run(upstream_forever(options.upstream))
    else:
        port = free_port()
        with running(sys.executable, __file__, "--upstream", str(port)):
            wait_for(port)
            (clients if options.clients else proxies)(port, options)


if __name__ == "__main__":
    main()
