"""What an AssemblyScript build read: the project whole, the packages it can import, asc and node.

asc tells the files it compiles only instead of compiling; so every package that package.json names, or a
source imports, counts with all its files, and those that it depends on.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from plugins_builtin.assemblyscript.detect import COMPILER_PACKAGE, PACKAGE_FILE
from plugins_builtin.assemblyscript.json_file import load_json_object
from plugins_builtin.assemblyscript.package import find_package
from wasmrun_py.model.build_inputs import BuildInputs
from wasmrun_py.model.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from plugins_builtin.assemblyscript.config import AscConfig
    from wasmrun_py.model.build import BuildConfig

_IMPORT = re.compile(rb"""(?:from|import)\s*['"]((?:@[\w.-]+/)?[\w.-]+)""")
_GROUPS = ("dependencies", "devDependencies", "peerDependencies", "optionalDependencies")
_MOST_PACKAGES = 2000
_TRANSFORM = "--transform"


def find_inputs(config: BuildConfig, asc_config: AscConfig, command: tuple[str, ...]) -> BuildInputs:
    """The inputs of a build.

    Args:
        config: What was asked for.
        asc_config: The project's configuration.
        command: How asc was started: node, options, script.
    """
    project = config.project_path
    found, looked_for = _find_packages(project)
    # A transform is a program: it may read whatever it likes.
    transforms = any(arg.startswith(_TRANSFORM) for arg in config.custom_args) or any(
        "transform" in options
        for layer in asc_config.layers
        for options in (layer.options, *layer.targets.values())
    )
    return BuildInputs(
        files=(
            *(Path(word) for word in command if Path(word).is_absolute()),
            *(layer.path for layer in asc_config.layers if not layer.path.is_relative_to(config.work_dir)),
            *looked_for,
        ),
        trees=(project, *found),
        programs=("node", "asc"),
        any_variable=transforms,
    )


def _find_packages(project: Path) -> tuple[list[Path], list[Path]]:
    """The packages that are there, and every place where one was looked for before it was found."""
    waiting = {(name, project) for name in (*_named(project), *_imported(project), COMPILER_PACKAGE)}
    seen: set[tuple[str, Path]] = set()
    found: dict[Path, None] = {}
    places: dict[Path, None] = {}
    while waiting and len(seen) < _MOST_PACKAGES:
        name, folder = each = waiting.pop()
        seen.add(each)
        for base in (folder, *folder.parents):
            places[base / "node_modules" / name / PACKAGE_FILE] = None
            if (base / "node_modules" / name / PACKAGE_FILE).is_file():
                break
        package = find_package(name, folder)
        if package is not None:
            found[package] = None
            waiting |= {(further, package) for further in _named(package, groups=_GROUPS[:1])} - seen
    return list(found), list(places)


def _named(folder: Path, *, groups: tuple[str, ...] = _GROUPS) -> Iterator[str]:
    try:
        document = load_json_object(folder / PACKAGE_FILE) or {}
    except ConfigError:
        return
    for group in groups:
        table = document.get(group)
        yield from table if isinstance(table, dict) else ()


def _imported(project: Path) -> Iterator[str]:
    """Names that look like packages in the project's sources."""
    for folder, folders, names in os.walk(project):
        folders[:] = [name for name in folders if name != "node_modules" and not name.startswith(".")]
        for name in names:
            if name.endswith((".ts", ".js", ".mjs")):
                try:
                    data = (Path(folder) / name).read_bytes()
                except OSError:
                    continue
                yield from {os.fsdecode(each) for each in _IMPORT.findall(data)} - {".", ".."}
