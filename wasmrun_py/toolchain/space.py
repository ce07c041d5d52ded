"""Room on a disk: whether an installation fits, and what one takes up."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from wasmrun_py.model.errors import ProvisionError
from wasmrun_py.system.fs import translate_write_errors

if TYPE_CHECKING:
    from collections.abc import Sequence

SPACE_HINT = "Free some space, or point WASMRUN_HOME at a larger disk."

_MEGABYTE = 1_000_000
# Programs in Python write these beside their files when they run.
_GROWN_LATER = "__pycache__"
_FULL_DISK_WORDS = ("no space left", "enospc", "disk is full", "quota exceeded", "edquot")


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderSize:
    """What is in a folder, caches that grow later left out."""

    files: int
    size_bytes: int


def require_space(folder: Path, needed_bytes: int, *, title: str, tools: Sequence[str]) -> None:
    """Insist that the disk of ``folder`` has ``needed_bytes`` free.

    Args:
        folder: It, or a folder above it, exists.
        needed_bytes: How much is needed while it is being installed.
        title: What is installed, for the sentence.
        tools: Its name, for the error.

    Raises:
        ProvisionError: It has less.
    """
    with translate_write_errors(f"look at {folder}"):
        free_bytes = shutil.disk_usage(nearest_existing(folder)).free
    if free_bytes < needed_bytes:
        raise ProvisionError(
            f"{title} needs {needed_bytes // _MEGABYTE} MB in {folder}, "
            f"and {free_bytes // _MEGABYTE} MB are free there",
            tools=tools,
            hint=SPACE_HINT,
        )


def nearest_existing(path: Path) -> Path:
    """``path``, or the nearest folder above it that is there."""
    return next(each for each in (path, *path.parents) if each.is_dir())


def names_full_disk(reason: str) -> bool:
    """Whether a package client's words speak of a full disk."""
    lowered = reason.lower()
    return any(word in lowered for word in _FULL_DISK_WORDS)


def measure_folder(folder: Path) -> FolderSize:
    """Count files and bytes; a folder that cannot be read counts as empty."""
    files = size_bytes = 0
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name != _GROWN_LATER]
        for name in names:
            try:
                size_bytes += (Path(parent) / name).lstat().st_size
            except OSError:
                continue
            files += 1
    return FolderSize(files=files, size_bytes=size_bytes)
