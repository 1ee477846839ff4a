"""One row per provider API. Adding a provider is adding a row.

A ``Source`` with ``verified=False`` was read about and never seen to happen in a recording.
``rejections_count`` is ``None`` wherever nobody documents whether a refused request is charged.
"""

from ratecheck.dialects import headers
from ratecheck.dialects.rules import Auth, Dialect, Endpoint, Signature
from ratecheck.model import Source

_CHAT = Endpoint("chat", "/chat/completions")
_RESPONSES = Endpoint("responses", "/responses")
_EMBEDDINGS = Endpoint("embeddings", "/embeddings")
_MESSAGES = Endpoint("messages", "/v1/messages")
_OPENAI_STYLE = (_CHAT, _EMBEDDINGS)


def _read(url: str, date: str, note: str = "") -> Source:
    return Source(url, date, verified=False, note=note)


ADDRESSES = Source(
    "the providers' own documentation", "2026-11", verified=False,
    note="base URLs, paths, names of variables and models to probe: never compared with an answer",
)  # fmt: skip
"""Where the rows' addresses come from; the ``sources`` of a row are about its limits."""

_ROWS = (
    # Gateways first: what they pass on carries the inner provider's signature as well.
    Dialect(
        "portkey", "Portkey gateway", ("api.portkey.ai",), headers.OPENAI_LIKE, (Signature("x-portkey-*"),),
        gateway=True, key_env=("PORTKEY_API_KEY",), base_url_env=("PORTKEY_GATEWAY_URL",),
        base_url="https://api.portkey.ai/v1", auth=Auth("x-portkey-api-key", ""), endpoints=_OPENAI_STYLE,
        sources=(Source("https://github.com/traceloop/openllmetry", "2026-10", note="recorded pass-through headers"),),
    ),
    Dialect(
        "litellm", "LiteLLM proxy", (), (*headers.LITELLM, *headers.OPENAI_LIKE),
        (Signature("x-litellm-*"), Signature("llm_provider-*")),
        gateway=True, key_env=("LITELLM_API_KEY",), base_url_env=("LITELLM_BASE_URL", "LITELLM_PROXY_API_BASE"),
        endpoints=(_CHAT, _RESPONSES, _EMBEDDINGS),
        sources=(
            Source("https://github.com/BerriAI/litellm/issues/5177", "2026-10"),
            _read("https://docs.litellm.ai/docs/proxy/response_headers", "2026-10-15", "whose limit x-ratelimit-* is"),
        ),
    ),
    Dialect(
        "openrouter", "OpenRouter", ("openrouter.ai",), headers.OPENROUTER, (Signature("x-openrouter-*"),),
        gateway=True, key_env=("OPENROUTER_API_KEY",), base_url_env=("OPENROUTER_BASE_URL",),
        base_url="https://openrouter.ai/api/v1", endpoints=(_CHAT,), headers_in="error.metadata.headers",
        probe_model="openrouter/auto",
        sources=(
            Source("https://github.com/Aider-AI/aider/issues/3550", "2026-10", note="epoch milliseconds in the body"),
            Source("https://github.com/BerriAI/litellm/issues/8448", "2026-10"),
        ),
    ),
    Dialect(
        "opencode", "OpenCode Zen", ("opencode.ai",), headers.OPENAI_LIKE, (), gateway=True,
        key_env=("OPENCODE_API_KEY",), base_url="https://opencode.ai/zen/v1", endpoints=(_CHAT,),
        sources=(_read("https://github.com/anomalyco/opencode/issues/29912", "2026-10"),),
    ),
    # Azure before OpenAI: it answers with some of OpenAI's headers and never the other way round.
    Dialect(
        "azure", "Azure OpenAI / AI Foundry",
        ("*.openai.azure.com", "*.cognitiveservices.azure.com", "*.services.ai.azure.com", "*.inference.ai.azure.com",
         "*.openai.azure.us", "*.openai.azure.cn"),
        headers.AZURE,
        (Signature("apim-request-id"), Signature("azureml-model-session"), Signature("x-ms-region"),
         Signature("azure-openai-*"), Signature("azureai-*"), Signature("x-ratelimit-abusepenalty-active"),
         Signature("policy-id", "ratelimit"), Signature("x-ms-aoai-*")),
        rejections_count=True,
        key_env=("AZURE_OPENAI_API_KEY",), base_url_env=("AZURE_OPENAI_ENDPOINT",), auth=Auth("api-key", ""),
        endpoints=(
            Endpoint("chat", "/openai/deployments/{model}/chat/completions"),
            Endpoint("embeddings", "/openai/deployments/{model}/embeddings"),
            Endpoint("responses", "/openai/v1/responses"),
        ),
        api_version="2024-10-21", api_version_env=("OPENAI_API_VERSION", "AZURE_OPENAI_API_VERSION"),
        sources=(
            Source("https://learn.microsoft.com/azure/foundry/openai/how-to/quota", "2026-09", note="refusals count"),
            Source("https://github.com/traceloop/openllmetry", "2026-10", note="milliseconds on the classic route"),
            Source("https://github.com/crmne/ruby_llm", "2026-10", note="seconds on the Foundry route"),
        ),
    ),
    Dialect(
        "openai", "OpenAI", ("api.openai.com", "*.api.openai.com"), headers.OPENAI,
        (Signature("openai-organization"), Signature("openai-processing-ms"), Signature("openai-version"),
         Signature("x-codex-*"),
         Signature("openai-project"), Signature("x-openai-proxy-wasm")),
        rejections_count=True,
        key_env=("OPENAI_API_KEY",), base_url_env=("OPENAI_BASE_URL",), base_url="https://api.openai.com/v1",
        endpoints=(_CHAT, _RESPONSES, _EMBEDDINGS),
        probe_model="gpt-4o-mini",
        header_env=(("openai-organization", "OPENAI_ORG_ID"), ("openai-project", "OPENAI_PROJECT_ID")),
        sources=(
            Source("https://developers.openai.com/api/docs/guides/rate-limits", "2026-10", note="failures count"),
            Source("https://github.com/crmne/ruby_llm", "2026-10", note="recorded headers"),
        ),
    ),
    Dialect(
        "anthropic", "Anthropic", ("api.anthropic.com",), headers.ANTHROPIC,
        (Signature("anthropic-*"),),
        key_env=("ANTHROPIC_API_KEY",), base_url_env=("ANTHROPIC_BASE_URL",), base_url="https://api.anthropic.com",
        auth=Auth("x-api-key", ""), endpoints=(_MESSAGES,),
        probe_model="claude-haiku-4-5", fixed_headers=(("anthropic-version", "2023-06-01"),),
        sources=(
            Source("https://platform.claude.com/docs/en/api/rate-limits", "2026-10"),
            Source("https://github.com/anthropics/anthropic-sdk-typescript/issues/357", "2026-10"),
            _read("https://gist.github.com/andrew-kramer-inno/34f9303a5cc29a14af7c2e729b676fc9", "2026-10", "unified"),
        ),
    ),
    Dialect(
        "google", "Google Gemini API / Vertex AI",
        ("generativelanguage.googleapis.com", "aiplatform.googleapis.com", "*-aiplatform.googleapis.com"),
        rejections_count=True,
        key_env=("GEMINI_API_KEY", "GOOGLE_API_KEY"), base_url_env=("GOOGLE_GEMINI_BASE_URL",),
        base_url="https://generativelanguage.googleapis.com/v1beta", auth=Auth("x-goog-api-key", ""),
        endpoints=(
            Endpoint("generateContent", "/models/{model}:generateContent"),
            Endpoint("embedContent", "/models/{model}:embedContent"),
        ),
        probe_model="gemini-2.5-flash",
        sources=(
            Source("https://ai.google.dev/gemini-api/docs/rate-limits", "2026-10", note="64 recordings, no headers"),
            _read("https://github.com/RooCodeInc/Roo-Code/issues/3883", "2026-10", "failures count"),
        ),
    ),
    Dialect(
        "groq", "Groq", ("api.groq.com",), headers.GROQ, (Signature("x-groq-*"),),
        rejections_count=False,
        key_env=("GROQ_API_KEY",), base_url_env=("GROQ_BASE_URL",), base_url="https://api.groq.com/openai/v1",
        endpoints=(_CHAT, _RESPONSES),
        probe_model="llama-3.1-8b-instant",
        sources=(
            Source("https://console.groq.com/docs/rate-limits", "2026-10", note="requests a day, tokens a minute"),
            Source("https://github.com/Aider-AI/aider/issues/3265", "2026-10", note="refusals were not charged there"),
        ),
    ),
    Dialect(
        "mistral", "Mistral", ("api.mistral.ai", "codestral.mistral.ai"), headers.MISTRAL,
        (Signature("ratelimitbysize-*"), Signature("x-ratelimit-tokens-query-cost"), Signature("mistral-*"),
         Signature("x-ratelimit-audio-seconds-query-cost"), Signature("x-ratelimit-ocr-pages-query-cost"),
         Signature("x-ratelimit-input-characters-query-cost"), Signature("x-ratelimit-limit-req-minute"),
         Signature("x-ratelimit-limit-req-10-second"), Signature("x-ratelimit-limit-tokens-month")),
        key_env=("MISTRAL_API_KEY",), base_url_env=("MISTRAL_BASE_URL",), base_url="https://api.mistral.ai/v1",
        endpoints=_OPENAI_STYLE,
        probe_model="mistral-small-latest",
        sources=(
            Source("https://github.com/mistralai/client-ts/issues/169", "2026-10"),
            Source("https://github.com/crmne/ruby_llm", "2026-10", note="recorded headers of all three generations"),
        ),
    ),
    Dialect(
        "cerebras", "Cerebras", ("api.cerebras.ai",), headers.CEREBRAS,
        (Signature("x-ratelimit-limit-requests-hour"), Signature("inference-id", "chatcmpl"), Signature("cerebras-*")),
        key_env=("CEREBRAS_API_KEY",), base_url_env=("CEREBRAS_BASE_URL",), base_url="https://api.cerebras.ai/v1",
        endpoints=(_CHAT,),
        probe_model="llama3.1-8b",
        sources=(_read("https://inference-docs.cerebras.ai/support/rate-limits", "2026-10", "no recorded dump"),),
    ),
    Dialect(
        "sambanova", "SambaNova", ("api.sambanova.ai",), headers.SAMBANOVA, (Signature("x-sambanova-*"),),
        key_env=("SAMBANOVA_API_KEY",), base_url_env=("SAMBANOVA_BASE_URL",), base_url="https://api.sambanova.ai/v1",
        endpoints=_OPENAI_STYLE,
        sources=(_read("https://docs.sambanova.ai/docs/en/models/rate-limits", "2026-10", "no recorded dump"),),
    ),
    Dialect(
        "xai", "xAI", ("api.x.ai", "*.api.x.ai"), headers.XAI,
        (Signature("x-zero-data-retention"), Signature("x-metrics-mean-itl-ms")),
        key_env=("XAI_API_KEY",), base_url_env=("XAI_BASE_URL",), base_url="https://api.x.ai/v1",
        endpoints=(_CHAT, _RESPONSES),
        probe_model="grok-3-mini",
        sources=(Source("https://docs.x.ai/developers/rate-limits", "2026-10", note="limit and remaining, no reset"),),
    ),
    Dialect(
        "together", "Together AI", ("api.together.xyz", "api.together.ai"), headers.TOGETHER,
        (Signature("x-api-call-start"), Signature("x-inference-version"), Signature("x-together-*"),
         Signature("x-tokenlimit-*")),
        key_env=("TOGETHER_API_KEY",), base_url_env=("TOGETHER_BASE_URL",), base_url="https://api.together.xyz/v1",
        endpoints=_OPENAI_STYLE,
        sources=(Source("https://docs.together.ai/docs/rate-limits", "2026-10", note="recorded 2024-06"),),
    ),
    Dialect(
        "fireworks", "Fireworks AI", ("api.fireworks.ai",), headers.FIREWORKS,
        (Signature("fireworks-*"), Signature("x-ratelimit-limit-tokens-generated")),
        key_env=("FIREWORKS_API_KEY",), base_url_env=("FIREWORKS_BASE_URL",),
        base_url="https://api.fireworks.ai/inference/v1", endpoints=_OPENAI_STYLE,
        sources=(_read("https://docs.fireworks.ai/serverless/rate-limits", "2026-10", "no recorded dump"),),
    ),
    Dialect(
        "replicate", "Replicate", ("api.replicate.com",), headers.REPLICATE, (Signature("replicate-*"),),
        key_env=("REPLICATE_API_TOKEN",), base_url_env=("REPLICATE_BASE_URL",), base_url="https://api.replicate.com/v1",
        sources=(Source("https://github.com/traceloop/openllmetry", "2026-10", note="recorded 2024-02"),),
    ),
    Dialect(
        "github", "GitHub Models / GitHub REST",
        ("models.github.ai", "models.inference.ai.azure.com", "api.github.com", "api.githubcopilot.com"),
        headers.GITHUB,
        (Signature("x-github-*"), Signature("x-ratelimit-type", "user"), Signature("x-ratelimit-resource", "core"),
         Signature("x-ratelimit-resource", "search"), Signature("x-ratelimit-resource", "graphql")),
        key_env=("GITHUB_TOKEN",), base_url="https://models.github.ai/inference", endpoints=_OPENAI_STYLE,
        sources=(
            _read(
                "https://devactivity.com/insights/navigating-github-models-api-rate-limits-essential-for-effective-planning-a-software-development-project",
                "2026-10", "x-ratelimit-type and -timeremaining; the limits on a 200 are the backend's",
            ),
        ),
    ),
    Dialect(
        "huggingface", "Hugging Face", ("huggingface.co", "router.huggingface.co", "api-inference.huggingface.co"),
        headers.HUGGINGFACE, (Signature("x-inference-provider"), Signature("ratelimit-policy", "fixed window")),
        key_env=("HF_TOKEN", "HUGGINGFACE_API_KEY"), base_url_env=("HF_ENDPOINT",),
        base_url="https://router.huggingface.co/v1", endpoints=(_CHAT,),
        sources=(_read("https://github.com/huggingface/hub-docs", "2026-10", "documented placeholders"),),
    ),
    Dialect(
        "cohere", "Cohere", ("api.cohere.com", "api.cohere.ai"), headers.COHERE,
        (Signature("x-trial-endpoint-call-limit"), Signature("x-endpoint-monthly-call-limit")),
        key_env=("CO_API_KEY", "COHERE_API_KEY"), base_url_env=("CO_API_URL",),
        base_url="https://api.cohere.com/compatibility/v1", endpoints=_OPENAI_STYLE,
        sources=(Source("https://github.com/traceloop/openllmetry", "2026-10", note="recorded 2024-05"),),
    ),
    Dialect(
        "moonshot", "Moonshot / Kimi", ("api.moonshot.cn", "api.moonshot.ai", "api.kimi.com"), headers.MOONSHOT,
        (Signature("msh-*"),),
        key_env=("MOONSHOT_API_KEY",), base_url_env=("MOONSHOT_BASE_URL",), base_url="https://api.moonshot.ai/v1",
        endpoints=(_CHAT,),
        probe_model="moonshot-v1-8k",
        sources=(_read("https://platform.moonshot.cn/docs/introduction", "2026-10"),),
    ),
    Dialect(
        "exa", "Exa", ("api.exa.ai",), headers.EXA, (), key_env=("EXA_API_KEY",), base_url="https://api.exa.ai",
        auth=Auth("x-api-key", ""),
        sources=(Source("https://github.com/crewAIInc/crewAI", "2026-10", note="epoch seconds, recorded 2026-02"),),
    ),
    # No limit headers were found for the rest: their 429s speak in the body (bodies.py).
    Dialect(
        "bedrock", "Amazon Bedrock", ("bedrock-runtime.*.amazonaws.com", "bedrock-mantle.*.api.aws"), (),
        (Signature("x-amzn-bedrock-*"), Signature("x-amzn-requestid")),
        key_env=("AWS_BEARER_TOKEN_BEDROCK",),
        sources=(
            Source("https://docs.aws.amazon.com/bedrock/latest/userguide/quotas-runtime.html", "2026-10",
                   note="326 recordings, no headers"),
        ),
    ),
    Dialect(
        "deepseek", "DeepSeek", ("api.deepseek.com",), (), (Signature("x-ds-trace-id"),),
        key_env=("DEEPSEEK_API_KEY",), base_url_env=("DEEPSEEK_BASE_URL",), base_url="https://api.deepseek.com/v1",
        endpoints=(_CHAT,),
        probe_model="deepseek-chat",
        sources=(_read("https://api-docs.deepseek.com/quick_start/rate_limit", "2026-10", "concurrency only"),),
    ),
    Dialect(
        "zhipu", "Zhipu / Z.ai", ("open.bigmodel.cn", "api.z.ai"), key_env=("ZAI_API_KEY", "ZHIPUAI_API_KEY"),
        base_url_env=("ZHIPUAI_BASE_URL",), base_url="https://open.bigmodel.cn/api/paas/v4", endpoints=(_CHAT,),
        probe_model="glm-4-flash",
        sources=(_read("https://github.com/anthropics/claude-code/issues/9201", "2026-10"),),
    ),
    Dialect(
        "dashscope", "Alibaba DashScope / Qwen", ("dashscope.aliyuncs.com", "dashscope-intl.aliyuncs.com"),
        key_env=("DASHSCOPE_API_KEY",), base_url_env=("DASHSCOPE_HTTP_BASE_URL",),
        base_url="https://dashscope.aliyuncs.com/compatible-mode/v1", endpoints=_OPENAI_STYLE,
        probe_model="qwen-turbo",
        sources=(_read("https://help.aliyun.com/en/model-studio/rate-limit", "2026-10"),),
    ),
    Dialect(
        "siliconflow", "SiliconFlow", ("api.siliconflow.cn", "api.siliconflow.com"),
        (), (Signature("x-siliconcloud-*"),),
        key_env=("SILICONFLOW_API_KEY",), base_url="https://api.siliconflow.cn/v1", endpoints=_OPENAI_STYLE,
        sources=(_read("https://github.com/AIDotNet/OpenDeepWiki/issues/269", "2026-10"),),
    ),
    Dialect(
        "qianfan", "Baidu Qianfan", ("qianfan.baidubce.com", "aip.baidubce.com"), key_env=("QIANFAN_API_KEY",),
        base_url="https://qianfan.baidubce.com/v2", endpoints=_OPENAI_STYLE,
        sources=(_read("https://github.com/PaddlePaddle/ERNIE/issues/1031", "2026-10"),),
    ),
    Dialect(
        "minimax", "MiniMax", ("api.minimax.io", "api.minimax.chat", "api.minimaxi.com"),
        key_env=("MINIMAX_API_KEY",), base_url="https://api.minimax.io/v1", endpoints=(_CHAT,),
        sources=(_read("https://github.com/MiniMax-AI/MiniMax-M2.7/issues/36", "2026-10"),),
    ),
    Dialect(
        "volcengine", "Volcengine Ark", ("ark.cn-beijing.volces.com", "ark.*.volces.com"), key_env=("ARK_API_KEY",),
        base_url="https://ark.cn-beijing.volces.com/api/v3", endpoints=_OPENAI_STYLE,
        sources=(_read("https://volcengine.com/docs/82379/1299023", "2026-10"),),
    ),
    Dialect(
        "nvidia", "NVIDIA NIM", ("integrate.api.nvidia.com", "*.api.nvidia.com"), (), (Signature("nvcf-*"),),
        key_env=("NVIDIA_API_KEY",), base_url="https://integrate.api.nvidia.com/v1", endpoints=_OPENAI_STYLE,
        sources=(_read("https://github.com/meta-llama/llama-models/issues/354", "2026-10"),),
    ),
    Dialect(
        "meta", "Meta Llama API", ("api.llama.com",), key_env=("LLAMA_API_KEY",), base_url="https://api.llama.com/v1",
        endpoints=(_CHAT,),
        sources=(_read("https://github.com/meta-llama/llama-models/issues/354", "2026-10"),),
    ),
    Dialect(
        "ollama", "Ollama cloud", ("ollama.com",), key_env=("OLLAMA_API_KEY",), base_url_env=("OLLAMA_HOST",),
        base_url="https://ollama.com/v1", endpoints=_OPENAI_STYLE,
        sources=(_read("https://github.com/continuedev/continue/issues/9233", "2026-10"),),
    ),
    Dialect(
        "deepinfra", "DeepInfra", ("api.deepinfra.com",), (), (Signature("x-deepinfra-*"),),
        key_env=("DEEPINFRA_API_KEY", "DEEPINFRA_TOKEN"), base_url="https://api.deepinfra.com/v1/openai",
        endpoints=_OPENAI_STYLE,
        sources=(_read("https://deepinfra.com/docs/advanced/rate-limits", "2026-10", "429 is also overload"),),
    ),
    Dialect(
        "perplexity", "Perplexity", ("api.perplexity.ai",), key_env=("PERPLEXITY_API_KEY", "PPLX_API_KEY"),
        base_url="https://api.perplexity.ai", endpoints=(_CHAT,),
        sources=(_read("https://docs.perplexity.ai/guides/usage-tiers", "2026-10", "no 429 seen"),),
    ),
    Dialect(
        "coreweave", "CoreWeave / W&B Inference", ("api.inference.wandb.ai", "*.coreweave.com"),
        key_env=("WANDB_API_KEY",), base_url="https://api.inference.wandb.ai/v1", endpoints=(_CHAT,),
        sources=(_read("https://docs.wandb.ai/inference", "2026-10", "no 429 seen"),),
    ),
    Dialect(
        "cloudflare", "Cloudflare (edge in front of an API, or Workers AI)",
        ("api.cloudflare.com", "gateway.ai.cloudflare.com"),
        # No signature: ``cf-ray`` stands on the answers of many APIs that sit behind this edge.
        key_env=("CLOUDFLARE_API_TOKEN",),
        sources=(Source("https://github.com/lobehub/lobehub/issues/2795", "2026-10", note="error code 1015"),),
    ),
)  # fmt: skip

COMPATIBLE = Dialect(
    "unknown", "this OpenAI-compatible API", key_env=("OPENAI_API_KEY",), endpoints=(_CHAT, _RESPONSES, _EMBEDDINGS)
)  # fmt: skip
"""What a host that no row names is asked as; the headers of its answers may still tell whose they are."""

ROWS: dict[str, Dialect] = {row.name: row for row in _ROWS}
