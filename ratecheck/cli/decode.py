"""``ratecheck decode``: explain a pasted 429, or a log of them."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from ratecheck.cli.options import examples
from ratecheck.cli.output import JsonOption, NoColorOption, Output
from ratecheck.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from ratecheck.decode import DecodeReport

SETTINGS = {
    "epilog": examples(
        ("ratecheck decode error.txt", "a pasted traceback, body or `curl -i` dump"),
        ("ratecheck decode app.log", "a log of any size: which limits refused, when and how often"),
        ("curl -i https://… 2>&1 | ratecheck decode --json", "for a script"),
    )
}


def command(
    files: Annotated[
        list[str] | None, typer.Argument(metavar="[FILE]…", help="What to explain; `-` or nothing reads stdin.")
    ] = None,
    json: JsonOption = False,
    no_color: NoColorOption = False,
) -> ExitCode:
    """Explain a pasted 429: which limit, whose, how long, and whether waiting helps at all.

    Takes a body, exception text, traceback, log of any size, `curl -i`/`-v` or HAR dump, in whatever wrapping it was
    copied. Exits 0 when a limit (or healthy limit headers) was found, 1 when nothing about a limit was.
    """
    output = Output(json, no_color)
    names = files or ["-"]
    if names == ["-"] and sys.stdin.isatty():
        output.note("paste the error, then press Ctrl-D (Ctrl-Z and Return on Windows)")
    report = _read(names, meanwhile=None if json else _ready_to_draw)
    if json:
        from ratecheck.render.decode import document

        output.document(document(report))
    else:
        from ratecheck.render.decode import page

        output.page(page(report))
    return ExitCode.OK if report.found else ExitCode.ANSWER_IS_NO


def _ready_to_draw() -> None:
    """Import what draws a log's table and chart: it takes longer than drawing them."""
    # For the side effect, while another process reads.
    from rich import ansi  # noqa: F401

    from ratecheck.diagnose import readings  # noqa: F401
    from ratecheck.render import charts, decode, grids  # noqa: F401


def _read(names: list[str], meanwhile: Callable[[], object] | None) -> "DecodeReport":
    from ratecheck.decode import merged
    from ratecheck.net.logs import decode_file

    reports = []
    for name in names:
        with _opened(name) as stream:
            reports.append(decode_file(stream, source=name, meanwhile=meanwhile))
    return merged(reports)


@contextmanager
def _opened(name: str) -> Iterator[BinaryIO]:
    if name == "-":
        yield sys.stdin.buffer
        return
    try:
        stream = open(name, "rb", buffering=0)  # noqa: SIM115  # closed below; the error of opening is told apart
    except IsADirectoryError:
        raise UsageError(
            f"{name} is a directory", "name a file in it, or pipe several into `ratecheck decode`"
        ) from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "not a file name"
        raise UsageError(f"cannot read {name}: {reason}") from None
    with stream:
        yield stream
