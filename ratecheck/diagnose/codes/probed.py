"""RC5xx: how a limiter behaved when it was probed."""

from ratecheck.diagnose.codes.row import AZURE, ITSELF, OPENAI, SLICES, Code

PROBED = (
    Code(
        "RC501", "a limit that no header shows",
        "Requests are refused while the headers still announce room: a second limit is enforced as well.",
        "A refusal came with a remainder above zero; the refusals alone follow a limiter of their own.",
        "Pace by the hidden limit as well: `ratecheck simulate --limits` takes both.",
        SLICES,
    ),
    Code(
        "RC502", "somebody else draws on this limit",
        "More of the limit went than was asked for here: another worker, project or key shares it.",
        "The remainder fell by more than the requests sent, their refill counted in.",
        "Find the other client, or give this one a share of its own.",
        OPENAI,
    ),
    Code(
        "RC503", "resets do not tell the truth",
        "What the reset headers state does not fit what the limit then did.",
        "The stated resets are compared with those of the limiter that explains all admissions and remainders.",
        "Do not wait by this header; pace by limit and window.",
        ITSELF,
    ),
    Code(
        "RC504", "retry-after does not tell the truth",
        "Waiting as long as retry-after says is not enough, or far longer than needed.",
        "The next request after a refusal: refused again after the stated time, or admitted in less than half of it.",
        "Pace by limit and window; keep a growing back-off of your own.",
        AZURE,
    ),
    Code(
        "RC505", "the limit changed on the way",
        "The announced limit was another one at the end than at the beginning.",
        "The limit header changed its number between two answers.",
        "Read the limit from each answer; do not configure it.",
        ITSELF,
    ),
    Code(
        "RC506", "refusals are charged",
        "A refused request takes from the limit as well, so that retrying without a wait keeps the door shut.",
        "After knocks on a used-up limit the next admission comes later than without them.",
        "Retry rarely and with growing waits; no client-side retry below the refill time.",
        AZURE,
    ),
    Code(
        "RC507", "max_tokens is reserved up front",
        "A request is charged for the output that it asks for, whether or not it is produced.",
        "A request for much output took more of the token limit than a tiny one, by about what was asked for.",
        "Set max_tokens near what you need.",
        AZURE,
    ),
    Code(
        "RC508", "do two keys share a limit",
        "Two keys were tried by turns: what one draws is, or is not, missing for the other.",
        "The first key's remainder before and after two requests of the second; or the second knocks where the first "
        "was refused.",
        "Keys of one organisation mostly share: more keys add nothing then.",
        OPENAI,
    ),
    Code(
        "RC509", "no limit met",
        "Nothing was announced and nothing was refused within the budget. That is not unlimited.",
        "Every request was admitted, and no answer had a limit header.",
        "A larger --budget-requests with --to-the-wall goes further.",
        ITSELF,
    ),
    Code(
        "RC510", "no known limiter fits",
        "The refusals follow none of the algorithms that are known here: overload, chance, several limits at once.",
        "Every algorithm, amount and window contradicts several of the answers.",
        "Look at the refusals' bodies with `ratecheck decode`; try again at another time.",
        ITSELF,
    ),
    Code(
        "RC511", "the clocks differ",
        "The server's clock and this computer's are seconds or more apart: a reset that is a date comes too late, or "
        "too soon, by as much.",
        "The Date header of the answers against this computer's clock; without one, resets that are dates against what "
        "the limit then did.",
        "Set the clock (NTP); read a date by the answer's own Date header.",
        ITSELF,
    ),
)  # fmt: skip
