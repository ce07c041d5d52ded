"""What asconfig.json says, read the way asc reads it: targets over options, a file over what it extends.

Only what wasmrun must know to write the command line; asc itself reads the rest.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from plugins_builtin.assemblyscript.json_file import load_json_object
from wasmrun_py.model.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_MOST_LAYERS = 20
_LOCAL = re.compile(r"\.|/|\\|[A-Za-z]:")


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigLayer:
    """One configuration file.

    Attributes:
        path: The file, absolute.
        targets: Options by target name.
        options: Options of every target.
        entries: Entry files as written there.
        extends: The file it builds on, as written there, or None.
    """

    path: Path
    targets: Mapping[str, Mapping[str, Any]]
    options: Mapping[str, Any]
    entries: tuple[str, ...]
    extends: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AscConfig:
    """The whole configuration of a project.

    Attributes:
        layers: The project's own file first, then what it extends; empty when there is none.
    """

    layers: tuple[ConfigLayer, ...] = ()

    @property
    def has_entries(self) -> bool:
        """Whether asc finds entry files by itself."""
        return any(layer.entries for layer in self.layers)

    def has_target(self, name: str) -> bool:
        """Whether any file describes the target."""
        return any(name in layer.targets for layer in self.layers)

    def find_option(self, name: str, target: str) -> Any:
        """An option's value as asc would take it for the target, or None."""
        for layer in self.layers:
            for options in (layer.targets.get(target, {}), layer.options):
                value = options.get(name)
                # asc reads false as "not given".
                if value is not None and value is not False:
                    return value
        return None


def load_config(path: Path) -> AscConfig:
    """Read a configuration file and everything it extends.

    What it extends may lie in a package that is not installed yet: then it is left out.

    Raises:
        ConfigError: A file is broken; with its line and column.
    """
    layers: list[ConfigLayer] = []
    following: Path | None = path
    while following is not None and len(layers) < _MOST_LAYERS:
        document = load_json_object(following)
        if document is None or any(layer.path == following for layer in layers):
            break
        layer = parse_layer(document, following)
        layers.append(layer)
        following = _find_extended(layer)
    return AscConfig(layers=tuple(layers))


def parse_layer(document: Mapping[str, Any], path: Path) -> ConfigLayer:
    """Check the shape of a configuration file.

    Raises:
        ConfigError: A member has the wrong type.
    """
    options = _get_table(document, "options", path)
    targets = _get_table(document, "targets", path)
    for name, target in targets.items():
        if not isinstance(target, dict):
            raise ConfigError(f'"targets.{name}" must be an object', file=path)
    entries = document.get("entries") or []
    if not isinstance(entries, list) or not all(isinstance(entry, str) for entry in entries):
        raise ConfigError('"entries" must be a list of file names', file=path)
    extends = document.get("extends") or None
    if extends is not None and not isinstance(extends, str):
        raise ConfigError('"extends" must be a file name', file=path)
    return ConfigLayer(path=path, targets=targets, options=options, entries=tuple(entries), extends=extends)


def _get_table(document: Mapping[str, Any], name: str, path: Path) -> dict[str, Any]:
    table = document.get(name) or {}
    if not isinstance(table, dict):
        raise ConfigError(f'"{name}" must be an object', file=path)
    return table


def _find_extended(layer: ConfigLayer) -> Path | None:
    if layer.extends is None:
        return None
    folder = layer.path.parent
    if _LOCAL.match(layer.extends):
        return folder / layer.extends
    places = [base / "node_modules" / layer.extends for base in (folder, *folder.parents)]
    return next((place for place in places if place.is_file()), None)
