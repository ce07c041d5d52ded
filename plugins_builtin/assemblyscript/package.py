"""What package.json asks for, and which package manager it means. Reads; installs nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from plugins_builtin.assemblyscript.detect import COMPILER_PACKAGE, PACKAGE_FILE
from plugins_builtin.assemblyscript.json_file import load_json_object
from wasmrun_py.model.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_LIBRARY_SCOPE = "@assemblyscript/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """A project's package.json.

    Attributes:
        folder: The project.
        wanted: Packages a build may need: all dependencies, and the compiler's own among the development
            dependencies.
        manager: The package manager it names (``packageManager``), without a version, or None.
    """

    folder: Path
    wanted: tuple[str, ...]
    manager: str | None

    def find_missing(self) -> tuple[str, ...]:
        """Wanted packages that node would not find from the project's folder."""
        return tuple(name for name in self.wanted if find_package(name, self.folder) is None)


def load_package(project: Path) -> Package | None:
    """Read the project's package.json; None when there is none.

    Raises:
        ConfigError: It is broken; with its line and column.
    """
    path = project / PACKAGE_FILE
    document = load_json_object(path)
    if document is None:
        return None
    runtime = _get_names(document, "dependencies", path)
    development = _get_names(document, "devDependencies", path)
    ours = tuple(name for name in development if name == COMPILER_PACKAGE or name.startswith(_LIBRARY_SCOPE))
    manager = document.get("packageManager")
    return Package(
        folder=project,
        wanted=tuple(dict.fromkeys((*runtime, *ours))),
        manager=manager.partition("@")[0] if isinstance(manager, str) and manager else None,
    )


def find_package(name: str, folder: Path) -> Path | None:
    """The installed package that node would find from ``folder``, or None."""
    places = (base / "node_modules" / name for base in (folder, *folder.parents))
    return next((place for place in places if (place / PACKAGE_FILE).is_file()), None)


def _get_names(document: Mapping[str, object], group: str, path: Path) -> tuple[str, ...]:
    table = document.get(group) or {}
    if not isinstance(table, dict):
        raise ConfigError(f'"{group}" must be an object', file=path)
    return tuple(table)
