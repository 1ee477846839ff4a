"""HAR files: what a browser or a proxy recorded, one entry an exchange."""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple


class Entry(NamedTuple):
    """One answer of a HAR file."""

    url: str
    status: int | None
    headers: tuple[tuple[str, str], ...]
    body: str


def entries(text: str) -> Iterator[Entry]:
    """Yield the answers of a HAR document; nothing where it is broken or something else."""
    try:
        document = json.loads(text)
        listed = document["log"]["entries"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return
    for entry in listed if isinstance(listed, list) else []:
        answer = _dict(_dict(entry).get("response"))
        pairs = answer.get("headers")
        headers = tuple(
            (str(each.get("name")), str(each.get("value")))
            for each in (pairs if isinstance(pairs, list) else [])
            if isinstance(each, dict)
        )
        status = answer.get("status")
        yield Entry(
            str(_dict(_dict(entry).get("request")).get("url", "")),
            status if isinstance(status, int) and 100 <= status <= 599 else None,
            headers,
            str(_dict(answer.get("content")).get("text", "")),
        )


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
