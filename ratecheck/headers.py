"""The main job: one controlled probe, every rate-limit header read, or the refusal decoded.

The plan is a generator (asks out, exchanges in), so that it runs against a socket and against a ``Provider`` in virtual
time alike. Nothing here sends anything.
"""

import json
import re
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote

from ratecheck import dialects
from ratecheck.decode import finding_of
from ratecheck.diagnose.readings import of_finding, of_reading
from ratecheck.dialects.rules import Dialect, Reading
from ratecheck.durations import s_from_ns
from ratecheck.model import Ask, Category, Diagnosis, Exchange, Finding, LimitReading, Source
from ratecheck.redact import mask, neutralise, scrub, scrub_all

# One word: the smallest prompt that every API takes.
PROMPT: Final = "hi"


@dataclass(frozen=True, slots=True)
class ProbeRequest:
    """An HTTP request, the credential included: never printed as it is, see ``shown``."""

    method: str
    url: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    model: str | None


@dataclass(frozen=True, slots=True)
class Target:
    """Where probes go and as whom. ``key`` is a secret: reports hold ``key_shown`` only."""

    dialect: Dialect
    base_url: str
    model: str
    kind: str
    """``chat``, ``responses``, ``embeddings``, ``messages``, ``generateContent``."""
    key: str | None = None
    second_key: str | None = None
    api_version: str | None = None
    extra_headers: tuple[tuple[str, str], ...] = ()
    told_from: str = ""
    """What the provider was told from, for people."""
    profile: Source | None = None
    """Where the limits of a demo account were read."""

    @property
    def sources(self) -> tuple[Source, ...]:
        """Where the facts about this provider were read."""
        return (*((self.profile,) if self.profile else ()), *self.dialect.sources)

    @property
    def url(self) -> str:
        """The whole URL of a probe as it may be shown: some gateways take a key in the query."""
        return scrub(url_of(self), self.secrets)

    @property
    def key_shown(self) -> str | None:
        """The key as it may be shown."""
        return mask(self.key) if self.key else None

    @property
    def secrets(self) -> tuple[str, ...]:
        """Every text that must never come out."""
        return tuple(key for key in (self.key, self.second_key) if key)


@dataclass(frozen=True, slots=True)
class Probe:
    """One probe and what it told."""

    t_s: float
    status: int | None
    latency_s: float
    request_id: str | None
    charged_requests: int
    charged_tokens: int | None
    """What the answer says it used; ``None`` when it does not say."""
    limits: tuple[LimitReading, ...]
    finding: Finding | None
    understood: bool = True
    """Whether the body was JSON, as every such API answers; an HTML page is not."""
    complete: bool = True
    """Whether the body came to its end: what it would have said is missing otherwise."""
    unknown: tuple[str, ...] = ()
    """Headers that look like limits and could not be read."""
    raw: tuple[tuple[str, str], ...] = ()
    """Every rate-limit header as it came, neutralised."""
    diagnoses: tuple[Diagnosis, ...] = ()


@dataclass(frozen=True, slots=True)
class HeadersReport:
    """What ``ratecheck headers`` found out."""

    provider: str
    url: str
    model: str
    key_shown: str | None
    probes: tuple[Probe, ...]
    demo: str | None = None
    """The profile, where the numbers are an emulated provider's and nobody's own."""
    told_from: str = ""
    spent_requests: int = 0
    """HTTP requests that went out, one that only asked for another parameter name included."""

    @property
    def spent_tokens(self) -> int | None:
        """Tokens that the answers say they used; ``None`` when none of them says."""
        told = [probe.charged_tokens for probe in self.probes if probe.charged_tokens is not None]
        return sum(told) if told else None

    @property
    def refused(self) -> bool:
        """True when a probe ran into a limit of whatever kind."""
        return any(
            probe.finding is not None and probe.finding.category is not Category.NOT_RATE_LIMIT for probe in self.probes
        )


def plan(count: int | None, every_ns: int) -> Generator[Ask, Exchange, None]:
    """Ask ``count`` times (``None``: for ever), ``every_ns`` apart.

    Once more where the first answer only says that the model wants ``max_completion_tokens``.
    """
    sent = 0
    while count is None or sent < count:
        exchange = yield Ask(at_ns=sent * every_ns)
        if sent == 0 and wants_completion_name(exchange):
            yield Ask()
        sent += 1


# --- the request -----------------------------------------------------------------------------------------------------


def _words(prompt_tokens: int) -> str:
    return " ".join([PROMPT] * max(prompt_tokens, 1))


def body_of(kind: str, model: str, ask: Ask, *, completion_name: str = "max_tokens") -> dict[str, Any]:
    """Return the smallest request body of its kind that asks for this much."""
    text = _words(ask.prompt_tokens)
    limit = ask.max_output_tokens
    match kind:
        case "embeddings":
            return {"model": model, "input": text}
        case "responses":
            # The Responses API takes no fewer than 16 output tokens.
            body: dict[str, Any] = {"model": model, "input": text, "store": False}
            return body if limit is None else body | {"max_output_tokens": max(limit, 16)}
        case "messages":
            return {"model": model, "max_tokens": limit or 1, "messages": [{"role": "user", "content": text}]}
        case "embedContent":
            return {"content": {"parts": [{"text": text}]}}
        case "generateContent":
            settings = {} if limit is None else {"generationConfig": {"maxOutputTokens": limit}}
            return {"contents": [{"role": "user", "parts": [{"text": text}]}], **settings}
        case _:
            body = {"model": model, "messages": [{"role": "user", "content": text}]}
            return body if limit is None else body | {completion_name: limit}


def url_of(target: Target) -> str:
    """Put base URL, path style and API version together.

    A base URL may be a bare host, the API's root (``…/v1``), or hold part of the path already
    (``…/openai/deployments/name``): what it holds is not said twice.
    """
    base, _, query = target.base_url.partition("?")
    base = base.rstrip("/")
    if not _has_path(base):
        # Where no row tells the API's root: OpenAI-compatible servers have theirs at /v1.
        base += "/v1" if target.dialect is dialects.COMPATIBLE else _path_of(target.dialect.base_url)
    path = target.dialect.path(target.kind)
    if path is None or _ROOT.search(base):
        path = _COMPATIBLE_PATHS.get(target.kind, path or "")
    pieces = path.format(model=quote(target.model, safe=":")).strip("/").split("/")
    for size in range(len(pieces), 0, -1):
        if base.endswith("/" + "/".join(pieces[:size])):
            pieces = pieces[size:]
            break
    url = "/".join([base, *pieces])
    asked = [query] if query else []
    if target.api_version and "api-version=" not in query and not _ROOT.search(base):
        asked.append(f"api-version={quote(target.api_version)}")
    return url + ("?" + "&".join(asked) if asked else "")


# Below a version root every OpenAI-compatible API has the same paths, Azure's newer route included.
_ROOT = re.compile(r"/v\d+$")
_COMPATIBLE_PATHS = {
    "chat": "chat/completions",
    "responses": "responses",
    "embeddings": "embeddings",
    "messages": "messages",
}


def _has_path(url: str) -> bool:
    return "/" in url.partition("://")[2]


def _path_of(url: str | None) -> str:
    path = (url or "").partition("://")[2].partition("/")[2].strip("/")
    return f"/{path}" if path else ""


def request_of(target: Target, ask: Ask, *, completion_name: str = "max_tokens") -> ProbeRequest:
    """Return the request for an ask, its credential included."""
    headers: list[tuple[str, str]] = [("content-type", "application/json"), *target.extra_headers]
    key = target.second_key if ask.key == 1 else target.key
    if key:
        headers.append((target.dialect.auth.header, target.dialect.auth.prefix + key))
    body = body_of(target.kind, target.model, ask, completion_name=completion_name)
    return ProbeRequest("POST", url_of(target), tuple(headers), json.dumps(body).encode(), target.model)


def shown(target: Target, ask: Ask) -> tuple[str, ...]:
    """Return the request as lines to look at: what would be sent, the key masked."""
    request = request_of(replace(target, key=None, second_key=None), ask)
    lines = [f"{request.method} {neutralise(target.url, 500)}"]
    lines += [f"{name}: {neutralise(value, 200)}" for name, value in request.headers]
    if target.key:
        lines.append(f"{target.dialect.auth.header}: {target.dialect.auth.prefix}{mask(target.key)}")
    return (*lines, "", scrub(request.body.decode(), target.secrets))


def wants_completion_name(exchange: Exchange) -> bool:
    """Tell whether the server refuses ``max_tokens`` and asks for ``max_completion_tokens`` (reasoning models do)."""
    return exchange.answer.status == 400 and b"max_completion_tokens" in exchange.answer.body


# --- the answer ------------------------------------------------------------------------------------------------------

_REQUEST_IDS: Final = ("x-request-id", "request-id", "apim-request-id", "x-amzn-requestid", "x-ms-request-id")


def read_probe(target: Target, exchange: Exchange, now: datetime | None) -> Probe:
    """Read one exchange: limits, what it cost, and what was wrong where the answer is not 2xx."""
    answer = exchange.answer
    provider = None if target.dialect is dialects.COMPATIBLE else target.dialect.name
    reading = dialects.read_limits(answer.headers, provider=provider, now=now)
    finding = None
    if answer.status is None or not 200 <= answer.status < 300:
        finding = finding_of(answer.status, answer.headers, answer.body, provider=provider, now=now)
    document = _document(answer.body)
    request_id = next((value for name in _REQUEST_IDS if (value := answer.header(name))), None)
    probe = Probe(
        t_s=s_from_ns(exchange.sent_ns),
        status=answer.status,
        latency_s=s_from_ns(exchange.answered_ns - exchange.sent_ns),
        request_id=neutralise(request_id, 100) if request_id else None,
        charged_requests=1,
        charged_tokens=_used_tokens(document),
        limits=reading.limits,
        finding=finding,
        unknown=reading.unknown,
        understood=document is not None,
        complete=answer.complete,
        raw=_raw(answer.headers, reading),
        diagnoses=_once(
            of_reading(reading, status=answer.status, finding=finding), of_finding(finding) if finding else ()
        ),
    )
    return scrub_all(probe, target.secrets)


def _once(*groups: tuple[Diagnosis, ...]) -> tuple[Diagnosis, ...]:
    """Join diagnoses, each sentence once."""
    return tuple({(each.code, each.says): each for group in groups for each in group}.values())


def _raw(headers: Sequence[tuple[str, str]], reading: Reading) -> tuple[tuple[str, str], ...]:
    read = {name.lower() for name in reading.headers} | {"retry-after", "retry-after-ms"}
    return tuple((name, neutralise(value, 200)) for name, value in headers if name.lower() in read)


def _document(body: bytes) -> Mapping[str, Any] | None:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, Mapping) else None


def _used_tokens(document: Mapping[str, Any] | None) -> int | None:
    """Return the tokens that the answer says it used, prompt and completion together."""
    if document is None:
        return None
    usage = document.get("usage") or document.get("usageMetadata")
    if not isinstance(usage, Mapping):
        return None
    total = next((usage[name] for name in ("total_tokens", "totalTokenCount") if _is_count(usage.get(name))), None)
    if total is not None:
        return int(total)
    parts = [usage[name] for name in ("input_tokens", "output_tokens") if _is_count(usage.get(name))]
    return sum(parts) if parts else None


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**12


# --- what the readings mean together ---------------------------------------------------------------------------------


def share_left(limit: LimitReading) -> float | None:
    """Return what is left of a limit as a share 0..1; ``None`` where the server does not say enough."""
    if limit.limit and limit.remaining is not None:
        return min(max(limit.remaining / limit.limit, 0.0), 1.0)
    return None if limit.utilization is None else min(max(1.0 - limit.utilization, 0.0), 1.0)


def least_share(probe: Probe) -> float | None:
    """Return the smallest share left over all limits of a probe."""
    shares = [share for limit in probe.limits if (share := share_left(limit)) is not None]
    return min(shares) if shares else None


def below(report: HeadersReport, alert_percent: float) -> bool:
    """Tell whether any probe saw a limit with less than ``alert_percent`` left."""
    return any((share := least_share(probe)) is not None and share * 100 < alert_percent for probe in report.probes)
