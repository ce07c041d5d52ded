"""docs/ci.md: its commands are run as they are written, on a project."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.conftest import copy_project
from tests.toolchain.recording import session_home
from wasmrun_py.report.request import ReportFormat

if TYPE_CHECKING:
    from tests.conftest import Wasmrun

_DOCS = (Path(__file__).parents[2] / "docs" / "ci.md").read_text("utf-8")
_MATRIX = {"${{ matrix.toolchain }}": "zig", "${{ matrix.level }}": "size", "$LEVEL": "release"}


def find_commands(block: str) -> list[str]:
    """The lines of a workflow that run wasmrun, whole and without its expressions."""
    joined = re.sub(r"\\\n\s*", "", block)
    found = re.findall(r"^\s*(?:- )?(?:run: )?(wasmrun .*)$", joined, re.MULTILINE)
    for expression, value in _MATRIX.items():
        found = [line.replace(expression, value) for line in found]
    return found


_BLOCKS = re.findall(r"```yaml\n(.*?)```", _DOCS, re.DOTALL)


@pytest.mark.parametrize(("number", "count"), [(0, 3), (1, 2)], ids=["github", "gitlab"])
@pytest.mark.slow
def test_the_commands_of_a_workflow_work(
    environ: dict[str, str],
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    number: int,
    count: int,
) -> None:
    """In their order, in a shell, in a checkout; and what the workflow uploads is there."""
    commands = find_commands(_BLOCKS[number])
    assert len(commands) == count
    assert not [line for line in commands if "{{" in line]
    project = copy_project("c-hello", tmp_path)
    beside = Path(sys.executable).parent
    home = session_home(tmp_path_factory, "zig-home").root
    env = {
        **environ,
        "PATH": f"{beside}{os.pathsep}{environ['PATH']}",
        "WASMRUN_HOME": str(home),
        "CI_PROJECT_DIR": str(project),
    }
    for command in commands:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", command],
            cwd=project,
            env=env,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stderr}"
    uploaded = re.findall(r"(reports/[\w.]+\.\w+)", _BLOCKS[number].partition("- uses: github/codeql")[2])
    uploaded += re.findall(r"(?:codequality|junit): (\S+)", _BLOCKS[number])
    assert uploaded
    for name in uploaded:
        assert (project / name).is_file()
    assert list((project / "dist").glob("*.wasm"))


def test_every_format_is_documented() -> None:
    """A row for each word that ``--report`` takes, and no other."""
    table = _DOCS.partition("| format | for | holds |")[2].partition("\n\n")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == set(ReportFormat)


def test_every_event_has_the_members_that_are_documented(
    wasmrun: Wasmrun, project: Path, tmp_path: Path
) -> None:
    """Of a good build and of a broken one; beside the three that all have."""
    table = _DOCS.partition("| event | members |")[2].partition("\n\n")[0]
    rows = re.findall(r"^\| `([\w-]+)` \| (.*) \|$", table, re.MULTILINE)
    documented = {
        name: set(re.findall(r"`(\w+)[` ]", re.sub(r"\([^)]*\)|\{[^}]*\}", "", text))) for name, text in rows
    }
    wasmrun("compile", project, "--report", "ndjson=a")
    (project / "main.c").write_text("int main(void) { return x; }\n", encoding="utf-8")
    wasmrun("compile", project, "--report", "ndjson=b")
    seen = set()
    for line in (tmp_path / "a").read_text("utf-8").splitlines() + (tmp_path / "b").read_text(
        "utf-8"
    ).splitlines():
        event = json.loads(line)
        assert event.keys() - {"event", "time_s", "project"} == documented[event["event"]]
        seen.add(event["event"])
    assert seen == documented.keys() - {"message"}
