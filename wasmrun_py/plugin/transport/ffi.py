"""The FFI transport: a plugin's shared library in a helper process; nothing is ever opened in this one.

``plugin.ffi.ffi_host`` is the other side. A library that cannot be used (no such file, wrong architecture,
another ABI) is *unavailable*; one that crashes, hangs or answers nonsense has *crashed*; what it says of a
project is final (DESIGN §6, "Fallback rule"). A library older than ABI 1 works on a copy of the project, as
a program of the command transport does, for the same reason: it writes where it likes.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wasmrun_py.model.errors import MissingToolError, TransportError
from wasmrun_py.model.events import SilentReporter, StepFinished, StepStarted
from wasmrun_py.model.manifest import TransportKind
from wasmrun_py.plugin.ffi.statuses import Status
from wasmrun_py.plugin.transport import answers
from wasmrun_py.plugin.transport.base import to_wire
from wasmrun_py.plugin.transport.channel import Helper, HelperCommand
from wasmrun_py.plugin.transport.reported import Reported, missing_tools, reported_failure
from wasmrun_py.plugin.transport.staged_project import StagedProject, stage_project
from wasmrun_py.plugin.transport.tool_path import ToolRequest, can_provide, prepare_environ
from wasmrun_py.system.fs import make_folder
from wasmrun_py.toolchain.find import find_tool

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wasmrun_py.model.build import BuildConfig, BuildResult, Toolchain
    from wasmrun_py.model.events import Reporter
    from wasmrun_py.model.manifest import Match, NoMatch, PluginManifest
    from wasmrun_py.plugin.transport.base import Callee

_HOST = Path(__file__).parent.parent / "ffi" / "ffi_host.py"
_CLOSE_DEADLINE_S = 1.0
_END_GRACE_S = 0.5
_SAID_CAP = 1000
_STATUSES = frozenset(Status)
_SILENT = SilentReporter()
# Device, inode, size, time of the last change: another library under the same name differs in one.
_Stamp = tuple[int, int, int, int]


class FfiTransport:
    """Calls a plugin's shared library.

    Args:
        callee: The plugin. Nothing is started before the first call.
    """

    kind = TransportKind.FFI

    def __init__(self, callee: Callee) -> None:
        self._callee = callee
        self._helper: Helper | None = None
        self._stamp: _Stamp | None = None
        self._legacy = False

    @property
    def pid(self) -> int | None:
        """The helper's process, or None while there is none."""
        return self._helper.pid if self._helper else None

    @property
    def is_legacy(self) -> bool:
        """The loaded library is older than ABI 1."""
        return self._legacy

    @property
    def manifest(self) -> PluginManifest:
        """What the plugin's package says of it."""
        return self._callee.manifest

    def open(self) -> None:
        """Start the helper and load the library in it, unless that is done and it is still the same file.

        Raises:
            TransportError: There is no library, it cannot be used, or the helper could not be started.
            PluginCrashedError: Loading it crashed or hung.
        """
        stamp = self._load_stamp()
        if self.pid is not None:
            if stamp == self._stamp:
                return
            self.close()
        self._start()
        self._stamp = stamp
        self._legacy = self._load(create=True).get("legacy") is True

    def load_manifest_text(self) -> str:
        """The manifest in the library's own table, as TOML text: hostile. Its state is not made.

        Raises:
            TransportError, PluginCrashedError: As ``open``.
        """
        self._load_stamp()
        self._start()
        try:
            text = self._load(create=False).get("manifest")
        finally:
            self.end()
        return text if isinstance(text, str) else ""

    def greet(self) -> None:
        """Load the library."""
        self.open()

    def can_handle_project(self, project_path: Path) -> Match | NoMatch | None:
        """The plugin's own answer."""
        answer = self._ask("can_handle_project", {"project_path": str(project_path)})
        return answers.parse_match(answer, self._asked("can_handle_project"))

    def describe_builder(self) -> None:
        """Only the manifest says it."""

    def check_dependencies(self) -> tuple[str, ...]:
        """Names of missing tools; where the library does not say, the manifest's that are not on PATH."""
        said = self._ask("check_dependencies", {})
        if isinstance(said, dict) and "status" in said:
            try:
                nowhere = StagedProject(original=Path("its dependencies"), copy=Path("its dependencies"))
                self._raise_failure(said, "check_dependencies", nowhere, self._callee.world.environ)
            except MissingToolError as error:
                return error.tools
            return ()
        if isinstance(said, dict) and said.get("satisfied") is True:
            return ()
        world = self._callee.world
        absent = [tool for tool in self._callee.manifest.tools if find_tool(tool, world.environ) is None]
        if not absent and isinstance(said, dict) and said.get("satisfied") is False:
            return ("tools that it does not name",)
        return tuple(tool for tool in absent if not can_provide(tool, world))

    def validate_project(self, project_path: Path) -> None:
        """Raises what the plugin finds wrong with the project."""
        said = self._ask("validate_project", {"project_path": str(project_path)})
        if isinstance(said, dict):
            staged = StagedProject(original=project_path, copy=project_path)
            self._raise_failure(said, "validate_project", staged, self._callee.world.environ)

    def build(self, config: BuildConfig, reporter: Reporter) -> BuildResult:
        """Build; log, progress and stderr reach ``reporter`` while it lasts.

        Raises:
            MissingToolError, BuildError: What the plugin reported.
            PluginFailedError: It reported a fault of its own.
        """
        self.open()
        world, project = self._callee.world, config.project_path
        tools = ToolRequest(
            required=self._callee.manifest.tools, project=project, folder=config.work_dir / "tools"
        )
        environ = prepare_environ(tools, world, reporter)
        wire, staged = self._to_wire(config)
        # A library that reports progress names its own steps; an older one cannot.
        label = f"Building {project.name} with {self._callee.name}"
        params = {
            "config": wire,
            "environ": {key: text for key, text in environ.items() if world.environ.get(key) != text},
            "cwd": str(staged.copy) if self._legacy else None,
            "deadline_s": world.deadlines.build_s,
        }
        if self._legacy:
            reporter.emit(StepStarted(label=label))
        try:
            said = self._ask("build", params, reporter=reporter, deadline_s=world.deadlines.build_s)
        finally:
            if self._legacy:
                reporter.emit(StepFinished(label=label))
        if not isinstance(said, dict):
            raise self._asked("build").wrong("it answered nothing")
        self._raise_failure(said, "build", staged, environ)
        if not self._legacy:
            return answers.parse_result(said, self._asked("build"), default=self._toolchain())
        # What it leaks goes with its process.
        self.end()
        return self._find_made(said, config)

    def clean(self, project_path: Path) -> tuple[Path, ...]:
        """Files outside the output folder that it made for the project."""
        made = self._ask("clean", {"project_path": str(project_path)})
        return answers.parse_paths(made, self._asked("clean"), "its answer")

    def report_tools(self) -> None:
        """It does not say; the manifest names its tools."""

    def exercise(self, what: str, params: Mapping[str, Any]) -> dict[str, Any]:
        """Let the helper exercise the library (``plugin.ffi.exercise``); what it saw.

        Raises:
            TransportError, PluginCrashedError: As ``open``.
        """
        said = self._ask("exercise", {"what": what, **params})
        return said if isinstance(said, dict) else {}

    def close(self) -> None:
        """Let the plugin give its state up, and end the helper.

        Raises:
            PluginCrashedError: It crashed or hung while it did; the helper is ended all the same.
        """
        try:
            if self.pid is not None:
                self._call("close", {}, deadline_s=_CLOSE_DEADLINE_S)
        finally:
            self.end()

    def end(self) -> None:
        """End the helper without asking; harmless when there is none."""
        if self._helper is not None:
            self._helper.close(grace_s=_END_GRACE_S)
            self._helper = None

    def _start(self) -> None:
        callee, world = self._callee, self._callee.world
        helper = Helper(
            HelperCommand(
                plugin=callee.name,
                argv=(sys.executable, "-I", "-B", "-S", "-X", "utf8", str(_HOST)),
                cwd=Path(tempfile.gettempdir()),
                env=world.environ,
                log_file=world.home.logs / f"plugin-{callee.name}-{os.getpid()}.log",
                max_memory_bytes=world.max_memory_bytes,
                start_deadline_s=world.deadlines.load_s,
            )
        )
        helper.start()
        self._helper = helper

    def _load(self, *, create: bool) -> dict[str, Any]:
        """Let the helper open the library."""
        params = {
            "library": str(self._callee.paths.library),
            "create": create,
            "max_data_bytes": find_memory_limit(),
        }
        try:
            loaded = self._call("load", params, deadline_s=self._callee.world.deadlines.load_s)
        except BaseException:
            self.end()
            raise
        return loaded if isinstance(loaded, dict) else {}

    def _ask(
        self,
        method: str,
        params: Mapping[str, Any],
        *,
        reporter: Reporter = _SILENT,
        deadline_s: float | None = None,
    ) -> Any:
        self._require_text(params)
        self.open()
        limit_s = self._callee.world.deadlines.ask_s if deadline_s is None else deadline_s
        return self._call(method, params, reporter=reporter, deadline_s=limit_s)

    def _call(
        self, method: str, params: Mapping[str, Any], *, deadline_s: float, reporter: Reporter = _SILENT
    ) -> Any:
        """One call; a refusal and nonsense become errors of ours."""
        helper = self._helper
        assert helper is not None  # noqa: S101 - ``open`` has seen to it
        said = helper.call(method, params, phase=method, deadline_s=deadline_s, reporter=reporter)
        if isinstance(said, dict) and "answer" in said:
            return said["answer"]
        refused = said.get("refused") if isinstance(said, dict) else None
        if isinstance(refused, str):
            self.end()
            raise self._unavailable(
                f"failed in {method}: its library cannot be used: {refused[:_SAID_CAP]}", method
            )
        wrong = said.get("wrong") if isinstance(said, dict) else None
        cause = wrong[:_SAID_CAP] if isinstance(wrong, str) else "it answered something that is not an answer"
        raise helper.crash(method, cause)

    def _load_stamp(self) -> _Stamp:
        """What tells this library from another one of its name.

        Raises:
            TransportError: There is none.
        """
        library = self._callee.paths.library
        if library is None:
            raise self._unavailable("has no shared library", "start")
        try:
            found = library.stat()
        except OSError as error:
            raise self._unavailable(
                f"has lost its shared library: {library} ({error.strerror or error})", "start"
            ) from error
        return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns

    def _to_wire(self, config: BuildConfig) -> tuple[dict[str, Any], StagedProject]:
        """The configuration for the helper, and what the plugin works on."""
        wire, project = to_wire(config), config.project_path
        if not self._legacy:
            own = config.work_dir / "own"
            make_folder(own)
            wire["work_dir"] = str(own)
            return wire, StagedProject(original=project, copy=project)
        staged = stage_project(project, config.work_dir / "project")
        wire["project_path"] = str(staged.copy)
        if config.entry is not None and config.entry.is_relative_to(project):
            wire["entry"] = str(staged.copy / config.entry.relative_to(project))
        return wire, staged

    def _require_text(self, params: Mapping[str, Any]) -> None:
        """Refuse what C cannot be given.

        Raises:
            TransportError: A path or word is not UTF-8, or holds a zero.
        """
        config = params.get("config", {})
        words = [*params.values(), *config.values(), *config.get("custom_args", ())]
        for word in words:
            if isinstance(word, str) and ("\0" in word or not _is_utf8(word)):
                shown = word.encode("utf-8", "backslashreplace").decode()[:200]
                raise self._unavailable(
                    f"cannot be given {shown!r} through a shared library: no UTF-8", "start"
                )

    def _raise_failure(
        self, said: dict[str, Any], phase: str, staged: StagedProject, environ: Mapping[str, str]
    ) -> None:
        """Raise what a result reports, unless it reports success."""
        status, message = said.get("status"), said.get("message")
        if status not in _STATUSES or not isinstance(message, str):
            raise self._asked(phase).wrong("it answered something that is not a result")
        if status == Status.OK:
            return
        if status == Status.MISSING_TOOL:
            named = tuple(line.strip() for line in message.splitlines() if line.strip())
            raise missing_tools(self._callee, named or self._callee.manifest.tools or ("a tool",))
        if status == Status.INTERNAL:
            raise self._asked(phase).wrong(message or "it says that it is at fault")
        otherwise = "it does not say why"
        raise reported_failure(
            Reported(output=message, otherwise=otherwise, environ=environ), staged, self._callee
        )

    def _find_made(self, said: dict[str, Any], config: BuildConfig) -> BuildResult:
        """The artifacts of a library that is older than ABI 1, from the one path that it names."""
        from wasmrun_py.model.build import BuildResult  # noqa: PLC0415 - loaded with the config
        from wasmrun_py.plugin.transport.command_output import find_made_files  # noqa: PLC0415 - few are

        named = f"WASM file: {said.get('wasm_path')}"
        made = find_made_files(named, config.output_dir, plugin=self._callee.name)
        return BuildResult(
            wasm_path=made.wasm_path,
            js_path=made.js_path,
            additional_files=made.others,
            is_wasm_bindgen=made.is_wasm_bindgen,
            toolchain=self._toolchain(),
        )

    def _toolchain(self) -> Toolchain:
        from wasmrun_py.model.build import Toolchain  # noqa: PLC0415 - loaded with the config

        return Toolchain(name=self._callee.name, version=self._callee.manifest.info.version)

    def _asked(self, phase: str) -> answers.Asked:
        return answers.Asked(plugin=self._callee.name, phase=phase)

    def _unavailable(self, problem: str, phase: str) -> TransportError:
        name = self._callee.name
        return TransportError(
            f'Plugin "{name}" {problem}',
            plugin=name,
            phase=phase,
            hint=f"If it is an installed one, install it again: wasmrun plugin update --force {name}",
        )


def find_memory_limit() -> int | None:
    """What a plugin's processes may each write to: the machine's memory; None where nobody says."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None


def _is_utf8(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
