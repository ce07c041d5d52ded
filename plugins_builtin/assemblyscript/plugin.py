"""The plugin's face: who it is, whether a project is its own, and its builder on request.

Imported by every ``wasmrun detect``; what a build needs is imported when a builder is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import wasmrun_py
from plugins_builtin.assemblyscript.detect import ENTRY_FILES, EXTENSIONS, match_project
from wasmrun_py.model.manifest import Match, NoMatch, PluginCapabilities, PluginInfo

if TYPE_CHECKING:
    from pathlib import Path

    from plugins_builtin.assemblyscript.builder import AssemblyScriptBuilder
    from wasmrun_py.model.tool import ToolReport
    from wasmrun_py.plugin.api import PluginContext


class AssemblyScriptPlugin:
    """AssemblyScript projects.

    Args:
        context: The environment and folders of this run.
    """

    def __init__(self, context: PluginContext) -> None:
        self._context = context

    @property
    def info(self) -> PluginInfo:
        """Who it is and what it can do."""
        return PluginInfo(
            name="assemblyscript",
            version=wasmrun_py.__version__,
            description="Builds AssemblyScript with the project's own asc, or one that wasmrun installs.",
            author="The wasmrun authors",
            extensions=EXTENSIONS,
            entry_files=ENTRY_FILES,
            capabilities=PluginCapabilities(
                compile_wasm=True,
                compile_webapp=True,
                live_reload=True,
                optimization=True,
                supported_languages=("assemblyscript", "asc"),
            ),
            toolchains=("asc",),
        )

    def can_handle_project(self, project_path: Path) -> Match | NoMatch:
        """Say whether the project is AssemblyScript, by three files.

        Raises:
            UsageError: The folder is missing, not a folder, or unreadable.
        """
        return match_project(project_path)

    def get_builder(self) -> AssemblyScriptBuilder:
        """A builder for this run."""
        from plugins_builtin.assemblyscript.builder import (  # noqa: PLC0415 - detection must stay light
            AssemblyScriptBuilder,
        )

        return AssemblyScriptBuilder(self._context)

    def report_tools(self) -> tuple[ToolReport, ...]:
        """The node and asc on this machine."""
        from plugins_builtin.assemblyscript.tools import (  # noqa: PLC0415 - detection must stay light
            report_tools,
        )

        return report_tools(self._context)
