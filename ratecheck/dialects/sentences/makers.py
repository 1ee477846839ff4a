"""Sentences of those who make the best-known models and serve them: OpenAI, Anthropic, Azure, Google."""

from ratecheck.dialects.signs import BUSY, DAY, LIMITED, OTHER, PARALLEL, QUOTA, TOO_LARGE, Sign
from ratecheck.model import Dimension as D

# fmt: off
# One row, one paragraph: the formatter would give each argument a line of its own.
OPENAI: tuple[Sign, ...] = (
    Sign(("rate limit reached for",),
         r"rate limit reached for (?:model )?{model} (?:\([^)]{0,80}\) )?(?:in|for) {who}",
         LIMITED, 7, "openai", 2),
    Sign(("rate limit reached for tokens", "rate limit reached for requests"),
         r"rate limit reached for (?P<dim>tokens|requests)\b", LIMITED, 7, "openai", 3),
    # Codex leaves the model out: "for organization org-… on tokens per min".
    Sign(("rate limit reached for",), r"rate limit reached for {who} \S{1,120} on ", LIMITED, 7, "openai", 2),
    Sign(("rate limit reached for", "request too large for"),
         r"(?:in|for) (?:organization|project) \S{1,120}(?: service tier \S{1,40})? on {dim} per {period}", LIMITED, 2),
    Sign(("rate limit exceeded for",), r"rate limit exceeded for {dim} per {period} in {who}", LIMITED, 8, "openai", 3,
         source="openai-images"),
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
    # Anthropic's envelope around Moonshot's words.
    Sign(("engine is currently overloaded",), r"rate_limit_error.{0,40}engine is currently overloaded", BUSY, 8,
         "moonshot", 5, source="kimi-anthropic"),
    Sign(("selected model is at capacity", "model is at capacity"), None, BUSY, 8, "openai", 4),
    Sign(("you've hit your usage limit", "usage_limit_reached"), None, LIMITED, 7, "openai", 4, scope="account"),
    Sign(("reached your usage limit",), r"reached your usage limit\. upgrade your plan or add credits to continue",
         LIMITED, 8, "openai", 4, scope="account", source="codex-app"),
    Sign(("requests to this model at a sustained", "slow down", "ramped up too quickly"),
         r"(?:503|server)\W.{0,80}slow down|slow down.{0,80}(?:ramp|gradual|previous level)", BUSY, 6, "openai", 3),
)

ANTHROPIC: tuple[Sign, ...] = (
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
    Sign(("credit balance too low",), None, QUOTA, 9, "anthropic", 3, source="claude-credit"),
    Sign(("reached your specified api usage limits",), None, QUOTA, 9, "anthropic", 8, source="limits-anthropic"),
    Sign(("hit your limit", "hit your session limit", "hit your weekly limit", "hit your 5-hour limit"),
         r"(?:you(?:'|’)ve|you have) hit your (?:(?P<period>5-hour|weekly|daily|session|[a-z]{1,10}) )?limit\b",
         LIMITED, 7, "anthropic", 5, scope="account"),
    # Paid extra usage is gone, but the plan's own window opens again at the time that follows.
    Sign(("out of extra usage",), r"out of extra usage [∙·•] resets", LIMITED, 9, "anthropic", 6, scope="account",
         source="claude-extra"),
    Sign(("out of extra usage",), None, QUOTA, 8, "anthropic", 6, scope="account", source="claude-extra"),
    # What its own command line makes of an overload, to tell it from the plan's limit.
    Sign(("temporarily limiting requests",), None, BUSY, 9, "anthropic", 6, source="claude-words"),
    Sign(("529",), r"\b529\W{1,3}overloaded", BUSY, 8, "anthropic", 2, source="claude-529"),
    Sign(("reached your", "hit your"), r"(?:reached|hit) your (?:opus|sonnet|haiku|fable)(?: [\d.]{1,4})? limit\b",
         LIMITED, 7, "anthropic", 6, scope="account", source="claude-words"),
    Sign(("usage limit reached",), r"claude(?: ai| code)? usage limit reached", LIMITED, 7, "anthropic", 8,
         scope="account"),
    Sign(("limit reached ∙", "limit reached ·", "limit reached • "),
         r"(?:(?P<period>5-hour|weekly|daily) )?limit reached [∙·•] resets", LIMITED, 7, "anthropic", 5,
         scope="account"),
    Sign(("reduce the prompt length", "reduce the length of your prompt", "reduce your prompt"), None, size_hint=True),
)

AZURE: tuple[Sign, ...] = (
    Sign(("rate limit of your current", "rate limit for your current"),
         r"exceeded (?:the )?(?P<dim>token|call|request) rate limit (?:of|for) your current .{1,60}?pricing tier",
         LIMITED, 8, "azure", 9),
    Sign(("azure openai api version",), None, None, 0, "azure", 9),
    Sign(("your requests to",), r"your requests to \S{1,120} for {model} in \S{1,60} have exceeded (?:the )?"
         r"(?:(?P<dim>token|call|request) )?rate limit", LIMITED, 8, "azure", 9),
    Sign(("have been limited",), r"requests to .{1,200}? have been limited", LIMITED, 6, "azure", 5),
    Sign(("rate limit is exceeded. try again in",), None, LIMITED, 5, "azure", 4),
    Sign(("out of call volume quota",), None, LIMITED, 8, "azure", 5, D.REQUESTS, source="apim-docs"),
    Sign(("experiencing high demand",), r"system is (?:currently )?experiencing high demand", BUSY, 9, "azure", 3),
    Sign(("exceeds the maximum usage size",), None, BUSY, 5, "azure", 4, size_hint=True),
    Sign(("switching to provisioned throughput",), None, BUSY, 5, "azure", 5),
    Sign(("temporarily unable to process your request",), None, BUSY, 8, "azure", 4, source="limits-azure"),
    Sign(("provisioned-managed", "provisioned throughput utilization", "ptu utilization"), None, LIMITED, 3, "azure",
         5),
)

GOOGLE: tuple[Sign, ...] = (
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
    Sign(("quotaid", "quota_id", "quota_limit"),
         r"quota_?(?:id|limit)\W{1,6}(?:value\W{1,6})?\w{1,160}per(?:day|minute|hour|second)", LIMITED, 8, "google", 8),
    Sign(("exhausted your daily quota",), None, LIMITED, 8, "google", 6, None, DAY),
    Sign(("individual quota reached",), r"individual quota reached\..{0,40}enable overages", QUOTA, 9, "google", 5,
         source="gemini-overages"),
    Sign(("exhausted your capacity on this model",), None, LIMITED, 8, "google", 6),
    Sign(("the model is overloaded",), None, BUSY, 8, "google", 4),
    Sign(("model is currently experiencing high demand",), None, BUSY, 9, "google", 3,
         source="gemini-demand"),
    # gRPC's status in Google's envelope.
    Sign(("unavailable",), r"[\"']?status[\"']?: ?[\"']?unavailable\b", BUSY, 6, "google", 3,
         source="gemini-unavailable"),
    Sign(("prepayment credits are depleted", "monthly spending cap"), None, QUOTA, 9, "google", 6, source="unseen"),
    Sign(("api key not valid",), None, OTHER, 8, "google", 5),
)
# fmt: on
