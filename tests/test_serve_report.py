"""The report of ``serve`` as a page: what is worth a chart, and lines that can be told apart."""

from dataclasses import replace

import pytest

from ratecheck import provider
from ratecheck.net.emulator import Emulator
from ratecheck.net.recording import Witness
from ratecheck.net.served import Head
from ratecheck.render import serve as rendered
from ratecheck.render.page import Style, render
from ratecheck.serve import Remaining, ServeReport, Session


def report(*remaining: Remaining, requests: int = 9) -> ServeReport:
    session = Session(provider.get("openai-free"), charges_refusals=True, started_ns=0)
    return replace(session.report(20 * 10**9), requests=requests, requests_ok=requests, remaining=remaining)


def left(name: str, limit: int, *amounts: int) -> Remaining:
    return Remaining(name, limit, None, tuple((float(second), amount) for second, amount in enumerate(amounts)))


def text(of: ServeReport, width: int = 100, *, color: bool = False) -> str:
    return render(rendered.page(of), Style(width=width, color=color, unicode=True))


def test_a_limit_that_nobody_felt_draws_no_chart() -> None:
    """A straight line at 100 % says nothing that the bar has not said."""
    untouched = left("RPM", 100_000, 100_000, 99_990, 100_000)
    assert "Left over time" not in text(report(untouched))
    assert "Left over time" in text(report(untouched, left("TPM", 100, 100, 10, 50)))


@pytest.mark.parametrize("color", [True, False])
def test_lines_of_one_colour_have_marks_of_their_own(color: bool) -> None:
    """Two limits that did well are both green; then the marks tell them apart, in colour as without."""
    lines = (left("RPM", 3, 3, 1, 0), left("RPD", 200, 200, 199, 198), left("TPM", 400, 400, 390, 380))
    shown = text(report(*lines), color=color)
    legend = next(line for line in shown.splitlines() if "RPD" in line and "TPM" in line)
    assert all(mark in legend for mark in "*+o"), legend
    assert ("\x1b" in shown) is color


@pytest.mark.parametrize("width", [60, 100, 160])
def test_the_report_keeps_within_the_terminal(width: int) -> None:
    """No line is wider than the terminal."""
    lines = (left("RPM", 3, 3, 1, 0), left("requests in 10 s", 200, 200, 199, 198))
    assert max(map(len, text(report(*lines), width).splitlines())) <= width


def test_the_log_says_what_the_headers_said() -> None:
    """2,000 tokens a second come back: what a line says is left is what its own answer said, not what is left later."""
    ticks = iter(range(1, 100))
    profile = provider.get("azure-s0")
    imitated = provider.Provider(profile)
    said: list[str] = []
    witness = Witness(Session(profile, charges_refusals=True, started_ns=0), imitated, 0, say=said.append)
    emulator = Emulator(imitated, lambda: next(ticks) * 10**7, observer=witness)
    head = Head("POST", "/v1/chat/completions", b"", [(b"api-key", b"k")])
    answer = emulator.at_once(
        head, ("127.0.0.1", 1), b'{"model":"m","messages":[{"role":"user","content":"hi"}],"max_tokens":5}'
    )
    assert answer is not None
    left = int(answer.header("x-ratelimit-remaining-tokens") or 0)
    assert left < 120_000
    assert f"TPM {left:,}/120,000" in said[0]
