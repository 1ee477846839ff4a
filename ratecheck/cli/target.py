"""What ``headers`` and ``probe`` share: the options that say where to send and as whom, and who then answers."""

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from ratecheck.cli.options import a_number, providers

if TYPE_CHECKING:
    from ratecheck.headers import Target
    from ratecheck.model import Ask, Exchange
    from ratecheck.net.credentials import Wishes

DEFAULT_DEMO = "openai-tier1"

ProviderOption = Annotated[
    str | None,
    typer.Option(
        "--provider",
        metavar="NAME",
        autocompletion=providers,
        help="openai, azure, anthropic, groq, mistral, … (default: told from URL and keys).",
    ),
]
BaseUrlOption = Annotated[
    str | None, typer.Option("--base-url", metavar="URL", help="Where the API is; any OpenAI-compatible address works.")
]
ModelOption = Annotated[
    str | None, typer.Option("--model", metavar="NAME", help="Model or deployment (default: a small one, where known).")
]
EndpointOption = Annotated[
    str | None,
    typer.Option("--endpoint", metavar="KIND", help="chat, responses, embeddings, messages or generateContent."),
]
KeyEnvOption = Annotated[
    str | None,
    typer.Option("--api-key-env", metavar="NAME", help="Environment variable with the key (default: the SDK's own)."),
]
ApiVersionOption = Annotated[
    str | None, typer.Option("--api-version", metavar="V", help="Azure's api-version (default: OPENAI_API_VERSION).")
]
TimeoutOption = Annotated[
    float,
    typer.Option(
        "--timeout", metavar="S", min=0.1, max=3600, callback=a_number, help="Seconds for one whole request and answer."
    ),
]
NoKeyOption = Annotated[bool, typer.Option("--no-key", help="Send no key: for a local server.")]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Print the request that would be sent; send nothing.")]
DemoOption = Annotated[
    str | None,
    typer.Option(
        "--demo",
        metavar="[PROFILE]",
        help=f"Probe an emulated account in this process (default {DEFAULT_DEMO}): no key, no network.",
    ),
]


class DemoCommand(TyperCommand):
    """A command whose ``--demo`` takes a profile or nothing."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the default profile behind a ``--demo`` that stands alone."""
        filled: list[str] = []
        for index, word in enumerate(args):
            filled.append(word)
            if word == "--demo" and (index + 1 == len(args) or args[index + 1].startswith("-")):
                filled.append(DEFAULT_DEMO)
        return super().parse_args(ctx, filled)


def who_answers(
    wishes: "Wishes", *, demo: str | None, dry_run: bool, timeout_s: float
) -> "tuple[Target, Callable[[Ask], Exchange], Callable[[], None]]":
    """Return the target, what sends an ask to it, and what to call at the end."""
    if demo is not None:
        from ratecheck.net.demo import Demo

        account = Demo(demo, wishes.model)
        return account.target, account.send, lambda: None
    from ratecheck.net.credentials import target_from

    target = target_from(wishes, os.environ)
    if dry_run:
        return target, _sends_nothing, lambda: None
    from ratecheck.net.probe import Prober

    prober = Prober(target, timeout_s=timeout_s)
    return target, prober.send, prober.close


def _sends_nothing(ask: "Ask") -> "Exchange":
    raise AssertionError("a dry run sends nothing")
