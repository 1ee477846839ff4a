"""How fast ``ratecheck decode`` is, as ratios taken in one run: a 200 MB log against grep, a body against import typer.

Not part of the test run: ``python tests/bench/decode.py``. Writes its log to a temporary folder.
"""

import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

LINES = 1_120_000
RUNS = 3


def write_log(path: Path) -> None:
    draw = random.Random(7)
    with path.open("w", encoding="utf-8") as out:
        for n in range(LINES):
            stamp = f"2026-10-{1 + n // 400_000:02d}T{n // 46_000 % 24:02d}:{n // 770 % 60:02d}:{n // 13 % 60:02d}Z"
            request = f"req_{draw.getrandbits(96):024x}"
            if draw.random() < 0.03:
                used = draw.randrange(20_000, 30_000)
                asked = draw.randrange(30_000 - used, 20_000)
                out.write(
                    f"{stamp} WARN app {request} POST /v1/chat/completions 429 Rate limit reached for gpt-4o in "
                    f"organization org-B7 on tokens per min (TPM): Limit 30000, Used {used}, Requested {asked}. "
                    f"Please try again in {(used + asked - 30_000) / 500:.3f}s.\n"
                )
            else:
                out.write(
                    f"{stamp} INFO app {request} POST /v1/chat/completions 200 model=gpt-4o "
                    f"tokens={draw.randrange(4000)} latency={draw.random():.3f} user={n % 977} "
                    f"session={draw.getrandbits(64):x} cache=hit ok\n"
                )


def seconds(*command: str, out: Path) -> float:
    took = []
    for _ in range(RUNS):
        with out.open("wb") as sink:
            began = time.perf_counter()
            subprocess.run(command, stdout=sink, check=False)
            took.append(time.perf_counter() - began)
    return statistics.median(took)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        log, out, body = (Path(folder, name) for name in ("big.log", "out", "body.txt"))
        write_log(log)
        body.write_text(
            "429 Rate limit reached for gpt-4o in organization org-B7 on tokens per min (TPM): Limit 3, Used 3."
        )
        program = (sys.executable, "-m", "ratecheck", "decode", "--json")
        grep = seconds("grep", "-c", " 429 ", str(log), out=out)
        decoded = seconds(*program, str(log), out=out)
        megabytes = log.stat().st_size / 1e6
        print(
            f"log of {megabytes:.0f} MB: grep {grep:.2f} s, decode {decoded:.2f} s, {grep / decoded:.2f} x grep's rate"
        )
        typer = seconds(sys.executable, "-c", "import typer", out=out)
        one = seconds(*program, str(body), out=out)
        print(f"one body: import typer {typer:.3f} s, decode {one:.3f} s, {one / typer:.2f} x")


if __name__ == "__main__":
    main()
