"""The command transport: a plugin's program, started once for each question and each build.

Its conventions are those of the plugins that exist (DESIGN §6): ``compile -p PROJECT -o OUT …``, and where
its ``--help`` lists them ``can-handle PROJECT`` and ``check-deps``. The program is given a copy of the
project (``staged_project``): what it leaves there is gone with the build.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from wasmrun_py.model.build import BuildResult, Toolchain
from wasmrun_py.model.errors import (
    LimitError,
    MissingToolError,
    NotAFolderError,
    PluginCrashedError,
    ToolCrashedError,
    TransportError,
)
from wasmrun_py.model.events import Level, Message, StepFinished, StepStarted, ToolOutput, ToolStarted
from wasmrun_py.model.manifest import NoMatch, TransportKind
from wasmrun_py.plugin.transport.command_help import CommandHelp, compile_arguments
from wasmrun_py.plugin.transport.command_output import (
    find_made_files,
    parse_missing_tools,
    parse_reason,
)
from wasmrun_py.plugin.transport.matching import is_shared
from wasmrun_py.plugin.transport.reported import Reported, reported_failure
from wasmrun_py.plugin.transport.staged_project import stage_project
from wasmrun_py.plugin.transport.steady import steady_variables
from wasmrun_py.plugin.transport.tool_path import ToolRequest, can_provide, prepare_environ
from wasmrun_py.system.process import ToolCall, describe_exit, run_tool
from wasmrun_py.toolchain.find import find_tool

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wasmrun_py.model.build import BuildConfig
    from wasmrun_py.model.events import Reporter
    from wasmrun_py.model.manifest import Match
    from wasmrun_py.plugin.transport.base import Callee
    from wasmrun_py.system.process import ToolResult

_CAN_HANDLE = "can-handle"
_CHECK_DEPS = "check-deps"


class CommandTransport:
    """Calls a plugin's program.

    Args:
        callee: The plugin. Nothing is started before the first call.
    """

    kind = TransportKind.COMMAND

    def __init__(self, callee: Callee) -> None:
        self._callee = callee
        self._known: CommandHelp | None = None

    def open(self) -> None:
        """Look for the program; it is started by each call.

        Raises:
            TransportError: It is not there, or may not be executed.
        """
        callee, program = self._callee, self._callee.paths.command
        if program is not None and program.is_file() and os.access(program, os.X_OK):
            return
        if program is None:
            problem = "has no program to run"
        elif program.is_file():
            problem = f"has a program that may not be executed: {program}"
        else:
            problem = f"has lost its program: {program} is not there"
        raise TransportError(
            f'Plugin "{callee.name}" {problem}',
            plugin=callee.name,
            phase="start",
            hint=f"Reinstall it: wasmrun plugin update {callee.name} --force" if program else "",
        )

    def greet(self) -> None:
        """Run it once, for its help.

        Raises:
            TransportError, PluginCrashedError: It cannot be started, or does not end well.
        """
        self._run(("--help",), phase="help")

    def can_handle_project(self, project_path: Path) -> Match | NoMatch | None:
        """Its own ``can-handle`` where the manifest matched by something that others have too.

        None leaves the answer to the manifest.
        """
        info = self._callee.manifest.info
        own = [name for name in info.entry_files if not is_shared(name)]
        if any((project_path / name).is_file() for name in own):
            return None
        if not self._load_help().has_command(_CAN_HANDLE):
            return None
        said = self._run((_CAN_HANDLE, str(project_path)), phase="can_handle_project")
        if said.returncode == 0:
            return None
        reason = parse_reason(said.output)
        return NoMatch(reason="its program refuses it" + (f": {reason}" if reason else ""))

    def describe_builder(self) -> None:
        """Only the manifest says it."""

    def check_dependencies(self) -> tuple[str, ...]:
        """What its ``check-deps`` misses; without one, the manifest's tools that are not on PATH.

        What wasmrun has, or would install for a build, is not missing.
        """
        missing = self._ask_for_missing()
        return tuple(name for name in missing if not can_provide(name, self._callee.world))

    def validate_project(self, project_path: Path) -> None:
        """It has no such question."""

    def build(self, config: BuildConfig, reporter: Reporter) -> BuildResult:
        """Let it build a copy of the project into ``config.output_dir``.

        Raises:
            MissingToolError: It says so itself, or a toolchain that it needs may not be installed.
            BuildError: It failed; with its own words.
            PluginCrashedError: A signal ended it, or it did not end.
        """
        known = self._load_help()
        staged = stage_project(config.project_path, config.work_dir / "project")
        request = ToolRequest(
            required=self._callee.manifest.tools,
            project=config.project_path,
            folder=config.work_dir / "tools",
        )
        environ = prepare_environ(request, self._callee.world, reporter)
        environ = {**environ, **steady_variables(environ, staged.copy)}
        arguments = compile_arguments(config, staged, known, plugin=self._callee.name)
        for warning in arguments.warnings:
            reporter.emit(Message(level=Level.WARNING, text=warning))
        label = f"Building {config.project_path.name} with {self._callee.name}"
        reporter.emit(StepStarted(label=label))
        try:
            said = self._run(
                arguments.words,
                phase="build",
                deadline_s=self._callee.world.deadlines.build_s,
                cwd=staged.copy,
                environ=environ,
                reporter=reporter,
            )
        finally:
            reporter.emit(StepFinished(label=label))
        if said.returncode != 0:
            raise reported_failure(
                Reported(
                    output=said.output,
                    otherwise=describe_exit(said.returncode),
                    log_file=said.log_file,
                    environ=environ,
                ),
                staged,
                self._callee,
            )
        made = find_made_files(said.output, config.output_dir, plugin=self._callee.name)
        info = self._callee.manifest.info
        return BuildResult(
            wasm_path=made.wasm_path,
            js_path=made.js_path,
            additional_files=made.others,
            is_wasm_bindgen=made.is_wasm_bindgen,
            toolchain=Toolchain(name=self._callee.name, version=info.version),
            warnings=arguments.warnings,
        )

    def clean(self, project_path: Path) -> tuple[Path, ...]:
        """Nothing: it never sees the project itself, only copies."""
        del project_path
        return ()

    def report_tools(self) -> None:
        """It does not say; the manifest names its tools."""

    def close(self) -> None:
        """Nothing runs between two calls."""

    def _load_help(self) -> CommandHelp:
        """What the program lists; asked once."""
        if self._known is None:
            general = self._run(("--help",), phase="help")
            own = self._run(("compile", "--help"), phase="help")
            describes = own.returncode == 0 and own.output.strip()
            self._known = CommandHelp(
                compile=own.output if describes else general.output, general=general.output
            )
        return self._known

    def _run(  # noqa: PLR0913 - what a child is started with, each named
        self,
        words: tuple[str, ...],
        *,
        phase: str,
        deadline_s: float | None = None,
        cwd: Path | None = None,
        environ: Mapping[str, str] | None = None,
        reporter: Reporter | None = None,
    ) -> ToolResult:
        """Run the program to its end.

        Raises:
            TransportError: It could not be started.
            PluginCrashedError: A signal ended it, or it did not end in time.
        """
        self.open()
        name, world = self._callee.name, self._callee.world
        call = ToolCall(
            argv=(str(self._callee.paths.command), *words),
            cwd=cwd or Path(tempfile.gettempdir()),
            env=world.environ if environ is None else environ,
            timeout_s=world.deadlines.ask_s if deadline_s is None else deadline_s,
            log_file=world.home.logs / f"plugin-{name}-{os.getpid()}.log",
        )
        if reporter is not None:
            reporter.emit(ToolStarted(argv=call.argv))
        listener = None if reporter is None else (lambda line: reporter.emit(ToolOutput(line=line)))
        try:
            result = run_tool(call, on_line=listener)
        except LimitError as error:
            raise self._crash(phase, f"it did not end within {call.timeout_s:g} s and was ended") from error
        except (MissingToolError, ToolCrashedError, NotAFolderError) as error:
            raise TransportError(
                f'The program of plugin "{name}" could not be started: {error.message}',
                plugin=name,
                phase="start",
                hint=error.hint or f"Reinstall it: wasmrun plugin update {name} --force",
            ) from error
        if result.returncode < 0:
            cause = f"its program was ended by {describe_exit(result.returncode)}"
            raise self._crash(phase, cause, log_file=result.log_file)
        return result

    def _crash(self, phase: str, cause: str, *, log_file: Path | None = None) -> PluginCrashedError:
        return PluginCrashedError(
            f'Plugin "{self._callee.name}" crashed in {phase}: {cause}',
            plugin=self._callee.name,
            phase=phase,
            hint=f"What it wrote is in {log_file}." if log_file else "Run it with -v to see what it writes.",
            log_file=log_file,
        )

    def _ask_for_missing(self) -> tuple[str, ...]:
        manifest = self._callee.manifest
        if not self._load_help().has_command(_CHECK_DEPS):
            return self._not_on_path(self._callee.world.environ)
        said = self._run((_CHECK_DEPS,), phase="check_dependencies")
        if said.returncode == 0:
            return ()
        declared = (*manifest.tools, *manifest.optional_tools)
        named = parse_missing_tools(said.output)
        known = tuple(name for name in named if name in declared)
        return known or named or self._not_on_path(self._callee.world.environ) or (_CHECK_DEPS,)

    def _not_on_path(self, environ: Mapping[str, str]) -> tuple[str, ...]:
        tools = self._callee.manifest.tools
        return tuple(tool for tool in tools if find_tool(tool, environ) is None)
