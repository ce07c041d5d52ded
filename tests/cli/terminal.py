"""Run the real command on a real pseudo-terminal, and type."""

from __future__ import annotations

import fcntl
import os
import re
import select
import struct
import subprocess
import sys
import termios
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@dataclass(kw_only=True)
class Terminal:
    """A command on a terminal of its own.

    Attributes:
        child: The command.
        master: Our end of the terminal.
        raw: Everything that was shown so far, control sequences included.
    """

    child: subprocess.Popen[bytes]
    master: int
    raw: str = ""

    @classmethod
    def start(
        cls,
        *args: str | Path,
        env: Mapping[str, str],
        cwd: Path,
        columns: int = 80,
        stdout: int | None = None,
    ) -> Self:
        """Start ``wasmrun ARGS…``; ``stdout`` is the terminal too, unless it is given."""
        command = ("-m", "wasmrun_py", *map(str, args))
        return cls.run_python(*command, env=env, cwd=cwd, columns=columns, stdout=stdout)

    @classmethod
    def run_python(
        cls,
        *args: str,
        env: Mapping[str, str],
        cwd: Path | None = None,
        columns: int = 80,
        stdout: int | None = None,
    ) -> Self:
        """Start our Python with these arguments."""
        master, slave = os.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
        child = subprocess.Popen(
            [sys.executable, *args],
            stdin=slave,
            stdout=slave if stdout is None else stdout,
            stderr=slave,
            env={**env, "TERM": "xterm-256color", "COLUMNS": str(columns)},
            cwd=cwd,
            start_new_session=True,
            # Ctrl-C reaches only the group that the terminal belongs to.
            preexec_fn=_take_terminal,  # noqa: PLW1509 - these tests have no threads
        )
        os.close(slave)
        return cls(child=child, master=master)

    @property
    def shown(self) -> str:
        """What was shown so far, without control sequences."""
        return _CONTROL.sub("", self.raw).replace("\r\n", "\n")

    def wait_for(self, text: str, *, timeout_s: float = 60) -> None:
        """Read until ``text`` is shown."""
        deadline = time.monotonic() + timeout_s
        while text not in self.shown:
            assert time.monotonic() < deadline, f"{text!r} was not shown: {self.shown!r}"
            assert self._read(), f"it ended before it showed {text!r}: {self.shown!r}"

    def type(self, keys: str) -> None:
        """Type these keys."""
        os.write(self.master, keys.encode())

    def finish(self) -> int:
        """Read to the end; the exit code."""
        while self._read():
            pass
        os.close(self.master)
        return self.child.wait(timeout=60)

    def _read(self) -> bool:
        """Take what comes within a moment; False at the end."""
        if not select.select([self.master], [], [], 0.2)[0]:
            return True
        try:
            chunk = os.read(self.master, 65536)
        except OSError:
            # Linux says EIO where the other end is closed.
            return False
        self.raw += chunk.decode("utf-8", "replace")
        return bool(chunk)


def _take_terminal() -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
