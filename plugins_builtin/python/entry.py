"""Which file a Python project starts with, and where its imports are looked for.

As ``python FILE`` for a script and ``python -m NAME`` for a package with a ``__main__``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from plugins_builtin.python.detect import ENTRY_FILES, find_files
from wasmrun_py.model.errors import BuildError, PathNotFoundError

if TYPE_CHECKING:
    from pathlib import Path

_PACKAGE_MAIN = "__main__.py"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Where a program starts.

    Attributes:
        file: The file, absolute.
        root: The folder that its imports start from, absolute (``sys.path[0]``).
        package: The package it is the ``__main__`` of, or None for a script.
        search: Every folder with the project's own modules, ``root`` first.
    """

    file: Path
    root: Path
    package: str | None
    search: tuple[Path, ...]


def get_entry(project: Path, wanted: Path | None) -> Entry:
    """Find the file to start with.

    Args:
        project: The project's folder.
        wanted: The file that the user named, or None.

    Raises:
        PathNotFoundError: The named file is not there.
        UsageError: The folder cannot be listed.
        BuildError: There is no file to start with, or more than one.
    """
    if wanted is not None:
        if not wanted.is_file():
            raise PathNotFoundError(f"The entry {wanted} does not exist")
        return _entry(project, wanted)
    files = find_files(project)
    named = next((name for name in ENTRY_FILES if name in files), None)
    if named is not None:
        return _entry(project, project / named)
    packages = sorted(name for name in files if name.endswith(f"/{_PACKAGE_MAIN}"))
    scripts = sorted(name for name in files if name.endswith(".py") and "/" not in name)
    candidates = packages or [name for name in scripts if name not in {"setup.py", "conftest.py"}]
    if len(candidates) == 1:
        return _entry(project, project / candidates[0])
    if not candidates:
        raise BuildError(
            f"{project.name} has no Python file to start with",
            hint=f'Add one of {", ".join(ENTRY_FILES)}, or name the file: entry = "FILE" in wasmrun.toml.',
        )
    raise BuildError(
        f"{project.name} has several Python files to start with: {', '.join(candidates)}",
        hint='Name the one to build: entry = "FILE" in wasmrun.toml.',
    )


def _entry(project: Path, file: Path) -> Entry:
    root, package = file.parent, None
    if file.name == _PACKAGE_MAIN and file.parent != project and file.parent.name.isidentifier():
        root, package = file.parent.parent, file.parent.name
        while root not in {project, project / "src"} and (root / "__init__.py").is_file():
            root, package = root.parent, f"{root.name}.{package}"
    source = project / "src"
    further = (source,) if source.is_dir() and source != root else ()
    return Entry(file=file, root=root, package=package, search=(root, *further))
