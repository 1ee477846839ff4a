"""What error bodies say: every row of ``sentences`` and ``codes``, and the search for them in a text.

The rows are tables with sources; this file finds which of them stand in a text. Words with numbers in them
("5-hour", "TPM", "requests per 60 seconds") become dimensions and windows here too.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from ratecheck.dialects.codes import CLUES, CODES
from ratecheck.dialects.sentences import SENTENCES
from ratecheck.dialects.signs import DAY, HOUR, MINUTE, MONTH, WEEK, Sign, Signs, compiled, identifier
from ratecheck.model import Dimension, Source


def _thread(path: str, date: str = "2026-11") -> Source:
    return Source(f"https://github.com/{path}", date, note="an answer as somebody pasted it")


def _found(path: str) -> Source:
    """A thread that a search of stored threads showed, 2026-11; its text is not among the recorded evidence."""
    return _thread(path)._replace(
        verified=False, note="an answer as somebody pasted it, in a stored copy of the thread"
    )


_PASTED: dict[str, Source] = {
    "anthropic": _thread("continuedev/continue/issues/11665"), "azure": _thread("openai/openai-python/issues/937"),
    "bedrock": _thread("posit-dev/positron/issues/7844"), "cerebras": _thread("continuedev/continue/issues/9800"),
    "cloudflare": _thread("lobehub/lobehub/issues/2795"), "cohere": _thread("diegosouzapw/OmniRoute/pull/12252"),
    "coreweave": Source("https://docs.coreweave.com/support/inference/tags/quotas-rate-limits", "2026-11"),
    "dashscope": _thread("can1357/oh-my-pi/pull/8476"),
    "deepinfra": _thread("truefoundry/models/pull/862"), "deepseek": _thread("esengine/DeepSeek-Reasonix/issues/2387"),
    "fireworks": _thread("GordeyZuev/LEAP/issues/6"), "github": _thread("github/copilot-cli/issues/3819"),
    "google": _thread("google-gemini/gemini-cli/issues/8437"), "groq": _thread("danielmiessler/Fabric/issues/364"),
    "huggingface": _thread("huggingface/hub-docs"), "litellm": _thread("BerriAI/litellm/issues/5177"),
    "meta": _thread("meta-llama/llama-models/issues/354"), "minimax": _thread("MiniMax-AI/MiniMax-M2.7/issues/36"),
    "mistral": _thread("mistralai/client-ts/issues/169"), "moonshot": _thread("MoonshotAI/kimi-cli/issues/1599"),
    "nvidia": _thread("Alishahryar1/free-claude-code/issues/30"),
    "ollama": _thread("continuedev/continue/issues/9233"),
    "openai": _thread("openai/openai-python/issues/416"), "opencode": _thread("anomalyco/opencode/issues/29912"),
    "openrouter": _thread("BerriAI/litellm/issues/8448"), "qianfan": _thread("PaddlePaddle/ERNIE/issues/1031"),
    "replicate": _thread("traceloop/openllmetry"), "siliconflow": _thread("AIDotNet/OpenDeepWiki/issues/269"),
    "together": _thread("xtekky/gpt4free/issues/3032"), "xai": _thread("cline/cline/issues/4826"),
    "volcengine": Source("https://volcengine.com/docs/82379/1299023", "2026-11"),
    "zhipu": _thread("anthropics/claude-code/issues/9201"),
}  # fmt: skip
_DOCUMENTED: dict[str, Source] = {
    "limits-openai": Source("https://developers.openai.com/api/docs/guides/error-codes", "2026-10"),
    "limits-anthropic": Source("https://platform.claude.com/docs/en/api/rate-limits", "2026-10"),
    "anthropic-docs": Source("https://platform.claude.com/docs/en/api/rate-limits", "2026-10"),
    "limits-azure": Source("https://learn.microsoft.com/azure/foundry/openai/how-to/quota", "2026-09"),
    "apim-docs": Source(
        "https://learn.microsoft.com/azure/api-management/quota-by-key-policy",
        "2026-11",
        verified=False,
        note="from memory of it",
    ),
    "ark-set": _found("volcengine/MineContext/issues/328"),
    "claude-credit": _found("anthropics/claude-code/issues/356"),
    "claude-529": _found("anthropics/claude-code/issues/61365"),
    "claude-extra": _found("anthropics/claude-code/issues/39937"),
    "claude-words": _found("manaflow-ai/subrouter/pull/24"),
    "copilot-premium": _found("earendil-works/pi/issues/3643"),
    "codex-app": _found("openai/codex/issues/30206"),
    "copilot-weekly": _found("microsoft/vscode/issues/310828"),
    "deepseek-402": _found("continuedev/continue/issues/9942"),
    "huawei-apig": _found("langgenius/dify/issues/18378"),
    "flask-limiter": _found("stanford-crfm/helm/issues/188"),
    "gemini-demand": _found("VectifyAI/OpenKB/issues/164"),
    "gemini-overages": _found("google-gemini/gemini-cli/issues/27761"),
    "gemini-unavailable": _found("google-gemini/gemini-cli/issues/5191"),
    "hf-credits": _found("huggingface/agents-course/issues/386"),
    "kimi-anthropic": _found("earendil-works/pi/issues/3494"),
    "kimi-2024": _found("harry0703/MoneyPrinterTurbo/issues/208"),
    "kiro-month": _found("chaogei/Kiro-account-manager/issues/27"),
    "litellm-budget": _found("BerriAI/litellm/issues/20615"),
    "litellm-limits": _found("BerriAI/litellm/issues/13898"),
    "new-api": _found("QuantumNous/new-api/issues/991"),
    "nim-worker": _found("anomalyco/opencode/issues/35265"),
    "openai-images": _found("chatboxai/chatbox/issues/1361"),
    "opencode-go": _found("diegosouzapw/OmniRoute/issues/1772"),
    "openrouter-prompt": _found("anomalyco/opencode/issues/12219"),
    "qwen-free": _found("QwenLM/qwen-code/issues/1742"),
    "zai-plan": _found("LionSR/TeXRA/pull/9865"),
    "limits-others": Source("https://help.aliyun.com/en/model-studio/rate-limit", "2026-10"),
}


def source_of(sign: Sign, provider: str) -> Source | None:
    """Return where a row's words were read; ``provider`` is who was found to speak, for rows that all share.

    Where nobody pasted that provider's words yet, its own row tells. Rows that nobody has seen in an answer are
    returned as unverified; ``None`` only for words of an API that has no row at all.
    """
    documented = _DOCUMENTED.get(sign.source)
    if documented is not None:
        return documented
    pasted = _PASTED.get(sign.provider or provider) or _own(sign.provider or provider)
    if pasted is not None and sign.source == "unseen":
        return pasted._replace(verified=False, note="from documentation or memory of it")
    return pasted


def _own(provider: str) -> Source | None:
    from ratecheck.dialects import get  # the providers' table: only where it is asked

    row = get(provider)
    return row.sources[0] if row is not None and row.sources else None


PROVIDERS: frozenset[str] = frozenset(sign.provider for sign in CLUES if sign.provider)
"""Every provider that a text can name; all of them have clues."""


class Found(NamedTuple):
    """A sign and where it stands; ``groups`` holds the pattern's named readings as written."""

    sign: Sign
    start: int
    end: int
    groups: dict[str, str]


def find(signs: Signs, text: str, lower: str) -> Iterator[Found]:
    """Yield each sign that stands in ``text``, at its first place. ``lower`` is ``text`` in lower case."""
    last: Sign | None = None
    for needle, sign in [each for each in signs.needles if each[0] in lower]:
        if sign is last:  # found by another of its needles
            continue
        at = lower.find(needle)
        if sign.pattern is None:
            if sign.code:
                whole = identifier(needle, sign.category is not None).search(lower, at)
                if whole is None:
                    continue
                at = whole.start()
            last = sign
            yield Found(sign, at, at + len(needle), {})
            continue
        # A pattern may start well before its needle, never on the far side of a long text.
        found = compiled(sign.pattern).search(text, max(at - 2_000, 0))
        if found is not None:
            groups = {name: value for name, value in found.groupdict().items() if value is not None}
            last = sign
            yield Found(sign, found.start(), found.end(), groups)


# The first group with a word that stands in the text wins: "concurrent requests" are not requests per time.
_DIMENSIONS: tuple[tuple[Dimension, tuple[str, ...]], ...] = (
    (Dimension.CONCURRENCY, ("concurren", "parallel", "并发")),
    (Dimension.IMAGES, ("image", "ipm")),
    (Dimension.INPUT_TOKENS, ("input token", "input_token", "inputtoken", "prompt token", "itpm")),
    (Dimension.OUTPUT_TOKENS, ("output token", "output_token", "outputtoken", "completion token", "otpm")),
    (Dimension.TOKENS, ("token", "tpm", "tpd", "tps")),
    (
        Dimension.REQUESTS,
        ("request", "call", "quer", "rpm", "rpd", "rps", "rph", "qps", "qpm", "message", "prediction", "请求", "调用"),
    ),
)


def dimension_of(words: str) -> Dimension | None:
    """Return what the words count: ``"input tokens"``, ``"API calls"``, ``"TPM"``; ``None`` when they say nothing."""
    words = words.lower()
    return next((dimension for dimension, some in _DIMENSIONS if any(word in words for word in some)), None)


_UNITS_S = {
    "s": 1.0, "sec": 1.0, "second": 1.0, "m": MINUTE, "min": MINUTE, "minute": MINUTE, "h": HOUR, "hr": HOUR,
    "hour": HOUR, "hourly": HOUR, "d": DAY, "day": DAY, "daily": DAY, "week": WEEK, "weekly": WEEK,
    "month": MONTH, "monthly": MONTH,
    "秒": 1.0, "分钟": MINUTE, "小时": HOUR, "天": DAY, "日": DAY, "周": WEEK, "月": MONTH,
}  # fmt: skip
_PERIOD = re.compile(r"(?:per[- ])?(?:(\d{1,9})[ -]?)?([a-z]{1,8}|[秒分钟小时天日周月]{1,2})", re.IGNORECASE)


def window_of(words: str) -> float | None:
    """Return the seconds of a period as people write it: ``"min"``, ``"per-day"``, ``"5-hour"``, ``"daily"``."""
    found = _PERIOD.fullmatch(words.strip().lower())
    if found is None:
        return None
    count, unit = found.groups()
    seconds = _UNITS_S.get(unit) or _UNITS_S.get(unit.rstrip("s"))
    if seconds is None:
        return None
    # A window longer than a year is a number misread.
    total = seconds * (int(count) if count else 1)
    return total if 0 < total <= 366 * DAY else None


ABBREVIATION_S = {"m": MINUTE, "d": DAY, "s": 1.0, "h": HOUR}
"""The last letter of TPM, RPD, QPS, RPH names the window."""

__all__ = [
    "ABBREVIATION_S",
    "CLUES",
    "CODES",
    "PROVIDERS",
    "SENTENCES",
    "Found",
    "Sign",
    "dimension_of",
    "find",
    "window_of",
]
