"""What the tests of the build cache share: a real clang project, compiled in this process."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.conftest import require_tool
from wasmrun_py.build.compile import compile_project
from wasmrun_py.config.settings import Overrides, resolve_settings
from wasmrun_py.model.events import Level, Message
from wasmrun_py.plugin.api import PluginContext
from wasmrun_py.plugin.manager import PluginManager
from wasmrun_py.system.paths import Home

if TYPE_CHECKING:
    from pathlib import Path

    from wasmrun_py.build.compile import CompileReport
    from wasmrun_py.model.events import Event


class Listener:
    """Keeps the warnings."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def emit(self, event: Event) -> None:
        """Keep a warning."""
        if isinstance(event, Message) and event.level is Level.WARNING:
            self.warnings.append(event.text)


@dataclass(slots=True)
class ClangProject:
    """A project, a home, and how it is compiled."""

    folder: Path
    project: Path
    listener: Listener = field(default_factory=Listener)

    @property
    def home(self) -> Home:
        return Home(root=self.folder / "home", own_cache=self.folder / "home" / "cache")

    @property
    def cache(self) -> Path:
        return self.home.builds

    def compile(self, environ: dict[str, str] | None = None, **overrides: object) -> CompileReport:
        require_tool("clang")
        given = {"toolchain": "clang", "optimization": "debug", **overrides}
        settings = resolve_settings(self.project, Overrides(**given), environ={}, home=self.home)  # type: ignore[arg-type]  # a test's own keywords
        context = PluginContext(environ=environ or dict(os.environ), home=self.home)
        manager = PluginManager(context)
        self.listener = Listener()
        return compile_project(
            self.project, settings, manager=manager, home=self.home, reporter=self.listener
        )
