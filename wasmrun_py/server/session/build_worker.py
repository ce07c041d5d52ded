"""The parent's side of the process that builds: start it, ask it, cancel, and replace it when it fails.

For one event loop; a thread of its own holds each conversation, so that nothing here blocks the loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from wasmrun_py.model.consent import InstallOffer
from wasmrun_py.model.errors import WasmrunError
from wasmrun_py.plugin.transport.answers import parse_event
from wasmrun_py.server.session.build_process import BuildProcess
from wasmrun_py.server.session.outcome import Cancelled, Failed, describe_failure, parse_outcome
from wasmrun_py.system.process import describe_exit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wasmrun_py.model.consent import Confirmer
    from wasmrun_py.model.events import Event
    from wasmrun_py.server.session.outcome import BuildTask, Order, Outcome

_LOOK_S = 0.2
# A toolchain that ignores a polite request is killed by the child after a second.
_CANCEL_PATIENCE_S = 1.4
_END_PATIENCE_S = 1.2
_BUILDS_A_PROCESS = 200
_LINE_CAP_BYTES = 64 * 1024 * 1024


class BuildListener(Protocol):
    """Hears what a build says; called from the conversation's thread."""

    def hear(self, event: Event) -> None:
        """One event."""


class BuildWorker:
    """Builds one order at a time, in a process that is kept.

    Args:
        task: What is built.
        environ: The child's environment.
        confirm: Asks the user before an installation; called from a thread.
        process: One that was started already, or None.
    """

    def __init__(
        self,
        task: BuildTask,
        *,
        environ: Mapping[str, str],
        confirm: Confirmer | None,
        process: BuildProcess | None = None,
    ) -> None:
        self._task = task
        self._environ = dict(environ)
        self._confirm = confirm
        self._conversation = None if process is None else _Conversation(process)
        self._thread: threading.Thread | None = None
        self._number = 0
        self._built = 0

    @property
    def pid(self) -> int | None:
        """The child's process id, or None while there is none."""
        return None if self._conversation is None else self._conversation.child.pid

    def warm_up(self) -> None:
        """Start the process now, so that the first build need not wait for it.

        Raises:
            ToolCrashedError, MissingToolError, NotAFolderError: The system refuses to start our interpreter.
        """
        if self._conversation is None:
            self._conversation = _Conversation(BuildProcess(self._environ))
            self._built = 0

    async def build(self, order: Order, listener: BuildListener) -> Outcome:
        """Build; whatever happens to the process is an outcome."""
        loop = asyncio.get_running_loop()
        finished: asyncio.Future[Outcome] = loop.create_future()
        request = {
            "do": "build",
            "number": order.number,
            "folder": str(order.folder),
            "task": self._task.to_json(),
        }

        def settle(outcome: Outcome) -> None:
            if not finished.done():
                finished.set_result(outcome)

        def run() -> None:
            outcome: Outcome = Failed(
                code="failed", message="The conversation with the build's process broke off"
            )
            try:
                outcome = self._converse(request, listener)
            finally:
                # Whatever went wrong: nobody waits for ever.
                with contextlib.suppress(RuntimeError):  # the loop has ended
                    loop.call_soon_threadsafe(settle, outcome)

        self._number = order.number
        self._thread = threading.Thread(target=run, name="wasmrun-build", daemon=True)
        self._thread.start()
        outcome = await finished
        self._built += 1
        if self._built >= _BUILDS_A_PROCESS:
            # Whatever plugins leave behind in their host goes with it.
            await loop.run_in_executor(None, self.renew)
        return outcome

    def cancel(self, number: int) -> None:
        """End this build if it is the one that runs; its outcome says so."""
        if self._conversation is not None:
            self._conversation.cancel(number)

    def renew(self) -> None:
        """Let the next build begin in a new process, which is started now."""
        self.close()
        self.warm_up()

    def close(self) -> None:
        """End the process with everything that it started; harmless when there is none.

        A build that runs is asked first, so that it tidies up. Blocks for about a second at most.
        """
        if self._thread is not None and self._thread is not threading.current_thread():
            if self._thread.is_alive():
                self.cancel(self._number)
                self._thread.join(_END_PATIENCE_S)
            self._thread = None
        if self._conversation is not None:
            conversation, self._conversation = self._conversation, None
            conversation.close()

    def _converse(self, request: dict[str, Any], listener: BuildListener) -> Outcome:
        started = time.monotonic()
        try:
            self.warm_up()
            conversation = self._conversation
            if conversation is None:
                return Cancelled()
            outcome = conversation.ask(request, listener, self._confirm)
        except WasmrunError as error:
            return describe_failure(error, duration_s=time.monotonic() - started)
        if conversation.lost:
            self.close()
        return outcome


class _Conversation:
    """The exchange with one process."""

    def __init__(self, process: BuildProcess) -> None:
        self._process = process
        self._buffer = bytearray()
        self._give_up_at: float | None = None
        self._cancelled: int | None = None
        self.lost = False
        self.child = process.child

    def ask(self, request: dict[str, Any], listener: BuildListener, confirm: Confirmer | None) -> Outcome:
        """Send a request and wait for its outcome."""
        started = time.monotonic()
        if self._cancelled != request["number"]:
            self._give_up_at = None
        self._process.forget_stderr()
        self._send(request)
        try:
            while (reply := self._receive()) is not None:
                if "event" in reply:
                    event = parse_event(reply["event"])
                    if event is not None:
                        listener.hear(event)
                elif "ask" in reply:
                    offer = _parse_offer(reply["ask"])
                    self._send({"do": "answer", "yes": confirm is not None and confirm(offer)})
                elif reply.get("done") == request["number"]:
                    return parse_outcome(reply["outcome"])
        except (KeyError, TypeError, ValueError, AttributeError):
            # Not what our own child says: it cannot be trusted any more.
            self.child.end(force=True)
        self.lost = True
        return self._describe_loss(time.monotonic() - started)

    def cancel(self, number: int) -> None:
        """Ask for the end of a build, once; from then on it has a moment."""
        if self._cancelled != number:
            self._cancelled = number
            self._give_up_at = time.monotonic() + _CANCEL_PATIENCE_S
            self._send({"do": "cancel", "number": number})

    def close(self) -> None:
        """End the process."""
        self.lost = True
        self.child.end(force=True)

    def _send(self, request: dict[str, Any]) -> None:
        # One that does not listen has ended, which reading finds out.
        self.child.write(json.dumps(request).encode() + b"\n")

    def _receive(self) -> dict[str, Any] | None:
        """The next reply; None when there will be none."""
        while True:
            line, newline, _ = self._buffer.partition(b"\n")
            if newline:
                del self._buffer[: len(line) + 1]
                return _parse_reply(line)
            if self._give_up_at is not None and time.monotonic() > self._give_up_at:
                return None
            try:
                chunk = self.child.read(_LOOK_S)
            except (OSError, ValueError):
                return None
            if chunk == b"" or len(self._buffer) > _LINE_CAP_BYTES:
                return None
            self._buffer += chunk or b""

    def _describe_loss(self, duration_s: float) -> Outcome:
        gave_up = self._give_up_at is not None
        returncode = None if gave_up else self.child.wait(_LOOK_S)
        self.child.end(force=True)
        if gave_up:
            return Cancelled(duration_s=duration_s)
        how = "stopped answering" if returncode is None else f"ended with {describe_exit(returncode)}"
        return Failed(
            code="build-process-lost",
            message=f"The process that builds {how}",
            hint="The next change starts it again; what it wrote last is above.",
            output=self._process.stderr,
            duration_s=duration_s,
        )


def _parse_reply(line: bytes | bytearray) -> dict[str, Any] | None:
    try:
        reply = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return reply if isinstance(reply, dict) else None


def _parse_offer(data: Any) -> InstallOffer:
    folder = data["folder"]
    return InstallOffer(**{**data, "folder": None if folder is None else Path(folder)})
