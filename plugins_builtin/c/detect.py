"""Is there C or C++ in a folder? File names of the root and of ``src/`` only; nothing is opened."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from wasmrun_py.model.errors import NotAFolderError, PathNotFoundError, UnreadablePathError, UsageError
from wasmrun_py.model.manifest import Match, MatchKind, NoMatch

if TYPE_CHECKING:
    from pathlib import Path

EXTENSIONS = ("c", "cc", "cpp", "cxx")
HEADER_EXTENSIONS = ("h", "hh", "hpp", "hxx")
ENTRY_FILES = tuple(
    f"{stem}.{extension}" for stem in ("main", "src/main", "app", "index") for extension in EXTENSIONS
)
MAKEFILES = ("GNUmakefile", "makefile", "Makefile")
CMAKE_FILE = "CMakeLists.txt"
SOURCE_FOLDERS = ("", "src")

_ENTRY_CONFIDENCE = 80
_PROJECT_CONFIDENCE = 70
_EXTENSION_CONFIDENCE = 40
_SUFFIXES = tuple(f".{extension}" for extension in EXTENSIONS)
_HEADER_SUFFIXES = tuple(f".{extension}" for extension in HEADER_EXTENSIONS)


def match_project(project_path: Path) -> Match | NoMatch:
    """Say why a folder is C or C++, or what was looked for in vain.

    Raises:
        PathNotFoundError, NotAFolderError, UnreadablePathError: The folder or its ``src`` cannot be listed.
    """
    files = find_files(project_path)
    entry = next((name for name in ENTRY_FILES if name in files), None)
    if entry is not None:
        return Match(confidence=_ENTRY_CONFIDENCE, reason=f"{entry} is there", kind=MatchKind.ENTRY_FILE)
    source = min((name for name in files if name.endswith(_SUFFIXES)), default=None)
    build_file = find_build_file(files)
    if source is None:
        return NoMatch(reason=_why_not(files, build_file))
    shown = os.fsencode(source).decode("utf-8", "replace")
    if build_file is not None:
        return Match(
            confidence=_PROJECT_CONFIDENCE,
            reason=f"{build_file} and {shown} are there",
            kind=MatchKind.PROJECT_FILE,
        )
    return Match(confidence=_EXTENSION_CONFIDENCE, reason=f"{shown} is there", kind=MatchKind.EXTENSION)


def find_build_file(files: frozenset[str]) -> str | None:
    """The build system's file among the names of a project: CMake before make."""
    return next((name for name in (CMAKE_FILE, *MAKEFILES) if name in files), None)


def find_files(project_path: Path) -> frozenset[str]:
    """Names of the regular files in the root and in ``src/``, relative to the project, with ``/``.

    Raises:
        PathNotFoundError, NotAFolderError, UnreadablePathError: The folder or its ``src`` cannot be listed.
    """
    names = _list(project_path)
    try:
        inner = _list(project_path / "src")
    except (PathNotFoundError, NotAFolderError):
        return frozenset(names)
    return frozenset((*names, *(f"src/{name}" for name in inner)))


def find_header_folders(project_path: Path) -> tuple[str, ...]:
    """Folders of the root that a compiler should look for headers in, relative to it.

    ``include`` and ``src`` first, then any other that has a header directly in it, by name.

    Raises:
        UnreadablePathError: The project cannot be listed.
    """
    usual = [name for name in ("include", "src") if (project_path / name).is_dir()]
    others = sorted(
        name for name in _list_folders(project_path) if name not in usual and _has_header(project_path / name)
    )
    return (*usual, *others)


def _has_header(folder: Path) -> bool:
    try:
        return any(name.endswith(_HEADER_SUFFIXES) for name in _list(folder))
    except UsageError:
        # A folder that cannot be listed holds nothing a compiler could read either.
        return False


def _list_folders(folder: Path) -> list[str]:
    with os.scandir(folder) as entries:
        return [entry.name for entry in entries if entry.is_dir() and not entry.name.startswith(".")]


def _list(folder: Path) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return [entry.name for entry in entries if entry.is_file()]
    except FileNotFoundError as error:
        raise PathNotFoundError(f"{folder} does not exist") from error
    except NotADirectoryError as error:
        raise NotAFolderError(f"{folder} is not a folder") from error
    except OSError as error:
        raise UnreadablePathError(
            f"{folder} cannot be read: {error.strerror}", hint="Check its permissions."
        ) from error


def _why_not(files: frozenset[str], build_file: str | None) -> str:
    if build_file is not None:
        return f"a {build_file} is there, but no C or C++ source in . or src/"
    if any(name.endswith(_HEADER_SUFFIXES) for name in files):
        return "only headers are there; no *.c, *.cc, *.cpp or *.cxx in . or src/"
    return "no *.c, *.cc, *.cpp or *.cxx in . or src/"
