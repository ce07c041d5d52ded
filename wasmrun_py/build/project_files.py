"""Which files of a project matter: everything but outputs, caches, repositories and what git ignores.

The fingerprint hashes these and the development server watches them, so that both agree on what a change is.
Files outside the project that a toolchain read (a header two folders up) are not this room's business.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pathspec import GitIgnoreSpec

# Folders that no build reads as sources, whatever git thinks of them.
_CACHE_FOLDERS = frozenset(
    {
        *(".git", ".hg", ".svn", ".jj", "node_modules", "__pycache__", ".venv", "venv", ".tox", ".nox"),
        *(".mypy_cache", ".pytest_cache", ".ruff_cache", ".zig-cache", "zig-cache", "zig-out"),
        *(".idea", ".vscode", ".DS_Store"),
    }
)
# What editors write beside the file they save.
_EDITOR_SUFFIXES = ("~", ".swp", ".swx", ".swo", ".tmp", ".pyc", ".pyo")
# The last is what `system.fs` writes beside a file that it replaces.
_EDITOR_PREFIXES = (".#", ".wasmrun-", ".tmp-")
_IGNORE_FILE = ".gitignore"
_RECORD_NAME = ".wasmrun-outputs.json"
# What cargo and others put into a folder that anybody may delete (bford.info/cachedir).
_CACHE_TAG = "CACHEDIR.TAG"


def is_scratch_name(name: str) -> bool:
    """Whether an editor, a cache or wasmrun writes a file or folder of this name for itself."""
    return name.startswith(_EDITOR_PREFIXES) or name.endswith(_EDITOR_SUFFIXES) or name in _CACHE_FOLDERS


class ProjectFiles:
    """The files of one project that matter to a build.

    Args:
        project: Its folder, absolute.
        outputs: Output folders, absolute; one that is the project itself or holds it is left in, but for
            the files that its record names.
        with_ignored: What git ignores matters too, and what links lead to; folders that say they are caches
            do not.
    """

    def __init__(self, project: Path, outputs: Iterable[Path] = (), *, with_ignored: bool = False) -> None:
        self._project = project
        self._with_ignored = with_ignored
        self._followed: set[str] = set()
        self._outputs = frozenset(
            str(folder) for folder in outputs if folder != project and not project.is_relative_to(folder)
        )
        self._chains: dict[str, tuple[tuple[int, GitIgnoreSpec], ...]] = {}
        self._records: dict[str, frozenset[str]] = {}

    def walk(self) -> Iterator[Path]:
        """Every file that matters, in a fixed order; links to folders are not followed."""
        return map(Path, self._walk(str(self._project)))

    def walk_names(self) -> Iterator[str]:
        """The same as strings, which is faster."""
        return self._walk(str(self._project))

    def matters(self, path: Path) -> bool:
        """Whether a change of ``path`` (absolute, existing or not) is a change of the project."""
        if not path.is_relative_to(self._project) or path == self._project:
            return False
        folder = str(self._project)
        parts = path.relative_to(self._project).parts
        for depth, name in enumerate(parts):
            is_folder = depth < len(parts) - 1
            if not self._keeps(folder, name, is_folder=is_folder):
                return False
            folder = os.path.join(folder, name)  # noqa: PTH118 - a string: this runs for every event
        return True

    def forget_rules(self) -> None:
        """Read ignore files and output records anew from now on."""
        self._chains.clear()
        self._records.clear()

    def _walk(self, folder: str) -> Iterator[str]:
        try:
            with os.scandir(folder) as entries:
                listed = sorted(entries, key=lambda entry: entry.name)
        except OSError:
            return
        if self._with_ignored and any(entry.name == _CACHE_TAG for entry in listed):
            return
        for entry in listed:
            is_folder = entry.is_dir(follow_symlinks=False) or self._leads_to_new_folder(entry)
            if not self._keeps(folder, entry.name, is_folder=is_folder):
                continue
            if is_folder:
                yield from self._walk(entry.path)
            elif entry.is_file():
                yield entry.path

    def _leads_to_new_folder(self, entry: os.DirEntry[str]) -> bool:
        """Whether a link is followed: into each folder once, so that a circle has an end."""
        if not self._with_ignored or not entry.is_symlink() or not entry.is_dir():
            return False
        real = os.path.realpath(entry.path)
        if real in self._followed or self._project.is_relative_to(real):
            return False
        self._followed.add(real)
        return True

    def _keeps(self, folder: str, name: str, *, is_folder: bool) -> bool:
        if name.startswith(_EDITOR_PREFIXES) or name == _RECORD_NAME:
            return False
        path = os.path.join(folder, name)  # noqa: PTH118 - as above
        if is_folder:
            if name in _CACHE_FOLDERS or path in self._outputs:
                return False
        elif name.endswith(_EDITOR_SUFFIXES) or (not self._with_ignored and self._is_output(folder, name)):
            return False
        return self._with_ignored or not self._is_ignored(path, is_folder=is_folder)

    def _is_output(self, folder: str, name: str) -> bool:
        if folder not in self._records:
            self._records[folder] = _load_record_names(folder)
        return name in self._records[folder]

    def _is_ignored(self, path: str, *, is_folder: bool) -> bool:
        """The nearest ignore file with an opinion decides, up to the repository's root (gitignore(5))."""
        for start, spec in self._find_chain(os.path.dirname(path)):  # noqa: PTH120 - as above
            relative = path[start:].replace(os.sep, "/") + ("/" if is_folder else "")
            decision = spec.check_file(relative).include
            if decision is not None:
                return decision
        return False

    def _find_chain(self, folder: str) -> tuple[tuple[int, GitIgnoreSpec], ...]:
        """The ignore files that rule a folder, nearest first, with the length of the path they leave out."""
        chain = self._chains.get(folder)
        if chain is None:
            spec = _load_spec(folder)
            own = () if spec is None else ((len(folder.rstrip(os.sep)) + 1, spec),)
            parent = os.path.dirname(folder)  # noqa: PTH120 - as above
            is_top = parent == folder or os.path.exists(os.path.join(folder, ".git"))  # noqa: PTH110, PTH118
            chain = self._chains[folder] = own if is_top else own + self._find_chain(parent)
        return chain


def _load_spec(folder: str) -> GitIgnoreSpec | None:
    try:
        lines = (Path(folder) / _IGNORE_FILE).read_text("utf-8", "replace").splitlines()
    except OSError:
        return None
    from pathspec import GitIgnoreSpec  # noqa: PLC0415 - only where there is an ignore file

    return GitIgnoreSpec.from_lines(lines)


def _load_record_names(folder: str) -> frozenset[str]:
    try:
        files = json.loads((Path(folder) / _RECORD_NAME).read_bytes())["files"]
        return frozenset(files)
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return frozenset()
