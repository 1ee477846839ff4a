"""Send one controlled request and bring back what came, whatever the server does.

No retries, no redirects, a bounded body and one deadline for the whole exchange: name look-up, handshake, a server that
drips a byte a second and a body without an end all fall under it.
"""

import ssl
import threading
import zlib
from typing import Final
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx

from ratecheck import __version__
from ratecheck.durations import ns_from_s, s_from_ns
from ratecheck.errors import RatecheckError, UnreachableError
from ratecheck.headers import ProbeRequest, Target, request_of, wants_completion_name
from ratecheck.model import Answer, Ask, Cost, Exchange
from ratecheck.net.clock import monotonic_ns, sleep_s
from ratecheck.redact import neutralise, scrub

# A chat answer of one token is under 2 KiB and an error body under 8; the rest of a longer one is not needed.
MOST_BODY_BYTES: Final = 256 * 1024

_TRANSPORT_ERRORS: Final = (httpx.HTTPError, httpx.InvalidURL, ssl.SSLError, OSError, ValueError)


class Prober:
    """Sends the requests of a probe plan over one kept-alive connection.

    ``started_ns`` is the monotonic instant that the plan calls 0.
    """

    def __init__(self, target: Target, *, timeout_s: float) -> None:
        self._target = target
        self._timeout_s = timeout_s
        self._client: httpx.Client | None = None
        self._completion_name = "max_tokens"
        self.started_ns = monotonic_ns()

    def close(self) -> None:
        """Close the connection."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def send(self, ask: Ask) -> Exchange:
        """Wait until ``ask.at_ns``, send one request and return the exchange, instants counted from ``started_ns``.

        A model that refuses ``max_tokens`` with a 400 is asked with ``max_completion_tokens`` from the next ask on: the
        refusal is an exchange like any other, so nothing goes out that the plan did not ask for. Raises
        ``UnreachableError`` when no answer came; one that broke off behind its headers is an answer.
        """
        sleep_s(s_from_ns(ask.at_ns - (monotonic_ns() - self.started_ns)))
        request = request_of(self._target, ask, completion_name=self._completion_name)
        sent_ns = monotonic_ns()
        answer = self._within_deadline(request)
        answered_ns = monotonic_ns()
        exchange = Exchange(
            call_id=None,
            attempt=1,
            sent_ns=sent_ns - self.started_ns,
            answered_ns=answered_ns - self.started_ns,
            cost=Cost(requests=1, reserved_output_tokens=ask.max_output_tokens or 0),
            answer=answer,
            model=request.model,
        )
        if wants_completion_name(exchange):
            self._completion_name = "max_completion_tokens"
        return exchange

    def _within_deadline(self, request: ProbeRequest) -> Answer:
        """Run the exchange in a daemon thread: only so has a name look-up, which nothing can interrupt, a deadline.

        Status and headers are an answer, whatever becomes of the body.
        """
        client = self._client or self._new_client()
        self._client = client
        arriving = _Arriving(self._timeout_s)
        outcome: list[Exception | None] = []

        def work() -> None:
            try:
                arriving.fetch(client, request)
                outcome.append(None)
            except Exception as error:  # noqa: BLE001  carried to the caller's thread, whatever it is
                outcome.append(error)

        thread = threading.Thread(target=work, name="probe", daemon=True)
        thread.start()
        # A little longer than the client's own timeouts, whose words are more exact.
        thread.join(self._timeout_s + 0.25)
        if not outcome:
            self._client = None  # the thread may still hold it; the next request gets a new one
        elif not arriving.complete:
            self.close()
        error = outcome[0] if outcome else None
        answer = arriving.answer()
        if answer is not None and (error is None or isinstance(error, _TRANSPORT_ERRORS)):
            return answer
        if error is None:
            raise UnreachableError(
                f"no complete answer from {_host(request.url)} within {self._timeout_s:g} s",
                "the server is slow or something swallows the traffic; --timeout waits longer",
            )
        if isinstance(error, _TRANSPORT_ERRORS):
            raise self._unreachable(request, error) from None
        raise error

    def _new_client(self) -> httpx.Client:
        # trust_env: many users sit behind a proxy or a firewall with its own certificate (HTTPS_PROXY, SSL_CERT_FILE).
        try:
            return httpx.Client(
                follow_redirects=False,
                timeout=httpx.Timeout(self._timeout_s),
                headers={"user-agent": f"ratecheck/{__version__}", "accept-encoding": "identity"},
            )
        except (ValueError, OSError, ImportError) as error:
            raise UnreachableError(
                f"the proxy or certificate settings of the environment do not work: {neutralise(str(error), 200)}",
                "look at HTTPS_PROXY, ALL_PROXY, NO_PROXY, SSL_CERT_FILE and SSL_CERT_DIR",
            ) from None

    def _unreachable(self, request: ProbeRequest, error: Exception) -> RatecheckError:
        host = _host(request.url)
        text = neutralise(scrub(str(error), self._target.secrets), 200)
        if isinstance(error, httpx.InvalidURL | httpx.UnsupportedProtocol):
            return UnreachableError(f"not a usable URL: {text}", "a base URL looks like https://host/v1")
        if isinstance(error, httpx.ConnectTimeout):
            return UnreachableError(f"no connection to {host} within {self._timeout_s:g} s", _FIREWALL)
        if isinstance(error, httpx.TimeoutException):
            return UnreachableError(
                f"{host} took the request and sent no complete answer within {self._timeout_s:g} s",
                "the request may have been counted; --timeout waits longer",
            )
        if isinstance(error, httpx.ProxyError):
            return UnreachableError(
                f"the proxy between here and {host} failed: {text}", "look at HTTPS_PROXY, NO_PROXY"
            )
        if "CERTIFICATE" in text.upper() or "SSL" in text.upper() or "TLS" in text.upper():
            return UnreachableError(
                f"TLS with {host} failed: {text}",
                "a firewall that opens TLS needs its certificate: SSL_CERT_FILE=/path/to/ca.pem",
            )
        if isinstance(error, httpx.ConnectError) and (proxy := _proxy_before(request.url)):
            return UnreachableError(
                f"no connection to the proxy {proxy}, which the environment puts before {host}",
                "look at HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY",
            )
        if isinstance(error, httpx.ConnectError):
            # The words of getaddrinfo differ by system; these stand in all of them.
            if any(
                word in text for word in ("Name or service", "nodename", "getaddrinfo", "name resolution", "No address")
            ):
                return UnreachableError(f"no address for {host}: the name cannot be looked up", _FIREWALL)
            return UnreachableError(f"no connection to {host}: {text}", _FIREWALL)
        return UnreachableError(
            f"{host} did not answer in HTTP: {text or type(error).__name__}", "is the base URL right?"
        )


_FIREWALL = "no network, a firewall, or a wrong --base-url; `ratecheck headers --demo` works without a network"


def _host(url: str) -> str:
    return neutralise(urlsplit(url).netloc.rpartition("@")[2], 120) or "the server"


def _proxy_before(url: str) -> str | None:
    """Return the host of the proxy that the environment names for this address, as the HTTP client reads it."""
    parts = urlsplit(url)
    if proxy_bypass(parts.hostname or ""):
        return None
    found = getproxies()
    proxy = found.get(parts.scheme) or found.get("all")
    return _host(proxy if "://" in proxy else f"http://{proxy}") if proxy else None


class _Arriving:
    """An answer, as far as it has come: one thread reads it, and another may look at any time."""

    def __init__(self, timeout_s: float) -> None:
        self._begun_ns = monotonic_ns()
        self._timeout_ns = ns_from_s(timeout_s)
        self._head: httpx.Response | None = None
        self._body = bytearray()
        self.complete = False

    def fetch(self, client: httpx.Client, request: ProbeRequest) -> None:
        """Send the request and read until there is enough, the end, or no more time."""
        with client.stream(
            request.method, request.url, headers=list(request.headers), content=request.body
        ) as response:
            self._head = response
            for chunk in response.iter_raw():
                self._body += chunk[: MOST_BODY_BYTES - len(self._body)]
                if len(self._body) >= MOST_BODY_BYTES:
                    break
                if monotonic_ns() - self._begun_ns > self._timeout_ns:
                    return
            self.complete = True

    def answer(self) -> Answer | None:
        """Return it, ``None`` where not even its head has come."""
        if self._head is None:
            return None
        headers = tuple(
            (name.decode("latin-1"), value.decode("utf-8", "replace")) for name, value in self._head.headers.raw
        )
        body = _plain(bytes(self._body), self._head.headers.get("content-encoding", ""))
        took_ns = monotonic_ns() - self._begun_ns
        return Answer(self._head.status_code, headers, body, took_ns, complete=self.complete)


def _plain(body: bytes, encoding: str) -> bytes:
    """Undo a compression that nobody asked for, up to the bound; what cannot be undone stays as it is."""
    if encoding.strip().lower() not in ("gzip", "deflate"):
        return body
    try:
        return zlib.decompressobj(47).decompress(body, MOST_BODY_BYTES)  # 47: gzip or zlib, told from its first bytes
    except zlib.error:
        return body
