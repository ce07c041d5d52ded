"""Bring onto the event loop what other threads hear: a watcher's changes, a build's lines."""

from __future__ import annotations

import contextlib
import shlex
import threading
from typing import TYPE_CHECKING

from wasmrun_py.model.events import ToolOutput, ToolStarted
from wasmrun_py.server.session.build_log import COMMAND_MARK

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable
    from pathlib import Path

    from wasmrun_py.model.events import Event
    from wasmrun_py.server.session.dev_session import DevSession, SessionObserver


class WatchEars:
    """Brings what a watching thread says onto the loop."""

    def __init__(self, session: DevSession, loop: asyncio.AbstractEventLoop, *, is_plugin: bool) -> None:
        self._session = session
        self._loop = loop
        self._is_plugin = is_plugin

    def changed(self, files: tuple[Path, ...], at_ns: int) -> None:
        """Files differ."""
        self._call(lambda: self._session.take_changes(files, at_ns, is_plugin=self._is_plugin))

    def vanished(self, folder: Path) -> None:
        """The folder is gone."""
        self._notice(f"{folder.name} is gone; what was built last is served until it is back")

    def returned(self, folder: Path) -> None:
        """The folder is back."""
        self._notice(f"{folder.name} is back")

    def polls(self, folder: Path, reason: str) -> None:
        """The system has no events."""
        self._notice(
            f"{folder.name} is looked at three times a second: the system cannot watch it ({reason})"
        )

    def _notice(self, text: str) -> None:
        self._call(lambda: self._session.notice(text))

    def _call(self, callback: Callable[[], None]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(callback)


class BuildEars:
    """Brings what a build says onto the loop, many lines at a time."""

    def __init__(
        self, session: DevSession, build: int, loop: asyncio.AbstractEventLoop, observer: SessionObserver
    ) -> None:
        self._session = session
        self._build = build
        self._loop = loop
        self._observer = observer
        self._lines: list[str] = []
        self._lock = threading.Lock()

    def hear(self, event: Event) -> None:
        """One event, from the conversation's thread."""
        self._observer.hear(event)
        match event:
            case ToolStarted(argv=argv):
                self._add(COMMAND_MARK + shlex.join(argv))
            case ToolOutput(line=line):
                self._add(line)
            case _:
                return

    def _add(self, line: str) -> None:
        with self._lock:
            self._lines.append(line)
            first = len(self._lines) == 1
        if first:
            with contextlib.suppress(RuntimeError):  # the loop has ended
                self._loop.call_soon_threadsafe(self._flush)

    def _flush(self) -> None:
        with self._lock:
            lines, self._lines = self._lines, []
        self._session.hear_lines(self._build, lines)
