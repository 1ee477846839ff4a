"""``ratecheck probe``: spend a stated budget of requests to find out how a limiter really behaves."""

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ratecheck.cli.options import a_number, examples
from ratecheck.cli.output import JsonOption, NoColorOption, Output
from ratecheck.cli.target import (
    ApiVersionOption,
    BaseUrlOption,
    DemoCommand,
    DemoOption,
    DryRunOption,
    EndpointOption,
    KeyEnvOption,
    ModelOption,
    NoKeyOption,
    ProviderOption,
    TimeoutOption,
    who_answers,
)
from ratecheck.errors import ExitCode

if TYPE_CHECKING:
    from datetime import datetime

    from ratecheck.headers import Target
    from ratecheck.identify import Budget, Investigation, ProbeReport, Sight
    from ratecheck.model import Ask, Exchange

SETTINGS = {
    "cls": DemoCommand,
    "epilog": examples(
        ("ratecheck probe --demo --to-the-wall", "how an emulated account is found out, in no time"),
        (
            "ratecheck probe --model gpt-4o-mini --budget-requests 20",
            "at most 20 requests, half of each limit left over",
        ),
        (
            "OPENAI_API_KEY=x ratecheck probe --base-url http://127.0.0.1:8429/v1 --model m --to-the-wall --yes --json",
            "`ratecheck serve`, for a script; it wants a key, as a provider does, and takes any",
        ),
    ),
}

# The mark of a terminal's line that is written over.
_SAME_LINE = "\r\x1b[K"


def command(
    provider: ProviderOption = None,
    base_url: BaseUrlOption = None,
    model: ModelOption = None,
    endpoint: EndpointOption = None,
    api_key_env: KeyEnvOption = None,
    second_key_env: Annotated[
        str | None,
        typer.Option("--second-key-env", metavar="NAME", help="Variable with a second key: do the two share a limit?"),
    ] = None,
    api_version: ApiVersionOption = None,
    timeout: TimeoutOption = 30.0,
    no_key: NoKeyOption = False,
    budget_requests: Annotated[
        int, typer.Option("--budget-requests", metavar="N", min=1, max=100_000, help="Send at most so many requests.")
    ] = 30,
    budget_tokens: Annotated[
        int, typer.Option("--budget-tokens", metavar="N", min=1, help="Spend at most so many tokens.")
    ] = 2000,
    max_wait: Annotated[
        float,
        typer.Option(
            "--max-wait",
            metavar="S",
            min=0,
            max=86_400,
            callback=a_number,
            help="Wait at most so long for limits to refill.",
        ),
    ] = 900.0,
    leave: Annotated[
        str, typer.Option("--leave", metavar="PERCENT", help="Leave this share of every announced request limit.")
    ] = "50%",
    to_the_wall: Annotated[
        bool, typer.Option("--to-the-wall", help="A 429 may be provoked: tells what headers do not.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before spending.")] = False,
    demo: DemoOption = None,
    dry_run: DryRunOption = False,
    json: JsonOption = False,
    no_color: NoColorOption = False,
) -> ExitCode:
    """Find out how a limiter really behaves: algorithm, amount, window, burst, what a refusal costs.

    Each next request is the one that tells most; it stops when sure. It says first what it will spend at most.
    """
    from ratecheck.identify import Budget, report_of
    from ratecheck.net import clock
    from ratecheck.net.credentials import Wishes

    output = Output(json, no_color)
    budget = Budget(budget_requests, budget_tokens, max_wait, _share(leave), to_the_wall)
    wishes = Wishes(
        provider, base_url, model, endpoint, api_key_env, second_key_env, api_version,
        no_key=no_key, key_optional=dry_run,
    )  # fmt: skip
    target, send, close = who_answers(wishes, demo=demo, dry_run=dry_run, timeout_s=timeout)
    shown = _target(target, demo)
    if dry_run:
        return _dry_run(output, budget, target, shown)
    _ask_first(output, budget, target, asks=not (yes or demo is not None))
    # A demo's time is its own: no clock of this computer's has anything to do with it.
    now = _never if demo is not None else clock.utc_now
    investigation, error = _investigate(output, budget, target, send, now, second_key=target.second_key is not None)
    close()
    report = report_of(investigation)
    if error is not None and not report.sights:
        raise error
    _show(output, report, shown, target)
    return _exit_code(report, error)


def _share(leave: str) -> float:
    """Read ``50%``, ``50`` or ``12.5%`` as a share."""
    from ratecheck.durations import parse_number
    from ratecheck.errors import UsageError

    percent = parse_number(leave.strip().removesuffix("%"))
    if percent is None or not 0 <= percent <= 100:
        raise UsageError(f"--leave takes a percentage from 0 to 100, not {leave!r}", "for example --leave 50%")
    return percent / 100


def _target(target: "Target", demo: str | None) -> dict[str, Any]:
    return {
        "provider": target.dialect.name,
        "url": target.url,
        "model": target.model,
        "key": target.key_shown,
        "demo": demo,
    }


def _dry_run(output: Output, budget: "Budget", target: "Target", shown: dict[str, Any]) -> ExitCode:
    from ratecheck.headers import shown as lines_of
    from ratecheck.model import Ask
    from ratecheck.render.probe import dry_run_document, dry_run_page

    lines = lines_of(target, Ask())
    if output.json:
        output.document(dry_run_document(budget, shown, lines))
    else:
        output.page(dry_run_page(budget, lines))
    return ExitCode.OK


def _ask_first(output: Output, budget: "Budget", target: "Target", *, asks: bool) -> None:
    """Say what will be spent at most, and whose it is; go on only with a yes."""
    from ratecheck.errors import UsageError
    from ratecheck.render.probe import cost_sentence

    output.note(cost_sentence(budget))
    if not asks:
        return
    key = f"with the key {target.key_shown}" if target.key_shown else "without a key"
    output.note(f"They go to {target.url} as {target.model}, {key}; told from {target.told_from}.")
    output.note(
        "What share of a day's allowance that is stands in the first answer's headers, if any, and is said then."
    )
    if not sys.stdin.isatty():
        raise UsageError("probe asks before it spends, and nobody can answer here", "--yes goes ahead without asking")
    if not typer.confirm("Go ahead?", err=True):
        output.note("Nothing was sent.")
        raise typer.Abort


def _investigate(
    output: Output,
    budget: "Budget",
    target: "Target",
    send: "Callable[[Ask], Exchange]",
    now: "Callable[[], datetime | None]",
    *,
    second_key: bool,
) -> "tuple[Investigation, BaseException | None]":
    """Run the plan to its end, an error or Ctrl-C; what was learned so far is in what comes back."""
    from ratecheck import dialects
    from ratecheck.errors import RatecheckError
    from ratecheck.identify import Investigation, see

    provider = None if target.dialect is dialects.COMPATIBLE else target.dialect.name

    def read(exchange: "Exchange", ask: "Ask") -> "Sight":
        return see(exchange, ask, provider=provider, now=now(), secrets=target.secrets)

    investigation = Investigation(budget, read, second_key=second_key)
    plan = investigation.plan()
    live = output.moves(sys.stderr)
    told_day = False
    error: BaseException | None = None
    try:
        ask = next(plan)
        while True:
            if live:
                _progress(investigation, ask)
            exchange = _sent(send, ask, investigation)
            ask = plan.send(exchange)
            if not told_day:
                told_day = _say_share_of_a_day(output, investigation)
    except StopIteration:
        pass
    except (RatecheckError, KeyboardInterrupt) as stopped:
        error = stopped
        investigation.stopped = "interrupted" if isinstance(stopped, KeyboardInterrupt) else "error"
    if live:
        sys.stderr.write(_SAME_LINE)
        sys.stderr.flush()
    return investigation, error


def _never() -> None:
    """Return what time it is where nobody's clock counts."""


def _sent(send: "Callable[[Ask], Exchange]", ask: "Ask", investigation: "Investigation") -> "Exchange":
    """Send; once something has been answered, a dropped connection is an answer that tells nothing."""
    from ratecheck.errors import UnreachableError
    from ratecheck.model import Answer, Exchange

    try:
        return send(ask)
    except UnreachableError:
        if not any(sight.status is not None for sight in investigation.sights):
            raise
        at_ns = max(investigation.now_ns, ask.at_ns)
        return Exchange(None, 1, at_ns, at_ns, None, Answer(None))


def _progress(investigation: "Investigation", ask: "Ask") -> None:
    """Write the one line that a person watches while the plan waits and asks."""
    from ratecheck.durations import NS_PER_S, human_s

    sent, budget = len(investigation.sights), investigation.budget
    refused = sum(sight.admitted is False for sight in investigation.sights)
    wait_s = max(ask.at_ns - investigation.now_ns, 0) / NS_PER_S
    words = f"request {sent + 1} of at most {budget.requests}, {refused} refused"
    if wait_s >= 0.1:
        words += f", waiting {human_s(wait_s)}"
    main = investigation.main
    claims = main.claims() if main is not None else []
    if claims:
        words += f"; likely: {claims[0].family.title} of {claims[0].amount:,} ({claims[0].share:.0%})"
    sys.stderr.write(_SAME_LINE + words[:100])
    sys.stderr.flush()


def _say_share_of_a_day(output: Output, investigation: "Investigation") -> bool:
    """Say what share of an announced daily allowance the budget is; true once there was something to look at."""
    from ratecheck.durations import DAY_S
    from ratecheck.model import Dimension

    last = investigation.sights[-1]
    for limit in last.limits:
        if limit.dimension is Dimension.REQUESTS and limit.window_s == DAY_S and limit.limit:
            share = investigation.budget.requests / limit.limit
            output.note(
                f"The whole budget is {share:.1%} of the {limit.limit:,} requests a day that the server announces."
            )
    return bool(last.limits)


def _show(output: Output, report: "ProbeReport", shown: dict[str, Any], target: "Target") -> None:
    from ratecheck.render.probe import document, page

    if output.json:
        output.document(document(report, shown))
    else:
        output.page(page(report, shown, sources=target.sources))


def _exit_code(report: "ProbeReport", error: BaseException | None) -> ExitCode:
    from ratecheck.cli.exits import complain
    from ratecheck.errors import RatecheckError

    if isinstance(error, KeyboardInterrupt):
        return ExitCode.INTERRUPTED
    if isinstance(error, RatecheckError):
        complain(error.message, error.hint)
        return error.exit_code
    if report.fatal is not None:
        complain(report.fatal, "`ratecheck headers` shows a single answer in full")
        refused = bool(report.sights) and report.sights[-1].status in (401, 403)
        return ExitCode.CREDENTIALS if refused else ExitCode.UNREACHABLE
    return ExitCode.ANSWER_IS_NO if report.stopped == "limited" else ExitCode.OK
