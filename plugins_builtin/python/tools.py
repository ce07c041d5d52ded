"""Run a toolchain's command for a build: announced, logged, its ends told apart."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wasmrun_py.model.errors import ToolCrashedError
from wasmrun_py.model.events import StepFinished, StepStarted, ToolOutput, ToolStarted
from wasmrun_py.system.process import ToolCall, ToolResult, describe_exit, run_tool

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from wasmrun_py.model.build import BuildConfig
    from wasmrun_py.model.events import Reporter
    from wasmrun_py.plugin.api import PluginContext


# The user's own Python set-up: toolchains written in Python would read it as theirs.
_DROPPED_VARIABLES = frozenset(
    {"PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "VIRTUAL_ENV", "CFLAGS", "CPPFLAGS"}
)
# The order of sets, and with it of what is generated, is the same in every build.
_STEADY = {"PYTHONHASHSEED": "0"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A build's surroundings.

    Attributes:
        config: What was asked for.
        context: The host's environment and folders.
        reporter: Receives commands and their lines.
    """

    config: BuildConfig
    context: PluginContext
    reporter: Reporter

    def run(
        self, argv: tuple[str, ...], *, tool: str, cwd: Path, extra_env: Mapping[str, str] | None = None
    ) -> ToolResult:
        """Run one command to its end; an exit code other than 0 is the caller's to judge.

        Raises:
            MissingToolError: The program is not there.
            ToolCrashedError: It could not be started, or a signal ended it.
        """
        # One language and no colours, so that messages can be read by machines.
        own = {name: value for name, value in self.context.environ.items() if name not in _DROPPED_VARIABLES}
        env = {**own, "LC_ALL": "C.UTF-8", "NO_COLOR": "1", **_STEADY, **(extra_env or {})}
        log_file = self.context.home.logs / f"python-{self.config.work_dir.name}.log"
        self.reporter.emit(ToolStarted(argv=argv))
        result = run_tool(
            ToolCall(argv=argv, cwd=cwd, env=env, log_file=log_file),
            on_line=lambda line: self.reporter.emit(ToolOutput(line=line)),
        )
        if result.returncode < 0:
            raise ToolCrashedError(
                f"{tool} was ended by {describe_exit(result.returncode)}",
                hint="Run it again with -v to see the command; more memory may help.",
                output=result.output,
                log_file=result.log_file,
            )
        return result

    @contextmanager
    def step(self, label: str) -> Iterator[None]:
        """Announce a step for the length of a block."""
        self.reporter.emit(StepStarted(label=label))
        try:
            yield
        finally:
            self.reporter.emit(StepFinished(label=label))
