"""New projects: every template builds and runs, and nothing is overwritten."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.browser import opened_browser, visit
from tests.conftest import require_tool
from wasmrun_py.model.errors import UsageError
from wasmrun_py.scaffold.new_project import create_project, find_templates

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Wasmrun

# Template -> the arguments of exec that follow the project, and what is then printed.
PROGRAMS = {
    "c": (["one"], "Hello from fresh!\nargument 1: one\n"),
    "cpp": (["Ada"], "Hello, Ada!\n"),
    "c-library": (["--call", "least_common_multiple", "4", "6"], "12\n"),
}


@pytest.mark.network
def test_a_new_assemblyscript_project_builds_and_runs(wasmrun: Wasmrun) -> None:
    """The same for the template whose compiler comes from npm."""
    assert wasmrun("init", "fresh", "-t", "assemblyscript").code == 0
    finished = wasmrun("exec", "fresh", "--call", "fibonacci", "50")
    assert (finished.out, finished.code) == ("12586269025\n", 0), finished.err


@pytest.mark.network
@pytest.mark.slow
def test_a_new_python_project_builds_and_runs(wasmrun: Wasmrun) -> None:
    """The same for the template whose toolchain comes from PyPI."""
    assert wasmrun("init", "fresh", "-t", "python").code == 0
    finished = wasmrun("exec", "fresh", "Ada")
    assert (finished.out, finished.code) == ("Hello, Ada!\n", 0), finished.err


@pytest.mark.parametrize("template", PROGRAMS)
def test_a_new_project_builds_and_runs(wasmrun: Wasmrun, tmp_path: Path, template: str) -> None:
    """What init writes is a project that works at once."""
    require_tool("emcc")
    created = wasmrun("init", "fresh", "-t", template, "--json").document
    assert "README.md" in created["files"]
    assert created["project"] == str(tmp_path / "fresh")
    args, printed = PROGRAMS[template]
    finished = wasmrun("exec", "fresh", *args)
    assert (finished.out, finished.code) == (printed, 0), finished.err


def test_the_web_template_builds_its_page(wasmrun: Wasmrun, tmp_path: Path) -> None:
    """The page, its script and its module lie in the output folder together, and work in a browser."""
    require_tool("emcc")
    assert wasmrun("init", "fresh", "-t", "web-c").code == 0
    assert wasmrun("compile", "fresh").code == 0
    assert {"index.html", "fresh.js", "fresh.wasm"} <= {
        path.name for path in (tmp_path / "fresh/dist").iterdir()
    }
    with opened_browser() as browser:
        until = "document.getElementById('output').textContent !== ''"
        seen = visit(browser, tmp_path / "fresh" / "dist", until=until)
    assert seen.output == "Hello from fresh, in the browser!\n"


@pytest.mark.network
def test_a_new_python_page_shows_its_output(wasmrun: Wasmrun, tmp_path: Path) -> None:
    """In a real browser, with the arguments that stand in the address."""
    assert wasmrun("init", "fresh", "-t", "python-web").code == 0
    built = wasmrun("compile", "fresh")
    assert built.code == 0, built.err
    with opened_browser() as browser:
        seen = visit(browser, tmp_path / "fresh" / "dist", query="?arg=Ada")
    assert (seen.output, seen.exit_code) == ("Hello, Ada!\nThis is Python 3.12.7 in your browser.\n", 0)
    assert seen.hosts == {"127.0.0.1"}


@pytest.mark.parametrize("template", find_templates())
def test_every_template_says_how_to_go_on(tmp_path: Path, template: str) -> None:
    """Each has a README with the commands, and no placeholder is left anywhere."""
    files = create_project("fresh", template, parent=tmp_path)
    assert "wasmrun " in (tmp_path / "fresh" / "README.md").read_text(encoding="utf-8")
    for file in files:
        assert "{{" not in (tmp_path / "fresh" / file).read_text(encoding="utf-8")
    assert [path.name for path in tmp_path.iterdir()] == ["fresh"]


def test_nothing_is_overwritten(wasmrun: Wasmrun, tmp_path: Path) -> None:
    """A folder with something in it stays as it is; an empty one is used."""
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "mine").write_text("mine", encoding="utf-8")
    finished = wasmrun("init", "taken", "-t", "c")
    assert finished.code == 2
    assert "already there" in finished.err
    assert [path.name for path in (tmp_path / "taken").iterdir()] == ["mine"]
    (tmp_path / "empty").mkdir()
    assert wasmrun("init", "empty", "-t", "c").code == 0


@pytest.mark.parametrize(
    "name", ["../x", "a/b", "-rf", ".hidden", "CON", "nul.txt", "x\n", "", "x" * 65, "a."]
)
def test_a_name_must_be_a_folder_name_everywhere(tmp_path: Path, name: str) -> None:
    """Names that lead elsewhere or that some system reserves are refused before anything is written."""
    with pytest.raises(UsageError, match="cannot be a project's name"):
        create_project(name, "c", parent=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_is_missing_is_told(wasmrun: Wasmrun) -> None:
    """Without a name or template, the hint shows a whole line and lists the templates."""
    for args in ([], ["fresh"], ["fresh", "-t", "cobol"]):
        finished = wasmrun("init", *args)
        assert finished.code == 2
        assert "web-c" in finished.err
