"""One controlled request over a real socket: whatever the server does, a clear end and no leaked key."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from conftest import Ratecheck

# Made up; its tail is long enough to notice a leak of more than the last four characters.
KEY = "sk-test-0123456789abcdefghijklmnopqrstuvwxyzWXYZ"

OK_BODY = json.dumps({"id": "x", "object": "chat.completion", "choices": [], "usage": {"total_tokens": 9}}).encode()
LIMITS = (
    "x-ratelimit-limit-requests: 500\r\nx-ratelimit-remaining-requests: 499\r\nx-ratelimit-reset-requests: 120ms\r\n"
    "x-ratelimit-limit-tokens: 30000\r\nx-ratelimit-remaining-tokens: 29991\r\nx-ratelimit-reset-tokens: 18ms\r\n"
)


def http(status: str, body: bytes = OK_BODY, headers: str = "", kind: str = "application/json") -> bytes:
    return (
        f"HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\n"
        f"connection: close\r\n{headers}\r\n"
    ).encode() + body


@contextmanager
def server(answer: Callable[[socket.socket, bytes], None]) -> Iterator[tuple[str, list[bytes]]]:
    """Listen on loopback; hand each request's bytes to ``answer``. Yields the base URL and the requests seen."""
    listener = socket.create_server(("127.0.0.1", 0))
    seen: list[bytes] = []

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(10)
                data = b""
                try:
                    while b"\r\n\r\n" not in data:
                        data += connection.recv(65536)
                    head, _, body = data.partition(b"\r\n\r\n")
                    length = next(
                        (
                            int(line.split(b":")[1])
                            for line in head.split(b"\r\n")
                            if line.lower().startswith(b"content-length")
                        ),
                        0,
                    )
                    while len(body) < length:
                        body += connection.recv(65536)
                    seen.append(head + b"\r\n\r\n" + body)
                    answer(connection, seen[-1])
                except OSError:
                    pass

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1", seen
    finally:
        listener.shutdown(socket.SHUT_RDWR)  # wakes the thread out of accept()
        listener.close()
        thread.join(5)


def always(data: bytes) -> Callable[[socket.socket, bytes], None]:
    return lambda connection, _: connection.sendall(data)


def probe(ratecheck: Ratecheck, url: str, *more: str, key: str | None = KEY) -> tuple[int, str, str]:
    env = {"OPENAI_API_KEY": key} if key else {}
    done = ratecheck("headers", "--base-url", url, "--model", "m", "--timeout", "2", *more, env=env)
    for text in (done.stdout, done.stderr):
        assert "Traceback" not in text
        assert key is None or key[-5:] not in text
    return done.returncode, done.stdout, done.stderr


def test_one_probe_is_one_request_and_says_what_is_left(ratecheck: Ratecheck) -> None:
    """One request goes out; the verdict names both limits and their windows."""
    with server(always(http("200 OK", headers=LIMITS))) as (url, seen):
        code, out, err = probe(ratecheck, url)
    assert (code, err) == (0, "")
    assert len(seen) == 1
    assert f"Bearer {KEY}".encode() in seen[0]
    assert "requests: 499 of 500 left this minute" in out
    assert "tokens: 29,991 of 30,000 left this minute" in out


def test_json_has_the_contract_and_nothing_else(ratecheck: Ratecheck) -> None:
    """One document on stdout; unknown is null; the key is its last four characters."""
    with server(always(http("200 OK", headers=LIMITS))) as (url, _):
        code, out, err = probe(ratecheck, url, "--json")
    document = json.loads(out)
    assert (code, err) == (0, "")
    assert document["schema"] == "ratecheck.headers/1"
    assert document["target"]["key"] == "…WXYZ"
    assert document["spent"] == {"requests": 1, "tokens": 9}
    [probed] = document["probes"]
    assert probed["finding"] is None
    fields = ("dimension", "limit", "remaining", "window_s")
    assert {tuple(limit[field] for field in fields) for limit in probed["limits"]} == {
        ("requests", 500, 499, 60.0), ("tokens", 30000, 29991, 60.0),
    }  # fmt: skip


def test_a_refusal_is_the_answer_no(ratecheck: Ratecheck) -> None:
    """A 429 is decoded, not retried, and exits 1."""
    body = json.dumps({"error": {"type": "requests", "code": "rate_limit_exceeded", "param": None, "message":
        "Rate limit reached for m in organization org-Zq81 on requests per min (RPM): Limit 3, Used 3, Requested 1. "
        "Please try again in 20s."}}).encode()  # fmt: skip
    with server(always(http("429 Too Many Requests", body, "retry-after: 20\r\n"))) as (url, seen):
        code, out, _ = probe(ratecheck, url, "--json")
    assert code == 1
    assert len(seen) == 1
    finding = json.loads(out)["probes"][0]["finding"]
    assert (finding["category"], finding["dimension"], finding["limit"], finding["retry_after_s"]) == (
        "rate_limit", "requests", 3, 20.0,
    )  # fmt: skip


def test_a_redirect_is_not_followed(ratecheck: Ratecheck) -> None:
    """The key stays where it was sent."""
    with (
        server(always(http("200 OK"))) as (elsewhere, stolen),
        server(always(http("307 Temporary Redirect", b"", f"location: {elsewhere}\r\n"))) as (url, _),
    ):
        code, _, err = probe(ratecheck, url)
    assert code == 3
    assert not stolen
    assert "redirect" in err


def test_a_refused_key_is_exit_4_and_is_not_quoted(ratecheck: Ratecheck) -> None:
    """The server quotes the key back, whole and shortened: none of it comes out."""
    body = json.dumps(
        {"error": {"message": f"Incorrect API key provided: {KEY}. ...{KEY[-12:]}", "code": "invalid_api_key"}}
    )
    with server(always(http("401 Unauthorized", body.encode()))) as (url, _):
        assert probe(ratecheck, url)[0] == 4
        assert probe(ratecheck, url, "--json")[0] == 4


def drip(connection: socket.socket, _: bytes) -> None:
    for byte in http("200 OK"):
        connection.sendall(bytes([byte]))
        time.sleep(0.3)


def stalling(head: bytes, wait_s: float) -> Callable[[socket.socket, bytes], None]:
    def answer(connection: socket.socket, _: bytes) -> None:
        connection.sendall(head)
        time.sleep(wait_s)

    return answer


def dripping(head: bytes) -> Callable[[socket.socket, bytes], None]:
    def answer(connection: socket.socket, _: bytes) -> None:
        connection.sendall(head)
        for _ in range(20):
            connection.sendall(b" ")
            time.sleep(0.2)

    return answer


@pytest.mark.parametrize("how", ["stalls", "drips", "breaks off"])
@pytest.mark.parametrize(
    ("status", "headers", "code"),
    [
        ("429 Too Many Requests", "retry-after: 7\r\n", 1),
        ("200 OK", LIMITS, 0),
        ("200 OK", "", 3),
        ("503 Service Unavailable", "", 1),
    ],
)
def test_an_answer_that_breaks_off_behind_its_headers_is_one(
    ratecheck: Ratecheck, how: str, status: str, headers: str, code: int
) -> None:
    """What the head says is told, in time, and that the rest is missing; without any word on limits it is an error."""
    head = f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: 500\r\n{headers}\r\n{{".encode()
    answer = {"stalls": stalling(head, 4), "drips": dripping(head), "breaks off": stalling(head, 0)}[how]
    for more in ([], ["--json"]):
        begun = time.monotonic()
        with server(answer) as (url, _):
            got, out, err = probe(ratecheck, url, *more)
        assert time.monotonic() - begun < 12
        assert got == code
        if code == 3:
            assert "did not bring its answer to an end" in err
        elif more:
            probed = json.loads(out)["probes"][0]
            assert probed["complete"] is False
            assert (probed["finding"] or {}).get("retry_after_s") == (7.0 if "retry" in headers else None)
            assert len(probed["limits"]) == (2 if headers == LIMITS else 0)
        else:
            assert "did not come to its end" in out


def endless(connection: socket.socket, _: bytes) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n" + LIMITS.encode() + b"\r\n{")
    for _ in range(100_000):
        connection.sendall(b" " * 65536)


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (drip, 3),
        (lambda connection, _: time.sleep(4), 3),
        (lambda connection, _: None, 3),
        (always(b"SSH-2.0-nothing\r\n"), 3),
        (always(b"HTTP/1.1 200 OK\r\n" + b"x-a: b\r\n" * 100_000 + b"\r\n"), 3),
        (always(http("200 OK", b"<html><title>Sign in</title></html>", kind="text/html")), 3),
        (always(http("502 Bad Gateway", b"<html>502</html>", kind="text/html")), 3),
        (always(http("404 Not Found", b'{"error": {"message": "model not found"}}')), 3),
        (always(http("200 OK", b'{"usage": {"total_tokens": 1e999}}', LIMITS)), 0),
        (always(http("200 OK", b"[" * 100_000, LIMITS)), 0),
        (endless, 0),
    ],
)  # fmt: skip
def test_hostile_servers_get_a_clear_end_in_time(
    ratecheck: Ratecheck, answer: Callable[[socket.socket, bytes], None], code: int
) -> None:
    """Slow, silent, endless, wrong protocol, HTML: one line, no hang beyond the timeout."""
    begun = time.monotonic()
    with server(answer) as (url, _):
        got, out, err = probe(ratecheck, url)
    assert got == code
    assert code == 0 or (err.startswith("error: ") and not out)
    assert time.monotonic() - begun < 12


def test_server_text_cannot_paint_the_screen(ratecheck: Ratecheck) -> None:
    """Escape codes, markup and newlines in headers' and bodies' text are neutralised."""
    body = json.dumps(
        {
            "error": {
                "message": "\x1b[31mRate\x1b[0m limit reached for [bold]x[/bold]\x07. Please try again in 2s.",
                "code": "\x1b]0;t\x07",
            }
        }
    )
    with server(always(http("429 Too Many Requests", body.encode()))) as (url, _):
        code, out, err = probe(ratecheck, url)
    assert code == 1
    assert "\x1b" not in out + err
    assert "[bold]x[/bold]" in out


@pytest.mark.parametrize("more", [[], ["--json"], ["--raw"]])
@pytest.mark.parametrize("status", ["200 OK", "429 Too Many Requests", "500 Oops", "401 Unauthorized"])
def test_a_key_that_the_server_quotes_is_shown_nowhere(ratecheck: Ratecheck, status: str, more: list[str]) -> None:
    """In an id, a header, a code, a sentence: ``probe`` above looks for more than the last four characters."""
    body = json.dumps({"error": {"message": f"Rate limit of {KEY} reached", "code": KEY, "type": KEY}, "model": KEY})
    headers = f'x-request-id: {KEY}\r\nx-ratelimit-limit: {KEY}\r\nRateLimit: "{KEY}";r=1;t=2\r\nretry-after: {KEY}\r\n'
    with server(always(http(status, body.encode(), headers))) as (url, _):
        _, out, err = probe(ratecheck, url, *more)
    assert "WXYZ" in out + err


@pytest.mark.parametrize("more", [[], ["--json"], ["--dry-run"], ["--dry-run", "--json"]])
def test_a_key_in_the_query_is_sent_and_not_shown(ratecheck: Ratecheck, more: list[str]) -> None:
    """Some gateways take it there."""
    secret = "0123456789abcdefSECRETlmnop"
    with server(always(http("200 OK", headers=LIMITS))) as (url, seen):
        code, out, err = probe(ratecheck, f"{url}?key={secret}", *more)
    assert code == 0
    assert "SECRET" not in out + err
    assert all(f"?key={secret}".encode() in request for request in seen)


def test_a_page_in_place_of_an_answer_is_not_understood(ratecheck: Ratecheck) -> None:
    """A login page answers 200 as well: neither command takes it for the API's word."""
    page = http("200 OK", b"<html><title>Sign in</title></html>", kind="text/html")
    for command in (("headers",), ("probe", "--yes")):
        with server(always(page)) as (url, seen):
            done = ratecheck(*command, "--base-url", url, "--model", "m", "--no-key", "--timeout", "2")
        assert (done.returncode, len(seen)) == (3, 1)
        assert "no JSON" in done.stderr


@pytest.mark.parametrize("more", [["--every", "1"], ["--every", "1", "--json"], ["--textfile", "n.prom"]])
@pytest.mark.parametrize(("status", "code"), [("404 Not Found", 3), ("302 Found", 3), ("401 Unauthorized", 4)])
def test_a_watch_ends_where_its_first_answer_says_that_none_will_do(
    ratecheck: Ratecheck, tmp_path: Path, more: list[str], status: str, code: int
) -> None:
    """A wrong model, address or key would fail for ever; the exit code is that of a single probe."""
    where = [str(tmp_path / each) if each.endswith(".prom") else each for each in more]
    with server(always(http(status, b'{"error": {"message": "no such model"}}'))) as (url, seen):
        got, out, err = probe(ratecheck, url, *where)
    assert (got, len(seen)) == (code, 1)
    assert "error: the server " in err
    assert "--json" not in more or json.loads(out)["probes"][0]["status"] == int(status[:3])


def test_raw_shows_the_headers_of_an_answer_that_is_no_success(ratecheck: Ratecheck) -> None:
    """The hint of that error names --raw."""
    with server(always(http("404 Not Found", b"{}", "retry-after: 7\r\n"))) as (url, _):
        code, out, _ = probe(ratecheck, url, "--raw")
    assert code == 3
    assert "retry-after: 7" in out


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/v1", "https://name.invalid/v1"])
def test_nobody_there(ratecheck: Ratecheck, url: str) -> None:
    """No listener, no such name: exit 3 and one clear line."""
    code, out, err = probe(ratecheck, url)
    assert code == 3
    assert not out
    assert len(err.splitlines()) == 2


@pytest.mark.parametrize(("past", "says"), [("", "the proxy 127.0.0.1:9, which"), ("127.0.0.1", "127.0.0.1:9: ")])
def test_a_proxy_that_is_not_there_is_what_is_named(ratecheck: Ratecheck, past: str, says: str) -> None:
    """Not the server, which nobody asked; where the address goes past the proxy it is the server again."""
    proxy = {"HTTP_PROXY": "http://me:hunter2@127.0.0.1:9", "NO_PROXY": past}
    done = ratecheck("headers", "--base-url", "http://127.0.0.1:9/v1", "--model", "m", "--no-key", env=proxy)
    assert done.returncode == 3
    assert f"no connection to {says}" in done.stderr
    assert "hunter2" not in done.stderr


@pytest.mark.parametrize(
    "url", ["ftp://host/v1", "nonsense", "http://", "http://user:pw@host/v1", "http://[::1", "http://h:99999"]
)
def test_unusable_urls_are_wrong_usage(ratecheck: Ratecheck, url: str) -> None:
    """Exit 2 before anything is sent."""
    code, _, err = probe(ratecheck, url)
    assert code == 2
    assert "pw" not in err


def test_no_key_is_exit_4_and_says_where_it_looked(ratecheck: Ratecheck) -> None:
    """Without a key nothing is sent."""
    done = ratecheck("headers")
    assert done.returncode == 4
    assert "OPENAI_API_KEY" in done.stderr
    assert "--demo" in done.stderr


def test_no_key_flag_sends_none(ratecheck: Ratecheck) -> None:
    """--no-key is for local servers: no authorization header goes out even where a key is set."""
    with server(always(http("200 OK", headers=LIMITS))) as (url, seen):
        code, _, _ = probe(ratecheck, url, "--no-key")
    assert code == 0
    assert b"authorization" not in seen[0].lower()


@pytest.mark.parametrize("more", [[], ["--json"]])
def test_dry_run_sends_nothing_and_hides_the_key(ratecheck: Ratecheck, more: list[str]) -> None:
    """The request is shown; the key is its last four characters."""
    with server(always(http("200 OK"))) as (url, seen):
        code, out, _ = probe(ratecheck, url, "--dry-run", *more)
    assert code == 0
    assert not seen
    assert "/chat/completions" in out
    assert "WXYZ" in out


def test_the_probe_adapts_once_to_another_parameter_name(ratecheck: Ratecheck) -> None:
    """A model that wants max_completion_tokens is asked once more, and both requests are said to be spent."""
    refusal = {
        "error": {
            "message": "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.",
            "code": "unsupported_parameter",
        }
    }

    def answer(connection: socket.socket, request: bytes) -> None:
        fits = b'"max_completion_tokens"' in request
        connection.sendall(
            http("200 OK", headers=LIMITS) if fits else http("400 Bad Request", json.dumps(refusal).encode())
        )

    with server(answer) as (url, seen):
        code, out, _ = probe(ratecheck, url, "--json")
    assert code == 0
    assert len(seen) == 2
    assert json.loads(out)["spent"]["requests"] == 2


def test_alert_is_the_answer_no(ratecheck: Ratecheck) -> None:
    """--alert 20 exits 1 when less than a fifth is left of any limit, 0 otherwise."""
    low = LIMITS.replace("remaining-tokens: 29991", "remaining-tokens: 12")
    with server(always(http("200 OK", headers=low))) as (url, _):
        code, out, _ = probe(ratecheck, url, "--alert", "20")
    assert code == 1
    assert "the next prompt over 12 tokens will be refused" in out
    with server(always(http("200 OK", headers=LIMITS))) as (url, _):
        assert probe(ratecheck, url, "--alert", "20")[0] == 0


def test_counted_probes_are_a_chart(ratecheck: Ratecheck) -> None:
    """--count 3 sends three and draws what is left over time."""
    with server(always(http("200 OK", headers=LIMITS))) as (url, seen):
        code, out, _ = probe(ratecheck, url, "--count", "3", "--every", "0.05")
    assert code == 0
    assert len(seen) == 3
    assert "Left over time" in out
