"""The plugin's face: who it is, whether a project is its own, and its builder on request.

Imported by every ``wasmrun detect``; what a build needs is imported when a builder is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import wasmrun_py
from plugins_builtin.python.detect import ENTRY_FILES, EXTENSIONS, match_project
from wasmrun_py.model.manifest import Match, NoMatch, PluginCapabilities, PluginInfo
from wasmrun_py.model.target import WEB_TARGET

if TYPE_CHECKING:
    from pathlib import Path

    from plugins_builtin.python.builder import PythonBuilder
    from wasmrun_py.model.tool import ToolReport
    from wasmrun_py.plugin.api import PluginContext

AUTO = "auto"
COMPONENTIZE_PY = "componentize-py"
PY2WASM = "py2wasm"
PYODIDE = "pyodide"


class PythonPlugin:
    """Python programs.

    Args:
        context: The environment and folders of this run.
    """

    def __init__(self, context: PluginContext) -> None:
        self._context = context

    @property
    def info(self) -> PluginInfo:
        """Who it is and what it can do."""
        return PluginInfo(
            name="python",
            version=wasmrun_py.__version__,
            description="Builds Python programs with componentize-py or py2wasm, and pages with pyodide.",
            author="The wasmrun authors",
            extensions=EXTENSIONS,
            entry_files=ENTRY_FILES,
            capabilities=PluginCapabilities(
                compile_wasm=True,
                compile_webapp=True,
                live_reload=True,
                optimization=True,
                supported_languages=("python", "py"),
            ),
            toolchains=(COMPONENTIZE_PY, PY2WASM, PYODIDE, AUTO),
            # What it builds otherwise, no browser runs.
            run_target=WEB_TARGET,
        )

    def can_handle_project(self, project_path: Path) -> Match | NoMatch:
        """Say whether there is a Python program in the folder, by the names of its files.

        Raises:
            UsageError: The folder is missing, not a folder, or unreadable.
        """
        return match_project(project_path)

    def get_builder(self) -> PythonBuilder:
        """A builder for this run."""
        from plugins_builtin.python.builder import PythonBuilder  # noqa: PLC0415 - detection must stay light

        return PythonBuilder(self._context)

    def report_tools(self) -> tuple[ToolReport, ...]:
        """What each toolchain's state is, for ``wasmrun doctor``."""
        from plugins_builtin.python.report_tools import report_tools  # noqa: PLC0415 - detection must stay light

        return report_tools(self._context)
