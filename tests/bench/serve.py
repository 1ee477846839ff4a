"""How fast is ``serve``? Ratios from one run: against a fixed answer of raw uvicorn, and against llmock where it is.

    python tests/bench/serve.py [--llmock PATH] [--seconds 2] [--rounds 5] [--vary] [--memory 1000000]

The servers take turns in short rounds, so that whatever else the machine does meets all of them; the middle round
counts. On a busy machine the processor time of the server per request says more than the clock. The load comes from a
process of its own: wrk, or an asyncio client where there is none.
"""

import argparse
import asyncio
import json
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CONNECTIONS = 16
BODY = json.dumps({"model": "gpt-4o", "messages": [{"role": "user", "content": "How many?"}], "max_tokens": 9})
PATH = "/v1/chat/completions"
KEY = "sk-bench0123456789abcdefgh"

FIXED = """
import uvicorn
BODY = b'{"id":"chatcmpl-0","object":"chat.completion","choices":[{"index":0,"message":{"content":"ok"}}]}'
HEAD = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(BODY))]
async def app(scope, receive, send):
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": HEAD})
    await send({"type": "http.response.body", "body": BODY})
uvicorn.run(app, port=int(__import__("sys").argv[1]), log_level="critical", access_log=False, lifespan="off")
"""
# Nothing that a server remembers of a body helps it with the next one.
VARIED = """
local sent = 0
local body = wrk.body
function request()
  sent = sent + 1
  return wrk.format(nil, nil, nil, (body:gsub('How many', 'How many ' .. sent, 1)))
end
"""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


class Server:
    """A server in a process of its own, ready when it accepts."""

    def __init__(self, name: str, command: list[str], port: int) -> None:
        self.name, self.port = name, port
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.rates: list[float] = []
        self.p99_ms: list[float] = []
        self.cpu_us: list[float] = []
        for _ in range(100):
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                return
            except OSError:
                time.sleep(0.1)
        raise SystemExit(f"{name} does not come up")

    def cpu_s(self) -> float:
        """Return the processor time used so far, user and system."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def resident_kb(self) -> int:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1])  # type: ignore[index]


def servers(llmock: str | None) -> list[Server]:
    ports = [free_port() for _ in range(3)]
    limits = ["--rpm", "100000000", "--tpm", "10000000000"]
    started = [
        Server("raw uvicorn", [sys.executable, "-c", FIXED, str(ports[0])], ports[0]),
        Server(
            "ratecheck",
            [sys.executable, "-m", "ratecheck", "serve", "--quiet", "--port", str(ports[1]), *limits],
            ports[1],
        ),
    ]
    if llmock is not None:
        command = [llmock, "serve", "--port", str(ports[2]), "--log-level", "critical", *limits]
        started.append(Server("llmock", command, ports[2]))
    return started


def load(server: Server, seconds: float, script: str) -> tuple[float, float]:
    """Return answers a second and the 99th percentile of latency in milliseconds."""
    url = f"http://127.0.0.1:{server.port}{PATH}"
    wrk = shutil.which("wrk")
    if wrk is None:
        done = subprocess.run(
            [sys.executable, __file__, "--client", f"{server.port}:{seconds}"],
            capture_output=True,
            text=True,
            check=True,
        )
        rate, p99 = done.stdout.split()
        return float(rate), float(p99)
    done = subprocess.run(
        [wrk, "-t1", f"-c{CONNECTIONS}", f"-d{seconds:.0f}s", "--latency", "-s", script, url],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    if "Non-2xx" in done.stdout:
        raise SystemExit(f"{server.name} does not answer 200:\n{done.stdout}")
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", done.stdout)[1])  # type: ignore[index]
    value, unit = re.search(r"99%\s+([\d.]+)(us|ms|s)", done.stdout).groups()  # type: ignore[union-attr]
    return rate, float(value) * {"us": 0.001, "ms": 1, "s": 1000}[unit]


async def client(port: int, seconds: float) -> None:
    """Keep ``CONNECTIONS`` requests under way; print rate and p99, the way ``load`` reads them."""
    request = (
        f"POST {PATH} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {KEY}\r\ncontent-length: {len(BODY)}\r\n\r\n{BODY}"
    ).encode()
    latencies: list[float] = []
    end = time.monotonic() + seconds

    async def worker() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while time.monotonic() < end:
            started = time.monotonic()
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(int(re.search(rb"(?i)content-length: (\d+)", head)[1]))  # type: ignore[index]
            latencies.append(time.monotonic() - started)
        writer.close()

    await asyncio.gather(*(worker() for _ in range(CONNECTIONS)))
    latencies.sort()
    print(len(latencies) / seconds, 1000 * latencies[int(len(latencies) * 0.99)])


def memory(server: Server, requests: int, script: str) -> None:
    """Print the resident size as requests go by."""
    answered, sizes = 0.0, [(0, server.resident_kb())]
    while answered < requests:
        rate, _ = load(server, 10, script)
        answered += rate * 10
        sizes.append((int(answered), server.resident_kb()))
    print("memory:", ", ".join(f"{count:,} requests {size / 1024:.1f} MB" for count, size in sizes))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--llmock", default=shutil.which("llmock"), help="path of llmock's command")
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--vary", action="store_true", help="no two bodies are equal (wrk only)")
    parser.add_argument("--memory", type=int, default=0, help="requests to watch the memory over")
    parser.add_argument("--client", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.client:
        port, _, seconds = options.client.partition(":")
        asyncio.run(client(int(port), float(seconds)))
        return
    running = servers(options.llmock)
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(
            f"wrk.method = 'POST'\nwrk.body = '{BODY}'\n"
            f"wrk.headers['authorization'] = 'Bearer {KEY}'\nwrk.headers['content-type'] = 'application/json'\n"
        )
        if options.vary:
            script.write(VARIED)
        script.flush()
        try:
            for server in running:
                load(server, 1, script.name)
            for _ in range(options.rounds):
                for server in running:
                    before_s = server.cpu_s()
                    rate, p99_ms = load(server, options.seconds, script.name)
                    server.cpu_us.append(1e6 * (server.cpu_s() - before_s) / (rate * options.seconds))
                    server.rates.append(rate)
                    server.p99_ms.append(p99_ms)
            ours = next(server for server in running if server.name == "ratecheck")
            for server in running:
                rate = statistics.median(server.rates)
                print(
                    f"{server.name:12} {rate:8.0f}/s (from {min(server.rates):.0f} to {max(server.rates):.0f}), "
                    f"p99 {statistics.median(server.p99_ms):.2f} ms, "
                    f"ratecheck is {statistics.median(ours.rates) / rate:.2f} x of it; "
                    f"{statistics.median(server.cpu_us):.0f} us of processor a request, "
                    f"{statistics.median(server.cpu_us) / statistics.median(ours.cpu_us):.2f} x ratecheck's"
                )
            if options.memory:
                memory(ours, options.memory, script.name)
        finally:
            for server in running:
                server.process.terminate()


if __name__ == "__main__":
    main()
