"""One request as the emulator saw it, and who wants to know of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from ratecheck.model import Answer, Cost
from ratecheck.provider import Inference
from ratecheck.provider.voices import Refusal


@dataclass(slots=True)
class Served:
    """One request; complete when it has ended."""

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

    def header(self, name: bytes) -> str | None:
        """Return the first request header of that lower-case name."""
        return next((value.decode("latin-1") for key, value in self.headers if key == name), None)


class Observer(Protocol):
    """Who wants to know of every request."""

    def begin(self, served: Served) -> None:
        """A request has been read."""

    def end(self, served: Served) -> None:
        """It has ended, in whatever way."""
