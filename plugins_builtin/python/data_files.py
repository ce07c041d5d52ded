"""The files of a project that are no Python and that its program may read at run time."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from plugins_builtin.python.program import FOREIGN_FOLDERS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_CODE_SUFFIXES = (".py", ".pyc", ".pyo", ".pyi", ".so", ".pyd", ".wasm")
# What is for tools and for people who read the project.
_NOT_DATA = frozenset(
    {
        *("pyproject.toml", "requirements.txt", "wasmrun.toml", "setup.cfg", "tox.ini", "pytest.ini"),
        *("uv.lock", "poetry.lock", "pdm.lock", "pipfile", "pipfile.lock", "makefile", "dockerfile"),
        *("readme", "readme.md", "readme.rst", "readme.txt", "changelog.md", "license", "license.txt"),
    }
)


def walk_data_files(project: Path, *, output_dir: Path) -> Iterator[Path]:
    """Every data file, sorted by folder; hidden files, links, environments and built things are left out.

    Args:
        project: The project's folder.
        output_dir: Where the build writes: nothing in or around it inside the project is data.
    """
    for folder, folders, files in os.walk(project):
        here = project / os.path.relpath(folder, project)
        folders[:] = sorted(name for name in folders if _is_searched(here / name, output_dir))
        for name in sorted(files):
            path = here / name
            hidden = name.startswith(".") or name.lower() in _NOT_DATA or name.endswith(_CODE_SUFFIXES)
            if not hidden and not path.is_symlink() and path.is_file():
                yield path


def _is_searched(folder: Path, output_dir: Path) -> bool:
    if folder.name.startswith(".") or folder.name in FOREIGN_FOLDERS or folder.is_symlink():
        return False
    return not output_dir.is_relative_to(folder) and not (folder / "pyvenv.cfg").exists()
