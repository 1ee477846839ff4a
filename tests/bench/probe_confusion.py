"""Print the confusion table of ``identify`` over random limiters.

python tests/bench/probe_confusion.py [LIMITERS] [FIRST_SEED]
"""

import os
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from probe_proof import Score, score_of, table


def main() -> None:
    """Run and print."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    first = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    score = Score()
    chunks = [range(start, min(start + 50, first + count)) for start in range(first, first + count, 50)]
    with ProcessPoolExecutor(max_workers=min(os.cpu_count() or 1, 2)) as pool:
        for part in pool.map(score_of, chunks):
            score.merge(part)
    print(table(score))
    print(f"\ncould be told and was not (seeds): {score.missed}\nwrong with confidence (seeds): {score.wrong_seeds}")


if __name__ == "__main__":
    main()
