"""The operations on installed plugins: install, update, uninstall, enable, disable, roll back.

Each is a transaction with one commit point, the atomic write of ``config.toml``. What comes before it is
staging that nobody sees; what comes after it is tidying that the next command would do as well.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from wasmrun_py.config.plugin_state import format_installed_plugins, load_installed_plugins
from wasmrun_py.model.errors import (
    OutputError,
    PluginInstallError,
    PluginNotFoundError,
    UsageError,
)
from wasmrun_py.model.events import StepFinished, StepStarted
from wasmrun_py.model.installed_plugin import InstalledPlugin, PreviousGeneration
from wasmrun_py.model.plugin_source import (
    BareName,
    Local,
    PluginSource,
    check_name,
    format_source,
    parse_source,
)
from wasmrun_py.plugin.import_warmer import ImportWarmer
from wasmrun_py.plugin.store.crashes import forget_crashes
from wasmrun_py.plugin.store.generation import is_intact, load_receipt, seal
from wasmrun_py.plugin.store.lock import plugin_lock, pointer_lock
from wasmrun_py.plugin.store.tidy import tidy_locked
from wasmrun_py.system.fs import (
    TEMPORARY_PREFIX,
    atomic_write,
    make_folder,
    remove_empty_folders,
    remove_file,
    remove_tree,
    rename,
    staging_folder,
)
from wasmrun_py.system.signals import deferred_interrupts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path

    from wasmrun_py.model.events import Reporter
    from wasmrun_py.model.manifest import PluginHealth
    from wasmrun_py.plugin.install.search import SearchResult
    from wasmrun_py.plugin.install.steps import InstallWorld, ResolvedPlugin
    from wasmrun_py.system.paths import Home


_NEEDED_AFTERWARDS = (
    "tomlkit",
    "wasmrun_py.plugin.probe",
    "wasmrun_py.plugin.transport.python",
    "wasmrun_py.plugin.transport.command",
)


class Outcome(StrEnum):
    """What an operation did."""

    INSTALLED = "installed"
    ALREADY_INSTALLED = "already-installed"
    UPDATED = "updated"
    UP_TO_DATE = "up-to-date"
    WOULD_UPDATE = "would-update"
    REPAIRED = "repaired"
    UNINSTALLED = "uninstalled"
    ENABLED = "enabled"
    DISABLED = "disabled"
    ROLLED_BACK = "rolled-back"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What an operation did to one plugin.

    Attributes:
        outcome: What was done.
        name: The plugin's name.
        before: Its entry before, or None when it was not installed.
        after: Its entry now, or None when it is not installed.
        available: The version that ``update --dry-run`` found.
        health: What the probe said, after an installation.
    """

    outcome: Outcome
    name: str
    before: InstalledPlugin | None = None
    after: InstalledPlugin | None = None
    available: str | None = None
    health: PluginHealth | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreWorld:
    """The world that the store works in.

    Attributes:
        home: WASMRUN_HOME.
        environ: The user's environment.
        cwd: What relative sources are relative to.
        reporter: Receives progress.
        probe: Answers the health of a plugin that lies in the given store folder: it is run once before a
            plugin counts as installed.
    """

    home: Home
    environ: Mapping[str, str]
    cwd: Path
    reporter: Reporter
    probe: Callable[[InstalledPlugin, Path], PluginHealth]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Order:
    """One generation to be built.

    Attributes:
        resolved: What exactly.
        requested: The source as the user gave it.
        current: The entry it replaces, or None.
        check: Looks at the new entry before anything is replaced.
    """

    resolved: ResolvedPlugin
    requested: str
    current: InstalledPlugin | None
    check: Callable[[InstalledPlugin], None] | None = None


class PluginStore:
    """The installed plugins of one home, and what can be done to them.

    Args:
        world: Where and for whom.
    """

    def __init__(self, world: StoreWorld) -> None:
        self._world = world
        self._home = world.home

    def find(self, name: str) -> InstalledPlugin | None:
        """The entry of an installed plugin.

        Raises:
            ConfigError: ``config.toml`` is broken.
        """
        return next((each for each in load_installed_plugins(self._home) if each.name == name), None)

    def get(self, name: str) -> InstalledPlugin:
        """The entry of an installed plugin.

        Raises:
            PluginNotFoundError: It is not installed.
            ConfigError: ``config.toml`` is broken.
        """
        found = self.find(name)
        if found is None:
            raise _not_installed(name, [each.name for each in load_installed_plugins(self._home)])
        return found

    def search(self, term: str) -> SearchResult:
        """What the registries' own clients and the shipped list find for a word.

        Raises:
            OutputError: The home cannot be written.
        """
        from wasmrun_py.plugin.install.search import search  # noqa: PLC0415 - as needed

        with self._staging() as scratch, self._install_world(allow_unverified=False) as world:
            return search(term, scratch=scratch, world=world)

    def install(
        self,
        source: PluginSource | BareName,
        *,
        allow_unverified: bool = False,
        force: bool = False,
        check: Callable[[InstalledPlugin], None] | None = None,
    ) -> Change:
        """Install a plugin, or replace the installed one of its name.

        Args:
            source: Where it comes from.
            allow_unverified: A web address without a digest may be used.
            force: Install again what is installed already.
            check: Looks at the entry before anything is replaced, and raises when it is not acceptable.

        Raises:
            WasmrunError: It could not be installed; what was there before still is.
        """
        # Read first: a broken config.toml is told before minutes of building.
        load_installed_plugins(self._home)
        # Who checks the entry has locked it: nothing is fetched that is not named exactly.
        exact = check is not None
        with (
            self._staging() as staging,
            self._install_world(allow_unverified=allow_unverified, frozen=exact) as world,
        ):
            from wasmrun_py.plugin.install.dispatch import resolve  # noqa: PLC0415 - as needed
            from wasmrun_py.plugin.install.names import resolve_name  # noqa: PLC0415 - as needed

            scratch = staging / "scratch"
            make_folder(scratch)
            named = (
                resolve_name(source, scratch=scratch, world=world) if isinstance(source, BareName) else source
            )
            requested = format_source(named)
            label = f"Resolving {requested}"
            self._world.reporter.emit(StepStarted(label=label))
            try:
                resolved = resolve(named, scratch=scratch, world=world)
            finally:
                self._world.reporter.emit(StepFinished(label=label))
            with self._building(resolved.name, "install"):
                current = self.find(resolved.name)
                if current is not None and not force and self._is_same(current, resolved):
                    if check is not None:
                        check(current)
                    return self._keep(current, requested)
                order = _Order(resolved=resolved, requested=requested, current=current, check=check)
                return self._build_and_commit(order, staging, world)

    def update(self, name: str, *, force: bool = False, dry_run: bool = False) -> Change:
        """Bring a plugin to the newest version of the source it was installed from.

        Args:
            name: The plugin.
            force: Install it again although it is the newest.
            dry_run: Only say what would be done.

        Raises:
            PluginNotFoundError: It is not installed.
            WasmrunError: It could not be updated; the installed one still works.
        """
        with self._building(name, "update"):
            current = self.get(name)
            # It was accepted once, under whatever digest it has; the same trust holds for its update.
            with self._staging() as staging, self._install_world(allow_unverified=True) as world:
                from wasmrun_py.plugin.install.dispatch import resolve  # noqa: PLC0415 - as needed

                scratch = staging / "scratch"
                make_folder(scratch)
                resolved = resolve(self._requested(current), scratch=scratch, world=world)
                if resolved.name != name:
                    raise PluginInstallError(
                        f'{current.requested} holds the plugin "{resolved.name}" now, not "{name}"',
                        hint=f"Install it by its new name: wasmrun plugin install {current.requested}",
                    )
                same = self._is_same(current, resolved)
                if dry_run:
                    outcome = Outcome.UP_TO_DATE if same else Outcome.WOULD_UPDATE
                    return Change(
                        outcome=outcome, name=name, before=current, after=current, available=resolved.version
                    )
                if same and not force:
                    return Change(outcome=Outcome.UP_TO_DATE, name=name, before=current, after=current)
                order = _Order(resolved=resolved, requested=current.requested, current=current)
                return self._build_and_commit(order, staging, world)

    def uninstall(self, name: str) -> Change:
        """Remove a plugin with all its generations.

        Raises:
            PluginNotFoundError: It is not installed.
        """
        with self._building(name, "uninstall"), self._swapping(f"plugin uninstall {name}") as plugins:
            current = plugins.pop(name, None)
            if current is None:
                raise _not_installed(name, plugins)
            self._commit(plugins)
        forget_crashes(self._world.home, name)
        return Change(outcome=Outcome.UNINSTALLED, name=name, before=current)

    def set_enabled(self, name: str, *, enabled: bool) -> Change:
        """Let a plugin take part, or not, in detection and builds.

        Raises:
            PluginNotFoundError: It is not installed.
        """
        doing = f"plugin {'enable' if enabled else 'disable'} {name}"
        with self._swapping(doing) as plugins:
            current = plugins.get(name)
            if current is None:
                raise _not_installed(name, plugins)
            if current.enabled == enabled:
                return Change(outcome=Outcome.UNCHANGED, name=name, before=current, after=current)
            after = replace(current, enabled=enabled)
            self._commit({**plugins, name: after})
        outcome = Outcome.ENABLED if enabled else Outcome.DISABLED
        return Change(outcome=outcome, name=name, before=current, after=after)

    def rollback(self, name: str) -> Change:
        """Go back to the generation before; the present one becomes the one to go back to.

        Raises:
            PluginNotFoundError: It is not installed.
            PluginInstallError: There is no earlier generation.
            PluginCorruptError: The earlier generation is not what was installed.
        """
        with self._building(name, "rollback"), self._swapping(f"plugin rollback {name}") as plugins:
            current = plugins.get(name)
            if current is None:
                raise _not_installed(name, plugins)
            if current.previous is None:
                raise PluginInstallError(
                    f'There is no earlier generation of "{name}" to go back to',
                    hint=f"Install the version you want: wasmrun plugin install {name} --version VERSION",
                )
            after = replace(load_receipt(current, self._home.store), previous=_as_previous(current))
            self._commit({**plugins, name: after})
        return Change(outcome=Outcome.ROLLED_BACK, name=name, before=current, after=after)

    def _build_and_commit(self, order: _Order, staging: Path, world: InstallWorld) -> Change:
        """Build the new generation beside the old, see it answer, and swap; the plugin's lock is held."""
        resolved, current = order.resolved, order.current
        built_in = staging / "generation"
        make_folder(built_in)
        label = f"Installing {resolved.name} {resolved.version}"
        self._world.reporter.emit(StepStarted(label=label))
        try:
            from wasmrun_py.plugin.install.dispatch import build  # noqa: PLC0415 - as needed

            built = build(resolved, generation=built_in, scratch=staging / "scratch", world=world)
            entry = seal(built_in, resolved, built, requested=order.requested)
            if order.check is not None:
                order.check(entry)
            rename(built_in, staging / entry.generation)
            health = self._get_probed(entry, staging)
        finally:
            self._world.reporter.emit(StepFinished(label=label))
        with self._swapping(f"plugin install {resolved.name}") as plugins:
            now = plugins.get(resolved.name)
            entry = replace(
                entry,
                enabled=now.enabled if now is not None else True,
                previous=self._choose_previous(now),
            )
            with deferred_interrupts():
                folder = entry.folder(self._home.store)
                rename(staging / entry.generation, folder)
                try:
                    self._commit({**plugins, resolved.name: entry})
                except OutputError:
                    # Nothing names it: the disk that would not take the pointer gets its space back.
                    if self.find(resolved.name) != entry:
                        remove_tree(folder)
                    raise
        return Change(
            outcome=_outcome(current, entry), name=entry.name, before=current, after=entry, health=health
        )

    def _get_probed(self, entry: InstalledPlugin, store: Path) -> PluginHealth:
        """Its health when it answers; a plugin that was never seen answering is not installed."""
        from wasmrun_py.model.manifest import HealthStatus  # noqa: PLC0415 - as needed

        health = self._world.probe(entry, store)
        if health.status in {HealthStatus.LOAD_ERROR, HealthStatus.NOT_FOUND}:
            raise PluginInstallError(
                f'"{entry.name}" {entry.version} was built and does not work: {health.message}',
                hint="This is a fault of the plugin; report it to its author.",
            )
        return health

    def _choose_previous(self, current: InstalledPlugin | None) -> PreviousGeneration | None:
        """What to go back to: the generation that is replaced, when it is whole."""
        if current is None:
            return None
        if current.editable or is_intact(current, self._home.store):
            return _as_previous(current)
        return current.previous

    def _is_same(self, current: InstalledPlugin, resolved: ResolvedPlugin) -> bool:
        """Whether exactly this is installed, and whole."""
        return (
            current.source == format_source(resolved.source)
            and current.editable == (isinstance(resolved.source, Local) and resolved.source.editable)
            and current.version == resolved.version
            and current.checksum == resolved.checksum
            and is_intact(current, self._home.store)
        )

    def _keep(self, current: InstalledPlugin, requested: str) -> Change:
        """What was asked for is installed; only what an update follows may change."""
        after = current
        if current.requested != requested:
            with self._swapping(f"plugin install {current.name}") as plugins:
                after = replace(plugins.get(current.name, current), requested=requested)
                self._commit({**plugins, current.name: after})
        return Change(outcome=Outcome.ALREADY_INSTALLED, name=current.name, before=current, after=after)

    def _requested(self, current: InstalledPlugin) -> PluginSource:
        source = parse_source(current.requested, cwd=self._world.cwd)
        if isinstance(source, BareName):
            raise UsageError(
                f'The recorded source of "{current.name}" is {current.requested!r}, which names no registry',
                hint=f"Install it again: wasmrun plugin install {current.source}",
            )
        return replace(source, editable=current.editable) if isinstance(source, Local) else source

    def _staging(self) -> AbstractContextManager[Path]:
        return staging_folder(self._home.store, prefix=TEMPORARY_PREFIX)

    def _building(self, name: str, verb: str) -> AbstractContextManager[None]:
        check_name(name)
        return plugin_lock(self._home, name, f"plugin {verb} {name}", self._world.reporter)

    @contextmanager
    def _swapping(self, doing: str) -> Iterator[dict[str, InstalledPlugin]]:
        """Hold the pointer's lock; gives the plugins as they are now, by name."""
        with pointer_lock(self._home, doing, self._world.reporter):
            yield {plugin.name: plugin for plugin in load_installed_plugins(self._home)}

    @contextmanager
    def _install_world(self, *, allow_unverified: bool, frozen: bool = False) -> Iterator[InstallWorld]:
        """What the fetching and building steps are handed; their log outlives a failure only."""
        from wasmrun_py.plugin.install.steps import InstallWorld  # noqa: PLC0415 - as needed

        log_file = self._home.logs / f"plugin-install-{os.getpid()}.log"
        yield InstallWorld(
            environ=self._world.environ,
            reporter=ImportWarmer(self._world.reporter, _NEEDED_AFTERWARDS),
            log_file=log_file,
            allow_unverified=allow_unverified,
            frozen=frozen,
        )
        remove_file(log_file)
        remove_empty_folders(log_file.parent, down_to=self._home.root)

    def _commit(self, plugins: Mapping[str, InstalledPlugin]) -> None:
        """Write the pointer, then tidy; the pointer's lock is held."""
        file = self._home.config_file
        text = file.read_text(encoding="utf-8") if file.is_file() else ""
        formatted = format_installed_plugins(text, plugins)
        with deferred_interrupts():
            if formatted:
                atomic_write(file, formatted.encode())
            else:
                remove_file(file)
            tidy_locked(self._home, plugins.values())


def _as_previous(plugin: InstalledPlugin) -> PreviousGeneration:
    return PreviousGeneration(generation=plugin.generation, version=plugin.version, digest=plugin.digest)


def _outcome(before: InstalledPlugin | None, after: InstalledPlugin) -> Outcome:
    if before is None:
        return Outcome.INSTALLED
    same = before.version == after.version and before.checksum == after.checksum
    return Outcome.REPAIRED if same and before.source == after.source else Outcome.UPDATED


def _not_installed(name: str, known: Iterable[str]) -> PluginNotFoundError:
    listed = sorted(known)
    if not listed:
        hint = f"No plugin is installed. To install it: wasmrun plugin install {name}"
    else:
        hint = f"Installed: {', '.join(listed)}. To install it: wasmrun plugin install {name}"
    return PluginNotFoundError(f'No plugin "{name}" is installed', hint=hint)
