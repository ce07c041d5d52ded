"""The child's side of ``exec``: read the request, run the guest, report, and be gone.

Started by ``run`` with ``python -I -S``; every import here is paid by every run. Nothing is printed:
stdin, stdout and stderr are the guest's.
"""

from __future__ import annotations

import _thread
import gc
import json
import os
import signal
from typing import TYPE_CHECKING, NoReturn

from wasmrun_py.execute.failure import Failure, NotRunnableFailure
from wasmrun_py.execute.sandbox import Sandbox, timeout_failure
from wasmrun_py.execute.watchdog import Watchdog
from wasmrun_py.execute.wire import REPORT_NAME, REQUEST_NAME, WireReport

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import BinaryIO

    from wasmrun_py.execute.terminal_relay import TerminalRelay
    from wasmrun_py.execute.wire import WireRequest


class _Reporter:
    """Writes one report into a file that was opened before the guest could touch its name."""

    def __init__(self, stream: BinaryIO, nonce: str) -> None:
        self._stream = stream
        self._nonce = nonce
        self._once = _thread.allocate_lock()

    def finish(
        self, *, exit_code: int = 0, results: Sequence[str] = (), error: Failure | None = None
    ) -> NoReturn:
        """Write the report and end the process, whatever else still runs in it; the first caller wins."""
        self._once.acquire()
        report = WireReport(
            nonce=self._nonce,
            exit_code=exit_code,
            results=list(results),
            error=error.code if error else "",
            message=error.message if error else "",
            hint=error.hint if error else "",
            backtrace=list(error.backtrace) if error else [],
        )
        self._stream.seek(0)
        self._stream.truncate()
        self._stream.write(json.dumps(report).encode())
        self._stream.flush()
        os._exit(0)


def main(folder: str) -> NoReturn:
    """Run the request in ``folder`` and end the process.

    Args:
        folder: Absolute; holds the request, and an empty report to fill.
    """
    # The process is too short-lived for garbage to matter.
    gc.disable()
    _die_of_closed_pipes()
    request, reporter = _open(folder)
    relays: list[TerminalRelay] = []
    exit_code, results, failure = 0, list[str](), None
    try:
        relays = _open_relays(request)
        exit_code, results = _run(request, reporter)
    except Failure as error:
        failure = error
    # The outermost boundary of the process: a fault of ours becomes a report that keeps its text.
    except BaseException as error:  # noqa: BLE001 - see above
        import traceback  # noqa: PLC0415 - only a fault of ours needs it

        text = traceback.format_exc()
        failure = Failure(f"Running the guest failed inside wasmrun: {error!r}", hint=text)
    for relay in relays:
        relay.close()
    reporter.finish(exit_code=exit_code, results=results, error=failure)


def _open_relays(request: WireRequest) -> list[TerminalRelay]:
    if not request["tame_terminal"]:
        return []
    from wasmrun_py.execute.terminal_relay import open_relays  # noqa: PLC0415 - Windows has no such thing

    try:
        return open_relays()
    except OSError as error:
        raise Failure(f"No pseudo-terminal can be had to filter the guest's output: {error}") from error


def _die_of_closed_pipes() -> None:
    """Undo what Python does to SIGPIPE: a reader that is gone ends a guest as it ends any program."""
    if hasattr(signal, "SIGPIPE"):
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)


def _open(folder: str) -> tuple[WireRequest, _Reporter]:
    report = open(os.path.join(folder, REPORT_NAME), "r+b", buffering=0)  # noqa: PTH118, PTH123, SIM115 - pathlib costs time; it stays open
    request_path = os.path.join(folder, REQUEST_NAME)  # noqa: PTH118 - as above
    with open(request_path, "rb") as stream:  # noqa: PTH123 - as above
        request: WireRequest = json.load(stream)
    # A guest that was granted the folder above must not learn the nonce.
    os.unlink(request_path)  # noqa: PTH108 - as above
    return request, _Reporter(report, request["nonce"])


def _run(request: WireRequest, reporter: _Reporter) -> tuple[int, list[str]]:
    watchdog = Watchdog()
    sandbox = Sandbox(request, watchdog)
    if request["timeout_s"] is not None:
        watchdog.start(
            request["timeout_s"],
            interrupt=sandbox.interrupt,
            give_up=lambda: reporter.finish(error=timeout_failure(request)),
        )
    try:
        with open(request["module"], "rb") as stream:  # noqa: PTH123 - as above
            data = stream.read()
    except OSError as error:
        raise NotRunnableFailure(f"{request['module']} cannot be read: {error.strerror}") from error
    if request["is_component"]:
        # The component half of the bindings costs 20 ms to import.
        from wasmrun_py.execute.component_guest import run_component as run_guest  # noqa: PLC0415 - see above
    else:
        from wasmrun_py.execute.core_guest import run_core as run_guest  # noqa: PLC0415 - see above
    exit_code, results = run_guest(sandbox, data)
    limit = sandbox.find_limit()
    if limit is not None:
        raise limit
    return exit_code, results
