"""Read and write a plugin's manifest: a TOML table in, a ``PluginManifest`` out (DESIGN §6, "Manifest").

The same fields stand in a crate's ``[package.metadata.wasm_plugin]``, in ``wasmrun_plugin.toml`` and, once
installed, in the user's ``config.toml``; this is the one parser of all three. Fields it does not know are
passed over (real plugins carry some); a field of the wrong shape is an error that names it.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from wasmrun_py.model.errors import ManifestError
from wasmrun_py.model.manifest import PluginCapabilities, PluginInfo, PluginManifest, Transports
from wasmrun_py.model.plugin_source import NAME_PATTERN, check_name

if TYPE_CHECKING:
    from collections.abc import Mapping

MANIFEST_FILE = "wasmrun_plugin.toml"
CARGO_KEYS = ("wasm_plugin", "wasm-plugin")

_ENTRY_POINT = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,63}")
_EXTENSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,31}")
_SYMBOL = re.compile(r"[A-Za-z_]\w{0,127}")
_VERSION = re.compile(r"\d[A-Za-z0-9.+!_-]{0,63}")
_DEFAULT_CAPABILITIES = PluginCapabilities()
_TEXT_CAP = 1000
_LIST_CAP = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """What the package around a manifest says; the manifest's missing fields come from here.

    Attributes:
        name: The package's name, or None when there is no package.
        version: Its version, or None.
        description: One sentence; may be empty.
        author: May be empty.
    """

    name: str | None = None
    version: str | None = None
    description: str = ""
    author: str = ""


def parse_manifest(table: object, *, origin: str, package: Package | None = None) -> PluginManifest:
    """Check a manifest's table and turn it into its type.

    Args:
        table: What TOML gave: hostile.
        origin: Where it stands, for messages (a file's path, with the table's name where there is one).
        package: The package around it.

    Raises:
        ManifestError: A field is missing or malformed; it names the field.
    """
    package = package or Package()
    fields = _Fields(table, origin=origin)
    language = fields.text("name", pattern=NAME_PATTERN, what="a name")
    if language is None:
        raise fields.missing("name", "It names the language that the plugin builds.")
    name = package.name or fields.text("plugin", pattern=NAME_PATTERN, what="a name") or language
    version = fields.text("version", pattern=_VERSION, what="a version") or package.version
    if version is None:
        raise fields.missing("version", "Nothing around it has a version to take instead.")
    if not _VERSION.fullmatch(version):
        raise fields.wrong(
            "version", f"cannot be {version[:60]!r}, which its package says: that is no version"
        )
    dependencies = fields.table("dependencies")
    frameworks = fields.table("frameworks")
    info = PluginInfo(
        name=check_name(name),
        version=version,
        description=fields.text("description") or _plain(package.description),
        author=fields.text("author") or _plain(package.author),
        extensions=fields.extensions(),
        entry_files=fields.paths("entry_files"),
        capabilities=_capabilities(fields.table("capabilities"), language),
        toolchains=fields.words("toolchains"),
        run_target=fields.text("run_target", pattern=_WORD, what="a target"),
    )
    return PluginManifest(
        info=info,
        language=language,
        transports=_transports(fields.table("transports")),
        tools=dependencies.words("tools"),
        optional_tools=dependencies.words("optional_tools"),
        exports=fields.table("exports").symbols(),
        frameworks=frameworks.words("supported"),
        abi=fields.integer("abi"),
        requires_wasmrun=_requirement(fields),
        cache=fields.flag("cache", default=True),
    )


def manifest_to_table(manifest: PluginManifest) -> dict[str, Any]:
    """The table that ``parse_manifest`` reads back to an equal manifest; empty fields are left out."""
    info = manifest.info
    table: dict[str, Any] = {
        "name": manifest.language,
        "plugin": info.name,
        "version": info.version,
        "description": info.description,
        "author": info.author,
        "extensions": list(info.extensions),
        "entry_files": list(info.entry_files),
        "toolchains": list(info.toolchains),
        "run_target": info.run_target,
        "abi": manifest.abi,
        "requires_wasmrun": manifest.requires_wasmrun,
        "cache": None if manifest.cache else False,
        "capabilities": _capabilities_to_table(info.capabilities),
        "dependencies": _filled(
            {"tools": list(manifest.tools), "optional_tools": list(manifest.optional_tools)}
        ),
        "transports": _filled(
            {
                "python": manifest.transports.python,
                "ffi": manifest.transports.ffi,
                "command": manifest.transports.command,
            }
        ),
        "exports": dict(manifest.exports),
        "frameworks": _filled({"supported": list(manifest.frameworks)}),
    }
    return _filled(table)


def _capabilities_to_table(capabilities: PluginCapabilities) -> dict[str, Any]:
    """What differs from the defaults: a short table is read in half the time, by every command."""
    table = {
        name: list(value) if isinstance(value, tuple) else value
        for name in PluginCapabilities.__slots__
        if (value := getattr(capabilities, name)) != getattr(_DEFAULT_CAPABILITIES, name)
    }
    return dict(table)


def find_cargo_table(document: Mapping[str, Any]) -> object | None:
    """``[package.metadata.wasm_plugin]`` of a parsed ``Cargo.toml``, in either spelling; None without one."""
    metadata: Any = document.get("package", {})
    metadata = metadata.get("metadata", {}) if isinstance(metadata, dict) else {}
    if not isinstance(metadata, dict):
        return None
    return next((metadata[key] for key in CARGO_KEYS if key in metadata), None)


class _Fields:
    """One table whose values are taken out by name, each checked."""

    def __init__(self, table: object, *, origin: str, prefix: str = "") -> None:
        self._origin = origin
        self._prefix = prefix
        if not isinstance(table, dict):
            raise self._wrong("", f"must be a table, not {_kind(table)}")
        self._table: dict[str, Any] = table

    def table(self, key: str) -> _Fields:
        """A sub-table; an empty one when it is not there."""
        value = self._table.get(key, {})
        if not isinstance(value, dict):
            raise self._wrong(key, f"must be a table, not {_kind(value)}")
        return _Fields(value, origin=self._origin, prefix=f"{self._prefix}{key}.")

    def text(self, key: str, *, pattern: re.Pattern[str] | None = None, what: str = "") -> str | None:
        """A string; None when it is missing or empty."""
        value = self._table.get(key)
        if value is None:
            return None
        if not isinstance(value, str):
            raise self._wrong(key, f"must be a string, not {_kind(value)}")
        value = value.strip()
        if len(value) > _TEXT_CAP:
            raise self._wrong(key, f"is {len(value)} characters long; {_TEXT_CAP} is the most")
        if value and pattern is not None and not pattern.fullmatch(value):
            raise self._wrong(key, f"cannot be {value[:60]!r}: that is not {what}")
        if any(unicodedata.category(character) == "Cc" and character not in "\n\t" for character in value):
            raise self._wrong(key, "holds control characters")
        return value or None

    def flag(self, key: str, *, default: bool) -> bool:
        """A boolean."""
        value = self._table.get(key, default)
        if not isinstance(value, bool):
            raise self._wrong(key, f"must be true or false, not {_kind(value)}")
        return value

    def integer(self, key: str) -> int | None:
        """A positive integer."""
        value = self._table.get(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int):
            raise self._wrong(key, f"must be an integer, not {_kind(value)}")
        if not 0 < value < 2**31:
            raise self._wrong(key, f"cannot be {value}")
        return value

    def words(self, key: str) -> tuple[str, ...]:
        """A list of words: tools, targets, languages."""
        return tuple(self._items(key, _WORD, "a word of letters, digits, dots and dashes"))

    def extensions(self) -> tuple[str, ...]:
        """File extensions; a leading dot is forgiven."""
        found = self._strings("extensions")
        bare = [each.removeprefix(".") for each in found]
        for number, each in enumerate(bare):
            if not _EXTENSION.fullmatch(each):
                raise self._wrong(f"extensions[{number}]", f"cannot be {found[number][:60]!r}")
        return tuple(bare)

    def paths(self, key: str) -> tuple[str, ...]:
        """A list of relative paths that stay inside the project."""
        found = self._strings(key)
        for number, each in enumerate(found):
            path = PurePosixPath(each)
            harmful = path.is_absolute() or ".." in path.parts or "\\" in each or ":" in each
            if harmful or not each or any(character < " " for character in each):
                raise self._wrong(
                    f"{key}[{number}]", f"cannot be {each[:60]!r}: a path inside the project is wanted"
                )
        return tuple(found)

    def symbols(self) -> dict[str, str]:
        """Every key of this table with a C symbol as its value."""
        for key in self._table:
            value = self.text(key, pattern=_SYMBOL, what="a C symbol")
            if value is None:
                raise self._wrong(key, "is empty")
        return {key: str(value).strip() for key, value in self._table.items()}

    def missing(self, key: str, why: str) -> ManifestError:
        """The error for a field that must be there."""
        return ManifestError(
            f'{self._origin}: "{self._prefix}{key}" is missing', field=f"{self._prefix}{key}", hint=why
        )

    def wrong(self, key: str, problem: str) -> ManifestError:
        """The error for a field whose value the caller refuses."""
        return self._wrong(key, problem)

    def _items(self, key: str, pattern: re.Pattern[str], what: str) -> list[str]:
        found = self._strings(key)
        for number, each in enumerate(found):
            if not pattern.fullmatch(each):
                raise self._wrong(f"{key}[{number}]", f"cannot be {each[:60]!r}: that is not {what}")
        return found

    def _strings(self, key: str) -> list[str]:
        value = self._table.get(key, [])
        if not isinstance(value, list):
            raise self._wrong(key, f"must be a list of strings, not {_kind(value)}")
        if len(value) > _LIST_CAP:
            raise self._wrong(key, f"has {len(value)} entries; {_LIST_CAP} is the most")
        for number, each in enumerate(value):
            if not isinstance(each, str):
                raise self._wrong(f"{key}[{number}]", f"must be a string, not {_kind(each)}")
        return [each.strip() for each in value]

    def _wrong(self, key: str, problem: str) -> ManifestError:
        name = f"{self._prefix}{key}".rstrip(".")
        shown = f'{self._origin}: "{name}"' if name else f"{self._origin}: the manifest"
        return ManifestError(
            f"{shown} {problem}", field=name, hint="docs/plugins.md lists every field and what it may hold."
        )


def _capabilities(fields: _Fields, language: str) -> PluginCapabilities:
    return PluginCapabilities(
        compile_wasm=fields.flag("compile_wasm", default=True),
        compile_webapp=fields.flag("compile_webapp", default=False),
        live_reload=fields.flag("live_reload", default=False),
        optimization=fields.flag("optimization", default=False),
        custom_targets=fields.words("custom_targets"),
        supported_languages=fields.words("supported_languages") or (language,),
    )


def _transports(fields: _Fields) -> Transports:
    return Transports(
        python=fields.text("python", pattern=_ENTRY_POINT, what="module:object"),
        ffi=fields.text("ffi", pattern=_WORD, what="the base name of a library"),
        command=fields.text("command", pattern=_WORD, what="the name of a program"),
    )


def _requirement(fields: _Fields) -> str | None:
    text = fields.text("requires_wasmrun")
    if text is None:
        return None
    from packaging.specifiers import InvalidSpecifier, SpecifierSet  # noqa: PLC0415 - few manifests have one

    try:
        SpecifierSet(text)
    except InvalidSpecifier as error:
        raise fields.wrong("requires_wasmrun", f"cannot be {text[:60]!r}: write it like >=1,<2") from error
    return text


def _plain(text: str) -> str:
    """A package's own words, which nobody has checked, without what a terminal would obey."""
    return "".join(letter for letter in text if unicodedata.category(letter) != "Cc")[:_TEXT_CAP].strip()


def _filled(table: dict[str, Any]) -> dict[str, Any]:
    """TOML has no null: what is empty is left out."""
    return {key: value for key, value in table.items() if value not in (None, "", [], {})}


def _kind(value: object) -> str:
    names = {
        bool: "a boolean",
        int: "an integer",
        float: "a float",
        list: "an array",
        dict: "a table",
        str: "a string",
    }
    return names.get(type(value), "a date or time" if value is not None else "nothing")
