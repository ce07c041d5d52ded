"""``ExternalPlugin``: an installed plugin behind the Protocols of ``plugin.api``.

The manifest answers what it can, so that nothing of a plugin runs for a project that cannot be its own. The
rest goes through the plugin's transports: FFI, then python, then command (DESIGN §6, "Fallback rule"). One
that is *unavailable* is passed over silently; one that *crashed or hung* loudly; and what the plugin itself
reports, a failed build above all, is final.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self, TypeVar

from wasmrun_py.model.errors import PluginCrashedError, PluginFailedError, TransportError, WasmrunError
from wasmrun_py.model.events import Level, Message
from wasmrun_py.model.manifest import (
    HealthStatus,
    Match,
    MatchKind,
    NoMatch,
    PluginHealth,
    TransportKind,
)
from wasmrun_py.plugin.transport.answers import BARE_REASON, BuilderFacts
from wasmrun_py.plugin.transport.base import Callee, Incident, StartPaths
from wasmrun_py.plugin.transport.matching import SHARED_CONFIDENCE, has_entry_file, match_manifest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import TracebackType

    from wasmrun_py.model.build import BuildConfig, BuildResult
    from wasmrun_py.model.events import Reporter
    from wasmrun_py.model.installed_plugin import InstalledPlugin
    from wasmrun_py.model.manifest import PluginInfo, PluginManifest
    from wasmrun_py.model.tool import ToolReport
    from wasmrun_py.plugin.transport.base import Transport, TransportWorld

_Answer = TypeVar("_Answer")
_UNUSABLE = (HealthStatus.NOT_FOUND, HealthStatus.LOAD_ERROR)


@dataclass(frozen=True, slots=True, kw_only=True)
class TransportProbe:
    """Whether one transport works.

    Attributes:
        kind: Which one.
        health: Healthy, or why it cannot be used.
    """

    kind: TransportKind
    health: PluginHealth


class ExternalPlugin:
    """One plugin that is not wasmrun's own (a ``plugin.api.Plugin``).

    Close it, or use it in a ``with`` block, to end its helper at once; else that ends with the process.

    Args:
        callee: Who it is, how it is started, and the world it is called in.
    """

    def __init__(self, callee: Callee) -> None:
        self._callee = callee
        self._order = _order(callee)
        self._opened: dict[TransportKind, Transport] = {}
        self._incidents: list[Incident] = []
        self._told = 0
        self._verified = False
        self._used: TransportKind | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def info(self) -> PluginInfo:
        """Who it is and what it can do, from its manifest: nothing of it is run."""
        return self._callee.manifest.info

    @property
    def manifest(self) -> PluginManifest:
        """Everything its manifest says."""
        return self._callee.manifest

    @property
    def transport(self) -> TransportKind:
        """The one that was used last; before any was, the one that would be tried first."""
        return self._used or next(iter(self._order), TransportKind.COMMAND)

    @property
    def incidents(self) -> tuple[Incident, ...]:
        """The transports that were given up so far, and why."""
        return tuple(self._incidents)

    def can_handle_project(self, project_path: Path) -> Match | NoMatch:
        """Say whether a project is its own: the manifest first, then the plugin itself.

        Raises:
            UsageError: The folder is missing, not a folder, or unreadable.
            PluginError: The plugin cannot be asked.
        """
        matched = match_manifest(self.info, project_path)
        if isinstance(matched, NoMatch) and not self._may_know_better(project_path):
            return matched
        answer = self.call(lambda transport: transport.can_handle_project(project_path))
        if isinstance(answer, Match) and answer.reason == BARE_REASON and isinstance(matched, Match):
            # A library answers with a number; what the number rests on stands in the manifest.
            return replace(answer, reason=matched.reason, kind=matched.kind)
        if answer is not None:
            return answer
        if isinstance(matched, Match):
            return matched
        return Match(confidence=SHARED_CONFIDENCE, reason=BARE_REASON, kind=MatchKind.EXTENSION)

    def get_builder(self) -> ExternalBuilder:
        """A builder over the transports."""
        return ExternalBuilder(self)

    def report_tools(self) -> tuple[ToolReport, ...]:
        """The state of its tools: its own report, else its manifest's tools looked up on PATH.

        That it cannot be asked is for ``health`` to say.
        """
        try:
            reports = self.call(lambda transport: transport.report_tools())
        except PluginFailedError:
            reports = None
        return self._look_up_tools() if reports is None else reports

    def health(self) -> PluginHealth:
        """Whether it works: loaded (or its program started) and asked for missing tools.

        Raises:
            PluginCorruptError: Its files are not what was installed.
        """
        try:
            missing = self.call(lambda transport: transport.check_dependencies())
        except TransportError as error:
            return PluginHealth(status=HealthStatus.NOT_FOUND, message=error.message)
        except PluginFailedError as error:
            return PluginHealth(status=HealthStatus.LOAD_ERROR, message=error.message)
        return _dependency_health(missing)

    def probe_transports(self) -> tuple[TransportProbe, ...]:
        """Try every transport that the plugin offers, in the order they are used.

        The one that will be used is asked for what it misses; that the others start is seen meanwhile.

        Raises:
            PluginCorruptError: Its files are not what was installed.
        """
        self._verify()
        order = self._order
        greeted: dict[TransportKind, PluginHealth] = {}
        greetings = [
            threading.Thread(target=lambda kind=kind: greeted.update({kind: self._greet(kind)}), daemon=True)
            for kind in order[1:]
        ]
        for greeting in greetings:
            greeting.start()
        probes = [TransportProbe(kind=kind, health=self._probe(kind)) for kind in order[:1]]
        for kind, greeting in zip(order[1:], greetings, strict=True):
            greeting.join()
            answered = any(each.health.status not in _UNUSABLE for each in probes)
            probes.append(TransportProbe(kind=kind, health=greeted[kind] if answered else self._probe(kind)))
        return tuple(probes)

    def close(self) -> None:
        """End its helper; harmless when there is none. One that crashes while it ends is remembered."""
        for kind, transport in self._opened.items():
            self._close(kind, transport)
        self._opened.clear()

    def call(
        self,
        ask: Callable[[Transport], _Answer],
        *,
        reporter: Reporter | None = None,
        before_retry: Callable[[], None] | None = None,
    ) -> _Answer:
        """Ask through the first transport that works.

        Args:
            ask: Asks one transport.
            reporter: Is told about transports that were given up.
            before_retry: Called before another transport is asked the same.

        Raises:
            TransportError, PluginCrashedError: The last transport's, when none works.
            WasmrunError: What the plugin reported; no other transport is asked then.
        """
        self._verify()
        failure: PluginFailedError | None = None
        for kind in self._order:
            if failure is not None and before_retry is not None:
                before_retry()
            try:
                transport = self._open(kind)
                answer = ask(transport)
            except PluginFailedError as error:
                if not _is_transports_fault(error):
                    raise
                self._give_up(kind, error)
                failure = error
                self._tell(reporter)
                continue
            self._used = kind
            self._tell(reporter)
            return answer
        raise failure or self._no_transport()

    def _verify(self) -> None:
        if not self._verified:
            self._callee.world.verify()
            self._verified = True

    def _open(self, kind: TransportKind) -> Transport:
        transport = self._opened.get(kind)
        if transport is None:
            transport = _make_transport(kind, self._callee)
            self._opened[kind] = transport
        transport.open()
        return transport

    def _give_up(self, kind: TransportKind, error: PluginFailedError) -> None:
        """Remember why, once a transport; it is not asked again unless it is the last one."""
        self._remember(kind, error)
        opened = self._opened.pop(kind, None)
        if opened is not None:
            self._close(kind, opened)
        if len(self._order) > 1:
            self._order = tuple(each for each in self._order if each is not kind)

    def _close(self, kind: TransportKind, transport: Transport) -> None:
        try:
            transport.close()
        except PluginFailedError as error:
            self._remember(kind, error)

    def _remember(self, kind: TransportKind, error: PluginFailedError) -> None:
        log_file = error.log_file if isinstance(error, PluginCrashedError) else None
        loud = not isinstance(error, TransportError)
        incident = Incident(
            transport=kind, loud=loud, phase=error.phase, message=error.message, log_file=log_file
        )
        if incident in self._incidents:
            return
        self._incidents.append(incident)
        if loud:
            self._callee.world.on_crash(incident)

    def _tell(self, reporter: Reporter | None) -> None:
        """Report the transports given up that nobody has heard of yet, while another one is left."""
        if reporter is None:
            return
        for incident in self._incidents[self._told :]:
            left = [kind for kind in self._order if kind is not incident.transport]
            instead = f"; it is called through {left[0]} instead" if left else ""
            where = f" (log: {incident.log_file})" if incident.log_file else ""
            reporter.emit(
                Message(
                    level=Level.WARNING if incident.loud else Level.DEBUG,
                    text=f"{incident.message}{where}{instead}",
                )
            )
        self._told = len(self._incidents)

    def _may_know_better(self, project_path: Path) -> bool:
        """A plugin that can be asked cheaply is asked about a file that several languages share."""
        asks = any(kind is not TransportKind.COMMAND for kind in self._order)
        return asks and has_entry_file(self.info, project_path)

    def _probe(self, kind: TransportKind) -> PluginHealth:
        return self._look(lambda: _dependency_health(self._open(kind).check_dependencies()))

    def _greet(self, kind: TransportKind) -> PluginHealth:
        def start() -> PluginHealth:
            self._open(kind).greet()
            return PluginHealth(status=HealthStatus.HEALTHY)

        return self._look(start)

    @staticmethod
    def _look(ask: Callable[[], PluginHealth]) -> PluginHealth:
        try:
            return ask()
        except TransportError as error:
            return PluginHealth(status=HealthStatus.NOT_FOUND, message=error.message)
        except WasmrunError as error:
            return PluginHealth(status=HealthStatus.LOAD_ERROR, message=error.message)

    def _look_up_tools(self) -> tuple[ToolReport, ...]:
        from wasmrun_py.model.tool import ToolReport, ToolStatus  # noqa: PLC0415 - only ``doctor`` asks
        from wasmrun_py.toolchain.find import find_tool  # noqa: PLC0415 - as above

        found = {tool: find_tool(tool, self._callee.world.environ) for tool in self.manifest.tools}
        return tuple(
            ToolReport(name=tool, status=ToolStatus.READY, path=path)
            if path is not None
            else ToolReport(
                name=tool,
                status=ToolStatus.MISSING,
                message=f"{self._callee.name} needs it, and it is not on PATH",
                hint=f"Install {tool} and put it on PATH.",
            )
            for tool, path in found.items()
        )

    def _no_transport(self) -> TransportError:
        name, forced = self._callee.name, self._callee.world.forced
        offered = ", ".join(self._callee.manifest.transports.kinds) or "none"
        said = f"has no {forced} transport" if forced else "can be called in no way"
        return TransportError(
            f'Plugin "{name}" {said}', plugin=name, phase="start", hint=f"Transports it offers: {offered}."
        )


class ExternalBuilder:
    """Builds through the plugin's transports (a ``plugin.api.WasmBuilder``)."""

    def __init__(self, plugin: ExternalPlugin) -> None:
        self._plugin = plugin
        self._facts: BuilderFacts | None = None

    @property
    def language_name(self) -> str:
        """The language in the user's words."""
        return self._describe().language_name or self._plugin.manifest.language

    @property
    def entry_file_candidates(self) -> tuple[str, ...]:
        """File names, relative to the project, that may be the entry, best first."""
        return self._describe().entry_file_candidates

    @property
    def supported_extensions(self) -> tuple[str, ...]:
        """Source file extensions without the dot."""
        return self._describe().supported_extensions

    def check_dependencies(self) -> tuple[str, ...]:
        """Names of the tools that are missing; empty when it can build now."""
        return self._plugin.call(lambda transport: transport.check_dependencies())

    def validate_project(self, project_path: Path) -> None:
        """Raises what the plugin finds wrong with the project."""
        self._plugin.call(lambda transport: transport.validate_project(project_path))

    def build(self, config: BuildConfig, reporter: Reporter) -> BuildResult:
        """Build; what a crashed transport left in the two folders is removed before the next one tries."""

        def empty_folders() -> None:
            from wasmrun_py.system.fs import make_empty  # noqa: PLC0415 - only after a crash

            make_empty(config.output_dir)
            make_empty(config.work_dir)

        return self._plugin.call(
            lambda transport: transport.build(config, reporter),
            reporter=reporter,
            before_retry=empty_folders,
        )

    def clean(self, project_path: Path) -> tuple[Path, ...]:
        """Files outside the output folder that it made for the project and can make again."""
        return self._plugin.call(lambda transport: transport.clean(project_path))

    def _describe(self) -> BuilderFacts:
        if self._facts is None:
            said = self._plugin.call(lambda transport: transport.describe_builder())
            info = self._plugin.info
            self._facts = said or BuilderFacts(
                language_name=self._plugin.manifest.language,
                entry_file_candidates=info.entry_files,
                supported_extensions=info.extensions,
            )
        return self._facts


def open_installed(installed: InstalledPlugin, store: Path, world: TransportWorld) -> ExternalPlugin:
    """An installed plugin, ready to be asked; nothing is started.

    Args:
        installed: Its entry in ``config.toml``.
        store: Where generations are.
        world: The world it is called in; ``world.verify`` checks its files before the first use.
    """
    launch = installed.launch

    def start_path(launched: str | None) -> Path | None:
        return None if launched is None else installed.start_path(store, launched)

    paths = StartPaths(
        interpreter=start_path(launch.interpreter),
        python=launch.python,
        command=start_path(launch.command),
        library=start_path(launch.library),
    )
    callee = Callee(name=installed.name, manifest=installed.manifest, paths=paths, world=world)
    return ExternalPlugin(callee)


def _order(callee: Callee) -> tuple[TransportKind, ...]:
    """The transports to try: those that the installation has, or the one that was asked for."""
    paths = callee.paths
    there = {
        TransportKind.FFI: paths.library is not None,
        TransportKind.PYTHON: paths.python is not None,
        TransportKind.COMMAND: paths.command is not None,
    }
    forced = callee.world.forced
    return tuple(kind for kind, has in there.items() if has and forced in {None, kind})


def _make_transport(kind: TransportKind, callee: Callee) -> Transport:
    if kind is TransportKind.PYTHON:
        from wasmrun_py.plugin.transport.python import PythonTransport  # noqa: PLC0415 - one of them is used

        return PythonTransport(callee)
    if kind is TransportKind.FFI:
        from wasmrun_py.plugin.transport.ffi import FfiTransport  # noqa: PLC0415 - as above

        return FfiTransport(callee)
    from wasmrun_py.plugin.transport.command import CommandTransport  # noqa: PLC0415 - as above

    return CommandTransport(callee)


def _is_transports_fault(error: PluginFailedError) -> bool:
    """Whether another transport may do better: not when the plugin raised while it did its work."""
    return isinstance(error, (TransportError, PluginCrashedError)) or error.phase == "load"


def _dependency_health(missing: tuple[str, ...]) -> PluginHealth:
    if missing:
        listed = ", ".join(missing)
        return PluginHealth(status=HealthStatus.MISSING_DEPENDENCIES, message=f"missing: {listed}")
    return PluginHealth(status=HealthStatus.HEALTHY)
