"""The plugins that a project names: ``[plugins]`` of its ``wasmrun.toml``, and its ``wasmrun.lock``.

::

    [plugins]
    wasmrust = "crates:wasmrust@0.3.2"  # any source that `wasmrun plugin install` takes
    zork = "./tools/zork"               # relative to the project
    wasmgo = "*"                        # the newest; "0.3.5" for an exact version

The lock is written by ``wasmrun plugin lock`` and belongs into version control.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from wasmrun_py.config.settings import load_project_file
from wasmrun_py.config.toml_file import load_toml
from wasmrun_py.model.errors import UsageError
from wasmrun_py.model.plugin_source import BareName, PluginSource, check_name, parse_source

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from wasmrun_py.config.toml_file import TomlFile

LOCK_FILE: Final = "wasmrun.lock"
LOCK_VERSION: Final = 1
_PLUGINS = "plugins"
_ANY = "*"
_VERSION = re.compile(r"\d[A-Za-z0-9.+!_-]{0,63}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_HEADER = "# Written by `wasmrun plugin lock`. Commit it; do not edit it.\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedPlugin:
    """One plugin of a lock.

    Attributes:
        name: Its name.
        version: Its exact version.
        source: Its exact source; a path inside the project is relative to it.
        checksum: Of the source's bytes (``InstalledPlugin.checksum``), or None.
        digests: Platform (``linux-x86_64``) -> the digest of the files that are loaded there.
    """

    name: str
    version: str
    source: str
    checksum: str | None = None
    digests: Mapping[str, str] = field(default_factory=dict)


def load_project_plugins(project: Path) -> dict[str, PluginSource | BareName]:
    """Name -> source, in the order of the file; empty when the project names none.

    Raises:
        ConfigError: ``wasmrun.toml`` is broken.
    """
    file = load_project_file(project)
    table = file.tables.get(_PLUGINS, {}) if file is not None else {}
    if file is None or not table:
        return {}
    if not isinstance(table, dict):
        raise file.error("", _PLUGINS, f'"{_PLUGINS}" must be a table, written [{_PLUGINS}]')
    return {name: _parse_wanted(file, name, value, project) for name, value in table.items()}


def load_lock(project: Path) -> dict[str, LockedPlugin] | None:
    """Name -> locked plugin; None when the project has no lock.

    Raises:
        ConfigError: ``wasmrun.lock`` is broken, or a newer wasmrun wrote it.
    """
    file = load_toml(project / LOCK_FILE, {}, elsewhere=("version", "plugin"))
    if file is None:
        return None
    version = file.tables.get("version")
    if version != LOCK_VERSION or isinstance(version, bool):
        raise file.error(
            "",
            "version",
            f"has version {version!r}, and this wasmrun reads {LOCK_VERSION}",
            hint="Update wasmrun, or write the lock again: wasmrun plugin lock",
        )
    entries = file.tables.get("plugin", [])
    if not isinstance(entries, list):
        raise _broken(file, "plugin", "must be an array of tables")
    locked = [_parse_locked(file, entry) for entry in entries]
    return {plugin.name: plugin for plugin in locked}


def format_lock(plugins: Mapping[str, LockedPlugin]) -> str:
    """The text of a lock: the same plugins give the same bytes."""
    import tomlkit  # noqa: PLC0415 - 40 ms, and only a change writes

    document = tomlkit.document()
    document.add("version", tomlkit.item(LOCK_VERSION))
    tables = tomlkit.aot()
    for _, plugin in sorted(plugins.items()):
        table: dict[str, Any] = {
            "name": plugin.name,
            "version": plugin.version,
            "source": plugin.source,
        }
        if plugin.checksum is not None:
            table["checksum"] = plugin.checksum
        table["digests"] = dict(sorted(plugin.digests.items()))
        tables.append(tomlkit.item(table))
    document.add("plugin", tables)
    return _HEADER + tomlkit.dumps(document)


def _parse_wanted(file: TomlFile, name: str, value: object, project: Path) -> PluginSource | BareName:
    if not isinstance(value, str) or not value:
        hint = f'For example: {name} = "*", or a source in quotes.'
        raise file.error(_PLUGINS, name, f'[{_PLUGINS}] "{name}" must be a string', hint=hint)
    try:
        check_name(name)
        if value == _ANY:
            return BareName(name=name)
        if _VERSION.fullmatch(value):
            return BareName(name=name, version=value)
        return parse_source(value, cwd=project)
    except UsageError as error:
        raise file.error(_PLUGINS, name, f"[{_PLUGINS}] {error.message}", hint=error.hint) from error


def _parse_locked(file: TomlFile, entry: object) -> LockedPlugin:
    if not isinstance(entry, dict):
        raise _broken(file, "plugin", "must be an array of tables")
    for key in ("name", "version", "source"):
        if not isinstance(entry.get(key), str) or not entry[key]:
            raise _broken(file, key, f'"{key}" must be a string')
    checksum = entry.get("checksum")
    if checksum is not None and not isinstance(checksum, str):
        raise _broken(file, "checksum", '"checksum" must be a string')
    digests = entry.get("digests", {})
    if not isinstance(digests, dict) or not all(
        isinstance(digest, str) and _DIGEST.fullmatch(digest) for digest in digests.values()
    ):
        raise _broken(file, "digests", '"digests" must name a sha256 for each platform')
    try:
        name = check_name(entry["name"])
    except UsageError as error:
        raise _broken(file, "name", error.message) from error
    return LockedPlugin(
        name=name, version=entry["version"], source=entry["source"], checksum=checksum, digests=digests
    )


def _broken(file: TomlFile, key: str, problem: str) -> Exception:
    return file.error("plugin", key, problem, hint="Write the lock again: wasmrun plugin lock")
