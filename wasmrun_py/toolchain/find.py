"""Look for a tool on the PATH of an environment that was passed in; nothing is run here."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_ON_WINDOWS = sys.platform == "win32"
_WINDOWS_SUFFIXES = (".exe", ".bat", ".cmd")


def find_tool(name: str, environ: Mapping[str, str]) -> Path | None:
    """The program called ``name`` on the PATH of ``environ``, absolute, or None.

    Relative entries of PATH are passed over: what a tool name means must not depend on the folder one
    happens to stand in. On Windows ``.exe``, ``.bat`` and ``.cmd`` files are found too (emcc is a ``.bat``).

    Args:
        name: A bare program name, without a folder.
        environ: The user's environment.
    """
    folders = [entry for entry in environ.get("PATH", "").split(os.pathsep) if Path(entry).is_absolute()]
    if not folders:
        # An empty ``path`` would make shutil.which fall back to the process's own environment.
        return None
    names = (name, *(name + suffix for suffix in _WINDOWS_SUFFIXES)) if _ON_WINDOWS else (name,)
    search = os.pathsep.join(folders)
    found = (shutil.which(candidate, path=search) for candidate in names)
    return next((Path(path) for path in found if path), None)
