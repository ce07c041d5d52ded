"""Is a project a plugin's own, by its manifest alone? File names only; nothing of the plugin is run."""

from __future__ import annotations

import os
from itertools import islice
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from wasmrun_py.model.errors import NotAFolderError, PathNotFoundError, UnreadablePathError
from wasmrun_py.model.manifest import Match, MatchKind, NoMatch

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from wasmrun_py.model.manifest import PluginInfo

# As sure as the surest built-in: of two that are level the external one takes the project (DESIGN §6).
ENTRY_CONFIDENCE = 95
# A file that several languages keep is worth no more than a source file's extension.
SHARED_CONFIDENCE = 45
EXTENSION_CONFIDENCE = 40

_SHARED_FILES = frozenset(
    {
        "cmakelists.txt",
        "gnumakefile",
        "index.html",
        "index.js",
        "index.ts",
        "justfile",
        "makefile",
        "meson.build",
        "package.json",
        "pyproject.toml",
        "requirements.txt",
        "setup.cfg",
        "setup.py",
        "tsconfig.json",
    }
)
_SOURCE_FOLDERS = ("src", "assembly", "source", "lib", "app", "cmd")
_MOST_NAMES = 20_000


def match_manifest(info: PluginInfo, project_path: Path) -> Match | NoMatch:
    """What a plugin's manifest says of a project.

    Raises:
        PathNotFoundError, NotAFolderError, UnreadablePathError: The folder cannot be listed.
    """
    names = _list(project_path)
    entries = [name for name in info.entry_files if _is_file(project_path, name)]
    own = next((name for name in entries if not is_shared(name)), None)
    if own is not None:
        return Match(confidence=ENTRY_CONFIDENCE, reason=f"{own} is there", kind=MatchKind.ENTRY_FILE)
    source = _find_source(info, project_path, names)
    if source is None:
        return NoMatch(reason=_why_not(info, entries))
    if entries:
        return Match(
            confidence=SHARED_CONFIDENCE,
            reason=f"{entries[0]} and {source} are there",
            kind=MatchKind.EXTENSION,
        )
    return Match(confidence=EXTENSION_CONFIDENCE, reason=f"{source} is there", kind=MatchKind.EXTENSION)


def has_entry_file(info: PluginInfo, project_path: Path) -> bool:
    """Whether any of the manifest's entry files is there, shared or not."""
    return any(_is_file(project_path, name) for name in info.entry_files)


def is_shared(name: str) -> bool:
    """Whether several languages keep a file of this name, so that it says little about a project."""
    path = PurePosixPath(name.lower())
    return path.name in _SHARED_FILES and str(path.parent) in {".", "src"}


def _find_source(info: PluginInfo, project_path: Path, names: list[str]) -> str | None:
    """The first file with an extension of the plugin's, in the root or a usual source folder."""
    suffixes = tuple(f".{extension}" for extension in info.extensions)
    if not suffixes:
        return None
    # A shared file is no source, whatever its extension: pyproject.toml is not written in TOML.
    return next(
        (
            name
            for name in _candidates(project_path, names)
            if name.endswith(suffixes) and not is_shared(name)
        ),
        None,
    )


def _candidates(project_path: Path, names: list[str]) -> Iterator[str]:
    yield from names
    for folder in _SOURCE_FOLDERS:
        try:
            inner = _list(project_path / folder)
        except (PathNotFoundError, NotAFolderError, UnreadablePathError):
            continue
        yield from (f"{folder}/{name}" for name in inner)


def _why_not(info: PluginInfo, entries: list[str]) -> str:
    looked = [*info.entry_files, *(f"*.{extension}" for extension in info.extensions)]
    if entries:
        sources = " or ".join(f"*.{extension}" for extension in info.extensions) or "source of its own"
        return f"{entries[0]} is there, but no {sources}"
    return f"no {', '.join(looked)}" if looked else "its manifest names no entry file and no extension"


def _is_file(project_path: Path, name: str) -> bool:
    try:
        return (project_path / name).is_file()
    except OSError:
        return False


def _list(folder: Path) -> list[str]:
    """Names of a folder's files, sorted."""
    try:
        with os.scandir(folder) as found:
            names = [entry.name for entry in islice(found, _MOST_NAMES) if entry.is_file()]
    except FileNotFoundError as error:
        raise PathNotFoundError(f"{folder} does not exist") from error
    except NotADirectoryError as error:
        raise NotAFolderError(f"{folder} is not a folder") from error
    except OSError as error:
        raise UnreadablePathError(
            f"{folder} cannot be read: {error.strerror}", hint="Check its permissions."
        ) from error
    return sorted(os.fsencode(name).decode("utf-8", "replace") for name in names)
