"""The plugins of ``WASMRUN_PLUGIN_PATH``: shared libraries that the store does not manage (DESIGN §6).

Of each folder: the libraries in it, which carry their manifest themselves, and the sub-folders that hold a
``wasmrun_plugin.toml`` beside their library. What a library says is remembered by its path, size, time and
inode, also that it says nothing: a helper is started for a new or changed library only.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wasmrun_py.config.plugin_manifest import MANIFEST_FILE, parse_manifest
from wasmrun_py.model.errors import ManifestError, OutputError, PluginFailedError
from wasmrun_py.model.manifest import (
    HealthStatus,
    PluginHealth,
    PluginInfo,
    PluginManifest,
    PluginType,
    TransportKind,
    Transports,
)
from wasmrun_py.plugin.ffi.libraries import find_library, is_library
from wasmrun_py.plugin.installed import make_world
from wasmrun_py.plugin.registry import RegisteredPlugin
from wasmrun_py.plugin.transport.base import Callee, StartPaths
from wasmrun_py.plugin.transport.external import ExternalPlugin
from wasmrun_py.system.fs import atomic_write

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from wasmrun_py.plugin.api import PluginContext

_MEMORY_FILE = "libraries.json"
_MEMORY_CAP_BYTES = 16 * 1024 * 1024
_MANIFEST_CAP_BYTES = 256 * 1024
_HEALTHY = PluginHealth(status=HealthStatus.HEALTHY)
_Stamp = list[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Said:
    """What a library says of itself.

    Attributes:
        manifest: Its text; empty when it says nothing.
        problem: Why it says nothing.
    """

    manifest: str
    problem: str


def load_search_path(context: PluginContext) -> list[RegisteredPlugin]:
    """Every plugin of ``context.plugin_path``, those that cannot be used with the reason.

    A folder that is not there is passed over: the variable may name places that come and go.
    """
    memory = _Memory(context.home.cache / _MEMORY_FILE)
    found = [
        _register(entry, memory, context)
        for folder in context.plugin_path
        for entry in _list(folder)
        if _is_plugin(entry)
    ]
    memory.save()
    return found


def _list(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def _is_plugin(entry: Path) -> bool:
    if entry.is_dir():
        return (entry / MANIFEST_FILE).is_file()
    return is_library(entry) and entry.is_file()


def _register(entry: Path, memory: _Memory, context: PluginContext) -> RegisteredPlugin:
    try:
        if entry.is_dir():
            library, manifest = _load_folder(entry)
        else:
            library, manifest = entry, _load_library(entry, memory, context)
    except ManifestError as error:
        return RegisteredPlugin(
            name=entry.name.removeprefix("lib").partition(".")[0],
            type=PluginType.EXTERNAL,
            transport=TransportKind.FFI,
            transports=(TransportKind.FFI,),
            info=None,
            plugin=None,
            health=PluginHealth(status=HealthStatus.LOAD_ERROR, message=error.message),
            library=entry,
        )
    name = manifest.info.name
    callee = Callee(
        name=name,
        manifest=manifest,
        paths=StartPaths(library=library),
        world=make_world(context, plugin=name, build=str(_stamp(library))),
    )
    return RegisteredPlugin(
        name=name,
        type=PluginType.EXTERNAL,
        transport=TransportKind.FFI,
        transports=(TransportKind.FFI,),
        info=manifest.info,
        plugin=ExternalPlugin(callee),
        health=_HEALTHY,
        library=library,
    )


def _load_folder(folder: Path) -> tuple[Path, PluginManifest]:
    """A sub-folder's library and manifest.

    Raises:
        ManifestError: The manifest is malformed, or the library that it names is not there.
    """
    path = folder / MANIFEST_FILE
    try:
        with path.open("rb") as stream:
            text = stream.read(_MANIFEST_CAP_BYTES + 1).decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ManifestError(f"{path} cannot be read: {error}") from error
    manifest = _parse(text, origin=str(path))
    name = manifest.transports.ffi
    if name is None:
        raise ManifestError(f'{path} has no "transports.ffi"', field="transports.ffi")
    library = find_library(folder, name)
    if library is None:
        raise ManifestError(
            f'{path}: "transports.ffi" names {name}, and there is no such library beside it or in lib',
            field="transports.ffi",
        )
    return library, manifest


def _load_library(library: Path, memory: _Memory, context: PluginContext) -> PluginManifest:
    """The manifest in a library's own table.

    Raises:
        ManifestError: It has none, or it is malformed.
    """
    said = memory.recall(library)
    if said is None:
        said = _ask(library, context)
        memory.remember(library, said)
    if said.problem:
        raise ManifestError(f"{library}: {said.problem}")
    return _parse(said.manifest, origin=f"{library}: its manifest")


def _ask(library: Path, context: PluginContext) -> _Said:
    """Start a helper for the library and ask."""
    from wasmrun_py.plugin.transport.ffi import FfiTransport  # noqa: PLC0415 - a new library is rare

    name = library.stem
    unknown = PluginManifest(info=PluginInfo(name=name, version="0", description=""), language=name)
    callee = Callee(
        name=name,
        manifest=unknown,
        paths=StartPaths(library=library),
        world=make_world(context, plugin=name, build=str(_stamp(library))),
    )
    try:
        text = FfiTransport(callee).load_manifest_text()
    except PluginFailedError as error:
        return _Said(manifest="", problem=error.message)
    if not text:
        return _Said(
            manifest="",
            problem=f"it carries no manifest: put it into a folder of its own, beside a {MANIFEST_FILE}",
        )
    return _Said(manifest=text, problem="")


def _parse(text: str, *, origin: str) -> PluginManifest:
    import tomllib  # noqa: PLC0415 - few runs have a search path
    from dataclasses import replace  # noqa: PLC0415 - as above

    try:
        table = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ManifestError(f"{origin} is not valid TOML: {error}") from error
    manifest = parse_manifest(table, origin=origin)
    return replace(manifest, transports=Transports(ffi=manifest.transports.ffi or manifest.info.name))


def _stamp(library: Path) -> _Stamp:
    """What tells a library from another one under its name; empty for none."""
    try:
        found = library.stat()
    except OSError:
        return []
    return [found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns]


class _Memory:
    """What libraries said, in a file of the cache folder.

    Args:
        path: The file; one that cannot be read is as good as none.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known = dict(_load(path))
        self._changed = False

    def recall(self, library: Path) -> _Said | None:
        """What this very library said, or None."""
        entry = self._known.get(str(library))
        if not isinstance(entry, dict) or entry.get("stamp") != _stamp(library):
            return None
        manifest, problem = entry.get("manifest"), entry.get("problem")
        if not isinstance(manifest, str) or not isinstance(problem, str):
            return None
        return _Said(manifest=manifest, problem=problem)

    def remember(self, library: Path, said: _Said) -> None:
        """Keep what it said."""
        stamp = _stamp(library)
        self._known[str(library)] = {"stamp": stamp, "manifest": said.manifest, "problem": said.problem}
        self._changed = True

    def save(self) -> None:
        """Write the file, when something is new; a disk that takes nothing costs a helper next time."""
        if self._changed:
            with suppress(OutputError):
                atomic_write(self._path, json.dumps(self._known).encode("utf-8", "surrogatepass"))


def _load(path: Path) -> Iterator[tuple[str, Any]]:
    try:
        with path.open("rb") as stream:
            known = json.loads(stream.read(_MEMORY_CAP_BYTES))
    except (OSError, ValueError, RecursionError):
        return
    if isinstance(known, dict):
        yield from known.items()
