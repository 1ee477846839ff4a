"""Header pairs out of text, in whatever notation the paste has them.

``curl -i``, ``name: value`` lines, JavaScript and Python dicts, byte tuples, Ruby hashes, .NET lists, Go maps, YAML
cassettes, HAR entries, tables of documentation: all of them set a name beside a value.
"""

import re
from typing import NamedTuple

from ratecheck.decode.lazy import lazy

# One of these in a name makes the paste a header dump; the other pairs then come along as context (Date, request ids).
_TELLING = (
    "ratelimit",
    "rate-limit",
    "retry-after",
    "should-retry",
    "x-quota",
    "-limit-",
    "-remaining",
    "utilization",
    "used-percent",
    "call-limit",
)
_NAME = r"[A-Za-z][A-Za-z0-9_]{0,40}(?:-[A-Za-z0-9_.]{1,40}){0,8}"

# 'name': 'value' · "name" => ["value"] · (b'name', b'value') · ["name", "value"] · R's `name` = "value"
_QUOTED = lazy(
    rf"(?<!get\()b?(?P<q>['\"`])(?P<name>{_NAME})(?P=q)\s*(?::|=>|="
    rf"|,)\s*\[?\s*(?:b?(?P<v>['\"])(?P<value>[^\n]{{0,600}}?)(?P=v)(?=\s*[\]),}};]|\s*$)|(?P<bare>-?\d[\d.]{{0,20}}))"
)
_HAR = lazy(
    rf"['\"]name['\"]\s*:\s*['\"](?P<name>{_NAME})['\"]\s*,\s*['\"]value['\"]\s*:\s*(?P<v>['\"])(?P<value>[^\n]{{0,600}}?)(?P=v)(?=\s*[,}}])"
    rf""
)
_BRACKET = lazy(rf"[\[{{(]\s*(?P<name>{_NAME})\s*,\s*(?P<value>[^\[\]\n]{{1,300}})\]")
_GO = lazy(rf"(?<![\w-])(?P<name>{_NAME}):\[(?P<value>[^\]\n]{{0,300}})\]")
# x-ratelimit-limit-requests=500 in a log line
_ASSIGNED = lazy(rf"(?<![\w-])(?P<name>{_NAME})=(?P<value>[^\s,;&\"']{{1,80}})")
_LINE = lazy(rf"^\s*[\[(-]?\s*['\"`]?(?P<name>{_NAME})['\"`]?\s*(?P<sep>:|=>?|\||\t)\s*(?P<value>\S.{{0,900}}?)?\s*$")
# Several on one line without quotes: "x-ratelimit-limit: 60, x-ratelimit-remaining: 59".
_ROW = lazy(
    r"(?<![\w-])(?P<name>[a-z0-9-]{0,60}(?:ratelimit|rate-limit|retry-after)[a-z0-9-]{0,60}): ?"
    r"(?P<value>-?\d[^\s,;]{0,60})",
    re.IGNORECASE,
)
# The value of a line holds the next pair.
_FURTHER = lazy(
    r"[,;\s][\"'`]?[a-z0-9-]{0,60}(?:ratelimit|rate-limit|retry-after)[a-z0-9-]{0,60}[\"'`]?\s?[:=]", re.IGNORECASE
)
_ITEM = lazy(r"^\s*-\s+['\"]?(?P<value>[^'\"\n]{1,300})['\"]?\s*$")
# Names without a hyphen that are headers all the same.
_PLAIN = {
    "date",
    "server",
    "via",
    "age",
    "connection",
    "vary",
    "ratelimit",
    "host",
    "location",
    "etag",
    "expires",
    "pragma",
}


class Dump(NamedTuple):
    """The pairs of a text, and its lines without them."""

    pairs: tuple[tuple[str, str], ...]
    rest: tuple[str, ...]


def _header_name(name: str) -> bool:
    # rateLimit in a body is a key of its own, not IETF's header.
    return "-" in name or (name.lower() in _PLAIN and name != "rateLimit")


def _cell(value: str, separator: str) -> str:
    """The value of a table row may stand behind a description: the first cell that begins like a value wins."""
    cells = [cell.strip() for cell in re.split(r"\t|\|" if separator in "|\t" else r"\t", value)]
    cells = [cell for cell in cells if cell]
    worthy = next((cell for cell in cells if cell[:1].isdigit() or cell[:2] in ("-1", '"d')), None)
    return worthy or (cells[0] if cells else "")


def _clean(value: str) -> str:
    value = value.strip().rstrip(",").strip()
    if value.startswith("[") and value.endswith("]"):
        value = value[1:-1].strip()
    if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"`" and value.count(value[0]) == 2:
        value = value[1:-1]
    return value.strip()


def header_pairs(lines: tuple[str, ...]) -> Dump:
    """Find the header pairs of clean lines; the pairs are empty where nothing looks like a header about limits."""
    joined = "\n".join(lines).lower()
    if not any(word in joined for word in _TELLING):
        return Dump((), lines)
    pairs: list[tuple[str, str]] = []
    rest: list[str] = []
    waiting: str | None = None
    for line in lines:
        item = _ITEM().match(line) if waiting else None
        if item and waiting:
            pairs.append((waiting, item["value"]))
            waiting = None
            rest.append("")
            continue
        waiting = None
        whole = _LINE().match(line)
        if whole and (
            _FURTHER().search(whole["value"] or "") or (whole["sep"] == "=" and "," in line and "limit=" in line)
        ):
            whole = None  # several pairs
        if whole and _header_name(whole["name"]):
            if whole["value"] is None:
                waiting = whole["name"]
            else:
                value = _cell(whole["value"], whole["sep"]) if "|" in line or "\t" in line else whole["value"]
                pairs.append((whole["name"], _clean(value)))
            rest.append("")
            continue
        rest.append(_inline(line, pairs))
    kept = tuple(pairs)
    if not any(word in name.lower() for name, _ in kept for word in _TELLING):
        return Dump((), lines)
    return Dump(kept, tuple(rest))


def _inline(line: str, pairs: list[tuple[str, str]]) -> str:
    if not any(word in line.lower() for word in (*_TELLING, "date", "request-id")):
        return line

    def take(found: re.Match[str]) -> str:
        groups = found.groupdict()
        if not _header_name(found["name"]):
            return found[0]
        pairs.append((found["name"], _clean(groups.get("value") or groups.get("bare") or "")))
        return " "

    for pattern in (_HAR, _QUOTED, _GO, _BRACKET, _ASSIGNED):
        line = pattern().sub(take, line)
    # One such pair may be a sentence; two are headers.
    return _ROW().sub(take, line) if len(_ROW().findall(line)) > 1 else line
