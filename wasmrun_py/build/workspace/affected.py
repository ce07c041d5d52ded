"""Which members do changed files concern? Pure, but for links that are resolved."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from wasmrun_py.build.workspace.graph import find_dependents
from wasmrun_py.config.settings import PROJECT_FILE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from wasmrun_py.config.workspace import Workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class OutsideInputs:
    """What a member's last build read outside its own folder, as far as that is known.

    Attributes:
        files: Files, absolute; those that were looked for in vain too.
        folders: Folders of which anything may have been read, or whose names mattered, absolute.
    """

    files: frozenset[str]
    folders: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Affected:
    """Whom the changes concern.

    Attributes:
        reasons: Name of a member -> why, for those that changed themselves and those that depend on them.
    """

    reasons: Mapping[str, str]


def find_affected(
    workspace: Workspace,
    graph: Mapping[str, tuple[str, ...]],
    changed: Iterable[Path],
    known: Mapping[str, OutsideInputs],
) -> Affected:
    """The members that changes concern, and those that depend on these.

    A file inside a member concerns that member. The root's ``wasmrun.toml`` concerns all. Any other file
    concerns the members that read it the last time; where that is not known for a member, it is taken to
    concern it, unless the workspace says which files are ``shared``: these concern all, and no others do.

    Args:
        workspace: The workspace.
        graph: Name -> the names it depends on.
        changed: Absolute paths.
        known: Name -> what its last build read outside.
    """
    places = {member.folder.resolve(): name for name, member in workspace.members.items()}
    root = workspace.root.resolve()
    own: dict[str, str] = {}
    for path in changed:
        real = path.parent.resolve() / path.name
        inside = [name for folder, name in places.items() if _touches(real, folder)]
        hit = inside or _find_readers(workspace, root, real, known)
        for name in hit:
            own.setdefault(name, f"{_shown(real, root)} changed")
    dependents = sorted(find_dependents(graph, own) - own.keys())
    return Affected(
        reasons={**own, **{name: f"it depends on {_find_cause(graph, name, own)}" for name in dependents}}
    )


def _touches(changed: Path, folder: Path) -> bool:
    """Whether a changed file lies in a folder, or the folder in what changed: a submodule is one name."""
    return changed.is_relative_to(folder) or folder.is_relative_to(changed)


def _find_readers(
    workspace: Workspace, root: Path, changed: Path, known: Mapping[str, OutsideInputs]
) -> list[str]:
    """The members that a file outside all of them concerns."""
    if changed == root / PROJECT_FILE:
        return list(workspace.members)
    if workspace.shared is not None and _is_shared(changed, root, workspace.shared):
        return list(workspace.members)
    readers = []
    for name in workspace.members:
        inputs = known.get(name)
        if inputs is None:
            if workspace.shared is None:
                readers.append(name)
        elif str(changed) in inputs.files or any(str(each) in inputs.folders for each in changed.parents):
            readers.append(name)
    return readers


def _is_shared(changed: Path, root: Path, patterns: tuple[str, ...]) -> bool:
    if not changed.is_relative_to(root):
        return False
    name = changed.relative_to(root).as_posix()
    return any(matches(name, pattern) for pattern in patterns)


def matches(name: str, pattern: str) -> bool:
    """Whether a pattern means a relative name: ``**`` is any number of folders, a folder all of it."""
    return _match_parts(name.split("/"), [part for part in pattern.split("/") if part not in {"", "."}])


def _match_parts(parts: list[str], wanted: list[str]) -> bool:
    if not wanted:
        return True
    if wanted[0] == "**":
        return any(_match_parts(parts[skip:], wanted[1:]) for skip in range(len(parts) + 1))
    return bool(parts) and fnmatchcase(parts[0], wanted[0]) and _match_parts(parts[1:], wanted[1:])


def _find_cause(graph: Mapping[str, tuple[str, ...]], name: str, own: Mapping[str, str]) -> str:
    """The nearest of what ``name`` depends on that changed itself."""
    seen, level = {name}, [name]
    while True:
        level = [each for parent in level for each in graph[parent] if each not in seen]
        found = next((each for each in level if each in own), None)
        if found is not None:
            return found
        seen.update(level)


def _shown(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)
