"""What a run of a workspace does: which members are built, with which settings, and why not the others."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from wasmrun_py.build.outputs import RECORD_NAME, find_output_dirs, find_published
from wasmrun_py.build.project_files import is_scratch_name
from wasmrun_py.build.workspace.affected import OutsideInputs, find_affected
from wasmrun_py.build.workspace.changes import find_changes
from wasmrun_py.build.workspace.graph import find_needed, get_dependencies
from wasmrun_py.model.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from wasmrun_py.build.workspace.changes import Changes
    from wasmrun_py.config.settings import Settings
    from wasmrun_py.config.workspace import Member, Workspace
    from wasmrun_py.system.paths import Home


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to be done.

    Attributes:
        workspace: The root and its members.
        settings: Name -> its settings, of every member.
        graph: Name -> the members it depends on, of those that are built.
        reasons: Name -> why it is built; empty when everything is.
        changes: What git said; None when everything is built.
        warnings: Sentences for the user.
    """

    workspace: Workspace
    settings: Mapping[str, Settings]
    graph: Mapping[str, tuple[str, ...]]
    reasons: Mapping[str, str] = field(default_factory=dict)
    changes: Changes | None = None
    warnings: tuple[str, ...] = ()


def make_plan(
    workspace: Workspace, resolve: Callable[[Member], Settings], *, since: Since | None = None
) -> Plan:
    """Decide what is built.

    Args:
        workspace: The workspace.
        resolve: The settings of a member.
        since: Build what changed since then; None builds everything.

    Raises:
        ConfigError: The members depend on each other in a circle, or one's configuration is broken.
        UsageError: Two members are built into one folder; or as ``find_changes``.
        MissingToolError: As ``find_changes``.
    """
    graph = get_dependencies(workspace.members)
    settings = {name: resolve(member) for name, member in workspace.members.items()}
    _require_own_outputs(settings)
    if since is None:
        return Plan(workspace=workspace, settings=settings, graph=graph, warnings=workspace.warnings)
    changes = find_changes(workspace.root, since.revision, since.environ)
    outputs = _find_outputs(workspace, settings, since.home)
    changed = [
        path for path in changes.paths if path not in outputs and not _is_scratch(path, workspace.root)
    ]
    reasons = dict(find_affected(workspace, graph, changed, since.known).reasons)
    for name in sorted(find_needed(graph, reasons) - reasons.keys()):
        if not _is_published(settings[name]):
            reasons[name] = "it is needed, and was not built yet"
    return Plan(
        workspace=workspace,
        settings=settings,
        graph={
            name: tuple(each for each in graph[name] if each in reasons) for name in graph if name in reasons
        },
        reasons=reasons,
        changes=changes,
        warnings=(*workspace.warnings, *changes.warnings),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Since:
    """Build what changed since a revision.

    Attributes:
        revision: As git takes it.
        environ: The user's environment.
        home: Where output folders are remembered.
        known: Name -> what a member's last build read outside its folder.
    """

    revision: str
    environ: Mapping[str, str]
    home: Home
    known: Mapping[str, OutsideInputs]


def _require_own_outputs(settings: Mapping[str, Settings]) -> None:
    taken: dict[Path, str] = {}
    for name, each in settings.items():
        other = taken.setdefault(each.output_dir, name)
        if other != name:
            raise UsageError(
                f'Members "{other}" and "{name}" would both be built into {each.output_dir}',
                hint="Let [build] output and WASMRUN_OUTPUT be relative, or give one folder for all with -o.",
            )


def _find_outputs(workspace: Workspace, settings: Mapping[str, Settings], home: Home) -> set[Path]:
    """What wasmrun wrote itself, wherever it was told to."""
    found: set[Path] = set()
    for name, member in workspace.members.items():
        for folder in {settings[name].output_dir, *find_output_dirs(home, member.folder)}:
            found.update(find_published(folder), (folder / RECORD_NAME,))
    real = {path.parent.resolve() / path.name for path in found}
    return found | real


def _is_scratch(path: Path, root: Path) -> bool:
    """What editors and caches write for themselves; nothing above the workspace is judged by its name."""
    real = path.parent.resolve() / path.name
    top = root.resolve()
    parts = real.relative_to(top).parts if real.is_relative_to(top) else (real.name,)
    return any(map(is_scratch_name, parts))


def _is_published(settings: Settings) -> bool:
    published = find_published(settings.output_dir)
    return bool(published) and all(path.is_file() for path in published)
