"""Which path means what: the endpoints of all dialects, each reachable with the base URL that its SDK is given."""

import re
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote


class Route(NamedTuple):
    """What a path asks for."""

    kind: str
    """A kind of ``Inference``, or ``models``, ``state``, ``reset``."""
    method: str
    model: str | None = None
    """The model or deployment that stands in the path."""
    stream: bool = False
    """The path itself asks for a stream (Gemini)."""
    in_seconds: bool = False
    """The unversioned route of Foundry, where Azure states resets in whole seconds (recorded 2026, /openai/v1)."""


_PATHS = {
    "/chat/completions": Route("chat", "POST"),
    "/completions": Route("completions", "POST"),
    "/responses": Route("responses", "POST"),
    "/embeddings": Route("embeddings", "POST"),
    "/messages": Route("messages", "POST"),
    "/models": Route("models", "GET"),
}
# One URL serves every SDK: whatever each puts between the base it was given and the endpoint is dropped.
_PREFIX = re.compile(r"(?:/(?:v1|v1beta|openai|api|anthropic))*(?=/)")
_DEPLOYMENT = re.compile(r"/deployments/([^/]{1,256})(/.+)")
_GEMINI = re.compile(
    r"/models/([^/:]{1,256}):(generateContent|streamGenerateContent|embedContent|countTokens|batchEmbedContents)"
)
_ONE_MODEL = re.compile(r"/models/([^/:]{1,256})")


@lru_cache(maxsize=4096)
def route(path: str) -> Route | None:
    """Return what a path means, ``None`` for one that means nothing."""
    if path == "/ratecheck/state":
        return Route("state", "GET")
    if path == "/ratecheck/reset":
        return Route("reset", "POST")
    prefix = _PREFIX.match(path)
    rest = (path[prefix.end() :] if prefix else path).rstrip("/")
    deployment = _DEPLOYMENT.fullmatch(rest)
    if deployment is not None:
        found = _PATHS.get(deployment[2])
        return found._replace(model=unquote(deployment[1])) if found and found.method == "POST" else None
    gemini = _GEMINI.fullmatch(rest)
    if gemini is not None:
        streams = gemini[2] == "streamGenerateContent"
        return Route("generateContent" if streams else gemini[2], "POST", unquote(gemini[1]), streams)
    one = _ONE_MODEL.fullmatch(rest)
    if one is not None:
        return Route("models", "GET", unquote(one[1]))
    found = _PATHS.get(rest)
    return found._replace(in_seconds="/openai/v1" in prefix[0]) if found and prefix else found
