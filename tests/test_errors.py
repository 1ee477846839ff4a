"""A name that nothing has is answered with the nearest ones, in one wording everywhere."""

import pytest
from conftest import Ratecheck

from ratecheck.errors import no_such


def test_the_nearest_names_or_what_is_said_otherwise_or_all() -> None:
    """Three at most; what is nowhere near gets the other hint, or the whole list."""
    near = no_such("colour", "gren", ["green", "grey", "greed", "red", "blue"])
    assert (near.message, near.hint) == ("no colour is called 'gren'", "did you mean green or grey or greed?")
    assert no_such("colour", "xyz", ["green", "red"]).hint == "one of green, red"
    assert no_such("colour", "xyz", ["green", "red"], "look at the wall").hint == "look at the wall"
    assert len(no_such("colour", "x" * 10_000, ["green"]).message) < 100


@pytest.mark.parametrize(
    ("arguments", "near"),
    [
        (["simulat"], "simulate"),
        (["simulate", "--rpm", "3", "--policy", "openai-pyhton"], "openai-python"),
        (["simulate", "--rpm", "3", "--policy", "openai"], "openai-python or openai-node"),
        (["simulate", "--rpm", "3", "--limiter", "token-buckt"], "token_bucket"),
        (["simulate", "--rpm", "3", "--throttle", "tokenbucket"], "token-bucket"),
        (["simulate", "--profile", "groq-fre"], "groq-free"),
        (["serve", "--provider", "anthropc"], "anthropic"),
        (["headers", "--provider", "mistrl", "--dry-run"], "mistral"),
        (["headers", "--demo", "azure-s1"], "azure-s0"),
        (["estimate", "--provider", "grok"], "groq"),
        (["estimate", "--charging", "openai-chat"], "openai-chat-2025"),
        (["explain", "RC31"], "RC301"),
    ],
)
def test_every_command_says_the_nearest_name(ratecheck: Ratecheck, arguments: list[str], near: str) -> None:
    """Exit code 2, one line, and the name that was probably meant."""
    done = ratecheck(*arguments, stdin="words")
    assert done.returncode == 2, done.stdout
    error, hint = done.stderr.splitlines()
    assert "called" in error
    assert near in hint.partition("did you mean")[2], done.stderr
