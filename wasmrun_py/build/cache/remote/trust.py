"""What a remote cache may make us look at: the sets of paths that it says a build depends on.

The digests of those files go into the key that the server is asked for next, so that one which lies could
find out whether a file of the user's is the one it thinks, or keep us reading for long. So a set is taken
only when all of its paths are where toolchains and projects are, and weigh what such things weigh. Another
set is a build that was not found.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from wasmrun_py.toolchain.find import find_tool

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from wasmrun_py.build.fingerprint.dependencies import Dependencies

_MOST_PATHS = 20_000
_MOST_NAMES = 200
_MOST_BYTES = 2 * 1024 * 1024 * 1024
# Of Unix; elsewhere nothing is called like this.
_SYSTEM_FOLDERS = tuple(map(Path, ("/proc", "/sys", "/dev", "/run", "/var/run", "/etc")))
_HIDDEN_OF_TOOLS = frozenset(
    {".emscripten", ".cargo", ".rustup", ".npmrc", ".nvmrc", ".tool-versions", ".mise.toml"}
)
_SECRETS = "credentials"


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """Where this build's things are, absolute.

    Attributes:
        own: The project, WASMRUN_HOME and the caches.
        user_home: The user's own folder.
        environ: The user's environment, for PATH.
    """

    own: tuple[Path, ...]
    user_home: Path
    environ: Mapping[str, str]


def is_harmless(dependencies: Dependencies, around: Surroundings) -> bool:
    """Whether looking at all of a set's paths neither tells a server anything nor takes long."""
    folders = [Path(each[0]) for each in dependencies.folders]
    count = len(dependencies.files) + len(folders) + len(dependencies.trees) + len(dependencies.programs)
    if (
        count > _MOST_PATHS
        or len(dependencies.programs) > _MOST_NAMES
        or len(dependencies.trees) > _MOST_NAMES
    ):
        return False
    texts = (*dependencies.files, *dependencies.trees, *dependencies.programs)
    if not all(map(str.isprintable, chain(texts, *dependencies.folders))):
        # Not every text is one that the system can be asked for.
        return False
    if not all(_is_own(Path(tree), around) for tree in dependencies.trees):
        return False
    tools = {path.parent for path in _find_tools(dependencies.programs, around)}
    files = [Path(file) for file in dependencies.files]
    if not all(_is_public(path, around, tools) for path in (*files, *folders)):
        return False
    return _weigh(dependencies.files) <= _MOST_BYTES


def _is_public(path: Path, around: Surroundings, tools: set[Path]) -> bool:
    """Whether a path is where a toolchain or a project may be."""
    if str(path).startswith(("\\\\", "//")) or ".." in path.parts:
        return False
    if _is_own(path, around) or path.parent in tools:
        return True
    if any(path.is_relative_to(folder) for folder in _SYSTEM_FOLDERS):
        return False
    if not path.is_relative_to(around.user_home):
        return True
    inside = path.relative_to(around.user_home).parts
    is_hidden = any(part.startswith(".") and part not in _HIDDEN_OF_TOOLS for part in inside)
    return not is_hidden and not path.name.startswith(_SECRETS)


def _is_own(path: Path, around: Surroundings) -> bool:
    return ".." not in path.parts and any(path.is_relative_to(folder) for folder in around.own)


def _find_tools(programs: Iterable[str], around: Surroundings) -> Iterable[Path]:
    for name in programs:
        path = find_tool(name, around.environ)
        if path is not None:
            yield from (Path(path), Path(path).resolve())


def _weigh(files: Iterable[str]) -> int:
    """The bytes of all files; what is there and no plain file weighs too much."""
    total = 0
    for file in files:
        try:
            status = os.stat(file)  # noqa: PTH116 - strings: hundreds of headers
        except OSError:
            continue
        if not stat.S_ISREG(status.st_mode) and not stat.S_ISDIR(status.st_mode):
            return _MOST_BYTES + 1
        total += status.st_size
    return total
