"""What each build's tools wrote, capped: for the page that asks, and for pages that follow a build."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_LINES = 1000
_LINE_CAP = 1000
_BUILDS = 50
COMMAND_MARK = "$ "
"""How the line of a command begins."""

_CUT = "… earlier lines were dropped"


class BuildLogs:
    """The lines of the last builds. For one thread."""

    def __init__(self) -> None:
        self._logs: dict[int, deque[str]] = {}
        self._dropped: set[int] = set()

    def begin(self, build: int) -> None:
        """A build begins; the oldest is forgotten."""
        self._logs[build] = deque(maxlen=_LINES)
        while len(self._logs) > _BUILDS:
            oldest = next(iter(self._logs))
            del self._logs[oldest]
            self._dropped.discard(oldest)

    def add(self, build: int, lines: Iterable[str]) -> None:
        """More lines of a build that has begun."""
        log = self._logs.get(build)
        for line in lines if log is not None else ():
            if len(log) == _LINES:  # type: ignore[arg-type]  # the loop is empty without one
                self._dropped.add(build)
            log.append(line[:_LINE_CAP])  # type: ignore[union-attr]  # as above

    def has_output(self, build: int) -> bool:
        """Whether a build's tools wrote anything."""
        return any(not line.startswith(COMMAND_MARK) for line in self._logs.get(build, ()))

    def find(self, build: int) -> tuple[str, ...] | None:
        """The lines of a build, or None when it is not known any more."""
        log = self._logs.get(build)
        if log is None:
            return None
        return (_CUT, *log) if build in self._dropped else tuple(log)
