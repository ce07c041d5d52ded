"""Holding a project to its plugins: write ``wasmrun.lock``, install what it says, refuse anything else.

``require_locked`` needs no network: it compares what is installed with the lock.
"""

from __future__ import annotations

import platform
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from wasmrun_py.config.project_plugins import (
    LOCK_FILE,
    LockedPlugin,
    format_lock,
    load_lock,
    load_project_plugins,
)
from wasmrun_py.config.settings import PROJECT_FILE
from wasmrun_py.model.errors import PluginInstallError, PluginLockError, PluginNotFoundError, UsageError
from wasmrun_py.model.plugin_source import BareName, CratesIo, Local, PyPI, format_source, parse_source
from wasmrun_py.system.fs import atomic_write

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from wasmrun_py.model.installed_plugin import InstalledPlugin
    from wasmrun_py.model.plugin_source import PluginSource
    from wasmrun_py.plugin.store.changes import Change, PluginStore

_SYNC = "Install what the lock says: wasmrun plugin sync"
_LOCK = "To accept what is installed: wasmrun plugin lock"


def this_platform() -> str:
    """The name that digests are recorded under: ``linux-x86_64``, ``darwin-arm64``, ``win32-amd64``."""
    return f"{sys.platform}-{platform.machine().lower()}"


def write_lock(project: Path, store: PluginStore) -> tuple[dict[str, LockedPlugin], tuple[Change, ...]]:
    """Write the project's lock from what is installed; what it names and is missing is installed first.

    Returns:
        The locked plugins by name, and what had to be installed for it.

    Raises:
        UsageError: The project names no plugins.
        WasmrunError: A plugin could not be installed; the lock is as it was.
    """
    wanted = load_project_plugins(project)
    if not wanted:
        raise UsageError(
            f"{project / PROJECT_FILE} names no plugins: there is nothing to lock",
            hint='Name them: [plugins], and below it NAME = "SOURCE".',
        )
    earlier = load_lock(project) or {}
    locked: dict[str, LockedPlugin] = {}
    changes: list[Change] = []
    for name, source in wanted.items():
        installed = store.find(name)
        if installed is None or _explain_unwanted(installed, source) is not None:
            change = store.install(source)
            changes.append(change)
            installed = change.after
        if installed is None or installed.name != name:
            raise PluginInstallError(
                f'[plugins] {name}: its source holds the plugin "{installed.name if installed else "?"}"',
                hint=f"Call it that in {PROJECT_FILE}.",
            )
        locked[name] = _lock_one(installed, project, earlier.get(name))
    atomic_write(project / LOCK_FILE, format_lock(locked).encode())
    return locked, tuple(changes)


def sync(project: Path, store: PluginStore) -> tuple[Change, ...]:
    """Install every plugin of the project's lock that is not installed to the byte.

    Raises:
        PluginLockError: There is no lock, or what a source gives now is not what was locked.
        WasmrunError: A plugin could not be installed.
    """
    locked = load_lock(project)
    if locked is None:
        raise PluginLockError(f"{project / LOCK_FILE} is not there", hint="Write it: wasmrun plugin lock")
    changes = []
    for plugin in locked.values():
        source = parse_source(plugin.source, cwd=project)
        if isinstance(source, BareName):
            raise PluginLockError(f'{LOCK_FILE}: the source of "{plugin.name}" names no registry', hint=_LOCK)

        def check(built: InstalledPlugin, plugin: LockedPlugin = plugin) -> None:
            _require_same(built, plugin, project)

        changes.append(store.install(source, check=check))
    return tuple(changes)


def require_needed(project: Path, installed: Iterable[InstalledPlugin], *, frozen: bool) -> None:
    """Refuse to build a project whose plugins are not there, or (frozen) not those of its lock.

    Args:
        project: The project's folder.
        installed: The installed plugins.
        frozen: The lock must be there and hold for every plugin that the project names.

    Raises:
        PluginNotFoundError: A plugin that the project names is not installed.
        PluginLockError: The lock is missing, older than ``wasmrun.toml``, or does not hold.
    """
    wanted = load_project_plugins(project)
    by_name = {plugin.name: plugin for plugin in installed}
    for name, source in wanted.items():
        plugin = by_name.get(name)
        if plugin is None:
            raise PluginNotFoundError(
                f'{project / PROJECT_FILE} names the plugin "{name}", and it is not installed',
                hint=_SYNC if (project / LOCK_FILE).exists() else f"wasmrun plugin install {_typed(source)}",
            )
        problem = _explain_unwanted(plugin, source)
        if problem is not None:
            raise PluginLockError(
                f'{project / PROJECT_FILE} names "{name}" from {_typed(source)}, and {problem}',
                hint=f"wasmrun plugin install {_typed(source)}",
            )
        if frozen:
            require_locked(project, plugin)


def require_locked(project: Path, plugin: InstalledPlugin) -> None:
    """Refuse an installed plugin that is not what the project's lock says, to the byte.

    Raises:
        PluginLockError: There is no lock, it does not name the plugin, or it names another.
    """
    locked = load_lock(project)
    if locked is None:
        raise PluginLockError(
            f'--frozen takes "{plugin.name}" only from {LOCK_FILE}, and {project} has none',
            hint="Name it under [plugins] in wasmrun.toml and write the lock: wasmrun plugin lock",
        )
    if plugin.name not in locked:
        raise PluginLockError(
            f'{project / LOCK_FILE} does not name the plugin "{plugin.name}"',
            hint="Name it under [plugins] in wasmrun.toml and write the lock: wasmrun plugin lock",
        )
    _require_same(plugin, locked[plugin.name], project)


def _require_same(plugin: InstalledPlugin, locked: LockedPlugin, project: Path) -> None:
    if plugin.name != locked.name:
        raise PluginLockError(
            f'{LOCK_FILE} locks "{locked.name}", and its source holds "{plugin.name}"', hint=_LOCK
        )
    pairs = (
        ("version", locked.version, plugin.version),
        ("source", locked.source, _portable(plugin.source, project)),
        ("checksum", locked.checksum, plugin.checksum),
        ("digest", locked.digests.get(this_platform(), plugin.content_digest), plugin.content_digest),
    )
    for what, wanted, found in pairs:
        if wanted != found:
            raise PluginLockError(
                f'"{plugin.name}" has {what} {found}, and {project / LOCK_FILE} locks {wanted}',
                hint=f"{_SYNC}. {_LOCK}",
            )
    if plugin.editable:
        raise PluginLockError(
            f'"{plugin.name}" is installed as editable: its files change without notice',
            hint=f"Install a copy: wasmrun plugin install {plugin.requested}",
        )


def _lock_one(plugin: InstalledPlugin, project: Path, earlier: LockedPlugin | None) -> LockedPlugin:
    """The lock's entry; digests of other platforms are kept while the source stays the same."""
    now = LockedPlugin(
        name=plugin.name,
        version=plugin.version,
        source=_portable(plugin.source, project),
        checksum=plugin.checksum,
    )
    same = earlier is not None and replace(earlier, digests={}) == now
    kept = dict(earlier.digests) if earlier is not None and same else {}
    return replace(now, digests={**kept, this_platform(): plugin.content_digest})


def _portable(source: str, project: Path) -> str:
    """A source as it reads on another machine: a path inside the project becomes relative to it."""
    from pathlib import Path as AnyPath  # noqa: PLC0415 - a type elsewhere in this module

    path = AnyPath(source)
    if path.is_absolute() and path.is_relative_to(project):
        return f"./{path.relative_to(project).as_posix()}"
    return source


def _explain_unwanted(plugin: InstalledPlugin, source: PluginSource | BareName) -> str | None:
    """Why an installed plugin is not what a project names; None when it is."""
    if isinstance(source, (BareName, PyPI, CratesIo)):
        if source.version is not None and source.version != plugin.version:
            return f"version {plugin.version} is installed"
        if isinstance(source, BareName):
            return None
        kind = format_source(replace(source, version=None))
        if plugin.source.startswith(kind):
            return None
    elif isinstance(source, Local):
        if plugin.source == str(source.path):
            return None
    elif plugin.requested == format_source(source) or plugin.source == format_source(source):
        return None
    return f"{plugin.source} is installed"


def _typed(source: PluginSource | BareName) -> str:
    if isinstance(source, BareName):
        return source.name + (f" --version {source.version}" if source.version else "")
    return format_source(source)
