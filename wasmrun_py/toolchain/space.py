"""Whether a disk has room for an installation, looked at before anything is downloaded."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from wasmrun_py.model.errors import ProvisionError
from wasmrun_py.system.fs import translate_write_errors

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

SPACE_HINT = "Free some space, or point WASMRUN_HOME at a larger disk."

_MEGABYTE = 1_000_000
_FULL_DISK_WORDS = ("no space left", "enospc", "disk is full", "quota exceeded", "edquot")


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
