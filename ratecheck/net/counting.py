"""Counting large prompts: part by part, by two copies of this process that share the parts of all of them.

The copies begin before the command line is imported, let alone understood: until then they load what they are likely to
need.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from ratecheck.net.parts import MOST_NUMBERS, size_for_two

if TYPE_CHECKING:
    from ratecheck.estimate.estimator import Counted, Estimator
    from ratecheck.estimate.report import PromptEstimate, Skipped
    from ratecheck.estimate.requests import Line
    from ratecheck.estimate.settings import Settings
    from ratecheck.estimate.texts import Measured
    from ratecheck.net.crew import Crew
    from ratecheck.net.inputs import Advance, Large, Unreadable

# Below this two more processes save less than it takes to start them.
WORTH_BYTES = 16 << 20
# Files that are counted so: each has one part at least, and so many numbers can be handed out.
_MOST_FILES = MOST_NUMBERS // 2
# Of a file's beginning, where its first request names a model.
_LOOK_BYTES = 1 << 16


class Job(NamedTuple):
    """What the copies are told."""

    settings: "Settings"
    files: "list[Large]"


class CountedPart(NamedTuple):
    """What a part of a file by line holds."""

    lines: int
    counted: "list[Counted]"


if TYPE_CHECKING:
    Outcome = Measured | CountedPart | Unreadable
    """Of a part: how large its text is, its requests, or why it is no text."""

_begun: "Crew[Job, Outcome] | None" = None
"""The copies that have begun and wait to be told what to do."""


@contextmanager
def ahead(arguments: list[str]) -> Iterator[None]:
    """Begin where ``arguments``, not yet understood, look like the estimate of a large file.

    What is guessed wrongly costs time, never a figure: a copy loads one vocabulary or another, and is told what to
    count once that is known.
    """
    global _begun
    path = None
    if arguments[:1] == ["estimate"]:
        path = next((each for each in arguments[1:] if size_for_two(each, WORTH_BYTES) is not None), None)
    if path is None:
        yield
        return
    # A model that is named, or named by a file of limits, is better waited for.
    named = any(each.startswith(("--model", "--limits")) for each in arguments)
    _begun = _crew(None if named else path)
    try:
        yield
    finally:
        if _begun is not None:
            _begun.end()
            _begun = None


def _crew(likely: str | None) -> "Crew[Job, Outcome]":
    """Begin, with the vocabulary for the file ``likely``."""
    from ratecheck.net.crew import Crew

    return Crew(lambda: None if likely is None else _load(likely), _work)


def _load(path: str, settings: "Settings | None" = None) -> None:
    """Load what a file is counted with: the vocabulary of the model that it, or its first request, is for."""
    import re

    from ratecheck.estimate.settings import Settings
    from ratecheck.net.tokenizer import counter

    with open(path, "rb") as file:
        head = file.read(_LOOK_BYTES)
    named = re.search(rb'"model"\s*:\s*"([^"]{1,100})"', head) if head.lstrip()[:1] == b"{" else None
    model = (settings or Settings()).model_for(named and named[1].decode("utf-8", "replace"))
    counter(model.row.encoding).ready()


def _work(job: Job) -> "tuple[int, Callable[[int], Outcome]]":
    """Return how many parts the files of a job have, and what counts one of them."""
    from itertools import pairwise

    from ratecheck.net import inputs

    parts = [(file, begin, end) for file in job.files for begin, end in pairwise(file.borders)]
    _load(job.files[0].path, job.settings)  # once, before there are two of us
    of_text = _count_texts(job.settings)
    of_lines = _count_lines(job.settings) if any(file.encoding is None for file in job.files) else None

    def count(number: int) -> "Outcome":
        file, begin, end = parts[number]
        try:
            if file.encoding is None:
                assert of_lines is not None
                return of_lines(file.path, begin, end)
            return of_text(inputs.blocks_between(file.path, file.encoding, begin, end))
        except inputs.Unreadable as error:
            return error

    return len(parts), count


def _count_texts(settings: "Settings") -> "Callable[[Iterator[str]], Measured]":
    from ratecheck.estimate.texts import measure
    from ratecheck.net.tokenizer import counter

    used = counter(settings.model_for().row.encoding)
    return lambda blocks: measure(used, blocks, alone=True)


def _count_lines(settings: "Settings") -> "Callable[[str, int, int], CountedPart]":
    from ratecheck.estimate.estimator import Estimator
    from ratecheck.net import inputs
    from ratecheck.net.local_images import completing
    from ratecheck.net.tokenizer import counter

    estimator = Estimator(settings, counter)

    def count(path: str, begin: int, end: int) -> CountedPart:
        read = 0

        def lines() -> "Iterator[Line]":
            nonlocal read
            read = yield from inputs.lines_between(path, begin, end)

        counted = [*estimator.counted(path, lines(), completing(path))]
        return CountedPart(read, counted)

    return count


class Counts:
    """What the large ones of several files hold, each found by its place among them."""

    def __init__(
        self, settings: "Settings", files: "dict[int, Large]", coming: "Iterator[tuple[int, Outcome]]"
    ) -> None:
        self._job = Job(settings, [*files.values()])
        self._coming = coming
        self._held: dict[int, Outcome] = {}
        self._begins: dict[int, int] = {}
        """The number of each file's first part."""
        number = 0
        for place, file in files.items():
            self._begins[place] = number
            number += file.parts
        self._files = files

    def __len__(self) -> int:
        return len(self._files)

    def __contains__(self, place: int) -> bool:
        return place in self._files

    def prompts(self, place: int, estimator: "Estimator", advance: "Advance") -> "Iterator[PromptEstimate | Skipped]":
        """Yield the estimates of a file: its requests line by line, or one of a text.

        Raises:
            Unreadable: it is no UTF-8, or gone.
        """
        from ratecheck.estimate.texts import whole

        file = self._files[place]
        texts: list[Measured] = []
        before = 0
        for part in range(file.parts):
            outcome = self._outcome(self._begins[place] + part)
            advance(file.borders[part + 1] - file.borders[part])
            if isinstance(outcome, CountedPart):
                for counted in outcome.counted:
                    yield from estimator.made(file.path, counted, before)
                before += outcome.lines
            elif isinstance(outcome, Exception):
                raise outcome
            else:
                texts.append(outcome)
        if texts:
            yield estimator.text(file.path, whole(texts))

    def _outcome(self, number: int) -> "Outcome":
        while number not in self._held:
            coming = next(self._coming, None)
            if coming is None:  # the copies have failed, or were ended
                return self._count(number)
            self._held[coming[0]] = coming[1]
        return self._held.pop(number)

    @cached_property
    def _count(self) -> "Callable[[int], Outcome]":
        return _work(self._job)[1]


@contextmanager
def counts(paths: list[str], settings: "Settings") -> "Iterator[Counts]":
    """Have the large files among ``paths`` counted."""
    global _begun
    from ratecheck.net.inputs import large

    sizes = {
        place: size
        for place, path in enumerate(paths)
        if path != "-" and (size := size_for_two(path, WORTH_BYTES)) is not None
    }
    worth = dict(list(sizes.items())[:_MOST_FILES])
    part_bytes = sum(worth.values()) // (MOST_NUMBERS - len(worth)) + 1
    files = {place: found for place in worth if (found := large(paths[place], part_bytes)) is not None}
    if not files:
        yield Counts(settings, {}, iter(()))
        return
    crew, _begun = _begun or _crew(None), None
    try:
        crew.begin(Job(settings, [*files.values()]))
        yield Counts(settings, files, crew.outcomes())
    finally:
        crew.end()
