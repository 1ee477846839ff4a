"""``ratecheck serve``: a local provider that enforces limits and answers like the real one."""

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ratecheck.cli.options import (
    FaultOption,
    LimiterOption,
    RpdOption,
    RpmOption,
    TpmOption,
    a_number,
    accounts,
    examples,
    providers,
)
from ratecheck.cli.output import JsonOption, NoColorOption, Output
from ratecheck.errors import ExitCode

if TYPE_CHECKING:
    from ratecheck.provider import Profile

_PROFILE_FILE = """A profile file (--profile mine.toml):
  base = "openai-tier1"     # or: dialect = "groq"
  rpm = 60
  tpd = 100000
  [[limits]]                # anything that has no short name
  dimension = "requests"
  amount = 5
  window_s = 1
  algorithm = "sliding_log\""""

SETTINGS: dict[str, Any] = {
    "epilog": examples(
        ("ratecheck serve --profile openai-free", "three requests a minute; point OPENAI_BASE_URL at the printed URL"),
        ("ratecheck serve --provider anthropic --rpm 5 --fault first=529,timeout --latency 2",
         "five requests a minute; the first call meets an overload, then a timeout"),
        more=_PROFILE_FILE,
    )
}  # fmt: skip

_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def command(
    host: Annotated[str, typer.Option(metavar="ADDRESS", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(metavar="N", min=0, max=65535, help="Port; 0 takes a free one.")] = 8429,
    provider: Annotated[
        str | None, typer.Option(metavar="NAME", autocompletion=providers, help="Whose words to answer in.")
    ] = None,
    profile: Annotated[
        str | None,
        typer.Option(metavar="NAME|FILE", autocompletion=accounts, help="An account to imitate, or a TOML file."),
    ] = None,
    rpm: RpmOption = None,
    tpm: TpmOption = None,
    rpd: RpdOption = None,
    limiter: LimiterOption = None,
    shared_by: Annotated[
        str, typer.Option(metavar="key|org", help="Limits for each key, or one set for the organisation.")
    ] = "key",
    latency: Annotated[
        float, typer.Option(metavar="S", min=0, max=3600, callback=a_number, help="Seconds that an answer takes.")
    ] = 0.0,
    fault: FaultOption = None,
    record: Annotated[str | None, typer.Option(metavar="FILE", help="Append one request a line (JSON).")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="No line on stderr for each request.")] = False,
    json: JsonOption = False,
    no_color: NoColorOption = False,
) -> ExitCode:
    """Enforce limits and answer like the real provider, until Ctrl-C."""
    from ratecheck.durations import ns_from_s
    from ratecheck.provider import Provider, faults
    from ratecheck.provider.faults import Script

    output = Output(json, no_color)
    chosen = _profile(provider, profile, limiter, {"rpm": rpm, "tpm": tpm, "rpd": rpd})
    script = Script(tuple(faults.parse(text) for text in fault)) if fault else None
    from datetime import UTC, datetime

    # The emulator's instants are wall time that never jumps: windows start on the full minute, dates are true.
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    imitated = Provider(chosen, shared_by=shared_by, latency_ns=ns_from_s(latency), epoch=epoch)
    return _run(imitated, script, host, port, record, output, quiet=quiet)


def _profile(
    provider: str | None, profile: str | None, limiter: str | None, limits: dict[str, int | None]
) -> "Profile":
    from dataclasses import replace

    from ratecheck import dialects
    from ratecheck import provider as providers

    stated = {name: amount for name, amount in limits.items() if amount is not None}
    if provider is not None:
        dialects.known(provider)
    if profile is not None:
        chosen = _load(profile)
        if provider is not None:
            chosen = replace(chosen, dialect=provider)
    else:
        chosen = providers.of_dialect(provider or "openai") or replace(
            providers.get("openai-tier1"), name=provider or "", dialect=provider or "", title=provider or ""
        )
        if stated:
            # Only what was asked for: limits that nobody named must not refuse anybody.
            row = dialects.get(chosen.dialect)
            # The words and headers are the provider's; the limits have no source but the command line.
            chosen = replace(
                chosen, limits=(), title=row.title if row else "An API", name="limits as stated",
                source=row.sources[0] if row and row.sources else chosen.source,
            )  # fmt: skip
    for name, amount in stated.items():
        chosen = chosen.with_limit(name, amount)
    return chosen.enforced_by(limiter) if limiter is not None else chosen


def _load(name: str) -> "Profile":
    from pathlib import Path

    from ratecheck import provider as providers
    from ratecheck.net.files import read_text

    if not name.endswith(".toml") and name != "-":
        return providers.get(name)
    text = read_text(name, "--profile")
    return providers.load(text, "stdin" if name == "-" else Path(name).name)


def _run(
    imitated: Any, script: Any, host: str, port: int, record: str | None, output: Output, *, quiet: bool
) -> ExitCode:
    from contextlib import ExitStack

    from ratecheck.net import clock, recording, server
    from ratecheck.net.emulator import Emulator
    from ratecheck.net.recorder import Recorder
    from ratecheck.render import serve as rendered
    from ratecheck.serve import Session

    now_ns = clock.wall_clock()
    started_ns = now_ns()
    listener = server.listen(host, port)
    with ExitStack() as stack:
        stack.callback(listener.close)
        recorder = stack.enter_context(Recorder(record, append=True)) if record is not None else None
        session = Session(imitated.profile, charges_refusals=imitated.charges_refusals, started_ns=started_ns)
        witness = recording.Witness(
            session,
            imitated,
            started_ns,
            say=None if quiet else lambda line: print(line, file=sys.stderr),
            write=recording.writer(recorder, started_ns) if recorder is not None else None,
        )
        emulator = Emulator(imitated, now_ns, script=script, observer=witness)
        if host not in _LOOPBACK:
            output.note(f"warning: {host} lets other machines in; anyone who reaches this port can use it")
        server.run(emulator, listener, lambda: _announce(imitated.profile, server.base_url(listener), output, quiet))
        if sys.stderr.isatty():
            # The terminal has just shown "^C"; the report begins on a line of its own.
            print(file=sys.stderr)
        if emulator.trouble is not None:
            output.note(f"a bug in ratecheck met a request: {type(emulator.trouble).__name__}; please report it")
        if recorder is not None and (complaint := recorder.complaint()):
            output.note(complaint)
        output.page(rendered.page(session.report(now_ns())), sys.stderr if output.json else sys.stdout)
    return ExitCode.OK


def _announce(profile: "Profile", url: str, output: Output, quiet: bool) -> None:
    if output.json:
        output.document({"schema": "ratecheck.serve/1", "url": f"{url}/v1"})
    else:
        print(f"{url}/v1")
    sys.stdout.flush()
    if not quiet:
        from ratecheck.wording import algorithm_name

        limits = ", ".join(
            f"{rule.limit.amount:,} {rule.name} ({algorithm_name(rule.algorithm)})" for rule in profile.limits
        )
        output.note(f"{profile.title}: {limits}; Ctrl-C ends it and tells how your client did")
