"""What every transport answers, and the world it works in.

``ExternalPlugin`` knows transports through this page only: another one is another module beside
``python`` and ``command``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from wasmrun_py.model.build import BuildConfig, BuildResult
    from wasmrun_py.model.consent import Confirmer
    from wasmrun_py.model.events import Reporter
    from wasmrun_py.model.manifest import Match, NoMatch, PluginManifest, TransportKind
    from wasmrun_py.model.tool import ToolReport
    from wasmrun_py.plugin.transport.answers import BuilderFacts
    from wasmrun_py.system.paths import Home


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadlines:
    """How long a plugin may take, in seconds; after that its process is ended.

    Attributes:
        load_s: To be imported and set up.
        ask_s: To answer a question (detection, dependencies, cleaning, ``--help``).
        build_s: To build.
    """

    load_s: float = 60.0
    ask_s: float = 60.0
    build_s: float = 6 * 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """Why a transport was given up.

    Attributes:
        transport: Which one.
        loud: It crashed or hung; else it is merely not there.
        phase: What it was asked to do.
        message: What happened.
        log_file: What it wrote, or None.
    """

    transport: TransportKind
    loud: bool
    phase: str
    message: str
    log_file: Path | None = None


def _trust() -> None:
    """Nothing to verify."""


def _forget(_incident: Incident) -> None:
    """Nobody keeps it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TransportWorld:
    """The world an external plugin is called in.

    Attributes:
        environ: The user's environment.
        home: Where logs and installed toolchains are.
        may_install: Missing toolchains may be installed.
        confirm: Asks the user before each installation; None when nobody need be asked.
        verify: Called once, before anything of the plugin is loaded or run; raises when its files are not
            what was installed.
        on_crash: Called with each crash or hang, to keep it.
        forced: The one transport to use (``--transport``), or None to choose.
        deadlines: How long it may take.
        max_memory_bytes: A limit on the address space of a helper and its children, or None.
    """

    environ: Mapping[str, str]
    home: Home
    may_install: bool = True
    confirm: Confirmer | None = None
    verify: Callable[[], None] = _trust
    on_crash: Callable[[Incident], None] = _forget
    forced: TransportKind | None = None
    deadlines: Deadlines = field(default_factory=Deadlines)
    max_memory_bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StartPaths:
    """How one plugin is started, absolute. What is None is not there.

    Attributes:
        interpreter: The Python of its own environment.
        python: ``module:object`` in it.
        search_paths: Folders put on that Python's path first (a plugin that is tried out of its folder).
        command: Its program.
        library: Its shared library.
    """

    interpreter: Path | None = None
    python: str | None = None
    search_paths: tuple[Path, ...] = ()
    command: Path | None = None
    library: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Callee:
    """One external plugin as its transports see it.

    Attributes:
        name: Its name.
        manifest: What it says of itself.
        paths: How it is started.
        world: The world it is called in; ``verify`` has been called.
    """

    name: str
    manifest: PluginManifest
    paths: StartPaths
    world: TransportWorld


class Transport(Protocol):
    """One way to call one plugin.

    Every method may raise ``TransportError`` (cannot be called in this way: the next one is tried),
    ``PluginCrashedError`` (crashed or hung: the next one is tried, loudly) and what the plugin raised.
    """

    @property
    def kind(self) -> TransportKind:
        """Which one it is."""

    def open(self) -> None:
        """Make sure that the plugin can be called; loads it where that is a step of its own."""

    def greet(self) -> None:
        """See that it starts, as cheaply as that can be seen; raises as ``open``."""

    def can_handle_project(self, project_path: Path) -> Match | NoMatch | None:
        """The plugin's own answer; the manifest has matched already. None leaves it to the manifest."""

    def describe_builder(self) -> BuilderFacts | None:
        """What its builder says of itself, or None where only the manifest does."""

    def check_dependencies(self) -> tuple[str, ...]:
        """Names of missing tools."""

    def validate_project(self, project_path: Path) -> None:
        """Check what can be checked without building."""

    def build(self, config: BuildConfig, reporter: Reporter) -> BuildResult:
        """Build; the artifacts are not checked yet."""

    def clean(self, project_path: Path) -> tuple[Path, ...]:
        """Files outside the output folder that it made for the project."""

    def report_tools(self) -> tuple[ToolReport, ...] | None:
        """The state of its tools, or None where it does not say."""

    def close(self) -> None:
        """End what was started; harmless when nothing was."""


def to_wire(config: BuildConfig) -> dict[str, Any]:
    """A build's configuration as plain data, for a helper."""
    return {
        "project_path": str(config.project_path),
        "output_dir": str(config.output_dir),
        "work_dir": str(config.work_dir),
        "optimization_level": config.optimization_level.value,
        "target": config.target,
        "debug_info": config.debug_info,
        "custom_args": list(config.custom_args),
        "verbose": config.verbose,
        "name": config.name,
        "entry": str(config.entry) if config.entry else None,
        "toolchain": config.toolchain,
    }
