"""The proxy carries bytes as they are, whatever they are, and says so where it cannot."""

import asyncio
import gzip
import json
import random
import socket
import threading

import pytest
from loopback import Asked, Script, always, answer, get, post, proxied
from serving import read_to_end

REFUSAL = json.dumps({
    "error": {
        "message": "Rate limit reached for m-9 in organization org-q on requests per min (RPM): Limit 7, Used 7, "
        "Requested 1. Please try again in 8.5s.", "type": "requests", "code": "rate_limit_exceeded",
    }
}).encode()  # fmt: skip


def split(raw: bytes) -> tuple[bytes, bytes]:
    """Divide an answer into its head and its body, the body without chunked framing."""
    head, _, body = raw.partition(b"\r\n\r\n")
    if b"transfer-encoding: chunked" in head.lower():
        whole = b""
        while body:
            size, _, body = body.partition(b"\r\n")
            whole += body[: int(size, 16)]
            body = body[int(size, 16) + 2 :]
        return head, whole
    return head, body


def varied(seed: int) -> tuple[bytes, Script]:
    """Return a random request, and an upstream that answers it at random: framing, pieces, encoding, size."""
    draw = random.Random(seed)
    body = draw.randbytes(draw.choice([0, 1, 700, 65_536, 300_000]))
    reply = draw.randbytes(draw.choice([0, 1, 100, 16_384, 400_000]))
    encoding = draw.choice(["identity", "gzip", "br"])
    if encoding == "gzip":
        reply = gzip.compress(reply, mtime=0)
    framing = draw.choice(["length", "chunked", "close"])
    pieces = [reply[at : at + 50_000] for at in range(0, len(reply), 50_000)]
    if draw.random() < 0.5 and len(reply) < 2000:
        pieces = [reply[at : at + 7] for at in range(0, len(reply), 7)]
    status = draw.choice([200, 201, 429, 500, 529])

    async def script(asked: Asked, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert asked.body == body
        head = [f"HTTP/1.1 {status} Any", f"Content-Encoding: {encoding}", 'X-Odd-Value: a;b, c \t"d"']
        head += ["Set-Cookie: a=1", "Set-Cookie: b=2"]
        head.append({"length": f"Content-Length: {len(reply)}", "chunked": "Transfer-Encoding: chunked"}.get(
            framing, "Connection: close"))  # fmt: skip
        writer.write("\r\n".join(head).encode() + b"\r\n\r\n")
        for piece in pieces:
            writer.write(b"%x\r\n%b\r\n" % (len(piece), piece) if framing == "chunked" else piece)
            if draw.random() < 0.3:
                await writer.drain()
                await asyncio.sleep(0)
        if framing == "chunked":
            writer.write(b"0\r\n\r\n")
        await writer.drain()
        writer.close()

    if draw.random() < 0.5:
        return post(body, "Accept-Encoding: gzip, br"), script
    cut = draw.randrange(len(body) + 1)
    framed = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (body[:cut], body[cut:]) if part) + b"0\r\n\r\n"
    head = (
        b"POST /v1/files?purpose=a%20b HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    )
    return head + framed, script


@pytest.mark.parametrize("seed", range(40))
def test_bytes_through_the_proxy_equal_bytes_without_it(seed: int) -> None:
    """Random bodies, chunkings and encodings: status, body and the headers' values are the upstream's own."""
    request, script = varied(seed)
    with proxied(script) as loopback:
        through = split(loopback.ask(request))
    request, script = varied(seed)
    with proxied(script) as loopback:
        direct = split(loopback.ask(request, direct=True))
    assert through[1] == direct[1]
    assert through[0].split(b" ")[1] == direct[0].split(b" ")[1]

    def named(head: bytes) -> list[bytes]:
        hop = (b"connection", b"transfer-encoding", b"content-length")
        lines = [line.partition(b": ") for line in head.split(b"\r\n")[1:]]
        return [name.lower() + b": " + value for name, _, value in lines if name.lower() not in hop]

    assert named(through[0]) == named(direct[0])


def test_the_upstream_sees_the_request_that_the_app_sent() -> None:
    """Path, query, headers and body arrive as sent; only the host is the upstream's own."""
    with proxied(always(answer(200, b"{}"))) as loopback:
        loopback.ask(post(b'{"model":"m-1"}', "X-Thing: a, b", "Authorization: Bearer k", path="/v1/x%2Fy?q=%20&r"))
        (asked,) = loopback.asked
    assert asked.path == "/v1/x%2Fy?q=%20&r"
    assert asked.header("x-thing") == "a, b"
    assert asked.header("authorization") == "Bearer k"
    assert asked.header("host") == f"127.0.0.1:{loopback.upstream_port}"


def test_a_stream_passes_event_by_event() -> None:
    """The app has an event before the upstream has sent the next one."""
    go = threading.Event()

    async def script(asked: Asked, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        writer.write(b"d\r\ndata: first\r\n\r\n")
        await writer.drain()
        while not go.is_set():
            await asyncio.sleep(0.005)
        writer.write(b"c\r\ndata: last\n\n\r\n0\r\n\r\n")
        await writer.drain()

    with proxied(script) as loopback, loopback.connect() as sock:
        sock.sendall(post(b'{"stream":true}'))
        received = b""
        while b"first" not in received:
            received += sock.recv(65536)
        assert b"last" not in received
        go.set()
        assert b"data: last\n\n" in read_to_end(sock)


def test_an_app_that_hangs_up_hangs_up_on_the_provider() -> None:
    """A stream that nobody reads any more is not paid for any longer; reading no further is no failure."""

    async def script(asked: Asked, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
        await writer.drain()
        await reader.readexactly(1)

    with proxied(script) as loopback:
        with loopback.connect() as sock:
            sock.sendall(post(b"{}"))
            received = b""
            while b"hello" not in received:
                received += sock.recv(65536)
        assert loopback.hung_up.wait(5)
    (call,) = loopback.calls
    assert call.attempts[0].outcome.cut == "client"
    assert call.ok


def test_an_app_that_gives_up_waiting_hangs_up_on_the_provider() -> None:
    """A client's timeout before any answer reaches the provider as a hang-up and is a failed attempt."""

    async def script(asked: Asked, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(1)

    with proxied(script) as loopback:
        with loopback.connect() as sock:
            sock.sendall(post(b"{}"))
            sock.settimeout(0.1)
            with pytest.raises(TimeoutError):
                sock.recv(10)
        assert loopback.hung_up.wait(5)
    (call,) = loopback.calls
    assert (call.attempts[0].outcome.status, call.attempts[0].outcome.cut) == (None, "client")


def test_a_slow_reader_slows_the_provider_down() -> None:
    """What the app does not read is not gathered in memory: the upstream has to wait."""
    sent = 0

    async def script(asked: Asked, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.transport.set_write_buffer_limits(high=65536)
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
        for _ in range(1000):
            writer.write(b"x" * 65536)
            await asyncio.wait_for(writer.drain(), 0.5)
            sent += 65536

    with proxied(script) as loopback, loopback.connect() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        sock.sendall(post(b"{}"))
        loopback.hung_up.wait(1.0)
        assert 0 < sent < 30_000_000


def test_connections_are_kept_alive_on_both_sides() -> None:
    """Twenty requests on one connection of the app use one connection to the provider."""
    peers = set()

    async def script(asked: Asked, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peers.add(writer.get_extra_info("peername"))
        writer.write(answer(200, b"ok"))
        await writer.drain()

    with proxied(script) as loopback, loopback.connect() as sock:
        for _ in range(20):
            sock.sendall(post(b"{}", close=False))
            received = b""
            while not received.endswith(b"ok"):
                received += sock.recv(65536)
    assert len(peers) == 1
    assert len(loopback.asked) == 20


BROKEN: dict[str, tuple[Script, bytes]] = {}


def broken(name: str, says: bytes, data: bytes) -> None:
    async def script(asked: Asked, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        await writer.drain()
        writer.close()
        raise ConnectionError

    BROKEN[name] = (script, says)


broken("closes at once", b"closed the connection without an answer", b"")
broken("closes within its head", b"closed the connection without an answer", b"HTTP/1.1 200 OK\r\nContent-")
broken("no HTTP", b"no HTTP answer", b"SSH-2.0-OpenSSH_9.7\r\n\r\n")
broken("an impossible status", b"does not allow", b"HTTP/1.1 999 Odd\r\nContent-Length: 0\r\n\r\n")
broken("endless headers", b"1 MiB of headers", b"HTTP/1.1 200 OK\r\n" + b"X-A: " + b"y" * 1200 * 1024 + b"\r\n\r\n")
broken(
    "another protocol", b"", b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n\x00\x01"
)


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_upstream_becomes_a_502_that_names_ratecheck(name: str) -> None:
    """Whatever the upstream does in place of an answer, the app gets one, and it says who speaks."""
    script, says = BROKEN[name]
    with proxied(script) as loopback:
        raw = loopback.ask(post(b'{"model":"m-1"}', "Authorization: Bearer sk-secretsecretsecret"))
    head, body = split(raw)
    assert head.startswith(b"HTTP/1.1 502")
    assert json.loads(body)["error"]["message"].startswith("ratecheck watch: the upstream http://127.0.0.1:")
    assert says in body
    assert b"sk-secret" not in raw
    (call,) = loopback.calls
    assert not call.ok


def test_an_upstream_that_is_down_becomes_a_502() -> None:
    """Nobody listens there: the app is told so, by ratecheck."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        free = sock.getsockname()[1]
    with proxied(always(b""), upstream=f"http://127.0.0.1:{free}") as loopback:
        raw = loopback.ask(post(b"{}"))
    assert raw.startswith(b"HTTP/1.1 502")
    assert b"refused the connection" in raw


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nonly this",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nonly this\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nonly this\r\nZZ\r\n",
    ],
)
def test_an_answer_that_breaks_off_breaks_off(data: bytes) -> None:
    """What came is passed on, then the connection closes: the app sees a broken answer, not a short whole one."""
    script, _ = BROKEN["closes at once"]

    async def cut(asked: Asked, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        await writer.drain()
        await script(asked, reader, writer)

    with proxied(cut) as loopback:
        raw = loopback.ask(post(b"{}"))
    assert b"only this" in raw
    assert not raw.endswith(b"0\r\n\r\n")
    (call,) = loopback.calls
    assert call.attempts[0].outcome.cut == "upstream"
    assert not call.ok


def test_more_than_was_announced_is_cut_where_it_was_announced() -> None:
    """Bytes beyond Content-Length are nobody's answer: they never reach the next request."""
    with proxied(always(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 500 No\r\n\r\n")) as loopback:
        for _ in range(3):
            raw = loopback.ask(post(b"{}"))
            assert raw.startswith(b"HTTP/1.1 200")
            assert raw.endswith(b"ok")


def test_ten_thousand_headers_pass() -> None:
    """Many headers are carried both ways; what no table names is not recorded."""
    many = [(f"X-H{number}", "v") for number in range(10_000)]
    with proxied(always(answer(200, b"ok", *many, ("x-ratelimit-limit-requests", "7")))) as loopback:
        raw = loopback.ask(post(b"{}", *(f"{name}: {value}" for name, value in many)))
        (asked,) = loopback.asked
    assert raw.count(b"x-h") + raw.count(b"X-H") == 10_000
    assert asked.header("x-h9999") == "v"
    assert json.loads(loopback.lines[0])["headers"] == {"x-ratelimit-limit-requests": "7"}


def test_a_websocket_is_refused_in_words() -> None:
    """An upgrade gets an answer that says what to do, and is no request of the app."""
    with proxied(always(answer(200, b""))) as loopback:
        raw = loopback.ask(get("/v1/realtime", "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13",
                               "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", close=False))  # fmt: skip
        assert raw.startswith(b"HTTP/1.1 501")
        assert b"no WebSockets" in raw
        assert not loopback.asked


def test_a_proxy_before_itself_says_so() -> None:
    """A request that comes round again is refused at once, however many proxies it passed."""
    with proxied(always(b"")) as loopback:
        listener = loopback.port
        route = loopback.session  # keeps the session alive while the second proxy points at the first
        assert route is not None

        async def round_again(asked: Asked, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            back, forth = await asyncio.open_connection("127.0.0.1", first_port[0])
            forth.write(asked.head.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n") + asked.body)
            writer.write(await back.read())
            forth.close()
            await writer.drain()
            writer.close()

        first_port: list[int] = []
        with proxied(round_again) as loop_of_two:
            first_port.append(loop_of_two.port)
            raw = loop_of_two.ask(get())
        assert b"502" in raw
        assert b"the upstream of this proxy is the proxy itself" in raw
        assert listener != loop_of_two.port


def test_a_large_upload_passes_while_it_comes() -> None:
    """Fifty megabytes go through in pieces; only their beginning is looked at."""
    body = b'{"model":"m-big","file":"' + b"z" * 50_000_000 + b'"}'
    with proxied(always(answer(200, b"ok"))) as loopback:
        assert loopback.ask(post(body)).endswith(b"ok")
        assert loopback.asked[0].body == body
    assert loopback.calls[0].attempts[0].request.model == "m-big"


def test_an_answer_before_the_upload_is_over_reaches_the_app() -> None:
    """A provider that refuses a large upload early is heard; the half-used connection is not used again."""
    refused = answer(413, b"too large")

    async def script(asked: Asked, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        raise AssertionError("the request never becomes whole")

    async def early(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(refused)
        await writer.drain()
        await reader.read()
        writer.close()

    ports: list[int] = []
    ready, stop = threading.Event(), threading.Event()

    async def serve() -> None:
        server = await asyncio.start_server(early, "127.0.0.1", 0)
        ports.append(server.sockets[0].getsockname()[1])
        ready.set()
        while not stop.is_set():
            await asyncio.sleep(0.01)
        server.close()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert ready.wait(5)
    try:
        with proxied(script, upstream=f"http://127.0.0.1:{ports[0]}") as loopback, loopback.connect() as sock:
            sock.sendall(b"POST /v1/files HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n" + b"a" * 100)
            received = b""
            while b"too large" not in received:
                received += sock.recv(65536)
            assert received.startswith(b"HTTP/1.1 413")
    finally:
        stop.set()
        thread.join(5)


def test_a_head_request_and_empty_answers_keep_their_form() -> None:
    """HEAD, 204 and 304 have no body, whatever their headers announce."""
    for request, status in ((b"HEAD", 200), (b"GET", 204), (b"GET", 304)):
        with proxied(always(b"HTTP/1.1 %d X\r\nContent-Length: 5\r\n\r\n" % status)) as loopback:
            raw = loopback.ask(request + b" / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert raw.startswith(b"HTTP/1.1 %d" % status)
        assert raw.endswith(b"\r\n\r\n")


def test_keys_and_bodies_stay_out_of_the_recording() -> None:
    """A line holds no key in any form, no body without --bodies, and only headers that a table names."""
    key = "sk-proj-abcdefghijklmnopqrstuvwxyz0123456789"
    refused = answer(429, REFUSAL.replace(b"org-q", key.encode()), ("x-ratelimit-limit-requests", "7"),
                     ("Set-Cookie", "session=secretvalue"), ("Retry-After", "8"))  # fmt: skip
    for bodies in (False, True):
        with proxied(always(refused), bodies=bodies) as loopback:
            loopback.ask(
                post(b'{"model":"m-9","messages":"my words ' + key.encode() + b'"}', f"Authorization: Bearer {key}")
            )
        (line,) = loopback.lines
        assert "abcdefgh" not in line
        assert "secretvalue" not in line
        assert ("my words" in line) == bodies
        document = json.loads(line)
        assert document["key"] == "…6789"
        assert document["retry_after_s"] == 8.0
        assert document["finding"]["dimension"] == "requests"


def test_the_refusal_is_read_from_a_compressed_body_too() -> None:
    """A gzip body passes as it is and is understood all the same."""
    packed = gzip.compress(REFUSAL)
    with proxied(always(answer(429, packed, ("Content-Encoding", "gzip")))) as loopback:
        assert split(loopback.ask(post(b"{}")))[1] == packed
    finding = loopback.calls[0].attempts[0].outcome.finding
    assert finding is not None
    assert (finding.limit, finding.provider) == (7, "openai")
