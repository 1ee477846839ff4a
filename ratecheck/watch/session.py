"""One watched run: requests come in as they pass, calls, figures and recorded lines come out."""

from collections.abc import Callable
from datetime import datetime, timedelta

from ratecheck.calls import Attempt, Call, Grouper, Request, group
from ratecheck.calls.grouper import Handle
from ratecheck.calls.record import line_of
from ratecheck.calls.tally import Tally, limited
from ratecheck.redact import neutralise, scrub
from ratecheck.watch.seen import Seen

# A silent lane is looked at again at most this often.
_SETTLE_EVERY_NS = 2_000_000_000


class Session:
    """Observes a proxy. ``epoch_ns`` (monotonic) and ``started`` (wall time) are the same instant.

    ``write`` takes each attempt's line as it happens; ``on_call`` each call once nothing more can belong to it;
    ``on_attempt`` each attempt for a live view. ``bodies`` adds both bodies to the lines, redacted, at most
    ``most_body_bytes`` of each.
    """

    def __init__(
        self,
        epoch_ns: int,
        started: datetime,
        *,
        write: Callable[[str], None] | None = None,
        on_call: Callable[[Call], None] | None = None,
        on_attempt: Callable[[Attempt], None] | None = None,
        bodies: bool = False,
        most_body_bytes: int = 0,
    ) -> None:
        self._epoch_ns, self._started = epoch_ns, started
        self._write, self._on_call, self._on_attempt = write, on_call, on_attempt
        self._bodies, self._most_body_bytes = bodies, most_body_bytes
        self._settled_ns = epoch_ns
        self._grouper = Grouper(self._call)
        self.tally = Tally(epoch_ns)
        self.requests = 0
        self.limited = 0
        self.under_way = 0
        self.troubles: dict[str, int] = {}
        """Why the proxy had to answer itself, and how often."""

    def arrived(self, seen: Seen) -> tuple[Handle, Request]:
        """Take in a request."""
        request = seen.request()
        self.requests += 1
        self.under_way += 1
        return self._grouper.begin(request), request

    def left(self, seen: Seen, handle: tuple[Handle, Request]) -> None:
        """Take in its answer."""
        began, request = handle
        self.under_way -= 1
        now = self._started + timedelta(microseconds=(seen.answered_ns - self._epoch_ns) // 1000)
        outcome = seen.outcome(now)
        if seen.trouble is not None and len(self.troubles) < 50:
            self.troubles[seen.trouble] = self.troubles.get(seen.trouble, 0) + 1
        attempt = Attempt(request, outcome)
        self.limited += limited(attempt)
        if self._write is not None:
            self._write(line_of(attempt, self._epoch_ns, seen.kept_headers(), self._kept_bodies(seen)))
        self._grouper.end(began, outcome)
        if self._on_attempt is not None:
            self._on_attempt(attempt)
        if seen.answered_ns - self._settled_ns > _SETTLE_EVERY_NS:
            self._settled_ns = seen.answered_ns
            self._grouper.settle(seen.answered_ns)

    def replay(self, attempts: list[Attempt]) -> None:
        """Take in a whole recording."""
        self.requests += len(attempts)
        self.limited += sum(limited(attempt) for attempt in attempts)
        for call in group(attempts):
            self._call(call)

    def close(self) -> None:
        """The run is over: give out what was held."""
        self._grouper.close()

    def calls_so_far(self) -> int:
        """Return the calls as they look now, those still open among them."""
        return self.tally.calls + len(self._grouper.pending())

    def _call(self, call: Call) -> None:
        self.tally.add(call)
        if self._on_call is not None:
            self._on_call(call)

    def _kept_bodies(self, seen: Seen) -> tuple[str, str] | None:
        if not self._bodies:
            return None
        keys = tuple(
            part for name, value in seen.headers if name in ("authorization", "api-key", "x-api-key", "x-goog-api-key")
            for part in value.split(" ") if len(part) > 6
        )  # fmt: skip
        texts = (bytes(seen.body[: self._most_body_bytes]), bytes(seen.answer_body[: self._most_body_bytes]))
        request, answer = (_clean(text, keys) for text in texts)
        return request, answer


def _clean(data: bytes, keys: tuple[str, ...]) -> str:
    """Return a body as text without keys or control characters; what is no text is only measured."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        if len(data) - error.start > 3:  # more than a character that the cut has torn
            return f"<{len(data)} bytes that are no text>"
        text = data[: error.start].decode("utf-8")
    return neutralise(scrub(text, keys))
