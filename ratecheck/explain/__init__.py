"""The offline reference: a name becomes what the tables say about it. Nothing is written here that a row does not say.

``explain("RC301")``, ``explain("openai-python@1.109.1")``, ``explain("groq")``; without a name, all there is to ask.
"""

import re
from collections.abc import Iterator

from ratecheck import retry
from ratecheck.diagnose.codes import AREAS, CODES, area_of
from ratecheck.dialects import ALL, of_url
from ratecheck.dialects.charging import ASSUMED, RULES
from ratecheck.dialects.charging import by_name as charging_rule
from ratecheck.dialects.rules import Dialect
from ratecheck.errors import no_such
from ratecheck.estimate.models import resolve
from ratecheck.explain import client, provider
from ratecheck.explain.entries import (
    AreaEntry,
    ChargingEntry,
    CodeEntry,
    Entry,
    ListEntry,
    Overview,
    ProfileEntry,
)
from ratecheck.provider.profiles import profiles

__all__ = ["Entry", "explain", "names"]

_CODE = re.compile(r"(?:rc)?\s?(\d{3})")
_AREA = re.compile(r"rc(\d)(?:xx|00)?")
UNVERIFIED = "unverified"
# No name of ours and no address comes near; what is longer was pasted by mistake.
_LONGEST = 200


# What the README and `--help` call a table whose name is another.
_CALLED = {"clients": "policies", "accounts": "profiles", "rules": "charging"}


def explain(name: str | None = None) -> tuple[Entry, ...]:
    """Return every entry of that name, one mostly; the overview for ``None``.

    Raises ``UsageError`` with the nearest names for one that no table knows.
    """
    if name is None or not name.strip():
        return (Overview(AREAS, _lists()),)
    wanted = name.strip()[:_LONGEST]
    found = tuple(_found(wanted.lower())) or tuple(_loosely(wanted))
    if not found:
        raise no_such("code, client or provider", wanted, names(), "`ratecheck explain` lists every name there is")
    return found


def names() -> list[str]:
    """Return every name that ``explain`` knows by itself, in the order of the overview."""
    listed = [name for each in _lists() for name, _ in each.names]
    return [*CODES, *listed, *(each.kind for each in _lists()), "codes", UNVERIFIED]


def _found(name: str) -> Iterator[Entry]:
    """Yield the entries whose own name this is."""
    code = _CODE.fullmatch(name)
    if code is not None and f"RC{code[1]}" in CODES:
        row = CODES[f"RC{code[1]}"]
        area = area_of(row.code)
        yield CodeEntry(row, area, (*area.commands, *row.also))
        return
    area_name = _AREA.fullmatch(name)
    yield from (AreaEntry(area) for area in AREAS if name == "codes" or (area_name and area.prefix[-1] == area_name[1]))
    yield from (each for each in _lists() if each.kind == _CALLED.get(name, name))
    if name == UNVERIFIED:
        from ratecheck.explain.facts import unverified  # every table there is: only where they are all wanted

        yield unverified()
    if name in ALL:
        yield provider.of_dialect(ALL[name])
    if name in profiles():
        yield ProfileEntry(profiles()[name])
    rule = charging_rule(name)
    if rule is not None and name not in ALL:  # a provider's entry tells its rules
        yield ChargingEntry(rule)
    if name.partition("@")[0] in retry.ALL or "+" in name:
        yield client.of_policy(retry.get(name))


def _loosely(name: str) -> Iterator[Entry]:
    """Yield what a name means that is no row's own: an address, a word of a title, a package, a model."""
    row = of_url(name) or _titled(name.lower())
    if row is not None:
        yield provider.of_dialect(row)
        return
    package, _, version = name.rpartition("@") if name.rfind("@") > 0 else (name, "", "")
    policy = retry.find(package, version or None)
    if policy is not None:
        yield client.of_policy(policy)
        return
    model = resolve(name)
    owner = ALL.get(model.row.provider or "")
    if owner is not None and not model.assumed:
        yield provider.of_dialect(owner)


def _titled(word: str) -> Dialect | None:
    """Return the one provider whose title has this word; ``None`` where several do, or none."""
    found = [row for row in ALL.values() if word in re.findall(r"\w+", row.title.lower())]
    return found[0] if len(found) == 1 else None


def _lists() -> tuple[ListEntry, ...]:
    return (
        ListEntry(
            "policies", "Client policies",
            tuple((name, f"{len(rows)} versions" if len(rows) > 1 else str(rows[0].versions))
                  for name, rows in retry.ALL.items()),
        ),
        ListEntry(
            "providers", "Providers", tuple((row.name, row.title) for row in ALL.values()),
            ("limits in headers", "a refusal counts", "read"), tuple(provider.compared(row) for row in ALL.values()),
        ),
        ListEntry(
            "profiles", "Accounts to imitate", tuple((each.name, each.title) for each in profiles().values())
        ),
        ListEntry("charging", "Charging rules", tuple((rule.name, rule.says) for rule in (*RULES, ASSUMED))),
    )  # fmt: skip
