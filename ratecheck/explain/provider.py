"""A provider, told from its rows: headers, charging, accounts to imitate, and the traps that follow from them."""

from collections.abc import Iterator

from ratecheck.dialects.charging import RULES, ChargingRule, Measure
from ratecheck.dialects.codes import CODES
from ratecheck.dialects.headers import DAY_S
from ratecheck.dialects.rules import Dialect, Grammar, HeaderRule, Means, Refill
from ratecheck.dialects.sentences import SENTENCES
from ratecheck.explain.entries import HeaderEntry, ProviderEntry, Trap
from ratecheck.model import Category
from ratecheck.provider.profiles import profiles

_INSTANTS = (Grammar.RFC3339, Grammar.EPOCH_SECONDS, Grammar.EPOCH_MILLISECONDS)
_NUMBERS = (Means.LIMIT, Means.REMAINING, Means.USED, Means.UTILIZATION, Means.POLICY, Means.STATE)
# Two of a provider's own words are enough to know them again.
_QUOTED = 2
_OTHER_REFUSALS = (
    (Category.QUOTA_EXHAUSTED, "money or plan, where waiting does not help", "RC111"),
    (Category.OVERLOADED, "its own capacity, not your limit", "RC112"),
    (Category.CONCURRENCY, "requests in flight, not requests a minute", "RC120"),
    (Category.REQUEST_TOO_LARGE, "a request that can never pass", "RC104"),
)


def of_dialect(row: Dialect) -> ProviderEntry:
    """Return what there is to say about a provider."""
    current = tuple(rule for rule in row.headers if rule.written)
    former = tuple(rule for rule in row.headers if not rule.written)
    charging = tuple(rule for rule in RULES if rule.provider == row.name)
    return ProviderEntry(
        row, _buckets(current), _buckets(former), charging,
        tuple(profile for profile in profiles().values() if profile.dialect == row.name),
        tuple(_traps(row, current, charging)),
    )  # fmt: skip


def compared(row: Dialect) -> tuple[str, str, str]:
    """Return for a list of providers: limits that its headers tell, whether a refusal counts, the latest reading."""
    limits = _buckets(tuple(rule for rule in row.headers if rule.written and rule.means in _NUMBERS))
    counts = {True: "yes", False: "no", None: "not said"}[row.rejections_count]
    read = max((source.date for source in row.sources), default="")[: len("2026-10")]
    return str(len(limits)) if limits else "none known", counts, read if row.verified else f"{read} unverified"


def _buckets(rules: tuple[HeaderRule, ...]) -> tuple[HeaderEntry, ...]:
    grouped: dict[str, list[HeaderRule]] = {}
    for rule in rules:
        grouped.setdefault(rule.bucket, []).append(rule)
    return tuple(HeaderEntry(folded([rule.header for rule in each]), tuple(each)) for each in grouped.values())


def folded(names: list[str]) -> str:
    """Write names that differ in one place as one: ``x-ratelimit-*-tokens``."""
    names = list(dict.fromkeys(names))
    words = [name.split("-") for name in names]
    shortest = min(len(each) for each in words)
    head = next((i for i in range(shortest) if len({each[i] for each in words}) > 1), shortest)
    tail = next((i for i in range(shortest - head) if len({each[-1 - i] for each in words}) > 1), shortest - head)
    if len(names) == 1 or not head or any(len(each) == head + tail for each in words):
        return ", ".join(names)
    return "-".join([*words[0][:head], "*", *words[0][len(words[0]) - tail :]])


def _traps(row: Dialect, rules: tuple[HeaderRule, ...], charging: tuple[ChargingRule, ...]) -> Iterator[Trap]:
    if row.gateway:
        yield Trap("a gateway: its answers carry the limits of the service behind it, and may have its own", "RC117")
    if row.headers_in != "head":
        yield Trap(f"its limits stand inside the error body, at {row.headers_in}, not among the headers")
    numbers = [rule for rule in rules if rule.means in _NUMBERS]
    if not numbers:
        yield Trap("no limit headers are known of it: their absence does not mean that there is no limit", "RC108")
    yield from _header_traps(rules, numbers)
    if row.rejections_count:
        yield Trap("a refused request counts all the same: quick retries keep the door shut", "RC506")
    elif row.rejections_count is None:
        yield Trap("nobody documents whether a refused request counts: do not retry as if it were free", "RC506")
    today = [rule for rule in charging if rule.until is None]
    if any(rule.reserves_output for rule in today):
        yield Trap("max_tokens is taken from the limit before the first word is written", "RC507")
    if any(rule.measure is Measure.CHARACTERS for rule in today):
        yield Trap("the limiter counts characters, not tokens: its charge is not what the API reports or bills")
    if len(today) < len(charging):
        yield Trap("what it charges has changed: advice from before the dates above may be wrong")
    yield from _refusals(row.name)


def _header_traps(rules: tuple[HeaderRule, ...], numbers: list[HeaderRule]) -> Iterator[Trap]:
    for bucket in _buckets(tuple(rule for rule in numbers if rule.window_from == "documentation")):
        if (bucket.rules[0].window_s or 0) >= DAY_S:
            yield Trap(f"{bucket.headers} counts by the day, though its name does not say so", "RC101")
    stated = {rule.bucket for rule in rules if rule.means is Means.WINDOW}
    if any(rule.window_s is None and rule.dimension and rule.bucket not in stated for rule in numbers):
        yield Trap("a name without a window may run by the minute or by the day; the reset's arithmetic tells", "RC101")
    resets = [rule for rule in rules if rule.means is Means.RESET]
    if numbers and not resets:
        yield Trap("no header says when there is room again: it follows from limit and window alone")
    if any(rule.refill is Refill.CONTINUOUS for rule in resets):
        yield Trap("reset is the time until all is free again; a small request passes much sooner", "RC105")
    if any(rule.grammar is Grammar.MILLISECONDS_OR_SECONDS for rule in resets):
        yield Trap("the same reset header is in milliseconds on one route and in seconds on another", "RC106")
    if any(rule.grammar in _INSTANTS for rule in resets):
        yield Trap("reset is an instant: without the answer's Date header it is no wait", "RC122")
    rounded = max((rule.rounded_to for rule in rules), default=1)
    if rounded > 1:
        yield Trap(f"remainders are rounded to multiples of {rounded:,}: a small request does not show in them")


def _refusals(provider: str) -> Iterator[Trap]:
    """What else its 429 may mean, with its own words for it."""
    for category, meaning, code in _OTHER_REFUSALS:
        signs = [sign for sign in (*CODES, *SENTENCES) if sign.provider == provider and sign.category is category]
        words = list(dict.fromkeys(sign.needles[0] for sign in signs))[:_QUOTED]
        if words:
            quoted = ", ".join(f"“{word}”" for word in words)
            yield Trap(f"a refusal may be about {meaning}: {quoted}", code)
