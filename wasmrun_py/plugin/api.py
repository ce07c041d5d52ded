"""The page a plugin author reads: what a plugin is, and every type it meets.

A plugin is an object that satisfies ``Plugin``; it is announced through the entry-point group
``wasmrun.plugins`` of the distribution that holds it::

    [project.entry-points."wasmrun.plugins"]
    mylang = "my_package:plugin"

The object is a plugin, or a class or function that gives one. A function or class with a parameter is
handed the ``PluginContext``: the environment and folders to use instead of ``os.environ``.

Built-in plugins are announced in the same way and get nothing that a third party's does not. The names
are those of the "Wasmrun Plugin Architecture" article.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from wasmrun_py.model.manifest import Match, MatchKind, NoMatch, PluginCapabilities, PluginInfo

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from wasmrun_py.model.build import BuildConfig, BuildResult, Toolchain
    from wasmrun_py.model.build_inputs import BuildInputs, FolderNames
    from wasmrun_py.model.consent import Confirmer
    from wasmrun_py.model.diagnostic import Diagnostic, Severity
    from wasmrun_py.model.events import Reporter
    from wasmrun_py.model.manifest import TransportKind
    from wasmrun_py.model.target import OptimizationLevel
    from wasmrun_py.model.tool import ToolReport
    from wasmrun_py.system.paths import Home
    from wasmrun_py.toolchain.provision import ProvisionPolicy

__all__ = [
    "ENTRY_POINT_GROUP",
    "BuildConfig",
    "BuildInputs",
    "BuildResult",
    "Diagnostic",
    "FolderNames",
    "Match",
    "MatchKind",
    "NoMatch",
    "OptimizationLevel",
    "Plugin",
    "PluginCapabilities",
    "PluginContext",
    "PluginInfo",
    "ReportsTools",
    "Severity",
    "Toolchain",
    "WasmBuilder",
]

ENTRY_POINT_GROUP = "wasmrun.plugins"
# What only a build needs is imported when it is first named: ``detect`` loads every plugin, and most of
# them import their types from here.
_OF_BUILDS = {
    "BuildConfig": "build",
    "BuildInputs": "build_inputs",
    "FolderNames": "build_inputs",
    "BuildResult": "build",
    "Toolchain": "build",
    "Diagnostic": "diagnostic",
    "Severity": "diagnostic",
    "OptimizationLevel": "target",
}


def __getattr__(name: str) -> Any:
    if name not in _OF_BUILDS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"wasmrun_py.model.{_OF_BUILDS[name]}"), name)


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginContext:
    """What the host hands to a plugin that asks for it: the world, read once at the edge.

    Attributes:
        environ: The user's environment. A plugin reads this, never ``os.environ``.
        home: Where installed toolchains and logs live.
        may_install: Missing toolchains may be installed into ``home``.
        confirm: Asks the user before each installation; None when nobody need be asked.
        plugin_path: Folders of plugins that the store does not manage (``WASMRUN_PLUGIN_PATH``), absolute.
        transport: The one way to call external plugins (``--transport``), or None to choose.
    """

    environ: Mapping[str, str]
    home: Home
    may_install: bool = True
    confirm: Confirmer | None = None
    plugin_path: tuple[Path, ...] = ()
    transport: TransportKind | None = None

    def provision_policy(self) -> ProvisionPolicy:
        """The same, as the room that installs toolchains takes it."""
        from wasmrun_py.toolchain.provision import ProvisionPolicy  # noqa: PLC0415 - only builds install

        return ProvisionPolicy(
            environ=self.environ, home=self.home, may_install=self.may_install, confirm=self.confirm
        )


class WasmBuilder(Protocol):
    """Builds projects of one language (the article's ``WasmBuilder``)."""

    @property
    def language_name(self) -> str:
        """The language in the user's words, ``C`` or ``AssemblyScript``."""

    @property
    def entry_file_candidates(self) -> tuple[str, ...]:
        """File names, relative to the project, that may be the entry, best first."""

    @property
    def supported_extensions(self) -> tuple[str, ...]:
        """Source file extensions without the dot."""

    def check_dependencies(self) -> tuple[str, ...]:
        """Names of the tools that are missing; empty when it can build now."""

    def validate_project(self, project_path: Path) -> None:
        """Check what can be checked without building.

        Raises:
            WasmrunError: The project cannot be built, with the reason.
        """

    def build(self, config: BuildConfig, reporter: Reporter) -> BuildResult:
        """Build into ``config.output_dir`` and write nowhere else but ``config.work_dir``.

        Raises:
            BuildError: The toolchain reported a failure.
            MissingToolError: The toolchain is not there and may not be installed.
        """

    def clean(self, project_path: Path) -> tuple[Path, ...]:
        """Files outside the output folder that this builder made for the project and can make again.

        The host removes them; a builder that keeps to its two folders returns nothing.
        """


class Plugin(Protocol):
    """One plugin (the article's ``Plugin``)."""

    @property
    def info(self) -> PluginInfo:
        """Who it is and what it can do."""

    def can_handle_project(self, project_path: Path) -> Match | NoMatch | None:
        """Say whether this folder is its own, and why; looks at file names and small files only.

        ``NoMatch`` says why not, which ``wasmrun detect`` shows; ``None`` is the short form.
        """

    def get_builder(self) -> WasmBuilder:
        """A builder for this run."""


@runtime_checkable
class ReportsTools(Protocol):
    """What a plugin may offer beside ``Plugin``: the state of its tools, for ``wasmrun doctor``."""

    def report_tools(self) -> tuple[ToolReport, ...]:
        """One report a tool, in order of preference; starts nothing longer than a version query."""
