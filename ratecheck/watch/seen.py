"""What one request and its answer say, read from the bytes that passed: model, fingerprint, tokens, the refusal."""

import hashlib
import json
import re
import zlib
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any

from ratecheck import decode, dialects
from ratecheck.calls import Outcome, Request
from ratecheck.clients import sender_of
from ratecheck.dialects.naming import find_rule
from ratecheck.redact import mask

# Beyond this a request body is not parsed as a whole; the model's name is looked for at its ends.
_MOST_PARSED_BYTES = 1 << 20
_ENDS_BYTES = 64 * 1024
# The body of a refusal is a sentence; usage stands at the end of an answer.
ERROR_BYTES = 64 * 1024
TAIL_BYTES = 4096

_MODEL = re.compile(rb'"model"\s*:\s*"([^"\\]{1,200})"')
_MODEL_IN_PATH = re.compile(r"/(?:deployments|models|model|engines)/([^/:?]{1,200})")
_TOTAL = re.compile(rb'"total_tokens"\s*:\s*(\d{1,12})')
_IN, _OUT = re.compile(rb'"input_tokens"\s*:\s*(\d{1,12})'), re.compile(rb'"output_tokens"\s*:\s*(\d{1,12})')
_BOUNDARY = re.compile(r'boundary="?([^";,\s]{1,200})')

# Headers that say how to retry or when an answer was made; the tables of the dialects name the rest.
_ALWAYS = frozenset({"retry-after", "retry-after-ms", "x-should-retry", "date"})
_KEYS = ("authorization", "api-key", "x-api-key", "x-goog-api-key")


class Fingerprint:
    """A hash of a body that arrives in pieces, the same for equal bodies however they are cut.

    The boundary of a multipart body is drawn anew by each attempt: it is left out of the hash.
    """

    __slots__ = ("_boundary", "_hash", "_tail")

    def __init__(self, content_type: str = "") -> None:
        self._hash = hashlib.blake2b(digest_size=8)
        found = _BOUNDARY.search(content_type) if content_type.lower().startswith("multipart/") else None
        self._boundary = found[1].encode("latin-1", "replace") if found else b""
        self._tail = b""

    def update(self, data: bytes) -> None:
        """Take in the next piece."""
        if self._boundary:
            data = (self._tail + data).replace(self._boundary, b"\0")
            keep = len(self._boundary) - 1
            data, self._tail = (data[:-keep], data[-keep:]) if keep else (data, b"")
        self._hash.update(data)

    def text(self) -> str:
        """Return the hash as sixteen hexadecimal digits."""
        self._hash.update(self._tail)
        self._tail = b""
        return self._hash.hexdigest()


@dataclass(slots=True)
class Seen:
    """One request as it passes through the proxy; filled in while it does."""

    sent_ns: int
    upstream: str
    """Origin, ``https://api.openai.com``."""
    provider: str | None
    method: str
    path: str
    headers: list[tuple[str, str]]
    connection: str
    body: bytearray = field(default_factory=bytearray)
    """The beginning of the request's body, as much as is kept."""
    body_bytes: int = 0
    fingerprint: str = ""
    status: int | None = None
    answer_headers: list[tuple[str, str]] = field(default_factory=list)
    answer_body: bytearray = field(default_factory=bytearray)
    answer_tail: bytes = b""
    answer_bytes: int = 0
    first_byte_ns: int | None = None
    answered_ns: int = 0
    cut: str | None = None
    trouble: str | None = None
    """Why the proxy itself had to answer 502."""

    def request(self) -> Request:
        """Return what grouping needs to know of the request."""
        sender = sender_of(self.headers)
        key = next((value for name, value in self.headers if name in _KEYS), None)
        return Request(
            sent_ns=self.sent_ns,
            target=f"{self.method} {self.upstream}{self.path}",
            model=self._model(),
            fingerprint=self.fingerprint,
            sender=sender,
            connection=self.connection,
            key=_key_of(key) if key else None,
        )

    def outcome(self, now: datetime | None = None) -> Outcome:
        """Return how it ended; ``now`` is wall time, for an answer that states dates without its own."""
        # Most headers of an answer say nothing here, and it is by the name that one knows: told once for each name.
        telling = [header for header in self.answer_headers if _named(header[0], self.provider) or _signs(header[0])]
        reading = dialects.read_limits(telling, provider=self.provider, now=now)
        finding = None
        if self.status is not None and self.status >= 400:
            finding = decode.finding_of(
                self.status, self.answer_headers, self._readable_answer(), provider=self.provider, now=now
            )
        told = finding.retry_after_s if finding is not None else None
        return Outcome(
            answered_ns=self.answered_ns,
            status=self.status,
            retry_after_s=reading.retry_after_s if reading.retry_after_s is not None else told,
            in_words=reading.retry_after_s is None and told is not None,
            limits=reading.limits,
            finding=finding,
            charged_tokens=self._tokens(),
            cut=self.cut,
        )

    def kept_headers(self) -> list[tuple[str, str]]:
        """Return the answer's headers that the tables name."""
        return [(name, value) for name, value in self.answer_headers if _named(name, self.provider)]

    def _model(self) -> str | None:
        if self.body and self.body_bytes == len(self.body) <= _MOST_PARSED_BYTES and self.body[:1] == b"{":
            try:
                document: Any = json.loads(self.body)
            except ValueError:
                document = None
            model = document.get("model") if isinstance(document, dict) else None
            if isinstance(model, str):
                return model[:200]
        elif self.body:
            found = _MODEL.search(self.body[:_ENDS_BYTES]) or _MODEL.search(self.body[-_ENDS_BYTES:])
            if found:
                return found[1].decode("utf-8", "replace")
        in_path = _MODEL_IN_PATH.search(self.path)
        return in_path[1] if in_path else None

    def _readable_answer(self) -> str:
        """Return the kept answer as text; empty where it is packed in a way that the standard library cannot open."""
        data = bytes(self.answer_body)
        packed = next((value.lower() for name, value in self.answer_headers if name == "content-encoding"), "")
        if packed in ("gzip", "x-gzip", "deflate"):
            try:
                # At most the kept size again: a bomb opens to no more. 32 + 15: gzip or zlib, whichever it is.
                data = zlib.decompressobj(32 + 15).decompress(data, ERROR_BYTES)
            except zlib.error:
                return ""
        elif packed not in ("", "identity"):
            return ""
        return data.decode("utf-8", "replace")

    def _tokens(self) -> int | None:
        """Return the tokens that the answer says it used; ``None`` where it says nothing readable."""
        if self.status is None or self.status >= 400:
            return None
        total = _TOTAL.findall(self.answer_tail)
        if total:
            return int(total[-1])
        read, written = _IN.findall(self.answer_tail), _OUT.findall(self.answer_tail)
        return int(read[-1]) + int(written[-1]) if read and written else None


def _key_of(value: str) -> str:
    """Return what may be known of a key, and enough to tell two of them apart: its tail and two bytes of a hash."""
    secret = value.rsplit(" ", 1)[-1]
    return f"{mask(secret)}#{hashlib.blake2b(secret.encode('utf-8', 'replace'), digest_size=2).hexdigest()}"


@lru_cache(maxsize=4096)
def _named(name: str, provider: str | None) -> bool:
    return name in _ALWAYS or find_rule(name, dialects.get(provider)) is not None


@lru_cache(maxsize=4096)
def _signs(name: str) -> bool:
    """Tell whether some service signs its answers with this header."""
    signatures = (signature.header for row in dialects.ALL.values() for signature in row.signatures)
    return any(name.startswith(each[:-1]) if each.endswith("*") else name == each for each in signatures)
