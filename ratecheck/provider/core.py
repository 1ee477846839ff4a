"""``Provider``: a request and an instant in, an answer out. No clock, no randomness, no sockets."""

import heapq
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from ratecheck import dialects
from ratecheck.dialects import Dialect, Level, LimitWriter, headers
from ratecheck.dialects.charging import ASSUMED, Admission, ChargingRule, Settlement, rule_for
from ratecheck.durations import NS_PER_S
from ratecheck.errors import UsageError
from ratecheck.model import Answer, Call, Cost
from ratecheck.provider import replies
from ratecheck.provider.account import Account, Ticket
from ratecheck.provider.faults import Outcome
from ratecheck.provider.inference import Inference
from ratecheck.provider.profiles import Profile
from ratecheck.provider.voices import Problem, Refusal, error_problem, refusal_problem, voice_of

# What a simulation's zero stands for where a header states a date: a full minute, hour and day.
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)

# An API that is no provider of ours: the IETF draft's headers and nothing else.
_PLAIN = Dialect("unknown", "an API with IETF RateLimit headers", headers=(*headers.IETF, *headers.RETRY_AFTER))

_SHARED_BY = ("key", "org")


_CHARGED_AS = {"generateContent": "chat", "embedContent": "embeddings", "batchEmbedContents": "embeddings"}


@lru_cache(maxsize=512)
def charging_rule(dialect: str, kind: str, model: str) -> ChargingRule:
    """Return today's rule by which a dialect charges a request; the cautious assumption where none is known."""
    return rule_for(dialect, _CHARGED_AS.get(kind, kind), model=model) or ASSUMED


@lru_cache(maxsize=2048)
def _charged(rule: ChargingRule, admission: Admission) -> Cost:
    return rule.charge(admission).cost(admission.images)


class Provider:
    """An account of a profile that answers requests.

    ``now_ns`` counts from ``epoch`` and never goes back. ``latency_ns`` is how long an answer takes. With
    ``shared_by="org"`` all keys use the same limits, as they do in one organisation.
    """

    def __init__(
        self, profile: Profile, *, shared_by: str = "key", latency_ns: int = 0, epoch: datetime = EPOCH
    ) -> None:
        if shared_by not in _SHARED_BY:
            raise UsageError(f"limits are shared by {' or '.join(_SHARED_BY)}, not by {shared_by!r}")
        self.profile = profile
        self.dialect = dialects.get(profile.dialect) or _PLAIN
        self.voice = voice_of(self.dialect.name)
        self.latency_ns = latency_ns
        self._epoch = epoch
        counts = profile.charges_refusals
        self.charges_refusals = bool(self.dialect.rejections_count if counts is None else counts)
        self._account = Account(profile, charges_refusals=self.charges_refusals, shared=shared_by == "org")
        constant = {"processing_ms": latency_ns // 1_000_000, "request_id": "{request_id}", "uuid": "{uuid}"}
        self._voiced = tuple((name, template.format_map(constant)) for name, template in self.voice.headers)
        self._writers: dict[bool, LimitWriter] = {}
        self._ending: list[tuple[int, int, Ticket, Cost | None]] = []
        self._epoch_s = int(epoch.timestamp())
        self._requests = 0
        self._unique = ""

    # -- a request in one step: simulations, demonstrations, probes of probes ---------------------------------------

    def answer(self, call: Call, now_ns: int, key: str = "") -> Answer:
        """Answer one attempt of ``call``. It ends, and is settled, ``service_ns`` later without further ado."""
        self._settle_due(now_ns)
        ticket = self.admit(call.cost, call.model, now_ns, key)
        if ticket.refusal is not None:
            return self.refuse(ticket.refusal, now_ns, key)
        admission = Admission(prompt_tokens=call.cost.input_tokens, images=call.cost.images)
        wanted = Inference(self.voice.speaks, call.model, admission, call.output_tokens)
        answer = self.accept(wanted, now_ns, key)
        heapq.heappush(
            self._ending, (now_ns + answer.service_ns, self._requests, ticket, self._used(wanted, call.cost))
        )
        return answer

    def levels(self, now_ns: int, key: str = "", model: str | None = None) -> list[Level]:
        """Return how full each limit is for that key and model."""
        self._settle_due(now_ns)
        return self._account.levels(key, model or self.profile.model, now_ns)

    def _settle_due(self, now_ns: int) -> None:
        while self._ending and self._ending[0][0] <= now_ns:
            end_ns, _, ticket, used = heapq.heappop(self._ending)
            self._account.settle(ticket, used, end_ns)

    # -- a request in its parts: a server, where the end comes when it comes ----------------------------------------

    def cost_of(self, wanted: Inference) -> Cost:
        """Return what the dialect's charging rule takes for ``wanted`` at admission."""
        if wanted.kind == "countTokens":
            # Counting has a quota of its own, beyond what anybody reaches, and takes nothing from these.
            return Cost(0)
        return _charged(charging_rule(self.dialect.name, wanted.kind, wanted.model), wanted.admission)

    def admit(self, cost: Cost, model: str, now_ns: int, key: str = "") -> Ticket:
        """Reserve ``cost`` under all limits or be refused; pass the ticket to ``settle`` when the answer has ended."""
        return self._account.admit(cost, model, key, now_ns)

    def settle(self, ticket: Ticket, wanted: Inference, now_ns: int, output_tokens: int | None = None) -> None:
        """End an admitted request after ``output_tokens`` (default: all of them): the reservation becomes the use."""
        self._account.settle(ticket, self._used(wanted, ticket.cost, output_tokens), now_ns)

    def _used(self, wanted: Inference, cost: Cost, output_tokens: int | None = None) -> Cost | None:
        rule = charging_rule(self.dialect.name, wanted.kind, wanted.model)
        if rule.settlement is not Settlement.ACTUAL:
            return None
        produced = wanted.output_tokens if output_tokens is None else output_tokens
        return Cost(cost.requests, cost.input_tokens, produced * rule.output_weight, cost.images)

    def accept(self, wanted: Inference, now_ns: int, key: str = "") -> Answer:
        """Return the whole answer to an admitted request."""
        head = self.accept_head(wanted, now_ns, key)
        return Answer(200, head, replies.body(self.reply(wanted, now_ns)), self.latency_ns)

    def accept_head(
        self, wanted: Inference, now_ns: int, key: str = "", media_type: str = "application/json"
    ) -> "_Headers":
        """Return the headers of an admitted request's answer, told before its body."""
        self._count()
        levels = self._account.levels(key, wanted.model, now_ns)
        cost_tokens = wanted.admission.prompt_tokens + wanted.output_tokens
        return self._headers(media_type, now_ns, levels, cost_tokens=cost_tokens, in_seconds=wanted.in_seconds)

    def reply(self, wanted: Inference, now_ns: int) -> replies.Reply:
        """Return the particulars that bodies and streams are written from."""
        return replies.Reply(wanted, self._unique, self._epoch_s + now_ns // NS_PER_S)

    def refuse(self, refusal: Refusal, now_ns: int, key: str = "", *, in_seconds: bool = False) -> Answer:
        """Return the answer to a refused request."""
        levels = self._account.levels(key, refusal.model, now_ns)
        return self._problem(
            refusal_problem(self.voice, refusal), now_ns, levels, refusal.wait_ns, in_seconds=in_seconds
        )

    def error(
        self,
        status: int,
        now_ns: int,
        message: str | None = None,
        *,
        param: str | None = None,
        words: Mapping[str, object] | None = None,
    ) -> Answer:
        """Return an error that no limit has to do with, in the dialect's shape; it costs nothing."""
        problem = error_problem(self.voice, status, message, param=param, words=words)
        return self._problem(problem, now_ns)

    def fault(self, outcome: Outcome, cost: Cost, model: str, now_ns: int, key: str = "") -> Answer:
        """Return what ``--fault`` asks for. ``drop`` and ``timeout`` have done their work (and are charged) unseen."""
        if outcome.status is None:
            ticket = self.admit(cost, model, now_ns, key)
            self._account.settle(ticket, None, now_ns)
            return Answer(None)
        self._account.fail(cost, model, key, now_ns)
        levels = self._account.levels(key, model, now_ns)
        if outcome.status == 429 and outcome.code is None and self.profile.limits:
            rule = self.profile.limits[0]
            refusal = Refusal(rule.limit, rule.name, model, rule.limit.amount, 1, None, fits_ever=True)
            problem = refusal_problem(self.voice, refusal)
        else:
            problem = error_problem(self.voice, outcome.status, code=outcome.code)
        answer = self._problem(problem, now_ns, levels)
        return Answer(answer.status, (*answer.headers, *outcome.headers), answer.body, answer.service_ns)

    def state(self, now_ns: int) -> dict[tuple[str, str], list[tuple[str, str, Level]]]:
        """Return every limit in use by key and model: its name, its algorithm and its level."""
        self._settle_due(now_ns)
        return {
            name: [(rule.name, rule.algorithm, level) for rule, level in shelf]
            for name, shelf in self._account.state(now_ns).items()
        }

    def reset(self) -> None:
        """Start again with full limits."""
        self._account.reset()

    # -- the head of an answer --------------------------------------------------------------------------------------

    def _count(self) -> None:
        self._requests += 1
        # A multiplication by an odd constant (2^128 / golden ratio) makes of 1, 2, 3 ids that look like none of them.
        self._unique = f"{self._requests * 0x9E3779B97F4A7C15F39CC0605CEDC835 % (1 << 128):032x}"

    def _problem(
        self,
        problem: Problem,
        now_ns: int,
        levels: Sequence[Level] = (),
        wait_ns: int | None = None,
        *,
        in_seconds: bool = False,
    ) -> Answer:
        self._count()
        request_id = f"req_{self._unique}"
        body = json.dumps(self.voice.envelope(problem, request_id), separators=(",", ":")).encode()
        head = self._headers(self.voice.media_type, now_ns, levels, wait_ns, in_seconds=in_seconds)
        return Answer(problem.status, head, body)

    def _headers(
        self,
        media_type: str,
        now_ns: int,
        levels: Sequence[Level],
        wait_ns: int | None = None,
        cost_tokens: int | None = None,
        *,
        in_seconds: bool,
    ) -> "_Headers":
        head = (
            ("date", _http_date(now_ns // NS_PER_S, self._epoch)), ("content-type", media_type), *self._plain_headers()
        )  # fmt: skip
        if not levels:
            return head
        writer = self._writers.get(in_seconds)
        if writer is None:
            # All keys and models have the same limits, however much is left of each.
            writer = self._writers[in_seconds] = LimitWriter(self.dialect, levels, in_seconds=in_seconds)
        now = self._epoch + timedelta(microseconds=now_ns // 1000)
        return (*head, *writer.write(levels, now=now, retry_after_ns=wait_ns, cost_tokens=cost_tokens))

    def _plain_headers(self) -> list[tuple[str, str]]:
        return [(name, _named(text, self._unique) if "{" in text else text) for name, text in self._voiced]


_Headers = tuple[tuple[str, str], ...]


def _named(text: str, unique: str) -> str:
    """Fill in the id of a request, in the form that the header has it in."""
    if text == "{request_id}":
        return f"req_{unique}"
    uuid = f"{unique[:8]}-{unique[8:12]}-4{unique[13:16]}-8{unique[17:20]}-{unique[20:]}"
    return text.format(uuid=uuid, request_id=f"req_{unique}")


@lru_cache(maxsize=4)
def _http_date(second: int, epoch: datetime) -> str:
    instant = epoch + timedelta(seconds=second)
    day, month = "MonTueWedThuFriSatSun", "JanFebMarAprMayJunJulAugSepOctNovDec"
    start, start_month = 3 * instant.weekday(), 3 * (instant.month - 1)
    return f"{day[start : start + 3]}, {instant:%d} {month[start_month : start_month + 3]} {instant:%Y %H:%M:%S} GMT"
