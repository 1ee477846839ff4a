"""Whose API is this? Told from a name, a URL or the headers of an answer, never guessed."""

from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

from ratecheck.dialects.providers import ROWS
from ratecheck.dialects.rules import Dialect
from ratecheck.errors import no_such

ALL: Mapping[str, Dialect] = ROWS


def get(name: str | None) -> Dialect | None:
    """Return the row of a provider by its name in the contracts, or ``None``."""
    return ROWS.get(name or "")


def known(name: str) -> str:
    """Return a provider's name as it was given, ``"unknown"`` for any other API included.

    Raises ``UsageError`` with the nearest names for one that no row has.
    """
    if name != "unknown" and name not in ROWS:
        raise no_such("provider", name, ROWS)
    return name


def of_url(url: str) -> Dialect | None:
    """Return the provider whose host the URL names; the longest pattern wins. ``None`` for any other host."""
    try:
        host = (urlsplit(url if "//" in url else f"//{url}").hostname or "").rstrip(".").lower()
    except ValueError:
        return None
    best: tuple[int, Dialect] | None = None
    for row in ROWS.values():
        for pattern in row.hosts:
            if _host_matches(host, pattern) and (best is None or len(pattern) > best[0]):
                best = (len(pattern), row)
    return best[1] if best else None


def _host_matches(host: str, pattern: str) -> bool:
    """``*`` stands for any characters, once, and never for none."""
    head, star, tail = pattern.partition("*")
    if not star:
        return host == pattern
    return len(host) > len(head) + len(tail) and host.startswith(head) and host.endswith(tail)


def of_headers(headers: Iterable[tuple[str, str]]) -> Dialect | None:
    """Return the provider that signs its answers with one of these headers; a gateway before what it passes on."""
    exact, prefixes = _signatures()
    found: int | None = None
    for name, value in headers:
        name = name.lower()
        candidates = list(exact.get(name, ()))
        # Two dozen prefixes: a fixed number of looks a header.
        candidates += [entry for prefix, entry in prefixes if name.startswith(prefix)]
        for rank, contains in candidates:
            if (found is None or rank < found) and contains in value[:4096].lower():
                found = rank
    return None if found is None else tuple(ROWS.values())[found]


_Entry = tuple[int, str]
_CACHE: list[tuple[dict[str, list[_Entry]], list[tuple[str, _Entry]]]] = []


def _signatures() -> tuple[dict[str, list[_Entry]], list[tuple[str, _Entry]]]:
    """Index the signatures by header, once and only when an answer has to be told."""
    if not _CACHE:
        exact: dict[str, list[_Entry]] = {}
        prefixes: list[tuple[str, _Entry]] = []
        for rank, row in enumerate(ROWS.values()):
            for header, contains in row.signatures:
                if header.endswith("*"):
                    prefixes.append((header[:-1], (rank, contains)))
                else:
                    exact.setdefault(header, []).append((rank, contains))
        _CACHE.append((exact, prefixes))
    return _CACHE[0]
