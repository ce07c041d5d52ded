from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.conftest import require_tool
from wasmrun_py.model.errors import MissingToolError, ToolCrashedError
from wasmrun_py.toolchain.find import find_tool
from wasmrun_py.toolchain.version import load_emcc_version, load_version, parse_version


def _program(folder: Path, name: str, body: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path


def test_the_first_folder_of_path_wins(tmp_path: Path) -> None:
    """A tool in an earlier folder hides the one in a later folder."""
    first = _program(tmp_path / "one", "tool", "true")
    _program(tmp_path / "two", "tool", "true")
    environ = {"PATH": f"{tmp_path / 'one'}{os.pathsep}{tmp_path / 'two'}"}
    assert find_tool("tool", environ) == first


@pytest.mark.parametrize("path", ["", ".", "bin", f"{os.pathsep}{os.pathsep}"])
def test_relative_and_empty_entries_of_path_are_passed_over(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tool in the current folder is never found, and neither is one on wasmrun's own PATH."""
    _program(tmp_path, "sh", "true")
    _program(tmp_path / "bin", "sh", "true")
    monkeypatch.chdir(tmp_path)
    assert find_tool("sh", {"PATH": path}) is None


def test_no_path_variable_finds_nothing() -> None:
    """An environment without PATH has no tools; the process's own PATH is not consulted."""
    assert find_tool("sh", {}) is None


def test_a_file_that_is_not_executable_is_not_a_tool(tmp_path: Path) -> None:
    """Only what may be run counts."""
    _program(tmp_path, "tool", "true").chmod(0o644)
    assert find_tool("tool", {"PATH": str(tmp_path)}) is None


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("Debian clang version 14.0.6\nTarget: x86_64", "14.0.6"),
        ("emcc (Emscripten gcc/clang-like replacement) 3.1.6 ()", "3.1.6"),
        ("0.13.0\n", "0.13.0"),
        ("no number here", None),
        ("", None),
    ],
)
def test_version_is_the_first_dotted_number(text: str, version: str | None) -> None:
    """Every compiler's greeting holds its version as the first number with a dot."""
    assert parse_version(text) == version


def test_emcc_version_comes_from_the_file_beside_it(tmp_path: Path) -> None:
    """The version file is read through links, and emcc itself is not run."""
    real = _program(tmp_path / "share", "emcc", "exit 9")
    (tmp_path / "share" / "emscripten-version.txt").write_text('"4.0.1"\n')
    (tmp_path / "bin").mkdir()
    link = tmp_path / "bin" / "emcc"
    link.symlink_to(real)
    assert load_emcc_version(link, {}) == "4.0.1"


def test_emcc_without_a_version_file_is_run(tmp_path: Path) -> None:
    """A wrapper somewhere else is asked with --version."""
    emcc = _program(tmp_path, "emcc", 'echo "emcc (Emscripten) 2.0.9"')
    assert load_emcc_version(emcc, {}) == "2.0.9"


def test_real_emcc_says_the_same_when_it_is_run() -> None:
    """The file and the tool agree."""
    emcc = require_tool("emcc")
    ran = subprocess.run([emcc, "--version"], capture_output=True, text=True, check=True)
    assert load_emcc_version(Path(emcc), dict(os.environ)) == parse_version(ran.stdout)


def test_a_broken_tool_is_named_with_its_last_words(tmp_path: Path) -> None:
    """A tool that exits 1 is an error that names the file, the exit code and what the tool said."""
    tool = _program(tmp_path, "emcc", "echo no python here; exit 1")
    with pytest.raises(ToolCrashedError) as caught:
        load_version((str(tool), "--version"), {})
    assert str(tool) in caught.value.message
    assert "exit code 1" in caught.value.message
    assert "no python here" in caught.value.message
    assert "--toolchain" in caught.value.hint


def test_a_tool_that_a_signal_ends_is_named_with_the_signal(tmp_path: Path) -> None:
    """A crash during the version question is reported as a crash."""
    tool = _program(tmp_path, "zig", "kill -SEGV $$")
    with pytest.raises(ToolCrashedError, match="SIGSEGV"):
        load_version((str(tool), "version"), {})


def test_a_tool_that_says_no_version_is_broken(tmp_path: Path) -> None:
    """An answer without a number is not a version."""
    tool = _program(tmp_path, "zig", "echo hello")
    with pytest.raises(ToolCrashedError, match="names no version"):
        load_version((str(tool), "version"), {})


def test_a_tool_that_is_gone_is_missing(tmp_path: Path) -> None:
    """Asking a program that does not exist says that it is missing."""
    with pytest.raises(MissingToolError):
        load_version((str(tmp_path / "zig"), "version"), {})
