"""The reports of one command: asked for with ``--report``, or by the CI system that runs us.

A command enters ``Reports`` around everything that can fail and a ``Case`` around each project; whatever
happens inside is in the reports when it is left, and goes on its way unchanged.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Self

from wasmrun_py import __version__
from wasmrun_py.cli.failure import CommandFailure
from wasmrun_py.cli.render.console import Style
from wasmrun_py.model.errors import InterruptError, OutputError, WasmrunError
from wasmrun_py.report.outcome import ProjectOutcome, ReportedArtifact, ReportInput, find_root
from wasmrun_py.report.render import render_report
from wasmrun_py.report.request import ReportFormat, ReportRequest, parse_requests
from wasmrun_py.system.fs import LineFile, atomic_write, require_writable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from wasmrun_py.build.compile import CompileReport
    from wasmrun_py.cli.context import World
    from wasmrun_py.model.diagnostic import Diagnostic
    from wasmrun_py.model.events import Event
    from wasmrun_py.report.event_log import EventLog

_HINT = "Give --report another file."
_ANNOTATIONS_OFF = "WASMRUN_ANNOTATIONS"
_DEFECT_CODE = 70


class Reports:
    """Every report of a command. Leaving it writes them, whether the command failed or not.

    Args:
        world: The process's surroundings.
        command: The command's name.
        words: What followed each ``--report``.
        stdout_is_taken: The command prints a document of its own there.

    Raises:
        UsageError: A word that is no report.
        OutputError: A file that cannot be written; nothing has been built.
    """

    def __init__(self, world: World, command: str, words: Sequence[str], *, stdout_is_taken: bool) -> None:
        self._world = world
        self.command = command
        self._requests = parse_requests(words, cwd=world.cwd, stdout_is_taken=stdout_is_taken)
        self._outcomes: list[ProjectOutcome] = []
        self._streams: list[LineFile] = []
        self.events_to_stdout = False
        for request in self._requests:
            self._prepare(request)

    @property
    def takes_stdout(self) -> bool:
        """A report goes to stdout, where nothing else may be printed then."""
        return any(request.file is None for request in self._requests)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _type: object, error: BaseException | None, _traceback: object) -> None:
        report = self._report()
        self._annotate(report)
        problems = [*self._write_files(report), *self._close_streams()]
        if not problems:
            return
        if error is None:
            raise problems[0]
        # The command has failed already, and that is the news.
        for problem in problems:
            self._world.console.labelled("warning", Style.YELLOW, problem.message)

    def project(self, project: Path) -> Case:
        """Watch one project's build.

        Args:
            project: Its folder, absolute; it need not exist.
        """
        return Case(self, project, root=find_root(self._world.environ, project))

    def write_line(self, line: str) -> None:
        """A line for everyone who watches."""
        for stream in self._streams:
            stream.write(line)
        if self.events_to_stdout:
            self._world.console.stdout.write(f"{line}\n")
            self._world.console.stdout.flush()

    @property
    def is_watched(self) -> bool:
        """Events were asked for."""
        return self.events_to_stdout or bool(self._streams)

    def add(self, outcome: ProjectOutcome) -> None:
        """A project is done; called from any thread."""
        self._outcomes.append(outcome)

    def _prepare(self, request: ReportRequest) -> None:
        try:
            if request.file is not None:
                require_writable(request.file)
            if request.format is not ReportFormat.NDJSON:
                return
            if request.file is None:
                self.events_to_stdout = True
            else:
                self._streams.append(LineFile(request.file))
        except OutputError as error:
            raise OutputError(error.message, hint=_HINT) from error

    def _report(self) -> ReportInput:
        outcomes = tuple(self._outcomes)
        first = outcomes[0].project if outcomes else self._world.cwd
        root = find_root(self._world.environ, first)
        # Without a repository around them, several projects are named from where the command was given.
        if any(not outcome.project.is_relative_to(root) for outcome in outcomes):
            root = self._world.cwd
        return ReportInput(command=self.command, version=__version__, root=root, outcomes=outcomes)

    def _write_files(self, report: ReportInput) -> list[OutputError]:
        problems = []
        for request in self._requests:
            text = render_report(report, request.format)
            if request.file is None:
                self._world.console.stdout.write(text)
            elif request.format is not ReportFormat.NDJSON:
                try:
                    atomic_write(request.file, text.encode("utf-8", "backslashreplace"))
                except OutputError as error:
                    problems.append(OutputError(error.message, hint=_HINT))
        return problems

    def _close_streams(self) -> list[OutputError]:
        problems = []
        for stream in self._streams:
            try:
                stream.close()
            except OutputError as error:
                problems.append(OutputError(error.message, hint=_HINT))
        return problems

    def _annotate(self, report: ReportInput) -> None:
        """Tell GitHub Actions where we run in it: annotations in the log, a page for the run."""
        environ = self._world.environ
        if environ.get("GITHUB_ACTIONS") != "true" or environ.get(_ANNOTATIONS_OFF) == "off":
            return
        asked = any(each.format is ReportFormat.GITHUB and each.file is None for each in self._requests)
        text = "" if asked else render_report(report, ReportFormat.GITHUB)
        if text:
            # Both streams are read there, and stdout is data.
            self._world.console.raw_note(text)
        page = environ.get("GITHUB_STEP_SUMMARY")
        if not page:
            return
        try:
            stream = LineFile(self._world.absolute(page), append=True)
            stream.write(render_report(report, ReportFormat.MARKDOWN))
            stream.close()
        except OutputError as error:
            self._world.console.labelled("warning", Style.YELLOW, f"No job summary: {error.message}")


class Case:
    """One project's build in the reports; a reporter of its events.

    Args:
        reports: Where the outcome goes.
        project: The project's folder.
        root: The repository's.
    """

    def __init__(self, reports: Reports, project: Path, *, root: Path) -> None:
        self._reports = reports
        self._project = project
        self._started = time.monotonic()
        self._log = None if not reports.is_watched else _open_log(reports, project, root)
        self._report: CompileReport | None = None
        self._diagnostics: tuple[Diagnostic, ...] = ()

    def __enter__(self) -> Self:
        if self._log is not None:
            self._log.started(self._reports.command, __version__)
        return self

    def __exit__(self, _type: object, error: BaseException | None, _traceback: object) -> None:
        outcome = self._outcome(_told(error))
        self._reports.add(outcome)
        if self._log is not None:
            self._log.finished(outcome)

    def emit(self, event: Event) -> None:
        """One event of the build."""
        if self._log is not None:
            self._log.emit(event)

    def add_diagnostics(self, diagnostics: tuple[Diagnostic, ...]) -> None:
        """What was found although no error carries it."""
        self._diagnostics = diagnostics

    def built(self, report: CompileReport) -> None:
        """The build succeeded."""
        self._report = report

    def _outcome(self, error: WasmrunError | None) -> ProjectOutcome:
        duration_s = time.monotonic() - self._started
        built = self._report
        said = (
            *self._diagnostics,
            *(built.result.diagnostics if built else ()),
            *(error.diagnostics if error else ()),
        )
        if built is None:
            return ProjectOutcome(project=self._project, duration_s=duration_s, error=error, diagnostics=said)
        return ProjectOutcome(
            project=self._project,
            duration_s=duration_s,
            error=error,
            diagnostics=said,
            warnings=built.warnings,
            artifacts=tuple(
                ReportedArtifact(
                    path=each.path, kind=each.kind, size_bytes=each.size_bytes, sha256=each.sha256
                )
                for each in built.artifacts
            ),
            facts={
                "language": built.language,
                "plugin": f"{built.plugin.name} {built.plugin.info.version}",
                "toolchain": f"{built.toolchain.name} {built.toolchain.version}".strip(),
                "target": built.target,
                "optimization": str(built.optimization),
            },
        )


def _open_log(reports: Reports, project: Path, root: Path) -> EventLog:
    from wasmrun_py.report.event_log import EventLog  # noqa: PLC0415 - only where somebody watches

    return EventLog(reports.write_line, project=project, root=root, clock=time.time)


def _told(error: BaseException | None) -> WasmrunError | None:
    """What ended a build, as one of our own errors."""
    match error:
        case None:
            return None
        case WasmrunError():
            return error
        case CommandFailure():
            return error.error
        case KeyboardInterrupt():
            return InterruptError("Interrupted")
        case _:
            defect = WasmrunError(f"Internal error: {type(error).__name__}: {error}")
            defect.exit_code = _DEFECT_CODE
            return defect
