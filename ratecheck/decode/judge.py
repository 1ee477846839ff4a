"""Evidence -> one judged draft of a finding: which signs win, and what the numbers are.

Signs disagree in most answers. The heaviest decides the category; numbers overrule words (more requested than the limit
allows can never pass, whatever the sentence promises); a provider is named only where something proves it.
"""

import re
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ratecheck.decode import slots, violations
from ratecheck.decode.evidence import Evidence
from ratecheck.decode.lazy import lazy
from ratecheck.decode.spoken import message_at, resets_said
from ratecheck.dialects.bodies import CLUES, CODES, PROVIDERS, SENTENCES, Found, dimension_of, find, window_of

if TYPE_CHECKING:
    from ratecheck.dialects.rules import Reading
from ratecheck.model import Category, Dimension, Finding, LimitReading

# A provider below this is a client's name at most: not proof of who answered.
_PROOF_NEEDED = 2
# Signs at least this heavy say by themselves that there is a limit; lighter ones need a status beside them.
_SPEAKS = 3

_BY_STATUS = {
    429: (Category.RATE_LIMIT, 2), 529: (Category.OVERLOADED, 4), 402: (Category.QUOTA_EXHAUSTED, 4),
    503: (Category.OVERLOADED, 2), 413: (Category.REQUEST_TOO_LARGE, 1), 401: (Category.NOT_RATE_LIMIT, 2),
}  # fmt: skip
# Of two signs of one weight the graver category is believed: "quota" beside "rate limit" is money more often than not.
_GRAVITY = (Category.REQUEST_TOO_LARGE, Category.QUOTA_EXHAUSTED, Category.CONCURRENCY, Category.OVERLOADED,
            Category.NOT_RATE_LIMIT, Category.RATE_LIMIT)  # fmt: skip
_LIMITS = (Category.RATE_LIMIT, Category.REQUEST_TOO_LARGE, Category.CONCURRENCY)
_TYPE = lazy(r"[\"']?\btype[\"']?\s?[:=]\s?[\"'](?P<type>tokens|requests|input-images|images)[\"']")
_CODE = lazy(
    r"(?:[\"']|(?<![\w ]))(?:code|errcode|error_code|errorcode)[\"']?\s?[:=]\s?[\"']?(?P<code>[A-Za-z0-9][\w.-]{1,60})",
    re.IGNORECASE,
)
_TYPES = lazy(r"[\"']?\btype[\"']\s?[:=]\s?[\"'](?P<code>[a-z][\w.-]{2,60})[\"']")
# "Current: 80.000000 / min" is what flows in all, not what this request asks.
_PER_TIME = lazy(r"current: [\d.]{1,20} ?/", re.IGNORECASE)
_ERROR = lazy(r"[\"']error(?:_?(?:msg|code|message))?[\"']\s?:\s?[{\"'\d]|event: ?error|\berror[:=]", re.IGNORECASE)
_NONE = frozenset({"none", "null", "undefined", "nil"})
_MODEL_KEY = lazy(
    r"(?:[\"']?\b(?:model|model_name|modelId|deployment_name)[\"']?\s?[:=]\s?|/model |connecting to |\bmodel "
    r"|API Error \(|/models/(?=[\w.-]{1,100}:\w{0,20}Content\b))"
    r"[\"'`]?(?P<model>[A-Za-z@][\w./:@+-]{1,118}\w)",
    re.IGNORECASE,
)
_FAMILY = lazy(
    # Bedrock writes the region and the maker before the name: us.anthropic.claude-…
    r"(?:(?<![\w./@-])|(?<=[:/])(?=(?:\w{2,6}\.)?\w{2,10}\.))(?P<model>(?:[a-z0-9_-]{2,30}/){0,3}"
    r"(?:(?:(?:us|eu|apac|global|jp|au|ca)\.)?(?:anthropic|amazon|meta|mistral|cohere|deepseek|qwen|openai)\.)?(?:gpt-|chatgpt-|o[134]-|claude-|gemini-|gemma-?"
    r"|(?:meta-)?llama-?\d"
    r"|codellama|mistral-|mixtral-|codestral|magistral|devstral|ministral|pixtral|grok-|deepseek-|qwen[\w.]*-|qwq-"
    r"|kimi-"
    r"|moonshot-v|glm-\d|minimax-m|abab\d|ernie-|doubao-|command-|mimo-|nova-|phi-\d|text-embedding-|whisper-"
    r"|dall-e-|tts-"
    r"|yi-|step-\d)[\w.:@-]{0,80}\w)",
    re.IGNORECASE,
)
_NAMED = lazy(
    r"(?:\bprovider(?:_name)?|\bfrom|\bvendor|\bbackend"
    r"|llm_provider)[\"']?\s?[:=]?\s?[\"'(]?(?P<name>[A-Za-z]{2,20})\b",
    re.IGNORECASE,
)
# Names that gateways and frameworks use for the services they call.
_ALIASES = {"gemini": "google", "vertex": "google", "zai": "zhipu"}


@dataclass(frozen=True)
class Draft:
    """A finding and how heavy the evidence for it is: light ones give way to heavy ones beside them."""

    finding: Finding
    weight: int
    proof: int
    signs: tuple[Found, ...] = ()
    reading: "Reading | None" = None
    pairs: tuple[tuple[str, str], ...] = ()


def provider_of(
    evidence: Evidence, found: list[Found], reading: "Reading | None", *, hint: str | None = None
) -> tuple[str, int]:
    """Return who answered and how well that is proved; ``("unknown", 0)`` where it is not."""
    if hint:
        return hint, 10
    proofs: Counter[str] = Counter()
    clues = find(CLUES, evidence.flat.text, evidence.flat.lower)
    for each in (*found, *clues):
        if each.sign.provider:
            # Ten mentions of one host are no better than one.
            proofs[each.sign.provider] += each.sign.proof
    if reading and reading.provider and reading.provider != "unknown":
        proofs[reading.provider] += 6
    for named in _NAMED().finditer(evidence.flat.text):
        name = named["name"].lower()
        name = _ALIASES.get(name, name)
        if name in PROVIDERS:
            proofs[name] += 4
    best = max(proofs, key=lambda name: proofs[name], default="unknown")
    return (best, proofs[best]) if proofs[best] >= _PROOF_NEEDED else ("unknown", 0)


def _decide(
    found: list[Found], status: int | None, reading: "Reading | None", has_error: bool
) -> tuple[Category | None, int]:
    votes = [(each.sign.category, each.sign.weight) for each in found if each.sign.category]
    if status in _BY_STATUS:
        votes.append(_BY_STATUS[status])
    if reading:
        votes.append(_vote_of_headers(reading, status))
    if not votes:
        return None, 0
    if status is not None and status < 300 and not has_error:
        # A success may speak of limits as much as it likes; a refusal inside one comes in an error object.
        return (Category.NOT_RATE_LIMIT, 1) if reading else (None, 0)
    category, weight = max(votes, key=lambda vote: (vote[1], -_GRAVITY.index(vote[0])))
    return category, weight


def _vote_of_headers(reading: "Reading", status: int | None) -> tuple[Category, int]:
    if status is None and any(remark.kind == "sentinel" for remark in reading.remarks):
        # Only refusals have been seen to carry -1 for unknown.
        return Category.RATE_LIMIT, 3
    left = [0 if _spent(limit) else limit.remaining for limit in reading.limits]
    rejected = any(remark.kind == "rejected" for remark in reading.remarks)
    refused = status == 429 or (rejected and status is None) or (status in (None, 403, 503) and 0 in left)
    asked_to_wait = status is None and reading.retry_after_s is not None and not any(left)
    return (Category.RATE_LIMIT, 3) if refused or asked_to_wait else (Category.NOT_RATE_LIMIT, 1)


def _code_of(text: str, found: list[Found], status: int | None) -> str | None:
    for pattern in (_CODE, _TYPES):
        for match in pattern().finditer(text):
            if match["code"].lower() not in _NONE:
                return match["code"]
    code = next((each.sign.needles[0] for each in found if each.sign.code and each.sign.category), None)
    if code:
        return code
    return str(status) if status is not None and status >= 400 else None


def model_of(evidence: Evidence, found: list[Found]) -> str | None:
    """Return the model that the refusal is about, where the text names exactly one."""
    for each in sorted(found, key=lambda one: -one.sign.weight):
        if "model" in each.groups:
            return _tidy_model(each.groups["model"])
    text = evidence.flat.text
    named = {
        _tidy_model(match["model"])
        for match in _FAMILY().finditer(text)
        if not match["model"].lower().endswith((".py", ".js", ".md", "-limits"))
    }
    keyed = {
        _tidy_model(match["model"]) for match in _MODEL_KEY().finditer(text) if re.search(r"[\d-]", match["model"])
    }
    for candidates in (keyed & named, keyed, named):
        if len(candidates) == 1:
            return candidates.pop()
    return None


def _tidy_model(name: str) -> str:
    # Google's addresses end in what is asked of the model: gemini-2.5-flash:generateContent.
    name = re.sub(r":[a-z]{2,20}[A-Z]\w{0,40}$", "", name)
    # The last part of a Bedrock ARN is the kind of thing and its name.
    return name.strip("`'\"").rstrip(".:,").removeprefix("inference-profile/").removeprefix("foundation-model/")


def _reading_of(evidence: Evidence, provider: str | None, now: object) -> "Reading | None":
    if not evidence.pairs:
        return None
    from ratecheck.dialects import read_limits  # the header tables: only for an answer that has headers

    reading = read_limits(evidence.pairs, provider=provider, now=now)  # type: ignore[arg-type]
    told = reading.limits or reading.retry_after_s is not None or reading.unknown or reading.remarks
    return reading if told else None


def _spent(limit: LimitReading) -> bool:
    """Whether nothing is left; a share that is told in place of numbers counts as they do."""
    return limit.remaining == 0 or (limit.remaining is None and (limit.utilization or 0.0) >= 1.0)


def _exhausted(limits: tuple[LimitReading, ...]) -> LimitReading | None:
    """The one limit that refused: the only one used up, or the only one there is."""
    empty = [limit for limit in limits if _spent(limit)]
    if len(empty) == 1:
        return empty[0]
    return limits[0] if len(limits) == 1 else None


def judge(evidence: Evidence, *, provider: str | None = None, now: object = None) -> Draft | None:
    """Return what this incident says about a limit; ``None`` where it says nothing about any."""
    found = list(find(SENTENCES, evidence.said, evidence.lower))
    found += find(CODES, evidence.said, evidence.lower)
    if evidence.pairs:
        found += [
            each
            for each in find(CODES, evidence.flat.text, evidence.flat.lower)
            if each.sign not in {one.sign for one in found}
        ]
    reading = _reading_of(evidence, provider, now)
    quotas = violations.read(evidence.said)
    category, weight = _decide(found, evidence.status, reading, _ERROR().search(evidence.said) is not None)
    if category is None or (weight < _SPEAKS and evidence.status is None and not reading):
        return None
    name, proof = provider_of(evidence, found, reading, hint=provider)
    if reading and reading.provider != name and name != "unknown":
        reading = _reading_of(evidence, name, now)
    finding = Finding(category, name, evidence.status)
    finding = _measure(finding, evidence, found, quotas, reading)
    # What is quoted is a sentence where there is one: an identifier decides, but says nothing to a person.
    telling = [each for each in found if each.sign.category]
    spoken = [each for each in telling if " " in each.sign.needles[0]]
    decided = max(spoken or telling, key=lambda each: each.sign.weight, default=None)
    finding = replace(
        finding,
        code=_code_of(evidence.said, found, evidence.status),
        model=_model_of_quota(evidence, quotas) or model_of(evidence, found),
        limits=reading.limits if reading else (),
        message=message_at(evidence, decided.start if decided else None),
        line=_line_of(evidence, decided),
    )
    if finding.retry_after_s is None and category is not Category.NOT_RATE_LIMIT:
        finding = replace(finding, resets=resets_said(evidence, reading))
    return Draft(
        _conclude(finding, found, _PER_TIME().search(evidence.said) is not None),
        weight,
        proof,
        tuple(found),
        reading,
        evidence.pairs,
    )


def _line_of(evidence: Evidence, decided: Found | None) -> int:
    if decided is not None:
        excerpt = evidence.said[decided.start : decided.start + 24].strip()
        at = evidence.flat.text.find(excerpt)
        if at >= 0:
            return evidence.flat.line_of(at)
    return evidence.flat.first_line


def _model_of_quota(evidence: Evidence, quotas: list[violations.Violation]) -> str | None:
    return violations.model(evidence.said) if quotas else None


def _measure(
    finding: Finding,
    evidence: Evidence,
    found: list[Found],
    quotas: list[violations.Violation],
    reading: "Reading | None",
) -> Finding:
    """Fill in dimension, window, amounts and delay: the rows' own groups, then the common grammar, then headers."""
    mine = sorted(
        (each for each in found if each.sign.category == finding.category), key=lambda each: -each.sign.weight
    )
    limited = finding.category in _LIMITS
    words = slots.read(evidence.said) if limited else slots.Readings()
    if limited:
        mine += [each for each in found if each.sign.category is Category.RATE_LIMIT and each not in mine]
    dimension, window_s, scope = None, None, None
    amounts: dict[str, int | None] = {}
    for each in mine:
        dimension = (
            dimension or (dimension_of(each.groups["dim"]) if "dim" in each.groups else None) or each.sign.dimension
        )
        window_s = (
            window_s or (window_of(each.groups["period"]) if "period" in each.groups else None) or each.sign.window_s
        )
        scope = scope or each.sign.scope or (slots.scope_of(each.groups["who"]) if "who" in each.groups else None)
        for key in ("limit", "used", "requested", "remaining"):
            if amounts.get(key) is None and key in each.groups:
                amounts[key] = slots.number(each.groups[key])
    quota = violations.binding(quotas) if limited else None
    if quota:
        dimension, window_s, scope = quota.dimension, quota.window_s, quota.scope
        amounts["limit"] = (
            quota.value if quota.value is not None else amounts.get("limit") if len(quotas) == 1 else None
        )
    kind = _TYPE().search(evidence.said) if limited else None
    delay = slots.read(evidence.said).retry_after_s if finding.category is Category.OVERLOADED else words.retry_after_s
    if reading and reading.retry_after_s is not None and finding.category is not Category.NOT_RATE_LIMIT:
        delay = reading.retry_after_s if delay is None else max(delay, reading.retry_after_s)
    finding = replace(
        finding,
        dimension=dimension or (dimension_of(kind["type"]) if kind else None) or words.dimension,
        window_s=window_s or words.window_s,
        scope=scope or words.scope,
        limit=_either(amounts.get("limit"), None if quota else words.limit),
        used=_either(amounts.get("used"), words.used),
        requested=_either(amounts.get("requested"), words.requested),
        remaining=_either(amounts.get("remaining"), words.remaining),
        retry_after_s=delay,
    )
    if finding.category is Category.CONCURRENCY:
        finding = replace(finding, dimension=Dimension.CONCURRENCY, window_s=None)
    return _from_headers(finding, reading) if limited and reading else finding


def _either(first: int | None, second: int | None) -> int | None:
    return second if first is None else first


def _from_headers(finding: Finding, reading: "Reading") -> Finding:
    binding = _exhausted(reading.limits)
    if binding is None:
        sentinels = [remark.headers[0] for remark in reading.remarks if remark.kind == "sentinel" and remark.headers]
        told = {dimension_of(name.replace("-", " ")) for name in sentinels}
        return replace(finding, dimension=finding.dimension or (told.pop() if len(told) == 1 else None))
    # X-RateLimit without a unit counts requests, by custom; an IETF policy without one says nothing.
    counts = binding.limit is not None or binding.remaining is not None
    ietf = any(name.lower() in ("ratelimit", "ratelimit-policy") for name in binding.headers)
    unnamed = Dimension.REQUESTS if counts and not ietf else None
    named = binding.dimension if not ietf or binding.dimension is not Dimension.REQUESTS else None
    return replace(
        finding,
        dimension=finding.dimension or named or unnamed,
        window_s=finding.window_s or binding.window_s,
        limit=_either(finding.limit, binding.limit),
        remaining=_either(finding.remaining, binding.remaining),
        scope=finding.scope or binding.scope,
    )


def _conclude(finding: Finding, found: list[Found], per_time: bool) -> Finding:
    """Draw from the numbers what no sentence says: whether this request can ever pass, and whether a retry helps."""
    asked = finding.requested
    over = asked is not None and finding.limit is not None and asked > finding.limit
    if finding.category is Category.RATE_LIMIT and over:
        finding = replace(finding, category=Category.REQUEST_TOO_LARGE)
    fits: bool | None = True
    if finding.category is Category.REQUEST_TOO_LARGE or (
        # Of nothing, nothing can be used: where something is counted all the same, it is this very request.
        finding.limit == 0 and finding.category is Category.RATE_LIMIT and finding.used != 0
    ):
        fits = False
    elif finding.category is Category.NOT_RATE_LIMIT:
        fits = None
    elif (
        asked is None
        and (
            any(each.sign.size_hint for each in found)
            or (
                finding.used is not None and finding.limit is not None and finding.used > finding.limit and not per_time
            )
        )
    ) or (finding.category is Category.QUOTA_EXHAUSTED and over):
        # The words or the numbers hint that its size is the cause: nobody can tell from here.
        fits = None
    retryable = (
        finding.category in (Category.RATE_LIMIT, Category.OVERLOADED, Category.CONCURRENCY) and fits is not False
    )
    return replace(finding, will_fit_ever=fits, retryable=retryable)
