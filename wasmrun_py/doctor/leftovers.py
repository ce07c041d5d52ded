"""What killed runs left under WASMRUN_HOME, and removing it.

Every staging folder of an installation begins with ``.tmp-``; its installer holds a lock while it works,
so that a folder whose lock is free belongs to nobody.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wasmrun_py.system.fs import is_locked, remove_tree

if TYPE_CHECKING:
    from pathlib import Path

    from wasmrun_py.system.paths import Home

_STAGING_PREFIX = ".tmp-"


def find_leftovers(home: Home) -> tuple[Path, ...]:
    """Staging folders that no living installer holds, sorted."""
    found = sorted(home.toolchains.glob(f"{_STAGING_PREFIX}*")) if home.toolchains.is_dir() else []
    locks = sorted(home.locks.glob("*.lock")) if home.locks.is_dir() else []
    if found and any(is_locked(lock) for lock in locks):
        return ()
    return tuple(found)


def remove_leftovers(home: Home) -> tuple[Path, ...]:
    """Remove what ``find_leftovers`` finds; the folders that are gone now."""
    leftovers = find_leftovers(home)
    for leftover in leftovers:
        remove_tree(leftover)
    return tuple(path for path in leftovers if not path.exists())
