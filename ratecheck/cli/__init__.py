"""The command line: options become one call, its report is rendered, the exit code says how it went.

Each command lives in a file of its own name and is imported only when it is asked for, so that ``--help`` and
``--version`` stay fast.
"""

import gc
import importlib
import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from ratecheck import __version__
from ratecheck.cli.exits import run, standard_streams
from ratecheck.errors import no_such

# Name and line of help of every command; the module of the same name holds it as `command`.
COMMANDS: dict[str, str] = {
    "headers": "Send one controlled probe and read every rate-limit header, or the refusal.",
    "probe": "Spend a stated budget of requests to find out how the limiter really behaves.",
    "serve": "A local provider that enforces limits and answers like the real one.",
    "simulate": "Replay calls through a client's retries against a limit, in virtual time; compare remedies.",
    "estimate": "What prompts cost: tokens, the limiter's charge, how many fit in a minute.",
    "watch": "Show the HTTP requests that an app really makes for each call.",
    "decode": "Explain a pasted 429, a traceback, a header dump or a whole log.",
    "explain": "The offline reference: finding codes, client policies, providers, and what is not verified.",
}


class _LazyGroup(TyperGroup):
    """Knows the commands' names and lines of help; imports a command's file when that command runs."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"ratecheck.cli.{cmd_name}")
        one = typer.Typer(add_completion=False, rich_markup_mode=None)
        one.command(name=cmd_name, short_help=COMMANDS[cmd_name], **getattr(module, "SETTINGS", {}))(module.command)
        built = typer.main.get_command(one)
        built.name = cmd_name
        return built

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            raise no_such("command", args[0], COMMANDS)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        if COMMANDS:
            with formatter.section("Commands"):
                formatter.write_dl(list(COMMANDS.items()))


app = typer.Typer(
    cls=_LazyGroup,
    name="ratecheck",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"ratecheck {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _root(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Find out why an LLM API answers 429."""
    if context.invoked_subcommand is None:
        print(context.get_help())


def main() -> None:
    """Run the command line and exit."""
    # What starting up makes stays to the end: looking through it for garbage, again and again as modules load, is a
    # tenth of the time that a person waits. Past the first 100,000 objects the collector works, only less often.
    gc.set_threshold(100_000, 20, 20)
    standard_streams()
    code = run(app)
    # The end of the program frees all memory at once: no last look for garbage, a tenth of a short run's time.
    gc.freeze()
    sys.exit(code)
