"""Finding codes: one table, the same in the program and in the README."""

import re

import pytest
from conftest import ROOT

from ratecheck.diagnose.codes import AREAS, CODES, Code, area_of
from ratecheck.diagnose.codes.row import ITSELF


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
    assert row.source == ITSELF or row.source.url.startswith("https://")
    assert row.meaning.endswith(".")
    assert row.do.endswith(".")


# Where findings are made, and the commands that show what is made there.
MAKERS = {
    "diagnose/readings.py": ("headers", "decode"), "diagnose/traffic.py": ("watch", "serve"),
    "simulate/": ("simulate",), "estimate/": ("estimate",), "identify/": ("probe",),
}  # fmt: skip


def test_the_commands_that_a_code_names_are_those_that_make_it() -> None:
    """`explain` says who reports a code; that is where the code stands in the source, for each of them and no other."""
    package = ROOT / "ratecheck"
    made: dict[str, set[str]] = {}
    for path in package.rglob("*.py"):
        where = path.relative_to(package).as_posix()
        if where.startswith(("diagnose/codes/", "explain/")):
            continue
        for code in re.findall(r'"(RC\d{3})"', path.read_text("utf-8")):
            commands = [names for maker, names in MAKERS.items() if where.startswith(maker)]
            assert commands, f"{where} makes {code}, and no command is known to show it"
            made.setdefault(code, set()).update(*commands)
    assert made == {code: {*area_of(code).commands, *row.also} for code, row in CODES.items()}


def test_areas_hold_all_codes_in_order() -> None:
    """Each code stands in the area of its hundred."""
    assert [row.code for area in AREAS for row in area.rows] == list(CODES)
    assert all(row.code.startswith(area.prefix) for area in AREAS for row in area.rows)
