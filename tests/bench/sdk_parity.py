"""What real SDKs send and when, against what the rows of ``ratecheck.retry`` say: requests equal, waits inside.

    python tests/bench/sdk_parity.py FOLDER [--install] [NAME ...]

Each client of ``sdk_clients.toml`` runs unmodified in its own environment under FOLDER, against a loopback server that
answers every request alike: the bytes of ``serve --fault``. ``--install`` makes the environments first; a client whose
environment is not there is left out. Waits are real, so a full run takes some minutes; one process a core.
"""

import os
import shutil
import subprocess
import sys
import threading
import time
import tomllib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path

from ratecheck import retry
from ratecheck.model import Answer, Cost
from ratecheck.provider import Provider, get
from ratecheck.provider.faults import parse

CLIENTS = Path(__file__).with_name("sdk_clients.toml")
FAULTS = {
    "429": "always=429",
    "429, retry-after 1": "always=429+retry-after:1",
    "429, retry-after-ms 200": "always=429+retry-after-ms:200",
    "429, x-should-retry false": "always=429+x-should-retry:false",
    "429, insufficient_quota": "always=429+insufficient_quota",
    "500": "always=500",
    "drop": "always=drop",
    "timeout": "always=timeout",
}

# Clients that take a timeout are given this; a request is never answered sooner under the timeout fault.
TIMEOUT_S = 1.0
# What a busy machine and a new connection may add to a wait; what rounding may take off.
LATE_S, EARLY_S = 0.45, 0.02
# A timeout runs from before the connection is made: a server sees that much less of it.
CONNECT_S = 0.4
# A loop without an end is watched for so many requests; then, and after so long, the client is ended.
MOST_REQUESTS, LONGEST_S = 36, 300.0


@dataclass
class Client:
    name: str
    policy: str
    packages: list[str]
    code: str
    profile: str = "openai-tier1"
    node: bool = False
    without: list[str] = field(default_factory=list)
    """Faults that this client cannot be shown: it takes no timeout, say."""
    overhead_s: float = 0.0
    """Work of its own between two requests."""

    def folder(self, root: Path) -> Path:
        parts = "_".join(self.packages).replace("@", "").replace("/", "-").replace("==", "-")
        return root / (("js-" if self.node else "py-") + parts)

    def command(self, root: Path) -> list[str] | None:
        """Return how to run its code; ``None`` where its environment is missing."""
        folder = self.folder(root)
        if self.node:
            node = os.environ.get("NODE") or shutil.which("node")
            return [node, "--input-type=module", "-e", self.code] if node and folder.is_dir() else None
        python = folder / "bin" / "python"
        return [str(python), "-c", self.code] if python.exists() else None

    def install(self, root: Path) -> None:
        folder = self.folder(root)
        if folder.is_dir():
            return
        folder.mkdir(parents=True)
        if self.node:
            command = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", *self.packages]
            subprocess.run(command, cwd=folder, check=False)
        else:
            subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
            subprocess.run([str(folder / "bin" / "pip"), "install", "-q", *self.packages], check=False)


class Server(ThreadingHTTPServer):
    """Answers every request alike and notes when each came."""

    daemon_threads = True

    def __init__(self, answer: Answer) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answer, self.instants_s = answer, list[float]()
        self.enough = threading.Event()
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def do_POST(self) -> None:
        self.server.instants_s.append(time.monotonic())
        if len(self.server.instants_s) >= MOST_REQUESTS:
            self.server.enough.set()
        self.rfile.read(int(self.headers.get("content-length") or 0))
        answer = self.server.answer
        self.close_connection = True
        if answer.status is None:
            if answer.timed_out:
                time.sleep(2.5 * TIMEOUT_S)
            return
        self.send_response_only(answer.status)
        for header, value in answer.headers:
            self.send_header(header, value)
        self.send_header("content-length", str(len(answer.body)))
        self.send_header("connection", "close")
        self.end_headers()
        self.wfile.write(answer.body)

    def do_GET(self) -> None:
        """What a client looks up beside its calls is not there."""
        self.send_error(404)

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""


def answer_of(profile: str, fault: str) -> Answer:
    provider = Provider(get(profile))
    outcome = parse(fault).outcome(1)
    answer = provider.fault(outcome, Cost(), provider.profile.model, 0)
    return answer._replace(timed_out=outcome.kind == "timeout")


def watch(client: Client, command: list[str], root: Path, answer: Answer) -> tuple[list[float], str]:
    """Run the client; return when each of its requests came, and what it said."""
    server = Server(answer)
    url = f"http://127.0.0.1:{server.server_address[1]}"
    clean = {key: os.environ[key] for key in ("PATH", "LANG", "TMPDIR") if key in os.environ}
    env = clean | {"HOME": str(root), "URL": url, "TIMEOUT_S": str(TIMEOUT_S), "DO_NOT_TRACK": "1"}
    process = subprocess.Popen(
        command, env=env, cwd=client.folder(root), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    said: list[str] = []
    reader = threading.Thread(target=lambda: said.append(process.stdout.read() if process.stdout else ""))
    reader.start()
    end_s = time.monotonic() + LONGEST_S
    while process.poll() is None and time.monotonic() < end_s and not server.enough.wait(0.1):
        pass
    process.kill()
    process.wait()
    reader.join(5)
    server.shutdown()
    server.server_close()
    return server.instants_s, "".join(said).strip()


def judge(client: Client, answer: Answer, instants: list[float], said: str) -> str:
    """Return what is not as the row says; nothing where all is."""
    if not instants:
        return f"no request came: {said[-300:]}"
    policy, gaps = retry.get(client.policy), [later - one for one, later in pairwise(instants)]
    # A wait that follows from the one before: the shortest draws make the lower edge, the longest the upper one.
    low, high = (policy.waits(answer, MOST_REQUESTS - 1, u) for u in (0.0, 1.0))
    bounds = [(below[0], above[1]) for below, above in zip(low, high, strict=False)]
    spent_s = TIMEOUT_S if answer.timed_out else 0.0
    wrong = []
    # Where a loop stops by the clock, it may stop one wait earlier or later.
    fewest, most = sorted((len(low), len(high)))
    slack = 2 if policy.needs_elapsed else 0
    if not fewest - slack <= len(gaps) <= most + slack:
        wrong.append(f"{len(gaps) + 1} requests, not {len(low) + 1}")
    for number, (gap_s, (least_s, most_s)) in enumerate(zip(gaps, bounds, strict=False), 1):
        early_s = CONNECT_S if answer.timed_out else EARLY_S
        if not least_s + spent_s - early_s <= gap_s <= most_s + spent_s + LATE_S + client.overhead_s:
            wrong.append(f"wait {number}: {gap_s:.2f} s, not {least_s + spent_s:.2f}-{most_s + spent_s:.2f}")
    return "; ".join(wrong)


def main() -> int:
    arguments = [each for each in sys.argv[1:] if each != "--install"]
    root, wanted = Path(arguments[0]).resolve(), set(arguments[1:])
    clients = [Client(name, **row) for name, row in tomllib.loads(CLIENTS.read_text("utf-8")).items()]
    clients = [each for each in clients if not wanted or each.name in wanted]
    if "--install" in sys.argv:
        for client in clients:
            client.install(root)
    runs = []
    for client in clients:
        command = client.command(root)
        if command is None:
            print(f"{client.name}: not installed, left out")
            continue
        runs += [(client, command, name) for name in FAULTS if name not in client.without]

    def run(each: tuple[Client, list[str], str]) -> bool:
        client, command, name = each
        answer = answer_of(client.profile, FAULTS[name])
        instants, said = watch(client, command, root, answer)
        wrong = judge(client, answer, instants, said)
        gaps = " ".join(f"{later - one:.2f}" for one, later in pairwise(instants[:7])) + " …" * (len(instants) > 7)
        print(f"{'NOT' if wrong else 'ok '} {client.name:34} {name:26} {len(instants):3}  {gaps}", flush=True)
        if wrong:
            print(f"      {client.policy}: {wrong}", flush=True)
        return not wrong

    with ThreadPoolExecutor(int(os.environ.get("AT_ONCE", "6"))) as pool:
        results = list(pool.map(run, runs))
    print(f"{sum(results)} of {len(results)} as the rows say; {len({each[0].name for each in runs})} clients")
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
