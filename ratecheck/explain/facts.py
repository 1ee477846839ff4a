"""Every row of every table with its source: what is known from where, and what nobody has seen to hold."""

from collections import Counter
from collections.abc import Iterator

from ratecheck import clients, retry
from ratecheck.diagnose.codes import CODES
from ratecheck.dialects import ALL, bodies
from ratecheck.dialects.charging import ASSUMED, RULES
from ratecheck.dialects.providers import ADDRESSES
from ratecheck.estimate import images, models, tools
from ratecheck.explain.entries import Fact, FactsEntry
from ratecheck.model import Source
from ratecheck.provider.profiles import profiles
from ratecheck.watch import environment

# What a row without a source would be listed with; a test holds that there is none.
_NOWHERE = Source("", "", verified=False)


def facts() -> Iterator[Fact]:
    """Yield every row of every table. A row that several sources support is yielded with each of them."""
    for code in CODES.values():
        yield Fact("finding codes", code.code, code.title, code.source)
    for row in ALL.values():
        for source in row.sources:
            yield Fact("providers", row.name, source.note or row.title, source)
        yield Fact("addresses", row.name, row.base_url or "", ADDRESSES)
    for rule in (*RULES, ASSUMED):
        yield Fact("charging rules", rule.name, rule.says, rule.source)
    for policy in retry.ROWS:
        yield Fact("client policies", f"{policy.name} {policy.versions}", policy.note, policy.source)
    for profile in profiles().values():
        yield Fact("accounts", profile.name, profile.source.note or profile.title, profile.source)
    yield from _signs()
    for client in clients.ROWS:
        yield Fact("user agents", client.name, client.agent, client.source)
    for variable in environment.VARIABLES:
        yield Fact("variables", variable.name, variable.default or "", variable.source)
    for model in models.ROWS:
        yield Fact("models", model.prefix, model.note or model.encoding, model.source)
    for service in models.SERVICES:
        yield Fact("model names", service.part, f"{service.service}: {service.source.note}", service.source)
    for image in images.ROWS:
        yield Fact("images", image.prefix, image.source.note, image.source)
    for hidden in tools.HIDDEN:
        yield Fact("tools", hidden.prefix, hidden.source.note or "the system text that comes with them", hidden.source)


def _signs() -> Iterator[Fact]:
    for sign in (*bodies.SENTENCES, *bodies.CODES):
        # Words that many services share were seen at each of them: any one of the pages will do.
        source = bodies.source_of(sign, "openai") or _NOWHERE
        yield Fact("refusals", sign.provider or "several", sign.needles[0], source)


def unverified() -> FactsEntry:
    """Return the rows that rest on a page nobody has seen confirmed, and how many rows there are of each table."""
    every = list(facts())
    rows, doubtful = (
        Counter(fact.table for fact in every),
        Counter(fact.table for fact in every if not fact.source.verified),
    )
    return FactsEntry(
        tuple(fact for fact in every if not fact.source.verified),
        tuple((table, count, doubtful[table]) for table, count in rows.items()),
    )
