"""What is said of a whole run of a workspace: the counts, the one line, the error, the document's members."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from wasmrun_py.build.workspace.run import MemberOutcome, MemberStatus
from wasmrun_py.model.errors import InterruptError, WasmrunError, WorkspaceError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wasmrun_py.build.workspace.plan import Plan
    from wasmrun_py.config.workspace import Member, Workspace
    from wasmrun_py.model.diagnostic import Diagnostic


def summarise(outcomes: list[MemberOutcome], *, duration_s: float) -> dict[str, Any]:
    """How many members ended in which way, and how many of the builds were in the cache."""
    reports = [outcome.report for outcome in outcomes if outcome.report is not None]
    counts: dict[str, Any] = {"members": len(outcomes)}
    counts.update({each.value: sum(one.status is each for one in outcomes) for each in MemberStatus})
    counts["hits"] = sum(report.cache == "hit" for report in reports)
    counts["misses"] = sum(report.cache == "miss" for report in reports)
    counts["duration_s"] = round(duration_s, 3)
    return counts


def describe_summary(summary: Mapping[str, Any], plan: Plan) -> str:
    """``12 built: 10 hits, 2 misses; 1 failed; 3 skipped in 4.2 s``."""
    caches = [
        f"{summary[key]} {word}" for key, word in (("hits", "hits"), ("misses", "misses")) if summary[key]
    ]
    caches = [text.removesuffix("es") if text == "1 misses" else text for text in caches]
    caches = ["1 hit" if text == "1 hits" else text for text in caches]
    parts = [f"{summary['built']} built" + (f": {', '.join(caches)}" if caches else "")]
    parts += [
        f"{summary[each.value]} {each.value}"
        for each in MemberStatus
        if each is not MemberStatus.BUILT and summary[each.value]
    ]
    since = f" since {plan.changes.revision}" if plan.changes is not None and summary["unaffected"] else ""
    return f"{'; '.join(parts)}{since} in {summary['duration_s']:.2f} s"


def find_error(
    workspace: Workspace, outcomes: list[MemberOutcome], *, interrupted: bool
) -> WasmrunError | None:
    """What the command fails with, or None; its diagnostics name files relative to the workspace."""
    diagnostics = [
        each
        for outcome in outcomes
        if outcome.error is not None
        for each in relocate(outcome.error.diagnostics, outcome.member, workspace)
    ]
    if interrupted:
        return InterruptError(
            "Interrupted",
            hint="Members that were built stay built; the others' outputs are as they were.",
            diagnostics=diagnostics,
        )
    failed = [outcome for outcome in outcomes if outcome.error is not None]
    if not failed:
        return None
    codes = {outcome.error.exit_code for outcome in failed if outcome.error is not None}
    names = ", ".join(outcome.member.name for outcome in failed)
    left = any(outcome.status is MemberStatus.SKIPPED for outcome in outcomes)
    return WorkspaceError(
        f"{len(failed)} of {len(outcomes)} members failed: {names}",
        exit_code=codes.pop() if len(codes) == 1 else 1,
        hint="Build what does not depend on them all the same: --keep-going."
        if left and len(failed) == 1
        else "",
        diagnostics=diagnostics,
    )


def relocate(diagnostics: tuple[Diagnostic, ...], member: Member, workspace: Workspace) -> list[Diagnostic]:
    """The same with files relative to the workspace."""
    moved = []
    for each in diagnostics:
        if each.file is None:
            moved.append(each)
            continue
        path = os.path.normpath(member.folder / each.file)
        root = f"{workspace.root}{os.sep}"
        inside = path.removeprefix(root).replace(os.sep, "/") if path.startswith(root) else path
        moved.append(replace(each, file=inside))
    return moved


def workspace_fields(
    plan: Plan, outcomes: list[MemberOutcome], summary: Mapping[str, Any], *, jobs: int
) -> dict[str, Any]:
    """The members of the document (docs/workspaces.md)."""
    changes = plan.changes
    return {
        "workspace": {
            "root": plan.workspace.root,
            "jobs": jobs,
            "affected": None
            if changes is None
            else {
                "revision": changes.revision,
                "base": changes.base,
                "changed_files": len(changes.paths),
                "members": [name for name in plan.workspace.members if name in plan.graph],
            },
        },
        "projects": [project_fields(plan, outcome) for outcome in outcomes],
        "summary": dict(summary),
        "warnings": plan.warnings,
    }


def project_fields(plan: Plan, outcome: MemberOutcome) -> dict[str, Any]:
    """One of ``projects``."""
    from wasmrun_py.cli.commands.compile import compile_fields  # noqa: PLC0415 - the command imports this module

    member = outcome.member
    document: dict[str, Any] = {
        "name": member.name,
        "path": member.place,
        "status": outcome.status,
        "reason": outcome.reason,
        "depends_on": list(member.depends_on),
        "project": member.folder,
        "duration_s": round(outcome.duration_s, 3),
    }
    if outcome.report is not None:
        return {**document, **compile_fields(outcome.report)}
    if outcome.error is not None:
        from wasmrun_py.cli.render.documents import error_member  # noqa: PLC0415 - only a failure needs it

        diagnostics = relocate(outcome.error.diagnostics, member, plan.workspace)
        document["error"] = error_member(outcome.error, diagnostics=diagnostics)
    return document
