"""Fixtures that every test file may use."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

# A busy machine is no broken promise: how long one example takes is not what the properties are about.
settings.register_profile("ratecheck", deadline=None)
settings.load_profile("ratecheck")

# A test run in the background of a script inherits that Ctrl-C is ignored, and so would the programs under test.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"

Ratecheck = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def shared() -> Path:
    """Return the folder of recorded evidence; the test is skipped where it is absent."""
    if not (SHARED / "corpus").is_dir():
        pytest.skip("../shared is not here: tests over the recorded evidence are left out")
    return SHARED


@pytest.fixture
def ratecheck(tmp_path: Path) -> Ratecheck:
    """Run the program as a real process with an environment that holds no keys; returns the finished process."""

    def run(*arguments: str, stdin: str = "", env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        clean = {key: value for key, value in os.environ.items() if key in ("PATH", "LANG", "SYSTEMROOT", "TMPDIR")}
        clean |= {"HOME": str(tmp_path), "PYTHONUTF8": "1", **(env or {})}
        return subprocess.run(
            [sys.executable, "-m", "ratecheck", *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            encoding="utf-8",
            env=clean,
            timeout=120,
            check=False,
        )

    return run
