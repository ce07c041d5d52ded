"""Is there a Python program in a folder? Names of files in the root and in ``src/`` only; none is opened."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from wasmrun_py.model.errors import NotAFolderError, PathNotFoundError, UnreadablePathError
from wasmrun_py.model.manifest import Match, MatchKind, NoMatch

if TYPE_CHECKING:
    from pathlib import Path

EXTENSIONS = ("py",)
ENTRY_FILES = ("main.py", "app.py", "__main__.py", "src/main.py")
PROJECT_FILES = ("pyproject.toml", "requirements.txt")

# The same steps as other built-in languages: a folder with two languages' entry files is a tie.
_ENTRY_CONFIDENCE = 80
_PROJECT_CONFIDENCE = 70
_EXTENSION_CONFIDENCE = 40


def match_project(project_path: Path) -> Match | NoMatch:
    """Say why a folder is a Python program, or what was looked for in vain.

    Raises:
        PathNotFoundError, NotAFolderError, UnreadablePathError: The folder or its ``src`` cannot be listed.
    """
    files = find_files(project_path)
    entry = next((name for name in ENTRY_FILES if name in files), None)
    if entry is not None:
        return Match(confidence=_ENTRY_CONFIDENCE, reason=f"{entry} is there", kind=MatchKind.ENTRY_FILE)
    source = min((name for name in files if name.endswith(".py")), default=None)
    project_file = next((name for name in PROJECT_FILES if name in files), None)
    if source is None:
        beside = f"a {project_file} is there, but " if project_file else ""
        return NoMatch(reason=f"{beside}no *.py in ., src/ or a package in them")
    shown = os.fsencode(source).decode("utf-8", "replace")
    if project_file is not None:
        return Match(
            confidence=_PROJECT_CONFIDENCE,
            reason=f"{project_file} and {shown} are there",
            kind=MatchKind.PROJECT_FILE,
        )
    return Match(confidence=_EXTENSION_CONFIDENCE, reason=f"{shown} is there", kind=MatchKind.EXTENSION)


def find_files(project_path: Path) -> frozenset[str]:
    """Names of files in the root, in ``src/``, and the ``__main__.py`` of packages in both, with ``/``.

    Raises:
        PathNotFoundError, NotAFolderError, UnreadablePathError: The folder or its ``src`` cannot be listed.
    """
    files, folders = _list(project_path)
    names = {*files, *_runnable_packages(project_path, folders)}
    if "src" in folders:
        inner_files, inner_folders = _list(project_path / "src")
        packages = _runnable_packages(project_path / "src", inner_folders)
        names.update(f"src/{name}" for name in (*inner_files, *packages))
    return frozenset(names)


def _runnable_packages(folder: Path, names: list[str]) -> list[str]:
    """``NAME/__main__.py`` for each package that ``python -m NAME`` would run."""
    candidates = (f"{name}/__main__.py" for name in names if name.isidentifier())
    return [candidate for candidate in candidates if os.path.isfile(folder / candidate)]  # noqa: PTH113 - cheaper


def _list(folder: Path) -> tuple[list[str], list[str]]:
    """Names of the files and of the folders in a folder."""
    files: list[str] = []
    folders: list[str] = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_file():
                    files.append(entry.name)
                elif entry.is_dir():
                    folders.append(entry.name)
    except FileNotFoundError as error:
        raise PathNotFoundError(f"{folder} does not exist") from error
    except NotADirectoryError as error:
        raise NotAFolderError(f"{folder} is not a folder") from error
    except OSError as error:
        raise UnreadablePathError(
            f"{folder} cannot be read: {error.strerror}", hint="Check its permissions."
        ) from error
    return files, folders
