"""One run of asc: its command line out, its diagnostics back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wasmrun_py.diagnostics.asc import parse_diagnostics
from wasmrun_py.model.diagnostic import Severity
from wasmrun_py.model.errors import BuildError, ToolCrashedError
from wasmrun_py.model.events import StepFinished, StepStarted, ToolOutput, ToolStarted
from wasmrun_py.system.process import ToolCall, ToolResult, describe_exit, run_tool

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from wasmrun_py.model.diagnostic import Diagnostic
    from wasmrun_py.model.events import Reporter


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """An asc and where to run it.

    Attributes:
        argv: How it is started.
        title: Name and version, for sentences.
        root: The folder it runs in: the paths it names are relative to it, and so to the project.
        project: The project's name, for sentences.
        environ: Its environment.
        log_file: Where output too long for memory goes.
    """

    argv: tuple[str, ...]
    title: str
    root: Path
    project: str
    environ: Mapping[str, str]
    log_file: Path

    def run(self, arguments: tuple[str, ...], reporter: Reporter) -> tuple[Diagnostic, ...]:
        """Run asc to its end; what it said although it succeeded.

        Raises:
            MissingToolError, NotAFolderError: node or the folder went away.
            ToolCrashedError: A signal ended it.
            BuildError: It refused the code; with everything it said.
        """
        argv = (*self.argv, *arguments)
        label = f"Compiling {self.project} with {self.title}"
        call = ToolCall(argv=argv, cwd=self.root, env=self.environ, log_file=self.log_file)
        reporter.emit(ToolStarted(argv=argv))
        reporter.emit(StepStarted(label=label))
        try:
            result = run_tool(call, on_line=lambda line: reporter.emit(ToolOutput(line=line)))
        finally:
            reporter.emit(StepFinished(label=label))
        diagnostics = parse_diagnostics(result.output)
        if result.returncode != 0:
            raise self._failure(result, diagnostics)
        return diagnostics

    def _failure(self, result: ToolResult, diagnostics: tuple[Diagnostic, ...]) -> BuildError:
        if result.returncode < 0:
            return ToolCrashedError(
                f"{self.title} was ended by {describe_exit(result.returncode)}",
                hint="Run it again with -v to see the command; more memory may help.",
                diagnostics=diagnostics,
                output=result.output,
                log_file=result.log_file,
            )
        errors = sum(each.severity is Severity.ERROR for each in diagnostics)
        count = f": {errors} error{'s' if errors != 1 else ''}" if errors else ""
        ended = "" if errors else f" ({describe_exit(result.returncode)})"
        return BuildError(
            f"asc could not compile {self.project}{count}{ended}",
            hint=_hint_for(diagnostics),
            diagnostics=diagnostics,
            output=result.output,
            log_file=result.log_file,
        )


def _hint_for(diagnostics: tuple[Diagnostic, ...]) -> str:
    """The next thing to do where the cause is not in the code."""
    said = " ".join(each.message for each in diagnostics)
    if "TS6054" in said and "node_modules" in said:
        return "A dependency is not installed: run the project's package manager (`npm ci`) and build again."
    return ""
