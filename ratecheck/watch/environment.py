"""Which environment variables lead the SDKs to a server, and what they must say to lead them through the proxy."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from ratecheck.errors import UsageError
from ratecheck.model import Source


@dataclass(frozen=True, slots=True)
class Variable:
    """One variable that an SDK reads its server's address from."""

    name: str
    provider: str
    default: str | None
    """The address that the SDK uses without the variable, with the path that it expects there; ``None``: none."""
    source: Source
    azure_minds: bool = False
    """Azure clients refuse to start, or warn, where this is set beside their endpoint."""


def _sdk(url: str, verified: bool = True) -> Source:
    return Source(url, "2026-11", verified)


_OPENAI_PY, _OPENAI_JS = _sdk("the openai 3.54.0 package for Python"), "the openai package for Node"
_LITELLM = _sdk("https://docs.litellm.ai/docs/set_keys", verified=False)
_LANGCHAIN = _sdk("the langchain-openai 1.7.3 package for Python", verified=False)

# The path of a default says what the SDK expects the address to hold: some want "/v1" in it, some add it themselves.
VARIABLES: tuple[Variable, ...] = (
    Variable("OPENAI_BASE_URL", "openai", "https://api.openai.com/v1", _OPENAI_PY, azure_minds=True),
    Variable("OPENAI_API_BASE", "openai", "https://api.openai.com/v1", _LANGCHAIN, azure_minds=True),
    Variable("AZURE_OPENAI_ENDPOINT", "azure", None, _OPENAI_PY),
    Variable("AZURE_API_BASE", "azure", None, _LITELLM),
    Variable("ANTHROPIC_BASE_URL", "anthropic", "https://api.anthropic.com",
             _sdk("the anthropic 2.12.0 package for Python")),
    Variable("ANTHROPIC_API_URL", "anthropic", "https://api.anthropic.com", _LANGCHAIN),
    Variable("ANTHROPIC_API_BASE", "anthropic", "https://api.anthropic.com", _LITELLM),
    Variable("GROQ_BASE_URL", "groq", "https://api.groq.com", _sdk("the groq 1.7.0 package for Python")),
    Variable("GROQ_API_BASE", "groq", "https://api.groq.com", _LANGCHAIN),
    Variable("TOGETHER_BASE_URL", "together", "https://api.together.xyz/v1",
             _sdk("the together 3.1.1 package for Python")),
    Variable("MISTRAL_BASE_URL", "mistral", "https://api.mistral.ai/v1", _LANGCHAIN),
    Variable("CO_API_URL", "cohere", "https://api.cohere.com", _sdk("the cohere 7.3.1 package for Python")),
    Variable("GOOGLE_GEMINI_BASE_URL", "google", "https://generativelanguage.googleapis.com",
             _sdk("the google-genai 3.4.0 package for Python")),
    Variable("OPENROUTER_BASE_URL", "openrouter", "https://openrouter.ai/api/v1", _LANGCHAIN),
    Variable("DEEPSEEK_API_BASE", "deepseek", "https://api.deepseek.com/v1", _LITELLM),
    Variable("XAI_API_BASE", "xai", "https://api.x.ai/v1", _LITELLM),
    Variable("CEREBRAS_BASE_URL", "cerebras", "https://api.cerebras.ai", _LANGCHAIN),
    Variable("FIREWORKS_BASE_URL", "fireworks", "https://api.fireworks.ai/inference/v1", _LANGCHAIN),
    Variable("LITELLM_PROXY_API_BASE", "litellm", None, _LITELLM),
)  # fmt: skip

# What SDKs that add the version themselves must not find in the address.
_VERSIONS = ("/openai/v1", "/v1")


@dataclass(frozen=True, slots=True)
class Target:
    """One variable and the address behind the proxy that it is to reach."""

    variable: str
    provider: str
    """Whose variable it is; who answers there is told from the address and from the answers."""
    origin: str
    """``https://api.openai.com``: one listening port for each."""
    path: str
    """What follows the origin, ``/v1``."""
    curtailed: bool = False
    """The address held more, a password or a query, which does not come along."""


def targets(environment: Mapping[str, str], upstream: str | None = None) -> tuple[Target, ...]:
    """Return where each SDK variable is to lead: all to ``upstream``, or each where the environment says.

    Without ``upstream``, a variable that is not set leads to its SDK's own default. Raises ``UsageError`` for an
    address that is none.
    """
    azure = any(environment.get(name) for name in ("AZURE_OPENAI_ENDPOINT", "AZURE_OPENAI_API_KEY"))
    openai = any(environment.get(name) for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_API_BASE"))
    found = []
    for row in VARIABLES:
        set_to = environment.get(row.name)
        if row.azure_minds and azure and not openai and not set_to:
            continue
        if upstream is not None:
            origin, path, curtailed = _parts(upstream)
            path = _path_for(row, path)
        elif set_to or row.default:
            try:
                origin, path, curtailed = _parts(set_to or row.default or "")
            except UsageError as error:
                raise UsageError(f"{row.name} is not an http(s) URL", error.hint) from None
        else:
            continue
        found.append(Target(row.name, row.provider, origin, path, curtailed))
    return tuple(found)


def _parts(url: str) -> tuple[str, str, bool]:
    """Return origin and path, and whether there was more to it."""
    try:
        parts = urlsplit(url.strip())
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if not host or parts.scheme not in ("http", "https"):
        raise UsageError("the upstream is not an http(s) URL", "write it like https://api.openai.com/v1")
    usual = 443 if parts.scheme == "https" else 80
    name = f"[{host}]" if ":" in host else host
    origin = f"{parts.scheme}://{name}" + (f":{port}" if port and port != usual else "")
    return origin, parts.path.rstrip("/"), bool(parts.username or parts.password or parts.query)


def _path_for(row: Variable, path: str) -> str:
    """Return the path that this SDK expects of an address given once for all of them."""
    wanted = urlsplit(row.default or "").path
    if wanted:
        return path or ("/v1" if wanted.endswith("/v1") else wanted)
    for version in _VERSIONS:
        if path.endswith(version):
            return path[: -len(version)]
    return path


def settings(found: tuple[Target, ...], ports: Mapping[str, int], environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables to set: each SDK's address at the port of its origin, and no forward proxy before it."""
    changed = {target.variable: f"http://127.0.0.1:{ports[target.origin]}{target.path}" for target in found}
    for name in ("NO_PROXY", "no_proxy"):
        kept = environment.get(name, "")
        if "*" not in kept.split(","):
            changed[name] = ",".join(part for part in (kept, "127.0.0.1", "localhost") if part)
    return changed
