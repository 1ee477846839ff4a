"""One request as the emulator saw it, and who wants to know of it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Protocol
from urllib.parse import parse_qs

from ratecheck.clients import RETRY_COUNT, RUN_IDS, Sender, sender_of
from ratecheck.model import Answer, Cost
from ratecheck.provider import Inference
from ratecheck.provider.endpoints import Route, route
from ratecheck.provider.voices import Refusal

_KEY = re.compile(r"(?i)(?:bearer|basic|token|key)\s+")
_KEY_HEADERS = (b"authorization", b"api-key", b"x-api-key", b"x-goog-api-key")
_TELLING = frozenset(
    name.encode()
    for name in (
        "user-agent", "x-title", "http-referer", "x-stainless-helper-method", "x-client-name", "x-app",
        "x-stainless-package-version", RETRY_COUNT, *RUN_IDS,
    )
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Head:
    """What stands before a request's body. What it means is found out once, however often a head is used again."""

    method: str
    path: str
    query: bytes
    headers: Sequence[tuple[bytes, bytes]]
    """Names in lower case."""

    def header(self, name: bytes) -> str | None:
        """Return the first header of that lower-case name."""
        return next((value.decode("latin-1") for key, value in self.headers if key == name), None)

    @cached_property
    def asked(self) -> Route | None:
        """Where it is to go; ``None`` for a path that means nothing."""
        return route(self.path)

    @cached_property
    def key(self) -> str | None:
        """The key itself: whoever shows it masks it."""
        for name, value in self.headers:
            if name in _KEY_HEADERS:
                key = _KEY.sub("", value.decode("latin-1"), count=1).strip()
                if key:
                    return key
        return parse_qs(self.query.decode("latin-1")).get("key", [None])[0] if b"key=" in self.query else None

    @cached_property
    def sender(self) -> Sender:
        """The program that sent it."""
        return _known_sender(tuple([pair for pair in self.headers if pair[0] in _TELLING]))

    @cached_property
    def title(self) -> str:
        """The sender's name for a person."""
        return self.sender.title


@lru_cache(maxsize=1024)
def _known_sender(headers: tuple[tuple[bytes, bytes], ...]) -> Sender:
    # Who it is costs a dozen patterns, and a client says the same each time.
    return sender_of([(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers])


@dataclass(slots=True)
class Served:
    """One request; complete when it has ended."""

    sent_ns: int
    head: Head
    connection: tuple[str, int]
    """The client's address and port."""
    fingerprint: str = ""
    """Equal for equal bodies."""
    wanted: Inference | None = None
    cost: Cost = Cost()  # noqa: RUF009  (a named tuple cannot change)
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
    seen: object = None
    """What the observer made of its beginning."""


class Observer(Protocol):
    """Who wants to know of every request."""

    def begin(self, served: Served) -> None:
        """A request has been read."""

    def end(self, served: Served) -> None:
        """It has ended, in whatever way."""

    def stray(self, served: Served) -> None:
        """A request was turned away before anything could be read of it: no such path, no key, no JSON."""
