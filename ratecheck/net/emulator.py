"""The provider behind HTTP: reads a request into an ``Inference``, lets the pure ``Provider`` answer, paces the answer.

What needs no waiting is decided by functions that do not wait. Everything a request holds (its reservation, its place)
is given back in one ``finally``, whatever the client does.
"""

import asyncio
import hashlib
import json
import random
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from functools import lru_cache
from typing import Any

from ratecheck.durations import NS_PER_S
from ratecheck.model import Answer, Cost
from ratecheck.net.served import Head, Observer, Served
from ratecheck.provider import Inference, InvalidRequest, Provider, read, replies
from ratecheck.provider.account import Ticket
from ratecheck.provider.endpoints import Route
from ratecheck.provider.faults import OK, Outcome, Script
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

_JSON = (("content-type", "application/json"),)


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
        self._remembered = lru_cache(maxsize=_MOST_REMEMBERED)(self._read)
        self.trouble: Exception | None = None
        """The last bug that met a request; the request was answered in the provider's shape."""

    # -- without waiting --------------------------------------------------------------------------------------------

    def at_once(self, head: Head, connection: tuple[str, int], body: bytes) -> Answer | None:
        """Answer a request that is there to its end; ``None`` for one whose answer takes time: that is for ASGI."""
        if self._script is not None or self.provider.latency_ns:
            return None
        served = Served(self._clock(), head, connection)
        try:
            asked = self._place(served)
            wanted = asked if isinstance(asked, Answer) else self._understand(served, asked, body)
            if isinstance(wanted, Answer):
                answer = wanted
            elif wanted.stream:
                return None
            else:
                self._begin(served)
                answer = self._answer(served, wanted)
        except Exception as error:  # noqa: BLE001  # a bug of ours must look like the provider's 500, and end here
            answer = self._stumble(error)
        served.status, served.answer = answer.status, answer
        self._end(served)
        return answer

    def malformed(self) -> Answer:
        """Return what is said to bytes that are no HTTP."""
        return _with(self.provider.error(400, self._clock()), ("connection", "close"))

    def _begin(self, served: Served) -> None:
        if self._observer is not None:
            self._observer.begin(served)

    def _end(self, served: Served) -> None:
        served.answered_ns = served.answered_ns or self._clock()
        if self._observer is None:
            return
        if served.wanted is not None:
            self._observer.end(served)
        elif served.status is not None and served.status >= 400:
            self._observer.stray(served)

    def _stumble(self, error: Exception) -> Answer:
        self.trouble = error
        return self.provider.error(500, self._clock())

    def _place(self, served: Served) -> Route | Answer:
        """Return where the request is to go, or the answer where no body is needed for one."""
        asked, method, now_ns = served.head.asked, served.head.method, served.sent_ns
        if asked is None:
            return self.provider.error(404, now_ns)
        if method != asked.method:
            answer = self.provider.error(405, now_ns, words={"method": method})
            return _with(answer, ("allow", asked.method))
        if asked.kind in ("state", "reset"):
            if asked.kind == "reset":
                self.provider.reset()
            return Answer(200, _JSON, json.dumps(state_document(self.provider, now_ns)).encode())
        if not served.head.key:
            return self.provider.error(401, now_ns)
        if asked.kind == "models":
            names = (asked.model or self.provider.profile.model,)
            return Answer(200, _JSON, replies.models(names, self.provider.voice.speaks))
        return asked

    def _understand(self, served: Served, asked: Route, body: bytes) -> Inference | Answer:
        """Read what the body wants; returns the 400 where it cannot be understood."""
        try:
            # A retry repeats its body to the byte, and so does a load test: what a body means is remembered.
            understand = self._remembered if len(body) <= _MOST_REMEMBERED_BYTES else self._read
            wanted, served.cost, served.fingerprint = understand(asked, body)
        except InvalidRequest as wrong:
            return self.provider.error(400, self._clock(), wrong.message, param=wrong.param)
        except (ValueError, RecursionError):
            return self.provider.error(400, self._clock(), "We could not parse the JSON body of your request.")
        served.wanted = wanted
        return wanted

    def _read(self, asked: Route, body: bytes) -> tuple[Inference, Cost, str]:
        wanted = read(asked.kind, json.loads(body), asked.model, stream=asked.stream)
        if asked.in_seconds:
            wanted = wanted._replace(in_seconds=True)
        return wanted, self.provider.cost_of(wanted), hashlib.blake2b(body, digest_size=8).hexdigest()

    def _admit(self, served: Served, wanted: Inference, now_ns: int) -> Ticket | Answer:
        """Let the request in, or return the refusal."""
        key = served.head.key or ""
        ticket = self.provider.admit(served.cost, wanted.model, now_ns, key)
        if ticket.refusal is None:
            return ticket
        served.refusal = ticket.refusal
        return self.provider.refuse(ticket.refusal, now_ns, key, in_seconds=wanted.in_seconds)

    def _answer(self, served: Served, wanted: Inference) -> Answer:
        # Such an answer takes no time: it ends at the instant that its headers speak of, and so the log's numbers do.
        now_ns = served.answered_ns = self._clock()
        ticket = self._admit(served, wanted, now_ns)
        if isinstance(ticket, Answer):
            return ticket
        try:
            answer = self.provider.accept(wanted, now_ns, served.head.key or "")
            served.output_tokens = wanted.output_tokens
            return answer
        finally:
            self.provider.settle(ticket, wanted, now_ns, served.output_tokens)

    # -- with waiting: bodies that come bit by bit, answers that take their time, clients that leave ----------------

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        head = Head(scope["method"], scope["path"], scope["query_string"], scope["headers"])
        served = Served(self._clock(), head, scope.get("client") or ("", 0))
        try:
            wanted = await self._wanted(served, receive)
            if isinstance(wanted, Answer):
                await self._send(served, send, wanted)
            else:
                self._begin(served)
                await self._respond(served, wanted, scope, receive, send)
        except _Gone:
            served.cut = True
        except Exception as error:  # noqa: BLE001  # as above
            answer = self._stumble(error)
            if served.status is None:
                await self._send(served, send, answer)
        finally:
            self._end(served)

    async def _wanted(self, served: Served, receive: Receive) -> Inference | Answer:
        asked = self._place(served)
        if isinstance(asked, Answer):
            return asked
        body = await self._body(served, receive)
        return body if isinstance(body, Answer) else self._understand(served, asked, body)

    async def _respond(
        self, served: Served, wanted: Inference, scope: Mapping[str, Any], receive: Receive, send: Send
    ) -> None:
        outcome = self._fault(served)
        if outcome is not OK:
            await self._break(served, wanted, outcome, scope, receive, send)
        elif wanted.stream or self.provider.latency_ns:
            await self._take_time(served, wanted, receive, send)
        else:
            await self._send(served, send, self._answer(served, wanted))

    async def _take_time(self, served: Served, wanted: Inference, receive: Receive, send: Send) -> None:
        now_ns = self._clock()
        ticket = self._admit(served, wanted, now_ns)
        if isinstance(ticket, Answer):
            await self._send(served, send, ticket)
            return
        try:
            if wanted.stream:
                await self._stream(served, wanted, now_ns, receive, send)
            else:
                answer = self.provider.accept(wanted, now_ns, served.head.key or "")
                await self._pause(self.provider.latency_ns, receive)
                served.output_tokens = wanted.output_tokens
                await self._send(served, send, answer)
        finally:
            self.provider.settle(ticket, wanted, self._clock(), served.output_tokens)

    async def _stream(self, served: Served, wanted: Inference, now_ns: int, receive: Receive, send: Send) -> None:
        head = self.provider.accept_head(wanted, now_ns, served.head.key or "", "text/event-stream; charset=utf-8")
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

    def _fault(self, served: Served) -> Outcome:
        if self._script is None:
            return OK
        first = served.head.header(b"x-stainless-retry-count") == "0"
        outcome = self._script.next((served.head.key, served.fingerprint), self._draws.random(), first=first)
        if outcome is not OK:
            served.fault = outcome.kind if outcome.status is None else str(outcome.status)
        return outcome

    async def _break(
        self,
        served: Served,
        wanted: Inference,
        outcome: Outcome,
        scope: Mapping[str, Any],
        receive: Receive,
        send: Send,
    ) -> None:
        answer = self.provider.fault(outcome, served.cost, wanted.model, self._clock(), served.head.key or "")
        if answer.status is not None:
            await self._send(served, send, answer)
            return
        if outcome.kind == "timeout":
            await self._pause(round(_LONGEST_SILENCE_S * NS_PER_S), receive)
        abort = scope.get("state", {}).get("abort")
        if abort is not None:
            abort()

    async def _body(self, served: Served, receive: Receive) -> bytes | Answer:
        """Return the body, or the 408 or 413 where there is none to be had: then the connection is of no more use."""
        length = served.head.header(b"content-length")
        try:
            if length is None or not length.isdigit() or int(length) <= MOST_BODY_BYTES:
                async with asyncio.timeout(_BODY_S):
                    body = await _all_of(receive)
                if len(body) <= MOST_BODY_BYTES:
                    return body
        except TimeoutError:
            return _with(self.provider.error(408, self._clock()), ("connection", "close"))
        answer = self.provider.error(413, self._clock(), words={"most_bytes": MOST_BODY_BYTES})
        return _with(answer, ("connection", "close"))

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
