"""Which vocabulary, framing and stand-in a model name means: rows in front of tiktoken's own table.

tiktoken 0.14 raises KeyError for ``gpt-6`` or any ``vendor/model`` and takes cl100k for fine-tunes of 4.1. Here a name
loses its vendor, its ``ft:`` and its Bedrock region, then the longest prefix counts. What no row knows is counted as
o200k and says that it was assumed.
"""

import functools
import re
from dataclasses import dataclass

from ratecheck.model import Source

DEFAULT_MODEL = "gpt-4o"

_COUNTING = Source(
    "https://github.com/openai/openai-cookbook/blob/main/examples/How_to_count_tokens_with_tiktoken.ipynb", "2026-10",
    note="checked against 107 recorded plain-text requests",
)  # fmt: skip
_CASSETTES = Source("https://github.com/traceloop/openllmetry", "2026-05", note="recorded usage of a few requests")
_CLAUDE_47 = Source("https://pithwire.com/en/articles/measuring-claude-47s-tokenizer-costs/", "2026-10")
_UNMEASURED = Source("https://github.com/openai/tiktoken", "2026-11", verified=False, note="stand-in not measured")

# Where a stand-in was never measured, its band is that of characters/4 over single files.
_UNMEASURED_BAND = (-0.36, 0.27)


@dataclass(frozen=True, slots=True)
class Framing:
    """Tokens that a chat costs beside its texts."""

    message: int = 3
    name: int = 1
    """Added to a name's own tokens."""
    priming: int = 3
    """Once a request: the start of the answer."""
    roles: bool = True
    """Are the words of the roles counted?"""


@dataclass(frozen=True, slots=True)
class ModelRow:
    """What is known of all models whose name starts with ``prefix``."""

    prefix: str
    provider: str | None
    encoding: str = "o200k_base"
    framing: Framing = Framing()
    reasoning: bool = False
    factor: float = 1.0
    """Tokens of this model to one of ``encoding``; only a stand-in differs from 1."""
    band: tuple[float, float] | None = None
    """Relative error of a stand-in; ``None`` where the vocabulary is the model's own."""
    source: Source = _COUNTING
    note: str = ""

    @property
    def stands_in(self) -> bool:
        """Return whether another vocabulary is counted in place of the model's own."""
        return self.band is not None


_REASONING = Framing(priming=2)


def _stand_in(prefix: str, provider: str | None, overhead: int, **more: object) -> ModelRow:
    """Describe a model without a public vocabulary whose first message costs ``overhead`` tokens beside its text."""
    # Nobody published the cost of further messages; four is what most chat templates need for role and ends.
    framing = Framing(message=4, name=0, priming=overhead - 4, roles=False)
    settings: dict[str, object] = {"band": _UNMEASURED_BAND, "source": _UNMEASURED, "framing": framing, **more}
    return ModelRow(prefix, provider, **settings)  # type: ignore[arg-type]  # a row's own fields, by name


_OLD_CLAUDE = {"factor": 1.1, "band": (-0.09, 0.09), "source": _CASSETTES, "note": "1.0 to 1.2 times o200k, recorded"}
_NEW_CLAUDE = {"factor": 1.4, "band": (-0.15, 0.18), "source": _CLAUDE_47, "note": "1.2 to 1.65 times o200k"}

ROWS: tuple[ModelRow, ...] = (
    ModelRow("gpt-3.5-turbo-0301", "openai", "cl100k_base", Framing(message=4, name=-1)),
    ModelRow("gpt-3.5", "openai", "cl100k_base"),
    ModelRow("gpt-35", "azure", "cl100k_base"),
    ModelRow("gpt-4", "openai", "cl100k_base"),
    ModelRow("gpt-4o", "openai"),
    ModelRow("chatgpt-4o", "openai"),
    ModelRow("gpt-4.1", "openai"),
    ModelRow("gpt-4.5", "openai"),
    ModelRow("gpt-5", "openai", framing=_REASONING, reasoning=True),
    # The chat variants do not reason; nobody recorded one, so the framing of 4o is taken.
    ModelRow("gpt-5-chat", "openai"),
    ModelRow("o1", "openai", framing=_REASONING, reasoning=True),
    ModelRow("o3", "openai", framing=_REASONING, reasoning=True),
    ModelRow("o4", "openai", framing=_REASONING, reasoning=True),
    ModelRow("codex", "openai", framing=_REASONING, reasoning=True),
    ModelRow("computer-use", "openai"),
    ModelRow("gpt-realtime", "openai"),
    ModelRow("gpt-audio", "openai"),
    ModelRow("gpt-image", "openai"),
    ModelRow("omni-moderation", "openai"),
    ModelRow("text-embedding-ada", "openai", "cl100k_base"),
    ModelRow("text-embedding-3", "openai", "cl100k_base"),
    ModelRow("davinci-002", "openai", "cl100k_base"),
    ModelRow("babbage-002", "openai", "cl100k_base"),
    ModelRow("text-davinci-003", "openai", "p50k_base"),
    ModelRow("text-davinci-002", "openai", "p50k_base"),
    ModelRow("code-davinci", "openai", "p50k_base"),
    ModelRow("text-davinci", "openai", "r50k_base"),
    ModelRow("text-curie", "openai", "r50k_base"),
    ModelRow("text-babbage", "openai", "r50k_base"),
    ModelRow("text-ada", "openai", "r50k_base"),
    _stand_in("gpt-oss", None, 72, encoding="o200k_harmony", band=(-0.02, 0.02), source=_CASSETTES,
              note="the harmony template adds a system text of 67 to 78 tokens"),
    _stand_in("claude", "anthropic", 8, **_NEW_CLAUDE),
    _stand_in("claude-2", "anthropic", 8, **_OLD_CLAUDE),
    _stand_in("claude-instant", "anthropic", 8, **_OLD_CLAUDE),
    _stand_in("claude-3", "anthropic", 8, **_OLD_CLAUDE),
    _stand_in("claude-opus-4", "anthropic", 8, **_OLD_CLAUDE),
    _stand_in("claude-sonnet-4", "anthropic", 8, **_OLD_CLAUDE),
    _stand_in("claude-haiku-4", "anthropic", 8, **_OLD_CLAUDE),
    _stand_in("claude-haiku-3", "anthropic", 8, **_OLD_CLAUDE),
    _stand_in("claude-4", "anthropic", 8, **_OLD_CLAUDE),
    # Gateways write the minor version with a dot.
    *(_stand_in(f"claude-{kind}-4{sign}{minor}", "anthropic", 8, **_NEW_CLAUDE)
      for kind in ("opus", "sonnet", "haiku") for minor in ("7", "8", "9") for sign in "-."),
    ModelRow("gemini", "google", framing=Framing(0, 0, 0, roles=False), band=_UNMEASURED_BAND, source=_CASSETTES,
             note="short texts differ by 0 to 1 token from o200k; long ones were not measured"),
    ModelRow("gemma", None, framing=Framing(0, 0, 0, roles=False), band=_UNMEASURED_BAND, source=_UNMEASURED),
    _stand_in("llama", None, 10), _stand_in("llama3", None, 10), _stand_in("llama-3.3", None, 35),
    _stand_in("meta-llama", None, 10), _stand_in("meta.llama", None, 10),
    _stand_in("mixtral", None, 10), _stand_in("mistral", "mistral", 15), _stand_in("mistral-tiny", "mistral", 4),
    _stand_in("ministral", "mistral", 4), _stand_in("codestral", "mistral", 15), _stand_in("magistral", "mistral", 15),
    _stand_in("devstral", "mistral", 15), _stand_in("pixtral", "mistral", 15),
    _stand_in("qwen", None, 12), _stand_in("qwq", None, 12), _stand_in("glm", "zhipu", 5),
    _stand_in("deepseek", "deepseek", 5), _stand_in("kimi", "moonshot", 5), _stand_in("moonshot", "moonshot", 5),
    _stand_in("grok", "xai", 5), _stand_in("command", "cohere", 5), _stand_in("ernie", "qianfan", 5),
    _stand_in("doubao", "volcengine", 5), _stand_in("abab", "minimax", 5), _stand_in("minimax", "minimax", 5),
    _stand_in("sonar", "perplexity", 5), _stand_in("nova", "bedrock", 5), _stand_in("titan", "bedrock", 5),
    _stand_in("phi", None, 5), _stand_in("yi-", None, 5), _stand_in("jamba", None, 5),
)  # fmt: skip

_BY_LENGTH = sorted(ROWS, key=lambda row: -len(row.prefix))
_UNKNOWN = ModelRow("", None, note="not in the table")
_UNKNOWN_OPENAI = ModelRow("gpt", "openai", framing=_REASONING, reasoning=True, note="not in the table")

_BEDROCK = re.compile(
    r"^(?:(?:us|eu|apac|jp|au|ca|global|us-gov)\.)?"
    r"(?:anthropic|meta|mistral|amazon|cohere|deepseek|openai|qwen|ai21)\.(?=[a-z])"
)


@dataclass(frozen=True, slots=True)
class Model:
    """A model name and what it was taken for."""

    name: str
    row: ModelRow
    assumed: bool
    """No row knows the name: o200k was taken, and the reader is told."""
    service: str | None = None
    """Who serves and limits it where the name says so: ``azure`` of ``azure/gpt-4o``."""


@dataclass(frozen=True, slots=True)
class ServiceRow:
    """A part of a model's name before a slash that says who serves it."""

    part: str
    service: str
    source: Source


_GATEWAY = Source("https://docs.litellm.ai/docs/providers", "2026-10", note="a gateway's prefixes")
_OWN = Source(
    "https://docs.fireworks.ai/serverless/rate-limits", "2026-10", verified=False, note="a service's own names"
)

# Who made a model says nothing of who serves it: `openai/gpt-oss-120b` and `meta-llama/…` are served by others.
SERVICES = (
    *(ServiceRow(name, name, _GATEWAY)
      for name in ("azure", "bedrock", "cerebras", "deepinfra", "github", "groq", "huggingface", "ollama", "openrouter",
                   "perplexity", "replicate", "sambanova", "volcengine", "xai")),
    ServiceRow("azure_ai", "azure", _GATEWAY), ServiceRow("fireworks_ai", "fireworks", _GATEWAY),
    ServiceRow("nvidia_nim", "nvidia", _GATEWAY), ServiceRow("together_ai", "together", _GATEWAY),
    *(ServiceRow(name, name, _OWN) for name in ("cloudflare", "fireworks", "siliconflow", "together")),
    ServiceRow("@cf", "cloudflare", Source("https://developers.cloudflare.com/workers-ai/models", "2026-11",
                                           verified=False, note="a service's own names")),
)  # fmt: skip
_SERVES = {row.part: row.service for row in SERVICES}


def _service(name: str) -> str | None:
    """Return who serves the model: the outermost part that names a service, or Bedrock for names of its form."""
    *outer, own = name.strip().lower().split("/")
    for part in outer:
        if part in _SERVES:
            return _SERVES[part]
    return "bedrock" if _BEDROCK.match(own) else None


def base_name(name: str) -> str:
    """Return the model's own name: no vendor, no ``ft:`` and what follows it, no Bedrock region and provider."""
    base = name.strip().lower()
    base = base.rpartition("/")[2]
    if base.startswith("ft:"):
        base = base.removeprefix("ft:").partition(":")[0]
    return _BEDROCK.sub("", base)


# Names of models inside the names that people give to deployments: `prod-gpt-35-turbo`, `my-gpt4o`.
_INSIDE = re.compile(r"(?:^|[-_. ])(gpt-?\d|o[134](?![0-9a-z])|claude-|gemini-|llama|mi[sx]tral|qwen|deepseek-)")


# Names of deployments are often written without the dot: `gpt-41-mini`.
_UNDOTTED = re.compile(r"^gpt-(\d)(\d)(?!\d)")


def _row(base: str) -> ModelRow | None:
    for row in _BY_LENGTH:
        # `gpt-45` is no `gpt-4`: what follows a prefix that ends in a digit is not another digit.
        rest = base[len(row.prefix) :]
        if base.startswith(row.prefix) and not (rest[:1].isdigit() and row.prefix[-1:].isdigit()):
            return row
    return None


@functools.lru_cache(maxsize=1024)
def resolve(name: str) -> Model:
    """Return what ``name`` means."""
    base = base_name(name)
    service = _service(name)
    row = _row(base)
    if row is not None:
        return Model(name, row, assumed=False, service=service)
    unknown = _UNKNOWN_OPENAI if re.match(r"gpt-|o\d", base) else _UNKNOWN
    inside = _INSIDE.search(base)
    named = inside and _row(_UNDOTTED.sub(r"gpt-\1.\2", re.sub(r"^gpt-?", "gpt-", base[inside.start(1) :])))
    return Model(name, named or unknown, assumed=True, service=service)
