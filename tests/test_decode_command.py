"""`ratecheck decode` on whatever people feed it: exit codes, encodings, hostile bytes, secrets, logs."""

import io
import json
import os
import pickle
import random
import re
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
from conftest import Ratecheck
from hypothesis import example, given
from hypothesis import strategies as st

from ratecheck.decode import decode_stream, decode_text
from ratecheck.decode.block import line_breaks, searcher
from ratecheck.decode.encoding import chinese_text
from ratecheck.decode.log import LogReader
from ratecheck.decode.needle import NEEDLES
from ratecheck.decode.shapes import key_of
from ratecheck.model import Category, Dimension
from ratecheck.net.logs import decode_file
from ratecheck.render.decode import document
from ratecheck.render.page import Style, render

SENTENCE = (
    "Rate limit reached for gpt-4o in organization org-T5 on tokens per min (TPM): Limit 30000, Used 29000, "
    "Requested {asked}. Please try again in {delay}s."
)


def test_a_paste_is_explained_and_exits_zero(ratecheck: Ratecheck) -> None:
    """The document carries every field of the contract; unknown is null."""
    done = ratecheck("decode", "--json", stdin=SENTENCE.format(asked=1100, delay="0.2"))
    assert done.returncode == 0
    found = json.loads(done.stdout)
    assert found["schema"] == "ratecheck.decode/1"
    assert found["findings"] == [
        {
            "provider": "openai", "category": "rate_limit", "status": None, "code": None, "dimension": "tokens",
            "window_s": 60.0, "limit": 30000, "used": 29000, "requested": 1100, "remaining": None, "retry_after_s": 0.2,
            "model": "gpt-4o", "scope": "organization", "retryable": True, "will_fit_ever": True, "limits": [],
            "message": SENTENCE.format(asked=1100, delay="0.2"),
            "explanation": "29,000 were used and this request asks 1,100: 100 too many at this moment.",
            "advice": found["findings"][0]["advice"], "line": 1, "count": 1, "first_line": 1, "last_line": 1,
        }
    ]  # fmt: skip


def test_nothing_about_a_limit_exits_one(ratecheck: Ratecheck) -> None:
    """A text that speaks of other things, and an empty one: the answer is no."""
    assert ratecheck("decode", stdin="the quick brown fox").returncode == 1
    assert ratecheck("decode", "--json", stdin="").returncode == 1


def test_healthy_headers_are_information(ratecheck: Ratecheck) -> None:
    """Limits of an answer that was served: exit 0, and the verdict says that nothing was refused."""
    dump = "HTTP/1.1 200 OK\nx-ratelimit-limit-requests: 500\nx-ratelimit-remaining-requests: 499\n"
    done = ratecheck("decode", stdin=dump)
    assert done.returncode == 0
    assert done.stdout.startswith("Healthy, nothing was refused: 499 of 500 requests left")


@pytest.mark.parametrize("name", ["no-such-file.log", "."])
def test_unreadable_input_is_one_line(ratecheck: Ratecheck, name: str) -> None:
    """A missing file, a directory: exit 2, said in one line."""
    done = ratecheck("decode", name)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_windows_encodings_are_read(encoding: str) -> None:
    """What PowerShell redirects is UTF-16, with or without a mark."""
    octets = SENTENCE.format(asked=1100, delay="0.2").encode(encoding)
    report = decode_stream(io.BytesIO(octets).read)
    assert report.findings[0].limit == 30000


def test_no_secret_comes_out(ratecheck: Ratecheck) -> None:
    """A key in the pasted text is in neither the text nor the JSON output."""
    key = "sk-proj-abcdefghijklmnop1234567890QRST"
    paste = (
        f"curl -H 'Authorization: Bearer {key}' …\n429 Rate limit exceeded for {key}. Please try again in 3 seconds."
    )
    for options in ((), ("--json",)):
        done = ratecheck("decode", *options, stdin=paste)
        assert done.returncode == 0
        assert key[8:20] not in done.stdout + done.stderr


def test_server_text_cannot_draw_on_the_terminal(ratecheck: Ratecheck) -> None:
    """Escape codes and markup inside a message are shown as words or not at all."""
    done = ratecheck("decode", stdin='429 {"message": "[bold red]Rate limit exceeded[/] \x1b]0;owned\x07\x1b[2J now"}')
    assert "\x1b" not in done.stdout
    assert done.returncode == 0


@given(st.binary(max_size=2_000))
@example(b"\xff\xfe429\x00 rate limit")
@example(b'{"error": ' * 300)
@example(b"429 rate limit 1e999 NaN -1 99999999999999999999999999")
def test_no_bytes_raise(octets: bytes) -> None:
    """Arbitrary bytes become a report that can be printed both ways."""
    report = decode_stream(io.BytesIO(octets).read)
    document(report)
    from ratecheck.render.decode import page

    render(page(report), Style(60))


@pytest.mark.parametrize(
    "piece",
    [
        "rate limit reached for ", "requests to the ", "{'message': '", "limit 3 ", "try again in 1 hour 2 minutes, ",
        "\\\\\\\\n", "%7B%22", "model: gpt-4 ", "a-b-c-d-", "retry ", "would exceed your ", "quotaId ",
        "10 requests per 5 ", "│ x │\n", "('a', 'b') ",
        "\\", "429 ", "Traceback 429\n", "[{(",
    ],
)  # fmt: skip
def test_repetition_is_no_bomb(piece: str) -> None:
    """Sixty kilobytes of any piece that patterns begin with are read in about the time of any other text."""
    import time

    text = (piece * (60_000 // len(piece)))[:60_000] + " 429 rate limit"
    began = time.process_time()
    decode_text(text)
    # Quadratic patterns take minutes here; linear ones a fraction of this.
    assert time.process_time() - began < 8


def _log(lines: int) -> bytes:
    out = []
    for n in range(lines):
        stamp = f"2026-10-05T{n // 3600 % 24:02d}:{n // 60 % 60:02d}:{n % 60:02d}Z"
        if n % 10 == 3:
            asked = 1100 + n % 7 if n % 50 != 3 else 31000
            out.append(f"{stamp} WARN req_{n:012x} 429 {SENTENCE.format(asked=asked, delay=f'{n % 97}.{n % 9}')}")
        elif n % 10 == 7:
            out.append(f"{stamp} WARN worker={n % 5} 529 overloaded_error Overloaded")
        else:
            out.append(f"{stamp} INFO req_{n:012x} POST /v1/chat/completions 200 tokens={n % 4000} 429ms")
    return ("\n".join(out) + "\n").encode()


def test_a_log_is_counted_as_if_every_line_were_decoded() -> None:
    """Counting by shape gives what decoding line by line gives: kinds, counts, first and last lines, longest delay."""
    octets = _log(3_000)
    reader = LogReader()
    middle = octets.index(b"\n", 90_000) + 1
    reader.feed(octets[:middle])
    reader.feed(octets[middle:])
    found = {each.category: each for each in reader.report("-").findings}
    assert found[Category.RATE_LIMIT].count == 240
    assert found[Category.REQUEST_TOO_LARGE].count == 60
    assert found[Category.OVERLOADED].count == 300
    limited = found[Category.RATE_LIMIT]
    delays = [n % 97 + n % 9 / 10 for n in range(3, 3_000, 10) if n % 50 != 3]
    assert (limited.dimension, limited.limit, limited.retry_after_s) == (Dimension.TOKENS, 30_000, max(delays))
    assert (limited.first_line, limited.last_line) == (14, 2994)


def test_a_large_log_has_a_timeline(ratecheck: Ratecheck, tmp_path: Path) -> None:
    """Dated refusals are drawn over time, by what was limited."""
    path = tmp_path / "app.log"
    path.write_bytes(_log(3_000))
    done = ratecheck("decode", str(path))
    assert done.returncode == 0
    assert "Refusals a minute" in done.stdout
    assert "tokens" in done.stdout


def test_a_line_without_end_is_searched_in_bounded_memory() -> None:
    """Megabytes without a line break: the refusal in them is found."""
    octets = b"x" * (9 << 20) + SENTENCE.format(asked=1100, delay="0.2").encode() + b" 429 " + b"y" * (6 << 20)
    report = decode_stream(io.BytesIO(octets).read)
    assert [each.limit for each in report.findings] == [30_000]


def _har(*answers: tuple[str, int, dict[str, str], str]) -> str:
    entries = [
        {
            "request": {"method": "POST", "url": url},
            "response": {
                "status": status,
                "headers": [{"name": name, "value": value} for name, value in headers.items()],
                "content": {"mimeType": "application/json", "text": body},
            },
        }
        for url, status, headers, body in answers
    ]
    return json.dumps({"log": {"version": "1.2", "entries": entries}})


def test_a_har_dump_is_read_entry_by_entry() -> None:
    """Each refusal has its own status, headers, body and provider, told from its URL; a served answer is no refusal."""
    dated = {"date": "Wed, 04 Nov 2026 09:00:00 GMT"}
    reset = {"anthropic-ratelimit-requests-limit": "50", "anthropic-ratelimit-requests-remaining": "0",
             "anthropic-ratelimit-requests-reset": "2026-11-04T09:00:21Z"}  # fmt: skip
    text = _har(
        ("https://api.openai.com/v1/chat/completions", 200, {"x-ratelimit-remaining-requests": "9"}, '{"choices": []}'),
        ("https://api.groq.com/openai/v1/chat/completions", 429, {"retry-after": "17"}, '{"error": {"message": "no"}}'),
        ("https://api.anthropic.com/v1/messages", 429, dated | reset, '{"error": {"type": "rate_limit_error"}}'),
    )
    found = {each.provider: each for each in decode_text(text).findings if each.category is Category.RATE_LIMIT}
    assert set(found) == {"groq", "anthropic"}
    assert (found["groq"].status, found["groq"].retry_after_s) == (429, 17.0)
    (limit,) = found["anthropic"].limits
    assert (limit.limit, limit.remaining, limit.reset_s) == (50, 0, 21.0)


@pytest.mark.parametrize("broken", ['{"log": ', '{"log": {"entries": [null, 7, {"response": []}]}}', '{"log": []}'])
def test_a_broken_har_dump_is_no_error(broken: str) -> None:
    """Cut or foreign JSON with a "log" in it is read as any other text."""
    assert not decode_text(broken).found


def test_what_the_reader_of_headers_noticed_is_said(ratecheck: Ratecheck) -> None:
    """Sentinels, contradicting delays and impossible remainders of a pasted answer get their codes."""
    dump = (
        "HTTP/1.1 429 Too Many Requests\nretry-after: 14\nretry-after-ms: 9000\nx-ratelimit-limit-requests: -1\n"
        "x-ratelimit-limit-tokens: 1000\nx-ratelimit-remaining-tokens: 1300\n"
    )
    shown = ratecheck("decode", stdin=dump).stdout
    assert all(code in shown for code in ("RC109", "RC115", "RC116"))


def test_advice_is_given_once(ratecheck: Ratecheck) -> None:
    """An overload's code says what to do; the page does not say it again in other words."""
    shown = ratecheck("decode", stdin='529 {"error": {"type": "overloaded_error", "message": "Overloaded"}}').stdout
    assert shown.count("growing waits") == 1
    assert "What to do" not in shown


@pytest.mark.parametrize(
    ("page", "said"),
    [
        ("<html>\n<head><title>429 Too Many Requests</title></head>\n<body>\n<hr>nginx</body></html>",
         "429 Too Many Requests"),
        ("<!DOCTYPE html><html><body><p>Rate limit exceeded, <b>slow down</b></p></body></html>",
         "Rate limit exceeded, slow down"),
    ],
)  # fmt: skip
def test_a_page_is_quoted_without_its_tags(page: str, said: str) -> None:
    """A gateway answers with HTML: its title, or what stands between the tags, are the server's words."""
    head = "HTTP/1.1 429 Too Many Requests\ncontent-type: text/html\nretry-after: 30\n\n"
    (finding,) = decode_text(head + page).findings
    assert said in (finding.message or "")
    assert "<" not in (finding.message or "")


@pytest.mark.parametrize(
    ("line", "category"),
    [
        ("grpc status RESOURCE_EXHAUSTED", Category.RATE_LIMIT),
        ("llm: 您的请求频率过高，请稍后再试", Category.RATE_LIMIT),
        ("llm: 账户余额不足，请充值", Category.QUOTA_EXHAUSTED),
        ("Insufficient Balance", Category.QUOTA_EXHAUSTED),
        ("selected model is at capacity, try another", Category.OVERLOADED),
        ("server busy, please try again later", Category.OVERLOADED),
        ("This model is currently experiencing high demand. Please try again later.", Category.OVERLOADED),
        (
            "litellm.BudgetExceededError: Budget has been exceeded! Current cost: 1.7, Max budget: 1.5",
            Category.QUOTA_EXHAUSTED,
        ),
        ("Arrearage: Access denied, please make sure your account is in good standing.", Category.QUOTA_EXHAUSTED),
        ("Your credit balance is too low to access the API.", Category.QUOTA_EXHAUSTED),
    ],
)
def test_a_refusal_without_a_status_is_found_in_a_large_log(line: str, category: Category) -> None:
    """Bare codes, Chinese sentences, capacity: no 429 beside them, and the log is far larger than a paste."""
    healthy = "2026-10-05T10:00:07Z INFO req_00429a POST /v1/chat/completions 200 tokens=4290\n" * 2_000
    octets = (healthy + f"2026-10-05T10:00:08Z WARN {line}\n" + healthy).encode()
    (found,) = decode_stream(io.BytesIO(octets).read).findings
    assert (found.category, found.count, found.first_line) == (category, 1, 2_001)


@pytest.mark.parametrize("capitals", [False, True])
def test_escaped_chinese_is_found_and_told_apart_in_a_large_log(capitals: bool) -> None:
    """A logger that writes ASCII only, its escapes in either case of letters: each sentence keeps its own meaning."""
    said = ("账户余额不足，请充值", "您当前的并发数过高，请降低并发", "模型繁忙，请稍后再试")
    lines = []
    for sentence in said * 40:
        escaped = json.dumps({"error": {"message": sentence}})
        if capitals:
            escaped = re.sub(r"(?<=\\u)[0-9a-f]{4}", lambda digits: digits[0].upper(), escaped)
        lines.append(f"2026-10-05T10:00:07Z WARN {escaped}\n" + "2026-10-05T10:00:08Z INFO all is well\n" * 30)
    found = decode_stream(io.BytesIO("".join(lines).encode()).read).findings
    assert {each.category: each.count for each in found} == {
        Category.QUOTA_EXHAUSTED: 40, Category.CONCURRENCY: 40, Category.OVERLOADED: 40,
    }  # fmt: skip
    assert sorted(each.first_line for each in found) == [1, 32, 63]


def test_a_record_of_many_lines_counts_once() -> None:
    """A pretty-printed body under its line, a traceback under its: one refusal each, at the line where it begins."""
    body = json.dumps({"error": {"message": SENTENCE.format(asked=1100, delay="0.2"), "type": "tokens"}}, indent=2)
    frames = 'Traceback (most recent call last):\n  File "app.py", line 7, in ask\n'
    raised = "openai.RateLimitError: Error code: 429 - {'error': {'message': 'Rate limit reached for requests'}}"
    records = [f"2026-10-05T10:00:07Z ERROR 429 from upstream\n{body}\n"] * 5
    records += [f"2026-10-05T10:00:08Z ERROR it failed\n{frames}{raised}\n"] * 4
    healthy = "2026-10-05T10:00:09Z INFO all is well with everything\n" * 2_000
    first, second = decode_stream(io.BytesIO((healthy + "".join(records)).encode()).read).findings
    assert (first.count, first.limit, first.first_line) == (5, 30_000, 2_001)
    assert (second.count, second.dimension) == (4, Dimension.REQUESTS)


PIECES = (
    "", "429", "529 overloaded_error Overloaded", "rate limit reached", "model=gpt-4o 200 429ms", "quota", "Throttling",
    "HTTP 429 Too Many Requests, retry after 7 seconds", "limit", "ok", "请求频率过高",
    'failed\nTraceback (most recent call last):\n  File "a.py", line 3\nopenai.RateLimitError: Error code: 429 - limit',
    'HTTP 429\n{\n  "error": {\n    "message": "Rate limit reached",\n    "code": "rate_limit_exceeded"\n  }\n}',
)  # fmt: skip


@given(
    lines=st.lists(
        st.tuples(st.sampled_from(PIECES), st.integers(0, 9_999), st.integers(0, 70), st.booleans()), max_size=60
    ),
    seed=st.randoms(use_true_random=False),
)
def test_any_cut_of_a_log_gives_the_same_findings(lines: list[tuple[str, int, int, bool]], seed: random.Random) -> None:
    """One block, many blocks, two readers that take parts as they come: findings, counts, places, delays, timeline."""
    texts = []
    for n, (piece, number, width, refused) in enumerate(lines):
        said = SENTENCE.format(asked=number, delay=f"{number % 97}.{n % 9}") if refused else piece
        texts.append(f"2026-10-05T10:{n % 60:02d}:07Z {'z' * width} worker={number} {said}\n".encode())
    whole = LogReader()
    whole.feed(b"".join(texts))
    cuts = [0, *sorted(seed.choices(range(len(texts) + 1), k=4)), len(texts)]
    readers = (LogReader(), LogReader())
    for part, (begin, end) in enumerate(pairwise(cuts)):
        reader = seed.choice(readers)
        reader.begin(part)
        while begin < end:
            taken = seed.randint(1, end - begin)
            reader.feed(b"".join(texts[begin : begin + taken]))
            begin += taken
    first, second = seed.sample([pickle.loads(pickle.dumps(reader)) for reader in readers], k=2)
    first.merge(second)
    assert first.parts == {0, 1, 2, 3, 4}
    assert first.report("-") == whole.report("-")


# What may stand where another record has an id: ids of every kind, and words that say something.
WORDS = (
    "req_0a1b2c3d4e5f", "9vB64JV2oECFnkrz8N8U", "pZIyVrSlewLsyjXm", "deadbeefcafe", "org-XkQzRtYuBvCw", "gpt-4o", "x42",
    "llama-v3p1-8b", "GPT4Turbo", "RateLimitError", "insufficient_quota", "TooManyRequests", "overloaded_error",
    "billing", "429", "529", "402", "7",
)  # fmt: skip
STAMPED = (
    '{stamp} ERROR call {} failed: Error code: 429 - {{"error": {{"message": "slow down {}", "code": "{}"}}}}',
    "{stamp} WARN [{}] 429 Rate limit reached for {} on tokens per min (TPM): Limit 30000, Used 29000, Requested {}.",
    '{stamp} INFO POST /v1/chat/completions "HTTP/1.1 200 OK" id={} limit={} took {}.429s',
)
OBJECTS = (
    '{{"ts": "{stamp}", "status": 200, "id": "{}", "model": "{}", "completion_tokens": 429, "note": "limit {}"}}',
    '{{"ts": "{stamp}", "upstream_status": 429, "id": "{}", "model": "{}", "error": "{}"}}',
)


def _lines_of(forms: tuple[str, ...]) -> st.SearchStrategy[list[tuple[str, str, str, str, int]]]:
    word = st.sampled_from(WORDS)
    return st.lists(st.tuples(st.sampled_from(forms), word, word, word, st.integers(0, 59)), min_size=1, max_size=60)


@given(_lines_of(STAMPED) | _lines_of(OBJECTS), st.booleans())
def test_a_log_says_what_its_lines_say_one_by_one(lines: list[tuple[str, str, str, str, int]], thorough: bool) -> None:
    """Whatever words and ids change from line to line, nothing is counted that decoding each line would not find."""
    records = [
        form.format(*words, stamp=f"2026-10-05 10:{minute:02d}:07,429").encode() for form, *words, minute in lines
    ]
    reader = LogReader()
    reader._thorough = thorough
    reader.feed(b"\n".join(records) + b"\n")
    alone = Counter(
        key_of(each)
        for record in records
        for each in decode_stream(io.BytesIO(record).read).findings[:1]
        if each.category is not Category.NOT_RATE_LIMIT
    )
    assert Counter({key_of(each): each.count for each in reader.report("-").findings}) == alone


@pytest.mark.parametrize(
    "line",
    [
        '2026-10-01 00:05:29,429 INFO httpx HTTP Request: POST https://llm.example/v1/chat "HTTP/1.1 200 OK"',
        '2026-10-01 01:22:40,529 INFO worker-4 done in 8.429s',
        '{"ts": "2026-10-01T00:01:22Z", "status": 200, "prompt_tokens": 429, "completion_tokens":402, "user": "u429"}',
        '10.1.2.3 - - [01/Oct/2026:00:10:53 +0000] "POST /v1/chat HTTP/1.1" 200 429 "-" "-" 0.429',
        '{"level": "info", "latency_ms": 429, "msg": "done"}',
    ],
)  # fmt: skip
def test_a_number_that_is_no_status_refuses_nothing(line: str) -> None:
    """Milliseconds, sizes and counts that happen to be 429, beside a status that says 200 or none at all."""
    assert not decode_text(line).found


@pytest.mark.parametrize(
    "line",
    [
        '10.1.2.3 - - [01/Oct/2026:00:10:53 +0000] "POST /v1/chat HTTP/1.1" 429 211 "-" "-" 0.200',
        '{"ts": "2026-10-01T00:01:22Z", "upstream_status": 429, "latency_ms": 200}',
        "2026-10-01 00:05:29,200 WARN llm 429 slow down",
    ],
)
def test_a_status_is_found_where_it_stands(line: str) -> None:
    """In an access log, under a key of its own name, and alone where nothing else is called a status."""
    (finding,) = decode_text(line).findings
    assert (finding.status, finding.category) == (429, Category.RATE_LIMIT)


@given(st.binary(max_size=300), st.integers(0, 7))
def test_a_needle_is_found_wherever_it_stands(noise: bytes, which: int) -> None:
    """The C library's search and Python's own agree at every offset, block edges included."""
    needle = (*NEEDLES[:5], b"4", b"ii", b"4294")[which]
    block = (noise + needle) * 3 + b"i4m2i9t" * 12_000 + noise + needle
    # The C library's search ends at a zero byte: with and without one.
    block = block if which % 2 else block.replace(b"\0", b"")
    fast = searcher(block)(needle)
    at = -1
    while at + 1 <= len(block):
        found = block.find(needle, at + 1)
        assert fast(at + 1) == (found if found >= 0 else len(block))
        if found < 0 or (found > 2_000 and found < len(block) - 2_000):
            break
        at = found
    for start in (len(block) - len(needle), len(block) - 1, len(block)):
        found = block.find(needle, start)
        assert fast(start) == (found if found >= 0 else len(block))


@given(st.lists(st.binary(max_size=40), max_size=40), st.booleans())
def test_line_breaks_are_counted_as_python_counts_them(lines: list[bytes], zeros: bool) -> None:
    """By the C library in a large block, zero bytes, empty lines and missing ends included."""
    block = b"\n".join([*lines, b"x" * 40_000, *lines])
    block = block if zeros else block.replace(b"\0", b"")
    assert line_breaks(block) == block.count(b"\n")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="one process reads the file here")
@pytest.mark.parametrize("block_bytes", [4 << 20, 5_000, 997])
def test_a_log_read_by_two_processes_says_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block_bytes: int
) -> None:
    """Handing out parts changes nothing: against one process, for any size of block."""
    monkeypatch.setattr("ratecheck.net.parts.PART_BYTES", 30_000)
    monkeypatch.setattr("ratecheck.decode.stream._BLOCK_BYTES", block_bytes)
    path = tmp_path / "app.log"
    path.write_bytes(_log(3_000))
    with path.open("rb", buffering=0) as stream:
        one = decode_stream(stream.read)
    with path.open("rb", buffering=0) as stream:
        two = decode_file(stream, source="-", worth_bytes=100_000)
        # The bytes were read by place: had one process read them all, the file's own place would be its end.
        assert stream.tell() == 0
    assert two == one
    assert one.findings[0].count + one.findings[1].count + one.findings[2].count == 600


@pytest.mark.skipif(not hasattr(os, "fork"), reason="one process reads the file here")
def test_what_is_done_meanwhile_is_done_once_and_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other process reads on, to the end where it must; the findings are the same."""
    monkeypatch.setattr("ratecheck.net.parts.PART_BYTES", 30_000)
    path = tmp_path / "app.log"
    path.write_bytes(_log(3_000))
    done: list[int] = []
    with path.open("rb", buffering=0) as stream:
        one = decode_stream(stream.read)
    with path.open("rb", buffering=0) as stream:
        two = decode_file(stream, source="-", worth_bytes=100_000, meanwhile=lambda: done.append(os.getpid()))
    assert two == one
    assert done == [os.getpid()]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="one process reads the file here")
def test_a_helper_that_dies_is_made_good(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the second process ends without an answer, the first one reads what it had taken."""
    monkeypatch.setattr("ratecheck.net.parts.PART_BYTES", 30_000)
    path = tmp_path / "app.log"
    path.write_bytes(_log(3_000))
    with path.open("rb", buffering=0) as stream:
        one = decode_file(stream, source="-", worth_bytes=100_000)

    def fail(*_: object) -> bytes:
        raise MemoryError

    monkeypatch.setattr("pickle.dump", fail)
    with path.open("rb", buffering=0) as stream:
        assert decode_file(stream, source="-", worth_bytes=100_000) == one


def test_a_stdin_that_was_partly_read_is_read_on(tmp_path: Path) -> None:
    """What another program took from the same file stays taken, however large the file."""
    path = tmp_path / "app.log"
    path.write_bytes(_log(3_000))
    with path.open("rb", buffering=0) as stream:
        stream.seek(120_000)
        rest = decode_file(stream, source="-", worth_bytes=100_000)
        stream.seek(120_000)
        assert rest == decode_stream(stream.read)


@pytest.mark.parametrize("charset", ["gbk", "gb18030", "gb2312"])
def test_a_chinese_paste_is_read_in_the_charset_of_older_shells(charset: str) -> None:
    """Windows writes it in GBK; what is no Chinese is still read as it was."""
    words = "您当前使用该API的并发数过高,请降低并发"
    body = json.dumps({"error": {"code": "1302", "message": words}}, ensure_ascii=False)
    (found,) = decode_stream(io.BytesIO(body.encode(charset)).read).findings
    assert (found.category, found.message) == (Category.CONCURRENCY, words)
    for other in (body.encode(), "limite dépassée: 429 à 10 h".encode("latin-1"), b"429 \xff\xfe rate limit", b"ascii"):
        assert chinese_text(other) is None


def test_what_several_files_hold_is_told_apart(ratecheck: Ratecheck, tmp_path: Path) -> None:
    """Each finding names its file, two equal ones as well; each sentence of a server stands for itself."""
    names = [str(tmp_path / name) for name in ("a.txt", "b.txt", "c.txt")]
    for name, delay in zip(names, ("2", "7", "2"), strict=True):
        Path(name).write_text(SENTENCE.format(asked=1100, delay=delay))
    told = json.loads(ratecheck("decode", "--json", *names).stdout)
    assert [(found["source"], found["retry_after_s"]) for found in told["findings"]] == list(
        zip(names, (2.0, 7.0, 2.0), strict=True)
    )
    shown = ratecheck("decode", *names, env={"COLUMNS": "200"}).stdout
    assert all(name in shown for name in names)
    assert shown.count("- Rate limit reached") == 2


def test_a_sentence_is_quoted_from_a_whole_word_on() -> None:
    """Of a long log line, what stands far before the words that count is left out."""
    line = (
        "2026-11-29T12:00:00Z ERROR Requests to the ChatCompletions_Create Operation under Azure OpenAI API version "
        "2025-01-01 have exceeded token rate limit of your current OpenAI S0 pricing tier. Please retry after 34 s."
    )
    (found,) = decode_text(line).findings
    assert (found.message or "").startswith("Requests to the")
