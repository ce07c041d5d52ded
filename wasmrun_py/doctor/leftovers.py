"""What killed runs left behind, and removing it.

Staging folders begin with ``.tmp-`` and name the process they belong to; half-written files end in ``.tmp``.
Only what certainly belongs to nobody is told: a folder whose process is alive, one of another machine while
any lock is held, and a file that is an hour young are left alone.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from wasmrun_py.model.errors import OutputError
from wasmrun_py.system.fs import find_staging_owner, is_locked, remove_file, remove_tree

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from wasmrun_py.system.paths import Home

_STAGING_PREFIX = ".tmp-"
_HALF_WRITTEN = ".*.tmp"
_YOUNG_S = 3600.0


def find_leftovers(home: Home, *, now_s: float) -> tuple[Path, ...]:
    """Staging folders and half-written files that no living process works on, sorted.

    Args:
        home: Where to look.
        now_s: The time, in seconds since the epoch.
    """
    someone_works = bool(find_held_locks(home))
    folders = (
        path
        for parent in _list_staging_places(home)
        for path in parent.glob(f"{_STAGING_PREFIX}*")
        if _is_abandoned(path, someone_works=someone_works)
    )
    files = (
        path
        for parent in (home.root, home.outputs, home.modules)
        for path in parent.glob(_HALF_WRITTEN)
        if _is_half_written(path, now_s)
    )
    return tuple(sorted({*folders, *files}))


def remove_leftovers(home: Home, *, now_s: float) -> tuple[Path, ...]:
    """Remove what ``find_leftovers`` finds; what is gone now."""
    leftovers = find_leftovers(home, now_s=now_s)
    for leftover in leftovers:
        if leftover.is_dir():
            remove_tree(leftover)
        else:
            # One that cannot be removed is told again the next time.
            with suppress(OutputError):
                remove_file(leftover)
    return tuple(path for path in leftovers if not path.exists())


def find_held_locks(home: Home) -> tuple[Path, ...]:
    """Lock files that a living process holds; one that lies there held by nobody means nothing."""
    return tuple(lock for lock in sorted(home.locks.glob("*.lock")) if is_locked(lock))


def _list_staging_places(home: Home) -> Iterator[Path]:
    yield home.toolchains
    yield home.store
    yield home.cache / "node-modules"
    yield home.cache / "python-packages"


def _is_abandoned(path: Path, *, someone_works: bool) -> bool:
    owner = find_staging_owner(path)
    # A name without a process, or with one of another machine, may belong to whoever holds a lock.
    return not someone_works if owner is None else not owner.alive


def _is_half_written(path: Path, now_s: float) -> bool:
    owner = find_staging_owner(path)
    if owner is not None:
        return not owner.alive
    try:
        return path.is_file() and now_s - path.stat().st_mtime > _YOUNG_S
    except OSError:
        return False
