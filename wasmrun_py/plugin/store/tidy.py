"""Clear away what an ended command left, and make the links again: ``config.toml`` says what should be there.

Runs at the start of every command that meets plugins. When everything is in order, as it is but for once in
a year, it costs a look at four folders.
"""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from wasmrun_py.config.plugin_state import load_installed_plugins
from wasmrun_py.model.errors import OutputError
from wasmrun_py.plugin.store.lock import pointer_lock_file
from wasmrun_py.system.fs import (
    TEMPORARY_PREFIX,
    find_orphans,
    held_if_free,
    remove_file,
    remove_orphans,
    remove_tree,
    replace_link,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wasmrun_py.model.installed_plugin import InstalledPlugin
    from wasmrun_py.system.paths import Home

_HIDDEN = "."


def tidy(home: Home, plugins: Iterable[InstalledPlugin]) -> None:
    """Bring the folders in line with ``plugins``, if they are not and nobody is changing them now.

    A home that cannot be written is left as it is: what is installed works all the same.
    """
    if is_tidy(home, plugins):
        return
    with contextlib.suppress(OutputError), held_if_free(pointer_lock_file(home)) as held:
        if held:
            # Somebody may have finished a change since ``plugins`` was read.
            tidy_locked(home, load_installed_plugins(home))


def is_tidy(home: Home, plugins: Iterable[InstalledPlugin]) -> bool:
    """Whether the folders hold exactly what ``plugins`` says."""
    plugins = tuple(plugins)
    return not (
        find_unreferenced(home, plugins)
        or any(find_orphans(folder, TEMPORARY_PREFIX) for folder in _places(home))
        or any(_links_in(folder) != wanted for folder, wanted in _wanted_links(home, plugins).items())
        or (not plugins and home.store.is_dir() and not os.listdir(home.store))  # noqa: PTH208 - as fast as it gets
    )


def tidy_locked(home: Home, plugins: Iterable[InstalledPlugin]) -> None:
    """The work itself; the pointer's lock is held.

    Raises:
        OutputError: A link cannot be made or removed.
    """
    plugins = tuple(plugins)
    for folder in _places(home):
        remove_orphans(folder, TEMPORARY_PREFIX)
    for folder in find_unreferenced(home, plugins):
        remove_tree(folder)
    for folder, wanted in _wanted_links(home, plugins).items():
        there = _links_in(folder)
        for name in there.keys() - wanted.keys():
            remove_file(folder / name)
        for name, target in wanted.items():
            if there.get(name) != target:
                replace_link(folder / name, to=target)
    for folder in (home.store, home.plugins, home.bin):
        with contextlib.suppress(OSError):
            folder.rmdir()


def find_unreferenced(home: Home, plugins: Iterable[InstalledPlugin]) -> list[Path]:
    """Generations in the store that no plugin names, as its own or as its previous one."""
    named = {plugin.generation for plugin in plugins}
    named |= {plugin.previous.generation for plugin in plugins if plugin.previous is not None}
    try:
        with os.scandir(home.store) as entries:
            return [
                home.store / entry.name
                for entry in entries
                if entry.name not in named and not entry.name.startswith(_HIDDEN)
            ]
    except OSError:
        return []


def _places(home: Home) -> tuple[Path, ...]:
    """Where temporary files of ours may lie."""
    return (home.store, home.root, home.plugins, home.bin, home.locks)


def _wanted_links(home: Home, plugins: Iterable[InstalledPlugin]) -> dict[Path, dict[str, Path]]:
    generations = {plugin.name: _target(plugin.folder(home.store), home) for plugin in plugins}
    programs = {
        plugin.name: _target(plugin.start_path(home.store, plugin.launch.command), home)
        for plugin in plugins
        # Junctions lead to folders only; on Windows programs are started by their own path.
        if plugin.launch.command is not None and sys.platform != "win32"
    }
    return {home.plugins: generations, home.bin: programs}


def _target(path: Path, home: Home) -> Path:
    """What a link says: relative inside the home, so that the home can be moved; junctions are absolute."""
    if sys.platform == "win32" or not path.is_relative_to(home.root):
        return path
    return Path("..", path.relative_to(home.root))


def _links_in(folder: Path) -> dict[str, Path | None]:
    """Name -> where it leads, for everything in a folder of links; None when it is no link."""
    found: dict[str, Path | None] = {}
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if not entry.name.startswith(_HIDDEN):
                    found[entry.name] = _read_link(folder / entry.name)
    except OSError:
        return {}
    return found


def _read_link(path: Path) -> Path | None:
    try:
        return path.readlink()
    except OSError:
        return None
