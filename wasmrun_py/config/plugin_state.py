"""The installed plugins as ``config.toml`` records them: read, checked, and written back (DESIGN §6).

``config.toml`` is the user's file as much as ours: their settings, comments and order survive every change,
and a file that is broken or newer is never written. What a name in it leads to on disk is the store's
business.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from wasmrun_py.config.plugin_manifest import manifest_to_table, parse_manifest
from wasmrun_py.config.schema_version import PLUGINS_TABLE, SCHEMA_KEY, SCHEMA_VERSION
from wasmrun_py.config.settings import load_user_file
from wasmrun_py.model.errors import ManifestError, UsageError
from wasmrun_py.model.installed_plugin import InstalledPlugin, Launch, PreviousGeneration
from wasmrun_py.model.plugin_source import check_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wasmrun_py.config.toml_file import TomlFile
    from wasmrun_py.model.errors import ConfigError
    from wasmrun_py.system.paths import Home

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_GENERATION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+!-]{0,199}")
_LAUNCH_KEYS = ("interpreter", "python", "command", "library")
_HINT = (
    "Restore the file from a backup, or remove the table of that plugin and install it again. "
    "Nothing was changed."
)


def load_installed_plugins(home: Home) -> tuple[InstalledPlugin, ...]:
    """Every installed plugin, by name; reads one file.

    Raises:
        ConfigError: The file is broken, unreadable or newer.
    """
    file = load_user_file(home)
    return parse_installed_plugins(file) if file is not None else ()


def parse_installed_plugins(file: TomlFile) -> tuple[InstalledPlugin, ...]:
    """The ``[external_plugins]`` of a file that was read.

    Raises:
        ConfigError: An entry is not what ``format_installed_plugins`` writes.
    """
    tables = file.tables.get(PLUGINS_TABLE, {})
    if not isinstance(tables, dict):
        raise file.error("", PLUGINS_TABLE, f'"{PLUGINS_TABLE}" must be a table', hint=_HINT)
    return tuple(_Entry(file, name, table).parse() for name, table in sorted(tables.items()))


def format_installed_plugins(text: str, plugins: Mapping[str, InstalledPlugin]) -> str:
    """The text of ``config.toml`` with exactly these plugins; everything else in it stays as it is.

    Args:
        text: The file as it is; empty when there is none.
        plugins: Name -> plugin.
    """
    import tomlkit  # noqa: PLC0415 - 40 ms, and only a change writes

    document = tomlkit.parse(text)
    if not text.strip():
        document.add(SCHEMA_KEY, tomlkit.item(SCHEMA_VERSION))
    tables: Any = document.get(PLUGINS_TABLE)
    if tables is None:
        if not plugins:
            return text
        tables = tomlkit.table(is_super_table=True)
        document[PLUGINS_TABLE] = tables
        tables = document[PLUGINS_TABLE]
    for name in [name for name in tables if name not in plugins]:
        del tables[name]
    for name, plugin in plugins.items():
        table = plugin_to_table(plugin)
        if name not in tables or tables[name].unwrap() != table:
            tables[name] = table
    if not plugins:
        del document[PLUGINS_TABLE]
    formatted = tomlkit.dumps(document)
    if not plugins:
        formatted = formatted.rstrip("\n") + "\n"
    return "" if formatted.strip() == f"{SCHEMA_KEY} = {SCHEMA_VERSION}" else formatted


def plugin_to_table(plugin: InstalledPlugin) -> dict[str, Any]:
    """One plugin's table, as ``parse_installed_plugins`` reads it."""
    launch = {key: getattr(plugin.launch, key) for key in _LAUNCH_KEYS}
    table: dict[str, Any] = {
        "enabled": plugin.enabled,
        "source": plugin.source,
        "requested": plugin.requested,
        "version": plugin.version,
        "digest": plugin.digest,
        "content_digest": plugin.content_digest,
        "generation": plugin.generation,
        "installed_at": plugin.installed_at,
    }
    if plugin.checksum is not None:
        table["checksum"] = plugin.checksum
    if plugin.editable:
        table["editable"] = True
    table["launch"] = {key: value for key, value in launch.items() if value is not None}
    table["info"] = manifest_to_table(plugin.manifest)
    if plugin.previous is not None:
        table["previous"] = {
            "generation": plugin.previous.generation,
            "version": plugin.previous.version,
            "digest": plugin.previous.digest,
        }
    return table


class _Entry:
    """One plugin's table on its way to an ``InstalledPlugin``."""

    def __init__(self, file: TomlFile, name: str, table: object, *, place: str = "") -> None:
        self._file = file
        self._name = name
        self._place = place or f"{PLUGINS_TABLE}.{name}"
        if not isinstance(table, dict):
            raise file.error(PLUGINS_TABLE, name, f'"{self._place}" must be a table', hint=_HINT)
        self._table: dict[str, Any] = table

    def parse(self) -> InstalledPlugin:
        try:
            check_name(self._name)
        except UsageError as error:
            raise self._file.error(PLUGINS_TABLE, self._name, error.message, hint=_HINT) from error
        editable = self._flag("editable", default=False)
        return InstalledPlugin(
            name=self._name,
            enabled=self._flag("enabled", default=True),
            requested=self._text("requested"),
            source=self._text("source"),
            version=self._text("version"),
            checksum=self._text("checksum") if "checksum" in self._table else None,
            content_digest=self._text("content_digest", _DIGEST),
            digest=self._text("digest", _DIGEST),
            generation=self._text("generation", _GENERATION),
            installed_at=self._time("installed_at"),
            editable=editable,
            manifest=self._manifest(),
            launch=self._launch(editable=editable),
            previous=self._previous(),
        )

    def _previous(self) -> PreviousGeneration | None:
        if "previous" not in self._table:
            return None
        earlier = _Entry(self._file, self._name, self._table["previous"], place=f"{self._place}.previous")
        return PreviousGeneration(
            generation=earlier._text("generation", _GENERATION),
            version=earlier._text("version"),
            digest=earlier._text("digest", _DIGEST),
        )

    def _manifest(self) -> Any:
        if "info" not in self._table:
            raise self._wrong("info", "is missing")
        try:
            manifest = parse_manifest(self._table["info"], origin="info")
        except (ManifestError, UsageError) as error:
            place = f"info.{error.field}" if isinstance(error, ManifestError) else "info"
            raise self._wrong(place, f"is not a manifest: {error.message}") from error
        if manifest.info.name != self._name:
            raise self._wrong("info", f'is the manifest of "{manifest.info.name}"')
        return manifest

    def _launch(self, *, editable: bool) -> Launch:
        table = self._table.get("launch", {})
        if not isinstance(table, dict):
            raise self._wrong("launch", "must be a table")
        for key, value in table.items():
            if not isinstance(value, str) or not value or "\0" in value:
                raise self._wrong(f"launch.{key}", "must be a string")
            inside = not value.startswith(("/", "\\")) and ".." not in re.split(r"[/\\]", value)
            if key in {"interpreter", "library"} or (key == "command" and not editable):
                inside = inside and ":" not in value
                if not inside:
                    raise self._wrong(f"launch.{key}", f"leaves the plugin's folder: {value[:60]!r}")
        return Launch(**{key: table.get(key) for key in _LAUNCH_KEYS})

    def _text(self, key: str, pattern: re.Pattern[str] | None = None) -> str:
        value = self._table.get(key)
        if value is None:
            raise self._wrong(key, "is missing")
        if not isinstance(value, str) or not value:
            raise self._wrong(key, "must be a string that is not empty")
        if pattern is not None and not pattern.fullmatch(value):
            raise self._wrong(key, f"cannot be {value[:80]!r}")
        return value

    def _flag(self, key: str, *, default: bool) -> bool:
        value = self._table.get(key, default)
        if not isinstance(value, bool):
            raise self._wrong(key, "must be true or false")
        return value

    def _time(self, key: str) -> datetime:
        value = self._table.get(key)
        if not isinstance(value, datetime):
            raise self._wrong(key, "must be a date with a time")
        return value if value.tzinfo is not None else value.replace(tzinfo=UTC)

    def _wrong(self, key: str, problem: str) -> ConfigError:
        error = self._file.error(self._place, key, f"[{self._place}] {key} {problem}", hint=_HINT)
        if error.line is not None:
            return error
        # What is missing has no line; the table it is missing from has one.
        return self._file.error(PLUGINS_TABLE, self._name, f"[{self._place}] {key} {problem}", hint=_HINT)
