"""Where a plugin's shared library lies, and what such files are called on this system. Nothing is opened."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

SUFFIXES = {"win32": (".dll",), "darwin": (".dylib", ".so")}.get(sys.platform, (".so",))
_PREFIXES = ("", "lib") if sys.platform == "win32" else ("lib", "")
_PLACES = ("lib", "")


def find_library(folder: Path, name: str) -> Path | None:
    """The library ``name`` in ``lib`` or at the top of a folder; only one that stays inside counts.

    Args:
        folder: The plugin's folder.
        name: Its base name, as a manifest's ``transports.ffi`` gives it: without prefix and suffix.
    """
    root = folder.resolve()
    for place in _PLACES:
        for file_name in library_names(name):
            path = folder / place / file_name
            if path.is_file() and path.resolve().is_relative_to(root):
                return path
    return None


def library_names(name: str) -> tuple[str, ...]:
    """What the file of a library may be called here, likeliest first."""
    return tuple(f"{prefix}{name}{suffix}" for suffix in SUFFIXES for prefix in _PREFIXES)


def is_library(path: Path) -> bool:
    """Whether a file has the name of a library on this system."""
    return path.suffix.lower() in SUFFIXES
