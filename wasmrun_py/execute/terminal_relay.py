"""Between the guest and a real terminal: a pseudo-terminal whose output is filtered on its way.

A pipe would do for the filtering, but the guest would no longer see a terminal, and its C library would hold
lines back until a block is full. Runs in the child only, and only where there are pseudo-terminals.
"""

from __future__ import annotations

import _thread
import contextlib
import os
import pty
import tty

from wasmrun_py.execute.terminal import TerminalFilter

_STDOUT, _STDERR = 1, 2
_CHUNK_BYTES = 65536


def open_relays() -> list[TerminalRelay]:
    """Put a relay before each terminal that stdout and stderr lead to; none where no terminal can be had."""
    terminals: dict[int, list[int]] = {}
    for descriptor in (_STDOUT, _STDERR):
        with contextlib.suppress(OSError):
            if os.isatty(descriptor):
                terminals.setdefault(os.fstat(descriptor).st_rdev, []).append(descriptor)
    # Both streams of one terminal share a relay, so that their order is kept.
    return [TerminalRelay(descriptors) for descriptors in terminals.values()]


class TerminalRelay:
    """A pseudo-terminal in place of ``descriptors``, which all lead to one terminal.

    Raises:
        OSError: The system has no pseudo-terminal left.
    """

    def __init__(self, descriptors: list[int]) -> None:
        self._descriptors = descriptors
        self._terminal = os.dup(descriptors[0])
        self._master, slave = pty.openpty()
        # The real terminal translates line ends; doing it here as well would double them.
        tty.setraw(slave)
        for descriptor in descriptors:
            os.dup2(slave, descriptor)
        os.close(slave)
        self._drained = _thread.allocate_lock()
        self._drained.acquire()
        _thread.start_new_thread(self._pump, ())

    def close(self) -> None:
        """Let everything written so far reach the terminal; the guest must have ended."""
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for descriptor in self._descriptors:
            os.dup2(nowhere, descriptor)
        self._drained.acquire()

    def _pump(self) -> None:
        harmless = TerminalFilter()
        # Linux answers EIO once the other end is closed, other systems an empty read. A terminal that is
        # gone ends the pump as well, and with it whatever the guest still writes.
        with contextlib.suppress(OSError):
            while chunk := self._read():
                self._write(harmless.feed(chunk))
            self._write(harmless.finish())
        os.close(self._master)
        self._drained.release()

    def _read(self) -> bytes:
        try:
            return os.read(self._master, _CHUNK_BYTES)
        except OSError:
            return b""

    def _write(self, data: bytes) -> None:
        while data:
            data = data[os.write(self._terminal, data) :]
