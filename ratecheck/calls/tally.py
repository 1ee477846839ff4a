"""What calls add up to: everything that the report and the diagnoses of traffic need, in memory that does not grow."""

import heapq
from array import array
from collections import Counter
from dataclasses import dataclass, replace
from itertools import count

from ratecheck.calls.attempt import Attempt, Call, Layer
from ratecheck.durations import NS_PER_S, s_from_ns
from ratecheck.model import Category, Dimension, Finding, LimitReading

# Rows that a report shows at most, and the spans of time that a chart has room for.
_MOST_SHOWN = 40
_MOST_SPANS = 240
# Instants of retries kept to see whether workers retry together; 8 bytes each.
_MOST_INSTANTS = 50_000
# Different models, clients or limits counted apart: a hostile app must not grow the memory.
_MOST_NAMES = 200

LIMITED = frozenset({Category.RATE_LIMIT, Category.QUOTA_EXHAUSTED, Category.REQUEST_TOO_LARGE, Category.CONCURRENCY})

# A retry this much before the told wait is over is early; below it is the clocks' difference.
_EARLY_NS = 50_000_000


def limited(attempt: Attempt) -> bool:
    """Return whether a limit refused this attempt."""
    finding = attempt.outcome.finding
    return attempt.outcome.status == 429 or (finding is not None and finding.category in LIMITED)


@dataclass(slots=True)
class Share:
    """What one client, model or retry number has in the traffic."""

    calls: int = 0
    requests: int = 0
    limited: int = 0
    failed: int = 0
    charged_tokens: int = 0


@dataclass(slots=True)
class Told:
    """What became of waits that the server asked for, for one client."""

    obeyed: int = 0
    early: int = 0
    unheard: int = 0
    """Of the early ones those after a wait that stood in the answer's text only."""
    given_up: int = 0
    """Calls that ended there: the client did not come back."""
    longest_obeyed_s: float = 0.0
    worst: tuple[float, float] | None = None
    """Of the early retries the one that came back soonest: (told, waited) in seconds."""
    longest_given_up_s: float = 0.0
    sdk: tuple[str, str | None] | None = None
    """Name and version, where the waiting was the SDK's own."""


@dataclass(slots=True)
class LimitUse:
    """The latest word of the server on one limit."""

    reading: LimitReading
    lowest_remaining: int | None = None
    refused: int = 0


class Pace:
    """Counts over time in spans that double in length as time goes on."""

    def __init__(self) -> None:
        self.span_s = 0.25
        self.requests: Counter[int] = Counter()
        self.calls: Counter[int] = Counter()
        self.limited: Counter[int] = Counter()

    def add(self, counter: Counter[int], t_s: float) -> None:
        counter[int(t_s / self.span_s)] += 1
        while len(counter) > _MOST_SPANS:
            self.span_s *= 2
            for each in (self.requests, self.calls, self.limited):
                folded = Counter[int]()
                for span, number in each.items():
                    folded[span // 2] += number
                each.clear()
                each.update(folded)


class Tally:
    """Takes calls one by one. ``epoch_ns`` is the instant that seconds in it count from; ``None``: its first."""

    def __init__(self, epoch_ns: int | None = None) -> None:
        self.epoch_ns = epoch_ns
        self.calls = self.calls_ok = self.requests = self.limited = self.failed = self.unanswered = 0
        self.first_ns: int | None = None
        self.last_ns = 0
        self.charged_tokens = 0
        self.charged_requests = 0
        self.hot_repeats = 0
        self.hopeless_retries = 0
        """Retries of what waiting cannot mend: quota used up, too large for ever, a bad request or key."""
        self.hopeless: Counter[str] = Counter()
        self.layers: Counter[Layer] = Counter()
        self.limited_layers: Counter[Layer] = Counter()
        """Refused attempts by who sent them."""
        self.stacked = Share()
        """Calls in which two layers or more retried."""
        self.worst_stack: tuple[int, int] = (0, 0)
        """(requests, SDK calls) of the largest of them."""
        self.by_number: dict[int, Share] = {}
        """Attempts by number in their call: 1 is the first try."""
        self.by_client: dict[str, Share] = {}
        self.by_model: dict[str, Share] = {}
        self.statuses: Counter[int | None] = Counter()
        self.told: dict[str, Told] = {}
        self.limits: dict[tuple[Dimension | None, float | None, str], LimitUse] = {}
        self._windows: dict[tuple[Dimension | None, int | None], float] = {}
        """What refusals said of the window of a limit of that amount."""
        self.refused_by: Counter[tuple[Dimension | None, float | None]] = Counter()
        self.categories: Counter[str] = Counter()
        self.providers: Counter[str] = Counter()
        self.sdks: Counter[tuple[str, str | None]] = Counter()
        self.retry_instants_ns = array("q")
        self.retry_waits_s = array("d")
        self.pace = Pace()
        self._notable: list[tuple[int, int, int, Call]] = []
        self._order = count()

    def add(self, call: Call) -> int:
        """Take in a call; returns its number, from 1."""
        if self.epoch_ns is None:
            self.epoch_ns = call.started_ns
        self.calls += 1
        self.calls_ok += call.ok
        self.hot_repeats += call.hot_repeat
        refused = sum(limited(attempt) for attempt in call.attempts)
        shares = [
            _share(self.by_client, call.attempts[0].request.sender.title),
            _share(self.by_model, call.attempts[0].request.model or "unknown model"),
        ]
        for share in shares:
            share.calls += 1
        for number, (attempt, layer) in enumerate(zip(call.attempts, call.layers, strict=True), 1):
            self._attempt(attempt, layer, [*shares, _share(self.by_number, min(number, 99))])
        self._links(call)
        retrying = set(call.layers) - {Layer.FIRST}
        if len(retrying) > 1:
            self.stacked.calls += 1
            self.stacked.requests += len(call.attempts)
            runs = sum(layer is not Layer.SDK for layer in call.layers)
            self.worst_stack = max(self.worst_stack, (len(call.attempts), runs))
        self.pace.add(self.pace.calls, self._t_s(call.started_ns))
        entry = (len(call.attempts), refused, -next(self._order), call)
        if len(self._notable) < _MOST_SHOWN:
            heapq.heappush(self._notable, entry)
        else:
            heapq.heappushpop(self._notable, entry)
        return self.calls

    @property
    def amplification(self) -> float | None:
        """Requests per call; ``None`` before the first call."""
        return self.requests / self.calls if self.calls else None

    @property
    def span_s(self) -> float:
        """Seconds from the first request to the end of the last answer."""
        return 0.0 if self.first_ns is None else s_from_ns(max(self.last_ns - self.first_ns, 0))

    def notable(self) -> list[Call]:
        """Return the calls worth a row, in order of time: most requests first, then refusals, then the earliest."""
        return sorted((entry[3] for entry in self._notable), key=lambda call: call.started_ns)

    def together(self, within_s: float = 0.1) -> int:
        """Return the largest number of retries that started within so short a time."""
        instants = sorted(self.retry_instants_ns)
        most = start = 0
        for end, instant in enumerate(instants):
            while instant - instants[start] > within_s * NS_PER_S:
                start += 1
            most = max(most, end - start + 1)
        return most

    def _t_s(self, instant_ns: int) -> float:
        return max(s_from_ns(instant_ns - (self.epoch_ns or 0)), 0.0)

    def _attempt(self, attempt: Attempt, layer: Layer, shares: list[Share]) -> None:
        request, outcome = attempt.request, attempt.outcome
        refused, failed = limited(attempt), not outcome.ok
        self.requests += 1
        self.limited += refused
        self.failed += failed
        self.unanswered += outcome.status is None
        self.statuses[outcome.status] += 1
        self.layers[layer] += 1
        if refused:
            self.limited_layers[layer] += 1
        self.first_ns = request.sent_ns if self.first_ns is None else min(self.first_ns, request.sent_ns)
        self.last_ns = max(self.last_ns, outcome.answered_ns)
        self.pace.add(self.pace.requests, self._t_s(request.sent_ns))
        if refused:
            self.pace.add(self.pace.limited, self._t_s(request.sent_ns))
        for share in shares:
            share.requests += 1
            share.limited += refused
            share.failed += failed
            share.charged_tokens += outcome.charged_tokens or 0
        if outcome.charged_tokens is not None:
            self.charged_tokens += outcome.charged_tokens
            self.charged_requests += 1
        sender = request.sender
        if sender.sdk and (len(self.sdks) < _MOST_NAMES or (sender.sdk, sender.version) in self.sdks):
            self.sdks[sender.sdk, sender.version] += 1
        finding = outcome.finding
        if finding is not None:
            self.categories[finding.category.value] += 1
            if finding.provider != "unknown":
                self.providers[finding.provider] += 1
            if refused:
                self.refused_by[finding.dimension, finding.window_s] += 1
        for reading in outcome.limits:
            self._limit(reading)
        if refused and finding is not None:
            self._refusing_limit(finding)

    def _refusing_limit(self, finding: Finding) -> None:
        """Take in a limit that a refusal's words state: OpenAI's headers show the day where the minute refuses."""
        if finding.category is not Category.RATE_LIMIT or not finding.limit or not finding.window_s:
            return
        what = (finding.dimension, finding.limit)
        if self._windows.get(what) == finding.window_s:
            return
        if len(self._windows) < _MOST_NAMES:
            self._windows[what] = finding.window_s
        for (dimension, window_s, header), use in list(self.limits.items()):
            if window_s is None and (dimension, use.reading.limit) == what:
                # The same limit, of which the headers tell no window.
                del self.limits[dimension, window_s, header]
                self.limits[dimension, finding.window_s, header] = use
                use.reading = replace(use.reading, window_s=finding.window_s, window_from="the refusal")
        if not any(key[:2] == (finding.dimension, finding.window_s) for key in self.limits):
            self._limit(LimitReading(finding.dimension, finding.window_s, "the refusal", finding.limit, remaining=0))

    def _limit(self, reading: LimitReading) -> None:
        told_s = self._windows.get((reading.dimension, reading.limit)) if reading.window_s is None else None
        if told_s is not None:
            reading = replace(reading, window_s=told_s, window_from="the refusal")
        key = (reading.dimension, reading.window_s, reading.headers[0] if reading.headers else "")
        use = self.limits.get(key)
        if use is None:
            if len(self.limits) >= _MOST_NAMES:
                return
            use = self.limits[key] = LimitUse(reading)
        use.reading = reading
        if reading.remaining is not None:
            lowest = use.lowest_remaining
            use.lowest_remaining = reading.remaining if lowest is None else min(lowest, reading.remaining)

    def _links(self, call: Call) -> None:
        """Look at each pause between an attempt and its retry."""
        waits = call.waits_ns()
        for index, (one, later) in enumerate(zip(call.attempts, call.attempts[1:], strict=False)):
            if len(self.retry_instants_ns) < _MOST_INSTANTS:
                self.retry_instants_ns.append(later.request.sent_ns)
                self.retry_waits_s.append(s_from_ns(waits[index]))
            why = _hopeless(one)
            if why:
                self.hopeless_retries += 1
                self.hopeless[why] += 1
            told_s = one.outcome.retry_after_s
            if told_s is not None and told_s > 0:
                told = self._told_of(later, call.layers[index + 1])
                waited_s = s_from_ns(waits[index])
                if waited_s + s_from_ns(_EARLY_NS) < told_s:
                    told.early += 1
                    told.unheard += one.outcome.in_words
                    if told.worst is None or waited_s / told_s < told.worst[1] / told.worst[0]:
                        told.worst = (told_s, waited_s)
                else:
                    told.obeyed += 1
                    told.longest_obeyed_s = max(told.longest_obeyed_s, told_s)
        last = call.attempts[-1]
        if not last.outcome.ok and last.outcome.retry_after_s:
            told = self._told_of(last, Layer.SDK)
            told.given_up += 1
            told.longest_given_up_s = max(told.longest_given_up_s, last.outcome.retry_after_s)

    def _told_of(self, attempt: Attempt, layer: Layer) -> Told:
        sender = attempt.request.sender
        own = layer in (Layer.SDK, Layer.FIRST) or not sender.sdk
        name = sender.title if own else f"the loop around {sender.title}"
        if name not in self.told and len(self.told) >= _MOST_NAMES:
            name = "others"
        told = self.told.setdefault(name, Told())
        if layer is Layer.SDK and sender.sdk:
            told.sdk = (sender.sdk, sender.version)
        return told


def _share(shares: dict, name: object) -> Share:  # type: ignore[type-arg]
    if name not in shares and len(shares) >= _MOST_NAMES:
        name = "others"
    share: Share = shares.setdefault(name, Share())
    return share


def _hopeless(attempt: Attempt) -> str | None:
    """Say why repeating this attempt cannot help; ``None`` where it can."""
    finding, status = attempt.outcome.finding, attempt.outcome.status
    if finding is not None and finding.category is Category.QUOTA_EXHAUSTED:
        return "the quota is used up"
    if finding is not None and finding.category is Category.REQUEST_TOO_LARGE and finding.will_fit_ever is False:
        return "the request is larger than the limit"
    if status in (400, 401, 403, 404, 422):
        return f"the answer was {status}"
    return None
