"""What ``serve`` keeps of each request: the session's counts, a line for a person, a line in a file."""

from collections.abc import Callable, Sequence

from ratecheck.calls import Attempt, Outcome, Request
from ratecheck.calls.record import line_of
from ratecheck.clients import Sender
from ratecheck.dialects import Level, read_limits
from ratecheck.durations import NS_PER_S, human_wait_s, s_from_ns
from ratecheck.model import Category, Dimension, Finding
from ratecheck.net.recorder import Recorder
from ratecheck.net.served import Served
from ratecheck.provider import Provider
from ratecheck.provider.voices import Refusal
from ratecheck.redact import mask, neutralise
from ratecheck.serve import STRAYS, Ended, Handed, Session


class Witness:
    """Watches the emulator: feeds the session, and hands out a line for each request where somebody wants one."""

    def __init__(
        self,
        session: Session,
        provider: Provider,
        started_ns: int,
        *,
        say: Callable[[str], None] | None = None,
        write: Callable[[Attempt, Served], None] | None = None,
    ) -> None:
        self._session = session
        self._provider = provider
        self._started_ns = started_ns
        self._say = say
        self._write = write

    def begin(self, served: Served) -> None:
        """A request has been read."""
        head = served.head
        if not self._session.meet(served.sent_ns, head.title, head.sender.retry_count):
            request = _request(served)
            served.seen = Handed(request, self._session.begin(request))

    def end(self, served: Served) -> None:
        """It has ended: count it, say it, write it."""
        handed = served.seen
        levels: Sequence[Level] = ()
        if self._say is not None or self._session.draws(served.answered_ns):
            model = served.wanted.model if served.wanted else None
            levels = self._provider.levels(served.answered_ns, served.head.key or "", model)
        reserved = served.cost.input_tokens + served.cost.reserved_output_tokens if served.status == 200 else 0
        unread = self._say is None and self._write is None
        if handed is None and unread and served.status == 200 and not served.cut and served.fault is None:
            self._session.passed(reserved)
            if levels:
                self._session.draw(_request(served), served.answered_ns, levels)
            return
        if not isinstance(handed, Handed):
            request = _request(served)
            handed = Handed(request, self._session.begin(request))
        outcome = _outcome(served, self._provider.dialect.name, reads_limits=self._write is not None)
        refusal = served.refusal
        self._session.end(
            handed,
            outcome,
            Ended(
                refusal.name if refusal else None, refusal.wait_ns if refusal else None, served.fault, reserved, levels
            ),
        )
        if self._write is not None:
            self._write(Attempt(handed.request, outcome), served)
        if self._say is not None:
            self._say(line(served, handed.request.sender, self._left(levels), self._started_ns))

    def stray(self, served: Served) -> None:
        """It met no limit and was no call: an app with a wrong base URL must see that all the same."""
        if served.status is not None:
            self._session.stray(served.status)
        if self._say is not None:
            self._say(line(served, served.head.sender, (), self._started_ns))

    def _left(self, levels: Sequence[Level]) -> list[str]:
        rules = self._provider.profile.limits
        return [f"{rule.name} {level.remaining:,}/{level.limit:,}" for rule, level in zip(rules, levels, strict=False)]


def writer(recorder: Recorder, started_ns: int) -> Callable[[Attempt, Served], None]:
    """Return what puts each request into a recording as soon as it has ended."""
    return lambda attempt, served: recorder.write(
        line_of(attempt, started_ns, served.answer.headers if served.answer else ())
    )


def _request(served: Served) -> Request:
    return Request(
        sent_ns=served.sent_ns,
        target=f"{served.head.method} {served.head.path}",
        model=served.wanted.model if served.wanted else None,
        fingerprint=served.fingerprint,
        sender=served.head.sender,
        connection="{}:{}".format(*served.connection),
        key=mask(served.head.key) if served.head.key else None,
    )


def _outcome(served: Served, provider: str, *, reads_limits: bool) -> Outcome:
    refusal, answer = served.refusal, served.answer
    told_s = None
    if refusal is not None and refusal.wait_ns is not None and _is_told(served):
        told_s = s_from_ns(refusal.wait_ns)
    elif served.fault is not None and answer is not None:
        told_s = read_limits(answer.headers).retry_after_s
    limits = read_limits(answer.headers).limits if answer and (reads_limits or refusal is not None) else ()
    tokens = None
    if served.status == 200 and served.wanted is not None:
        tokens = served.wanted.admission.prompt_tokens + served.output_tokens
    return Outcome(
        answered_ns=served.answered_ns,
        status=served.status,
        retry_after_s=told_s,
        limits=limits,
        finding=_finding(refusal, provider, served.status, told_s) if refusal is not None else None,
        charged_tokens=tokens,
        cut="client" if served.cut else None,
    )


def _finding(refusal: Refusal, provider: str, status: int | None, told_s: float | None) -> Finding:
    """Say what the refusal means; nothing has to be decoded, the limit is ours."""
    category = Category.RATE_LIMIT if refusal.fits_ever else Category.REQUEST_TOO_LARGE
    concurrency = refusal.limit.dimension is Dimension.CONCURRENCY
    return Finding(
        Category.CONCURRENCY if concurrency and refusal.fits_ever else category,
        provider=provider,
        status=status,
        dimension=refusal.limit.dimension,
        window_s=None if concurrency else s_from_ns(refusal.limit.window_ns),
        limit=refusal.limit.amount,
        used=refusal.used,
        requested=refusal.requested,
        retry_after_s=told_s,
        model=refusal.model,
        retryable=refusal.fits_ever,
        will_fit_ever=refusal.fits_ever,
    )


def _is_told(served: Served) -> bool:
    """Say whether the answer states the wait: in a header or, as Gemini's does, in its body."""
    answer = served.answer
    if answer is None:
        return False
    return (
        answer.header("retry-after") is not None
        or answer.header("retry-after-ms") is not None
        or b"retryDelay" in answer.body
    )


def line(served: Served, sender: Sender, left: Sequence[str], started_ns: int) -> str:
    """Return what a person reads about one request as it happens."""
    at = f"{(served.sent_ns - started_ns) / NS_PER_S:9.3f}s"
    status = str(served.status) if served.status is not None else "---"
    # What a client may make up is shown without its control characters.
    path, model = neutralise(served.head.path, 80), neutralise(served.wanted.model, 60) if served.wanted else "-"
    words = [at, status, f"{served.head.method} {path}", model]
    if sender.retry_count:
        words.append(f"retry {sender.retry_count}")
    if served.fault is not None:
        words.append(f"fault: {served.fault}")
    elif served.refusal is not None:
        words.append(f"refused by {served.refusal.name}, {_advice(served.refusal)}")
    elif served.cut:
        words.append("the client hung up")
    elif served.wanted is None and served.status in STRAYS:
        words.append(STRAYS[served.status])
    words += left[:3]
    if served.head.key:
        words.append(f"key {mask(served.head.key)}")
    return "  ".join(words)


def _advice(refusal: Refusal) -> str:
    if not refusal.fits_ever:
        return "it can never pass"
    if refusal.wait_ns is None:
        return "wait for another answer to end"
    return f"come back in {human_wait_s(refusal.wait_ns / NS_PER_S)}"
