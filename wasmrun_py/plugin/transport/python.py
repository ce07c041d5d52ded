"""The python transport: a plugin's object in a helper process, run by the plugin's own interpreter."""

from __future__ import annotations

import os
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wasmrun_py.model.errors import TransportError
from wasmrun_py.model.events import SilentReporter
from wasmrun_py.model.manifest import TransportKind
from wasmrun_py.plugin.transport import answers
from wasmrun_py.plugin.transport.base import to_wire
from wasmrun_py.plugin.transport.channel import Helper, HelperCommand, host_arguments

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wasmrun_py.model.build import BuildConfig, BuildResult
    from wasmrun_py.model.events import Reporter
    from wasmrun_py.model.manifest import Match, NoMatch
    from wasmrun_py.model.tool import ToolReport
    from wasmrun_py.plugin.transport.base import Callee

_HOST = Path(__file__).with_name("python_host.py")
_SILENT = SilentReporter()


class PythonTransport:
    """Calls a plugin's Python object.

    Args:
        callee: The plugin. Nothing is started before the first call.
    """

    kind = TransportKind.PYTHON

    def __init__(self, callee: Callee) -> None:
        self._callee = callee
        self._helper: Helper | None = None
        self._reports_tools = False
        # Several builds at once (a workspace) take turns: the helper does one thing at a time.
        self._turn = threading.RLock()

    @property
    def pid(self) -> int | None:
        """The helper's process, or None while there is none."""
        return self._helper.pid if self._helper else None

    def open(self) -> None:
        """Start the helper and load the plugin in it, unless that is done.

        Raises:
            TransportError: There is no interpreter, or the helper could not be started.
            PluginCrashedError: Loading crashed or hung.
            PluginFailedError: Loading raised.
        """
        with self._turn:
            if self._helper is None or self._helper.pid is None:
                self._start()

    def greet(self) -> None:
        """Load the plugin."""
        self.open()

    def _start(self) -> None:
        callee, world = self._callee, self._callee.world
        interpreter, reference = callee.paths.interpreter, callee.paths.python
        if interpreter is None or reference is None or not interpreter.is_file():
            raise TransportError(
                f'Plugin "{callee.name}" has no Python object to call'
                if interpreter is None or reference is None
                else f'The Python of plugin "{callee.name}" is gone: {interpreter}',
                plugin=callee.name,
                phase="start",
                hint=f"Reinstall it: wasmrun plugin update {callee.name} --force",
            )
        helper = Helper(
            HelperCommand(
                plugin=callee.name,
                argv=(str(interpreter), "-I", "-B", "-X", "utf8", *host_arguments(_HOST)),
                cwd=Path(tempfile.gettempdir()),
                env=world.environ,
                log_file=world.home.logs / f"plugin-{callee.name}-{os.getpid()}.log",
                max_memory_bytes=world.max_memory_bytes,
                start_deadline_s=world.deadlines.load_s,
            )
        )
        helper.start()
        own_cache = world.home.own_cache
        params = {
            "reference": reference,
            "paths": [str(path) for path in callee.paths.search_paths],
            "home": str(world.home.root),
            "cache": str(own_cache) if own_cache else None,
            "environ": dict(world.environ),
            # What needs an answer from the user is not left to another process.
            "may_install": world.may_install and world.confirm is None,
        }
        try:
            loaded = helper.call("load", params, phase="load", deadline_s=world.deadlines.load_s)
        except BaseException:
            helper.close(grace_s=0.0)
            raise
        self._reports_tools = isinstance(loaded, dict) and loaded.get("reports_tools") is True
        self._helper = helper

    def load_info(self) -> dict[str, Any]:
        """What the loaded object says of itself: plain data, hostile (``plugin test`` compares it)."""
        info = self._ask("info", {})
        return info if isinstance(info, dict) else {}

    def can_handle_project(self, project_path: Path) -> Match | NoMatch | None:
        """The plugin's own answer."""
        answer = self._ask("can_handle_project", {"project_path": str(project_path)})
        return answers.parse_match(answer, self._asked("can_handle_project"))

    def describe_builder(self) -> answers.BuilderFacts:
        """What its builder says of itself."""
        return answers.parse_facts(self._ask("builder", {}), self._asked("builder"))

    def check_dependencies(self) -> tuple[str, ...]:
        """Names of missing tools."""
        missing = self._ask("check_dependencies", {})
        return answers.parse_texts(missing, self._asked("check_dependencies"), "its answer")

    def validate_project(self, project_path: Path) -> None:
        """Raises what the plugin raises about the project."""
        self._ask("validate_project", {"project_path": str(project_path)})

    def build(self, config: BuildConfig, reporter: Reporter) -> BuildResult:
        """Build in the helper; events reach ``reporter`` while it lasts."""
        from wasmrun_py.model.build import Toolchain  # noqa: PLC0415 - loaded with the config

        deadline_s = self._callee.world.deadlines.build_s
        answer = self._ask("build", {"config": to_wire(config)}, reporter=reporter, deadline_s=deadline_s)
        info = self._callee.manifest.info
        default = Toolchain(name=self._callee.name, version=info.version)
        return answers.parse_result(answer, self._asked("build"), default=default)

    def clean(self, project_path: Path) -> tuple[Path, ...]:
        """Files outside the output folder that it made for the project."""
        made = self._ask("clean", {"project_path": str(project_path)})
        return answers.parse_paths(made, self._asked("clean"), "its answer")

    def report_tools(self) -> tuple[ToolReport, ...] | None:
        """The state of its tools, or None when it does not report them."""
        self.open()
        if not self._reports_tools:
            return None
        reports = self._ask("report_tools", {})
        return answers.parse_tool_reports(reports, self._asked("report_tools"))

    def close(self) -> None:
        """End the helper."""
        if self._helper is not None:
            self._helper.close()
            self._helper = None

    def _ask(
        self,
        method: str,
        params: Mapping[str, Any],
        *,
        reporter: Reporter = _SILENT,
        deadline_s: float | None = None,
    ) -> Any:
        limit_s = self._callee.world.deadlines.ask_s if deadline_s is None else deadline_s
        with self._turn:
            self.open()
            assert self._helper is not None  # noqa: S101 - ``open`` has seen to it
            return self._helper.call(method, params, phase=method, deadline_s=limit_s, reporter=reporter)

    def _asked(self, phase: str) -> answers.Asked:
        return answers.Asked(plugin=self._callee.name, phase=phase)
