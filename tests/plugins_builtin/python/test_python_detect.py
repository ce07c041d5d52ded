"""Which folders are Python programs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from plugins_builtin.c.detect import match_project as match_c
from plugins_builtin.python.detect import match_project
from wasmrun_py.model.manifest import Match, MatchKind, NoMatch

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Wasmrun


def write(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    return folder


@pytest.mark.parametrize(
    ("files", "kind", "reason"),
    [
        (("main.py",), MatchKind.ENTRY_FILE, "main.py is there"),
        (("app.py", "x.py"), MatchKind.ENTRY_FILE, "app.py is there"),
        (("__main__.py",), MatchKind.ENTRY_FILE, "__main__.py is there"),
        (("src/main.py", "pyproject.toml"), MatchKind.ENTRY_FILE, "src/main.py is there"),
        (("pyproject.toml", "tool.py"), MatchKind.PROJECT_FILE, "pyproject.toml and tool.py are there"),
        (("requirements.txt", "tool.py"), MatchKind.PROJECT_FILE, "requirements.txt and tool.py are there"),
        (
            ("pyproject.toml", "src/tool/__main__.py"),
            MatchKind.PROJECT_FILE,
            "pyproject.toml and src/tool/__main__.py are there",
        ),
        (("tool.py",), MatchKind.EXTENSION, "tool.py is there"),
    ],
)
def test_a_python_program_is_recognised(
    tmp_path: Path, files: tuple[str, ...], kind: MatchKind, reason: str
) -> None:
    """Entry files, then project files beside some Python, then any Python; the reason names the files."""
    match = match_project(write(tmp_path, *files))
    assert isinstance(match, Match)
    assert (match.kind, match.reason) == (kind, reason)


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ((), "no *.py in ., src/ or a package in them"),
        (("pyproject.toml",), "a pyproject.toml is there, but no *.py in ., src/ or a package in them"),
        (("lib/deep/x.py",), "no *.py in ., src/ or a package in them"),
    ],
)
def test_other_folders_are_told_what_was_looked_for(
    tmp_path: Path, files: tuple[str, ...], reason: str
) -> None:
    """A pyproject.toml alone is no Python program; the answer says what is missing."""
    assert match_project(write(tmp_path, *files)) == NoMatch(reason=reason)


def test_a_project_file_does_not_beat_another_languages_entry_file(tmp_path: Path) -> None:
    """A C project with a pyproject.toml and a script for its build stays a C project."""
    write(tmp_path, "main.c", "pyproject.toml", "build_helper.py")
    python, c = match_project(tmp_path), match_c(tmp_path)
    assert isinstance(python, Match)
    assert isinstance(c, Match)
    assert python.confidence < c.confidence


def test_two_languages_entry_files_tie(tmp_path: Path, wasmrun: Wasmrun) -> None:
    """main.c beside main.py: the user is asked, with both candidates named."""
    write(tmp_path / "both", "main.c", "main.py")
    finished = wasmrun("compile", tmp_path / "both", "--json")
    assert finished.code == 2
    assert finished.document["error"]["code"] == "ambiguous-project"
    assert "c and python" in finished.document["error"]["message"]
