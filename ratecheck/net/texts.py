"""Large texts: counted in two halves, and ahead of everything else where the command line names one alone."""

import mmap
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ratecheck.estimate.memory import Counter
from ratecheck.estimate.models import DEFAULT_MODEL, resolve
from ratecheck.estimate.texts import AROUND, Measured, measure
from ratecheck.net import inputs
from ratecheck.net.beside import beside, two_at_once

Measure = Callable[[inputs.TextFile, Counter, inputs.Advance], Measured]
"""Measures a text file; told what counts here, and whom to tell how many bytes were read."""


def measure_here(file: inputs.TextFile, counter: Counter, told: inputs.Advance = lambda _: None) -> Measured:
    """Measure a text; the second half of a large one in a copy of this process."""
    if file.rest is None:
        chars, tokens = measure(counter, file.blocks)
    else:
        counter.ready()  # once, before there are two of us
        rest = file.rest
        with beside(lambda: measure(counter, rest(), alone=True)) as second:
            chars, tokens = measure(counter, file.blocks, alone=True)
            more_chars, more_tokens = second()
        chars, tokens = chars + more_chars, tokens + more_tokens
    return Measured(chars, tokens, {text: counter.count(text) for text in AROUND})


@contextmanager
def measuring(paths: list[str], model: str | None) -> Iterator[Measure]:
    """Give what measures a text file. Where ``paths`` is one large text, a copy of this process has begun already.

    It loads the vocabulary and counts while this process imports what it needs to say something about the figures.
    """
    if not (two_at_once() and len(paths) == 1 and (inputs.size_bytes(paths[0]) or 0) >= inputs.WORTH_BYTES):
        yield measure_here
        return
    progress = memoryview(mmap.mmap(-1, 8)).cast("Q")  # bytes read, shared with the copy

    def advance(count: int) -> None:
        progress[0] += count

    def work() -> Measured | None:
        from ratecheck.net.tokenizer import counter

        file = inputs.read(paths[0], advance)
        if not isinstance(file, inputs.TextFile):
            return None
        return measure_here(file, counter(resolve(model or DEFAULT_MODEL).row.encoding))

    with beside(work) as outcome:

        def begun(file: inputs.TextFile, counter: Counter, told: inputs.Advance) -> Measured:
            seen = 0

            def look() -> None:
                nonlocal seen
                now = progress[0]
                told(now - seen)
                seen = now

            return outcome(look) or measure_here(file, counter, told)

        yield begun
