"""``ratecheck estimate``: what prompts cost, and how many fit in a minute."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from ratecheck.cli.options import LimitsOption, RpdOption, RpmOption, TpmOption, examples, providers
from ratecheck.cli.output import JsonOption, NoColorOption, Output
from ratecheck.errors import ExitCode

if TYPE_CHECKING:
    from ratecheck.estimate import Estimator
    from ratecheck.estimate.limits import AskedLimit
    from ratecheck.estimate.report import PromptEstimate, Skipped
    from ratecheck.limits_file import LimitsFile
    from ratecheck.net.inputs import Input
    from ratecheck.net.reading import Advance

SETTINGS = {
    "epilog": examples(
        (
            "ratecheck estimate prompt.md --max-output-tokens 512 --rpm 500 --tpm 30000",
            "how many such calls fit in a minute",
        ),
        (
            "ratecheck headers --json | ratecheck estimate batch.jsonl --limits -",
            "how long a batch takes on this account",
        ),
        more="Reads text, Markdown, images, requests as JSON (chat, Responses, Anthropic, Gemini, Bedrock),\n"
        "batch files (JSON Lines) and recordings of `watch --bodies`.",
    )
}


def command(
    prompts: Annotated[list[str] | None, typer.Argument(metavar="[PROMPT]…", help="Files; - or none: stdin.")] = None,
    model: Annotated[
        str | None, typer.Option(metavar="NAME", help="The model, whatever the requests say (default gpt-4o).")
    ] = None,
    max_output_tokens: Annotated[
        int | None, typer.Option("--max-output-tokens", metavar="N", min=0, help="The largest output (max_tokens).")
    ] = None,
    n: Annotated[
        int | None, typer.Option("--n", metavar="N", min=1, help="Answers asked for with each prompt.")
    ] = None,
    rpm: RpmOption = None,
    tpm: TpmOption = None,
    rpd: RpdOption = None,
    limits: LimitsOption = None,
    provider: Annotated[
        str | None, typer.Option(metavar="NAME", autocompletion=providers, help="Who limits: openai, azure, groq, …")
    ] = None,
    charging: Annotated[
        str | None, typer.Option(metavar="RULE", help="A charging rule by name; `list` prints them all.")
    ] = None,
    on: Annotated[str | None, typer.Option(metavar="DATE", help="Take the rules of that day, 2024-11-30.")] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Stop at the first line or file that cannot be read.")
    ] = False,
    json_: JsonOption = False,
    no_color: NoColorOption = False,
) -> ExitCode:
    """What prompts cost: tokens the API reports, tokens the limiter takes, and how many fit in a minute."""
    from ratecheck.dialects import get, known
    from ratecheck.estimate import Estimator, Settings
    from ratecheck.estimate.models import DEFAULT_MODEL
    from ratecheck.net.tokenizer import counter
    from ratecheck.render.estimate import page, rules_page
    from ratecheck.render.estimate_document import document

    output = Output(json=json_, no_color=no_color)
    files = prompts or ["-"]
    if charging == "list":
        output.page(rules_page())
        return ExitCode.OK
    asked, read = _limits(limits, files, rpm=rpm, tpm=tpm, rpd=rpd)
    limiting = known(provider) if provider else read.provider if get(read.provider) else None
    settings = Settings(
        model, max_output_tokens, n, limiting, charging, _day(on), default_model=read.model or DEFAULT_MODEL
    )
    estimator = Estimator(settings, counter)
    found, skipped, lost, interrupted = _read(estimator, files, strict, output)
    report = estimator.report(found, asked, skipped, lost, interrupted)
    if json_:
        import sys

        sys.stdout.writelines(document(report))
    else:
        output.page(page(report))
    if interrupted:
        return ExitCode.INTERRUPTED
    never = report.fit is not None and any(each.certain for each in report.fit.never_fits)
    return ExitCode.ANSWER_IS_NO if never else ExitCode.OK


def _day(on: str | None) -> str | None:
    from datetime import date

    from ratecheck.errors import UsageError

    if on is None:
        return None
    try:
        return date.fromisoformat(on).isoformat()
    except ValueError:
        raise UsageError(f"--on {on}: not a day", "write it as 2024-11-30") from None


def _limits(
    path: str | None, files: list[str], *, rpm: int | None, tpm: int | None, rpd: int | None
) -> "tuple[list[AskedLimit], LimitsFile]":
    """Return the limits to hold against, and what the file says of whose they are."""
    from ratecheck.errors import UsageError
    from ratecheck.estimate.limits import from_file, from_options
    from ratecheck.limits_file import LimitsFile, parse
    from ratecheck.net.files import read_text

    given = from_options(rpm=rpm, tpm=tpm, rpd=rpd)
    if path is None:
        return given, LimitsFile(())
    if path == "-" and "-" in files:
        raise UsageError("--limits - reads stdin, and so would the prompt", "name the prompt's file")
    file = parse(read_text(path, "--limits"), path)
    over = {(limit.dimension, limit.window_s) for limit in given}  # what an option says beats what was read
    return given + [limit for limit in from_file(file) if (limit.dimension, limit.window_s) not in over], file


def _read(
    estimator: "Estimator", files: list[str], strict: bool, output: Output
) -> "tuple[list[PromptEstimate], list[Skipped], int, bool]":
    """Estimate all there is to read, or what there is until Ctrl-C: a long batch is not lost by it."""
    import sys

    from ratecheck.estimate.report import Skipped
    from ratecheck.net import inputs
    from ratecheck.net.counting import NAMED, counts
    from ratecheck.net.reading import Unreadable

    if files == ["-"] and sys.stdin.isatty():
        output.note("paste the prompt, then press Ctrl-D (Ctrl-Z and Return on Windows)")
    found: list[PromptEstimate] = []
    skipped: list[Skipped] = []
    lost = 0
    paths = inputs.expand(files)
    alone = len(paths) == 1
    interrupted = False
    try:
        with counts(paths, estimator.settings, strict) as large, _progress(paths, output) as advance, _no_collection():
            if large and not output.json:
                from ratecheck.render import grids  # noqa: F401  # drawing the tables takes less than importing this
            for place, path in enumerate(paths):
                try:
                    before = len(found) + lost
                    if place in large:
                        prompts = large.prompts(place, estimator, advance)
                    else:
                        prompts = _prompts(estimator, inputs.read(path, advance), alone)
                    for each in prompts:
                        if not isinstance(each, Skipped):
                            found.append(each)
                            continue
                        if strict:
                            raise Unreadable(f"{each.source}: {each.why}")
                        lost += each.lines
                        if len(skipped) < NAMED:
                            skipped.append(each)
                    if len(found) + lost == before:
                        raise Unreadable(f"{path}: no request in it, only empty lines")
                except Unreadable as error:
                    if strict or (alone and not found):
                        raise
                    lost += 1
                    skipped.append(Skipped(path, error.message.removeprefix(path).lstrip(": ")))
    except KeyboardInterrupt:
        if not found:
            raise
        interrupted = True
    if not found and skipped and not alone:
        for each in skipped:
            output.note(f"error: {each.source}: {each.why}")
    return found, skipped, lost, interrupted


def _prompts(estimator: "Estimator", entered: "Input", alone: bool) -> "Iterator[PromptEstimate | Skipped]":
    from ratecheck.estimate.report import PromptEstimate
    from ratecheck.estimate.requests import NotARequest
    from ratecheck.estimate.texts import measure
    from ratecheck.net.inputs import ImageFile, JsonFile, LinesFile, TextFile
    from ratecheck.net.tokenizer import in_background

    match entered:
        case TextFile(source, blocks):
            yield estimator.text(source, measure(estimator.counter(), blocks))
        case ImageFile(source, size):
            yield estimator.image(source, size)
        case JsonFile(source, value, text):
            try:
                one = estimator.request(source, value)
                yield one._replace(by_message=estimator.by_message(value)) if alone else one
            except NotARequest as error:
                # A list of requests is a batch; a list without any is a text like every other JSON.
                each = estimator.several(source, value) if isinstance(value, list) else []
                if any(isinstance(found, PromptEstimate) for found in each):
                    yield from each
                    return
                counted = estimator.text(source, measure(estimator.counter(), (text,)))
                yield counted._replace(notes=(f"counted as text: {error}",))
        case LinesFile(source, lines, whole):
            yield from estimator.lines(source, lines, whole, in_background)


@contextmanager
def _no_collection() -> Iterator[None]:
    """Hold the cycle collector off: a batch makes millions of objects and not one cycle, and it looks at them all."""
    import gc

    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@contextmanager
def _progress(paths: list[str], output: Output) -> "Iterator[Advance]":
    """Show how far reading has come, with its rate and the time left: on a terminal, and for large files only."""
    import sys

    from ratecheck.net.parts import regular_size

    sizes = [regular_size(path) if path != "-" else None for path in paths]
    total = sum(size or 0 for size in sizes)
    # Less than this is done before an eye has found the bar.
    if not sys.stderr.isatty() or total < 4 << 20:
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

    console = Console(stderr=True, no_color=output.no_color)
    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    # Drawn as bytes come in: a thread that draws it may hold a lock when a second process is started.
    with Progress(*columns, console=console, transient=True, auto_refresh=False) as bar:
        task = bar.add_task("counting", total=None if None in sizes else total)
        held = 0

        def advance(read: int) -> None:
            nonlocal held
            held += read
            if held >= 4 << 20:  # some tens of times a second: drawing takes a millisecond
                bar.advance(task, held)
                bar.refresh()
                held = 0

        yield advance
