"""A finding in words: the verdict in one line, why, and what to do. All numbers come from the finding."""

from dataclasses import replace

from ratecheck.durations import human_s, human_wait_s, window_name
from ratecheck.model import Category, Dimension, Finding, LimitReading
from ratecheck.wording import left_of, limit_kind, units

_TOKENS = (Dimension.TOKENS, Dimension.INPUT_TOKENS, Dimension.OUTPUT_TOKENS)
# A client that waits longer than this inside one call looks hung; its own limit is usually near it.
_LONG_WAIT_S = 120.0


def who(finding: Finding) -> str:
    """Return the name of the service that refused, as people write it."""
    from ratecheck.dialects import get

    row = get(finding.provider)
    return row.title if row is not None else "The server"


def _limit(finding: Finding) -> str:
    window = "" if finding.window_s is None else f" a {window_name(finding.window_s)}"
    if finding.limit is None:
        return window
    return f" of {units(finding.dimension, finding.limit) if finding.dimension else format(finding.limit, ',')}{window}"


def _wait(finding: Finding) -> str:
    if finding.retry_after_s is None:
        told = _when(finding)
        return f"it says only when: {told}" if told else "it does not say how long to wait"
    wait_s = finding.retry_after_s
    return "it says to try again at once" if wait_s == 0 else f"wait {human_wait_s(wait_s)}"


def _when(finding: Finding) -> str | None:
    """The server's words for when it passes again; of many refusals folded into one, the first one's are stale."""
    return finding.resets if finding.count == 1 else None


def verdict(finding: Finding) -> str:
    """Say in one line what happened and what follows."""
    name = who(finding)
    match finding.category:
        case Category.REQUEST_TOO_LARGE:
            if finding.requested is not None and finding.limit is not None:
                return f"This request can never pass: it asks {finding.requested:,}{_limit(finding)}"
            return "This request can never pass: it is larger than the limit allows"
        case Category.RATE_LIMIT if finding.limit == 0 and finding.will_fit_ever is False:
            return f"{name} allows nothing here: the limit is 0, so waiting does not help"
        case Category.RATE_LIMIT:
            kind = "limit" if finding.limit is not None else limit_kind(finding.dimension)
            return f"{name} refused on its {kind}{_limit(finding)}: {_wait(finding)}"
        case Category.QUOTA_EXHAUSTED:
            return f"{name} refused for money or plan, not for rate: waiting does not help"
        case Category.OVERLOADED:
            after = "" if finding.retry_after_s is None else f": wait {human_wait_s(finding.retry_after_s)}"
            return f"{name} is out of capacity; your own limits are not the reason{after}"
        case Category.CONCURRENCY:
            allowed = "" if finding.limit is None else f" ({finding.limit:,} allowed)"
            return f"{name} refused because too many requests run at the same time{allowed}"
        case Category.NOT_RATE_LIMIT:
            return _no_limit(finding)


def _no_limit(finding: Finding) -> str:
    left = "; ".join(text for limit in finding.limits if (text := _left(limit)))
    if finding.status is not None and finding.status >= 400:
        also = f" (its headers: {left})" if left else ""
        return f"Not a rate limit: {finding.code or finding.status} is another kind of error{also}"
    return f"Healthy, nothing was refused: {left}" if left else "No rate limit in this answer"


def _left(limit: LimitReading) -> str:
    return "" if limit.remaining is None else f"{left_of(limit.remaining, limit.limit)} {units(limit.dimension)} left"


def _explanation(finding: Finding) -> str:
    match finding.category:
        case Category.REQUEST_TOO_LARGE:
            return "More is asked at once than the whole limit holds, so no wait and no retry lets it through."
        case Category.RATE_LIMIT if finding.used is not None and finding.requested is not None and finding.limit:
            return (
                f"{finding.used:,} were used and this request asks {finding.requested:,}: "
                f"{finding.used + finding.requested - finding.limit:,} too many at this moment."
            )
        case Category.RATE_LIMIT:
            return "What was sent within the window is more than the limit allows; it frees up with time."
        case Category.QUOTA_EXHAUSTED:
            return "Credit, a spending cap, a plan's allowance or an entitlement is used up or missing."
        case Category.OVERLOADED:
            return "The service lacks capacity for everyone at the moment."
        case Category.CONCURRENCY:
            return "The limit counts requests in flight; it opens as soon as one of them ends."
        case Category.NOT_RATE_LIMIT:
            return "Nothing in it refuses because of a limit."


def _advice(finding: Finding) -> tuple[str, ...]:
    match finding.category:
        case Category.REQUEST_TOO_LARGE:
            return ("Do not retry it: shorten the prompt or history, or lower max_tokens.", "Or have the limit raised.")
        case Category.RATE_LIMIT:
            return tuple(_rate_advice(finding))
        case Category.QUOTA_EXHAUSTED:
            again = (f"The server says when it passes again: {told}.",) if (told := _when(finding)) else ()
            return (
                "Do not retry: each retry fails the same way.",
                "Look at billing and plan of the account behind the key.",
                *again,
            )
        case Category.OVERLOADED:
            return ("Retry with growing waits and jitter.", "Or use another model, region or provider for now.")
        case Category.CONCURRENCY:
            return ("Send fewer at the same time; a pause between requests changes nothing.",)
        case Category.NOT_RATE_LIMIT:
            return ()


def _rate_advice(finding: Finding) -> list[str]:
    said = []
    if finding.limit == 0 and finding.will_fit_ever is False:
        return ["Use another model, or have this one enabled for your plan."]
    told = _when(finding)
    if finding.retry_after_s is None and told:
        said.append(
            f"Put the work off until the server says that it passes again: {told}. How many seconds that is from now,"
            " the text does not tell."
        )
    elif finding.retry_after_s is None:
        said.append("Wait with growing pauses and jitter, starting at a few seconds.")
    elif finding.retry_after_s > _LONG_WAIT_S:
        said.append(
            f"{human_s(finding.retry_after_s)} is no pause but a stop: put the work off instead of waiting in the call."
        )
    else:
        said.append(
            f"Send nothing for {human_wait_s(finding.retry_after_s)}; every try before that is wasted and may count."
        )
    if finding.dimension in _TOKENS:
        said.append("Send shorter prompts and a smaller max_tokens; `ratecheck estimate` counts what a request takes.")
    elif finding.dimension is Dimension.REQUESTS:
        said.append("Send fewer, larger requests, evenly spread; count the retries your SDK makes on its own.")
    if finding.will_fit_ever is None:
        said.append("The request's size may be the cause: try a smaller one before waiting longer.")
    return said


def explained(finding: Finding) -> Finding:
    """Return the finding with its explanation and advice filled in."""
    return replace(finding, explanation=_explanation(finding), advice=_advice(finding))
