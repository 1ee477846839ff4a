"""`decode` on what `watch --record` and `serve --record` wrote: each attempt was judged when it was whole."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from conftest import Ratecheck
from hypothesis import given
from hypothesis import strategies as st

from ratecheck.decode import DecodeReport, decode_stream
from ratecheck.net.logs import decode_file

LIMITS = [
    {"dimension": "requests", "window_s": 86400.0, "limit": 200, "remaining": 196, "reset_s": 1728.0, "headers": ["x"]}
]


def attempt(t_s: float, refused: bool = True, **finding: Any) -> str:
    said = {"category": "rate_limit", "provider": "openai", "status": 429, "dimension": "requests", "window_s": 60.0,
            "limit": 3, "used": 3, "requested": 1, "retry_after_s": 20.0, **finding}  # fmt: skip
    return json.dumps(
        {"schema": "ratecheck.attempt/1", "t_s": t_s, "status": 429 if refused else 200, "latency_s": 0.1,
         "limits": LIMITS, "model": "m", "finding": said if refused else None},
        separators=(",", ":"),
    )  # fmt: skip


def decoded(*lines: str) -> DecodeReport:
    return decode_stream(io.BytesIO(("\n".join(lines) + "\n").encode()).read)


def test_the_attempts_own_finding_is_told_not_the_numbers_of_its_headers() -> None:
    """Three a minute refused; the 200 a day that the headers state were not what was hit."""
    (found,) = decoded(attempt(0.0, refused=False), attempt(1.0)).findings
    assert (found.limit, found.window_s, found.used, found.retry_after_s) == (3, 60.0, 3, 20.0)
    assert (found.line, found.count) == (2, 1)
    assert found.limits[0].limit == 200
    assert found.explanation
    assert found.advice


def test_equal_refusals_are_folded_and_the_longest_wait_is_kept() -> None:
    """As in a log: count, first and last line; another dimension stays apart."""
    found = decoded(
        attempt(0.0), attempt(61.0, retry_after_s=45.0), attempt(62.0, dimension="tokens", limit=40_000), attempt(150.0)
    ).findings
    assert [(each.dimension, each.count, each.first_line, each.last_line) for each in found] == [
        ("requests", 3, 1, 4), ("tokens", 1, 3, 3),
    ]  # fmt: skip
    assert found[0].retry_after_s == 45.0


def test_refusals_are_dated_by_the_recording_itself() -> None:
    """The timeline counts refusals a minute from the first one on."""
    report = decoded(attempt(30.0), attempt(59.0), attempt(61.0), attempt(200.0))
    assert report.timeline == (("requests", ((0.0, 2), (60.0, 1), (180.0, 1))),)


def test_a_recording_without_refusals_is_healthy(ratecheck: Ratecheck) -> None:
    """The limits of its last answer are told, exit 0."""
    done = ratecheck("decode", stdin=attempt(0.0, refused=False) + "\n" + attempt(1.0, refused=False))
    assert done.returncode == 0
    assert done.stdout.startswith("Healthy, nothing was refused")


def test_a_large_recording_is_read_as_one(tmp_path: Path) -> None:
    """Past the size of a paste, and past the size from which logs are read by two processes, nothing changes."""
    path = tmp_path / "run.jsonl"
    path.write_text("\n".join(attempt(number / 10) for number in range(3000)) + "\n", "utf-8")
    with path.open("rb") as stream:
        (found,) = decode_file(stream, source="run.jsonl", worth_bytes=1000).findings
    assert (found.count, found.last_line, found.limit) == (3000, 3000, 3)


@pytest.mark.parametrize("torn", ["", "{", '{"schema":"ratecheck.att', "not json at all"])
def test_a_torn_line_hides_no_other(torn: str) -> None:
    """A recording that begins or ends in the middle of a line is read for the rest."""
    (found,) = decoded(torn, attempt(0.0), torn, attempt(1.0)[:-9]).findings
    assert (found.count, found.line) == (1, 2)


@given(
    st.lists(
        st.one_of(st.binary(max_size=60), st.sampled_from([attempt(0.0).encode(), b'{"schema":"ratecheck.attempt/1"}']))
    )
)
def test_whatever_stands_in_a_recording_ends_in_a_report(lines: list[bytes]) -> None:
    """No line raises, and refusals are counted exactly."""
    data = b"\n".join([attempt(0.0).encode(), *(line.replace(b"\n", b" ").replace(b"\r", b" ") for line in lines)])
    report = decode_stream(io.BytesIO(data).read)
    assert sum(each.count for each in report.findings) == 1 + sum(line == attempt(0.0).encode() for line in lines)
