"""The README's console blocks are real: each is run, and what it shows is what comes out.

``RATECHECK_UPDATE=1 python -m pytest tests/test_readme.py`` writes them anew. A last line ``…`` leaves the rest out;
the number of lines before it is kept (at first: SHOWN).
"""

import os
import re
import signal
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


SERVE = re.compile(r"(<!-- tests/test_readme.py makes this block[^\n]*\n```text\n)(?P<shown>.*?)```", re.DOTALL)
# What differs from run to run: times, and the version of the SDK that is installed.
VARYING = re.compile(r"[\d.,]+ (?:ms|s|min|h|days?)\b|(?<=openai-python )[\d.]+\d")
ASK = """
import openai
client = openai.OpenAI(max_retries=0)
for number in range(5):
    try:
        client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": f"Question {number}"}])
    except openai.RateLimitError:
        pass
"""


def test_what_the_readme_shows_of_serve_is_what_it_reports(tmp_path: Path) -> None:
    """Five calls of the real SDK against a served free account, then Ctrl-C; only times may differ."""
    env = {"PATH": os.environ.get("PATH", ""), "HOME": str(tmp_path), "COLUMNS": "100", "PYTHONUTF8": "1"}
    served = subprocess.Popen(
        [sys.executable, "-m", "ratecheck", "serve", "--profile", "openai-free", "--port", "0", "--quiet"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, encoding="utf-8", env=env,
    )  # fmt: skip
    assert served.stdout is not None
    try:
        url = served.stdout.readline().strip()
        asking = env | {"OPENAI_BASE_URL": url, "OPENAI_API_KEY": "sk-any-key-will-do-here"}
        subprocess.run([sys.executable, "-c", ASK], env=asking, check=True, timeout=60)
        served.send_signal(signal.SIGINT)
        report, _ = served.communicate(timeout=30)
    finally:
        served.kill()
        served.wait()
    report = report.strip("\n").partition("\nLeast that was left")[0]
    text = README.read_text("utf-8")
    found = SERVE.search(text)
    assert found is not None
    if os.environ.get("RATECHECK_UPDATE"):
        start, end = found.span("shown")
        README.write_text(f"{text[:start]}{report.rstrip()}\n…\n{text[end:]}", "utf-8")
        return
    wanted = found["shown"].removesuffix("…\n").rstrip()
    assert VARYING.sub("#", report.rstrip()) == VARYING.sub("#", wanted)
