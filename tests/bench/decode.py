"""How fast ``ratecheck decode`` is, as ratios taken in one run: a 200 MB log against grep, a body against import typer.

Not part of the test run: ``python tests/bench/decode.py``. Writes its log to a temporary folder.
"""

import compileall
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import ratecheck

LINES = 1_120_000
RUNS = 5


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


def seconds(*commands: tuple[str, ...], out: Path) -> list[tuple[float, str]]:
    """Return the median and the spread of each command; they take turns, so that a busy machine slows all alike."""
    took: list[list[float]] = [[] for _ in commands]
    for _ in range(RUNS):
        for command, times in zip(commands, took, strict=True):
            with out.open("wb") as sink:
                began = time.perf_counter()
                subprocess.run(command, stdout=sink, check=False)
                times.append(time.perf_counter() - began)
    return [(statistics.median(times), f"{min(times):.2f}..{max(times):.2f}") for times in took]


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        log, out, body = (Path(folder, name) for name in ("big.log", "out", "body.txt"))
        write_log(log)
        body.write_text(
            "429 Rate limit reached for gpt-4o in organization org-B7 on tokens per min (TPM): Limit 3, Used 3."
        )
        # As an install leaves it, also where the environment keeps Python from storing what it compiles.
        compileall.compile_dir(str(Path(ratecheck.__file__).parent), quiet=1)
        program = (sys.executable, "-m", "ratecheck", "decode")
        (grep, spread), *decoded = seconds(
            ("grep", "-c", " 429 ", str(log)), (*program, str(log)), (*program, "--json", str(log)), out=out
        )
        print(f"log of {log.stat().st_size / 1e6:.0f} MB: grep {grep:.2f} s ({spread})")
        for name, (took, spread) in zip(("as text", "--json"), decoded, strict=True):
            print(f"  decode {name}: {took:.2f} s ({spread}), {grep / took:.2f} x grep's rate")
        (typer, _), (one, spread) = seconds(
            (sys.executable, "-c", "import typer"), (*program, "--json", str(body)), out=out
        )
        print(f"one body: import typer {typer:.3f} s, decode {one:.3f} s ({spread}), {one / typer:.2f} x")


if __name__ == "__main__":
    main()
