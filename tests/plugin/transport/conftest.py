"""External plugins for the tests: a Python file in a helper, a program, or both."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.conftest import require_tool
from tests.toolchain.recording import RecordingReporter
from wasmrun_py.model.build import BuildConfig, OptimizationLevel
from wasmrun_py.model.manifest import PluginCapabilities, PluginInfo, PluginManifest, Transports
from wasmrun_py.plugin.ffi.header import HEADER_FILE, load_header
from wasmrun_py.plugin.transport.base import Callee, Deadlines, StartPaths, TransportWorld
from wasmrun_py.plugin.transport.external import ExternalPlugin
from wasmrun_py.system.fs import make_empty
from wasmrun_py.system.paths import Home

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from wasmrun_py.model.build import BuildResult
    from wasmrun_py.model.manifest import TransportKind

MODULE = b"\0asm\1\0\0\0"
# A whole plugin without any import of wasmrun; a test replaces the lines it is about.
PLUGIN = """
import ctypes, json, os, signal, subprocess, sys, threading, time
{at_load}
class BuildError(Exception):
    diagnostics = ()
class MissingToolError(Exception):
    pass
class Plugin:
    info = {{"name": "zork", "version": "1"}}
    def can_handle_project(self, project_path):
        {at_question}
        return {{"confidence": 80, "reason": "main.zork is there", "kind": "entry-file"}}
    def get_builder(self):
        return Builder()
class Builder:
    language_name = "Zork"
    entry_file_candidates = ("main.zork",)
    supported_extensions = ("zork",)
    def check_dependencies(self):
        return ()
    def build(self, config, reporter):
        module = config.output_dir / "main.wasm"
        module.write_bytes(b"\\0asm\\1\\0\\0\\0")
        {at_build}
        return {{"wasm_path": module}}
plugin = Plugin()
"""
PROGRAM = """
import os, signal, sys, time
from pathlib import Path
{at_start}
if "--help" in sys.argv:
    print("  compile\\n  -p, --project PATH\\n  -o, --output DIR\\n  --optimization LEVEL")
    sys.exit(0)
out = Path(sys.argv[sys.argv.index("-o") + 1])
{at_build}
(out / "main.wasm").write_bytes(b"\\0asm\\1\\0\\0\\0")
print("WASM file:", out / "main.wasm")
"""


@dataclass(slots=True, kw_only=True)
class Workshop:
    """Makes external plugins, each with files of its own.

    Attributes:
        folder: Where everything lies.
        deadlines: How long a plugin may take.
        opened: What has been made.
    """

    folder: Path
    deadlines: Deadlines = field(default_factory=lambda: Deadlines(load_s=20, ask_s=20, build_s=20))
    opened: list[ExternalPlugin] = field(default_factory=list)

    @property
    def home(self) -> Home:
        """Where logs go."""
        return Home(root=self.folder / "home")

    def write_python(self, *, at_load: str = "", at_question: str = "", at_build: str = "") -> None:
        """The plugin's Python object, with these lines at these places."""
        text = PLUGIN.format(
            at_load=textwrap.dedent(at_load),
            at_question=_indented(at_question),
            at_build=_indented(at_build),
        )
        self.write_module(text)

    def write_module(self, text: str) -> None:
        """The plugin's Python module, whole."""
        (self.folder / "zork_plugin.py").write_text(text, encoding="utf-8")

    def write_program(self, *, at_start: str = "", at_build: str = "", text: str = "") -> None:
        """The plugin's program, with these lines at these places."""
        program = self.folder / "zork"
        source = text or PROGRAM.format(
            at_start=textwrap.dedent(at_start), at_build=textwrap.dedent(at_build)
        )
        program.write_text(f"#!{sys.executable} -IB\n{source}", encoding="utf-8")
        program.chmod(0o755)

    def write_library(self, source: Path) -> None:
        """The plugin's shared library, compiled from this C file."""
        compile_library(source, self.folder / "zork.so")

    def open(
        self,
        *,
        forced: TransportKind | None = None,
        verify: Callable[[], None] = lambda: None,
        environ: dict[str, str] | None = None,
        tools: tuple[str, ...] = (),
        entry_files: tuple[str, ...] = ("main.zork",),
        interpreter: Path | None = None,
    ) -> ExternalPlugin:
        """The plugin, with the transports that were written."""
        has_python = (self.folder / "zork_plugin.py").is_file()
        has_program = (self.folder / "zork").is_file()
        library = self.folder / "zork.so"
        manifest = PluginManifest(
            info=PluginInfo(
                name="zork",
                version="1.0",
                description="Zork.",
                extensions=("zork",),
                entry_files=entry_files,
                capabilities=PluginCapabilities(supported_languages=("zork",), compile_webapp=True),
            ),
            language="zork",
            tools=tools,
            transports=Transports(
                python="zork_plugin:plugin" if has_python else None,
                command="zork" if has_program else None,
                ffi="zork" if library.is_file() else None,
            ),
        )
        paths = StartPaths(
            interpreter=interpreter or Path(sys.executable),
            python=manifest.transports.python,
            search_paths=(self.folder,),
            command=self.folder / "zork" if has_program else None,
            library=library if library.is_file() else None,
        )
        world = TransportWorld(
            environ=environ or dict(os.environ),
            home=self.home,
            may_install=False,
            verify=verify,
            forced=forced,
            deadlines=self.deadlines,
        )
        plugin = ExternalPlugin(Callee(name="zork", manifest=manifest, paths=paths, world=world))
        self.opened.append(plugin)
        return plugin

    def project(self, **files: str) -> Path:
        """A project with a ``main.zork`` and these files (``name__ext`` for ``name.ext``)."""
        folder = self.folder / "project"
        folder.mkdir(exist_ok=True)
        for name, text in {"main__zork": "1\n", **files}.items():
            (folder / name.replace("__", ".")).write_text(text, encoding="utf-8")
        return folder

    def config(self, **changes: object) -> BuildConfig:
        """What a build is asked for, with fresh folders."""
        for name in ("out", "work"):
            make_empty(self.folder / name)
        fields: dict[str, object] = {
            "project_path": self.project(),
            "output_dir": self.folder / "out",
            "work_dir": self.folder / "work",
            "optimization_level": OptimizationLevel.RELEASE,
        }
        return BuildConfig(**{**fields, **changes})  # type: ignore[arg-type]  # the test names fields

    def build(
        self, plugin: ExternalPlugin, reporter: RecordingReporter | None = None, **changes: object
    ) -> BuildResult:
        """One build into fresh folders."""
        return plugin.get_builder().build(self.config(**changes), reporter or RecordingReporter())


def compile_library(source: Path, library: Path, *options: str) -> None:
    """Compile a plugin in C against the header that wasmrun ships."""
    (library.parent / HEADER_FILE).write_text(load_header(), encoding="utf-8")
    flags = ("-shared", "-fPIC", "-O1", "-Wall", "-Wextra", f"-I{library.parent}")
    subprocess.run([require_tool("gcc"), *flags, "-o", str(library), str(source), *options], check=True)


@pytest.fixture
def workshop(tmp_path: Path) -> Iterator[Workshop]:
    """A workshop whose plugins are ended with the test."""
    made = Workshop(folder=tmp_path)
    yield made
    for plugin in made.opened:
        plugin.close()


def _indented(lines: str) -> str:
    return textwrap.indent(textwrap.dedent(lines).strip() or "pass", " " * 8).strip()
