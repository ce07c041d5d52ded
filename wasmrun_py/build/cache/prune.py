"""What the local cache holds, and keeping it small: the least recently used goes first.

Everything in the folder may be removed at any time, also while others read it: they have a miss then. Only
files that are named as the cache names them are looked at.
"""

from __future__ import annotations

import os
import re
import stat
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from wasmrun_py.build.cache.places import (
    ACTIONS,
    BLOBS,
    COUNTS,
    HASHES,
    HITS,
    LAST,
    LOCKS,
    MARKER,
    MISSES,
    SWEPT,
)
from wasmrun_py.model.errors import OutputError
from wasmrun_py.system.fs import TEMPORARY_PREFIX, append, remove_file, remove_orphans, remove_tree, touch

if TYPE_CHECKING:
    from collections.abc import Iterator

_NAME = re.compile(r"[0-9a-f]{32,64}(?:\.json)?")
_KINDS = (ACTIONS, BLOBS, HASHES, LAST)
# A full cache is emptied a little further, so that not every build has to.
_LEFT = 0.9
_SWEEP_EVERY_S = 60.0
# A build that adds this part of the whole is a reason to look at once.
_LARGE_PART = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheSurvey:
    """What the cache holds.

    Attributes:
        size_bytes: Everything together.
        results: Builds and what they depended on, one record each.
        blobs: Artifacts.
        projects: Projects whose digests are kept.
        hits: Builds that were taken from it since it was cleared.
        misses: Builds that were made.
    """

    size_bytes: int
    results: int
    blobs: int
    projects: int
    hits: int
    misses: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruned:
    """What was removed."""

    files: int
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    path: str
    kind: str
    size_bytes: int
    used_s: float


def survey(folder: Path) -> CacheSurvey:
    """Count what is there; a folder that is missing holds nothing."""
    entries = list(_entries(folder))
    kinds = [entry.kind for entry in entries]
    return CacheSurvey(
        size_bytes=sum(entry.size_bytes for entry in entries),
        results=kinds.count(ACTIONS),
        blobs=kinds.count(BLOBS),
        projects=kinds.count(HASHES),
        hits=_count(folder, HITS),
        misses=_count(folder, MISSES),
    )


def prune(folder: Path, *, max_bytes: int | None = None, max_age_s: float | None = None) -> Pruned:
    """Remove what was not used for long, and what is too much.

    Args:
        folder: The cache.
        max_bytes: What may stay, or None for any amount.
        max_age_s: Since the last use, or None for any age.
    """
    oldest_s = time.time() - max_age_s if max_age_s is not None else None
    removed: list[_Entry] = []
    total_bytes = 0
    for entry in sorted(_entries(folder), key=lambda entry: -entry.used_s):
        total_bytes += entry.size_bytes
        too_much = max_bytes is not None and total_bytes > max_bytes
        if too_much or (oldest_s is not None and entry.used_s < oldest_s):
            with suppress(OutputError):
                remove_file(Path(entry.path))
                removed.append(entry)
    return Pruned(files=len(removed), size_bytes=sum(entry.size_bytes for entry in removed))


def prune_when_due(folder: Path, *, max_bytes: int, stored_bytes: int) -> None:
    """Keep the cache below ``max_bytes``, looking at it once a minute or when much came in."""
    swept = folder / SWEPT
    with suppress(OSError, OutputError):
        age_s = time.time() - swept.stat().st_mtime if swept.exists() else _SWEEP_EVERY_S
        if 0 <= age_s < _SWEEP_EVERY_S and stored_bytes < max_bytes // _LARGE_PART:
            return
        append(swept, b"")
        touch(swept)
        if sum(entry.size_bytes for entry in _entries(folder)) > max_bytes:
            prune(folder, max_bytes=int(max_bytes * _LEFT))
        for kind in _KINDS:
            for place in _folders(folder / kind):
                remove_orphans(place, TEMPORARY_PREFIX)


def clear(folder: Path) -> Pruned:
    """Remove everything that the cache made; nothing where its marker is missing.

    Raises:
        OutputError: A file cannot be removed.
    """
    if not (folder / MARKER).is_file():
        return Pruned(files=0, size_bytes=0)
    entries = list(_entries(folder))
    for kind in (*_KINDS, LOCKS, COUNTS):
        place = folder / kind
        if place.is_symlink() or place.is_file():
            remove_file(place)
        else:
            remove_tree(place)
    remove_file(folder / SWEPT)
    remove_file(folder / MARKER)
    with suppress(OSError):
        folder.rmdir()
    return Pruned(files=len(entries), size_bytes=sum(entry.size_bytes for entry in entries))


def _entries(folder: Path) -> Iterator[_Entry]:
    for kind in _KINDS:
        for place in _folders(folder / kind):
            with suppress(OSError), os.scandir(place) as found:
                for each in found:
                    # Somebody else may be removing it too.
                    with suppress(OSError):
                        status = each.stat(follow_symlinks=False)
                        if stat.S_ISREG(status.st_mode) and _NAME.fullmatch(each.name):
                            yield _Entry(
                                path=each.path,
                                kind=kind,
                                size_bytes=status.st_size,
                                used_s=status.st_mtime,
                            )


def _folders(place: Path) -> Iterator[Path]:
    """A folder of one kind, and those in it."""
    if place.is_symlink():
        return
    yield place
    with suppress(OSError), os.scandir(place) as found:
        for each in found:
            if each.is_dir(follow_symlinks=False):
                yield place / each.name


def _count(folder: Path, what: str) -> int:
    try:
        return (folder / COUNTS / what).stat().st_size
    except OSError:
        return 0
