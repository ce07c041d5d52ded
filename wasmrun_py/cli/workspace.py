"""``compile --workspace``: from options to a plan, from outcomes to one summary and one document."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

from wasmrun_py.build.workspace.plan import Plan, Since, make_plan
from wasmrun_py.build.workspace.run import MemberOutcome, MemberStatus, Workshop, build_workspace
from wasmrun_py.build.workspace.schedule import Rules
from wasmrun_py.cli.failure import CommandFailure
from wasmrun_py.cli.paths import get_folder
from wasmrun_py.cli.render.console import Style
from wasmrun_py.cli.render.workspace import WorkspaceDisplay
from wasmrun_py.cli.render.workspace_summary import (
    describe_summary,
    find_error,
    summarise,
    workspace_fields,
)
from wasmrun_py.config.settings import resolve_settings
from wasmrun_py.config.workspace import get_workspace_root, load_workspace
from wasmrun_py.model.errors import BuildError, InterruptError, UsageError, WasmrunError
from wasmrun_py.model.events import FanOut, Level, Message

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from wasmrun_py.cli.context import World
    from wasmrun_py.cli.reports import Case, Reports
    from wasmrun_py.config.settings import Overrides, Settings
    from wasmrun_py.config.workspace import Member, Workspace
    from wasmrun_py.model.events import Event, Reporter
    from wasmrun_py.model.manifest import TransportKind
    from wasmrun_py.plugin.manager import PluginManager

_MOST_JOBS = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkspaceCall:
    """What was asked for.

    Attributes:
        given: A folder of the workspace, as it was given.
        overrides: What holds for every member; its ``output`` is the folder that takes a folder for each.
        jobs: How many at once; None for as many as there are cores.
        affected: Only what changed since this revision, and what depends on it; None for everything.
        keep_going: After a failure, build what does not depend on it.
        transport: How external plugins are called, or None to choose.
        json: Print one document.
        is_special: The command does something beside building (a report, an explanation).
    """

    given: str
    overrides: Overrides
    jobs: int | None = None
    affected: str | None = None
    keep_going: bool = False
    transport: TransportKind | None = None
    json: bool = False
    is_special: bool = False


def compile_workspace(world: World, call: WorkspaceCall, reports: Reports) -> None:
    """Build the workspace that ``call.given`` is in, and tell how it went.

    Raises:
        CommandFailure: Members failed, or Ctrl-C; with everything the document holds.
        WasmrunError: It could not begin.
    """
    started, started_ns = time.monotonic(), time.time_ns()
    jobs = _choose_jobs(call.jobs)
    try:
        folder = get_folder(world, call.given)
        plan = _plan(world, call, load_workspace(get_workspace_root(folder)))
    except WasmrunError:
        # What keeps every member from being built stands in the reports as the workspace's own.
        with reports.project(world.absolute(call.given)):
            raise
    workspace = plan.workspace
    for text in plan.warnings:
        world.console.labelled("warning", Style.YELLOW, text)
    outcomes: list[MemberOutcome] = []
    interrupted = False
    with _Collector(world, call, plan, outcomes, reports) as collector:
        shop = Workshop(
            managers=collector.manager, home=world.home, rules=Rules(jobs=jobs, keep_going=call.keep_going)
        )
        try:
            build_workspace(plan, shop, collector)
        except KeyboardInterrupt:
            interrupted = True
    order = {name: number for number, name in enumerate(workspace.members)}
    outcomes.sort(key=lambda outcome: order[outcome.member.name])
    summary = summarise(outcomes, duration_s=time.monotonic() - started)
    _show(world, plan, outcomes, summary)
    fields = workspace_fields(plan, outcomes, summary, jobs=jobs)
    _note_unchanged(world, call, folder, collector, fields, started_ns=started_ns)
    error = find_error(workspace, outcomes, interrupted=interrupted)
    if error is not None:
        raise CommandFailure(error, fields)
    if call.json:
        world.report("compile", fields)


def _note_unchanged(  # noqa: PLR0913 - everything that the next run must know
    world: World,
    call: WorkspaceCall,
    folder: Path,
    collector: _Collector,
    fields: Mapping[str, Any],
    *,
    started_ns: int,
) -> None:
    """Note what the next run would find and say if nothing changes, so that it need not begin."""
    plan = collector.plan
    reports = {each.member.name: each.report for each in collector.outcomes if each.report is not None}
    if (
        len(reports) < len(plan.workspace.members)
        or collector.warned
        or call.overrides.verbose
        or plan.warnings
    ):
        return
    if call.is_special or world.environ.get("GITHUB_ACTIONS"):
        return
    from wasmrun_py.build.workspace.unchanged import DURATION, MARK  # noqa: PLC0415 - only after success
    from wasmrun_py.build.workspace.unchanged_note import FinishedRun, write_note  # noqa: PLC0415 - as above
    from wasmrun_py.cli.render.documents import success_document  # noqa: PLC0415 - as above

    duration = DURATION.decode("ascii")
    hits = {**fields["summary"], "hits": len(reports), "misses": 0, "duration_s": 0.0}
    lines = [f"{MARK.decode('ascii')} {collector.describe_hit(each)}" for each in collector.outcomes]
    lines.append(describe_summary(hits, plan).replace("0.00 s", f"{duration} s"))
    document = ""
    if call.json:
        projects = [{**each, "cache": "hit", "duration_s": 0.0} for each in fields["projects"]]
        document = success_document("compile", {**fields, "projects": projects, "summary": hits}) + "\n"
    run = FinishedRun(
        argv=sys.argv[1:],
        environ=world.environ,
        cwd=world.cwd,
        folder=folder,
        home=world.home,
        started_ns=started_ns,
        plan=plan,
        reports=reports,
    )
    text = "".join(f"{line}\n" for line in lines)
    write_note(run, (text.encode("utf-8", "replace"), document.encode("ascii")))


def count_cores() -> int:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _choose_jobs(asked: int | None) -> int:
    if asked is None:
        return count_cores()
    if asked < 1:
        raise UsageError(
            f"-j {asked}: at least one job is needed",
            hint=f"Leave -j out for as many as there are cores ({count_cores()}).",
        )
    return min(asked, _MOST_JOBS)


def _plan(world: World, call: WorkspaceCall, workspace: Workspace) -> Plan:
    def resolve(member: Member) -> Settings:
        overrides = call.overrides
        if overrides.output is not None:
            overrides = replace(overrides, output=overrides.output / member.name)
        return resolve_settings(member.folder, overrides, environ=world.environ, home=world.home)

    since = None
    if call.affected is not None:
        from wasmrun_py.build.workspace.inputs import load_outside_inputs  # noqa: PLC0415 - only --affected

        known = load_outside_inputs(workspace, world.home)
        since = Since(revision=call.affected, environ=world.environ, home=world.home, known=known)
    return make_plan(workspace, resolve, since=since)


class _Collector:
    """The watcher of a run: collects outcomes and shows them."""

    def __init__(
        self, world: World, call: WorkspaceCall, plan: Plan, outcomes: list[MemberOutcome], reports: Reports
    ) -> None:
        self._world = world
        self._call = call
        self.outcomes = outcomes
        self.plan = plan
        self.warned = False
        self._reports = reports
        self._cases: dict[str, Case] = {}
        names = tuple(plan.graph)
        self._display = WorkspaceDisplay(world.console, names, verbose=call.overrides.verbose)

    def __enter__(self) -> Self:
        self._display.__enter__()
        return self

    def __exit__(self, *details: object) -> None:
        self._display.__exit__(*details)

    def reporter(self, member: Member) -> Reporter:
        """A member's build begins."""
        case = self._cases[member.name] = self._reports.project(member.folder)
        case.__enter__()
        return _Listener(self, FanOut(self._display.reporter(member), case))

    def describe_hit(self, outcome: MemberOutcome) -> str:
        """How a member is shown that is as it was."""
        return self._display.describe(outcome, hit=True)

    def ended(self, outcome: MemberOutcome) -> None:
        """A member is over."""
        self.outcomes.append(outcome)
        case = self._cases.get(outcome.member.name)
        if case is not None:
            if outcome.report is not None:
                case.built(outcome.report)
            error = outcome.error
            if outcome.status is MemberStatus.CANCELLED:
                error = InterruptError("Interrupted")
            case.__exit__(type(error) if error else None, error, None)
        self._display.ended(outcome)

    def manager(self, settings: Settings) -> PluginManager:
        """Plugins for one thread."""
        may_install, confirm = self._world.find_leave(
            settings.install_policy, self._display, may_ask=not self._call.json
        )
        return self._world.plugin_manager(
            may_install=may_install, confirm=confirm, transport=self._call.transport
        )


class _Listener:
    """Hands a member's events on; notices when something was said, which is to be said again next time."""

    def __init__(self, collector: _Collector, reporter: Reporter) -> None:
        self._collector = collector
        self._reporter = reporter

    def emit(self, event: Event) -> None:
        """Hand the event on."""
        if isinstance(event, Message) and event.level is not Level.DEBUG:
            self._collector.warned = True
        self._reporter.emit(event)


def _show(world: World, plan: Plan, outcomes: list[MemberOutcome], summary: Mapping[str, Any]) -> None:
    """Failures with all that the tools said, then one line."""
    for outcome in outcomes:
        error = outcome.error
        if error is None:
            continue
        if isinstance(error, BuildError) and error.output.strip():
            world.console.note(f"── {outcome.member.name} ({outcome.member.place})")
            world.console.raw_note(error.output)
            if error.log_file is not None:
                world.console.note(f"The whole output is in {error.log_file}")
        world.console.labelled("error", Style.RED, f"{outcome.member.name}: {error.message}")
        if error.hint:
            world.console.labelled("hint", Style.CYAN, error.hint)
    world.console.note(describe_summary(summary, plan))
