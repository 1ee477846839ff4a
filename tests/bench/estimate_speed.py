"""How fast `estimate` counts beside a plain tiktoken script: ratios of one run, and the largest memory of each process.

Run: python tests/bench/estimate_speed.py [share of the full size, 0.1 for a quick look]

ratecheck counts with two processes, the script with one: the clock's ratio holds for a machine with a free second core,
the processor's ratio for one without. The memory is that of the larger process.

The inputs (100,000 chat requests with a repeated system prompt, 186 MB; texts of 50 MB) are made in a temporary folder
and deleted. Every figure is compared with tiktoken's before a ratio is printed.
"""

import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from ratecheck.net import vocabulary

ENCODING = "o200k_base"

# What anyone would write.
DIRECT_LINES = """
import json, sys, tiktoken
encoding = tiktoken.get_encoding("o200k_base")
total = 0
for line in open(sys.argv[1]):
    request = json.loads(line)
    for message in request["messages"]:
        for text in (message["role"], message["content"]):
            total += len(encoding.encode(text, disallowed_special=()))
        total += 3
    total += 3
print(total)
"""
DIRECT_TEXT = """
import sys, tiktoken
encoding = tiktoken.get_encoding("o200k_base")
print(len(encoding.encode(open(sys.argv[1]).read(), disallowed_special=())))
"""
# A module that is None in sys.modules cannot be imported: the extra is as good as not installed.
OURS = "import sys; sys.modules.update(dict.fromkeys({without})); from ratecheck.__main__ import main; main()"


def run(code: str, *arguments: str, env: dict[str, str]) -> tuple[float, float, float, str, int]:
    """Return seconds, processor seconds, megabytes at most, stdout and exit code of a Python process."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as errors:
        begun = time.perf_counter()
        child = subprocess.Popen([sys.executable, "-c", code, *arguments], stdout=out, stderr=errors, env=env)
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        took = time.perf_counter() - begun
        out.seek(0)
        return took, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, out.read(), child.returncode


def words(rng: random.Random, chars: int) -> str:
    """Make text like that of real prompts: this library's own sources and documents, in random order."""
    return "".join(rng.choices(_LINES, k=chars // 40 + 1))[:chars]


_LINES = [
    line + "\n"
    for path in sorted(Path(os.__file__).parent.glob("*.py"))
    for line in path.read_text("utf-8", "replace").splitlines()
    if line.strip()
]


def make_lines(path: Path, number: int) -> None:
    """Write requests: one system prompt of 1,500 characters in each, and a message of its own of about 210."""
    rng = random.Random(7)
    system = words(rng, 1500)
    with path.open("w") as file:
        for _ in range(number):
            asked = words(rng, rng.randint(60, 360))
            messages = [{"role": "system", "content": system}, {"role": "user", "content": asked}]
            file.write(json.dumps({"model": "gpt-4o", "messages": messages}) + "\n")


def make_text(path: Path, kind: str, chars: int) -> None:
    """Write one text, a little at a time: a child's largest memory counts that of the parent it was forked from."""
    rng = random.Random(11)
    with path.open("w") as file:
        for left in range(chars, 0, -100_000):
            part = " " * 100_000 if kind == "blanks only" else "a" * 100_000
            if kind in ("one text", "no line break"):
                part = words(rng, 100_000)
            file.write(part.replace("\n", " ")[:left] if kind == "no line break" else part[:left])


def tokens(out: str, key: str) -> int | None:
    """Take the figure out of what we printed."""
    if key == "total":
        said = re.search(r"exactly ([\d,]+) prompt tokens", " ".join(out.split()))
        return int(said[1].replace(",", "")) if said else None
    return int(json.loads(out)["prompts"][0]["text_tokens"])


def compare(title: str, direct: str, path: Path, key: str, env: dict[str, str], rounds: int) -> None:
    """Run all three in turn, some times over, and print the medians' ratios."""
    found: dict[str, list[tuple[float, float, float]]] = {"tiktoken": [], "ratecheck": [], "ratecheck[fast]": []}
    figures: dict[str, Any] = {}
    codes = {
        "tiktoken": direct,
        "ratecheck": OURS.format(without=["toktok", "orjson"]),
        "ratecheck[fast]": OURS.format(without=[]),
    }
    for _ in range(rounds):
        for name, code in codes.items():
            ours = () if name == "tiktoken" else ("estimate",) if key == "total" else ("estimate", "--json")
            took, cpu, most, out, left = run(code, *ours, str(path), env=env)
            found[name].append((took, cpu, most))
            if left == 0:
                figures[name] = int(out) if name == "tiktoken" else tokens(out, key)
            else:
                figures[name] = f"exit {left}"
    base = sorted(found["tiktoken"])[rounds // 2]
    print(f"\n{title}, {path.stat().st_size / 1e6:,.0f} MB; medians of {rounds}")
    for name, runs in found.items():
        took, cpu, most = sorted(runs)[rounds // 2]
        spread = f"{min(runs)[0]:.2f}-{max(runs)[0]:.2f}"
        same = "" if figures[name] == figures["tiktoken"] else "  DIFFERS"
        print(f"  {name:16}{took:7.2f} s ({spread:>12})  x {base[0] / took:5.2f}", end="")
        print(f"   processor {cpu:6.2f} s  x {base[1] / cpu:5.2f}", end="")
        print(f"   {most:6.0f} MB ({most / base[2]:.0%})   {figures[name]} tokens{same}", flush=True)


def main() -> None:
    """Make the inputs, run, delete."""
    share = float(sys.argv[1]) if len(sys.argv) > 1 else 1.0
    rounds = 3 if share < 1 else 1
    with tempfile.TemporaryDirectory(prefix="ratecheck-bench-") as folder:
        cache = Path(folder, "theirs")
        cache.mkdir()
        raw = vocabulary.find(ENCODING)
        assert raw is not None
        (cache / vocabulary.VOCABULARIES[ENCODING].cache_name).write_bytes(raw)
        env = os.environ | {"TIKTOKEN_CACHE_DIR": str(cache)}
        path = Path(folder, "batch.jsonl")
        make_lines(path, int(100_000 * share))
        compare("chat requests", DIRECT_LINES, path, "total", env, rounds)
        path.unlink()
        path = Path(folder, "text.txt")
        for title in ("one text", "no line break", "blanks only", "one letter only"):
            make_text(path, title, int(50e6 * share))
            compare(title, DIRECT_TEXT, path, "text", env, rounds)


if __name__ == "__main__":
    main()
