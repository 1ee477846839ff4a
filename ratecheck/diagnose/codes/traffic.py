"""RC2xx: what a client does over many requests."""

from ratecheck.diagnose.codes.row import ITSELF, OPENAI, RETRY_AFTER, SDK, Code, thread

TRAFFIC = (
    Code(
        "RC201", "more requests than calls",
        "The app makes more HTTP requests than it thinks: a library repeats what was refused. Where refusals count, "
        "every one of them comes off the same limit.",
        "Requests divided by calls; a call is told by the SDK's retry counter, by equal bodies and by waits.",
        "Set the SDK's retries to 0 and retry in one place, with waits as long as the server says.",
        SDK,
    ),
    Code(
        "RC202", "quota spent on refusals",
        "A large part of the requests was refused, and this provider counts refusals: trying again takes from the "
        "quota that it waits for.",
        "Refused requests divided by all; whether they count is documented by the provider.",
        "Retry less often and later; throttle before sending.",
        OPENAI,
    ),
    Code(
        "RC203", "Retry-After not waited for",
        "A client came back before the time that the server had named, so its retry was bound to be refused.",
        "The pause before a retry is shorter than the Retry-After of the answer before it.",
        "Use a client that honours the header, or wait for it in your own loop.",
        RETRY_AFTER,
    ),
    Code(
        "RC204", "workers retry together",
        "Several workers were refused together, wait equally long and come back together, to be refused again.",
        "Retries of different calls within a tenth of a second.",
        "Share one throttle among the workers, or add full jitter to their waits.",
        thread("strands-agents/harness-sdk/pull/318"),
    ),
    Code(
        "RC205", "stacked retry layers",
        "Two layers or more retry the same call; their numbers multiply.",
        "The SDK's retry counter goes back to 0 and the same request follows after a wait.",
        "Let one layer retry: switch the others off.",
        thread("mpfaffenberger/code_puppy/pull/317"),
    ),
    Code(
        "RC206", "an SDK's rule at work",
        "What was seen is what this version of the SDK does: it waits as told up to a bound, and beyond it gives up or "
        "falls back to a short back-off.",
        "The pause and the Retry-After are compared with the rule of that version.",
        "Know the bound; wait in your own code for what is longer.",
        thread("openai/openai-python/pull/3555"),
    ),
    Code(
        "RC207", "this limit refuses first",
        "At the pace of this run one limit is used up before the others.",
        "Requests and tokens a second, times the window, divided by the limit that the headers state.",
        "Slow down to the pace named, or have that limit raised.",
        OPENAI,
    ),
    Code(
        "RC208", "retrying cannot help",
        "What was retried is not a matter of time: a quota used up, a request above the limit, a wrong key or request.",
        "The refusal's category or status.",
        "Stop on such answers instead of retrying them.",
        thread("langchain-ai/langchainjs/issues/1929"),
    ),
    Code(
        "RC209", "refused requests repeated at once",
        "The same request followed its refusal without any wait. They are counted as calls of their own; should they "
        "be retries, the loop that makes them does not wait.",
        "Equal requests less than 45 ms after a refusal, and nothing that shows a loop.",
        "If it is a loop, wait between its tries, as long as Retry-After says.",
        ITSELF,
    ),
    Code(
        "RC210", "no request passed",
        "The app made no request to the addresses that it was given.",
        "The recording is empty.",
        "Set the base URL where the app builds its client: code that names one does not read the variables.",
        ITSELF,
    ),
    Code(
        "RC211", "answers that never came",
        "The upstream could not be reached or broke off, or the app hung up before the answer.",
        "Requests without a status, or cut in the middle.",
        "Look at the timeout of the client and at the upstream's address.",
        ITSELF,
    ),
)  # fmt: skip
