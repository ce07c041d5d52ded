"""The plugin's face: who it is, whether a project is its own, and its builder on request.

Imported by every ``wasmrun detect``; what a build needs is imported when a builder is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import wasmrun_py
from plugins_builtin.c.detect import ENTRY_FILES, EXTENSIONS, match_project
from wasmrun_py.model.manifest import Match, NoMatch, PluginCapabilities, PluginInfo

if TYPE_CHECKING:
    from pathlib import Path

    from plugins_builtin.c.builder import CBuilder
    from wasmrun_py.model.tool import ToolReport
    from wasmrun_py.plugin.api import PluginContext


class CPlugin:
    """C and C++ projects.

    Args:
        context: The environment and folders of this run.
    """

    def __init__(self, context: PluginContext) -> None:
        self._context = context

    @property
    def info(self) -> PluginInfo:
        """Who it is and what it can do."""
        return PluginInfo(
            name="c",
            version=wasmrun_py.__version__,
            description="Builds C and C++ with emcc, clang or zig.",
            author="The wasmrun authors",
            extensions=EXTENSIONS,
            entry_files=ENTRY_FILES,
            capabilities=PluginCapabilities(
                compile_wasm=True,
                compile_webapp=True,
                live_reload=True,
                optimization=True,
                supported_languages=("c", "c++", "cpp"),
            ),
            toolchains=("emcc", "clang", "zig"),
        )

    def can_handle_project(self, project_path: Path) -> Match | NoMatch:
        """Say whether there is C or C++ in the project, by the names of its files.

        Raises:
            UsageError: The folder is missing, not a folder, or unreadable.
        """
        return match_project(project_path)

    def get_builder(self) -> CBuilder:
        """A builder for this run."""
        from plugins_builtin.c.builder import CBuilder  # noqa: PLC0415 - detection must stay light

        return CBuilder(self._context)

    def report_tools(self) -> tuple[ToolReport, ...]:
        """The compilers on this machine."""
        from plugins_builtin.c.tools import report_tools  # noqa: PLC0415 - detection must stay light

        return report_tools(self._context)
