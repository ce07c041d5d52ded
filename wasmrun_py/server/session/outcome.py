"""What the session asks for and how it ended: values, and their JSON for the build's own process.

The JSON crosses a pipe between two processes of ours; it is parsed into these types all the same.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wasmrun_py.model.diagnostic import Diagnostic, Severity
from wasmrun_py.model.errors import BuildError, WasmrunError
from wasmrun_py.model.manifest import TransportKind
from wasmrun_py.server.dev_state import Program, ProgramKind, ServedFile
from wasmrun_py.system.paths import Home

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wasmrun_py.config.settings import Overrides

_OUTPUT_CAP = 256 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One thing to make.

    Attributes:
        number: The build's number.
        folder: Where what is served goes, absolute; it is not there yet.
    """

    number: int
    folder: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildTask:
    """What the build's process needs to know beside the order; the same for every build of a session.

    Attributes:
        project: The project's folder.
        overrides: What the command line said; an output folder is written too, beside what is served.
        home: Where installed plugins and toolchains are.
        plugin_path: The folders of ``WASMRUN_PLUGIN_PATH``.
        transport: The one way to call external plugins, or None to choose.
        may_ask: Somebody can be asked before a toolchain is installed.
    """

    project: Path
    overrides: Overrides
    home: Home
    plugin_path: tuple[Path, ...] = ()
    transport: TransportKind | None = None
    may_ask: bool = False

    def to_json(self) -> dict[str, Any]:
        """What ``parse_task`` reads back."""
        said = {each.name: getattr(self.overrides, each.name) for each in fields(self.overrides)}
        return {
            "project": str(self.project),
            "overrides": {**said, "output": None if said["output"] is None else str(said["output"])},
            "home": [str(self.home.root), str(self.home.cache)],
            "plugin_path": [str(folder) for folder in self.plugin_path],
            "transport": self.transport,
            "may_ask": self.may_ask,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """What a build read outside the project and somebody may edit.

    Attributes:
        files: Absolute.
        trees: Folders of which every file counts, absolute; no file of ``files`` lies in one.
    """

    files: tuple[Path, ...] = ()
    trees: tuple[Path, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """What ``parse_outcome`` reads back."""
        return {"files": [str(each) for each in self.files], "trees": [str(each) for each in self.trees]}


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """Something to serve.

    Attributes:
        files: URL path -> file, all of them in the order's folder.
        program: How to run it.
        duration_s: Wall-clock seconds it took.
        plugin: ``{name, version, type, transport}``, or None when nothing was built.
        toolchain: ``{name, version}``, or None.
        target: What it was built for, or None.
        optimization: At which level, or None.
        cache: ``hit``, ``miss`` or ``off``, or None.
        warnings: Sentences.
        diagnostics: What the toolchain said although it succeeded.
        outside: What else is to be watched.
    """

    files: Mapping[str, ServedFile]
    program: Program
    duration_s: float
    plugin: Mapping[str, str] | None = None
    toolchain: Mapping[str, str] | None = None
    target: str | None = None
    optimization: str | None = None
    cache: str | None = None
    warnings: tuple[str, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()
    outside: Outside = Outside()

    @property
    def module_bytes(self) -> int | None:
        """The module's size."""
        module = self.files.get(self.program.module or "")
        return None if module is None else module.size_bytes

    def to_json(self) -> dict[str, Any]:
        """What ``parse_outcome`` reads back."""
        return {
            "made": {
                **{each.name: getattr(self, each.name) for each in fields(self)},
                "files": {url: {**asdict(file), "path": str(file.path)} for url, file in self.files.items()},
                "program": self.program.to_json(),
                "diagnostics": [asdict(each) for each in self.diagnostics],
                "outside": self.outside.to_json(),
            }
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """Nothing to serve came of it.

    Attributes:
        code: Kebab-case.
        message: What happened.
        hint: What to do next; may be empty.
        exit_code: What a command that failed with it would end with.
        diagnostics: What the toolchain said.
        output: The tool's own text, capped.
        log_file: Where the whole text lies, or None.
        duration_s: Wall-clock seconds until it failed.
    """

    code: str
    message: str
    hint: str = ""
    exit_code: int = 1
    diagnostics: tuple[Diagnostic, ...] = ()
    output: str = ""
    log_file: Path | None = None
    duration_s: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """What ``parse_outcome`` reads back."""
        return {
            "failed": {
                **{each.name: getattr(self, each.name) for each in fields(self)},
                "log_file": None if self.log_file is None else str(self.log_file),
                "diagnostics": [asdict(each) for each in self.diagnostics],
            }
        }

    def to_error(self) -> WasmrunError:
        """The same as an error of the tree, with its own code and exit code."""
        kind = type("ReportedError", (BuildError,), {"code": self.code, "exit_code": self.exit_code})
        error: WasmrunError = kind(
            self.message,
            hint=self.hint,
            diagnostics=self.diagnostics,
            output=self.output,
            log_file=self.log_file,
        )
        return error


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancelled:
    """It was ended because it was of no use any more."""

    duration_s: float = field(default=0.0)

    def to_json(self) -> dict[str, Any]:
        """What ``parse_outcome`` reads back."""
        return {"cancelled": {"duration_s": self.duration_s}}


Outcome = Made | Failed | Cancelled


def describe_failure(error: WasmrunError, *, duration_s: float) -> Failed:
    """An error as an outcome."""
    output, log_file = (error.output, error.log_file) if isinstance(error, BuildError) else ("", None)
    return Failed(
        code=error.code,
        message=error.message,
        hint=error.hint,
        exit_code=error.exit_code,
        diagnostics=error.diagnostics,
        output=output[-_OUTPUT_CAP:],
        log_file=log_file,
        duration_s=duration_s,
    )


def parse_task(data: Any) -> BuildTask:
    """The task of a request.

    Raises:
        ValueError, KeyError, TypeError: It is none.
    """
    from wasmrun_py.config.settings import Overrides  # noqa: PLC0415 - the build's process only

    said = data["overrides"]
    output = None if said["output"] is None else Path(said["output"])
    return BuildTask(
        project=Path(data["project"]),
        overrides=Overrides(**{**said, "output": output, "args": tuple(said["args"])}),
        home=Home(root=Path(data["home"][0]), own_cache=Path(data["home"][1])),
        plugin_path=tuple(map(Path, data["plugin_path"])),
        transport=None if data["transport"] is None else TransportKind(data["transport"]),
        may_ask=bool(data["may_ask"]),
    )


def parse_outcome(data: Any) -> Outcome:
    """The outcome in a reply.

    Raises:
        ValueError, KeyError, TypeError: It is none.
    """
    if "cancelled" in data:
        return Cancelled(duration_s=float(data["cancelled"]["duration_s"]))
    if "failed" in data:
        said = data["failed"]
        log_file = None if said["log_file"] is None else Path(said["log_file"])
        return Failed(**{**said, "log_file": log_file, "diagnostics": _parse_diagnostics(said)})
    said = data["made"]
    program = said["program"]
    return Made(
        **{
            **said,
            "files": {
                str(url): ServedFile(**{**file, "path": Path(file["path"])})
                for url, file in said["files"].items()
            },
            "program": Program(**{**program, "kind": ProgramKind(program["kind"])}),
            "warnings": tuple(map(str, said["warnings"])),
            "diagnostics": _parse_diagnostics(said),
            "outside": Outside(
                files=tuple(map(Path, said["outside"]["files"])),
                trees=tuple(map(Path, said["outside"]["trees"])),
            ),
        }
    )


def _parse_diagnostics(said: Any) -> tuple[Diagnostic, ...]:
    return tuple(
        Diagnostic(**{**each, "severity": Severity(each["severity"])}) for each in said["diagnostics"]
    )
