"""``ratecheck explain``: the offline reference."""

from typing import Annotated

import typer

from ratecheck.cli.options import examples, explained
from ratecheck.cli.output import JsonOption, NoColorOption, Output
from ratecheck.errors import ExitCode

SETTINGS = {
    "epilog": examples(
        ("ratecheck explain RC301", "what a finding means, how to tell, what to do"),
        ("ratecheck explain openai-python@1.109.1", "what that version does with a 429, and the line that stops it"),
        ("ratecheck explain unverified", "every fact that rests on a page nobody has confirmed"),
    )
}


def command(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="[NAME]",
            autocompletion=explained,
            help="A finding code, client policy, provider, account or charging rule; nothing lists them all.",
        ),
    ] = None,
    json: JsonOption = False,
    no_color: NoColorOption = False,
) -> ExitCode:
    """Say what ratecheck knows about a name, from where and since when. Works offline, from its own tables.

    A provider is known by name or address, a client by policy, package or NAME@VERSION.
    """
    from ratecheck.explain import explain
    from ratecheck.render import explain as render

    output = Output(json, no_color)
    entries = explain(name)
    if json:
        output.document(render.document(name, entries))
    else:
        for number, page in enumerate(render.pages(entries)):
            if number:
                print()
            output.page(page)
    return ExitCode.OK
