"""The one error tree of wasmrun.

Every failure a user can meet is one of these, with a message (what happened, to which file), a ``hint``
(the next thing to type), an ``exit_code`` and a kebab-case ``code`` for machines. Foreign exceptions are
translated into them where they enter, with ``raise ... from``. Nothing here prints.

::

    WasmrunError                    1    failed
    ├── UsageError                  2    usage
    │   ├── PathNotFoundError       2    path-not-found
    │   ├── NotAFolderError         2    not-a-folder
    │   ├── NotAFileError           2    not-a-file
    │   ├── UnreadablePathError     2    unreadable-path
    │   ├── ConfigError             2    invalid-config
    │   └── AmbiguousProjectError   2    ambiguous-project
    ├── PluginError                 3    plugin-unavailable
    │   ├── PluginNotFoundError     3    plugin-not-found
    │   ├── NoPluginMatchError      3    no-plugin-match
    │   ├── PluginFailedError       3    plugin-failed
    │   │   ├── PluginCrashedError  3    plugin-crashed
    │   │   └── TransportError      3    transport-unavailable
    │   ├── PluginCorruptError      3    plugin-corrupt
    │   └── PluginLockError         3    plugin-lock
    ├── PluginInstallError          1    plugin-install-failed
    │   ├── ManifestError           1    invalid-manifest
    │   └── DownloadError           1    download-failed
    ├── MissingToolError            4    missing-tool
    │   └── ProvisionError          4    provision-failed
    ├── BuildError                  1    build-failed
    │   ├── UnsupportedBuildError   1    unsupported-build
    │   ├── ToolCrashedError        1    toolchain-crashed
    │   └── ArtifactError           1    artifact-invalid
    ├── OutputError                 1    output-failed
    ├── InvalidModuleError          5    invalid-module
    │   └── MalformedModuleError    5    invalid-module (wasm/reader: it knows the byte)
    ├── LimitError                  6    limit-exceeded
    ├── ServerError                 1    server-failed
    │   └── NoServerError           1    no-server
    ├── ExecError                 125    exec-failed
    │   ├── CallError             125    invalid-call
    │   ├── NotRunnableError      126    not-runnable
    │   ├── NotFoundError         127    not-found
    │   ├── GuestLimitError       124    guest-limit
    │   └── TrapError             134    trap
    ├── UnhealthyError              1    unhealthy
    ├── ContractError               1    contract-broken
    ├── WorkspaceError              1    workspace-failed (or the code all its members failed with)
    ├── NotReproducibleError        1    not-reproducible
    └── InterruptError            130    interrupted

``ExecError`` and its kin follow ``env(1)`` and ``timeout(1)`` (DESIGN §5).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from wasmrun_py.model.diagnostic import Diagnostic


class WasmrunError(Exception):
    """Base of everything wasmrun reports.

    Attributes:
        message: What happened and to which file, one sentence.
        hint: What to do next; empty when there is nothing useful to say.
        diagnostics: What a toolchain or a validator said, in its own order.
        exit_code: The process exit code this failure ends in.
        code: A stable kebab-case name for machines.
    """

    code: ClassVar[str] = "failed"
    exit_code: int = 1

    def __init__(self, message: str, *, hint: str = "", diagnostics: Sequence[Diagnostic] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.diagnostics = tuple(diagnostics)


class UsageError(WasmrunError):
    """The command line or an input it names cannot be used as given."""

    code = "usage"
    exit_code = 2


class PathNotFoundError(UsageError):
    """A path that was named does not exist."""

    code = "path-not-found"


class NotAFolderError(UsageError):
    """A folder was expected and something else was found."""

    code = "not-a-folder"


class NotAFileError(UsageError):
    """A file was expected and something else was found."""

    code = "not-a-file"


class UnreadablePathError(UsageError):
    """The path exists and the system refuses to let it be read."""

    code = "unreadable-path"


class ConfigError(UsageError):
    """A configuration file is broken; the message begins with the place, ``FILE:LINE:COLUMN:``.

    Attributes:
        file: The configuration file.
        line: 1-based line, or None when the whole file is meant.
        column: 1-based column, or None.
    """

    code = "invalid-config"

    def __init__(
        self, message: str, *, file: Path, line: int | None = None, column: int | None = None, hint: str = ""
    ) -> None:
        from wasmrun_py.model.diagnostic import Diagnostic, Severity  # noqa: PLC0415 - only a failure needs it

        place = ":".join(str(part) for part in (file, line, column) if part is not None)
        diagnostic = Diagnostic(
            file=str(file),
            line=line,
            column=column,
            severity=Severity.ERROR,
            message=message,
            source="wasmrun",
        )
        super().__init__(f"{place}: {message}", hint=hint, diagnostics=(diagnostic,))
        self.file = file
        self.line = line
        self.column = column


class AmbiguousProjectError(UsageError):
    """Plugins for different languages claim the project equally.

    Attributes:
        candidates: The names of the plugins that tie, sorted.
    """

    code = "ambiguous-project"

    def __init__(self, message: str, *, candidates: Sequence[str], hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.candidates = tuple(candidates)


class PluginError(WasmrunError):
    """A plugin is not there, or cannot be used."""

    code = "plugin-unavailable"
    exit_code = 3


class PluginNotFoundError(PluginError):
    """No plugin has the name or language that was asked for."""

    code = "plugin-not-found"


class NoPluginMatchError(PluginError):
    """No plugin recognises the project."""

    code = "no-plugin-match"


class PluginFailedError(PluginError):
    """A plugin raised, or answered something that is not what its contract says.

    Attributes:
        plugin: The plugin's name.
        phase: What it was asked to do (``load``, ``can_handle``, ``build``…).
    """

    code = "plugin-failed"

    def __init__(self, message: str, *, plugin: str, phase: str, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.plugin = plugin
        self.phase = phase


class PluginCrashedError(PluginFailedError):
    """A plugin's process crashed, hung, or answered something that is no answer.

    Attributes:
        log_file: Where what it wrote to stderr lies, or None when it wrote nothing.
    """

    code = "plugin-crashed"

    def __init__(
        self, message: str, *, plugin: str, phase: str, hint: str = "", log_file: Path | None = None
    ) -> None:
        super().__init__(message, plugin=plugin, phase=phase, hint=hint)
        self.log_file = log_file


class TransportError(PluginFailedError):
    """A plugin cannot be called in this way: a file is missing, or its process could not be started."""

    code = "transport-unavailable"


class PluginCorruptError(PluginError):
    """An installed plugin's files are not what was installed.

    Attributes:
        plugin: The plugin's name.
        expected: The digest that was recorded when it was installed, ``sha256:…``.
        found: The digest of what is there now.
    """

    code = "plugin-corrupt"

    def __init__(self, message: str, *, plugin: str, expected: str, found: str, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.plugin = plugin
        self.expected = expected
        self.found = found


class PluginLockError(PluginError):
    """What is installed is not what ``wasmrun.lock`` says, or there is no lock to go by."""

    code = "plugin-lock"


class PluginInstallError(WasmrunError):
    """A plugin could not be installed, updated or removed; what was installed before still is.

    Attributes:
        output: The builder's own text.
        log_file: Where the whole text lies, or None.
    """

    code = "plugin-install-failed"

    def __init__(
        self, message: str, *, hint: str = "", output: str = "", log_file: Path | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.output = output
        self.log_file = log_file


class ManifestError(PluginInstallError):
    """A plugin's manifest is missing or malformed; the message names the file and the field.

    Attributes:
        field: The field, dotted (``capabilities.compile_wasm``); empty when the whole file is meant.
    """

    code = "invalid-manifest"

    def __init__(self, message: str, *, field: str = "", hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.field = field


class DownloadError(PluginInstallError):
    """A web address could not be fetched, or gave something else than was expected."""

    code = "download-failed"


class MissingToolError(WasmrunError):
    """A tool that the work needs is not installed.

    Attributes:
        tools: The names of the missing tools.
    """

    code = "missing-tool"
    exit_code = 4

    def __init__(self, message: str, *, tools: Sequence[str], hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.tools = tuple(tools)


class ProvisionError(MissingToolError):
    """A missing tool could not be installed."""

    code = "provision-failed"


class BuildError(WasmrunError):
    """The toolchain ran and reported a failure.

    Attributes:
        output: The tool's own text, as it wrote it (undecodable bytes replaced).
        log_file: Where the whole text lies when it was too long to keep in memory.
    """

    code = "build-failed"

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        diagnostics: Sequence[Diagnostic] = (),
        output: str = "",
        log_file: Path | None = None,
    ) -> None:
        super().__init__(message, hint=hint, diagnostics=diagnostics)
        self.output = output
        self.log_file = log_file


class UnsupportedBuildError(BuildError):
    """The plugin or toolchain cannot build this project this way (a target, a toolchain, an option)."""

    code = "unsupported-build"


class ToolCrashedError(BuildError):
    """A tool was ended by a signal, or could not be started although it is there."""

    code = "toolchain-crashed"


class ArtifactError(BuildError):
    """A build claimed success and its artifacts do not hold up (missing, stale, outside, not wasm)."""

    code = "artifact-invalid"


class OutputError(WasmrunError):
    """Outputs could not be written: a full or read-only disk, missing permission."""

    code = "output-failed"


class InvalidModuleError(WasmrunError):
    """A file is not valid WebAssembly."""

    code = "invalid-module"
    exit_code = 5


class LimitError(WasmrunError):
    """wasmrun's own time or resource limit was reached."""

    code = "limit-exceeded"
    exit_code = 6


class ServerError(WasmrunError):
    """A development server cannot do what it was asked."""

    code = "server-failed"


class NoServerError(ServerError):
    """No development server runs, or none that was meant."""

    code = "no-server"


class ExecError(WasmrunError):
    """``exec`` failed before or beside the guest."""

    code = "exec-failed"
    exit_code = 125


class CallError(ExecError):
    """The arguments of ``--call`` do not fit the export's signature."""

    code = "invalid-call"


class NotRunnableError(ExecError):
    """The file is there and cannot be run: not valid wasm, no entry point, imports nobody provides."""

    code = "not-runnable"
    exit_code = 126


class NotFoundError(ExecError):
    """The file or the export to run does not exist."""

    code = "not-found"
    exit_code = 127


class GuestLimitError(ExecError):
    """The guest reached its time, memory or fuel limit and was ended."""

    code = "guest-limit"
    exit_code = 124


class TrapError(ExecError):
    """The guest trapped.

    Attributes:
        backtrace: wasm frames, innermost first, one line each.
    """

    code = "trap"
    exit_code = 134

    def __init__(self, message: str, *, backtrace: Sequence[str] = (), hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.backtrace = tuple(backtrace)


class UnhealthyError(WasmrunError):
    """``doctor`` found something that does not work."""

    code = "unhealthy"


class ContractError(WasmrunError):
    """``plugin test`` found that a plugin does not keep the contract."""

    code = "contract-broken"


class WorkspaceError(WasmrunError):
    """Members of a workspace could not be built.

    Args:
        message: How many.
        exit_code: The one that all failed members share, or 1.
    """

    code = "workspace-failed"

    def __init__(
        self, message: str, *, exit_code: int = 1, hint: str = "", diagnostics: Sequence[Diagnostic] = ()
    ) -> None:
        super().__init__(message, hint=hint, diagnostics=diagnostics)
        self.exit_code = exit_code


class NotReproducibleError(WasmrunError):
    """Two builds of one project made different artifacts, or it builds in one place only."""

    code = "not-reproducible"


class InterruptError(WasmrunError):
    """The user, or the system that runs us, asked to stop."""

    code = "interrupted"
    exit_code = 130
