"""The command line itself: help, mistakes, paths."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.conftest import without_privileges

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Wasmrun

COMMANDS = ["run", "compile", "exec", "verify", "inspect", "detect", "clean"]


def test_without_arguments_help_is_shown(wasmrun: Wasmrun) -> None:
    """A bare ``wasmrun`` lists the commands on stdout, and nothing on stderr."""
    finished = wasmrun()
    assert finished.code == 0
    assert finished.err == ""
    for command in COMMANDS:
        assert command in finished.out


@pytest.mark.parametrize("command", [*COMMANDS, "build", "c", "dev", "serve"])
def test_every_command_has_help(wasmrun: Wasmrun, command: str) -> None:
    """Each command and alias describes itself and its options."""
    finished = wasmrun(command, "--help")
    assert finished.code == 0
    assert "--json" in finished.out


@pytest.mark.parametrize(
    ("args", "code", "message", "hint"),
    [
        (["inspekt"], 2, "No such command 'inspekt'", "Did you mean: wasmrun inspect"),
        (["./project"], 2, "./project does not exist", ""),
        (
            ["compile", "--optimisation", "size"],
            2,
            "No such option: --optimisation",
            "wasmrun compile --help",
        ),
        (["build", "--nope"], 2, "No such option: --nope", "wasmrun compile --help"),
        (["verify"], 2, "A path is missing", "-p/--path"),
        (["compile", ""], 2, "The path is empty", "current folder"),
        (["compile", "nope"], 2, "nope does not exist", ""),
        (["verify", "nope.wasm"], 2, "nope.wasm does not exist", ""),
        (["detect", "x" * 4000], 2, "The path is too long (4000 characters)", ""),
        (["exec", "nope.wasm"], 127, "nope.wasm does not exist", ""),
        (["exec"], 125, "What to run is missing", "wasmrun exec ./project"),
        (["exec", "--nope", "x.wasm"], 125, "No such option: --nope", "wasmrun exec --help"),
        (["exec", "--timeout", "soon", "x.wasm"], 125, "Invalid value for '--timeout'", ""),
        (["exec", "--timeout", "0", "x.wasm"], 125, "--timeout must be more than 0", ""),
        (["exec", "--max-memory", "lots", "x.wasm"], 125, "'lots' is not a size", "MiB"),
    ],
)
def test_mistakes_are_answered(wasmrun: Wasmrun, args: list[str], code: int, message: str, hint: str) -> None:
    """The message names what is wrong, the hint what to type, and there is no traceback."""
    finished = wasmrun(*args)
    assert finished.code == code
    assert finished.out == ""
    assert finished.err.startswith("error: ")
    assert message in finished.err
    assert hint in finished.err
    assert "Traceback" not in finished.err


@pytest.mark.parametrize("command", COMMANDS)
def test_mistakes_are_one_document_with_json(wasmrun: Wasmrun, command: str) -> None:
    """With --json the failure is the one document on stdout, in the schema's shape."""
    finished = wasmrun(command, "--json", "does-not-exist")
    document = finished.document
    assert (document["schema"], document["command"], document["ok"]) == (1, command, False)
    assert set(document["error"]) == {"code", "message", "hint", "exit_code", "diagnostics"}
    assert document["error"]["exit_code"] == finished.code
    assert finished.code == (127 if command == "exec" else 2)


def test_a_near_path_is_suggested(wasmrun: Wasmrun, tmp_path: Path) -> None:
    """A mistyped path is answered with the one beside it."""
    (tmp_path / "project").mkdir()
    assert f"Did you mean {tmp_path / 'project'}?" in wasmrun("compile", "projcet").err


def test_the_wrong_kind_of_path_is_told(wasmrun: Wasmrun, tmp_path: Path) -> None:
    """A file where a folder is expected, and the reverse."""
    (tmp_path / "main.c").write_text("", encoding="utf-8")
    assert "main.c is a file, and a project is a folder" in wasmrun("compile", "main.c").err
    assert f"Give the folder: {tmp_path}" in wasmrun("detect", "main.c").err
    assert ". is a folder, and a .wasm file is needed" in wasmrun("verify", ".").err
    os.mkfifo(tmp_path / "pipe")
    assert "pipe is not an ordinary file" in wasmrun("inspect", "pipe").err


def test_a_link_to_itself_is_told(wasmrun: Wasmrun, tmp_path: Path) -> None:
    """A loop of links is an ordinary error."""
    (tmp_path / "loop").symlink_to("loop")
    assert "leads back to itself" in wasmrun("compile", "loop").err


def test_an_unreadable_folder_is_told(environ: dict[str, str], tmp_path: Path) -> None:
    """A folder that the system refuses to list is named, with the reason, exit 2."""
    (tmp_path / "locked").mkdir(mode=0o000)
    command = without_privileges(sys.executable, "-m", "wasmrun_py", "compile", "locked")
    finished = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False)
    assert "locked cannot be read: Permission denied" in finished.stderr
    assert finished.returncode == 2


def test_the_positional_path_wins(wasmrun: Wasmrun, tmp_path: Path) -> None:
    """-p is the same as the argument, which wins when both are there."""
    (tmp_path / "a.wasm").write_bytes(b"\0asm\1\0\0\0")
    assert wasmrun("verify", "-p", "a.wasm").code == 0
    assert wasmrun("verify", "--path", "missing.wasm", "a.wasm").code == 0
    assert wasmrun("verify", "-p", "a.wasm", "missing.wasm").code == 2


def test_stdout_may_be_closed_early(environ: dict[str, str], tmp_path: Path) -> None:
    """``wasmrun … | head`` ends without a traceback."""
    (tmp_path / "a.wasm").write_bytes(b"\0asm\1\0\0\0")
    finished = subprocess.run(
        ["/bin/sh", "-c", f"{sys.executable} -m wasmrun_py inspect --json a.wasm | true"],
        cwd=tmp_path,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.stderr == ""


def test_a_removed_working_folder_is_survived(environ: dict[str, str], tmp_path: Path) -> None:
    """The folder a shell stands in may be gone; absolute paths still work."""
    (tmp_path / "a.wasm").write_bytes(b"\0asm\1\0\0\0")
    (tmp_path / "gone").mkdir()
    script = f"cd gone && rmdir ../gone && {sys.executable} -m wasmrun_py verify {tmp_path / 'a.wasm'}"
    finished = subprocess.run(
        ["/bin/sh", "-c", script], cwd=tmp_path, env=environ, capture_output=True, text=True, check=False
    )
    assert (finished.returncode, finished.stderr) == (0, "")


def test_names_from_outside_cannot_drive_the_terminal(wasmrun: Wasmrun, tmp_path: Path) -> None:
    """Escape sequences in an export's name are shown, not obeyed."""
    import wasmtime  # noqa: PLC0415 - 50 ms for this test only

    module = wasmtime.wat2wasm('(module (func (export "\\1b]0;owned\\07\\e2\\80\\ae")))')
    (tmp_path / "a.wasm").write_bytes(bytes(module))
    finished = wasmrun("inspect", "a.wasm")
    assert "\\x1b]0;owned\\x07\\u202e" in finished.out
    assert "\x1b" not in finished.out


def test_a_defect_is_told_as_one(tmp_path: Path, environ: dict[str, str]) -> None:
    """An exception nobody expected is one line with a hint, exit 70; the traceback is there on request."""
    code = (
        "import sys; import wasmrun_py.cli.app as app; from wasmrun_py.cli import main;"
        "app.build_app = lambda argv: 1 // 0; sys.exit(main.run(['detect', '--json']))"
    )
    command = [sys.executable, "-c", code]
    finished = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False)
    assert finished.returncode == 70
    assert "Internal error: ZeroDivisionError" in finished.stdout
    assert "Traceback" not in finished.stderr
    finished = subprocess.run(
        command,
        cwd=tmp_path,
        env={**environ, "WASMRUN_TRACEBACK": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" in finished.stderr
