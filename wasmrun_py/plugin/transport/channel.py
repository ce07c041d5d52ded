"""Talk to a helper process: one per plugin, started when it is first needed, ended with the command.

A frame is four bytes of length (big-endian) and as much JSON, at most 16 MiB; every frame from the helper
carries the nonce it was greeted with. Between a request and its reply come events, which reach the
``Reporter`` at once, and the names of the functions that are called, should the plugin crash in one.
Whatever else a helper does (garbage, an oversized frame, a foreign nonce, silence, exit, a signal) is a
``PluginCrashedError`` that names plugin, phase, cause and log. What the plugin *says* is taken apart in
``answers``; how helpers answer is ``python_host``'s matter.
"""

from __future__ import annotations

import json
import os
import time
import weakref
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wasmrun_py.model.errors import (
    MissingToolError,
    NotAFolderError,
    OutputError,
    PluginCrashedError,
    ToolCrashedError,
    TransportError,
)
from wasmrun_py.model.events import SilentReporter, ToolOutput
from wasmrun_py.plugin.transport.answers import parse_event, raise_failure
from wasmrun_py.plugin.transport.python_host import FRAME_CAP_BYTES, PROTOCOL
from wasmrun_py.system.fs import atomic_write
from wasmrun_py.system.process import describe_exit, start_child
from wasmrun_py.system.spool import OutputSpool

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from wasmrun_py.model.events import Reporter
    from wasmrun_py.system.process import Child

_HEADER_BYTES = 4
_PHASE_CAP = 80
_START_DEADLINE_S = 30.0
_EXIT_GRACE_S = 1.0
# A plugin that asks whether it is cancelled may end in its own way.
_CANCEL_GRACE_S = 0.5
# A descendant may hold the reply channel open after its helper has ended.
_LOOK_S = 0.2
_SILENT = SilentReporter()


# A script is compiled each time it is run; a module's code is kept (12 ms of 35).
_RUN_KEPT = (
    "import sys; from importlib.machinery import SourceFileLoader as Loader; "
    "exec(Loader('__main__', sys.argv[1]).get_code('__main__'))"
)


def host_arguments(host: Path) -> tuple[str, ...]:
    """The arguments after which a Python runs a host file as its main program, from its kept code."""
    return ("-c", _RUN_KEPT, str(host))


@dataclass(frozen=True, slots=True, kw_only=True)
class HelperCommand:
    """How a helper is started.

    Attributes:
        plugin: The plugin's name, for messages.
        argv: The interpreter and the host file.
        cwd: Its working folder: never the user's project.
        env: Its whole environment.
        log_file: Where its stderr is kept when it is long, or when the helper crashes.
        max_memory_bytes: A limit on its address space, or None. Its children inherit it.
        start_deadline_s: How long it may take until it greets back.
    """

    plugin: str
    argv: tuple[str, ...]
    cwd: Path
    env: Mapping[str, str]
    log_file: Path
    max_memory_bytes: int | None = None
    start_deadline_s: float = _START_DEADLINE_S


class Helper:
    """One helper process. Not for several threads at once.

    Args:
        command: How it is started; nothing is started before the first ``call``.
    """

    def __init__(self, command: HelperCommand) -> None:
        self._command = command
        self._conversation: _Conversation | None = None

    @property
    def pid(self) -> int | None:
        """The process, or None while there is none."""
        return self._conversation.child.pid if self._conversation else None

    def start(self) -> None:
        """Start it and exchange greetings; nothing happens when it runs.

        Raises:
            TransportError: It could not be started, or did not greet as a helper does.
        """
        if self._conversation is None:
            self._conversation = _open(self._command)

    def call(
        self,
        method: str,
        params: Mapping[str, Any],
        *,
        phase: str,
        deadline_s: float,
        reporter: Reporter = _SILENT,
    ) -> Any:
        """Ask for something and wait for the answer.

        Args:
            method: What the host is asked to do.
            params: Its arguments, plain data.
            phase: What this is to a reader of messages (``build``…).
            deadline_s: Seconds after which the helper is ended.
            reporter: Receives events and the helper's stderr while the call lasts.

        Returns:
            The answer: plain data, hostile.

        Raises:
            TransportError: The helper could not be started.
            PluginCrashedError: It crashed, hung or answered garbage; it is ended.
            WasmrunError: What the plugin raised, see ``answers.raise_failure``.
        """
        self.start()
        conversation = self._conversation
        assert conversation is not None  # noqa: S101 - ``start`` has seen to it
        try:
            reply = conversation.ask(method, params, phase=phase, deadline_s=deadline_s, reporter=reporter)
        except KeyboardInterrupt:
            self.close(grace_s=_CANCEL_GRACE_S)
            raise
        except BaseException:
            # A helper in the middle of something is of no further use.
            self.close(grace_s=0.0)
            raise
        failure = reply.get("error")
        if failure is not None:
            raise_failure(failure, plugin=self._command.plugin, phase=phase)
        return reply.get("result")

    def crash(self, phase: str, cause: str) -> PluginCrashedError:
        """The error for a helper whose answer shows that it cannot be trusted any more; it is ended.

        Args:
            phase: What it was asked.
            cause: What is wrong with its answer.
        """
        conversation, self._conversation = self._conversation, None
        assert conversation is not None  # noqa: S101 - it has answered
        return conversation.crash(phase, cause)

    def close(self, *, grace_s: float = _EXIT_GRACE_S) -> None:
        """End the process and everything it started; harmless when there is none."""
        if self._conversation is not None:
            conversation, self._conversation = self._conversation, None
            conversation.close(grace_s)


class _Conversation:
    """The exchange with one running helper."""

    def __init__(self, command: HelperCommand) -> None:
        self._command = command
        self._nonce = os.urandom(16).hex()
        self._buffer = bytearray()
        self._last_id = 0
        self._ears = _Ears(command.log_file)
        self.child = start_child(command.argv, cwd=command.cwd, env=command.env, on_stderr=self._ears.feed)
        # A command that is left without ``close`` leaves no process behind either.
        self._finalizer = weakref.finalize(self, _end, self.child, _EXIT_GRACE_S)

    def greet(self) -> None:
        """Tell the nonce and learn the protocol."""
        self._send({"nonce": self._nonce, "max_memory_bytes": self._command.max_memory_bytes})
        deadline = time.monotonic() + self._command.start_deadline_s
        reply = self._receive("start", deadline, self._command.start_deadline_s)
        greeting = reply.get("result")
        spoken = greeting.get("protocol") if isinstance(greeting, dict) else None
        if reply.get("nonce") != self._nonce or spoken != PROTOCOL:
            raise self.crash("start", f"it speaks protocol {spoken!r}, not {PROTOCOL}"[:200])

    def ask(
        self, method: str, params: Mapping[str, Any], *, phase: str, deadline_s: float, reporter: Reporter
    ) -> dict[str, Any]:
        """One request, its events, its reply."""
        self._last_id += 1
        deadline = time.monotonic() + deadline_s
        self._ears.listener = reporter
        try:
            self._send({"id": self._last_id, "method": method, "params": dict(params)})
            while True:
                frame = self._receive(phase, deadline, deadline_s)
                if frame.get("nonce") != self._nonce:
                    raise self.crash(phase, "it sent an answer that is not its helper's own")
                if isinstance(frame.get("phase"), str):
                    phase = frame["phase"][:_PHASE_CAP]
                elif "event" in frame:
                    event = parse_event(frame["event"])
                    if event is not None:
                        reporter.emit(event)
                elif frame.get("id") == self._last_id:
                    return frame
                else:
                    raise self.crash(phase, "it answered what was not asked")
        finally:
            self._ears.listener = _SILENT

    def close(self, grace_s: float, *, force: bool = False) -> None:
        """End the helper with its tree."""
        self._finalizer.detach()
        self.child.end(grace_s=grace_s, force=force)
        self._ears.close()

    def _send(self, frame: Mapping[str, Any]) -> None:
        # A helper that does not listen has ended: what it left unsaid is found out by reading.
        data = json.dumps(frame).encode()
        self.child.write(len(data).to_bytes(_HEADER_BYTES, "big") + data)

    def _receive(self, phase: str, deadline: float, deadline_s: float) -> dict[str, Any]:
        length = int.from_bytes(self._take(_HEADER_BYTES, phase, deadline, deadline_s), "big")
        if length > FRAME_CAP_BYTES:
            raise self.crash(
                phase, f"it announced an answer of {length} bytes; {FRAME_CAP_BYTES} is the most"
            )
        try:
            frame = json.loads(self._take(length, phase, deadline, deadline_s))
        except (ValueError, RecursionError) as error:
            raise self.crash(phase, "it answered something that is not JSON") from error
        if not isinstance(frame, dict):
            raise self.crash(phase, "it answered something that is not an answer")
        return frame

    def _take(self, wanted: int, phase: str, deadline: float, deadline_s: float) -> bytes:
        quiet = False
        while len(self._buffer) < wanted:
            left = deadline - time.monotonic()
            ended = quiet and self.child.wait(0.0) is not None
            chunk = self.child.read(min(left, _LOOK_S)) if left > 0 else None
            if chunk:
                self._buffer += chunk
            elif chunk is not None or ended:
                raise self.crash(phase, self._describe_end())
            elif left <= 0:
                raise self.crash(phase, f"it did not answer within {deadline_s:g} s and was ended")
            quiet = not chunk
        taken = bytes(self._buffer[:wanted])
        del self._buffer[:wanted]
        return taken

    def _describe_end(self) -> str:
        returncode = self.child.wait(_EXIT_GRACE_S)
        if returncode is None:
            return "it closed its reply channel"
        return f"its process ended with {describe_exit(returncode)}"

    def crash(self, phase: str, cause: str) -> PluginCrashedError:
        """End the helper, keep what it wrote, and say what happened."""
        self.close(0.0, force=True)
        log_file = self._ears.keep()
        return PluginCrashedError(
            f'Plugin "{self._command.plugin}" crashed in {phase}: {cause}',
            plugin=self._command.plugin,
            phase=phase,
            hint=f"What it wrote is in {log_file}." if log_file else "It wrote nothing that says why.",
            log_file=log_file,
        )


class _Ears:
    """Takes a helper's stderr: kept for the log, and handed line by line to whoever listens now."""

    def __init__(self, log_file: Path) -> None:
        self.listener: Reporter = _SILENT
        self._wanted = log_file
        self._spool = OutputSpool(log_file, on_line=self._tell)

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes."""
        self._spool.feed(chunk)

    def close(self) -> None:
        """Flush the last line."""
        self._spool.close()

    def keep(self) -> Path | None:
        """Write the log where it is not written yet; None when there is nothing to keep or no room."""
        text = self._spool.text()
        if self._spool.log_file is not None or not text.strip():
            return self._spool.log_file
        try:
            atomic_write(self._wanted, text.encode())
        except OutputError:
            return None
        return self._wanted

    def _tell(self, line: str) -> None:
        self.listener.emit(ToolOutput(line=line))


def _open(command: HelperCommand) -> _Conversation:
    """Start a helper; whatever keeps it from greeting makes the transport unavailable."""
    try:
        conversation = _Conversation(command)
        conversation.greet()
    except (MissingToolError, ToolCrashedError, NotAFolderError, PluginCrashedError) as error:
        raise TransportError(
            f'The helper process of plugin "{command.plugin}" could not be started: {error.message}',
            plugin=command.plugin,
            phase="start",
            hint=error.hint or f"Reinstall the plugin: wasmrun plugin update {command.plugin} --force",
        ) from error
    return conversation


def _end(child: Child, grace_s: float) -> None:
    child.end(grace_s=grace_s)
