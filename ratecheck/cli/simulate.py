"""``ratecheck simulate``: calls through a client's retry rule against a limiter, in virtual time."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from ratecheck.cli.options import (
    FaultOption,
    LimiterOption,
    LimitsOption,
    accounts,
    examples,
    policies,
    providers,
)
from ratecheck.cli.output import JsonOption, NoColorOption, Output
from ratecheck.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ratecheck.simulate import Plan
    from ratecheck.simulate.study import Done, Task

SETTINGS: dict[str, Any] = {
    "epilog": examples(
        ("ratecheck simulate --rpm 3", "how three requests a minute are gone after one call, and what would help"),
        ("ratecheck simulate --rpm 60 --clients 20 --every 10 --duration 600 --policy openai-python@1.109.1",
         "twenty clients of one version of an SDK"),
        ("ratecheck simulate --rpm 500 --tpm 30000 --rate 600/min --duration 300 --tokens 200-1500 --compare",
         "more than the limit lets through: remedies, ranked"),
        ("ratecheck headers --json | ratecheck simulate --limits - --rate 30/min --duration 600",
         "against the limits that your account really has"),
    )
}  # fmt: skip


def _amount(name: str, says: str) -> Any:
    # `serve` takes a limit of 0, which refuses everything; here there would be nothing to tell.
    return typer.Option(name, metavar="N", min=1, help=says)


def command(
    rpm: Annotated[int | None, _amount("--rpm", "Requests a minute that are allowed.")] = None,
    tpm: Annotated[int | None, _amount("--tpm", "Tokens a minute that are allowed.")] = None,
    rpd: Annotated[int | None, _amount("--rpd", "Requests a day that are allowed.")] = None,
    limiter: LimiterOption = None,
    profile: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", autocompletion=accounts, help="A built-in account of `serve`: openai-tier1, azure-s0 …"
        ),
    ] = None,
    provider: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", autocompletion=providers, help="Whose words refusals are in: openai, anthropic, groq …"
        ),
    ] = None,
    limits: LimitsOption = None,
    retry_after: Annotated[
        bool | None, typer.Option("--retry-after/--no-retry-after", help="Do refusals say how long to wait?")
    ] = None,
    policy: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            autocompletion=policies,
            help="Client policy, NAME or NAME@VERSION or OUTER+INNER; repeatable.",
        ),
    ] = None,
    max_retries: Annotated[
        int | None, typer.Option(metavar="N", help="The client's own setting, in place of its default.")
    ] = None,
    list_policies: Annotated[bool, typer.Option("--list-policies", help="Print every client policy and stop.")] = False,
    calls: Annotated[int | None, typer.Option(metavar="N", help="Calls that each client makes.")] = None,
    every: Annotated[float | None, typer.Option(metavar="S", help="Seconds between a client's calls.")] = None,
    rate: Annotated[
        str | None, typer.Option(metavar="N/min", help="Each client's calls at random (Poisson): 30/min, 2/s.")
    ] = None,
    burst: Annotated[bool, typer.Option("--burst", help="All calls at once.")] = False,
    clients: Annotated[int, typer.Option(metavar="N", help="Clients that do not know of each other.")] = 1,
    duration: Annotated[float | None, typer.Option(metavar="S", help="Seconds in which calls arrive.")] = None,
    workload: Annotated[
        str | None, typer.Option(metavar="FILE", help="Replay a recording of `watch` or `serve`; - is stdin.")
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Stop at a broken line of --workload.")] = False,
    tokens: Annotated[
        str | None, typer.Option(metavar="N|LOW-HIGH", help="Prompt tokens of a call: 800, or 200-1500.")
    ] = None,
    max_output_tokens: Annotated[int | None, typer.Option(metavar="N", help="max_tokens of a call.")] = None,
    output_tokens: Annotated[
        str | None, typer.Option(metavar="N|LOW-HIGH", help="Tokens an answer really has: 150, or 50-300.")
    ] = None,
    latency: Annotated[str, typer.Option(metavar="S|LOW-HIGH", help="Seconds an answer takes: 0.8, or 0.5-3.")] = "0",
    timeout: Annotated[
        float | None,
        typer.Option(
            metavar="S",
            help="Seconds until a `timeout` fault is noticed (default: the client's own; with --rpm alone: at once).",
        ),
    ] = None,
    fault: FaultOption = None,
    compare: Annotated[bool, typer.Option("--compare", help="Try the sensible remedies and rank them.")] = False,
    throttle: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="token-bucket, leaky-bucket or sliding-log, with :N calls a minute."),
    ] = None,
    retries_off: Annotated[bool, typer.Option("--retries-off", help="The client sends each call once.")] = False,
    workers: Annotated[
        int | None, typer.Option(metavar="N", help="One queue for all clients, with so many workers.")
    ] = None,
    keys: Annotated[int, typer.Option(metavar="N", help="API keys used in turn.")] = 1,
    keys_scope: Annotated[
        str, typer.Option(metavar="organization|key", help="organization: keys share limits; key: each has its own.")
    ] = ("organization"),
    cache: Annotated[float, typer.Option(metavar="SHARE", help="Share of calls that a cache answers: 0.3.")] = 0.0,
    merge: Annotated[int, typer.Option(metavar="N", help="So many calls become one request.")] = 1,
    trim: Annotated[float, typer.Option(metavar="SHARE", help="Share of the prompt that is cut: 0.3.")] = 0.0,
    cap_output: Annotated[int | None, typer.Option(metavar="N", help="max_tokens lowered to this.")] = None,
    replicas: Annotated[
        int, typer.Option(metavar="N", help="Runs with seeds SEED, SEED+1 …; figures get intervals.")
    ] = 1,
    jobs: Annotated[int, typer.Option(metavar="N", help="Processes to spread runs over; 0: one a core.")] = 1,
    seed: Annotated[int, typer.Option(metavar="N", help="The same seed gives the same bytes.")] = 0,
    events: Annotated[bool, typer.Option("--events", help="Every attempt, in --json.")] = False,
    max_events: Annotated[int, typer.Option(metavar="N", help="Bound on the events of a run.")] = 5_000_000,
    as_json: JsonOption = False,
    no_color: NoColorOption = False,
) -> ExitCode:
    """Replay calls through a client's retry rule against a limit, in virtual time; see what would help.

    With --rpm alone it tells a story: one call a minute, a hiccup on the first, and what that does to the next.
    """
    output = Output(as_json, no_color)
    if list_policies:
        return _list(output)
    options = dict(locals())
    from ratecheck.simulate.options import Options, scenario_of

    known = {name: options[name] for name in Options.__dataclass_fields__}
    chosen = Options(**known)
    texts = _texts(chosen.limits, chosen.workload)
    scenario, notes, skipped = scenario_of(chosen, *texts)
    if not 1 <= replicas <= 10_000:
        raise UsageError("--replicas is from 1 to 10,000")
    if not 0 <= jobs <= 256:
        raise UsageError("--jobs is from 0 to 256")
    from ratecheck.simulate import Plan

    plan = Plan(scenario, seed, replicas, compare, keep_attempts=events)
    _check_bound(plan, output)
    return _run(plan, output, jobs, events, notes, skipped)


def _texts(limits: str | None, workload: str | None) -> tuple[str | None, str | None]:
    from ratecheck.net.files import read_text

    if limits == "-" and workload == "-":
        raise UsageError("stdin can be read once: --limits - or --workload -, not both")
    return (
        None if limits is None else read_text(limits, "--limits"),
        None if workload is None else read_text(workload, "--workload"),
    )


def _list(output: Output) -> ExitCode:
    from ratecheck import retry
    from ratecheck.render import policies

    rows = [row for named in retry.ALL.values() for row in named]
    if output.json:
        output.document(policies.document(rows))
    else:
        output.page(policies.page(rows, output.style().width))
    return ExitCode.OK


def _check_bound(plan: "Plan", output: Output) -> None:
    """Refuse what is bound to exceed the events, before anything runs; warn of what may."""
    bound = plan.scenario.max_events
    fewest, most = plan.events_at_most()
    if fewest > bound or (most is not None and most > bound):
        many = f"{most:,}" if most is not None else f"at least {fewest:,}"
        raise UsageError(
            f"a run could take {many} events, more than the bound of {bound:,}",
            f"--max-events {max(most or 0, fewest)} lets it, or make fewer calls",
        )
    if most is None:
        output.note(f"note: a policy here has no end; a run stops after {bound:,} events (--max-events)")


def _run(
    plan: "Plan", output: Output, jobs: int, events: bool, notes: tuple[str, ...], skipped: tuple[str, ...]
) -> ExitCode:
    from dataclasses import replace

    from ratecheck.net.progress import Progress
    from ratecheck.render import simulate as render
    from ratecheck.simulate import study

    with Progress("simulating") as progress:

        def run_tasks(tasks: "Sequence[Task]") -> "Iterable[Done]":
            from ratecheck.net.spread import spread

            return spread(tasks, jobs, progress)

        report = study(plan, run_tasks)
    report = replace(report, notes=(*notes, *report.notes), skipped=skipped)
    for line in skipped:
        output.note(f"warning: {line}")
    if output.json:
        output.document(render.document(report, events=events))
    else:
        output.page(render.page(report, output.style().width))
    return ExitCode.INTERRUPTED if report.interrupted else ExitCode.OK
