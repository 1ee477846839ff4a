"""Sentences that servers write when they refuse, as rows. The first matching words are the provider's own."""

from ratecheck.dialects.signs import Sign
from ratecheck.model import Category as C
from ratecheck.model import Dimension as D

MINUTE, HOUR, DAY, WEEK, MONTH = 60.0, 3600.0, 86_400.0, 604_800.0, 2_592_000.0

LIMITED, QUOTA, TOO_LARGE, BUSY, PARALLEL, OTHER = (
    C.RATE_LIMIT,
    C.QUOTA_EXHAUSTED,
    C.REQUEST_TOO_LARGE,
    C.OVERLOADED,
    C.CONCURRENCY,
    C.NOT_RATE_LIMIT,
)

# fmt: off
# One row, one paragraph: the formatter would give each argument a line of its own.
_OPENAI = (
    Sign(("rate limit reached for",),
         r"rate limit reached for (?:model )?{model} (?:\([^)]{0,80}\) )?(?:in|for) {who}",
         LIMITED, 7, "openai", 2),
    Sign(("rate limit reached for tokens", "rate limit reached for requests"),
         r"rate limit reached for (?P<dim>tokens|requests)\b", LIMITED, 7, "openai", 3),
    # Codex leaves the model out: "for organization org-… on tokens per min".
    Sign(("rate limit reached for",), r"rate limit reached for {who} \S{1,120} on ", LIMITED, 7, "openai", 2),
    Sign(("rate limit reached for", "request too large for"),
         r"(?:in|for) (?:organization|project) \S{1,120}(?: service tier \S{1,40})? on {dim} per {period}", LIMITED, 2),
    Sign(("on : limit",), r"on : ?limit:? {limit}", LIMITED, 5, "groq", 4),
    Sign(("request too large for",), r"request too large for (?:model )?{model}", TOO_LARGE, 9, "openai", 2,
         scope="organization"),
    Sign(("enqueued token limit",), r"enqueued token limit reached for (?:model )?{model}(?: in {who})?",
         LIMITED, 8, "openai", 8, D.TOKENS),
    Sign(("exceeded your current quota",), None, QUOTA, 4, "openai", 2),
    Sign(("error code 402 - you exceeded", "402 - {'error': 'you exceeded"), None, QUOTA, 8, "coreweave", 5),
    Sign(("billing hard limit",), None, QUOTA, 9, "openai", 8),
    Sign(("check your plan and billing details",), None, QUOTA, 2),
    Sign(("currently overloaded with other requests",), None, BUSY, 8, "openai", 6),
    Sign(("engine is currently overloaded",), None, BUSY, 8, "openai", 1),
    Sign(("engine is currently overloaded",), r"429\b.{0,60}engine is currently overloaded", BUSY, 8, "moonshot", 3),
    Sign(("selected model is at capacity", "model is at capacity"), None, BUSY, 8, "openai", 4),
    Sign(("you've hit your usage limit", "usage_limit_reached"), None, LIMITED, 7, "openai", 4, scope="account"),
    Sign(("requests to this model at a sustained", "slow down", "ramped up too quickly"),
         r"(?:503|server)\W.{0,80}slow down|slow down.{0,80}(?:ramp|gradual|previous level)", BUSY, 6, "openai", 3),
)

_ANTHROPIC = (
    Sign(("would exceed",),
         r"would exceed (?:your {who}['’]s|the) rate limit(?: for your (?:organization"
         r"|workspace)(?: \([^)]{1,200}\))?)?"
         r" of {limit} (?P<dim>(?:input |output |cache[a-z ]{0,20})?tokens|[a-z ]{0,20}requests)(?: per {period})?",
         LIMITED, 8, "anthropic", 9),
    Sign(("would exceed",), r"would exceed (?:your|the) {who}['’]s(?: organization's)? (?:rate|usage) limit",
         LIMITED, 7, "anthropic", 9),
    Sign(("rate limit for your",), r"rate limit for your {who}", LIMITED, 4, "anthropic", 3),
    Sign(("(org: ", "(organization: "), r"\(org(?:anization)?: [^,()]{1,80}, model: {model}",
         provider="anthropic", proof=4),
    Sign(("maximum usage increase rate", "acceleration limit"),
         r"(?:your {who}['’]s )?maximum usage increase rate(?: for (?P<dim>input tokens|output tokens"
         r"|requests) per {period})?",
         LIMITED, 8, "anthropic", 8, source="anthropic-docs"),
    Sign(("has exceeded your",),
         r"number of (?P<dim>(?:request |input |output )?tokens|[a-z ]{0,20}requests|concurrent connections) "
         r"has exceeded your (?P<period>per-minute|per-day|daily|hourly|monthly) rate limit",
         LIMITED, 8, "anthropic", 9),
    Sign(("concurrent connections has exceeded",), None, PARALLEL, 9, "anthropic", 9, D.CONCURRENCY),
    Sign(("extra usage is required", "usage is required for long context"), None, QUOTA, 9, "anthropic", 8),
    Sign(("credit balance is too low",), None, QUOTA, 9, "anthropic", 6),
    Sign(("reached your specified api usage limits",), None, QUOTA, 9, "anthropic", 8, source="limits-anthropic"),
    Sign(("hit your limit", "hit your session limit", "hit your weekly limit", "hit your 5-hour limit"),
         r"(?:you(?:'|’)ve|you have) hit your (?:(?P<period>5-hour|weekly|daily|session|[a-z]{1,10}) )?limit\b",
         LIMITED, 7, "anthropic", 5, scope="account"),
    Sign(("usage limit reached",), r"claude(?: ai| code)? usage limit reached", LIMITED, 7, "anthropic", 8,
         scope="account"),
    Sign(("limit reached ∙", "limit reached ·", "limit reached • "),
         r"(?:(?P<period>5-hour|weekly|daily) )?limit reached [∙·•] resets", LIMITED, 7, "anthropic", 5,
         scope="account"),
    Sign(("reduce the prompt length", "reduce the length of your prompt", "reduce your prompt"), None, size_hint=True),
)

_AZURE = (
    Sign(("rate limit of your current", "rate limit for your current"),
         r"exceeded (?:the )?(?P<dim>token|call|request) rate limit (?:of|for) your current .{1,60}?pricing tier",
         LIMITED, 8, "azure", 9),
    Sign(("azure openai api version",), None, None, 0, "azure", 9),
    Sign(("your requests to",), r"your requests to \S{1,120} for {model} in \S{1,60} have exceeded (?:the )?"
         r"(?:(?P<dim>token|call|request) )?rate limit", LIMITED, 8, "azure", 9),
    Sign(("have been limited",), r"requests to .{1,200}? have been limited", LIMITED, 6, "azure", 5),
    Sign(("rate limit is exceeded. try again in",), None, LIMITED, 5, "azure", 4),
    Sign(("experiencing high demand",), None, BUSY, 9, "azure", 3),
    Sign(("exceeds the maximum usage size",), None, BUSY, 5, "azure", 4, size_hint=True),
    Sign(("switching to provisioned throughput",), None, BUSY, 5, "azure", 5),
    Sign(("temporarily unable to process your request",), None, BUSY, 8, "azure", 4, source="limits-azure"),
    Sign(("provisioned-managed", "provisioned throughput utilization", "ptu utilization"), None, LIMITED, 3, "azure",
         5),
)

_GOOGLE = (
    Sign(("resource has been exhausted (e.g. check quota)", "resource has been exhausted"), None, LIMITED, 5,
         "google", 7),
    Sign(("resource exhausted",), r"resource exhausted\.? (?:please )?(?:try again|refer)", LIMITED, 5, "google", 6),
    Sign(("quota exceeded for",), r"quota exceeded for (?:quota )?metric:? ['\"]?(?P<dim>[\w./ -]{1,160}?)['\"]?,? "
         r"(?:limit: {limit}|and limit)(?:, model: {model})?", LIMITED, 7, "google", 8),
    Sign(("quota exceeded for",), r"quota exceeded for (?:aiplatform|generativelanguage"
    r"|cloudcode-pa)\.googleapis\.com/(?P<dim>[\w.-]{1,120})"
         r"(?: with base model: {model})?", LIMITED, 7, "google", 9),
    Sign(("quota exceeded for",),
         r"quota exceeded for \S{0,80}googleapis\.com/\w{0,80}?_per_(?P<period>minute|day|hour)"
         r"(?:_per_(?P<who>project|user))?", LIMITED, 7, "google", 3),
    Sign(("no capacity available",), r"no capacity (?:is )?available(?: for model {model})?", BUSY, 9, "google", 6),
    # A quota with an id by the minute or day refills by itself, whatever the sentence before it says about billing.
    Sign(("quotaid", "quota_id"), r"quota_?id\W{1,6}\w{1,160}per(?:day|minute|hour|second)", LIMITED, 8, "google", 8),
    Sign(("exhausted your daily quota",), None, LIMITED, 8, "google", 6, None, DAY),
    Sign(("exhausted your capacity on this model",), None, LIMITED, 8, "google", 6),
    Sign(("the model is overloaded",), None, BUSY, 8, "google", 4),
    Sign(("model is currently experiencing high demand",), None, BUSY, 9, "google", 3, source="unseen"),
    Sign(("prepayment credits are depleted", "monthly spending cap"), None, QUOTA, 9, "google", 6, source="unseen"),
    Sign(("api key not valid",), None, OTHER, 8, "google", 5),
)

_MISTRAL_OPENROUTER_XAI = (
    Sign(("requests rate limit exceeded",), None, LIMITED, 6, "mistral", 3, D.REQUESTS),
    Sign(("requests rate limit exceeded, please try again later",), None, LIMITED, 6, "dashscope", 4, D.REQUESTS,
         source="limits-others"),
    Sign(("service tier capacity exceeded",), None, BUSY, 9, "mistral", 9),
    Sign(("free-models-per-",), r"free-models-per-(?P<period>day|min)", LIMITED, 9, "openrouter", 9, D.REQUESTS,
         scope="account"),
    Sign(("rate-limited upstream",), r"(?:{model} is )?temporarily rate-limited upstream", LIMITED, 7, "openrouter", 7),
    Sign(("provider returned error",), None, None, 0, "openrouter", 4),
    Sign(("can only afford",), r"requested up to {requested} tokens, but can only afford {limit}", QUOTA, 9,
         "openrouter", 7, D.TOKENS),
    Sign(("requires more credits", "insufficient credits"), None, QUOTA, 8, "openrouter", 3),
    Sign(("too many tokens for team", "too many requests for team"),
         r"too many (?P<dim>tokens|requests) for (?P<who>team) \S{1,60} and model {model}", LIMITED, 9, "xai", 9),
    Sign(("(actual/limit)",), r"(?P<dim>tokens|requests"
    r"|[a-z ]{1,30}) per {period} \(actual/limit\):? {used}/{limit}", LIMITED, 8, "xai", 8),
    Sign(("used all available credits", "doesn't have any credits", "reached its monthly spending limit"), None,
         QUOTA, 9, "xai", 7,
         scope="organization"),
)

_HOSTS = (
    Sign(("limit exceeded - too many",), r"(?P<dim>tokens|requests) per {period} limit exceeded - too many", LIMITED,
         9, "cerebras", 8),
    Sign(("experiencing high traffic right now",), None, BUSY, 8, "cerebras", 4, source="unseen"),
    Sign(("rate limit specific to this model",), r"rate limit specific to this model {model}", LIMITED, 9,
         "together", 7),
    Sign(("rate limit for this model is",),
         r"rate limit for this model is {limit} (?P<dim>queries|requests|tokens) per {period}",
         LIMITED, 9, "together", 6),
    Sign(("rate limit for creating predictions",),
         r"creating predictions is reduced to {limit} (?P<dim>requests) per {period}",
         LIMITED, 9, "replicate", 8, source="unseen"),
    Sign(("exceeded your usage limits",), None, LIMITED, 5, "fireworks", 3, None),
    Sign(("limited to",), r"limited to {limit} (?P<dim>api calls) / (?P<period>second|minute|hour|day)", LIMITED, 9,
         "cohere", 6),
    Sign(("limited to",), r"limited to {limit} (?P<dim>api calls) / (?P<period>month)", QUOTA, 9, "cohere", 6),
    Sign(("using a trial key",), None, None, 0, "cohere", 6),
    Sign(("past the per minute request limit",), None, LIMITED, 8, "cohere", 7, D.REQUESTS, MINUTE, source="unseen"),
    Sign(("insufficient balance",), None, QUOTA, 8, "deepseek", 2),
    Sign(("rate limit reached for",), r"rate limit reached for (?P<dim>[tr]p[md])\b", LIMITED, 10),
    Sign(("request reached",), r"request reached (?:{who} )?max (?P<dim>[a-z]{2,12})\b:? {limit}", LIMITED, 8,
         "moonshot", 8),
    Sign(("request reached",), r"request reached (?:{who} )?(?P<dim>[tr]p[mds]) rate limit", LIMITED, 8, "moonshot", 8),
    Sign(("max concurrency", "max organization concurrency"), r"max (?:{who} )?concurrency:? {limit}", PARALLEL, 9,
         "moonshot", 8, D.CONCURRENCY),
    Sign(("suspended due to insufficient balance", "is suspended, please check your plan"), None, QUOTA, 9,
         "moonshot", 5),
    Sign(("request was rejected due to rate limiting",), None, LIMITED, 7, "siliconflow", 7),
    Sign(("usage limit reached for", "usage limit exceeded"),
         r"(?P<period>\d{1,3}-hour|weekly|daily) usage limit reached(?: for token plan)?", LIMITED, 8, "minimax",
         5, scope="account"),
    Sign(("trigger rate limit",), None, LIMITED, 7, "minimax", 6),
    Sign(("usage limit, please wait or upgrade",),
         r"you(?:['’]ve| have) reached your (?:(?P<period>hourly|daily|weekly|session) )?usage limit",
         LIMITED, 8, "ollama", 8, scope="user"),
    Sign(("upgrade for higher limits", "reached your session usage limit"), None, LIMITED, 5, "ollama", 5,
         scope="user"),
    Sign(("too many tokens per day",), None, LIMITED, 8, "bedrock", 4, D.TOKENS, DAY),
    Sign(("too many tokens, please wait", "too many tokens, please"), None, LIMITED, 6, "bedrock", 4, D.TOKENS),
    Sign(("too many requests, please wait before trying again",), None, LIMITED, 6, "bedrock", 4, D.REQUESTS),
    Sign(("copilot",), r"(?:hit|exceeded|reached) (?:your|a|the) (?:[\w-]{1,20} )?rate limit.{0,300}copilot", LIMITED,
         7, "github", 6, scope="user"),
    Sign(("exceeded your copilot token usage",), None, LIMITED, 8, "github", 8, D.TOKENS, scope="user"),
    Sign(("copilot",), r"exceeded your copilot (?P<dim>chat|request|[a-z]{1,12}) (?:usage|limit)", LIMITED, 6,
         "github", 7, scope="user"),
    Sign(("exceeded your monthly quota",),
         r"exceeded your monthly quota \(request id: [0-9a-f]{2,6}(?::[0-9a-f]{3,8}){3,5}\)",
         QUOTA, 9, "github", 8, None, MONTH, "user"),
    Sign(("exceeded for",), r"rate limit of {limit} per {period} exceeded for (?P<who>user|ip)", LIMITED, 9,
         "github", 9,
         D.REQUESTS, source="unseen"),
    Sign(("api rate limit exceeded for", "secondary rate limit"), None, LIMITED, 7, None, 0, D.REQUESTS),
    Sign(("requests remaining in current",),
         r"\({remaining}/{limit} (?P<dim>requests) remaining in current (?P<period>\d{1,6}s) window", LIMITED, 8,
         "huggingface", 4),
    Sign(("error code: 1015", "error 1015", "being rate limited | ", "you are being rate limited"), None, LIMITED, 6,
         "cloudflare", 4),
    Sign(("no deployments available for selected model", "no deployments available"), None, LIMITED, 6, "litellm", 8),
    Sign(("passed model=",), r"passed model={model}", None, 0, "litellm", 2),
    Sign(("error from provider (",), None, None, 0, "opencode", 4),
    Sign(("maximum number of tokens allowed within a given time frame",), None, LIMITED, 8, "meta", 6, D.TOKENS),
    Sign(("too many requests",), r"\{ ?[\"']status[\"']: ?429, ?[\"']title[\"']: ?[\"']too many requests[\"'] ?\}",
         LIMITED, 3, "nvidia", 4),
    Sign(("concurrency limit reached for requests",), None, PARALLEL, 9, "coreweave", 5, D.CONCURRENCY),
    # Qwen Code: the OpenAI SDK's words in the frame of the CLI it was forked from.
    Sign(("status code (no body)",), r"\[API Error: \d{3} status code \(no body\)", None, 0, "dashscope", 4),
    Sign(("possible quota limitations in place",), None, None, 0, "google", 2),
    Sign(("receiving too many requests",), None, BUSY, 9, "moonshot", 2),
    Sign(("model busy",), None, BUSY, 9, "deepinfra", 3),
)

_CHINESE = (
    Sign(("无可用资源包",), None, QUOTA, 9, "zhipu", 6),
    Sign(("余额不足", "欠费", "账户余额", "余额已用完", "无可用资源包", "请充值"), None, QUOTA, 9, "zhipu", 1),
    Sign(("并发数过高", "并发超限", "并发数超", "并发请求", "并发过高", "并发限制", "并发数"),
         None, PARALLEL, 9, None, 0, D.CONCURRENCY),
    Sign(("您当前使用该api的并发数过高", "您当前使用该 api 的并发数过高"),
         None, PARALLEL, 9, "zhipu", 6, D.CONCURRENCY),
    Sign(("并发超限",), None, PARALLEL, 9, "qianfan", 2, D.CONCURRENCY),
    Sign(("的频率过高", "频率过高", "请求过于频繁", "请求频率", "调用频率", "速率限制"),
         None, LIMITED, 7, None, 0, D.REQUESTS),
    Sign(("您当前使用该api的频率过高", "您的账户已达到速率限制"), None, LIMITED, 8, "zhipu", 5, D.REQUESTS),
    Sign(("当日调用次数", "今日调用", "每日调用", "当天调用"), None, LIMITED, 8, None, 0, D.REQUESTS, DAY),
    Sign(("小时的使用上限",), r"(?P<period>\d{1,3}) ?小时的使用上限", LIMITED, 8, "zhipu", 6, scope="account"),
    Sign(("每周使用上限", "周使用上限"), None, LIMITED, 8, "zhipu", 4, None, WEEK, "account"),
    Sign(("每月使用上限", "月使用上限"), None, QUOTA, 8, "zhipu", 3, None, MONTH, "account"),
    Sign(("访问量过大", "当前api请求过多", "服务繁忙", "系统繁忙", "服务器繁忙", "模型繁忙", "负载过高", "过载"),
         None, BUSY, 8),
    Sign(("访问量过大",), None, BUSY, 8, "zhipu", 5),
    Sign(("限流", "触发限流", "被限流", "超出限制", "超过限制", "达到上限"), None, LIMITED, 5),
    Sign(("tokens per minute", "每分钟token", "每分钟 token", "token限流", "tpm限流", "tpm 限流"),
         None, LIMITED, 4, None, 0,
         D.TOKENS, MINUTE),
    Sign(("rpm限流", "rpm 限流", "每分钟请求", "qps限流", "qps 限流", "qps超限"),
         None, LIMITED, 5, None, 0, D.REQUESTS),
    Sign(("免费额度", "额度已用完", "额度不足", "配额不足", "用户额度", "token 额度", "额度已用尽"), None, QUOTA, 8),
    Sign(("api key 无效", "令牌无效", "无效的令牌", "身份验证失败", "鉴权失败"), None, OTHER, 8),
)

_GENERIC = (
    Sign(("allocated quota exceeded", "allocationquota"), None, LIMITED, 7, "dashscope", 6, D.TOKENS, size_hint=True),
    Sign(("error-code#token-limit", "#token-limit"), None, LIMITED, 9, "dashscope", 7, D.TOKENS, size_hint=True),
    Sign(("#rate-limit",), r"help\.aliyun\.com\S{0,120}#rate-limit", LIMITED, 8, "dashscope", 7, D.REQUESTS),
    Sign(("request rate increased too quickly",), None, LIMITED, 7, "dashscope", 6, D.REQUESTS, source="limits-others"),
    Sign(("free quota", "free tier of the model has been exhausted"),
         r"free (?:quota|tier)[^.]{0,60}(?:exhausted|used up|gone)",
         QUOTA, 8, "dashscope", 3),
    Sign(("daily free allocation",), r"daily free allocation(?: of {limit})?", LIMITED, 8, "cloudflare", 8, None, DAY),
    Sign(("open api daily request limit",), None, LIMITED, 8, "qianfan", 8, D.REQUESTS, DAY),
    Sign(("open api qps request limit",), None, LIMITED, 8, "qianfan", 8, D.REQUESTS, 1.0),
    Sign(("open api total request limit",), None, QUOTA, 8, "qianfan", 8, D.REQUESTS),
    Sign(("open api request limit reached",), None, LIMITED, 7, "qianfan", 7, D.REQUESTS),
    Sign(("account has an overdue", "accountoverdue", "overdue payment", "overdue balance"), None, QUOTA, 9,
         "volcengine", 3),
    Sign(("request was throttled",), None, LIMITED, 5, None, 0, D.REQUESTS),
    Sign(("concurren",), r"(?:limit (?:is|of)|max(?:imum)?(?: of)?|exceeded(?: the)?(?: limit of)?"
    r"|only)\s?{limit} (?P<dim>concurrent)",
         PARALLEL, 9, None, 0, D.CONCURRENCY),
    Sign(("concurren",), r"(?:too many|maximum|max|exceed\w*|limit)(?: \w{1,12}){0,5} (?:concurrent|concurrency"
    r"|parallel)"
         r"|concurren(?:cy|t)(?: \w{1,12}){0,3} (?:limit|exceed\w*|reached)", PARALLEL, 8, None, 0, D.CONCURRENCY),
    Sign(("overloaded",), r"\boverloaded\b", BUSY, 6),
    Sign(("capacity",), r"(?:at|over|no|out of|insufficient|exceeded|lack of) (?:\w{1,12} )?capacity|capacity"
    r" (?:exceeded|exhausted|constraints?)",
         BUSY, 6),
    Sign(("high demand", "high load", "heavy load", "server is busy", "service is busy", "model is busy",
         "busy, please", "model busy",
          "under heavy", "peak load", "high traffic"), None, BUSY, 6),
    Sign(("out of credits", "insufficient funds", "insufficient credit", "payment required", "add credits",
         "no credits",
          "run out of credits", "ran out of credits", "top up", "recharge", "not enough credits",
          "balance is insufficient",
          "balance insufficient", "insufficient account balance", "insufficient quota"), None, QUOTA, 7),
    Sign(("monthly",), r"(?:exceeded|reached|exhausted|used up)[^.]{0,40}\bmonthly[^.]{0,30}(?:limit|quota|allowance"
    r"|cap|usage|credits)",
         QUOTA, 7, None, 0, None, MONTH),
    Sign(("spend", "budget"), r"(?:exceeded|reached|over)[^.]{0,40}(?:budget|spend(?:ing)? (?:limit|cap))|budget"
    r" (?:has been )?exceeded", QUOTA, 7),
    Sign(("rate limit", "rate-limit", "ratelimit"),
         r"rate[ -]?limit(?:s|ed|ing)?\b(?: (?:has been|was|is|been))?[^.]{0,40}(?:exceed|reached|hit|error|violat)"
         r"|(?:exceed\w*|reach\w*|hit)[^.]{0,60}rate[ -]?limit|rate[ -]limited|being rate", LIMITED, 4),
    Sign(("quota",), r"(?:exceed\w*|exhaust\w*|reach\w*|over|out of)[^.]{0,60}quota|quota[^.]{0,60}(?:exceed|exhaust"
    r"|reached)", LIMITED, 3),
    Sign(("limit",), r"(?:usage|request|token|call|query|api)s?(?: usage)? limit[^.]{0,40}(?:exceed|reached|hit)"
         r"|(?:exceed\w*|reached|hit)[^.]{0,60}(?:usage|request|token|call|query|api)s?(?: usage)? limit", LIMITED, 4),
    Sign(("reached max", "reached its max", "reached the max"),
         r"(?:{who}\b[^.]{0,60} )?reached (?:its |the )?max(?:imum)? (?:number of )?requests?\b", LIMITED, 5,
         None, 0, D.REQUESTS),
    Sign(("too many requests",), None, LIMITED, 3),
    Sign(("too many tokens",), None, LIMITED, 4, None, 0, D.TOKENS),
    Sign(("throttl",), None, LIMITED, 3),
    Sign(("i only allow", "requests per "),
         r"(?:allow|exceeded|limit(?:ed)?(?: is| of| to)?|max(?:imum)?(?: of)?) {limit} (?P<dim>requests|calls"
         r"|queries) per {period}",
         LIMITED, 6, None, 0, D.REQUESTS),
    Sign(("slow down",), r"wait [^.]{0,40}slow down|please slow down", LIMITED, 3),
)

_SOMETHING_ELSE = (
    Sign(("context length",), r"(?:maximum|max|model's|exceed\w*)[^.]{0,40}context length|context"
    r" length[^.]{0,40}exceed", OTHER, 9),
    Sign(("context window", "context_window"),
         r"(?:exceed\w*|larger than|too (?:long|large) for)[^.]{0,60}context[ _]window"
         r"|context[ _]window[^.]{0,60}exceed",
         OTHER, 9),
    Sign(("prompt is too long", "input is too long", "input length", "prompt too long"),
         r"prompt is too long|prompt too long|input is too long|input length[^.]{0,80}(?:exceed|maximum|limit)",
         OTHER, 9),
    Sign(("exceeds the maximum number of tokens", "exceed the token limit", "exceeds the model's maximum",
         "too many tokens: total",
          "number of input tokens must not exceed", "exceeds maximum allowed",
          "please reduce the length of the messages"), None, OTHER, 9),
    Sign(("request too large", "request_too_large"),
         r"request(?: exceeds the maximum (?:size|allowed number of bytes)|_too_large\b)", OTHER, 8),
    Sign(("incorrect api key", "invalid api key", "invalid x-api-key", "invalid_api_key", "no api key",
         "api key is invalid",
          "missing api key", "invalid authentication", "authentication fails", "not authenticated", "invalid token",
          "missing authentication", "invalid bearer", "no auth credentials", "user not found"), None, OTHER, 8),
    Sign(("server had an error", "internal server error", "internal error", "bad gateway", "gateway timeout",
          "upstream connect error"), None, OTHER, 6),
    Sign(("does not exist", "model not found", "no endpoints found", "not a valid model", "is not supported",
         "has been deprecated",
          "unsupported parameter", "unrecognized request argument"), None, OTHER, 6),
    Sign(("content management policy", "content policy", "safety system", "content filter", "responsibleaipolicy"),
         None, OTHER, 7),
    Sign(("does not have access to", "you do not have access", "permission denied", "not allowed to",
         "insufficient permissions",
          "forbidden"), None, OTHER, 5),
)

# fmt: on
SENTENCES: tuple[Sign, ...] = (
    *_OPENAI,
    *_ANTHROPIC,
    *_AZURE,
    *_GOOGLE,
    *_MISTRAL_OPENROUTER_XAI,
    *_HOSTS,
    *_CHINESE,
    *_GENERIC,
    *_SOMETHING_ELSE,
)
