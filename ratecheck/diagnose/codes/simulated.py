"""RC3xx: what came out of a simulation."""

from ratecheck.diagnose.codes.row import ITSELF, JITTER, OPENAI, SDK, Code

SIMULATED = (
    Code(
        "RC301", "one call, several requests",
        "The client retries on its own: the provider counts every try, the application sees one call.",
        "Requests divided by calls is 1.5 or more in the simulated run.",
        "Switch the SDK's retries off or down, and retry once, slowly, where you can see it.",
        SDK,
    ),
    Code(
        "RC302", "retries end before there is room",
        "A refused call was tried again and given up before the limit had room for it.",
        "The time from its first refusal to its last, against the wait that the limiter itself gave at the first.",
        "Wait that long before the first retry, or obey the server's Retry-After.",
        ITSELF,
    ),
    Code(
        "RC303", "more calls than the limit lets through",
        "The calls alone, without any retry, ask for more than the limit gives in the long run.",
        "Calls a minute times their cost against the limit's amount a minute.",
        "Send less or slower, or have the limit raised; no retry rule can help.",
        OPENAI,
    ),
    Code(
        "RC304", "the throttle does not see the retries",
        "A throttle around calls lets the SDK's own retries pass by it.",
        "More requests than calls under a throttle, and refusals among them.",
        "Switch the SDK's retries off and put the throttle around every request.",
        ITSELF,
    ),
    Code(
        "RC305", "several keys, one limit",
        "Keys of one organisation or account share its limits: rotating them changes nothing.",
        "The limit's scope is the organisation.",
        "Count all keys together; only a separate account has limits of its own.",
        OPENAI,
    ),
    Code(
        "RC306", "clients retry in step",
        "Without jitter, clients that were refused together come back together and are refused together again.",
        "The rule's shortest and longest wait are the same.",
        "Add jitter to the wait.",
        JITTER,
    ),
    Code(
        "RC307", "cut at the bound on events",
        "The simulation reached its bound before every call had ended: shares are of what had happened by then.",
        "Events reached --max-events.",
        "Raise --max-events, or bound the policy with --max-retries.",
        ITSELF,
    ),
)  # fmt: skip
