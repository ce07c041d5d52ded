"""Which code builds: the bytes of a plugin, not only its version.

A built-in plugin and one that runs in our process are the sources of their package, and ours; an installed
one is the digest that its generation was checked against; a library of the search path is its file.
"""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import wasmrun_py
from wasmrun_py.build.fingerprint.dependencies import UncacheableError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wasmrun_py.build.fingerprint.kept_hashes import KeptHashes
    from wasmrun_py.model.installed_plugin import InstalledPlugin
    from wasmrun_py.plugin.manager import ChosenPlugin

# What of wasmrun itself shapes an artifact.
_OWN_ROOMS = ("build", "plugin", "toolchain", "wasm", "system")
_NO_SOURCES = frozenset({"__pycache__", "templates", "plugin_templates"})


def identify_plugin(chosen: ChosenPlugin, hashes: KeptHashes, *, store: Path) -> dict[str, str]:
    """Name, version and code of a plugin, and how it is called.

    Args:
        chosen: The plugin.
        hashes: Digests that are known.
        store: Where installed plugins lie.

    Raises:
        UncacheableError: Its code cannot be told.
    """
    registered = chosen.registered
    own = Path(wasmrun_py.__file__).parent
    identity = {
        "name": chosen.name,
        "version": chosen.info.version,
        "transport": registered.transport.value,
        "wasmrun": _digest_files(hashes, *(own / room for room in _OWN_ROOMS)),
    }
    if registered.installed is not None:
        if registered.installed.editable:
            raise UncacheableError(f'plugin "{chosen.name}" is editable: its code may change at any time')
        return {**identity, "code": registered.installed.digest, **_find_gap(registered.installed, store)}
    if registered.library is not None:
        return {**identity, "code": _digest_files(hashes, registered.library)}
    return {**identity, "code": _digest_files(hashes, *_find_sources(chosen))}


def _find_gap(installed: InstalledPlugin, store: Path) -> dict[str, str]:
    """A library that is gone: the plugin is called in another way then."""
    library = installed.launch.library
    if library is None or installed.start_path(store, library).exists():
        return {}
    return {"library": "missing"}


def _find_sources(chosen: ChosenPlugin) -> tuple[Path, ...]:
    """The package, or the file, that a plugin in our process was loaded from."""
    plugin = chosen.plugin
    name = type(plugin).__module__
    package = sys.modules.get(name.partition(".")[0])
    folders = tuple(Path(each) for each in getattr(package, "__path__", ()))
    file = getattr(package, "__file__", None)
    if not folders and not isinstance(file, str):
        raise UncacheableError(f'the code of plugin "{chosen.name}" is in no file')
    return folders or (Path(str(file)),)


def _digest_files(hashes: KeptHashes, *places: Path) -> str:
    digest = hashlib.sha256()
    for place in places:
        for path in _sources(str(place)):
            # Where it is installed makes no difference: other machines have it elsewhere.
            name = path.removeprefix(str(place.parent))
            try:
                digest.update(os.fsencode(f"{name}\0{hashes.digest(path)}\0"))
            except OSError as error:
                raise UncacheableError(f"{path} cannot be read: {error.strerror or error}") from error
    return digest.hexdigest()


def _sources(place: str) -> Iterator[str]:
    if not os.path.isdir(place):  # noqa: PTH112 - strings: 200 files at every build
        yield place
        return
    for folder, folders, names in os.walk(place):
        folders[:] = sorted(name for name in folders if name not in _NO_SOURCES)
        for name in sorted(names):
            if not name.endswith((".pyc", ".pyo")):
                yield os.path.join(folder, name)  # noqa: PTH118 - as above
