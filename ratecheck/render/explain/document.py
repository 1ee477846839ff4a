"""What ``ratecheck explain --json`` prints: one document, an entry for each thing of that name."""

from collections.abc import Sequence
from typing import Any

from ratecheck.diagnose.codes import Area, Code
from ratecheck.dialects.charging import ChargingRule
from ratecheck.durations import NS_PER_S
from ratecheck.explain.entries import (
    AreaEntry,
    Bounds,
    ChargingEntry,
    ClientEntry,
    CodeEntry,
    Entry,
    FactsEntry,
    ListEntry,
    Overview,
    ProfileEntry,
    ProviderEntry,
)
from ratecheck.provider.profiles import Profile

SCHEMA = "ratecheck.explain/1"


def document(name: str | None, entries: Sequence[Entry]) -> dict[str, Any]:
    """Return the entries as one document; ``kind`` says which fields an entry has."""
    return {"schema": SCHEMA, "name": name, "entries": [_entry(entry) for entry in entries]}


def _entry(entry: Entry) -> dict[str, Any]:
    match entry:
        case CodeEntry():
            return {"kind": "code", **_code_fields(entry.code), "commands": entry.commands}
        case AreaEntry(area):
            return {"kind": "area", **_area_fields(area)}
        case ClientEntry():
            return {"kind": "policy", **_client_fields(entry)}
        case ProviderEntry():
            return {"kind": "provider", **_provider_fields(entry)}
        case ProfileEntry(profile):
            return {"kind": "profile", **_profile_fields(profile)}
        case ChargingEntry(rule):
            return {"kind": "charging", **_rule_fields(rule)}
        case FactsEntry():
            return {
                "kind": "unverified",
                "tables": [{"table": table, "rows": rows, "unverified": bad} for table, rows, bad in entry.rows],
                "facts": [
                    {"table": fact.table, "name": fact.name, "says": fact.says, "source": fact.source}
                    for fact in entry.unverified
                ],
            }
        case ListEntry():
            return {"kind": "list", **_list_fields(entry)}
        case Overview():
            return {
                "kind": "overview",
                "areas": [_area_fields(area) for area in entry.areas],
                "lists": [_list_fields(each) for each in entry.lists],
            }


def _code_fields(row: Code) -> dict[str, Any]:
    return {"code": row.code, "title": row.title, "meaning": row.meaning, "tell": row.tell, "do": row.do,
            "source": row.source}  # fmt: skip


def _area_fields(area: Area) -> dict[str, Any]:
    codes = [{"code": row.code, "title": row.title} for row in area.rows]
    return {"prefix": area.prefix, "title": area.title, "commands": area.commands, "codes": codes}


def _list_fields(entry: ListEntry) -> dict[str, Any]:
    keys = [key.replace(" ", "_") for key in entry.compared]
    return {
        "list": entry.kind,
        "names": [
            {"name": name, "says": says, **dict(zip(keys, told, strict=True))} for name, says, told in entry.rows
        ],
    }


def _bounds(bounds: Bounds | None) -> dict[str, float] | None:
    return None if bounds is None else {"shortest_s": round(bounds[0], 6), "longest_s": round(bounds[1], 6)}


def _client_fields(entry: ClientEntry) -> dict[str, Any]:
    policy = entry.policy
    return {
        "policy": policy.name, "sdk": policy.sdk, "versions": str(policy.versions), "checked": policy.checked or None,
        "other_versions": [each for each in entry.versions if each != str(policy.versions)],
        "says": entry.sentence, "note": policy.note or None,
        "max_retries": policy.max_retries, "requests_at_most": entry.requests_at_most,
        "requests": [{"every_time": name, "requests": count} for name, count in entry.requests],
        "layers": [{"layer": name, "retries": retried} for name, retried in entry.retried],
        "waits": [_bounds(bounds) for bounds in entry.waits], "more_waits": entry.more_waits,
        "told": [
            {"retry_after_s": told.retry_after_s, "first_wait": _bounds(told.wait), "requests": told.requests}
            for told in entry.told
        ],
        "timeout_s": policy.timeout_s, "disable": policy.disable, "source": policy.source,
    }  # fmt: skip


def _provider_fields(entry: ProviderEntry) -> dict[str, Any]:
    row = entry.row
    return {
        "provider": row.name, "title": row.title, "hosts": row.hosts, "base_url": row.base_url,
        "base_url_env": row.base_url_env, "key_env": row.key_env, "key_header": row.auth.header,
        "endpoints": [{"kind": each.kind, "path": each.path} for each in row.endpoints],
        "gateway": row.gateway, "rejections_count": row.rejections_count,
        "headers": [
            {"header": rule.header, "means": rule.means, "written_as": rule.grammar, "dimension": rule.dimension,
             "window_s": rule.window_s, "window_from": rule.window_from, "scope": rule.scope, "name": rule.name,
             "current": rule.written}
            for rule in row.headers
        ],
        "charging": [_rule_fields(rule) for rule in entry.charging],
        "traps": [{"says": trap.says, "code": trap.code} for trap in entry.traps],
        "profiles": [profile.name for profile in entry.profiles],
        "sources": row.sources,
    }  # fmt: skip


def _profile_fields(profile: Profile) -> dict[str, Any]:
    return {
        "profile": profile.name, "provider": profile.dialect, "title": profile.title, "model": profile.model,
        "per_model": profile.per_model,
        "limits": [
            {"dimension": rule.limit.dimension, "limit": rule.limit.amount,
             "window_s": rule.limit.window_ns / NS_PER_S, "algorithm": rule.algorithm}
            for rule in profile.limits
        ],
        "source": profile.source,
    }  # fmt: skip


def _rule_fields(rule: ChargingRule) -> dict[str, Any]:
    return {"charging": rule.name, "provider": rule.provider, "endpoints": rule.endpoints, "models": rule.models,
            "since": rule.since, "until": rule.until, "says": rule.says, "source": rule.source}  # fmt: skip
