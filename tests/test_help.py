"""What ``--help`` promises: examples that can be run as they stand, and one way of naming what an option takes."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import Ratecheck

from ratecheck.cli import COMMANDS


def help_of(command: str) -> str:
    program = Path(sys.executable).with_name("ratecheck")
    done = subprocess.run([program, command, "--help"], capture_output=True, text=True, check=True)
    return done.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_every_help_ends_in_two_examples_whose_options_exist(command: str) -> None:
    """Each example names this command, and each of its options is one that the help lists."""
    text = help_of(command)
    shown = [line for line in text.partition("Examples:")[2].splitlines() if f"ratecheck {command}" in line]
    assert len(shown) >= 2, text
    listed = set(re.findall(r"^  (?:-\w, )?(--[\w-]+)", text, re.MULTILINE))
    for line in shown:
        mine = line.partition(f"ratecheck {command}")[2].partition(" -- ")[0].partition("|")[0]
        assert set(re.findall(r"(?<=\s)--[\w-]+", mine)) <= listed, line


@pytest.mark.parametrize(
    "line",
    [
        "headers --demo --count 2 --every nan", "headers --demo --alert nan", "headers --demo --timeout nan",
        "probe --demo --yes --max-wait nan", "probe --demo --timeout nan", "serve --latency nan",
        "watch --fail-over nan -- true", "simulate --rpm 3 --every nan", "simulate --rpm 3 --cache nan",
    ],
)  # fmt: skip
def test_what_is_no_number_is_refused(ratecheck: Ratecheck, line: str) -> None:
    """``nan`` is never below a threshold nor above a bound: a pipeline's alert would never go off."""
    done = ratecheck(*line.split())
    assert (done.returncode, done.stdout) == (2, "")
    assert "nan" in done.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_an_option_says_what_it_takes_in_words_of_the_field(command: str) -> None:
    """N, S, NAME, FILE … never the name of a Python type."""
    assert not re.search(r"<(?:int|str|float|text|path)\b", help_of(command), re.IGNORECASE)
