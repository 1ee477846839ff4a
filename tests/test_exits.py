"""Every way to end has its exit code, one clear line, and never a traceback."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

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


def in_a_shell(line: str, home: Path) -> subprocess.CompletedProcess[str]:
    """Run a line of bash in which ``ratecheck`` is this program."""
    program = f'ratecheck() {{ {shlex.quote(sys.executable)} -m ratecheck "$@"; }}\n'
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "PYTHONUTF8": "1"}
    return subprocess.run(
        ["bash", "-c", program + line], capture_output=True, text=True, encoding="utf-8", env=environment, timeout=60,
        check=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("line", "code", "says"),
    [
        ("ratecheck headers --demo <&-", 0, "requests: 499 of 500"),
        ("ratecheck headers --demo >&-", 0, ""),
        ("ratecheck headers --demo 2>&-", 0, "requests: 499 of 500"),
        ("ratecheck explain RC301 <&- 2>&-", 0, "RC301"),
        ("ratecheck simulate --limits - <&-", 2, ""),
        ("ratecheck watch -- cat <&-", 0, ""),
        ("ratecheck headers --demo --alert 100 --json >&-", 1, ""),
        ("ratecheck explain nothing 2>/dev/full", 2, ""),
    ],
)
def test_a_stream_that_the_caller_closed_changes_nothing_else(line: str, code: int, says: str, tmp_path: Path) -> None:
    """Service managers and scripts close streams: the exit code is the command's own, and nothing is called a bug."""
    done = in_a_shell(line, tmp_path)
    assert done.returncode == code, done.stderr
    assert says in done.stdout
    assert "bug" not in done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a full disk needs /dev/full")
@pytest.mark.parametrize(
    "command", ["headers --demo", "headers --demo --json", "simulate --rpm 3 --json", "explain", "--help", "--version"]
)
def test_a_full_disk_is_said_and_is_no_bug(command: str, tmp_path: Path) -> None:
    """Exit 2, what happened and a hint; nothing more from Python while it exits."""
    done = in_a_shell(f"ratecheck {command} >/dev/full", tmp_path)
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        "error: the output cannot be written: no space left on device", "hint: is the disk full?"
    ]  # fmt: skip


@pytest.mark.parametrize(("options", "code"), [("", 0), ("--alert 100", 1)])
def test_a_reader_that_left_does_not_change_the_answer(options: str, code: int, tmp_path: Path) -> None:
    """`| head` may be gone before the page comes: what was found out stays found out."""
    done = in_a_shell(f"ratecheck headers --demo --json {options} | true; echo ${{PIPESTATUS[0]}}", tmp_path)
    assert (done.stdout, done.stderr) == (f"{code}\n", "")


def test_ctrl_c_while_the_program_loads_is_no_traceback() -> None:
    """The first tenth of a second is loading; the exit code is that of any Ctrl-C."""
    code = (
        "import sys\n"
        "class Interrupted:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'ratecheck.cli': raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Interrupted())\n"
        "from ratecheck.__main__ import main\n"
        "main()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")
