"""Start the process that builds. Light to import: it is started first, and both sides get ready at once."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from wasmrun_py.system.process import start_child

if TYPE_CHECKING:
    from collections.abc import Mapping

_MODULE = "wasmrun_py.server.session.build_child"
_STDERR_KEPT_BYTES = 16 * 1024


class BuildProcess:
    """The process, and the end of what it wrote to stderr.

    Args:
        environ: Its environment.

    Raises:
        ToolCrashedError, MissingToolError: The system refuses to start our interpreter.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._stderr = bytearray()
        # -P: nothing in its working folder is taken for a module. That folder is never the project.
        argv = (sys.executable, "-P", "-m", _MODULE)
        self.child = start_child(
            argv, cwd=Path(tempfile.gettempdir()), env=environ, on_stderr=self._hear_stderr
        )

    @property
    def stderr(self) -> str:
        """What it wrote last."""
        return bytes(self._stderr).decode("utf-8", "replace")

    def forget_stderr(self) -> None:
        """What it wrote so far is of no interest any more."""
        self._stderr.clear()

    def _hear_stderr(self, chunk: bytes) -> None:
        self._stderr += chunk
        del self._stderr[:-_STDERR_KEPT_BYTES]
