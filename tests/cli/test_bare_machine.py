"""A machine with nothing but a shell, coreutils and a Python: the main job, from the first run to offline."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.conftest import copy_project
from tests.toolchain.registry import closed_registry

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

pytestmark = [pytest.mark.network, pytest.mark.slow, pytest.mark.timeout(600)]

COREUTILS = (
    *("basename", "cat", "chmod", "cp", "cut", "date", "dirname", "env", "expr", "false", "head", "id", "ln"),
    *("ls", "mkdir", "mktemp", "mv", "pwd", "readlink", "realpath", "rm", "rmdir", "sleep", "sort", "tail"),
    *("tee", "test", "touch", "tr", "true", "uname", "wc"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What the guest is given, and what it must answer."""

    args: tuple[str, ...]
    out: str
    code: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A fixture project, and what the first run of it installs."""

    project: str
    toolchain: str
    good: Run
    bad: Run


JOBS = (
    Job(
        project="as-hello",
        toolchain="node",
        good=Run(args=("wasm", "run"), out="wasm: 4 letters\nrun: 3 letters\n", code=0),
        bad=Run(args=("--fail",), out="", code=3),
    ),
    Job(
        project="py-hello",
        toolchain="componentize-py",
        good=Run(args=(), out="Hello from Python\n", code=0),
        bad=Run(args=("--fail",), out="Hello from --fail\n", code=3),
    ),
)


@pytest.fixture
def bare(environ: dict[str, str], tmp_path: Path) -> dict[str, str]:
    """An environment whose PATH is one folder of links."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("sh", *COREUTILS):
        found = shutil.which(name)
        assert found is not None
        (folder / name).symlink_to(found)
    (folder / "python3").symlink_to(sys.executable)
    return {**environ, "PATH": str(folder)}


def without_network() -> list[str]:
    """The command that cuts the network off for what follows; empty where that is not allowed."""
    unshare = shutil.which("unshare")
    if unshare is None:
        return []
    command = [unshare, "--net"] if os.geteuid() == 0 else [unshare, "--net", "--map-root-user"]
    allowed = subprocess.run([*command, "true"], check=False, capture_output=True).returncode == 0
    return command if allowed else []


def look(home: Path) -> dict[str, int]:
    """When each toolchain was installed."""
    return {path.name.rpartition("-")[0]: path.stat().st_mtime_ns for path in (home / "toolchains").iterdir()}


@pytest.mark.parametrize("job", JOBS, ids=lambda job: job.project)
def test_the_main_job(job: Job, bare: dict[str, str], tmp_path: Path, home: Path) -> None:
    """The first run installs what is missing; the second installs nothing, and needs no network."""
    project = copy_project(job.project, tmp_path)
    if job.project == "py-hello":
        with (project / "main.py").open("a") as stream:
            stream.write('sys.exit(3 if names == ["--fail"] else 0)\n')

    def execute(run: Run, *before: str, env: Mapping[str, str]) -> str:
        command = [*before, sys.executable, "-m", "wasmrun_py", "exec", str(project), *run.args]
        finished = subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=280)
        assert (finished.returncode, finished.stdout) == (run.code, run.out), finished.stderr
        return finished.stderr

    said = execute(job.good, env=bare)
    assert f"{job.toolchain} is not on this machine: installing" in said
    installed = look(home)
    assert set(installed) == {job.toolchain}

    cut = closed_registry()
    offline = {**bare, "UV_DEFAULT_INDEX": cut, "PIP_INDEX_URL": cut, "npm_config_registry": cut}
    said = execute(job.bad, *without_network(), env=offline)
    assert "nstalling" not in said
    assert look(home) == installed
