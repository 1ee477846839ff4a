"""The provider behind HTTP: reads a request into an ``Inference``, lets the pure ``Provider`` answer, paces the answer.

Raw ASGI: one table of paths needs no framework. Everything a request holds (its reservation, its place) is given back
in one ``finally``, whatever the client does.
"""

import asyncio
import hashlib
import json
import random
import re
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol
from urllib.parse import parse_qs

from ratecheck.durations import NS_PER_S
from ratecheck.model import Answer, Cost
from ratecheck.provider import Inference, InvalidRequest, Provider, read, replies
from ratecheck.provider.endpoints import Route, route
from ratecheck.provider.faults import OK, Outcome, Script
from ratecheck.provider.voices import Refusal
from ratecheck.redact import mask

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

# Larger than any prompt that a local test sends; a body is held in memory as a whole.
MOST_BODY_BYTES = 16 << 20
# A client that has not sent its body by then is told 408.
_BODY_S = 30.0
# A `timeout` fault ends when the client gives up; this only bounds clients that never do.
_LONGEST_SILENCE_S = 3600.0
# Bodies whose meaning is remembered: at most 2 MB of them.
_MOST_REMEMBERED, _MOST_REMEMBERED_BYTES = 512, 4096
# The share of a stream's time that passes before its first token.
_FIRST_TOKEN_SHARE = 0.3

_KEY = re.compile(r"(?i)(?:bearer|basic|token|key)\s+")
_KEY_HEADERS = (b"authorization", b"api-key", b"x-api-key", b"x-goog-api-key")


@dataclass(slots=True)
class Served:
    """One request as the emulator saw it; complete when it has ended."""

    sent_ns: int
    method: str
    path: str
    headers: Sequence[tuple[bytes, bytes]]
    client: str
    fingerprint: str = ""
    """Equal for equal bodies."""
    key: str | None = None
    """The key itself: whoever shows it masks it."""
    wanted: Inference | None = None
    cost: Cost | None = None
    status: int | None = None
    answer: Answer | None = None
    """The head of the answer, and the body of an error."""
    refusal: Refusal | None = None
    """Which limit said no, and for how long."""
    fault: str | None = None
    output_tokens: int = 0
    answered_ns: int = 0
    cut: bool = False
    """The client hung up before the end."""

    def header(self, name: bytes) -> str | None:
        """Return the first request header of that lower-case name."""
        return next((value.decode("latin-1") for key, value in self.headers if key == name), None)


class Observer(Protocol):
    """Who wants to know of every request."""

    def begin(self, served: Served) -> None:
        """A request has been read."""

    def end(self, served: Served) -> None:
        """It has ended, in whatever way."""


class _Gone(Exception):
    """The client has hung up."""


class Emulator:
    """An ASGI application that answers as ``provider`` does.

    ``clock`` gives nanoseconds since the provider's epoch. ``draws`` decides faults with a probability.
    """

    def __init__(
        self,
        provider: Provider,
        clock: Callable[[], int],
        *,
        script: Script | None = None,
        draws: random.Random | None = None,
        observer: Observer | None = None,
    ) -> None:
        self.provider = provider
        self._clock = clock
        self._script = script
        self._draws = draws or random.Random(0)
        self._observer = observer
        self._understand = lru_cache(maxsize=_MOST_REMEMBERED)(self._read)
        self.trouble: Exception | None = None
        """The last bug that met a request; the request was answered in the provider's shape."""

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        client = scope.get("client") or ("", 0)
        served = Served(self._clock(), scope["method"], scope["path"], scope["headers"], f"{client[0]}:{client[1]}")
        try:
            await self._handle(served, scope, receive, send)
        except _Gone:
            served.cut = True
        except Exception as error:  # noqa: BLE001  # a bug of ours must look like the provider's 500, and end here
            self.trouble = error
            if served.status is None:
                await self._send(served, send, self.provider.error(500, self._clock()))
        finally:
            served.answered_ns = self._clock()
            if self._observer is not None and served.wanted is not None:
                self._observer.end(served)

    def _read(self, asked: Route, body: bytes) -> tuple[Inference, Cost, str]:
        wanted = read(asked.kind, json.loads(body), asked.model, stream=asked.stream)
        return wanted, self.provider.cost_of(wanted), hashlib.blake2b(body, digest_size=8).hexdigest()

    async def _handle(self, served: Served, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        asked = route(served.path)
        now_ns = served.sent_ns
        if asked is None:
            await self._send(served, send, self.provider.error(404, now_ns))
        elif served.method != asked.method:
            answer = self.provider.error(405, now_ns, words={"method": served.method})
            await self._send(served, send, _with(answer, ("allow", asked.method)))
        elif asked.kind in ("state", "reset"):
            await self._control(asked, served, send)
        else:
            served.key = _key_of(served, scope["query_string"])
            if not served.key:
                await self._send(served, send, self.provider.error(401, now_ns))
            elif asked.kind == "models":
                names = (asked.model or self.provider.profile.model,)
                body = replies.models(names, self.provider.voice.speaks)
                head = (("content-type", "application/json"),)
                await self._send(served, send, Answer(200, head, body))
            else:
                await self._ask(served, asked, scope, receive, send)

    async def _ask(
        self, served: Served, asked: Route, scope: MutableMapping[str, Any], receive: Receive, send: Send
    ) -> None:
        body = await self._body(served, scope, receive, send)
        if body is None:
            return
        try:
            # A retry repeats its body to the byte, and so does a load test: what a body means is remembered.
            understood = self._understand if len(body) <= _MOST_REMEMBERED_BYTES else self._understand.__wrapped__
            wanted, served.cost, served.fingerprint = understood(asked, body)
        except InvalidRequest as wrong:
            answer = self.provider.error(400, self._clock(), wrong.message, param=wrong.param)
            await self._send(served, send, answer)
            return
        except (ValueError, RecursionError):
            message = "We could not parse the JSON body of your request."
            await self._send(served, send, self.provider.error(400, self._clock(), message))
            return
        served.wanted = wanted
        if self._observer is not None:
            self._observer.begin(served)
        outcome = self._fault(served)
        if outcome is not OK:
            await self._broken(served, wanted, outcome, scope, receive, send)
            return
        now_ns, key = self._clock(), served.key or ""
        ticket = self.provider.admit(served.cost, wanted.model, now_ns, key)
        if ticket.refusal is not None:
            served.refusal = ticket.refusal
            await self._send(served, send, self.provider.refuse(ticket.refusal, now_ns, key))
            return
        try:
            if wanted.stream:
                await self._stream(served, wanted, now_ns, receive, send)
            else:
                answer = self.provider.accept(wanted, now_ns, key)
                if self.provider.latency_ns:
                    await self._pause(self.provider.latency_ns, receive)
                served.output_tokens = wanted.output_tokens
                await self._send(served, send, answer)
        finally:
            self.provider.settle(ticket, wanted, self._clock(), served.output_tokens)

    def _fault(self, served: Served) -> Outcome:
        if self._script is None:
            return OK
        first = served.header(b"x-stainless-retry-count") == "0"
        outcome = self._script.next((served.key, served.fingerprint), self._draws.random(), first=first)
        if outcome is not OK:
            served.fault = outcome.kind if outcome.status is None else str(outcome.status)
        return outcome

    async def _broken(
        self,
        served: Served,
        wanted: Inference,
        outcome: Outcome,
        scope: MutableMapping[str, Any],
        receive: Receive,
        send: Send,
    ) -> None:
        cost, key = served.cost or Cost(), served.key or ""
        answer = self.provider.fault(outcome, cost, wanted.model, self._clock(), key)
        if answer.status is not None:
            await self._send(served, send, answer)
            return
        if outcome.kind == "timeout":
            await self._pause(round(_LONGEST_SILENCE_S * NS_PER_S), receive)
        abort = scope.get("state", {}).get("abort")
        if abort is not None:
            abort()

    async def _stream(self, served: Served, wanted: Inference, now_ns: int, receive: Receive, send: Send) -> None:
        head = self.provider.accept_head(wanted, now_ns, served.key or "", "text/event-stream; charset=utf-8")
        served.answer = Answer(200, head)
        frames = list(replies.frames(self.provider.reply(wanted, now_ns)))
        latency_ns = self.provider.latency_ns
        first_ns = round(latency_ns * _FIRST_TOKEN_SHARE)
        each_ns = (latency_ns - first_ns) // max(len(frames) - 1, 1)
        await self._pause(first_ns, receive)
        served.status = 200
        await send({"type": "http.response.start", "status": 200, "headers": _raw(head)})
        for number, frame in enumerate(frames, start=1):
            await send({"type": "http.response.body", "body": frame, "more_body": True})
            served.output_tokens = wanted.output_tokens * number // len(frames)
            if number < len(frames):
                await self._pause(each_ns, receive)
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _control(self, asked: Route, served: Served, send: Send) -> None:
        if asked.kind == "reset":
            self.provider.reset()
        document = state_document(self.provider, self._clock())
        head = (("content-type", "application/json"),)
        await self._send(served, send, Answer(200, head, json.dumps(document).encode()))

    async def _body(
        self, served: Served, scope: MutableMapping[str, Any], receive: Receive, send: Send
    ) -> bytes | None:
        """Read the body; answers 408 or 413 itself and returns ``None`` when there is none to be had."""
        whole = scope.get("state", {}).get("whole")
        try:
            if whole is not None and whole():
                # A timer costs as much as the limiters do; a body that is there needs none.
                body = await _all_of(receive)
            else:
                length = served.header(b"content-length")
                if length is not None and length.isdigit() and int(length) > MOST_BODY_BYTES:
                    await self._too_large(served, send)
                    return None
                async with asyncio.timeout(_BODY_S):
                    body = await _all_of(receive)
        except TimeoutError:
            answer = self.provider.error(408, self._clock())
            await self._send(served, send, _with(answer, ("connection", "close")))
            return None
        if len(body) > MOST_BODY_BYTES:
            await self._too_large(served, send)
            return None
        return body

    async def _too_large(self, served: Served, send: Send) -> None:
        answer = self.provider.error(413, self._clock(), words={"most_bytes": MOST_BODY_BYTES})
        # The rest of the body is not read: the connection is of no more use.
        await self._send(served, send, _with(answer, ("connection", "close")))

    async def _pause(self, pause_ns: int, receive: Receive) -> None:
        """Wait, and notice when the client hangs up meanwhile."""
        if pause_ns <= 0:
            return
        try:
            async with asyncio.timeout(pause_ns / NS_PER_S):
                while (await receive())["type"] != "http.disconnect":
                    pass
        except TimeoutError:
            return
        raise _Gone

    async def _send(self, served: Served, send: Send, answer: Answer) -> None:
        served.status, served.answer = answer.status, answer
        head = _raw(answer.headers)
        head.append((b"content-length", b"%d" % len(answer.body)))
        await send({"type": "http.response.start", "status": answer.status, "headers": head})
        await send({"type": "http.response.body", "body": answer.body})


async def _all_of(receive: Receive) -> bytes:
    """Return the body, or the beginning of one that is too large."""
    body = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _Gone
        body += bytes(message.get("body", b""))
        if not message.get("more_body") or len(body) > MOST_BODY_BYTES:
            return body


def _raw(headers: tuple[tuple[str, str], ...]) -> list[tuple[bytes, bytes]]:
    # A model's name may hold anything; a header may not.
    return [(name.encode("latin-1"), value.encode("latin-1", "replace")) for name, value in headers]


def _with(answer: Answer, *headers: tuple[str, str]) -> Answer:
    return Answer(answer.status, (*answer.headers, *headers), answer.body, answer.service_ns)


def _key_of(served: Served, query: bytes) -> str | None:
    for name, value in served.headers:
        if name in _KEY_HEADERS:
            key = _bare_key(value)
            if key:
                return key
    if b"key=" in query:
        return parse_qs(query.decode("latin-1")).get("key", [None])[0]
    return None


@lru_cache(maxsize=1024)
def _bare_key(value: bytes) -> str:
    return _KEY.sub("", value.decode("latin-1"), count=1).strip()


def state_document(provider: Provider, now_ns: int) -> dict[str, Any]:
    """Return what ``GET /ratecheck/state`` says: every limit in use, keys masked."""
    return {
        "schema": "ratecheck.state/1",
        "profile": provider.profile.name,
        "provider": provider.dialect.name,
        "limits": [
            {
                "key": mask(key) if key else None, "model": model or None, "name": name,
                "dimension": level.dimension.value, "window_s": level.window_s, "algorithm": algorithm,
                "limit": level.limit, "remaining": level.remaining, "full_in_s": level.full_in_ns / NS_PER_S,
            }
            for (key, model), shelf in provider.state(now_ns).items()
            for name, algorithm, level in shelf
        ],
    }  # fmt: skip
