"""uvicorn's HTTP protocol with a short cut: what is there to its end and needs no waiting is answered on the spot.

A task, an event and six messages for each request cost more than all limits of a provider. uvicorn takes a protocol
class of one's own (``Config(http=...)``); everything that does not take the short cut goes its usual way through ASGI.
"""

import re
from functools import lru_cache
from http import HTTPStatus
from urllib.parse import unquote

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from ratecheck.model import Answer
from ratecheck.net.emulator import Emulator
from ratecheck.net.served import Head

# Longer bodies come in more than one read, and reading them takes longer than a task does.
_MOST_BODY_BYTES = 1 << 16
# A client that has not sent its head by then is cut off.
_HEAD_S = 30.0
# Heads that are remembered: equal bytes mean the same, and a client's differ in little but the length of the body.
_MOST_HEADS, _LONGEST_HEAD_BYTES = 1024, 4096
_HEADS: dict[bytes, tuple[Head, int]] = {}


class ShortCut(HttpToolsProtocol):
    """One connection. A request is held back until it is there to its end, then answered, or handed on to ASGI."""

    _held: bytearray | None = None
    """The body so far of a request that may take the short cut."""
    _between = True
    """Neither head nor body of a request has begun to come."""
    _data: bytes | None = None
    """What was read last, where it begins with a request."""

    def data_received(self, data: bytes) -> None:
        if self._between and self._free() and self._answer_known(data):
            return
        if self._between:
            data = _without_upgrade(data)
        self._data = data if self._between else None
        super().data_received(data)
        if self.transport.is_closing():
            self._held = None
        elif self._held is not None:
            self._hand_on()
        elif self.timeout_keep_alive_task is None and (self.cycle is None or self.cycle.response_complete):
            # A head that has begun and does not end: uvicorn would wait for ever.
            self.timeout_keep_alive_task = self.loop.call_later(_HEAD_S, self.timeout_keep_alive_handler)

    def _free(self) -> bool:
        """An answer under way comes first, and a client that does not read must not be written to without end."""
        return (self.cycle is None or self.cycle.response_complete) and not self.flow.write_paused

    def _answer_known(self, data: bytes) -> bool:
        """Answer a whole request whose head has been parsed before, to the byte."""
        end = data.find(b"\r\n\r\n") + 4
        known = _HEADS.get(data[:end])
        if known is None or len(data) != end + known[1]:
            return False
        answer = self._at_once(known[0], data[end:])
        if answer is None:
            return False
        self._unset_keepalive_if_required()
        self._write(answer)
        return True

    def on_message_begin(self) -> None:
        self._between = False
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        parser = self.parser
        method = parser.get_method()
        if (
            parser.should_keep_alive()
            and parser.get_http_version() == "1.1"
            and method != b"HEAD"
            and not parser.should_upgrade()
            and not self.expect_100_continue
            and self._free()
        ):
            self._held = bytearray()
        else:
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        if self._held is not None:
            self._held += body
            if len(self._held) > _MOST_BODY_BYTES:
                self._hand_on()
        else:
            super().on_body(body)

    def on_message_complete(self) -> None:
        self._between = True
        if self._held is None:
            super().on_message_complete()
            return
        path, query = _path_and_query(self.url)
        head, body = Head(self.parser.get_method().decode("ascii"), path, query, self.headers), bytes(self._held)
        answer = self._at_once(head, body)
        if answer is None:
            self._hand_on()
            super().on_message_complete()
        else:
            self._held = None
            self._remember(head, len(body))
            self._write(answer)

    def _remember(self, head: Head, body_bytes: int) -> None:
        """Keep what these bytes mean, where they are a head with its length, a body and nothing else."""
        data, self._data = self._data, None
        end = data.find(b"\r\n\r\n") + 4 if data is not None else 0
        if data is not None and len(data) == end + body_bytes and end <= _LONGEST_HEAD_BYTES:
            if len(_HEADS) >= _MOST_HEADS:
                _HEADS.clear()
            _HEADS[data[:end]] = head, body_bytes

    def _at_once(self, head: Head, body: bytes) -> Answer | None:
        app: Emulator = self.app
        return app.at_once(head, self.client or ("", 0), body)

    def _write(self, answer: Answer) -> None:
        self.transport.write(_wire(answer))
        self.on_response_complete()

    def _hand_on(self) -> None:
        held, self._held = self._held, None
        super().on_headers_complete()
        if held:
            super().on_body(bytes(held))

    def send_400_response(self, msg: str) -> None:
        """Say in the provider's words that this is no HTTP."""
        app: Emulator = self.app
        self._between = False
        self.transport.write(_wire(app.malformed()))
        self.transport.close()


_UPGRADE = re.compile(rb"(?i)\r\nupgrade(?=:)")


def _without_upgrade(data: bytes) -> bytes:
    """Overlook the offer of another protocol, as a server may: the parser would leave the body to that protocol.

    Java's HTTP client and ``curl --http2`` offer HTTP/2 with every plain request.
    """
    end = data.find(b"\r\n\r\n")
    return _UPGRADE.sub(b"\r\nx-upgrade", data[:end]) + data[end:] if end > 0 else data


@lru_cache(maxsize=256)
def _path_and_query(url: bytes) -> tuple[str, bytes]:
    parsed = httptools.parse_url(url)
    return unquote(parsed.path.decode("ascii")), parsed.query or b""


@lru_cache
def _status_line(status: int) -> str:
    phrases = {each.value: each.phrase for each in HTTPStatus}
    return f"HTTP/1.1 {status} {phrases.get(status, '')}"


def _wire(answer: Answer) -> bytes:
    lines = [_status_line(answer.status or 500), *map(": ".join, answer.headers)]
    head = "\r\n".join(lines).encode("latin-1", "replace")
    return b"%b\r\ncontent-length: %d\r\n\r\n%b" % (head, len(answer.body), answer.body)
