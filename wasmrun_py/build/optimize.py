"""Run Binaryen's wasm-opt on a finished module, where it is there and makes the module smaller.

A host step between a plugin's result and the artifact check (DESIGN §7). The original is kept on any
failure: nothing here ends a build. No feature is switched on: wasm-opt reads the module's own
``target_features`` section, and a module that says less than it uses stays as it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wasmrun_py.model.artifact import WasmOptRun
from wasmrun_py.model.build import BuildResult, OptimizationLevel
from wasmrun_py.model.errors import (
    InvalidModuleError,
    LimitError,
    MissingToolError,
    NotAFolderError,
    ToolCrashedError,
)
from wasmrun_py.model.events import Level, Message, StepFinished, StepStarted, ToolOutput, ToolStarted
from wasmrun_py.system.fs import translate_write_errors
from wasmrun_py.system.process import ToolCall, ToolResult, describe_exit, run_tool
from wasmrun_py.toolchain.find import find_tool

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from wasmrun_py.model.events import Reporter

# Names stay at release, so that a trap says in which function; size gives them up.
_LEVELS = {
    OptimizationLevel.RELEASE: ("-O3", "--debuginfo"),
    OptimizationLevel.SIZE: ("-Oz", "--strip-debug"),
}
_CORE_MODULE = b"\0asm\x01\0\0\0"
# A megabyte takes about four seconds; a build must not wait minutes for some per cent.
_LARGEST_BYTES = {OptimizationLevel.RELEASE: 4_000_000, OptimizationLevel.SIZE: 32_000_000}
_TIMEOUT_S = 300.0
_VERSION_TIMEOUT_S = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class OptimizeRequest:
    """What may be done to a result.

    Attributes:
        level: The level of the build.
        debug_info: The user asked for debug information.
        folder: An empty folder for the new module, on the file system of the old one.
        environ: The user's environment.
    """

    level: OptimizationLevel
    debug_info: bool
    folder: Path
    environ: Mapping[str, str]


def optimize_module(result: BuildResult, request: OptimizeRequest, reporter: Reporter) -> WasmOptRun | None:
    """Replace the module of ``result`` by a smaller one; None when it stays as it is.

    Args:
        result: What the plugin made.
        request: At which level, and where.
        reporter: Receives the command, its lines, and why an output was thrown away.

    Raises:
        OutputError: The smaller module could not be put in place.
    """
    if not _is_candidate(result, request):
        return None
    wasm_opt = find_tool("wasm-opt", request.environ)
    if wasm_opt is None:
        return None
    module, made = result.wasm_path, request.folder / "optimized.wasm"
    label = f"Optimizing {module.name} with wasm-opt"
    reporter.emit(StepStarted(label=label))
    try:
        argv = (str(wasm_opt), *_LEVELS[request.level], str(module), "-o", str(made))
        failure = _run(argv, request, reporter)
        if failure is None:
            failure = _find_fault(made, smaller_than=module)
    finally:
        reporter.emit(StepFinished(label=label))
    if failure is not None:
        text = f"wasm-opt left {module.name} as it is: {failure}"
        reporter.emit(Message(level=Level.DEBUG, text=text))
        return None
    bytes_before, bytes_after = module.stat().st_size, made.stat().st_size
    with translate_write_errors(f"replace {module}"):
        made.chmod(module.stat().st_mode)
        made.replace(module)
    version = _load_version(wasm_opt, request)
    return WasmOptRun(version=version, bytes_before=bytes_before, bytes_after=bytes_after)


def _is_candidate(result: BuildResult, request: OptimizeRequest) -> bool:
    """Whether a run could help and would break nothing that lies beside the module."""
    if request.level not in _LEVELS or request.debug_info or result.binaryen_ran:
        return False
    if any(path.suffix == ".map" for path in result.additional_files):
        return False
    # A pipe would be waited for, and a link may lead anywhere: the artifact check refuses both.
    if result.wasm_path.is_symlink() or not result.wasm_path.is_file():
        return False
    try:
        with result.wasm_path.open("rb") as stream:
            is_module = stream.read(len(_CORE_MODULE)) == _CORE_MODULE
        return is_module and result.wasm_path.stat().st_size <= _LARGEST_BYTES[request.level]
    except OSError:
        # The artifact check that follows will say it properly.
        return False


def _run(argv: tuple[str, ...], request: OptimizeRequest, reporter: Reporter) -> str | None:
    """Run wasm-opt; None when it ended well, else the reason in a few words."""
    reporter.emit(ToolStarted(argv=argv))
    call = ToolCall(argv=argv, cwd=request.folder, env=request.environ, timeout_s=_TIMEOUT_S)
    result = _try(call, reporter)
    if isinstance(result, str):
        return result
    if result.returncode == 0:
        return None
    said = next((line.strip() for line in result.output.splitlines() if line.strip()), "")
    return f"{describe_exit(result.returncode)}{': ' if said else ''}{said}"


def _try(call: ToolCall, reporter: Reporter) -> ToolResult | str:
    try:
        return run_tool(call, on_line=lambda line: reporter.emit(ToolOutput(line=line)))
    except (MissingToolError, ToolCrashedError, LimitError, NotAFolderError) as error:
        return error.message


def _find_fault(made: Path, *, smaller_than: Path) -> str | None:
    """Why the new module is not taken, or None."""
    from wasmrun_py.wasm.verify import require_valid_module  # noqa: PLC0415 - only after a run

    try:
        data = made.read_bytes()
        if len(data) >= smaller_than.stat().st_size:
            return "its output is not smaller"
        require_valid_module(data, made)
    except OSError as error:
        return f"its output cannot be read: {error.strerror}"
    except InvalidModuleError as error:
        return f"its output is not valid: {error.message}"
    return None


def _load_version(wasm_opt: Path, request: OptimizeRequest) -> str:
    """``108`` of ``wasm-opt version 108 (…)``; empty when it does not say."""
    argv = (str(wasm_opt), "--version")
    call = ToolCall(argv=argv, cwd=request.folder, env=request.environ, timeout_s=_VERSION_TIMEOUT_S)
    try:
        words = run_tool(call).output.split()
    except (MissingToolError, ToolCrashedError, LimitError, NotAFolderError):
        return ""
    numbers = (word for word in words if word[0].isdigit())
    return next(numbers, "")
