"""Choose, of all that a build read, what somebody may edit outside the project: a header two folders up.

Toolchains and what package managers keep are left out: they are many, and nobody saves them in an editor.
Runs in the build's own process.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from wasmrun_py.server.session.outcome import Outside
from wasmrun_py.toolchain.find import find_tool

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from wasmrun_py.model.build_inputs import BuildInputs

_MOST_FILES = 5000
_MOST_TREES = 50
_SYSTEM = (
    *("/usr", "/usr/include", "/usr/lib", "/usr/lib64", "/usr/share", "/usr/local", "/bin", "/sbin"),
    *("/lib", "/lib64", "/etc", "/opt", "/nix", "/snap", "/proc", "/sys", "/dev"),
    *("/Library", "/System", "/Applications"),
)
_SYSTEM_VARIABLES = ("SYSTEMROOT", "PROGRAMFILES", "PROGRAMFILES(X86)", "PROGRAMDATA")
_PACKAGE_FOLDERS = frozenset({"node_modules", "site-packages", "dist-packages"})
_GO_MODULES = os.path.join("pkg", "mod")  # noqa: PTH118 - a part of a path


def find_outside(
    inputs: BuildInputs | None, project: Path, *, own: Iterable[Path], environ: Mapping[str, str]
) -> Outside:
    """The files and trees outside the project that are worth watching.

    Args:
        inputs: What the build read; None when nobody knows.
        project: The project's folder, absolute.
        own: Folders of ours: the home, the cache, outputs.
        environ: Where programs are looked up.
    """
    if inputs is None:
        return Outside()
    around = _Around(project, (*own, *_toolchain_roots(inputs.programs, environ), *_system_roots(environ)))
    trees = [tree for tree in _normal(inputs.trees) if around.is_of_interest(tree) and tree.is_dir()]
    files = [
        file for file in _normal(inputs.files) if around.is_of_interest(file) and not _is_below(file, trees)
    ]
    return Outside(
        files=tuple(sorted({file for file in files if file.is_file()})[:_MOST_FILES]),
        trees=tuple(sorted({tree for tree in trees if not _is_below(tree.parent, trees)})[:_MOST_TREES]),
    )


class _Around:
    """A project and what surrounds it.

    Args:
        project: Its folder.
        roots: Folders whose files are of no interest; one that holds the project says nothing.
    """

    def __init__(self, project: Path, roots: Iterable[Path]) -> None:
        self._projects = tuple(dict.fromkeys((project, project.resolve())))
        self._roots = tuple(
            root
            for root in dict.fromkeys(each for root in roots for each in (root, root.resolve()))
            if not any(each.is_relative_to(root) for each in self._projects)
        )

    def is_of_interest(self, path: Path) -> bool:
        """Whether a file or tree is the user's, and neither in the project nor around it."""
        if not path.is_absolute() or _is_below(path, self._projects) or _is_below(path, self._roots):
            return False
        if any(project.is_relative_to(path) for project in self._projects):
            return False
        own_part = self._below_common_folder(path)
        is_package = any(part.startswith(".") or part in _PACKAGE_FOLDERS for part in own_part.parts)
        return not is_package and _GO_MODULES not in str(own_part)

    def _below_common_folder(self, path: Path) -> Path:
        project = self._projects[0]
        common = next((folder for folder in project.parents if path.is_relative_to(folder)), None)
        return path if common is None else path.relative_to(common)


def _normal(paths: Iterable[Path]) -> Iterator[Path]:
    """The same without the ``..`` that compilers leave in the names of headers."""
    yield from (Path(os.path.normpath(path)) for path in paths)


def _is_below(path: Path, folders: Iterable[Path]) -> bool:
    return any(path.is_relative_to(folder) for folder in folders)


def _toolchain_roots(programs: Iterable[str], environ: Mapping[str, str]) -> Iterator[Path]:
    """Where the programs of a build are installed with what belongs to them."""
    user_home = environ.get("HOME") or environ.get("USERPROFILE")
    for name in programs:
        program = find_tool(name, environ)
        if program is None:
            continue
        folder = program.resolve().parent
        yield folder
        if folder.name == "bin" and str(folder.parent) != user_home:
            yield folder.parent


def _system_roots(environ: Mapping[str, str]) -> Iterator[Path]:
    yield from map(Path, (*_SYSTEM, sys.prefix, sys.base_prefix))
    yield from (Path(environ[name]) for name in _SYSTEM_VARIABLES if environ.get(name))
