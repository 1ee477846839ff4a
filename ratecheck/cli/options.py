"""What several commands have in common on the command line: the options for limits, and how help shows examples."""

import math
from collections.abc import Callable, Iterable
from typing import Annotated

import typer

# Past this a number is a slip of the keyboard.
_LARGEST = 10**12


def _sane(amount: int | None) -> int | None:
    if amount is not None and amount > _LARGEST:
        raise typer.BadParameter(f"{amount} is more than any limit there is")
    return amount


def a_number(value: float | None) -> float | None:
    """Refuse ``nan``: it compares false with every bound, so a range lets it through and nothing is ever below it."""
    if value is not None and math.isnan(value):
        raise typer.BadParameter("nan is not a number")
    return value


def _completing(known: Callable[[], Iterable[str]]) -> Callable[[str], list[str]]:
    """Complete names for the shell out of a table, which is imported only then."""

    def complete(incomplete: str) -> list[str]:
        return [name for name in known() if name.startswith(incomplete)]

    return complete


@_completing
def providers() -> Iterable[str]:
    from ratecheck.dialects import ALL

    return ALL


@_completing
def accounts() -> Iterable[str]:
    from ratecheck.provider import profiles

    return profiles()


@_completing
def policies() -> Iterable[str]:
    from ratecheck.retry import ALL

    return ALL


@_completing
def limiters() -> Iterable[str]:
    from ratecheck.limiters import ALGORITHMS

    return ALGORITHMS


@_completing
def explained() -> Iterable[str]:
    from ratecheck.explain import names

    return names()


RpmOption = Annotated[
    int | None, typer.Option("--rpm", metavar="N", min=0, callback=_sane, help="Requests a minute that are allowed.")
]
TpmOption = Annotated[
    int | None, typer.Option("--tpm", metavar="N", min=0, callback=_sane, help="Tokens a minute that are allowed.")
]
RpdOption = Annotated[
    int | None, typer.Option("--rpd", metavar="N", min=0, callback=_sane, help="Requests a day that are allowed.")
]
LimitsOption = Annotated[
    str | None,
    typer.Option(
        "--limits", metavar="FILE", help="Limits as `headers --json` or `probe --json` printed them; - is stdin."
    ),
]
LimiterOption = Annotated[
    str | None,
    typer.Option(
        "--limiter",
        metavar="NAME",
        autocompletion=limiters,
        help="How limits are enforced: token_bucket, fixed_window, sliding_log, sliding_counter, leaky_bucket, gcra …",
    ),
]
FaultOption = Annotated[
    list[str] | None,
    typer.Option(
        "--fault",
        metavar="WHEN=WHAT",
        help="Break on purpose: first=500,timeout or 0.05=drop or always=429+retry-after:1; repeatable.",
    ),
]


def examples(*shown: tuple[str, str], more: str = "") -> str:
    """Return the end of a command's help: each example with what it shows, and ``more`` below, line for line."""
    lines = [line for command, says in shown for line in (f"  {command}", f"      {says}")]
    # \b keeps the lines of a paragraph as they are.
    return "\n".join(["\b", "Examples:", *lines]) + (f"\n\n\b\n{more}" if more else "")
