"""The real yarn, pnpm and bun: each writes its lock file, and installs from it for a build."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.conftest import copy_project, require_tool
from tests.toolchain.registry import closed_registry
from wasmrun_py.model.events import ToolStarted

if TYPE_CHECKING:
    from tests.plugins_builtin.assemblyscript.conftest import Bench

pytestmark = pytest.mark.network


@dataclass(frozen=True, slots=True, kw_only=True)
class Manager:
    """A package manager as npm brings it.

    Attributes:
        name: Its command.
        package: What npm installs.
        lock: The lock file it writes.
        make_lock: Arguments after which a project has one.
    """

    name: str
    package: str
    lock: str
    make_lock: tuple[str, ...]


MANAGERS = (
    Manager(name="yarn", package="yarn@1.22.22", lock="yarn.lock", make_lock=("install", "--ignore-scripts")),
    Manager(
        name="yarn",
        package="@yarnpkg/cli-dist@4.12.0",
        lock="yarn.lock",
        make_lock=("install", "--mode=update-lockfile"),
    ),
    Manager(
        name="pnpm",
        package="pnpm@9.15.9",
        lock="pnpm-lock.yaml",
        make_lock=("install", "--lockfile-only"),
    ),
    Manager(
        name="bun",
        package="bun@1.3.3",
        lock="bun.lock",
        make_lock=("install", "--lockfile-only"),
    ),
)


def install(manager: Manager, prefix: Path) -> Path:
    """Put the manager into ``prefix`` with npm; the folder of its command."""
    command = (require_tool("npm"), "install", "--prefix", str(prefix), "--no-audit", "--no-fund")
    subprocess.run(
        [*command, "--ignore-scripts", manager.package], check=True, capture_output=True, timeout=200
    )
    modules = prefix / "node_modules"
    if manager.name != "bun":
        return modules / ".bin"
    # bun's own package holds a stand-in that a script replaces; the programs are in those of the platforms,
    # and of these npm brings several.
    return next(each.parent for each in sorted(modules.glob("@oven/*/bin/bun")) if _runs(each))


def _runs(program: Path) -> bool:
    try:
        return subprocess.run([program, "--version"], capture_output=True, check=False).returncode == 0
    except OSError:
        # Made for another C library.
        return False


@pytest.mark.parametrize("manager", MANAGERS, ids=lambda each: each.package)
def test_real_package_managers(manager: Manager, bench: Bench, tmp_path: Path) -> None:
    """What the lock file says is installed beside the project; the next build needs no network."""
    folder = install(manager, tmp_path / "prefix")
    environ = {
        **os.environ,
        "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(tmp_path / "user"),
        "YARN_ENABLE_IMMUTABLE_INSTALLS": "0",
        "CI": "",
    }
    project = copy_project("as-hello", tmp_path)
    (project / "package-lock.json").unlink()
    scratch = Path(shutil.copytree(project, tmp_path / "scratch"))
    subprocess.run([manager.name, *manager.make_lock], cwd=scratch, env=environ, check=True, timeout=200)
    shutil.copyfile(scratch / manager.lock, project / manager.lock)
    before = sorted(path.name for path in project.rglob("*"))

    bench.environ = {**environ, "CI": "true"}
    del bench.environ["YARN_ENABLE_IMMUTABLE_INSTALLS"]
    result = bench.build(project)
    assert result.wasm_path.read_bytes().startswith(b"\0asm")
    assert result.toolchain.version == "0.28.20"
    assert bench.reporter.of(ToolStarted)[0].argv[0] == str(folder / manager.name)
    assert sorted(path.name for path in project.rglob("*")) == before

    cut = closed_registry()
    bench.environ |= {"npm_config_registry": cut, "YARN_NPM_REGISTRY_SERVER": cut, "PATH": os.environ["PATH"]}
    assert bench.build(project).wasm_path.is_file()
    (only,) = bench.reporter.of(ToolStarted)
    assert only.argv[0] == require_tool("node")
