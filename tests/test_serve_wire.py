"""``serve`` as bytes on a socket: whatever a client sends, it answers as the provider does or closes."""

import json
import re
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from serving import Reply, Running, read_reply, read_to_end, replies, serve

KEY = "sk-wire0123456789abcdefghij"
CHAT = b'{"model":"m","messages":[{"role":"user","content":"Hello"}],"max_tokens":3}'
STREAM = CHAT[:-1] + b',"stream":true}'


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One server for all that costs it nothing."""
    with serve("--rpm", "100000", home=tmp_path_factory.mktemp("home")) as running:
        yield running
    assert running.code == 0
    assert "bug" not in running.err, running.err
    assert "Traceback" not in running.err, running.err
    assert KEY not in running.err + running.out


def post(body: bytes = CHAT, *headers: str, path: str = "/v1/chat/completions", key: str = KEY) -> bytes:
    lines = [f"POST {path} HTTP/1.1", "Host: x", f"Authorization: Bearer {key}", *headers]
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode() + body


def exchange(running: Running, data: bytes, *, pause_at: int | None = None) -> list[Reply]:
    """Send bytes (with a pause after some of them), say that no more come, and read to the end."""
    with running.connect() as sock:
        if pause_at is not None:
            sock.sendall(data[:pause_at])
            time.sleep(0.02)
        sock.sendall(data[pause_at or 0 :])
        return replies(read_to_end(sock))


def same(reply: Reply) -> tuple[object, ...]:
    """Return what does not change from one answer to the next."""
    body = re.sub(rb"[0-9a-f]{32}|\"created\":\d+", b"", reply.body)
    return reply.status, sorted(set(reply.headers) - {"connection"}), body


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/nothing", "/v1/embeddings"])
def test_the_short_cut_answers_as_the_long_way_does(running: Running, path: str) -> None:
    """Kept open or closed after it, in one piece or in many, a known head or a new one: the same answer."""
    whole = post(path=path)
    with running.connect() as sock:
        kept = []
        for _ in range(3):
            sock.sendall(whole)
            kept.append(read_reply(sock))
        for start in range(0, len(whole), 40):
            sock.sendall(whole[start : start + 40])
            time.sleep(0.001)
        kept.append(read_reply(sock))
    closed = exchange(running, post(CHAT, "Connection: close", path=path))[0]
    chunks = b"%x\r\n%b\r\n0\r\n\r\n" % (len(CHAT), CHAT)
    head = post(CHAT, "Transfer-Encoding: chunked", "Connection: close", path=path).removesuffix(CHAT)
    chunked = exchange(running, re.sub(rb"Content-Length: \d+\r\n", b"", head) + chunks)[0]
    assert {str(same(each)) for each in (*kept, chunked)} == {str(same(closed))}
    if kept[0].status == 200:
        assert len({each.headers["x-request-id"] for each in kept}) == 4


def test_equal_heads_may_have_different_bodies(running: Running) -> None:
    """A head that is known says nothing about the body behind it."""
    with running.connect() as sock:
        for model in ("aa", "bb", "cc", "cc"):
            sock.sendall(post(CHAT.replace(b'"m"', json.dumps(model).encode())))
            assert read_reply(sock).json["model"] == model
        # The head promises as many bytes as before, and they come later; then another request in the same packet.
        data = post(CHAT.replace(b'"m"', b'"dd"')) + post(CHAT.replace(b'"m"', b'"ee"'), "Connection: close")
        sock.sendall(data[:150])
        time.sleep(0.02)
        sock.sendall(data[150:])
        assert [each.json["model"] for each in replies(read_to_end(sock))] == ["dd", "ee"]


def test_requests_in_a_pipeline_are_answered_in_order(running: Running) -> None:
    """Plain ones, one that takes its time (a stream), and what comes after it."""
    bodies = [CHAT.replace(b'"m"', b'"m%d"' % number) for number in range(4)]
    plain = exchange(running, b"".join(map(post, bodies)) + post(CHAT, "Connection: close"))
    assert [each.json["model"] for each in plain] == ["m0", "m1", "m2", "m3", "m"]
    with running.connect() as sock:
        sock.sendall(post(bodies[0]) + post(STREAM) + post(bodies[1]) + post(bodies[2], "Connection: close"))
        raw = read_to_end(sock)
    assert [match.decode() for match in re.findall(rb'"model":"(\w+)","choices":\[\{"index":0,"message"', raw)] == [
        "m0", "m1", "m2",
    ]  # fmt: skip
    assert raw.index(b'"m0"') < raw.index(b"data: [DONE]") < raw.index(b'"m1"')


@pytest.mark.parametrize(
    ("data", "statuses"),
    [
        (b"\x00\xff\r\n\r\n", [400]), (b"GET\r\n\r\n", [400]), (b"POST / HTTP/9.9\r\n\r\n", [400]),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 40, [400]),
        (post().replace(b"Host: x", b"Host x"), [400]),
        (post().replace(b"Content-Length: ", b"Content-Length: -"), [400]),
        (post(CHAT, "Content-Length: 5"), [400]), (post(CHAT, "Transfer-Encoding: chunked"), [400]),
        (post(CHAT, "X: " + "y" * 200_000, "Connection: close"), [200]),
        (post(b"", "Transfer-Encoding: chunked").replace(b"Content-Length: 0\r\n", b"") + b"zz\r\nnonsense\r\n", [400]),
        (post(b"", "Connection: close"), [400]), (post(b"\xff\xfe\x00", "Connection: close"), [400]),
        (post(CHAT, "Connection: close", path="http://h.example/v1/chat/completions"), [200]),
        (post(CHAT, "Connection: close", path="/v1/chat%2Fcompletions"), [200]),
        (post(CHAT, "Connection: close", path="//v1/chat/completions"), [404]),
        (post(CHAT, "Connection: close", path="/v1/../../etc/passwd"), [404]),
        (post(CHAT, "Connection: close").replace(b"POST", b"DELETE"), [405]),
        (post(CHAT, "Connection: close").replace(b"POST", b"OPTIONS"), [405]),
        (post(CHAT, "Connection: close").replace(b"HTTP/1.1", b"HTTP/1.0"), [200]),
        (post(CHAT, "Connection: Upgrade, close", "Upgrade: websocket"), [200]),
        (post(CHAT, "Connection: Upgrade, HTTP2-Settings, close", "upgrade: h2c", "HTTP2-Settings: AAMA"), [200]),
        (post(CHAT, "Connection: close").replace(b"Authorization", b"X-Nothing"), [401]),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", [400]),
    ],
)  # fmt: skip
def test_hostile_bytes_meet_the_providers_error_or_a_clean_close(
    running: Running, data: bytes, statuses: list[int]
) -> None:
    """Never a 500 of ours, never silence: the dialect's JSON, then the end of the connection."""
    got = exchange(running, data)
    assert [each.status for each in got] == statuses
    for each in got:
        assert each.headers["content-type"] == "application/json"
        if each.status != 200:
            assert set(each.json["error"]) == {"message", "type", "param", "code"}


def test_a_head_request_gets_a_head(running: Running) -> None:
    """HEAD is no POST; its answer has no body, and the next request on the connection is understood."""
    with running.connect() as sock:
        sock.sendall(post(b"").replace(b"POST", b"HEAD"))
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += sock.recv(65536)
        assert head.startswith(b"HTTP/1.1 405")
        sock.sendall(post())
        assert read_reply(sock).status == 200


def test_a_client_that_asks_whether_to_go_on_is_told(running: Running) -> None:
    """``Expect: 100-continue``, as curl sends it for larger bodies."""
    with running.connect() as sock:
        data = post(CHAT, "Expect: 100-continue", "Connection: close")
        sock.sendall(data.removesuffix(CHAT))
        assert sock.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        sock.sendall(CHAT)
        assert replies(read_to_end(sock))[0].status == 200


def test_a_large_body_is_read_bit_by_bit(running: Running) -> None:
    """A prompt of megabytes comes in many reads; one that is announced as too large is refused unread."""
    prompt = CHAT.replace(b"Hello", b"x" * 3_000_000)
    assert exchange(running, post(prompt, "Connection: close"))[0].status in (200, 429)
    head = post(CHAT).replace(b"Content-Length: %d" % len(CHAT), b"Content-Length: 99999999999")
    refused = exchange(running, head)[0]
    assert (refused.status, refused.headers["connection"]) == (413, "close")


def state(running: Running) -> dict[str, int]:
    with running.connect() as sock:
        sock.sendall(b"GET /ratecheck/state HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        return {each["name"]: each["remaining"] for each in replies(read_to_end(sock))[0].json["limits"]}


def test_who_leaves_gives_back_what_he_held(tmp_path: Path) -> None:
    """Clients that hang up before the answer, in the middle of a stream or of their own body hold no place."""
    profile = tmp_path / "three.toml"
    profile.write_text('dialect = "groq"\nconcurrency = 3\ntpm = 100000\n')
    with serve("--profile", str(profile), "--latency", "0.4", home=tmp_path) as running:
        for data, wait_s in ((post(), 0.05), (post(STREAM), 0.25), (post()[:-9], 0.05), (post()[:30], 0.0)):
            socks = [running.connect() for _ in range(3)]
            for sock in socks:
                sock.sendall(data)
            time.sleep(wait_s)
            for sock in socks:
                sock.close()
        deadline = time.monotonic() + 5
        while state(running)["concurrency"] < 3 and time.monotonic() < deadline:
            time.sleep(0.02)
        assert state(running)["concurrency"] == 3
        # Reserved: about 10 tokens of prompt; Groq adds the output that was produced, and these got little of it.
        assert 100_000 - state(running)["TPM"] < 6 * 15
        assert exchange(running, post(CHAT, "Connection: close"))[0].status == 200
    assert running.code == 0
    assert re.search(r"hung up on +6", running.out), running.out


def test_a_client_that_does_not_read_does_not_fill_the_memory(tmp_path: Path) -> None:
    """Answers wait in the client's own socket: the server stops reading until it has read some."""
    with serve("--rpm", "1000000000", "--quiet", home=tmp_path) as running, running.connect() as greedy:
        vectors = json.dumps({"model": "e", "input": ["x"] * 64}).encode()
        greedy.settimeout(0.2)
        with suppress(TimeoutError):
            greedy.sendall(post(vectors, path="/v1/embeddings") * 2000)
        assert exchange(running, post(CHAT, "Connection: close"))[0].status == 200
        resident = Path(f"/proc/{running.process.pid}/status")
        if resident.exists():
            kilobytes = int(re.search(r"VmRSS:\s+(\d+)", resident.read_text())[1])  # type: ignore[index]
            assert kilobytes < 200_000, "2,000 answers of 500 kB each, and nobody reads them"
