"""Simulation runs spread over processes, results in the order of the tasks."""

import gc
import os
import signal
from collections.abc import Iterator, Sequence

from ratecheck.net.progress import Progress
from ratecheck.simulate.study import Done, Task, perform
from ratecheck.simulate.totals import Totals


def _child() -> None:
    # Ctrl-C goes to the whole terminal: the parent decides what becomes of it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.disable()


def spread(tasks: Sequence[Task], jobs: int, progress: Progress) -> Iterator[Done]:
    """Yield each task's result in order; ``jobs`` 0 takes a process a core, 1 runs them all here.

    The results are the same for any number of processes: a run depends on its task alone. The collector rests
    meanwhile: a run makes millions of small objects and no cycles, and looking through every client's state again and
    again costs about half of the run at 20,000 clients.
    """
    gc.disable()
    try:
        jobs = min(jobs or os.cpu_count() or 1, len(tasks))
        yield from _over_processes(tasks, jobs, progress) if jobs > 1 else _here(tasks, progress)
    finally:
        gc.enable()


def _here(tasks: Sequence[Task], progress: Progress) -> Iterator[Done]:
    for index, task in enumerate(tasks):

        def tick(totals: Totals, index: int = index) -> None:
            here = 1 - totals.unfinished / totals.calls if totals.calls else 0.0
            progress.show((index + here) / len(tasks))

        done = perform(task, tick)
        yield done
        if done[0].cut == "interrupted":
            return


def _over_processes(tasks: Sequence[Task], jobs: int, progress: Progress) -> Iterator[Done]:
    import multiprocessing

    with multiprocessing.get_context().Pool(jobs, initializer=_child) as pool:
        # One by one while they are few: then Ctrl-C finds every finished one. Thousands go in small batches.
        size = max(len(tasks) // (jobs * 100), 1)
        for index, done in enumerate(pool.imap(perform, tasks, size), 1):
            progress.show(index / len(tasks))
            yield done
