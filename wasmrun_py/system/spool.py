"""Keep what a tool writes: small output in memory, long output on disk, lines as they come.

A compiler may write two lines or a hundred megabytes; neither may be lost and neither may fill the memory.
"""

from __future__ import annotations

import contextlib
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_HEAD_BYTES = 512 * 1024
_TAIL_BYTES = 512 * 1024
_LOG_CAP_BYTES = 1024 * 1024 * 1024
_LINE_CAP_BYTES = 16 * 1024
_LOGS_KEPT = 20


class OutputSpool:
    """Takes bytes in chunks from one reader thread.

    Args:
        log_file: Where everything goes once it outgrows memory (1 MiB); None keeps head and tail only.
        on_line: Called with each decoded line, without its line end.
    """

    def __init__(self, log_file: Path | None, *, on_line: Callable[[str], None] | None = None) -> None:
        self._wanted_log = log_file
        self._on_line = on_line
        self._head = bytearray()
        self._tail = bytearray()
        self._line = bytearray()
        self._total_bytes = 0
        self._log: IO[bytes] | None = None
        self._log_failed = log_file is None

    @property
    def log_file(self) -> Path | None:
        """The log that holds the whole output, or None when memory holds it (or no disk would take it)."""
        return self._wanted_log if self._outgrown and not self._log_failed else None

    @property
    def _outgrown(self) -> bool:
        return self._total_bytes > _HEAD_BYTES + _TAIL_BYTES

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes."""
        self._total_bytes += len(chunk)
        if self._log is None and self._outgrown and not self._log_failed:
            self._open_log()
        if self._log is not None:
            self._write_log(chunk)
        room = _HEAD_BYTES - len(self._head)
        if room > 0:
            self._head += chunk[:room]
            chunk_rest = chunk[room:]
        else:
            chunk_rest = chunk
        self._tail += chunk_rest
        # Trimmed at twice the size, so that a flood of small chunks does not copy the tail each time.
        if len(self._tail) > 2 * _TAIL_BYTES:
            del self._tail[:-_TAIL_BYTES]
        if self._on_line is not None:
            self._feed_lines(chunk)

    def close(self) -> None:
        """Flush the last unfinished line and the log."""
        if self._line and self._on_line is not None:
            self._on_line(self._line.decode("utf-8", "replace"))
            self._line.clear()
        if self._log is not None:
            with contextlib.suppress(OSError):
                self._log.close()

    def text(self) -> str:
        """The output, its middle cut out when it was long."""
        if not self._outgrown:
            return (self._head + self._tail).decode("utf-8", "replace")
        tail = self._tail[-_TAIL_BYTES:]
        omitted = self._total_bytes - len(self._head) - len(tail)
        head_text = self._head.decode("utf-8", "replace")
        tail_text = tail.decode("utf-8", "replace")
        return f"{head_text}\n[… {omitted} bytes left out …]\n{tail_text}"

    def _open_log(self) -> None:
        log_file = self._wanted_log
        if log_file is None:
            return
        try:
            log_file.parent.mkdir(parents=True, exist_ok=True)
            _prune_logs(log_file.parent)
            self._log = log_file.open("wb")
        except OSError:
            self._log_failed = True
            return
        self._write_log(bytes(self._head + self._tail))

    def _write_log(self, chunk: bytes) -> None:
        if self._log is None or self._total_bytes > _LOG_CAP_BYTES:
            return
        try:
            self._log.write(chunk)
        except OSError:
            self._log_failed = True

    def _feed_lines(self, chunk: bytes) -> None:
        if self._on_line is None:
            return
        self._line += chunk
        *lines, rest = bytes(self._line).split(b"\n")
        self._line = bytearray(rest)
        for line in lines:
            self._on_line(line.rstrip(b"\r").decode("utf-8", "replace"))
        if len(self._line) > _LINE_CAP_BYTES:
            self._on_line(self._line.decode("utf-8", "replace"))
            self._line.clear()


class LineLog:
    """Adds lines to the end of a log file as they come; a disk that takes none is no error.

    Args:
        path: The file; made with its folder when the first line comes.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stream: IO[str] | None = None
        self._failed = False

    def add(self, line: str) -> None:
        """Write one line; a reader sees it at once."""
        if self._failed:
            return
        try:
            if self._stream is None:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                self._stream = self._path.open("a", encoding="utf-8", buffering=1)
            self._stream.write(f"{line}\n")
        except OSError:
            self._failed = True

    def close(self) -> None:
        """Let go of the file."""
        if self._stream is not None:
            with contextlib.suppress(OSError):
                self._stream.close()


def _prune_logs(folder: Path) -> None:
    """Keep the newest logs only: each may be large, and only the last ones are ever read."""
    logs = sorted(folder.glob("*.log"), key=lambda path: path.stat().st_mtime, reverse=True)
    for old in logs[_LOGS_KEPT - 1 :]:
        old.unlink(missing_ok=True)
