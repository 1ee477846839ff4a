"""Counting large prompts: part by part, by two copies of this process that share the parts of all of them.

The copies begin before the command line is imported, let alone understood: until then they load what they are likely to
need.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from ratecheck.net.parts import MOST_NUMBERS, size_for_two

if TYPE_CHECKING:
    from ratecheck.estimate.estimator import Broken, Counted, Estimator
    from ratecheck.estimate.report import PromptEstimate, Skipped
    from ratecheck.estimate.requests import Line
    from ratecheck.estimate.settings import Settings
    from ratecheck.estimate.texts import Measured
    from ratecheck.net.crew import Crew
    from ratecheck.net.parts import Large
    from ratecheck.net.reading import Advance, Unreadable

# Below this two more processes save less than it takes to start them.
WORTH_BYTES = 16 << 20
# Files that are counted so: each has one part at least, and so many numbers can be handed out.
_MOST_FILES = MOST_NUMBERS // 2
# Named of all lines that could not be read; the rest is counted.
NAMED = 20
# Of a file's beginning, where its first request names a model.
_LOOK_BYTES = 1 << 16


class Job(NamedTuple):
    """What the copies are told."""

    encoding: str
    """Of the texts."""
    settings: "Settings | None"
    """For files by line; ``None`` where there are none: what estimates requests need not be loaded for a text."""
    files: "list[Large]"
    strict: bool
    """No further than the first line without a request."""


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
    with suppress(OSError):  # no room for another process: this one does it all, later
        _begun = _crew(None if named else path)
    try:
        yield
    finally:
        if _begun is not None:
            _begun.end()
            _begun = None


def _crew(path: str | None) -> "Crew[Job, Outcome]":
    """Begin, with the vocabulary that ``path`` is likely to be counted with."""
    from ratecheck.net.crew import Crew

    return Crew(lambda: None if path is None else _load(_likely_encoding(path)), _work)


def _load(encoding: str) -> None:
    from ratecheck.net.tokenizer import counter

    counter(encoding).ready()


def _likely_encoding(path: str, settings: "Settings | None" = None) -> str:
    """Return what the model has that the first request of a file names; of a text, what the default model has."""
    from ratecheck.estimate.texts import DEFAULT_ENCODING

    try:
        with open(path, "rb") as file:
            head = file.read(_LOOK_BYTES)
    except OSError:
        head = b""  # gone: whoever reads it says so
    if head.lstrip()[:1] != b"{":
        return DEFAULT_ENCODING
    import re

    from ratecheck.estimate.settings import Settings

    named = re.search(rb'"model"\s*:\s*"([^"]{1,100})"', head)
    return (settings or Settings()).model_for(named and named[1].decode("utf-8", "replace")).row.encoding


def _work(job: Job) -> "tuple[int, Callable[[int], Outcome]]":
    """Return how many parts the files of a job have, and what counts one of them."""
    from itertools import pairwise

    from ratecheck.estimate.texts import measure
    from ratecheck.net.reading import Unreadable, blocks_between
    from ratecheck.net.tokenizer import counter

    parts = [(file, begin, end) for file in job.files for begin, end in pairwise(file.borders)]
    # Loaded once, before there are two of us.
    for file in job.files:
        _load(job.encoding if file.encoding is not None else _likely_encoding(file.path, job.settings))
    requests = _requests(job.settings, job.strict) if job.settings is not None else None

    def count(number: int) -> "Outcome":
        file, begin, end = parts[number]
        try:
            if file.encoding is not None:
                blocks = blocks_between(file.path, file.encoding, begin, end, identity=file.identity)
                return measure(counter(job.encoding), blocks, alone=True)
            assert requests is not None
            return requests(file, begin, end)
        except Unreadable as error:
            return error

    return len(parts), count


def _requests(settings: "Settings", strict: bool) -> "Callable[[Large, int, int], CountedPart]":
    """Return what counts a part of a file by line."""
    from ratecheck.estimate.estimator import Estimator
    from ratecheck.net.lines import lines_between
    from ratecheck.net.local_images import completing
    from ratecheck.net.tokenizer import counter

    estimator = Estimator(settings, counter)

    def count(file: "Large", begin: int, end: int) -> CountedPart:
        read = 0

        def lines() -> "Iterator[Line]":
            nonlocal read
            read = yield from lines_between(file.path, begin, end, identity=file.identity)

        found: list[Counted] = []
        named = 0
        for counted in estimator.counted(file.path, lines(), completing(file.path)):
            others, broken = _named(counted.others, NAMED - named)
            named += broken
            found.append(counted._replace(others=others))
            if strict and broken:
                break
        return CountedPart(read, found)

    return count


def _named(others: "list[tuple[int, PromptEstimate | Broken]]", most: int) -> "tuple[list[Any], int]":
    """Return ``others`` with lines without a request after the first ``most`` in one, and how many there are."""
    from ratecheck.estimate.estimator import Broken

    broken = [(line, each) for line, each in others if isinstance(each, Broken)]
    if len(broken) <= most:
        return others, len(broken)
    line, first = broken[max(most, 0)]
    rest = (line, Broken(first.why, len(broken) - max(most, 0)))
    kept = [each for each in others if not isinstance(each[1], Broken)]
    return [*kept, *broken[: max(most, 0)], rest], len(broken)


class Counts:
    """What the large ones of several files hold, each found by its place among them."""

    def __init__(self, job: Job, files: "dict[int, Large]", coming: "Iterator[tuple[int, Outcome]]") -> None:
        """``coming``: parts of the job's files, as they come."""
        self._job, self._coming = job, coming
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
def counts(paths: list[str], settings: "Settings", strict: bool = False) -> "Iterator[Counts]":
    """Have the large files among ``paths`` counted; ``strict``: up to the first line without a request."""
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
    by_line = any(file.encoding is None for file in files.values())
    job = Job(settings.model_for().row.encoding, settings if by_line else None, [*files.values()], strict)
    crew, _begun = _begun, None
    try:
        if files and crew is None:
            with suppress(OSError):  # no room for another process: each file is read here, when its turn comes
                crew = _crew(None)
        if crew is None or not files:
            yield Counts(job, {}, iter(()))
            return
        crew.begin(job)
        yield Counts(job, files, crew.outcomes())
    finally:
        if crew is not None:
            crew.end()
