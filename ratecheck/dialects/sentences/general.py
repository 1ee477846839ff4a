"""Sentences that any server may write: what a refusal sounds like, and what is something else."""

from ratecheck.dialects.signs import BUSY, DAY, LIMITED, MONTH, OTHER, PARALLEL, QUOTA, Sign
from ratecheck.model import Dimension as D

# fmt: off
# One row, one paragraph: the formatter would give each argument a line of its own.
GENERIC: tuple[Sign, ...] = (
    Sign(("free allocated quota exceeded",), None, QUOTA, 9, "dashscope", 7, source="qwen-free"),
    Sign(("allocated quota exceeded", "allocationquota"), r"(?<!free )allocated quota exceeded|allocationquota",
         LIMITED, 7, "dashscope", 6, D.TOKENS, size_hint=True),
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
         "volcengine", 3, scope="account"),
    # Flask-Limiter's whole message is its own rule: "50 per 1 minute".
    Sign((" per 1 ",), r"(?:error|message|429 too many requests)[\"']?: ?[\"']?{limit} per 1 "
         r"(?P<period>second|minute|hour|day|month)\b", LIMITED, 6, source="flask-limiter"),
    # Huawei's API Gateway, in front of whose model it may be.
    Sign(("throttling threshold",), r"throttling threshold has been reached: policy {who} over ratelimit,"
         r" ?limit: ?{limit}, ?time: ?{period}", LIMITED, 9, None, 0, D.REQUESTS, source="huawei-apig"),
    Sign(("request was throttled",), None, LIMITED, 5, None, 0, D.REQUESTS),
    Sign(("concurren",), r"(?:limit (?:is|of)|max(?:imum)?(?: of)?|exceeded(?: the)?(?: limit of)?"
    r"|only)\s?{limit} (?P<dim>concurrent)",
         PARALLEL, 9, None, 0, D.CONCURRENCY),
    Sign(("concurren",), r"(?:too many|exceed\w*)(?: \w{1,12}){0,5} (?:concurrent|concurrency|parallel)"
         r"|concurren(?:cy|t)(?: \w{1,12}){0,3} (?:exceed\w*|reached)", PARALLEL, 8, None, 0, D.CONCURRENCY),
    # That there is such a limit refuses nobody: something beside it has to.
    Sign(("concurren",), r"(?:429|exceed|reach|reject|too many|retry|try again|error).{0,100}?(?:"
         r"(?:maximum|max|limit)(?: \w{1,12}){0,5} (?:concurren|parallel)|concurren(?:cy|t)(?: \w{1,12}){0,3} limit)"
         r"|(?:(?:maximum|max|limit)(?: \w{1,12}){0,5} concurren|concurren(?:cy|t)(?: \w{1,12}){0,3} limit)"
         r".{0,100}?(?:exceed|reach|reject|retry|try again|please wait)", PARALLEL, 8, None, 0, D.CONCURRENCY),
    Sign(("overloaded",), r"\boverloaded\b", BUSY, 6),
    Sign(("unavailable",), r"(?:provider|model|service|server)\b[^.]{0,30} (?:temporarily|currently) unavailable",
         BUSY, 6),
    Sign(("capacity",), r"(?:at|over|no|out of|insufficient|exceeded|lack of) (?:\w{1,12} )?capacity|capacity"
    r" (?:exceeded|exhausted|constraints?)",
         BUSY, 6),
    Sign(("high demand", "high load", "heavy load", "server is busy", "service is busy", "model is busy",
         "busy, please", "model busy",
          "under heavy", "peak load", "high traffic"), None, BUSY, 6),
    Sign(("out of credits", "insufficient funds", "insufficient credit", "payment required", "add credits",
          "no credits", "run out of credits", "ran out of credits", "top up", "recharge", "not enough credits",
          "balance is insufficient", "balance insufficient", "insufficient account balance", "insufficient quota"),
         None, QUOTA, 7),
    Sign(("monthly",), r"(?:exceeded|reached|exhausted|used up)[^.]{0,40}\bmonthly[^.]{0,30}(?:limit|quota|allowance"
    r"|cap|usage|credits)",
         QUOTA, 7, None, 0, None, MONTH),
    Sign(("spend", "budget"), r"(?:exceeded|reached|over)[^.]{0,40}(?:budget|spend(?:ing)? (?:limit|cap))|budget"
    r" (?:has been )?exceeded", QUOTA, 7),
    Sign(("rate limit", "rate-limit", "ratelimit"),
         r"rate[ -]?limit(?:s|ed|ing)?\b(?: (?:has been|was|is|been))?[^.]{0,40}(?:exceed|reached|hit|error|violat)"
         r"|(?:exceed\w*|exhaust\w*|reach\w*|hit)[^.]{0,60}rate[ -]?limit|rate[ -]limited|being rate", LIMITED, 4),
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

SOMETHING_ELSE: tuple[Sign, ...] = (
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
          "too many tokens: total", "number of input tokens must not exceed", "exceeds maximum allowed",
          "please reduce the length of the messages"), None, OTHER, 9),
    Sign(("request too large", "request_too_large"),
         r"request(?: exceeds the maximum (?:size|allowed number of bytes)|_too_large\b)", OTHER, 8),
    Sign(("incorrect api key", "invalid api key", "invalid x-api-key", "invalid_api_key", "no api key",
          "api key is invalid", "missing api key", "invalid authentication", "authentication fails",
          "not authenticated", "invalid token", "missing authentication", "invalid bearer", "no auth credentials",
          "user not found"), None, OTHER, 8),
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
