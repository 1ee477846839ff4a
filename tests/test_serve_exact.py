"""Never more than the limit: several client processes at once, counted from outside, for every algorithm."""

import json
import subprocess
import sys
from itertools import chain
from pathlib import Path

import pytest
from serving import serve

from ratecheck import limiters
from ratecheck.durations import ns_from_s
from ratecheck.model import Dimension, Limit

PROCESSES, CONNECTIONS, SECONDS = 3, 4, 0.5
AMOUNT, WINDOW_S = 40, 0.4
PLACES, LATENCY_S = 5, 0.03

# Each process keeps its connections busy and tells when it sent, when it was answered, and what with.
CLIENT = """
import json, socket, sys, time
port, connections, seconds = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
body = b'{"model":"m","messages":[{"role":"user","content":"x"}],"max_tokens":1}'
request = (b"POST /v1/chat/completions HTTP/1.1\\r\\nHost: x\\r\\nAuthorization: Bearer k\\r\\n"
           b"Content-Length: %d\\r\\n\\r\\n" % len(body)) + body
socks = [socket.create_connection(("127.0.0.1", port), timeout=10) for _ in range(connections)]
sys.stdin.readline()
seen, end = [], time.monotonic() + seconds
while time.monotonic() < end:
    sent = []
    for sock in socks:
        sent.append(time.monotonic_ns())
        sock.sendall(request)
    for sock, sent_ns in zip(socks, sent):
        raw = b""
        while b"\\r\\n\\r\\n" not in raw:
            raw += sock.recv(65536)
        head, _, rest = raw.partition(b"\\r\\n\\r\\n")
        left = int(head.lower().partition(b"content-length: ")[2].split(b"\\r\\n")[0]) - len(rest)
        while left:
            left -= len(sock.recv(left))
        seen.append((sent_ns, time.monotonic_ns(), int(head[9:12])))
print(json.dumps(seen))
"""


def hammer(port: int) -> list[tuple[int, int, int]]:
    """Return (sent, answered, status) of all requests of all processes; one clock counts for all of them."""
    command = [sys.executable, "-c", CLIENT, str(port), str(CONNECTIONS), str(SECONDS)]
    processes = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(PROCESSES)
    ]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    return list(chain.from_iterable(json.loads(process.communicate(timeout=30)[0]) for process in processes))


@pytest.mark.parametrize("algorithm", sorted(set(limiters.ALGORITHMS) - {"quantised", "concurrency"}))
def test_no_algorithm_lets_more_in_than_it_may(algorithm: str, tmp_path: Path) -> None:
    """In every span that an outsider can measure, admissions stay within the algorithm's bound."""
    profile = tmp_path / "hammered.toml"
    profile.write_text(
        'dialect = "openai"\ncharges_refusals = false\n[[limits]]\ndimension = "requests"\n'
        f'amount = {AMOUNT}\nwindow_s = {WINDOW_S}\nalgorithm = "{algorithm}"\n'
    )
    with serve("--profile", str(profile), "--quiet", home=tmp_path) as running:
        seen = hammer(running.port)
    admitted = sorted((sent, answered) for sent, answered, status in seen if status == 200)
    assert {status for *_, status in seen} == {200, 429}, "the limit was never reached"
    assert len(admitted) >= AMOUNT / 2
    limiter = limiters.make(algorithm, Limit(Dimension.REQUESTS, AMOUNT, ns_from_s(WINDOW_S)))
    for start, (begin_ns, _) in enumerate(admitted):
        # Whoever was sent after this instant and answered before that one was let in between the two.
        ends = sorted(answered for _, answered in admitted[start:])
        for count, end_ns in enumerate(ends, 1):
            bound = limiter.most_in(end_ns - begin_ns + 1, 1)
            assert bound is not None
            assert count <= bound, f"{count} within {(end_ns - begin_ns) / 1e6:.1f} ms"


def test_no_more_at_a_time_than_there_are_places(tmp_path: Path) -> None:
    """Each holds its place for the latency at least, so a span has room for so many times the places."""
    profile = tmp_path / "places.toml"
    profile.write_text(f'dialect = "moonshot"\nconcurrency = {PLACES}\n')
    with serve("--profile", str(profile), "--latency", str(LATENCY_S), "--quiet", home=tmp_path) as running:
        seen = hammer(running.port)
    admitted = [(sent, answered) for sent, answered, status in seen if status == 200]
    assert len(admitted) < len(seen), "the places were never taken all"
    span_s = (max(end for _, end in admitted) - min(sent for sent, _ in admitted)) / 1e9
    assert PLACES < len(admitted) <= PLACES * (span_s / LATENCY_S + 1)
