"""One build in progress: runs the toolchain's commands, keeps what they say, raises what they mean."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from plugins_builtin.c.steady import copy_of, format_dates
from plugins_builtin.c.wrappers import write_wrappers
from wasmrun_py.diagnostics.compilers import PathMap, parse_diagnostics
from wasmrun_py.model.diagnostic import Severity
from wasmrun_py.model.errors import BuildError, ToolCrashedError
from wasmrun_py.model.events import StepFinished, StepStarted, ToolOutput, ToolStarted
from wasmrun_py.system.fs import atomic_write, translate_write_errors
from wasmrun_py.system.process import ToolCall, ToolResult, describe_exit, run_tool

if TYPE_CHECKING:
    from pathlib import Path

    from plugins_builtin.c.compilers.base import Compiler
    from wasmrun_py.model.build import BuildConfig
    from wasmrun_py.model.diagnostic import Diagnostic
    from wasmrun_py.model.events import Reporter
    from wasmrun_py.plugin.api import PluginContext

# Well below Windows' 32 767 characters and Linux' 128 KiB for one argument.
_LONGEST_COMMAND = 24_000
# A make that started wasmrun must not hand its job server and flags to the make that we start.
_DROPPED_VARIABLES = frozenset({"MAKEFLAGS", "MFLAGS", "MAKELEVEL", "CLICOLOR_FORCE"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A build's surroundings.

    Attributes:
        config: What was asked for.
        context: The host's environment and folders.
        compiler: What compiles.
        reporter: Receives commands and their lines.
        paths: How the tools' paths become the project's.
        environment: The environment of every tool; a build system's tools are put on its PATH.
        compile_flags: Flags for every invocation of the compiler.
    """

    config: BuildConfig
    context: PluginContext
    compiler: Compiler
    reporter: Reporter
    paths: PathMap
    environment: dict[str, str] = field(init=False)
    compile_flags: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        temporary = self.config.work_dir / "tmp"
        with translate_write_errors(f"create {temporary}"):
            temporary.mkdir(parents=True, exist_ok=True)
        own = {name: value for name, value in self.context.environ.items() if name not in _DROPPED_VARIABLES}
        own.update(self.compiler.environment)
        # One language and no colours, so that messages can be parsed; temporary files end with the build.
        own.update({"LC_ALL": "C.UTF-8", "NO_COLOR": "1"})
        own.update(dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(temporary)))
        object.__setattr__(self, "environment", own)
        object.__setattr__(self, "compile_flags", self._compile_flags())

    def _compile_flags(self) -> tuple[str, ...]:
        """The compiler's flags for every invocation, with the folder of its stand-ins."""
        flags = (*self.compiler.compile_flags(self.config), *self._steady_flags())
        stand_ins = self.compiler.stand_ins(self.config)
        if not stand_ins:
            return flags
        folder = self.config.work_dir / "stand-ins"
        write_wrappers(folder, stand_ins)
        return (*flags, f"-B{folder}")

    def _steady_flags(self) -> tuple[str, ...]:
        """The same module wherever and whenever it is built: no path of this machine, no date of today.

        ``SOURCE_DATE_EPOCH`` (reproducible-builds.org) is read by newer compilers only.
        """
        work = self.config.work_dir
        folders = {
            self.config.project_path: ".",
            copy_of(self.config.project_path, work): ".",
            work / "build": "build",
            work / "tmp": "tmp",
        }
        flags = tuple(f"-ffile-prefix-map={folder}={name}" for folder, name in folders.items())
        dates = format_dates(self.context.environ.get("SOURCE_DATE_EPOCH"))
        if dates is None:
            return flags
        header = work / "dates.h"
        atomic_write(header, dates.encode())
        return (*flags, "-Wno-builtin-macro-redefined", "-imacros", str(header))

    @property
    def title(self) -> str:
        """Compiler and version, for sentences."""
        return f"{self.compiler.name} {self.compiler.version}"

    def step(self, label: str) -> _Step:
        """Announce a step for the length of a block."""
        return _Step(label, self.reporter)

    def run(self, argv: tuple[str, ...], *, tool: str, cwd: Path | None = None) -> ToolOutcome:
        """Run one command to its end; failure of the tool is in the outcome.

        Args:
            argv: The command. A long one goes through a response file.
            tool: Whose messages these are.
            cwd: The folder to run in; the project by default.

        Raises:
            MissingToolError, NotAFolderError: The program or the folder is not there.
            ToolCrashedError: It could not be started, or a signal ended it.
        """
        call = ToolCall(
            argv=self._shortened(argv),
            cwd=cwd or self.paths.cwd,
            env=self.environment,
            log_file=self._log_file(),
        )
        self.reporter.emit(ToolStarted(argv=argv))
        result = run_tool(call, on_line=lambda line: self.reporter.emit(ToolOutput(line=line)))
        speaker = tool if tool == "cmake" else self.compiler.name
        diagnostics = parse_diagnostics(result.output, speaker, self.paths)
        if result.returncode < 0:
            raise ToolCrashedError(
                f"{tool} was ended by {describe_exit(result.returncode)}",
                hint="Run it again with -v to see the command; a smaller input or more memory may help.",
                diagnostics=diagnostics,
                output=result.output,
                log_file=result.log_file,
            )
        return ToolOutcome(tool=tool, result=result, diagnostics=diagnostics)

    def check(self, outcome: ToolOutcome, doing: str) -> tuple[Diagnostic, ...]:
        """The diagnostics of a tool that succeeded.

        Raises:
            BuildError: It did not; with everything it said.
        """
        if outcome.result.returncode == 0:
            return outcome.diagnostics
        errors = sum(each.severity is Severity.ERROR for each in outcome.diagnostics)
        count = f": {errors} error{'s' if errors != 1 else ''}" if errors else ""
        ended = "" if errors else f" ({describe_exit(outcome.result.returncode)})"
        raise BuildError(
            f"{outcome.tool} could not {doing} {self.config.project_path.name}{count}{ended}",
            hint=_hint_for(outcome),
            diagnostics=outcome.diagnostics,
            output=outcome.result.output,
            log_file=outcome.result.log_file,
        )

    def _log_file(self) -> Path:
        return self.context.home.logs / f"c-{self.config.work_dir.name}.log"

    def _shortened(self, argv: tuple[str, ...]) -> tuple[str, ...]:
        """The command as it is, or through a response file when it is too long for the system.

        clang, emcc and zig read GNU response files: one quoted argument a line.
        """
        fixed = len(self.compiler.c_argv)
        if sum(len(arg) + 1 for arg in argv) <= _LONGEST_COMMAND or argv[:fixed] != self.compiler.c_argv:
            return argv
        escaped = (arg.replace("\\", "\\\\").replace('"', '\\"') for arg in argv[fixed:])
        text = "".join(f'"{arg}"\n' for arg in escaped)
        response = self.config.work_dir / "arguments.rsp"
        atomic_write(response, os.fsencode(text))
        return (*argv[:fixed], f"@{response}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolOutcome:
    """A finished command with its diagnostics.

    Attributes:
        tool: Whose it was.
        result: How it ended and all it wrote.
        diagnostics: What could be read from that.
    """

    tool: str
    result: ToolResult
    diagnostics: tuple[Diagnostic, ...]


class _Step:
    """Emits the beginning and the end of a step, whatever happens in between."""

    def __init__(self, label: str, reporter: Reporter) -> None:
        self._label = label
        self._reporter = reporter

    def __enter__(self) -> None:
        self._reporter.emit(StepStarted(label=self._label))

    def __exit__(self, *_: object) -> None:
        self._reporter.emit(StepFinished(label=self._label))


def _hint_for(outcome: ToolOutcome) -> str:
    """The next thing to do, for the failures whose cause lies in WebAssembly and not in the code."""
    said = " ".join(each.message for each in outcome.diagnostics)
    if "with exceptions disabled" in said or "__cxa_throw" in said:
        return (
            "C++ exceptions do not link for WASI with clang or zig. Build with --toolchain emcc (a throw "
            "then ends the program), or without try and throw."
        )
    if "duplicate symbol: main" in said:
        return 'Several files define main: name the one to build, entry = "FILE" in wasmrun.toml.'
    if "undefined symbol" in said:
        return "Define the symbol, add the file that defines it to . or src/, or link a library after `--`."
    if "file not found" in said:
        return "Headers are looked for in the project and its folders of headers; add one with `-- -IFOLDER`."
    return ""
