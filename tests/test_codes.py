"""Finding codes: one table, the same in the program and in the README."""

import re

import pytest
from conftest import ROOT

from ratecheck.diagnose.codes import CODES, Code


def test_the_readme_lists_every_code_with_its_title() -> None:
    """Whoever looks a code up in the README finds it, and nothing that is not there any more."""
    section = (ROOT / "README.md").read_text("utf-8").split("## Finding codes")[1].split("\n## ")[0]
    listed = re.findall(r"^\| (RC\d{3}) \| (.+?) \|$", section, flags=re.MULTILINE)
    assert listed == [(row.code, row.title) for row in CODES.values()]


def test_codes_are_unique_and_in_their_range() -> None:
    """A code never means two things, and its hundred says what kind of evidence it stands on."""
    codes = list(CODES)
    assert codes == sorted(set(codes))
    assert all(re.fullmatch(r"RC[1-5]\d\d", code) for code in codes)


@pytest.mark.parametrize("row", CODES.values(), ids=lambda row: row.code)
def test_each_code_says_what_how_and_what_to_do(row: Code) -> None:
    """A row without a meaning, a way to check it, advice or a source helps nobody."""
    assert all((row.title, row.meaning, row.tell, row.do))
    assert row.source.startswith("https://")
    assert row.meaning.endswith(".")
    assert row.do.endswith(".")
