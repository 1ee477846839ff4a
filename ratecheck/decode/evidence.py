"""What one incident shows before anybody judges it: status, header pairs, the server's words, and all around them."""

import re
from dataclasses import dataclass, field
from functools import cached_property

from ratecheck.decode.flatten import Flat
from ratecheck.decode.lazy import lazy
from ratecheck.decode.pairs import header_pairs
from ratecheck.decode.slots import without_client

_STATUS = (
    # The surest place first.
    lazy(r"HTTP/\d(?:\.\d)? +(\d{3})\b"),
    lazy(
        r"(?:error code|status[ _-]?code|statusCode|http[ _]?status|httpStatusCode|status code)[\"']?"
        r"\s?[:=]?\s?[\"'(]?(\d{3})(?!\d)",
        re.IGNORECASE,
    ),
    lazy(r"[\"']?\bstatus[\"']?\s?[:=]\s?[\"']?(\d{3})\b", re.IGNORECASE),
    lazy(r"[\"'](?:code|http_code|error_code)[\"']\s?:\s?[\"']?([45]\d\d)\b"),
    lazy(r"\bHTTP ?(?:Error )?:? ?(\d{3})\b", re.IGNORECASE),
    lazy(r"\bstatus(?: code)? (?:was|is|of) (\d{3})\b", re.IGNORECASE),
    lazy(r"HTTP/\d(?:\.\d)?\"? (\d{3})\b"),
    lazy(r"[\"'][\w.-]{0,40}(?:status|response)[\w.-]{0,20}[\"']\s?:\s?[\"']?(\d{3})(?!\d)", re.IGNORECASE),
    lazy(r"\b(4\d\d|5\d\d) (?:[A-Z][a-z]+ ){1,3}"),
    lazy(r"(?:error|failed|status)\W{1,3}(4\d\d|5\d\d)(?!\d)", re.IGNORECASE),
    # RateLimitExceededException: 403 {…}, NonTransientAiException: 429 - {…}
    lazy(r"(?:Exception|Error): ([45]\d\d) (?=[-–{\[])"),
)
# Bare, as in an access log; not a count ("429 packages"), an amount, a duration, the milliseconds of a time, the value
# of another key, a place in a file, what code compares with, one of a list, or the size that follows a success.
_BARE = lazy(
    r"(?<![\w.:/=$-])(?<!\d,)(?<!\d, )(?<![\"']:)(?<![\"']: )(?<![=!<>]= )(?<!line )(?<![1-3]\d\d )"
    r"(429|529|402|503|413)"
    r"(?![\d./-]|:(?! ?[A-Za-z{\"'])|m?s\b|, ?\d{3}\b"
    r"| (?!(?:this|is|was|has|means|always|status|errors|responses|codes|exceptions|as|happens|occurs|persists)\b)"
    r"[a-z]{2,30}s\b| ms\b)"
)
# What a model wrote in an answer that came is not what the server says of itself.
_WRITTEN = lazy(r"([\"'](?:content|reasoning_content|refusal)[\"']\s?:\s?)(?P<q>[\"']).{0,4000}?(?P=q)(?=\s?[,}\]])")
# A frame of a stack, its source line and carets: nothing in them is the server's.
_FRAME = lazy(
    r"^\s*(?:at .{1,400}:\d+(?::\d+)?\)?.{0,3}$|File \".{1,300}\", line \d+|[\^~ ]{4,}$|raise \w|\.{3} \d+ more"
    r"|goroutine \d+ \[|\S+\.go:\d+( \+0x[0-9a-f]+)?$|\S{0,200}site-packages/\S{1,200}:\d+|return (?:await )?\w)"
)
# A stack that was pressed into one line ends with the error itself: "File "a.py", line 7, in f ... x.SomeError: said".
_RAISED = lazy(r"(?<!raise )\b[\w.]{1,80}(?:Error|Exception|Exhausted): \S")
_REQUEST = lazy(r"^\s*\$?>?\s*curl\b|^\s*-[dHDX] ")


@dataclass
class Evidence:
    """One incident. ``flat`` is everything, ``said`` only what a server may have said."""

    flat: Flat
    pairs: tuple[tuple[str, str], ...] = ()
    status: int | None = None
    said: str = field(default="")

    @cached_property
    def lower(self) -> str:
        """``said`` in lower case, of the same length."""
        lowered = self.said.lower()
        return lowered if len(lowered) == len(self.said) else "".join(c.lower()[:1] or c for c in self.said)


def statuses(text: str) -> list[int]:
    """Return the HTTP statuses that the text states, the surest first."""
    found = [int(match[1]) for pattern in _STATUS for match in pattern().finditer(text)]
    if not found:  # a number alone says nothing beside a status that is called one
        found = [int(match[1]) for match in _BARE().finditer(text)]
    return [status for status in dict.fromkeys(found) if 100 <= status <= 599]


def status_of(text: str) -> int | None:
    """Return the status of the refusal: an error beats a success that stands beside it."""
    found = statuses(text)
    return next((status for status in found if status >= 400), found[0] if found else None)


def _is_ours(line: str) -> bool:
    """Whether a line is what a program shows of itself: a frame, a line of source, a command."""
    if _FRAME().match(line) is None:
        return _REQUEST().match(line) is not None
    return _RAISED().search(line) is None


def gather(flat: Flat) -> Evidence:
    """Take a record apart into status, header pairs and what was said."""
    dump = header_pairs(flat.lines)
    kept = [line for line in dump.rest if line.strip() and not _is_ours(line)]
    said = " ".join(" ".join(line.split()) for line in kept)
    if "chat.completion" in said:
        said = _WRITTEN().sub(r"\1\g<q>\g<q>", said)
    said = without_client(said)
    head = next((line for line in flat.lines if line.lstrip().startswith("HTTP/")), None)
    status = status_of(head) if head else None
    return Evidence(flat, dump.pairs, status or status_of(said), said)
