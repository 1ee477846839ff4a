"""Where a text may be cut without changing how many tokens it has.

Every pattern that splits text for these vocabularies (r50k, cl100k, o200k) is a list of alternatives, tried from left
to right, each a run of classes. So a place is a border of two pieces whatever stands around it if no alternative has
its left character followed by its right one inside. And cutting there leaves the left part's own pieces alone if it
does not end in white space: only ``\\s+(?!\\S)`` and ``\\s++$`` look past their end, and both end in white space.
That holds

* before a blank or tab that follows anything but white space: blanks appear at the start of an alternative only;
* between a letter and a line break, a digit, or punctuation other than the apostrophe (``'s`` belongs to its word);
* between a digit and anything else that is ASCII.

``tests/test_cutting.py`` holds it against tiktoken on generated text.
"""

import re
from collections import deque
from collections.abc import Iterable, Iterator
from functools import cache

# Large enough that the work per cut vanishes, small enough for the processor's cache and far below the length at
# which tiktoken's regular expression runs out of stack on white space (between 100,000 and a million).
CHUNK_CHARS = 1 << 16

# Cuts are looked for at so many places of so many characters: ordinary text has one every few characters.
_NEAR = 1 << 8
_LOOKS = 12

# Letters whose category no version of Unicode has changed; marks, which bind to their letter, are left out.
_LETTER = "A-Za-zÀ-ÖØ-öø-ɏА-Яа-яёЁ\u4e00-\u9fff\uac00-\ud7a3\u3041-\u3096\u30a1-\u30fa"
_PUNCTUATION = r"!-&(-/:-@\[-`{-~，。！？；：、「」"
_CUT = (
    rf"(?<=\S)(?=[ \t])"
    rf"|(?<=[{_LETTER}])(?=[\r\n{_PUNCTUATION}])"
    rf"|(?<=[A-Za-z])(?=[0-9])"
    rf"|(?<=[0-9])(?=[A-Za-z\r\n!-/:-@\[-`{{-~])"
)


@cache
def _cut() -> re.Pattern[str]:
    return re.compile(_CUT)  # when first needed: most texts have a blank to be cut at


def first_cut(text: str) -> int | None:
    """Return the first safe cut in ``text``, ``None`` for none."""
    found = _cut().search(text, 1)
    return None if found is None else found.start()


def last_cut(text: str, start: int = 0) -> int | None:
    """Return the last safe cut in ``text`` after ``start`` that a look at some places finds, ``None`` for none there.

    Not every character is looked at: text that has no cut at the end and at a dozen other places mostly has none, and
    saying so wrongly costs only a larger chunk.
    """
    blank = text.rfind(" ", start + 1)
    if blank > 0 and not text[blank - 1].isspace():
        return blank
    stride = max((len(text) - start) // _LOOKS, _NEAR)
    end = len(text)
    while end > start:
        begin = max(end - _NEAR, start)
        cuts = deque(_cut().finditer(text, begin + 1 if begin == start else begin, end), maxlen=1)
        if cuts:
            return cuts[0].start()
        end -= stride
    return None


def chunks(blocks: Iterable[str]) -> Iterator[str]:
    """Yield the text of ``blocks`` in pieces whose token counts add up to that of the whole.

    A piece is longer than ``CHUNK_CHARS`` only where no safe cut is known in it.
    """
    held: list[str] = []
    size = 0
    for block in blocks:
        for at in range(0, len(block), CHUNK_CHARS):
            part = block[at : at + CHUNK_CHARS] if len(block) > CHUNK_CHARS else block
            # The last character before is kept in sight: a cut may lie right at the seam.
            seam = held[-1][-1:] if held else ""
            cut = last_cut(seam + part)
            if cut is None:
                # Text without a cut mostly repeats itself: equal parts are held once.
                held.append(held[-1] if held and held[-1] == part else part)
                size += len(part)
                continue
            cut -= len(seam)
            if cut >= 0 and size + cut:
                yield "".join((*held, part[:cut]))
                held, size = [part[cut:]] if cut < len(part) else [], len(part) - cut
            else:
                held.append(part)
                size += len(part)
    if size:
        whole = "".join(held)
        held.clear()  # what has no cut at all is in memory once
        yield whole
