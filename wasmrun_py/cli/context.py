"""The composition root: the world is read once, here, and everything is put together from it."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TextIO

from wasmrun_py.cli.render.console import Console
from wasmrun_py.model.consent import InstallPolicy
from wasmrun_py.model.events import FanOut
from wasmrun_py.system.paths import PLUGIN_PATH_VARIABLE, Home, find_home

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wasmrun_py.build.compile import CompileReport
    from wasmrun_py.cli.render.reporters import ConsoleReporter
    from wasmrun_py.config.settings import Overrides
    from wasmrun_py.model.consent import Confirmer, InstallOffer
    from wasmrun_py.model.events import Reporter
    from wasmrun_py.model.installed_plugin import InstalledPlugin
    from wasmrun_py.model.manifest import PluginHealth, TransportKind
    from wasmrun_py.plugin.manager import PluginManager
    from wasmrun_py.plugin.store.changes import PluginStore
    from wasmrun_py.plugin.try_out import TryOutReport


class Asker(Protocol):
    """Whoever shows progress, and makes way for a question."""

    def ask(self, offer: InstallOffer, stdin: TextIO) -> bool:
        """Ask the user about an installation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What the process was started with.

    Attributes:
        environ: The environment.
        cwd: The working folder, absolute.
        home: WASMRUN_HOME and the cache folder.
        console: Where text goes.
        stdin: Where answers come from; None when it is closed.
        toolchain_args: What stood after ``--`` on the command line of ``compile``.
    """

    environ: Mapping[str, str]
    cwd: Path
    home: Home
    console: Console
    stdin: TextIO | None
    toolchain_args: tuple[str, ...] = ()

    def absolute(self, path: str | Path) -> Path:
        """An absolute path with ``.`` and ``..`` resolved by name; links are kept as they are."""
        return Path(os.path.normpath(self.cwd / path))

    def compile(
        self,
        project: Path,
        overrides: Overrides,
        *,
        may_ask: bool,
        transport: TransportKind | None = None,
        watcher: Reporter | None = None,
    ) -> CompileReport:
        """Resolve the settings of ``project`` and build it.

        Args:
            project: Its folder.
            overrides: What the command line said.
            may_ask: Questions may be asked, where there is a terminal and the settings want them.
            transport: The one way to call external plugins, or None to choose.
            watcher: Receives every event too.

        Raises:
            WasmrunError: Any of the tree.
        """
        from wasmrun_py.build.compile import compile_project  # noqa: PLC0415 - only commands that build
        from wasmrun_py.config.settings import resolve_settings  # noqa: PLC0415 - as above

        settings = resolve_settings(project, overrides, environ=self.environ, home=self.home)
        with self.reporter(verbose=overrides.verbose) as reporter:
            may_install, confirm = self.find_leave(settings.install_policy, reporter, may_ask=may_ask)
            manager = self.plugin_manager(may_install=may_install, confirm=confirm, transport=transport)
            everyone: Reporter = reporter if watcher is None else FanOut(reporter, watcher)
            return compile_project(project, settings, manager=manager, home=self.home, reporter=everyone)

    def plugin_manager(
        self,
        *,
        may_install: bool = True,
        confirm: Confirmer | None = None,
        transport: TransportKind | None = None,
    ) -> PluginManager:
        """The plugins of this run, loaded."""
        from wasmrun_py.plugin.api import PluginContext  # noqa: PLC0415 - only commands that meet plugins
        from wasmrun_py.plugin.manager import PluginManager  # noqa: PLC0415 - as above

        context = PluginContext(
            environ=self.tool_environ,
            home=self.home,
            may_install=may_install,
            confirm=confirm,
            plugin_path=self.plugin_path,
            transport=transport,
        )
        return PluginManager(context)

    @property
    def tool_environ(self) -> Mapping[str, str]:
        """The environment for compilers, plugins and what a project runs: without credentials of ours."""
        from wasmrun_py.config.remote_cache import without_credentials  # noqa: PLC0415 - only commands that run any

        return without_credentials(self.environ)

    @property
    def plugin_path(self) -> tuple[Path, ...]:
        """The folders of ``WASMRUN_PLUGIN_PATH``."""
        named = self.environ.get(PLUGIN_PATH_VARIABLE, "")
        return tuple(self.absolute(folder) for folder in named.split(os.pathsep) if folder)

    def find_leave(
        self, policy: InstallPolicy, asker: Asker, *, may_ask: bool
    ) -> tuple[bool, Confirmer | None]:
        """Whether toolchains may be installed, and who is asked before each.

        Under the policy "ask", nothing is installed where nobody can be asked.
        """
        if policy is not InstallPolicy.ASK:
            return policy is InstallPolicy.AUTO, None
        from wasmrun_py.cli.render.question import find_answerer  # noqa: PLC0415 - only the policy "ask" needs it

        terminal = find_answerer(self.console, self.stdin, self.environ) if may_ask else None
        if terminal is None:
            return False, None
        return True, lambda offer: asker.ask(offer, terminal)

    def plugin_store(self, reporter: Reporter) -> PluginStore:
        """The installed plugins, to be changed."""
        from wasmrun_py.plugin.store.changes import PluginStore, StoreWorld  # noqa: PLC0415 - few commands do

        return PluginStore(
            StoreWorld(
                home=self.home, environ=self.tool_environ, cwd=self.cwd, reporter=reporter, probe=self._probe
            )
        )

    def try_out_plugin(
        self, folder: Path, sample: Path | None, *, transport: TransportKind | None, reporter: Reporter
    ) -> TryOutReport:
        """Build a plugin that is not installed, and hold it to the contract.

        Raises:
            WasmrunError: It cannot be built, or has no such transport.
        """
        from wasmrun_py.plugin.install.steps import InstallWorld  # noqa: PLC0415 - only ``plugin test``
        from wasmrun_py.plugin.transport.base import TransportWorld  # noqa: PLC0415 - as above
        from wasmrun_py.plugin.try_out import try_out  # noqa: PLC0415 - as above

        log_file = self.home.logs / f"plugin-test-{os.getpid()}.log"
        install = InstallWorld(environ=self.tool_environ, reporter=reporter, log_file=log_file)
        world = TransportWorld(environ=self.tool_environ, home=self.home, forced=transport)
        return try_out(folder, sample, install=install, world=world)

    def _probe(self, installed: InstalledPlugin, store: Path) -> PluginHealth:
        from wasmrun_py.plugin.api import PluginContext  # noqa: PLC0415 - only an installation probes
        from wasmrun_py.plugin.probe import probe_installed  # noqa: PLC0415 - as above

        return probe_installed(installed, store, PluginContext(environ=self.tool_environ, home=self.home))

    def report(self, command: str, fields: Mapping[str, Any]) -> None:
        """Print the one JSON document of a command that succeeded."""
        from wasmrun_py.cli.render.documents import success_document  # noqa: PLC0415 - only with --json

        self.console.document(success_document(command, fields))

    def reporter(self, *, verbose: bool) -> ConsoleReporter:
        """Progress for this terminal: a live line, or plain lines."""
        from wasmrun_py.cli.render.reporters import ConsoleReporter  # noqa: PLC0415 - only commands that build

        return ConsoleReporter(self.console, verbose=verbose)


def read_world(toolchain_args: Sequence[str]) -> World:
    """Read the process's environment, folder and streams."""
    environ = dict(os.environ)
    cwd = _working_folder()
    return World(
        environ=environ,
        cwd=cwd,
        home=find_home(environ, cwd=cwd),
        console=Console(sys.stdout, sys.stderr, environ),
        stdin=sys.stdin,
        toolchain_args=tuple(toolchain_args),
    )


def _working_folder() -> Path:
    try:
        return Path.cwd()
    except FileNotFoundError:
        # The folder was removed under us; absolute paths still work, and relative ones will say so.
        return Path(os.environ.get("PWD") or os.sep)
