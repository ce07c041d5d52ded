"""A home with a really provisioned asc for the whole session, and builds the way the host does them."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest

from plugins_builtin.assemblyscript import plugin
from tests.conftest import require_tool
from tests.toolchain.recording import RecordingReporter, session_home
from wasmrun_py.plugin.api import BuildConfig, BuildResult, OptimizationLevel, PluginContext
from wasmrun_py.system.paths import Home

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(kw_only=True)
class Bench:
    """Everything a build needs, and what the last one reported."""

    tmp_path: Path
    home: Home
    environ: dict[str, str]
    may_install: bool = True
    reporter: RecordingReporter = field(default_factory=RecordingReporter)
    builds: int = 0

    def build(self, project: Path, **changes: Any) -> BuildResult:
        """Build with a release of the wasm target, unless told otherwise."""
        self.builds += 1
        folders = [self.tmp_path / f"{kind}-{self.builds}" for kind in ("out", "work")]
        for folder in folders:
            folder.mkdir()
        config = BuildConfig(
            project_path=project,
            output_dir=folders[0],
            work_dir=folders[1],
            optimization_level=OptimizationLevel.RELEASE,
        )
        self.reporter = RecordingReporter()
        context = PluginContext(environ=self.environ, home=self.home, may_install=self.may_install)
        return plugin(context).get_builder().build(replace(config, **changes), self.reporter)

    def use_path(self, *real: str, **fake: str) -> None:
        """Replace PATH by one folder of links to real tools and of shell scripts (``name="body"``)."""
        folder = self.tmp_path / f"bin-{len(list(self.tmp_path.iterdir()))}"
        folder.mkdir()
        for name in real:
            (folder / name).symlink_to(require_tool(name))
        for name, body in fake.items():
            (folder / name).write_text(f"#!/bin/sh\n{body}\n")
            (folder / name).chmod(0o755)
        self.environ["PATH"] = str(folder)


def write_project(folder: Path, files: Mapping[str, str]) -> Path:
    """Write a project's files below ``folder``."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """A bench with the machine's own tools and an empty home."""
    root = tmp_path / "home"
    return Bench(tmp_path=tmp_path, home=Home(root=root, own_cache=root / "cache"), environ=dict(os.environ))


@pytest.fixture
def shared_bench(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """A bench whose home keeps what any test of the session has installed."""
    require_tool("node")
    require_tool("npm")
    home = session_home(tmp_path_factory, "assemblyscript-home")
    return Bench(tmp_path=tmp_path, home=home, environ=dict(os.environ))
