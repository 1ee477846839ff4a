"""The README's console blocks are real: each is run, and what it shows is what comes out.

``RATECHECK_UPDATE=1 python -m pytest tests/test_readme.py`` writes them anew. A last line ``…`` leaves the rest out;
the number of lines before it is kept (at first: SHOWN).
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT

README = ROOT / "README.md"
BLOCK = re.compile(r"```console\n\$ (?P<command>[^\n]+)\n(?P<shown>.*?)```", re.DOTALL)
SHOWN = 12


def blocks() -> list[tuple[str, str]]:
    return [(found["command"], found["shown"]) for found in BLOCK.finditer(README.read_text("utf-8"))]


def run(command: str, home: Path) -> list[str]:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    env = {"PATH": path, "HOME": str(home), "COLUMNS": "100", "PYTHONUTF8": "1", "TZ": "UTC"}
    done = subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, encoding="utf-8", env=env, check=False
    )
    assert not done.stderr, done.stderr
    return done.stdout.rstrip("\n").split("\n")


@pytest.mark.parametrize(("command", "shown"), blocks(), ids=[command[:60] for command, _ in blocks()])
def test_what_the_readme_shows_is_what_comes_out(command: str, shown: str, tmp_path: Path) -> None:
    """Run the command as a reader would and compare."""
    lines = run(command, tmp_path)
    elided = shown.rstrip("\n").endswith("…")
    wanted = shown.rstrip("\n").split("\n")[: -1 if elided else None]
    if os.environ.get("RATECHECK_UPDATE"):
        kept = lines[: len(wanted) or SHOWN] if elided else lines
        new = "\n".join([*kept, "…"] if elided else kept) + "\n"
        text = README.read_text("utf-8")
        README.write_text(text.replace(f"$ {command}\n{shown}", f"$ {command}\n{new}"), "utf-8")
        return
    assert lines[: len(wanted)] == wanted
    assert elided or len(lines) == len(wanted)
