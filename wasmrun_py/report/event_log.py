"""One JSON object a line while a build runs: for programs that watch it.

Members: ``event`` (``build-started``, ``step``, ``tool-started``, ``message``, ``diagnostic``, ``artifact``,
``build-finished``), ``time_s`` (Unix time), ``project``, and what the event says; docs/ci.md lists them.
"""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

from wasmrun_py.model.events import Event, Message, StepFinished, StepStarted, ToolStarted
from wasmrun_py.report.outcome import locate

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from wasmrun_py.report.outcome import ProjectOutcome

_SCHEMA = 1


class EventLog:
    """Writes the events of one project's build. A reporter: called from any thread.

    Args:
        write: Takes a line without its end, and has passed it on when it returns; must not raise.
        project: The project's folder.
        root: The repository's.
        clock: Unix time in seconds.
    """

    def __init__(
        self, write: Callable[[str], None], *, project: Path, root: Path, clock: Callable[[], float]
    ) -> None:
        self._write = write
        self._project = project
        self._root = root
        self._clock = clock
        self._lock = threading.Lock()

    def started(self, command: str, version: str) -> None:
        """The build of the project begins."""
        self._log("build-started", schema=_SCHEMA, command=command, version=version, root=str(self._root))

    def emit(self, event: Event) -> None:
        """One event of the build; what tools say and how far downloads are is left out."""
        match event:
            case StepStarted(label=label):
                self._log("step", state="started", label=label)
            case StepFinished(label=label):
                self._log("step", state="finished", label=label)
            case ToolStarted(argv=argv):
                self._log("tool-started", argv=list(argv))
            case Message(level=level, text=text):
                self._log("message", level=level, text=text)
            case _:
                return

    def finished(self, outcome: ProjectOutcome) -> None:
        """The build is over: its diagnostics, its artifacts, its end."""
        for said in outcome.said:
            place = locate(said, outcome.project, self._root)
            self._log(
                "diagnostic",
                file=place.shown or None,
                line=place.line,
                column=place.column,
                severity=said.severity,
                message=said.message,
                source=said.source,
            )
        for each in outcome.artifacts:
            self._log(
                "artifact",
                path=str(each.path),
                kind=each.kind,
                size_bytes=each.size_bytes,
                sha256=each.sha256,
            )
        error = outcome.error
        failure = None
        if error is not None:
            failure = {"code": error.code, "message": error.message, "hint": error.hint}
        self._log(
            "build-finished",
            ok=error is None,
            exit_code=0 if error is None else error.exit_code,
            duration_s=round(outcome.duration_s, 3),
            error=failure,
        )

    def _log(self, event: str, **members: Any) -> None:
        line = {"event": event, "time_s": round(self._clock(), 3), "project": str(self._project), **members}
        text = json.dumps(line, default=str)
        with self._lock:
            self._write(text)
