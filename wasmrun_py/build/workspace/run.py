"""Carry out a plan: each member is built by ``compile_project`` in one of a few threads."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from wasmrun_py.build.compile import compile_project
from wasmrun_py.build.outputs import find_published
from wasmrun_py.build.workspace.schedule import JobState, Rules, run_jobs
from wasmrun_py.model.errors import InterruptError, NoPluginMatchError, WasmrunError

if TYPE_CHECKING:
    from collections.abc import Callable

    from wasmrun_py.build.compile import CompileReport
    from wasmrun_py.build.workspace.plan import Plan
    from wasmrun_py.build.workspace.schedule import JobEnd
    from wasmrun_py.config.settings import Settings
    from wasmrun_py.config.workspace import Member
    from wasmrun_py.model.events import Reporter
    from wasmrun_py.plugin.manager import PluginManager
    from wasmrun_py.system.paths import Home


class MemberStatus(StrEnum):
    """What became of a member."""

    BUILT = "built"
    FAILED = "failed"
    SKIPPED = "skipped"
    UNAFFECTED = "unaffected"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberOutcome:
    """A member after the run.

    Attributes:
        member: It.
        status: What became of it.
        reason: Why it was built or not, in words; empty when there is nothing to say.
        report: The finished build.
        error: Why it failed.
        duration_s: Wall-clock seconds.
    """

    member: Member
    status: MemberStatus
    reason: str = ""
    report: CompileReport | None = None
    error: WasmrunError | None = None
    duration_s: float = 0.0


class WorkspaceWatcher(Protocol):
    """Hears how the run goes. ``reporter`` is called in the thread that builds the member."""

    def reporter(self, member: Member) -> Reporter:
        """The member's build begins; what takes its events."""

    def ended(self, outcome: MemberOutcome) -> None:
        """A member is over, built or not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Workshop:
    """What members are built with.

    Attributes:
        managers: Makes a plugin manager that fits a member's settings; called once a thread and policy.
        home: Where outputs are remembered.
        rules: How many at once, and what happens after a failure.
    """

    managers: Callable[[Settings], PluginManager]
    home: Home
    rules: Rules


def build_workspace(plan: Plan, shop: Workshop, watcher: WorkspaceWatcher) -> None:
    """Build what the plan says; every member's outcome goes to the watcher.

    Raises:
        KeyboardInterrupt: Ctrl-C. What was not over by then is told as cancelled before.
    """
    run = _Run(plan, shop, watcher)
    for name, member in plan.workspace.members.items():
        if name not in plan.graph:
            run.tell(MemberOutcome(member=member, status=MemberStatus.UNAFFECTED))
    try:
        # Foreign code that prints must not reach the document. Done once here: the threads' own redirections
        # restore in any order what they found.
        with contextlib.redirect_stdout(sys.stderr):
            run_jobs(plan.graph, run.build, shop.rules, on_end=run.take)
    except KeyboardInterrupt:
        for name, member in plan.workspace.members.items():
            if name not in run.told:
                run.tell(MemberOutcome(member=member, status=MemberStatus.CANCELLED, reason="interrupted"))
        raise


def _with_way_out(error: WasmrunError, member: Member) -> WasmrunError:
    """Whatever a glob found is taken for a project: say how to tell that a folder is none."""
    if isinstance(error, NoPluginMatchError):
        way_out = f'Is it no project? Leave it out: [workspace] exclude = ["{member.place}"].'
        return NoPluginMatchError(error.message, hint=f"{error.hint} {way_out}".strip())
    return error


class _Run:
    """One run. ``build`` is called in threads, everything else in the main one."""

    def __init__(self, plan: Plan, shop: Workshop, watcher: WorkspaceWatcher) -> None:
        self._plan = plan
        self._shop = shop
        self._watcher = watcher
        self._own = threading.local()
        self._first_failure = ""
        self._reports: dict[str, CompileReport] = {}
        self.told: set[str] = set()

    def build(self, name: str) -> tuple[bool, MemberOutcome]:
        """Build one member."""
        member = self._plan.workspace.members[name]
        started = time.monotonic()
        report: CompileReport | None = None
        error: WasmrunError | None = None
        try:
            reporter = self._watcher.reporter(member)
            settings = replace(self._plan.settings[name], built_before=self._digests(member))
            report = compile_project(
                member.folder,
                settings,
                manager=self._manager(settings),
                home=self._shop.home,
                reporter=reporter,
            )
        except WasmrunError as raised:
            error = _with_way_out(raised, member)
        outcome = MemberOutcome(
            member=member,
            status=MemberStatus.FAILED if report is None else MemberStatus.BUILT,
            reason=self._plan.reasons.get(name, ""),
            report=report,
            error=error,
            duration_s=time.monotonic() - started,
        )
        if report is not None:
            self._reports[name] = report
        return report is not None, outcome

    def take(self, end: JobEnd[MemberOutcome]) -> None:
        """A job is over."""
        if end.result is not None:
            outcome = end.result
            if isinstance(outcome.error, InterruptError):
                outcome = replace(outcome, status=MemberStatus.CANCELLED, error=None, reason="interrupted")
            elif outcome.status is MemberStatus.FAILED:
                self._first_failure = self._first_failure or end.name
            self.tell(outcome)
            return
        reason = f"{self._first_failure} failed before it began"
        if end.state is JobState.SKIPPED:
            reason = f"it depends on {end.blame}, which failed"
        self.tell(
            MemberOutcome(
                member=self._plan.workspace.members[end.name], status=MemberStatus.SKIPPED, reason=reason
            )
        )

    def tell(self, outcome: MemberOutcome) -> None:
        """Tell an outcome."""
        self.told.add(outcome.member.name)
        self._watcher.ended(outcome)

    def _manager(self, settings: Settings) -> PluginManager:
        """This thread's plugins: a helper process is talked to by one thread only."""
        kept: dict[str, PluginManager] = self._own.__dict__.setdefault("managers", {})
        key = settings.install_policy.value
        if key not in kept:
            kept[key] = self._shop.managers(settings)
        return kept[key]

    def _digests(self, member: Member) -> dict[str, str]:
        """What the members before this one made: a change of it is a change of this one's inputs."""
        digests: dict[str, str] = {}
        for name in member.depends_on:
            folder = self._plan.settings[name].output_dir
            report = self._reports.get(name)
            if report is None:
                made = find_published(folder)
            else:
                made = {each.path: each.sha256 for each in report.artifacts}
            for path, digest in made.items():
                digests[f"{name} {path.relative_to(folder).as_posix()}"] = digest
        return digests
