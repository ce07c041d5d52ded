"""The parent's side of ``exec``: look at the file, start the child, turn its report into an outcome or error.

Exit codes follow ``env(1)`` and ``timeout(1)`` (DESIGN §5). Nothing of the guest runs in this process.
"""

from __future__ import annotations

import importlib.util
import json
import secrets
import signal
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import wasmrun_py
from wasmrun_py.execute.request import RunOutcome
from wasmrun_py.execute.wire import REPORT_NAME, REQUEST_NAME, WireRequest
from wasmrun_py.model.errors import (
    CallError,
    ExecError,
    GuestLimitError,
    InterruptError,
    NotFoundError,
    NotRunnableError,
    OutputError,
    TrapError,
    WasmrunError,
)
from wasmrun_py.system.fs import staging_folder, translate_write_errors
from wasmrun_py.system.process import describe_exit, run_attached
from wasmrun_py.wasm.header import HEADER_BYTES, explain_unknown, find_kind
from wasmrun_py.wasm.module_info import ModuleKind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import IO

    from wasmrun_py.execute.request import RunRequest
    from wasmrun_py.system.process import AttachedResult

# Windows has no pseudo-terminals that the child could put itself behind.
CHILD_TAMES_TERMINAL = sys.platform != "win32"

# The child ends itself at the deadline; this is for one that cannot.
_KILL_GRACE_S = 0.6
# Ctrl-C ends the child without a traceback from its first moment on.
_BOOT = (
    "import signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); sys.path += sys.argv[2:];"
    " from wasmrun_py.execute.child import main; main(sys.argv[1])"
)
_LOOK_BYTES = 512
_SIGNAL_EXIT_BASE = 128
# What would change how the child's Python or wasmtime behave; the guest sees none of the rest either.
_HIDDEN_FROM_CHILD = ("PYTHON", "RUST_", "WASMTIME_")
_ERRORS: dict[str, type[ExecError]] = {
    kind.code: kind for kind in (ExecError, CallError, NotRunnableError, NotFoundError, GuestLimitError)
}


def run_module(
    request: RunRequest,
    *,
    stdout: Callable[[bytes], None] | None = None,
    stderr: Callable[[bytes], None] | None = None,
    environ: Mapping[str, str],
) -> RunOutcome:
    """Run a module or component in a child process, connected to our stdin.

    Args:
        request: What to run, and under which limits.
        stdout: Receives the guest's stdout in chunks, from a thread; None lets the guest have ours.
        stderr: The same for stderr.
        environ: Our own environment, for the child; the guest sees ``request.env`` only.

    Raises:
        NotFoundError: The file, or the export to call, does not exist (127).
        NotRunnableError: Not valid WebAssembly, no entry point, missing imports (126).
        CallError: The arguments do not fit the export (125).
        GuestLimitError: Time, memory or fuel ran out (124).
        TrapError: The guest trapped (134).
        InterruptError: The child was interrupted (130).
        ExecError: Anything else that kept the guest from ending by itself (125).
    """
    is_component = _look_at(request.module) is ModuleKind.COMPONENT
    _check_texts(request)
    nonce = secrets.token_hex(16)
    try:
        with staging_folder(Path(tempfile.gettempdir()), prefix="wasmrun-exec-") as folder:
            with translate_write_errors(f"write into {folder}"):
                (folder / REQUEST_NAME).write_text(
                    json.dumps(_to_wire(request, nonce, is_component=is_component))
                )
                report = (folder / REPORT_NAME).open("w+b")
            with report:
                result = run_attached(
                    _child_argv(folder),
                    cwd=folder,
                    env=_child_env(environ),
                    timeout_s=_kill_after_s(request),
                    stdout=stdout,
                    stderr=stderr,
                )
                return _conclude(request, result, _load_report(report, nonce))
    except OutputError as error:
        raise ExecError(f"The guest could not be started: {error.message}", hint=error.hint) from error


def _look_at(path: Path) -> ModuleKind:
    """Tell module from component by the file's header."""
    try:
        with path.open("rb") as stream:
            head = stream.read(_LOOK_BYTES)
    except FileNotFoundError as error:
        raise NotFoundError(f"{path} does not exist") from error
    except IsADirectoryError as error:
        raise NotRunnableError(f"{path} is a folder, not a WebAssembly file") from error
    except NotADirectoryError as error:
        raise NotFoundError(f"{path} does not exist: a part of the path is a file") from error
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise NotRunnableError(f"{path} cannot be read: {reason}") from error
    kind = find_kind(head[:HEADER_BYTES])
    if kind is ModuleKind.UNKNOWN:
        problem = explain_unknown(head)
        raise NotRunnableError(f"{path} is {problem.problem}", hint=problem.hint)
    return kind


def _check_texts(request: RunRequest) -> None:
    """WASI texts are UTF-8 without NUL; a command line may hold other bytes."""
    texts = [request.module.name, *request.args, *(text for pair in request.env for text in pair)]
    texts += [text for grant in request.dirs for text in (str(grant.host), grant.guest)]
    for text in texts:
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise ExecError(f"{text!r} is not UTF-8 text, which a guest must be given") from error
        if "\0" in text:
            raise ExecError(f"{text!r} holds a NUL character, which no guest can be given")


def _to_wire(request: RunRequest, nonce: str, *, is_component: bool) -> WireRequest:
    return WireRequest(
        nonce=nonce,
        module=str(request.module),
        is_component=is_component,
        args=list(request.args),
        call=request.call,
        env=list(request.env),
        dirs=[(str(grant.host), grant.guest, grant.read_only) for grant in request.dirs],
        timeout_s=request.limits.timeout_s,
        max_memory_bytes=request.limits.max_memory_bytes,
        fuel=request.limits.fuel,
        cache_dir=str(request.cache_dir) if request.cache_dir else None,
        tame_terminal=request.tame_terminal and CHILD_TAMES_TERMINAL,
    )


def _child_argv(folder: Path) -> list[str]:
    """Our own Python, isolated, told where wasmrun and wasmtime lie instead of searching for them."""
    wasmtime = importlib.util.find_spec("wasmtime")
    if wasmtime is None or wasmtime.origin is None or not sys.executable:
        raise ExecError("The wasmtime package is not installed", hint="Install wasmrun again.")
    roots = dict.fromkeys(str(Path(origin).parents[1]) for origin in (wasmrun_py.__file__, wasmtime.origin))
    return [sys.executable, "-I", "-S", "-X", "utf8", "-c", _BOOT, str(folder), *roots]


def _child_env(environ: Mapping[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in environ.items() if not name.startswith(_HIDDEN_FROM_CHILD)}
    # Backtraces with source places, where the module has them.
    return kept | {"WASMTIME_BACKTRACE_DETAILS": "1"}


def _kill_after_s(request: RunRequest) -> float | None:
    timeout_s = request.limits.timeout_s
    return None if timeout_s is None else timeout_s + _KILL_GRACE_S


def _load_report(stream: IO[bytes], nonce: str) -> dict[str, Any] | None:
    """The child's report from the file we kept open; None when there is none that is the child's."""
    stream.seek(0)
    try:
        report = json.loads(stream.read())
    except ValueError:
        return None
    if not isinstance(report, dict) or report.get("nonce") != nonce:
        return None
    return report


def _conclude(request: RunRequest, result: AttachedResult, report: dict[str, Any] | None) -> RunOutcome:
    if result.timed_out:
        raise GuestLimitError(
            f"The guest timed out after {request.limits.timeout_s:g} s", hint="Give it more with --timeout."
        )
    if result.returncode < 0:
        return _conclude_signal(result)
    if result.returncode != 0 or report is None:
        raise ExecError(
            f"The process of the guest ended with {describe_exit(result.returncode)} and left no report"
        )
    try:
        error = _read_error(report)
        outcome = RunOutcome(
            exit_code=int(report["exit_code"]),
            results=tuple(map(str, report["results"])),
            duration_s=result.duration_s,
        )
    except (KeyError, TypeError, ValueError) as problem:
        raise ExecError("The process of the guest left a report that cannot be read") from problem
    if error is not None:
        raise error
    return outcome


def _conclude_signal(result: AttachedResult) -> RunOutcome:
    number = -result.returncode
    if number == signal.SIGINT:
        raise InterruptError("Interrupted")
    if number == getattr(signal, "SIGPIPE", None):
        # Whoever read its output has seen enough: no failure, and the exit code a shell would show.
        return RunOutcome(exit_code=_SIGNAL_EXIT_BASE + number, results=(), duration_s=result.duration_s)
    raise ExecError(
        f"The process of the guest was ended by {describe_exit(result.returncode)}",
        hint="The guest may have exhausted the machine's memory or stack, or somebody ended it.",
    )


def _read_error(report: dict[str, Any]) -> WasmrunError | None:
    code, message, hint = str(report["error"]), str(report["message"]), str(report["hint"])
    if not code:
        return None
    if code == TrapError.code:
        return TrapError(message, backtrace=tuple(map(str, report["backtrace"])), hint=hint)
    return _ERRORS.get(code, ExecError)(message, hint=hint)
