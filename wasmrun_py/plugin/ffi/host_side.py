"""What every kind of library is called with: the way back to wasmrun. Helper's side.

``HostSide`` is also the ``wasmrun_host`` of ABI 1: its functions may be called from any thread of the plugin.
"""

from __future__ import annotations

import ctypes
import time

from wasmrun_py.plugin.ffi.layouts import (
    LOG_LEVELS,
    CancelledFunction,
    HostTable,
    LogFunction,
    ProgressFunction,
    Str,
)
from wasmrun_py.plugin.ffi.memory import MisbehavedError, read_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_SHARE = 10_000


def _drop(_frame: dict[str, Any]) -> None:
    """Nobody listens."""


class HostSide:
    """The way back.

    Args:
        send: Sends one frame; whole, from whatever thread.
    """

    def __init__(self, send: Callable[[dict[str, Any]], None]) -> None:
        self._send = send
        self._label = ""
        self._gone = False
        self.deadline: float | None = None
        self.table = HostTable(
            struct_size=ctypes.sizeof(HostTable),
            ctx=None,
            log=LogFunction(self._log),
            progress=ProgressFunction(self._progress),
            cancelled=CancelledFunction(self._cancelled),
        )

    def enter(self, phase: str) -> None:
        """Say which function of the plugin is called next, so that a crash in it can be named."""
        self._send({"phase": phase})

    def cancel(self) -> None:
        """From now on the plugin is told that nobody waits any more."""
        self._gone = True

    def mute(self) -> None:
        """From now on nothing is sent but answers: ten thousand calls would say ten thousand things."""
        self._send = _drop

    def finish(self) -> None:
        """A call is over: what it showed ends with it."""
        if self._label:
            self._emit({"type": "StepFinished", "label": self._label})
            self._label = ""
        self.deadline = None

    def note(self, level: str, text: str) -> None:
        """Say something to the user."""
        self._emit({"type": "Message", "level": level, "text": text})

    def _log(self, _ctx: int | None, level: int, message: Str) -> None:
        self.note(LOG_LEVELS[min(level, len(LOG_LEVELS) - 1)], self._said(message, "a log message"))

    def _progress(self, _ctx: int | None, fraction: float, message: Str) -> None:
        label = self._said(message, "a progress message")
        if label and label != self._label:
            self._label = label
            self._emit({"type": "StepStarted", "label": label})
        # A fraction that is not a number compares with nothing.
        share = int(fraction * _SHARE) if 0.0 <= fraction <= 1.0 else 0
        self._emit({"type": "Progress", "label": self._label, "done_bytes": share, "total_bytes": _SHARE})

    def _cancelled(self, _ctx: int | None) -> int:
        late = self.deadline is not None and time.monotonic() >= self.deadline
        return int(self._gone or late)

    def _emit(self, event: dict[str, Any]) -> None:
        self._send({"event": event})

    @staticmethod
    def _said(message: Str, what: str) -> str:
        """Text from a callback: what is none is named instead, for there is nobody to answer to."""
        try:
            return read_text(message, what)
        except MisbehavedError as error:
            return f"[{error}]"
