"""Builds a project the way the host does: fresh folders, an environment that is passed in."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest

from plugins_builtin.c import plugin
from tests.conftest import require_tool
from tests.toolchain.recording import RecordingReporter, provisioned_home
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
    may_install: bool = False
    reporter: RecordingReporter = field(default_factory=RecordingReporter)
    builds: int = 0

    @property
    def context(self) -> PluginContext:
        """What the host would hand to the plugin."""
        return PluginContext(environ=self.environ, home=self.home, may_install=self.may_install)

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
        builder = plugin(self.context).get_builder()
        return builder.build(replace(config, **changes), self.reporter)

    def fake_path(self, **programs: str) -> None:
        """Replace PATH by a folder of shell scripts; ``program_name="body"``."""
        folder = self.tmp_path / "fake-bin"
        folder.mkdir(exist_ok=True)
        for name, body in programs.items():
            path = folder / name
            path.write_text(f"#!/bin/sh\n{body}\n")
            path.chmod(0o755)
        self.environ["PATH"] = str(folder)

    def with_only(self, *tools: str) -> None:
        """Replace PATH by a folder of links to these real tools and to what they need themselves."""
        folder = self.tmp_path / "some-bin"
        folder.mkdir(exist_ok=True)
        for name in tools:
            (folder / name).symlink_to(require_tool(name))
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
    """A bench with the machine's own tools and an empty home; nothing may be installed."""
    root = tmp_path / "home"
    home = Home(root=root, own_cache=root / "cache")
    return Bench(tmp_path=tmp_path, home=home, environ=dict(os.environ))


@pytest.fixture
def zig_bench(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """A bench whose home holds a zig from PyPI, shared by the whole session."""
    return Bench(tmp_path=tmp_path, home=provisioned_home(tmp_path_factory), environ=dict(os.environ))
