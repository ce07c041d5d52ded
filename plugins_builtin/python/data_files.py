"""The files of a project that are no Python and that its program may read at run time."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from plugins_builtin.python.program import FOREIGN_FOLDERS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from plugins_builtin.python.program import Program

# Words of modules that read files beside them.
_READERS = (b"__file__", b"importlib.resources", b"importlib import resources", b"get_data")
_NAMED = 3
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


def describe_left_out(program: Program, project: Path, *, output_dir: Path, granted: Path) -> tuple[str, ...]:
    """A warning when the project reads files beside its modules and they are not going to be there.

    Args:
        program: The program.
        project: The project's folder.
        output_dir: As ``walk_data_files``.
        granted: The folder that stands for the program's own when it runs.
    """
    own = [module for module in program.modules.values() if module.path.is_relative_to(project)]
    if not any(word in module.source for module in own for word in _READERS):
        return ()
    files = [path.relative_to(project).as_posix() for path in walk_data_files(project, output_dir=output_dir)]
    if not files:
        return ()
    listed = ", ".join(files[:_NAMED]) + (f" and {len(files) - _NAMED} more" if len(files) > _NAMED else "")
    verb = "is" if len(files) == 1 else "are"
    return (f"{listed} {verb} not in the module: run it with --dir {granted}:.:ro to let it read them.",)


def _is_searched(folder: Path, output_dir: Path) -> bool:
    if folder.name.startswith(".") or folder.name in FOREIGN_FOLDERS or folder.is_symlink():
        return False
    return not output_dir.is_relative_to(folder) and not (folder / "pyvenv.cfg").exists()
