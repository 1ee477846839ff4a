"""From options and environment to a target: which provider, which URL, which key.

The variables are the ones that the SDKs read; which provider reads which stands in its dialect row. A key goes only to
the provider whose variable held it, or where ``--api-key-env`` says.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from ratecheck import dialects
from ratecheck.dialects.rules import Dialect
from ratecheck.errors import CredentialsError, UsageError, no_such
from ratecheck.headers import Target
from ratecheck.redact import neutralise

# What OpenAI-compatible servers of any make are asked as when nothing else is known.
_COMPATIBLE = "openai"
# Printable, and no quote: one comes of a .env file that was read to the letter.
_KEY = re.compile(r"[\x21\x23-\x26\x28-\x7e]+")
_LOOPBACK = ("127.", "localhost", "[::1]", "::1")


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the user said on the command line; ``None`` where nothing was said."""

    provider: str | None = None
    base_url: str | None = None
    model: str | None = None
    kind: str | None = None
    api_key_env: str | None = None
    second_key_env: str | None = None
    api_version: str | None = None
    no_key: bool = False
    key_optional: bool = False
    """A missing key is no reason to stop: nothing will be sent (``--dry-run``)."""


def target_from(wishes: Wishes, environment: Mapping[str, str]) -> Target:
    """Return the target. Raises ``UsageError`` for a wrong option and ``CredentialsError`` for a missing key."""
    dialect, base_url, told_from = _where(wishes, environment)
    _check_url(base_url)
    key = second = None
    if not wishes.no_key:
        key = _key(wishes.api_key_env, dialect, base_url, environment, optional=wishes.key_optional)
        if wishes.second_key_env:
            second = _key(wishes.second_key_env, dialect, base_url, environment, optional=wishes.key_optional)
    kind = wishes.kind or (dialect.endpoints[0].kind if dialect.endpoints else "chat")
    if wishes.kind and dialect.endpoints and dialect.path(kind) is None:
        known = ", ".join(endpoint.kind for endpoint in dialect.endpoints)
        raise UsageError(f"{dialect.title} has no endpoint of the kind {kind!r}", f"it has: {known}")
    model = wishes.model or _deployment(base_url) or dialect.probe_model
    if model is None:
        raise UsageError(
            f"which model? {dialect.title} has none that ratecheck could assume",
            "name it with --model" + (" (the deployment's name)" if "{model}" in (dialect.path(kind) or "") else ""),
        )
    return Target(
        dialect=dialect,
        base_url=base_url,
        model=model,
        kind=kind,
        key=key,
        second_key=second,
        api_version=wishes.api_version or _first(environment, dialect.api_version_env) or dialect.api_version,
        extra_headers=dialect.fixed_headers
        + tuple((header, environment[name]) for header, name in dialect.header_env if environment.get(name)),
        told_from=told_from,
    )


def _where(wishes: Wishes, environment: Mapping[str, str]) -> tuple[Dialect, str, str]:
    """Return provider, base URL and what both were told from."""
    if wishes.provider is not None:
        dialect = _named(wishes.provider)
        base_url = wishes.base_url or _first(environment, dialect.base_url_env) or dialect.base_url
        if base_url is None:
            hint = f"--base-url URL, or {dialect.base_url_env[0]}" if dialect.base_url_env else "--base-url URL"
            raise UsageError(f"where is {dialect.title}? It has no one address", hint)
        return dialect, base_url, "--provider"
    if wishes.base_url is not None:
        return _of(wishes.base_url), wishes.base_url, "--base-url"
    for dialect in sorted(dialects.ALL.values(), key=_tried_at):
        base_url = _first(environment, dialect.base_url_env)
        if base_url is not None and (_first(environment, dialect.key_env) or wishes.api_key_env or wishes.no_key):
            told = next(name for name in dialect.base_url_env if environment.get(name))
            # OPENAI_BASE_URL often points at another provider that speaks OpenAI's protocol.
            return dialects.of_url(base_url) or dialect, base_url, told
        if dialect.base_url and _first(environment, dialect.key_env):
            told = next(name for name in dialect.key_env if environment.get(name))
            return dialect, dialect.base_url, told
    if wishes.api_key_env:
        raise UsageError("whose key is that?", "name the provider (--provider) or the address (--base-url)")
    for dialect in dialects.ALL.values():
        nowhere = dialect.base_url is None and dialect.name not in _TRIED_LAST and not wishes.no_key
        held = next((name for name in dialect.key_env if environment.get(name)), None)
        if nowhere and held is not None:
            wanted = " or ".join((*dialect.base_url_env[:1], "--base-url URL"))
            raise UsageError(f"{held} is set, but where is {dialect.title}? It has no one address", wanted)
    if wishes.key_optional or wishes.no_key:
        row = _named(_COMPATIBLE)
        return row, row.base_url or "", "nothing said: OpenAI by default"
    raise CredentialsError(
        "no key found in the environment (OPENAI_API_KEY, AZURE_OPENAI_API_KEY, ANTHROPIC_API_KEY, GROQ_API_KEY, …)",
        "set the variable that your SDK reads, name one with --api-key-env, or try `ratecheck headers --demo`",
    )


# Where several keys are set, the API that most people mean comes first. Tokens that stand in many environments for
# other purposes, and gateways, come last.
_TRIED_FIRST = ("openai", "azure", "anthropic", "groq", "mistral", "google")
_TRIED_LAST = ("github", "huggingface", "cloudflare", "ollama")


def _tried_at(dialect: Dialect) -> int:
    if dialect.name in _TRIED_FIRST:
        return _TRIED_FIRST.index(dialect.name)
    return 100 + dialect.gateway + 2 * (dialect.name in _TRIED_LAST)


def _named(name: str) -> Dialect:
    row = dialects.get(name)
    if row is None:
        raise no_such("provider", name, dialects.ALL)
    return row


def _of(base_url: str) -> Dialect:
    return dialects.of_url(base_url) or dialects.COMPATIBLE


def _first(environment: Mapping[str, str], names: tuple[str, ...]) -> str | None:
    return next((environment[name] for name in names if environment.get(name)), None)


def _key(
    named: str | None, dialect: Dialect, base_url: str, environment: Mapping[str, str], *, optional: bool
) -> str | None:
    names = (named,) if named else dialect.key_env
    name = next((name for name in names if environment.get(name)), None)
    if name is None:
        if optional:
            return None
        wanted = " or ".join(names) or "a key"
        local = urlsplit(base_url).netloc.startswith(_LOOPBACK)
        hint = "--no-key sends none, for a local server" if local else "--api-key-env NAME names another variable"
        raise CredentialsError(f"no key for {dialect.title}: {wanted} is not set", hint)
    key = environment[name].strip()
    if not _KEY.fullmatch(key):
        raise CredentialsError(f"the key in {name} holds characters that no key has", "a line break or a quote in it?")
    return key


def _check_url(base_url: str) -> None:
    try:
        parts = urlsplit(base_url)
        port_ok = parts.port is None or 0 < parts.port < 65536
    except ValueError:
        raise UsageError(f"not a usable URL: {neutralise(base_url, 120)}", "it looks like https://host/v1") from None
    if parts.scheme not in ("http", "https") or not parts.hostname or not port_ok:
        raise UsageError(f"not a usable URL: {neutralise(base_url, 120)}", "it looks like https://host/v1")
    if parts.username or parts.password:
        raise UsageError("a base URL with a name or password in it", "keys come from the environment (--api-key-env)")


def _deployment(base_url: str) -> str | None:
    """Return the deployment that an Azure URL names in its path."""
    found = re.search(r"/deployments/([^/?]+)", base_url)
    return found[1] if found else None
