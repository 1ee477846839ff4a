"""Completion by the shell: it installs, and knows commands, options and the names in the tables."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(sys.executable).with_name("ratecheck")


def completed(words: str) -> list[str]:
    env = os.environ | {
        "COMP_WORDS": words,
        "COMP_CWORD": str(words.count(" ")),
        "_RATECHECK_COMPLETE": "complete_bash",
    }
    done = subprocess.run([PROGRAM], env=env, capture_output=True, text=True, check=False)
    return done.stdout.split()


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ("ratecheck si", ["simulate"]),
        ("ratecheck serve --qu", ["--quiet"]),
        ("ratecheck explain RC30", [f"RC30{digit}" for digit in range(1, 8)]),
        ("ratecheck explain open", ["openrouter", "opencode", "openai-node", "openai"]),
        ("ratecheck simulate --policy anthropic-", ["anthropic-python", "anthropic-node"]),
        ("ratecheck simulate --limiter sliding", ["sliding_log", "sliding_counter"]),
        ("ratecheck serve --profile groq", ["groq-free"]),
        ("ratecheck headers --provider mi", ["mistral", "minimax"]),
    ],
)
def test_the_shell_completes_what_the_tables_know(words: str, names: list[str]) -> None:
    """Names come out of the tables themselves."""
    assert set(names) <= set(completed(words))


def test_completion_installs(tmp_path: Path) -> None:
    """One file for bash, and the line that reads it."""
    env = {"HOME": str(tmp_path), "PATH": os.environ.get("PATH", ""), "SHELL": "/bin/bash"}
    subprocess.run([PROGRAM, "--install-completion", "bash"], env=env, check=True, capture_output=True)
    assert "ratecheck" in (tmp_path / ".bash_completions" / "ratecheck.sh").read_text("utf-8")
    assert ".bash_completions/ratecheck.sh" in (tmp_path / ".bashrc").read_text("utf-8")
