"""Where output goes and how it looks: decided once from the options, the environment and the terminal."""

import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

if TYPE_CHECKING:
    from ratecheck.render.page import Page, Style

JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout; all else to stderr.")]
NoColorOption = Annotated[bool, typer.Option("--no-color", help="No colour codes (also: NO_COLOR, or a pipe).")]

_PIPE_WIDTH = 80


@dataclass(frozen=True, slots=True)
class Output:
    """The two streams of a command: data on stdout, everything else on stderr."""

    json: bool
    no_color: bool

    @staticmethod
    def moves(stream: TextIO) -> bool:
        """Say whether a cursor can be moved there: a terminal, and none that shows codes as they are."""
        return stream.isatty() and os.environ.get("TERM") != "dumb"

    def style(self, stream: TextIO | None = None) -> "Style":
        """Return what stdout, or another stream, can show."""
        from ratecheck.render.page import Style

        stream = stream or sys.stdout
        tty = stream.isatty()
        wanted = int(os.environ.get("COLUMNS", "0") or 0) if os.environ.get("COLUMNS", "").isdigit() else 0
        width = wanted or (shutil.get_terminal_size((_PIPE_WIDTH, 24)).columns if tty else _PIPE_WIDTH)
        encoding = (getattr(stream, "encoding", None) or "ascii").lower().replace("-", "")
        return Style(
            width=max(width, 20),
            color=self.moves(stream) and not self.no_color and not os.environ.get("NO_COLOR"),
            unicode=encoding.startswith("utf"),
        )

    def page(self, page: "Page", stream: TextIO | None = None) -> None:
        """Print a page to stdout, or to stderr where stdout belongs to another program."""
        from ratecheck.render.page import render

        stream = stream or sys.stdout
        stream.write(render(page, self.style(stream)))

    def document(self, document: Mapping[str, Any]) -> None:
        """Print the one JSON document to stdout."""
        from ratecheck.render.as_json import dumps

        sys.stdout.write(dumps(document) + "\n")

    def note(self, line: str) -> None:
        """Print a line for a person to stderr, neutralised; on a terminal it breaks between words."""
        from ratecheck.redact import neutralise

        line = neutralise(line)
        if sys.stderr.isatty():
            import textwrap

            width = self.style(sys.stderr).width
            line = textwrap.fill(line, width, break_long_words=False, break_on_hyphens=False)
        print(line, file=sys.stderr, flush=True)
