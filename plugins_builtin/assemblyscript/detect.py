"""Is a folder an AssemblyScript project? Two file names and, when it is there, package.json."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from wasmrun_py.model.errors import NotAFolderError, PathNotFoundError, UnreadablePathError
from wasmrun_py.model.manifest import Match, MatchKind, NoMatch

if TYPE_CHECKING:
    from pathlib import Path

EXTENSIONS = ("ts",)
CONFIG_FILE = "asconfig.json"
PACKAGE_FILE = "package.json"
COMPILER_PACKAGE = "assemblyscript"
DEPENDENCY_GROUPS = ("dependencies", "devDependencies")
ENTRY_FILES = ("assembly/index.ts", "assembly/main.ts")

_CONFIG_CONFIDENCE = 95
_DEPENDENCY_CONFIDENCE = 85
_ENTRY_CONFIDENCE = 75
_PACKAGE_CAP_BYTES = 4 * 1024 * 1024


def match_project(project_path: Path) -> Match | NoMatch:
    """Say why a folder is AssemblyScript, or what was looked for in vain.

    A package.json that cannot be read is no failure here: it is somebody's mistake, perhaps not in a
    project of ours, and the answer names it.

    Raises:
        PathNotFoundError, NotAFolderError, UnreadablePathError: The folder cannot be listed.
    """
    names = _list(project_path)
    if CONFIG_FILE in names:
        reason = f"{CONFIG_FILE} is there"
        return Match(confidence=_CONFIG_CONFIDENCE, reason=reason, kind=MatchKind.ENTRY_FILE)
    group, fault = _find_dependency(project_path / PACKAGE_FILE) if PACKAGE_FILE in names else (None, "")
    if group is not None:
        reason = f"{PACKAGE_FILE} has {COMPILER_PACKAGE} among its {group}"
        return Match(confidence=_DEPENDENCY_CONFIDENCE, reason=reason)
    entry = next((name for name in ENTRY_FILES if (project_path / name).is_file()), None)
    if entry is not None:
        return Match(confidence=_ENTRY_CONFIDENCE, reason=f"{entry} is there", kind=MatchKind.ENTRY_FILE)
    return NoMatch(reason=fault or f"no {CONFIG_FILE}, no {' or '.join(ENTRY_FILES)}" + _no_package(names))


def _find_dependency(path: Path) -> tuple[str | None, str]:
    """Which group of package.json names the compiler, or None and why it cannot be told."""
    try:
        with path.open("rb") as stream:
            data = stream.read(_PACKAGE_CAP_BYTES)
    except OSError as error:
        return None, f"{path.name} cannot be read: {error.strerror}"
    # Most package.json files are not ours: the letters decide whether it is worth parsing at all.
    if COMPILER_PACKAGE.encode() not in data:
        return None, ""
    import json  # noqa: PLC0415 - as above

    try:
        document = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        return None, _describe_fault(error)
    if not isinstance(document, dict):
        return None, f"{path.name} is not a JSON object"
    groups = (name for name in DEPENDENCY_GROUPS if isinstance(document.get(name), dict))
    return next((name for name in groups if COMPILER_PACKAGE in document[name]), None), ""


def _describe_fault(error: Exception) -> str:
    line, column = getattr(error, "lineno", None), getattr(error, "colno", None)
    place = f":{line}:{column}" if line else ""
    said = getattr(error, "msg", "") or "it is not UTF-8 text" * isinstance(error, UnicodeDecodeError)
    return f"{PACKAGE_FILE}{place} is not valid JSON: {said or error}"


def _no_package(names: frozenset[str]) -> str:
    if PACKAGE_FILE in names:
        return f", and {PACKAGE_FILE} does not depend on {COMPILER_PACKAGE}"
    return f", no {PACKAGE_FILE}"


def _list(folder: Path) -> frozenset[str]:
    try:
        with os.scandir(folder) as entries:
            return frozenset(entry.name for entry in entries)
    except FileNotFoundError as error:
        raise PathNotFoundError(f"{folder} does not exist") from error
    except NotADirectoryError as error:
        raise NotAFolderError(f"{folder} is not a folder") from error
    except OSError as error:
        raise UnreadablePathError(
            f"{folder} cannot be read: {error.strerror}", hint="Check its permissions."
        ) from error
