"""``ratecheck headers``: one controlled probe, every limit it shows."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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
    from ratecheck.errors import RatecheckError
    from ratecheck.headers import HeadersReport, Target
    from ratecheck.model import Ask, Exchange

SETTINGS = {
    "cls": DemoCommand,
    "epilog": examples(
        ("ratecheck headers --demo", "what the screen looks like, on an emulated account"),
        ("ratecheck headers --model gpt-4o-mini --alert 20", "exit 1 when less than a fifth is left of any limit"),
        (
            "ratecheck headers --every 30 --alert 20 --textfile ratecheck.prom",
            "watch until Ctrl-C, for Prometheus as well",
        ),
    ),
}


def command(
    provider: ProviderOption = None,
    base_url: BaseUrlOption = None,
    model: ModelOption = None,
    endpoint: EndpointOption = None,
    api_key_env: KeyEnvOption = None,
    api_version: ApiVersionOption = None,
    timeout: TimeoutOption = 30.0,
    no_key: NoKeyOption = False,
    demo: DemoOption = None,
    dry_run: DryRunOption = False,
    count: Annotated[
        int | None,
        typer.Option(
            "--count", metavar="N", min=1, max=100_000, help="Send so many probes (default: 1).", show_default=False
        ),
    ] = None,
    every: Annotated[
        float | None,
        typer.Option(
            "--every",
            metavar="S",
            min=0.0,
            max=86_400,
            callback=a_number,
            help="Seconds from one probe to the next; without --count: watch until Ctrl-C.",
            show_default=False,
        ),
    ] = None,
    alert: Annotated[
        float | None,
        typer.Option(
            "--alert",
            metavar="PERCENT",
            min=0,
            max=100,
            callback=a_number,
            help="Exit 1 when less than this is left of any limit.",
        ),
    ] = None,
    on_alert: Annotated[
        str | None,
        typer.Option("--on-alert", metavar="CMD", help="Run this when the share falls below --alert (no shell)."),
    ] = None,
    textfile: Annotated[
        Path | None,
        typer.Option("--textfile", metavar="FILE", help="Keep the numbers in a file in Prometheus' text format."),
    ] = None,
    raw: Annotated[bool, typer.Option("--raw", help="Show the headers as they came, too.")] = False,
    json: JsonOption = False,
    no_color: NoColorOption = False,
) -> ExitCode:
    """Send one controlled probe and read every rate-limit header, or the refusal.

    One request of one word and one token of answer: no retries, no redirects. The key is read from the variable that
    your SDK reads and goes nowhere else.
    """
    from ratecheck.headers import below
    from ratecheck.net.credentials import Wishes

    output = Output(json, no_color)
    wishes = Wishes(
        provider, base_url, model, endpoint, api_key_env, None, api_version, no_key=no_key, key_optional=dry_run
    )
    target, send, close = who_answers(wishes, demo=demo, dry_run=dry_run, timeout_s=timeout)
    if dry_run:
        return _dry_run(output, target, count or 1)
    if (every is not None and count is None) or on_alert is not None or textfile is not None:
        watching = _watch(output, target, send, demo, count, every, alert, on_alert, textfile, raw=raw)
        close()
        return watching
    report, error = _probe(target, send, count or 1, 1.0 if every is None else every, demo)
    close()
    if not report.probes:
        raise error or AssertionError("a plan sends at least one probe")
    failed = _failure(report)
    if failed is None or output.json or raw or len(report.probes) > 1:
        _show(output, report, target, raw)
    if error or failed:
        raise error or failed  # type: ignore[misc]  # one of them is an exception here
    return ExitCode.ANSWER_IS_NO if report.refused or (alert is not None and below(report, alert)) else ExitCode.OK


def _watch(
    output: Output,
    target: "Target",
    send: "Callable[[Ask], Exchange]",
    demo: str | None,
    count: int | None,
    every_s: float | None,
    alert: float | None,
    on_alert: str | None,
    textfile: Path | None,
    *,
    raw: bool,
) -> ExitCode:
    """Probe until Ctrl-C, or as often as asked, with everybody told who wants to be."""
    from ratecheck.cli.monitor import Monitor, exit_code, run
    from ratecheck.errors import RatecheckError, UsageError

    if on_alert is not None and alert is None:
        raise UsageError("--on-alert needs --alert PERCENT", "for example --alert 20 --on-alert 'notify-send low'")
    if every_s is not None and count is None and every_s < 1:
        raise UsageError("a watch that never ends probes once a second at most", "--every 1 or more, or --count N")
    monitor = Monitor(output, target, demo, alert=alert, on_alert=on_alert, textfile=textfile)
    count = 1 if count is None and every_s is None else count
    ended = run(
        monitor, target, send, _failure,
        count=count, every_s=1.0 if every_s is None else every_s, paced=demo is None,
    )  # fmt: skip
    report = monitor.report()
    failed = ended or (_failure(report) if report.probes else None)
    if report.probes and (output.json or raw or failed is None):
        _show(output, report, target, raw)
    if isinstance(failed, RatecheckError):
        raise failed
    return exit_code(monitor, ended)


def _dry_run(output: Output, target: "Target", count: int) -> ExitCode:
    from ratecheck.headers import shown
    from ratecheck.model import Ask
    from ratecheck.render.headers import dry_run_document, dry_run_page

    lines = shown(target, Ask())
    if output.json:
        output.document(dry_run_document(target, lines, count))
    else:
        output.page(dry_run_page(target, lines, count))
    return ExitCode.OK


def _probe(
    target: "Target", send: "Callable[[Ask], Exchange]", count: int, every_s: float, demo: str | None
) -> "tuple[HeadersReport, BaseException | None]":
    """Run the plan; return what was learned, and what ended it early if anything did."""
    from ratecheck.durations import ns_from_s
    from ratecheck.errors import RatecheckError
    from ratecheck.headers import HeadersReport, plan, read_probe, wants_completion_name
    from ratecheck.net.clock import utc_now

    exchanges = []
    error: BaseException | None = None
    asks = plan(count, ns_from_s(every_s))
    try:
        ask = next(asks)
        while True:
            exchange = send(ask)
            exchanges.append((exchange, utc_now()))
            ask = asks.send(exchange)
    except StopIteration:
        pass
    except (RatecheckError, KeyboardInterrupt) as stopped:
        error = stopped
    # An answer that only asked for another parameter name told nothing that the next one does not.
    kept = [pair for pair in exchanges if not wants_completion_name(pair[0])] or exchanges
    return (
        HeadersReport(
            provider=target.dialect.name,
            url=target.url,
            model=target.model,
            key_shown=target.key_shown,
            probes=tuple(read_probe(target, exchange, now) for exchange, now in kept),
            spent_requests=len(exchanges),
            demo=demo,
            told_from=target.told_from,
        ),
        error,
    )


def _show(output: Output, report: "HeadersReport", target: "Target", raw: bool) -> None:
    from ratecheck.render.headers import document, page

    if output.json:
        output.document(document(report))
    else:
        output.page(page(report, sources=target.sources, raw=raw))


def _failure(report: "HeadersReport") -> "RatecheckError | None":
    """Return the error where the last answer is neither a success nor about a limit."""
    return None if report.refused else _credentials_refused(report) or _not_understood(report)


def _credentials_refused(report: "HeadersReport") -> "RatecheckError | None":
    """Return the error for a key that the server does not take."""
    from ratecheck.errors import CredentialsError
    from ratecheck.model import Category

    last = report.probes[-1]
    refused_for_limit = last.finding is not None and last.finding.category is not Category.NOT_RATE_LIMIT
    if last.status not in (401, 403) or refused_for_limit:
        return None
    said = f": {last.finding.message}" if last.finding is not None and last.finding.message else ""
    if report.key_shown is None:
        return CredentialsError(
            f"the server wants a key, and none was sent ({last.status}){said}",
            "leave out --no-key and put a key into the environment; `ratecheck serve` takes any",
        )
    return CredentialsError(
        f"the server refused the key {report.key_shown} with {last.status}{said}",
        f"told from {report.told_from}; --api-key-env NAME names another variable",
    )


def _not_understood(report: "HeadersReport") -> "RatecheckError | None":
    """Return the error for an answer that is neither a success nor about a limit and shows no limit either."""
    from ratecheck.errors import UnreachableError

    last = report.probes[-1]
    if last.limits or (last.status is not None and 200 <= last.status < 300 and last.understood):
        return None
    said = f": {last.finding.message}" if last.finding is not None and last.finding.message else ""
    if last.status is not None and 300 <= last.status < 400:
        return UnreachableError(
            f"the server redirects ({last.status}) and redirects are not followed: they would carry the key elsewhere",
            "is the base URL right? It often ends in /v1",
        )
    if not last.complete:
        return UnreachableError(
            f"the server answered {last.status} and did not bring its answer to an end, and its headers show no limit",
            "the request may have been counted; --timeout waits longer",
        )
    if last.status is not None and 200 <= last.status < 300:
        return UnreachableError(
            f"the server answered {last.status} with something that no such API answers: it is no JSON",
            "is the base URL right? A login page, a proxy or another service may answer in its place",
        )
    hints = {404: "is the base URL right, does the model exist?", 400: "does the model exist? --model names another"}
    return UnreachableError(
        f"the server answered {last.status}, and nothing in it is about a limit{said}",
        hints.get(last.status or 0, "is the base URL right? --raw and --dry-run show more"),
    )
