"""Every way to end has its exit code, one clear line, and never a traceback."""

import pytest
import typer
from conftest import Ratecheck

from ratecheck.cli.exits import run
from ratecheck.errors import CredentialsError, ExitCode, UnreachableError, UsageError


def program(error: BaseException | int | None) -> typer.Typer:
    app = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False)

    @app.command()
    def command() -> int | None:
        if isinstance(error, BaseException):
            raise error
        return error

    return app


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (None, ExitCode.OK),
        (ExitCode.ANSWER_IS_NO, ExitCode.ANSWER_IS_NO),
        (UsageError("no"), ExitCode.USAGE),
        (UnreachableError("gone"), ExitCode.UNREACHABLE),
        (CredentialsError("who"), ExitCode.CREDENTIALS),
        (KeyboardInterrupt(), ExitCode.INTERRUPTED),
        (ZeroDivisionError("sk-thiskeymustnotbeshown1234"), ExitCode.BUG),
    ],
)
def test_outcomes_have_their_exit_code(
    error: BaseException | int | None,
    code: ExitCode,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """One outcome, one code; what is said is at most two lines and holds no key."""
    monkeypatch.setattr("sys.argv", ["ratecheck"])
    assert run(program(error)) == code
    said = capsys.readouterr().err
    assert "Traceback" not in said
    assert "mustnotbeshown" not in said
    assert len(said.splitlines()) <= 2


def test_an_unknown_command_is_wrong_usage(ratecheck: Ratecheck) -> None:
    """Exit 2, one line that names it, one that says where to look."""
    done = ratecheck("headrs")
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert "headrs" in done.stderr
    assert not done.stdout
