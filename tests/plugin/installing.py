"""Run the two steps of an installation in folders of a test, and see what they reported."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.plugin.material import Zork, write_project
from tests.toolchain.recording import RecordingReporter
from wasmrun_py.plugin.install.dispatch import build, resolve
from wasmrun_py.plugin.install.steps import InstallWorld

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from wasmrun_py.model.plugin_source import PluginSource
    from wasmrun_py.plugin.install.steps import BuiltPlugin, ResolvedPlugin


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """An installation that went through.

    Attributes:
        resolved: What the first step gave.
        built: What the second step gave.
        generation: The folder that became the generation.
        scratch: The folder that would be removed.
        reporter: What was reported.
    """

    resolved: ResolvedPlugin
    built: BuiltPlugin
    generation: Path
    scratch: Path
    reporter: RecordingReporter

    def compile(self, project: Path, output: Path) -> bytes:
        """The module that the plugin's program makes of a project."""
        output.mkdir(parents=True)
        command = str(self.generation / (self.built.launch.command or ""))
        argv = [command, "compile", "-p", str(project), "-o", str(output), "--optimization", "size"]
        done = subprocess.run(argv, capture_output=True, check=True, text=True)
        assert f"WASM file: {output / 'main.wasm'}" in done.stdout
        return (output / "main.wasm").read_bytes()

    def builds(self, plugin: Zork, folder: Path) -> bool:
        """Whether the program builds a module that is this plugin's."""
        module = self.compile(write_project(folder / "project", plugin=plugin), folder / "output")
        return module.startswith(b"\0asm") and f"{plugin.version} {plugin.marker}".encode() in module

    def files(self) -> set[str]:
        """The names of all files of the generation."""
        return {
            path.relative_to(self.generation).as_posix()
            for path in self.generation.rglob("*")
            if path.is_file()
        }


@dataclass(kw_only=True)
class Installer:
    """Installs into numbered folders.

    Attributes:
        folder: Where they lie.
        environ: The environment of the clients.
    """

    folder: Path
    environ: dict[str, str]
    reporter: RecordingReporter = field(default_factory=RecordingReporter)
    count: int = 0

    @property
    def log_file(self) -> Path:
        """The log of the last installation."""
        return self.folder / f"log-{self.count}.log"

    def world(
        self,
        env: Mapping[str, str] | None = None,
        *,
        allow_unverified: bool = False,
        frozen: bool = False,
    ) -> InstallWorld:
        """The world of the next installation."""
        return InstallWorld(
            environ={**self.environ, **(env or {})},
            reporter=self.reporter,
            log_file=self.log_file,
            allow_unverified=allow_unverified,
            frozen=frozen,
        )

    def scratch(self) -> Path:
        """A fresh scratch folder."""
        self.count += 1
        path = self.folder / f"scratch-{self.count}"
        path.mkdir(parents=True)
        return path

    def install(
        self,
        source: PluginSource,
        *,
        env: Mapping[str, str] | None = None,
        allow_unverified: bool = False,
        frozen: bool = False,
    ) -> Installed:
        """Resolve and build."""
        scratch = self.scratch()
        generation = self.folder / f"generation-{self.count}"
        generation.mkdir()
        world = self.world(env, allow_unverified=allow_unverified, frozen=frozen)
        resolved = resolve(source, scratch=scratch, world=world)
        built = build(resolved, generation, scratch=scratch, world=world)
        return Installed(
            resolved=resolved, built=built, generation=generation, scratch=scratch, reporter=self.reporter
        )


def path_without(*names: str, folder: Path) -> dict[str, str]:
    """A PATH on which the usual tools are, and these are not."""
    import os  # noqa: PLC0415 - shows that the rest does not read the environment
    import shutil  # noqa: PLC0415 - as above

    tools = folder / "tools"
    tools.mkdir(exist_ok=True)
    for name in ("git", "cargo", "rustc", "cc", "sh"):
        found = shutil.which(name)
        if found and name not in names:
            (tools / name).symlink_to(os.path.realpath(found) if name in {"sh", "cc"} else found)
    return {"PATH": str(tools)}
