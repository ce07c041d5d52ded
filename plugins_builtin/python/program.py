"""Collect the modules of a Python program: the entry, what it imports from the project, its dependencies.

Files are read and parsed, never run. A syntax error in a file that the program imports is reported here,
before any toolchain starts.
"""

from __future__ import annotations

import ast
import os
import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from plugins_builtin.python import guest
from plugins_builtin.python.imports import Imports, parse_imports
from wasmrun_py.model.diagnostic import Diagnostic, Severity
from wasmrun_py.model.errors import BuildError, UnreadablePathError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from plugins_builtin.python.entry import Entry

# Folders of a project that hold no part of the program.
FOREIGN_FOLDERS = frozenset({"__pycache__", "node_modules", "dist", "build", "site-packages"})
_PYTHON = "python"


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceModule:
    """One module of a program.

    Attributes:
        name: Its absolute name (``report.tables``).
        path: Its file, absolute.
        shown: The file as tracebacks show it, with ``/``: relative to the project or the dependencies.
        is_package: It is a package's ``__init__``.
        source: The file's bytes.
    """

    name: str
    path: Path
    shown: str
    is_package: bool
    source: bytes

    @property
    def package(self) -> str:
        """What its relative imports start from."""
        return self.name if self.is_package else self.name.rpartition(".")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """Everything of a program that is not the standard library.

    Attributes:
        entry: Where it starts.
        main: The name of the entry's module in ``modules``.
        modules: The modules by name.
        imported: Every name that any of them may import.
        is_dynamic: The project imports names that only the running program knows.
    """

    entry: Entry
    main: str
    modules: dict[str, SourceModule]
    imported: frozenset[str]
    is_dynamic: bool


@dataclass(slots=True)
class _Collection:
    """What has been found so far (private to ``load_program``)."""

    project: Path
    modules: dict[str, SourceModule] = field(default_factory=dict)
    imported: set[str] = field(default_factory=set)
    is_dynamic: bool = False
    diagnostics: list[Diagnostic] = field(default_factory=list)


def load_program(project: Path, entry: Entry, dependencies: Path | None) -> Program:
    """Read a program.

    Of the project, the packages and modules that are imported belong to it, whole packages each; all of the
    project's when names are imported that only the running program knows. Of the dependencies, all do.

    Args:
        project: The project's folder.
        entry: Where it starts.
        dependencies: A folder of installed packages, or None.

    Raises:
        BuildError: A file that is imported has a syntax error; with one diagnostic for each such file.
        UnreadablePathError: A file cannot be read.
    """
    found = _Collection(project=project)
    main = f"{entry.package}.__main__" if entry.package else entry.file.stem
    waiting = [main]
    _add(found, main, entry.file)
    seen = set(waiting)
    while waiting:
        new = {each for each in _scan(found, waiting.pop()) if each not in seen}
        seen |= new
        waiting.extend(each for each in sorted(new) if _find(found, entry, each))
    if found.diagnostics:
        count = len(found.diagnostics)
        raise BuildError(
            f"{project.name} has {count} syntax error{'s' if count > 1 else ''}",
            diagnostics=found.diagnostics,
        )
    _add_unscanned(found, entry, dependencies)
    return Program(
        entry=entry,
        main=main,
        modules=found.modules,
        imported=frozenset(found.imported),
        is_dynamic=found.is_dynamic,
    )


def walk_modules(root: Path) -> Iterator[tuple[str, Path]]:
    """Every module below a folder with its absolute name; foreign folders and environments left out."""
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(
            name
            for name in folders
            if name.isidentifier()
            and name not in FOREIGN_FOLDERS
            and not os.path.exists(os.path.join(folder, name, "pyvenv.cfg"))  # noqa: PTH110, PTH118 - hot loop
        )
        inside = os.path.relpath(folder, root).replace(os.sep, ".")
        prefix = "" if inside == "." else f"{inside}."
        for name in sorted(files):
            stem = name.removesuffix(".py")
            if stem != name and stem.isidentifier():
                yield (prefix + stem).removesuffix(".__init__"), root.joinpath(folder, name)


def _scan(found: _Collection, name: str) -> frozenset[str]:
    """The names that a module of the project imports; a syntax error is noted."""
    module = found.modules[name]
    tree = _parse(found, module)
    imports = parse_imports(tree, module.package) if tree else Imports(names=frozenset(), is_dynamic=False)
    found.imported |= imports.names
    found.is_dynamic = found.is_dynamic or imports.is_dynamic
    return imports.names


def _parse(found: _Collection, module: SourceModule) -> ast.Module | None:
    try:
        with warnings.catch_warnings():
            # Invalid escapes and the like are the program's own business, as they are for CPython.
            warnings.simplefilter("ignore")
            return ast.parse(module.source, filename=module.shown)
    except (SyntaxError, ValueError, RecursionError) as error:
        line = getattr(error, "lineno", None)
        column = getattr(error, "offset", None)
        found.diagnostics.append(
            Diagnostic(
                file=module.shown,
                line=line or None,
                column=column or None,
                severity=Severity.ERROR,
                message=getattr(error, "msg", None) or str(error),
                source=_PYTHON,
            )
        )
        return None


def _find(found: _Collection, entry: Entry, name: str) -> bool:
    """Add a module of the project when there is one of that name; True when there is."""
    if name in found.modules:
        return False
    for root in entry.search:
        path = root.joinpath(*name.split("."))
        for candidate in (path / "__init__.py", path.with_name(f"{path.name}.py")):
            if candidate.is_file():
                _add(found, name, candidate)
                return True
    return False


def _add_unscanned(found: _Collection, entry: Entry, dependencies: Path | None) -> None:
    """Add the rest of the packages that are imported, and the dependencies."""
    tops = {name.partition(".")[0] for name in found.imported}
    for root in entry.search:
        for name, path in walk_modules(root):
            if name not in found.modules and (found.is_dynamic or name.partition(".")[0] in tops):
                _add_with_imports(found, name, path)
    if dependencies is not None:
        for name, path in walk_modules(dependencies):
            if name not in found.modules:
                _add_with_imports(found, name, path, root=dependencies)


def _add_with_imports(found: _Collection, name: str, path: Path, *, root: Path | None = None) -> None:
    """Add a module that may never be imported: its syntax is not looked at."""
    module = _add(found, name, path, root=root)
    found.imported |= guest.parse_imports(module.source, module.package)


def _add(found: _Collection, name: str, path: Path, *, root: Path | None = None) -> SourceModule:
    try:
        source = path.read_bytes()
    except OSError as error:
        raise UnreadablePathError(
            f"{path} cannot be read: {error.strerror}", hint="Check its permissions."
        ) from error
    base = root or found.project
    shown = path.relative_to(base).as_posix() if path.is_relative_to(base) else path.name
    module = SourceModule(
        name=name, path=path, shown=shown, is_package=path.name == "__init__.py", source=source
    )
    found.modules[name] = module
    return module
