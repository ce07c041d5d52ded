"""Workspaces: ``[workspace]`` of a root's ``wasmrun.toml``, and the members that it names.

::

    [workspace]
    members = ["apps/*", "lib"]     # folders and globs, relative to the root
    exclude = ["apps/old"]          # folders and globs that are none
    shared  = ["include/**"]        # files outside the members that all of them may read

A member says in its own ``wasmrun.toml`` what must be built before it: ``[project] depends_on = ["lib"]``.
Everything here is read and checked; what is done with it is ``build.workspace``'s business.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from fnmatch import fnmatchcase
from glob import has_magic
from pathlib import Path
from typing import TYPE_CHECKING

from wasmrun_py.config.settings import PROJECT_FILE, load_project_file
from wasmrun_py.config.toml_file import suggest
from wasmrun_py.model.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from wasmrun_py.config.toml_file import TomlFile
    from wasmrun_py.model.errors import ConfigError

_TABLE = "workspace"
_EXAMPLE = 'For example: members = ["apps/*"].'
# What a glob is never meant to find; such a folder can still be named in full.
_NEVER_MEANT = frozenset({"node_modules", "__pycache__", "venv", "dist", "target"})
_MOST_MEMBERS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One project of a workspace.

    Attributes:
        name: ``[project] name``, else the folder's; no other member has it.
        folder: Absolute.
        place: The folder relative to the root, with ``/``.
        depends_on: Names of the members that are built before it, in the order of the file.
        file: Its ``wasmrun.toml``, or None.
    """

    name: str
    folder: Path
    place: str
    depends_on: tuple[str, ...] = ()
    file: TomlFile | None = None

    def error(self, message: str, *, hint: str = "") -> ConfigError:
        """A ``ConfigError`` that points at the ``depends_on`` of this member, which has one."""
        if self.file is None:  # pragma: no cover - who depends on something has said so in a file
            raise AssertionError("a member without a file depends on nothing")
        return self.file.error("project", "depends_on", message, hint=hint)


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    """A root and its members.

    Attributes:
        root: The root's folder, absolute.
        members: Name -> member, sorted by place.
        shared: Globs of files outside the members that all of them may read; None when nothing was said.
        patterns: What was listed as members, relative to the root.
        warnings: Sentences for the user.
    """

    root: Path
    members: dict[str, Member]
    patterns: tuple[str, ...] = ()
    shared: tuple[str, ...] | None = None
    warnings: tuple[str, ...] = ()


def find_workspace_root(folder: Path) -> Path | None:
    """The nearest folder, from ``folder`` upward, whose ``wasmrun.toml`` has a ``[workspace]``.

    Raises:
        ConfigError: A ``wasmrun.toml`` on the way is broken.
    """
    for each in (folder, *folder.parents):
        if is_workspace_root(each):
            return each
    return None


def is_workspace_root(folder: Path) -> bool:
    """Whether the ``wasmrun.toml`` of ``folder`` has a ``[workspace]``.

    Raises:
        ConfigError: It is broken.
    """
    file = load_project_file(folder)
    return file is not None and _TABLE in file.tables


def is_workspace_only(folder: Path) -> bool:
    """Whether ``folder`` is the root of a workspace and no project: neither ``[project]`` nor ``[build]``.

    Raises:
        ConfigError: Its ``wasmrun.toml`` is broken.
    """
    file = load_project_file(folder)
    return file is not None and _TABLE in file.tables and not file.tables.keys() & {"project", "build"}


def get_workspace_root(folder: Path) -> Path:
    """As ``find_workspace_root``.

    Raises:
        UsageError: There is none.
        ConfigError: A ``wasmrun.toml`` on the way is broken.
    """
    root = find_workspace_root(folder)
    if root is None:
        raise UsageError(
            f"{folder} is in no workspace: no {PROJECT_FILE} here or above it has a [workspace]",
            hint=f'Write [workspace] members = ["apps/*"] into the {PROJECT_FILE} above your projects.',
        )
    return root


def load_workspace(root: Path) -> Workspace:
    """Read the workspace at ``root``, whose ``wasmrun.toml`` has a ``[workspace]``.

    Raises:
        ConfigError: A file is broken; a member does not exist, lies outside, overlaps another one or is a
            workspace itself; two have one name; a ``depends_on`` names nobody.
    """
    file = load_project_file(root)
    if file is None or _TABLE not in file.tables:
        raise UsageError(f"{root / PROJECT_FILE} has no [workspace]")
    table = file.tables[_TABLE]
    if not table.get("members"):
        raise file.error(_TABLE, "members", '[workspace] "members" is missing or empty', hint=_EXAMPLE)
    folders, warnings = _find_folders(root, file)
    _require_apart(root, file, folders)
    members = _load_members(root, file, folders)
    for member in members.values():
        _require_known(member, members)
    shared = table.get("shared")
    return Workspace(
        root=root,
        members=members,
        patterns=tuple(_clean(root, file, "members", each) for each in table["members"]),
        shared=tuple(shared) if shared is not None else None,
        warnings=warnings,
    )


def _find_folders(root: Path, file: TomlFile) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The members' places, sorted, and warnings about globs that found nothing."""
    table = file.tables[_TABLE]
    excluded = [_clean(root, file, "exclude", pattern) for pattern in table.get("exclude", ())]
    found: set[str] = set()
    warnings = []
    for pattern in table["members"]:
        place = _clean(root, file, "members", pattern)
        if has_magic(place):
            hits = [each for each in _expand(root, place) if not _is_excluded(each, excluded)]
            if not hits:
                warnings.append(f'[workspace] members: "{pattern}" matches no folder')
            found.update(hits)
        elif not _is_excluded(place, excluded):
            _require_folder(root, file, place)
            found.add(place)
        if len(found) > _MOST_MEMBERS:
            raise file.error(
                _TABLE,
                "members",
                f'"{pattern}" and what stands before it are more than {_MOST_MEMBERS} members',
            )
    if not found:
        raise file.error(
            _TABLE,
            "members",
            "the workspace has no member: nothing matches",
            hint=f"{_EXAMPLE} Is a folder missing?",
        )
    return tuple(sorted(found)), tuple(warnings)


def _clean(root: Path, file: TomlFile, key: str, pattern: str) -> str:
    """A pattern with ``/`` and without ``.`` parts, inside the root."""
    text = pattern.replace("\\", "/") if os.sep == "\\" else pattern
    parts = [part for part in text.split("/") if part not in {"", "."}]
    problem = ""
    if "\0" in text:
        problem = "has a NUL character in it"
    elif text.startswith("/") or Path(text).is_absolute() or ".." in parts:
        problem = f"leaves the workspace {root}"
    elif not parts:
        problem = "is the workspace's root itself" if text else "is empty"
    elif "**" in parts:
        problem = 'has "**" in it, which would find folders inside members'
    if problem and key == "members":
        raise file.error(
            _TABLE,
            key,
            f'[workspace] "{key}": {pattern!r} {problem}',
            hint="Members are folders below the root. " + _EXAMPLE,
        )
    return "/".join(parts)


def _expand(root: Path, pattern: str) -> Iterator[str]:
    """The folders that a glob finds, relative to the root; hidden ones and caches are not meant."""
    places = [""]
    for part in pattern.split("/"):
        places = [each for place in places for each in _step(root, place, part)]
    return iter(places)


def _step(root: Path, place: str, part: str) -> Iterator[str]:
    prefix = f"{place}/" if place else ""
    if not has_magic(part):
        if (root / place / part).is_dir():
            yield f"{prefix}{part}"
        return
    try:
        with os.scandir(root / place) as entries:
            names = sorted(entry.name for entry in entries if entry.is_dir())
    except OSError:
        return
    for name in names:
        hidden = name.startswith(".") and not part.startswith(".")
        if not hidden and name not in _NEVER_MEANT and fnmatchcase(name, part):
            yield f"{prefix}{name}"


def _is_excluded(place: str, excluded: Iterable[str]) -> bool:
    """A pattern leaves out what it matches and everything below."""
    parts = place.split("/")
    for pattern in excluded:
        wanted = pattern.split("/")
        head = parts[: len(wanted)]
        if len(head) == len(wanted) and all(map(fnmatchcase, head, wanted)):
            return True
    return False


def _require_folder(root: Path, file: TomlFile, place: str) -> None:
    folder = root / place
    if folder.is_dir():
        return
    if os.path.lexists(folder):
        raise file.error(
            _TABLE, "members", f'member "{place}" is no folder', hint="A member is a project's folder."
        )
    try:
        near = [each.name for each in folder.parent.iterdir() if each.is_dir()]
    except OSError:
        near = []
    raise file.error(
        _TABLE,
        "members",
        f'member "{place}" does not exist',
        hint=suggest(folder.name, near) if near else "Make the folder, or take it out of the list.",
    )


def _require_apart(root: Path, file: TomlFile, places: tuple[str, ...]) -> None:
    """Refuse members that share files: one inside another, or one folder under two names."""
    real_root = root.resolve()
    seen: dict[Path, str] = {}
    for place in places:
        real = (root / place).resolve()
        if not real.is_relative_to(real_root) or real == real_root:
            raise file.error(
                _TABLE,
                "members",
                f'member "{place}" is a link that leads out of the workspace, to {real}',
                hint=f'Move the project below {root}, or leave it out: exclude = ["{place}"].',
            )
        if real in seen:
            raise file.error(
                _TABLE,
                "members",
                f'members "{seen[real]}" and "{place}" are the same folder, {real}',
                hint=f'Leave one out: exclude = ["{place}"].',
            )
        seen[real] = place
    for real, place in seen.items():
        outer = next((seen[each] for each in real.parents if each in seen), None)
        if outer is not None:
            raise file.error(
                _TABLE,
                "members",
                f'member "{place}" lies inside member "{outer}"',
                hint=f'Each project needs a folder of its own. Leave one out: exclude = ["{place}"].',
            )


def _load_members(root: Path, file: TomlFile, places: tuple[str, ...]) -> dict[str, Member]:
    members: dict[str, Member] = {}
    for place in places:
        member = _load_member(root, place)
        other = members.get(member.name)
        if other is not None:
            raise file.error(
                _TABLE,
                "members",
                f'members "{other.place}" and "{place}" are both called "{member.name}"',
                hint=f'Give one another name: [project] name = "…" in {place}/{PROJECT_FILE}.',
            )
        members[member.name] = member
    return members


def _load_member(root: Path, place: str) -> Member:
    folder = root / place
    file = load_project_file(folder)
    if file is None:
        return Member(name=folder.name, folder=folder, place=place)
    if _TABLE in file.tables:
        raise file.error(
            _TABLE,
            "members",
            f"{place} is a member of the workspace {root}, and cannot be a workspace itself",
            hint="List its members in the outer one, or exclude it there.",
        )
    project = file.tables.get("project", {})
    return Member(
        name=project.get("name", folder.name),
        folder=folder,
        place=place,
        depends_on=tuple(dict.fromkeys(project.get("depends_on", ()))),
        file=file,
    )


def _require_known(member: Member, members: dict[str, Member]) -> None:
    for name in member.depends_on:
        if name not in members:
            raise member.error(
                f'[project] "depends_on" names "{name}", and no member of the workspace is called so',
                hint=suggest(name, members),
            )
