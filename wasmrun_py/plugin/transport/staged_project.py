"""A copy of a project for a program that writes into the project it builds.

wasmrun never writes into the user's folder, and a program of the command transport may (npm's build script,
cargo's target folder). It is given a copy, which leaves out what earlier builds made. Inside a repository the
copy stands among links to its siblings, so that ``../shared`` leads where it led; ``node_modules`` is a link.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from wasmrun_py.system.fs import link_folder, translate_write_errors

if TYPE_CHECKING:
    from collections.abc import Callable

_LINKED = "node_modules"
# The last is where CI systems that keep only folders of the checkout have WASMRUN_HOME (docs/ci.md).
_NEVER_COPIED = frozenset({".git", ".hg", ".svn", "__pycache__", ".wasmrun-home"})
# What builds make in a project's root. A folder ``build`` may hold scripts: of it, and of others, only
# finished modules are left out, so that none can pass for a new one.
_NOT_COPIED_FROM_ROOT = frozenset({"dist", "target", _LINKED})
_OUTPUT_FOLDERS = frozenset({"build", "out", "pkg", "bin"})
_FINISHED = (".wasm", ".wat", ".wasm.map")
_MOST_LEVELS = 6
_MOST_SIBLINGS = 2000
_SIBLING_CAP_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class StagedProject:
    """The copy.

    Attributes:
        original: The user's folder.
        copy: What the program is told to build.
    """

    original: Path
    copy: Path

    def to_original(self, text: str) -> str:
        """A tool's text in which the copy's paths are the user's again."""
        return text.replace(str(self.copy), str(self.original))

    def relative(self, name: str) -> str:
        """A file that a tool named, relative to the project where it lies inside, else as it is."""
        path = Path(os.path.normpath(self.copy / name))
        roots = (self.copy, self.copy.resolve(), self.original)
        inside = next((root for root in roots if path.is_relative_to(root)), None)
        return path.relative_to(inside).as_posix() if inside is not None else name


def stage_project(project: Path, folder: Path) -> StagedProject:
    """Copy ``project`` into the empty folder ``folder``.

    Raises:
        OutputError: It cannot be copied.
    """
    with translate_write_errors(f"copy {project.name}"):
        copy = _link_surroundings(project, folder)
        shutil.copytree(project, copy, ignore=_ignored(project), symlinks=True, dirs_exist_ok=False)
        modules = project / _LINKED
        if modules.is_dir():
            link_folder(copy / _LINKED, to=modules.resolve())
    return StagedProject(original=project, copy=copy)


def _link_surroundings(project: Path, folder: Path) -> Path:
    """Rebuild the way from the repository's root to the project, its siblings as links; the copy's place."""
    root = _find_repository(project)
    if root is None:
        return folder / project.name
    here, there = root, folder / root.name
    for part in project.relative_to(root).parts:
        there.mkdir(parents=True)
        _link_siblings(here, there, but=part)
        here, there = here / part, there / part
    return there


def _link_siblings(folder: Path, copy: Path, *, but: str) -> None:
    with os.scandir(folder) as entries:
        siblings = list(islice(entries, _MOST_SIBLINGS))
    for entry in siblings:
        if entry.name == but or entry.name in _NEVER_COPIED or entry.name == "target":
            continue
        if entry.is_dir():
            link_folder(copy / entry.name, to=Path(entry.path))
        elif entry.is_file() and entry.stat().st_size <= _SIBLING_CAP_BYTES:
            shutil.copyfile(entry.path, copy / entry.name)


def _find_repository(project: Path) -> Path | None:
    """The repository around a project; None when there is none, or the project is its root."""
    for folder in list(project.parents)[:_MOST_LEVELS]:
        if (folder / ".git").exists():
            return None if (project / ".git").exists() else folder
    return None


def _ignored(project: Path) -> Callable[[str, list[str]], set[str]]:
    """What is not copied: what others made, and what is neither file nor folder."""

    def ignore(folder: str, names: list[str]) -> set[str]:
        here = Path(folder)
        inner = here.relative_to(project).parts
        left_out = {name for name in names if name in _NEVER_COPIED or _is_special(here / name)}
        if not inner:
            left_out.update(_NOT_COPIED_FROM_ROOT.intersection(names))
        if not inner or inner[0] in _OUTPUT_FOLDERS:
            left_out.update(name for name in names if name.endswith(_FINISHED))
        return left_out

    return ignore


def _is_special(path: Path) -> bool:
    """A socket, a pipe or a device: copying one would wait for ever."""
    return not path.is_symlink() and not path.is_file() and not path.is_dir()
