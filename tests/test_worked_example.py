"""The README's worked example, followed to the letter in a copy of the package: a row a table, and all know it."""

import json
import re
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT

SECTION = (ROOT / "README.md").read_text("utf-8").split("## Add a provider or an SDK\n")[1].split("\n## ")[0]
ROWS = re.findall(r"```python\n# (?:at the end|in (\w+)) of (\S+)\n(.*?)```", SECTION, re.DOTALL)
COMMANDS = re.findall(r"```sh\n(.*?)```", SECTION, re.DOTALL)[0].strip().split("\n")


def with_row(source: str, table: str, row: str) -> str:
    """Put a row at the end of a table, or at the end of the file where no table is named."""
    if not table:
        return source + "\n" + row
    start = re.search(rf"^{table}\b[^=\n]* = \(\n", source, re.MULTILINE)
    assert start is not None, table
    end = source.index("\n)", start.end()) + 1
    return source[:end] + row + source[end:]


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a copy of the package in which every block of the example stands where it says."""
    home = tmp_path_factory.mktemp("acme")
    shutil.copytree(ROOT / "ratecheck", home / "ratecheck", ignore=shutil.ignore_patterns("__pycache__"))
    (home / "README.md").write_text("A prompt like any other.", "utf-8")
    for table, file, row in ROWS:
        path = home / file
        path.write_text(with_row(path.read_text("utf-8"), table, row), "utf-8")
    return home


def environment(home: Path) -> dict[str, str]:
    # The copy comes before the installed package.
    return {"PATH": "/usr/bin:/bin", "HOME": str(home), "PYTHONUTF8": "1", "PYTHONPATH": str(home), "COLUMNS": "100"}


def run(home: Path, line: str) -> str:
    line = line.replace("ratecheck ", f"{sys.executable} -m ratecheck ", 1) if line.startswith("ratecheck") else (
        line.replace("| ratecheck ", f"| {sys.executable} -m ratecheck ")
    )  # fmt: skip
    done = subprocess.run(
        ["bash", "-c", line], cwd=home, env=environment(home), capture_output=True, text=True, encoding="utf-8",
        timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{line}\n{done.stderr}"
    return done.stdout


def document(home: Path, line: str) -> Any:
    return json.loads(run(home, f"{line} --json"))


def test_each_table_takes_one_row() -> None:
    """The example names every file once: one place a table."""
    files = [file for _, file, _ in ROWS]
    assert len(files) == len(set(files)) == 6
    assert len(COMMANDS) == 8


@pytest.mark.parametrize("line", [line for line in COMMANDS if " serve " not in line])
def test_every_command_of_the_example_runs(copy: Path, line: str) -> None:
    """As it stands, and it speaks of the new rows."""
    assert "acme" in run(copy, line).lower()


def test_explain_knows_the_provider(copy: Path) -> None:
    """Headers, window, charging, trap and doubt all come out of the rows."""
    (entry,) = document(copy, "ratecheck explain api.acme.example")["entries"]
    assert entry["provider"] == "acme"
    assert {each["header"] for each in entry["headers"]} >= {"x-acme-limit-requests", "x-acme-reset-tokens"}
    assert [rule["charging"] for rule in entry["charging"]] == ["acme"]
    assert {"RC101", "RC506", "RC507"} <= {trap["code"] for trap in entry["traps"]}
    doubtful = document(copy, "ratecheck explain unverified")["entries"][0]["facts"]
    assert {each["table"] for each in doubtful if each["name"].startswith("acme")} == {
        "providers", "addresses", "charging rules", "client policies", "user agents", "refusals",
    }  # fmt: skip


def test_decode_reads_its_headers_and_its_sentence(copy: Path) -> None:
    """Told from the signature in one, from the words in the other."""
    for line in [each for each in COMMANDS if "decode" in each]:
        (found,) = document(copy, line)["findings"]
        assert (found["provider"], found["dimension"], found["window_s"]) == ("acme", "requests", 60.0)
        assert found["limit"] == 40


def test_its_sdk_is_known_by_package_and_user_agent(copy: Path) -> None:
    """Four retries: up to five requests; 90 s are waited, 91 s are not."""
    (entry,) = document(copy, "ratecheck explain acme-python@1.2")["entries"]
    assert entry["requests_at_most"] == 5
    told = {each["retry_after_s"]: each["first_wait"] for each in entry["told"]}
    assert told[90.0] == {"shortest_s": 90.0, "longest_s": 90.0}
    assert told[91.0] == {"shortest_s": 1.0, "longest_s": 2.0}
    code = "from ratecheck.clients import sender_of; print(sender_of([('user-agent', 'Acme/Python 1.4.0')]).title)"
    assert run(copy, f'{sys.executable} -c "{code}"').strip() == "acme-python 1.4.0"


def test_serve_answers_as_it_does(copy: Path) -> None:
    """Five pass, the sixth is refused, and `decode` in the same copy reads the emulator's headers back."""
    (line,) = (line for line in COMMANDS if " serve " in line)
    command = [sys.executable, "-m", *line.split(), "--port", "0", "--json", "--quiet"]
    server = subprocess.Popen(
        command, cwd=copy, env=environment(copy), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        assert server.stdout is not None
        url = json.loads(server.stdout.readline())["url"]
        seen = []
        for _ in range(6):
            body = json.dumps({"model": "acme-small", "messages": [{"role": "user", "content": "hi"}]}).encode()
            ask = urllib.request.Request(
                f"{url}/chat/completions", body, {"authorization": "Bearer x", "content-type": "application/json"}
            )
            try:
                with urllib.request.urlopen(ask, timeout=20) as answer:
                    seen.append((answer.status, dict(answer.headers)))
            except urllib.error.HTTPError as error:
                with error:  # it is an answer as well, and is to be closed as one
                    seen.append((error.code, dict(error.headers)))
    finally:
        server.terminate()
        server.communicate(timeout=20)
    assert [status for status, _ in seen] == [200] * 5 + [429]
    assert [headers["x-acme-remaining-requests"] for _, headers in seen] == ["4", "3", "2", "1", "0", "0"]
    assert int(seen[-1][1]["retry-after"]) > 0
