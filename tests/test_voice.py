"""One voice: whatever the command, the terminal and the width, the screen stays readable."""

import re

import pytest
from conftest import Ratecheck

TRACEBACK = """\
  File "/srv/app/ask.py", line 7, in ask
    raise self._make_status_error_from_response(err.response) from None
openai.RateLimitError: Error code: 429 - {'error': {'code': '429', 'message': 'Requests to the ChatCompletions_Create \
Operation under Azure OpenAI API version 2024-10-21 have exceeded call rate limit of your current OpenAI S0 pricing \
tier. Please retry after 41 seconds.'}}
"""

# Each with what it reads from stdin.
SCREENS = {
    "headers --demo": "",
    "headers --demo openai-free --count 4 --every 0": "",
    "headers --demo groq-free --raw": "",
    "probe --demo --yes --to-the-wall": "",
    "decode": TRACEBACK,
    "estimate - --rpm 3 --tpm 90 --max-output-tokens 80": "Why is the sky blue? 为什么天空是蓝色的?",
    "simulate --rpm 3": "",
    "simulate --rpm 20 --rate 30/min --duration 120 --compare": "",
    "simulate --list-policies": "",
    "explain": "",
    "explain RC301": "",
    "explain openai-python": "",
    "explain azure": "",
}


@pytest.mark.parametrize("width", [60, 100, 160])
@pytest.mark.parametrize("screen", SCREENS)
def test_no_line_is_wider_than_the_terminal_but_code_to_copy(ratecheck: Ratecheck, screen: str, width: int) -> None:
    """Sentences, tables, bars and charts fit; code and addresses are never broken. No escape codes."""
    done = ratecheck(*screen.split(), stdin=SCREENS[screen], env={"COLUMNS": str(width)})
    assert done.returncode in (0, 1), done.stderr
    assert "\x1b" not in done.stdout
    wide = [line for line in done.stdout.splitlines() if len(line) > width]
    assert all("://" in line or (line.startswith("    ") and re.search(r"[(=].*[)\]]", line)) for line in wide), wide


@pytest.mark.parametrize("screen", SCREENS)
def test_a_terminal_without_unicode_loses_nothing_of_ours(ratecheck: Ratecheck, screen: str) -> None:
    """Arrows, dots and box lines have plain stand-ins: a question mark stands only where one was meant."""
    plain = ratecheck(
        *screen.split(), stdin=SCREENS[screen], env={"COLUMNS": "100", "PYTHONIOENCODING": "ascii:replace"}
    )
    shown = ratecheck(*screen.split(), stdin=SCREENS[screen], env={"COLUMNS": "100"})
    assert plain.stdout.isascii()
    assert plain.stdout.count("?") == shown.stdout.count("?")


@pytest.mark.parametrize("screen", SCREENS)
def test_findings_and_advice_are_whole_sentences(ratecheck: Ratecheck, screen: str) -> None:
    """What is said under a code, and what to do about it, begins and ends as a sentence does; code stands as it is."""
    done = ratecheck(*screen.split(), stdin=SCREENS[screen], env={"COLUMNS": "10000"})
    found = re.findall(r"^[✗!·] RC\d{3} (.+)$", done.stdout, re.MULTILINE)
    advice = re.findall(r"^ *→ (.+)$", done.stdout, re.MULTILINE)
    verdict = done.stdout.splitlines()[0]
    for said in (*found, *advice):
        first = said.split()[0]
        # A name (of a file, a client) keeps its own case.
        assert said[0].isupper() or not said[0].isalpha() or first in verdict or "-" in first, said
        assert said.endswith((".", "?", ")", "]")), said
