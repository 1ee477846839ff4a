"""Accounts to imitate, as data: which limits, enforced how, read where and when.

Providers move their tiers; a profile is never more than what its source said on its date. A TOML file overrides any.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ratecheck import limiters
from ratecheck.durations import NS_PER_S, ns_from_s
from ratecheck.errors import UsageError, no_such
from ratecheck.model import SHORT_NAMES, Dimension, Limit, Source

MINUTE_S, DAY_S, MONTH_S = 60, 86_400, 2_592_000


@dataclass(frozen=True, slots=True)
class LimitRule:
    """One limit of an account and how it is enforced."""

    limit: Limit
    algorithm: str = "token_bucket"

    @property
    def name(self) -> str:
        """``"RPM"``, ``"TPD"``; ``"requests in 10 s"`` where there is no such word."""
        window_s = self.limit.window_ns / NS_PER_S
        for short, (dimension, of_s) in SHORT_NAMES.items():
            if dimension is self.limit.dimension and (of_s == window_s or dimension is Dimension.CONCURRENCY):
                return short.upper() if len(short) <= 4 else short
        return f"{self.limit.dimension.value} in {window_s:g} s"


@dataclass(frozen=True, slots=True)
class Profile:
    """An account at a provider."""

    name: str
    dialect: str
    """Whose words it answers in, as in the contracts' vocabulary."""
    title: str
    limits: tuple[LimitRule, ...]
    source: Source
    model: str
    """The model that the limits were read for, and the one to ask for when nobody names another."""
    per_model: bool = True
    """Does each model have limits of its own?"""
    charges_refusals: bool | None = None
    """Does a refused request count against the request limits? ``None``: as the dialect's row says."""

    def with_limit(self, short_name: str, amount: int) -> "Profile":
        """Return the profile with the limit of that short name set to ``amount``, added where there was none."""
        dimension, window_s = SHORT_NAMES[short_name]
        same = [r for r in self.limits if (r.limit.dimension, r.limit.window_ns) == (dimension, window_s * NS_PER_S)]
        if not same:
            return replace(self, limits=(*self.limits, rule_of(short_name, amount)))
        new = rule_of(short_name, amount, same[0].algorithm)
        return replace(self, limits=tuple(new if rule in same else rule for rule in self.limits))

    def enforced_by(self, algorithm: str) -> "Profile":
        """Return the profile with every limit over time enforced by ``algorithm``. Raises ``UsageError``."""
        limiters.make(algorithm, Limit(Dimension.REQUESTS, 1, NS_PER_S))
        return replace(
            self,
            limits=tuple(
                rule if rule.limit.dimension is Dimension.CONCURRENCY else replace(rule, algorithm=algorithm)
                for rule in self.limits
            ),
        )


def rule_of(short_name: str, amount: int, algorithm: str = "token_bucket") -> LimitRule:
    """Return ``amount`` per ``rpm``, ``tpd`` …, enforced by ``algorithm``."""
    dimension, window_s = SHORT_NAMES[short_name]
    if dimension is Dimension.CONCURRENCY:
        algorithm = "concurrency"
    return LimitRule(Limit(dimension, amount, window_s * NS_PER_S), algorithm)


def _rules(algorithm: str = "token_bucket", **amounts: int) -> tuple[LimitRule, ...]:
    return tuple(rule_of(short_name, amount, algorithm) for short_name, amount in amounts.items())


_ROWS = (
    Profile(
        "openai-free", "openai", "OpenAI, free tier", _rules(rpm=3, rpd=200, tpm=40_000),
        Source("https://platform.openai.com/account/limits", "2024-05", verified=False,
               note="a published copy of a free organisation's limits page"),
        "gpt-3.5-turbo",
    ),
    Profile(
        "openai-tier1", "openai", "OpenAI, usage tier 1", _rules(rpm=500, tpm=30_000),
        Source("https://community.openai.com/t/1028595", "2024-11", verified=False, note="gpt-4o on tier 1"),
        "gpt-4o",
    ),
    Profile(
        "openai-tier1-mini", "openai", "OpenAI, usage tier 1, a small model", _rules(rpm=500, rpd=10_000, tpm=200_000),
        Source("https://community.openai.com/t/1028595", "2024-11", verified=False, note="gpt-4o-mini on tier 1"),
        "gpt-4o-mini",
    ),
    Profile(
        "azure-s0", "azure", "Azure OpenAI, a deployment of 120,000 TPM",
        (rule_of("rpm", 120, "azure_slices"), rule_of("tpm", 120_000)),
        Source("https://github.com/traceloop/openllmetry", "2026-05", note="recorded deployment: 1 RPM per 1,000 TPM"),
        "gpt-4o-mini",
    ),
    Profile(
        "anthropic-start", "anthropic", "Anthropic, Start tier", _rules(rpm=1_000, itpm=2_000_000, otpm=400_000),
        Source("https://platform.claude.com/docs/en/api/rate-limits", "2026-10", verified=False,
               note="what most models have on Start"),
        "claude-sonnet-5",
    ),
    Profile(
        "anthropic-tier1", "anthropic", "Anthropic, tier 1 of 2025", _rules(rpm=50, itpm=30_000, otpm=8_000),
        Source("https://platform.claude.com/docs/en/api/rate-limits", "2026-02", verified=False, note="superseded"),
        "claude-sonnet-4-5",
    ),
    Profile(
        "groq-free", "groq", "Groq, free plan", _rules(rpm=30, rpd=1_000, tpm=12_000, tpd=100_000),
        Source("https://console.groq.com/docs/rate-limits", "2026-07", verified=False, note="llama-3.3-70b-versatile"),
        "llama-3.3-70b-versatile",
    ),
    Profile(
        "mistral-free", "mistral", "Mistral, a workspace limited by 10 s, minute and month",
        (
            LimitRule(Limit(Dimension.REQUESTS, 10, 10 * NS_PER_S), "fixed_window"),
            rule_of("tpm", 500_000, "fixed_window"),
            LimitRule(Limit(Dimension.TOKENS, 1_000_000_000, MONTH_S * NS_PER_S), "fixed_window"),
        ),
        Source("https://docs.mistral.ai/deployment/laplateforme/tier", "2025-09", verified=False,
               note="1 request a second, counted over 10 s as the recorded headers do"),
        "mistral-small-latest", per_model=False,
    ),
    Profile(
        "gemini-free", "google", "Google Gemini API, free tier",
        (rule_of("rpm", 10), rule_of("itpm", 250_000), rule_of("rpd", 500, "pacific_day")),
        Source("https://ai.google.dev/gemini-api/docs/quota", "2025-05", verified=False,
               note="a Flash model; the day starts at midnight Pacific standard time"),
        "gemini-2.5-flash",
    ),
    Profile(
        "moonshot-tier0", "moonshot", "Moonshot / Kimi, Tier 0",
        _rules(concurrency=1, rpm=3, tpm=500_000, tpd=1_500_000),
        Source("https://platform.moonshot.cn/docs/pricing/limits", "2026-10", verified=False,
               note="3 RPM and concurrency 1 are documented; the token figures are as third parties quote them"),
        "kimi-k2", per_model=False,
    ),
    Profile(
        "ietf", "unknown", "An API with IETF RateLimit headers", _rules("fixed_window", rpm=60, tpm=60_000),
        Source("https://github.com/ietf-wg-httpapi/ratelimit-headers", "2026-10", verified=False,
               note="headers as in the draft, amounts invented"),
        "model", per_model=False,
    ),
)  # fmt: skip

_PROFILES: Mapping[str, Profile] = {profile.name: profile for profile in _ROWS}


def profiles() -> Mapping[str, Profile]:
    """Return the built-in profiles by name."""
    return _PROFILES


def get(name: str) -> Profile:
    """Return the built-in profile of that name. Raises ``UsageError`` with the names there are."""
    if name not in _PROFILES:
        raise no_such("profile", name, _PROFILES)
    return _PROFILES[name]


def of_dialect(dialect: str) -> Profile | None:
    """Return the first profile that answers as ``dialect`` does, ``None`` where there is none."""
    return next((profile for profile in _ROWS if profile.dialect == dialect), None)


_KEYS = {"base", "name", "dialect", "title", "model", "per_model", "charges_refusals", "source", "date", "verified",
         "limits", *SHORT_NAMES}  # fmt: skip
_LIMIT_KEYS = {"dimension", "amount", "window_s", "burst", "algorithm"}


def load(text: str, name: str) -> Profile:
    """Read a profile from TOML; ``name`` is what it is called where it does not say.

    Keys: ``base`` (a built-in profile to start from) or ``dialect``; ``rpm``, ``rpd``, ``tpm``, ``tpd``, ``itpm``,
    ``otpm``, ``ipm``, ``concurrency`` with whole numbers; ``[[limits]]`` tables of ``dimension``, ``amount``,
    ``window_s``, ``burst``, ``algorithm``; ``title``, ``model``, ``per_model``, ``charges_refusals``, ``source``,
    ``date``, ``verified``. Raises ``UsageError`` that names the key and what was expected.
    """
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{name} is not TOML: {error}", "see `ratecheck serve --help` for a profile file") from None
    unknown = sorted(set(table) - _KEYS)
    if unknown:
        raise UsageError(f"{name}: unknown key {unknown[0]!r}", f"known keys: {', '.join(sorted(_KEYS))}")
    if "base" in table:
        start = get(_typed(table, "base", str, name))
        if "limits" in table:
            start = replace(start, limits=())
    else:
        start = Profile(name, "openai", name, (), Source(name, "unknown", verified=False), "gpt-4o-mini")
    table.setdefault("date", start.source.date)
    profile = replace(
        start,
        name=_typed(table, "name", str, name) if "name" in table else name,
        dialect=_typed(table, "dialect", str, name) if "dialect" in table else start.dialect,
        title=_typed(table, "title", str, name) if "title" in table else start.title,
        model=_typed(table, "model", str, name) if "model" in table else start.model,
        per_model=_typed(table, "per_model", bool, name) if "per_model" in table else start.per_model,
        charges_refusals=(
            _typed(table, "charges_refusals", bool, name) if "charges_refusals" in table else start.charges_refusals
        ),
        source=Source(
            _typed(table, "source", str, name) if "source" in table else name,
            str(table["date"]),
            verified=_typed(table, "verified", bool, name) if "verified" in table else False,
        ),
    )
    for each in _typed(table, "limits", list, name) if "limits" in table else []:
        profile = replace(profile, limits=(*profile.limits, _limit(each, name)))
    for short_name in SHORT_NAMES:
        if short_name in table:
            profile = profile.with_limit(short_name, _whole(table, short_name, name))
    if not profile.limits:
        raise UsageError(f"{name} states no limit", "for example: rpm = 60")
    return profile


def _limit(table: Any, name: str) -> LimitRule:
    if not isinstance(table, dict) or not {"dimension", "amount", "window_s"} <= set(table) <= _LIMIT_KEYS:
        raise UsageError(
            f"{name}: a [[limits]] table needs dimension, amount and window_s, and may have burst and algorithm"
        )
    dimensions = {each.value: each for each in Dimension}
    if table["dimension"] not in dimensions:
        raise no_such("dimension", str(table["dimension"]), dimensions)
    window_s = table["window_s"]
    if isinstance(window_s, bool) or not isinstance(window_s, int | float) or not 0 < window_s <= 366 * DAY_S:
        raise UsageError(f"{name}: window_s is seconds above 0, not {window_s!r}")
    burst = _whole(table, "burst", name) if "burst" in table else None
    limit = Limit(dimensions[table["dimension"]], _whole(table, "amount", name), ns_from_s(float(window_s)), burst)
    algorithm = "concurrency" if limit.dimension is Dimension.CONCURRENCY else table.get("algorithm", "token_bucket")
    limiters.make(str(algorithm), limit)
    return LimitRule(limit, str(algorithm))


def _typed(table: Mapping[str, Any], key: str, kind: type, name: str) -> Any:
    if not isinstance(table[key], kind):
        raise UsageError(f"{name}: {key} is a {kind.__name__}, not {table[key]!r}")
    return table[key]


def _whole(table: Mapping[str, Any], key: str, name: str) -> int:
    value = table[key]
    # 10**12 a minute is beyond any provider; the cap keeps a slip of the keyboard from becoming a number of pages.
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 10**12:
        raise UsageError(f"{name}: {key} is a whole number from 0, not {value!r}")
    return value
