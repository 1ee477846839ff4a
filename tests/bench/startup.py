"""Start-up, as a ratio to ``python -c "import typer"`` in the same run: what a person waits for at every call.

    python tests/bench/startup.py [RUNS]

Cases take turns, so that a busy machine slows all of them alike; medians are compared, of the clock and of processor
time (which other programs disturb less).
"""

import compileall
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import ratecheck

BODY = b"""{"error": {"message": "Rate limit reached for gpt-4o in organization org-Bench on tokens per min (TPM): \
Limit 30000, Used 29000, Requested 2000. Please try again in 2s.", "type": "tokens", "param": null, \
"code": "rate_limit_exceeded"}}"""

PROGRAM = str(Path(sys.executable).with_name("ratecheck"))

# The allowed ratios: --version 1.3, decode of one body 2.
CASES: dict[str, tuple[list[str], float | None]] = {
    "import typer": ([sys.executable, "-c", "import typer"], None),
    "ratecheck --version": ([PROGRAM, "--version"], 1.3),
    "ratecheck --help": ([PROGRAM, "--help"], None),
    "ratecheck decode -": ([PROGRAM, "decode", "-"], 2.0),
    "ratecheck decode --json -": ([PROGRAM, "decode", "--json", "-"], 2.0),
}


def main(runs: int) -> None:
    """Print the median of each case and its ratio to the first."""
    # As an install leaves it, also where the environment keeps Python from storing what it compiles.
    compileall.compile_dir(str(Path(ratecheck.__file__).parent), quiet=1)
    seconds: dict[str, list[float]] = {name: [] for name in CASES}
    busy: dict[str, list[float]] = {name: [] for name in CASES}
    for _ in range(runs + 1):
        for name, (command, _) in CASES.items():
            begun, before = time.perf_counter(), os.times()
            subprocess.run(command, input=BODY, capture_output=True, check=False, env=os.environ | {"NO_COLOR": "1"})
            seconds[name].append(time.perf_counter() - begun)
            after = os.times()
            used = after.children_user + after.children_system - before.children_user - before.children_system
            busy[name].append(used)
    base = statistics.median(seconds["import typer"][1:])
    base_busy = statistics.median(busy["import typer"][1:])
    for name, (_, allowed) in CASES.items():
        times = sorted(seconds[name][1:])  # the first run of each warms the caches
        middle = statistics.median(times)
        goal = f"  (goal {allowed})" if allowed else ""
        spread = f"spread {times[0] * 1000:.0f}..{times[-1] * 1000:.0f}"
        ratio = statistics.median(busy[name][1:]) / base_busy
        print(f"{name:26} {middle * 1000:6.1f} ms  x {middle / base:.2f}, processor x {ratio:.2f}{goal}  {spread}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 15)
