"""Load the validator while the toolchain runs, so that a build does not wait for it afterwards.

Importing wasmtime takes 50 ms of one core, and during a build ours is idle.
"""

from __future__ import annotations

import threading
from importlib import import_module
from typing import TYPE_CHECKING

from wasmrun_py.model.events import ToolStarted

if TYPE_CHECKING:
    from wasmrun_py.model.events import Event, Reporter

# The tool is given the moment it needs to start before anything competes with it.
_HEAD_START_S = 0.03


class EngineWarmer:
    """A reporter that hands every event on, and begins the import when the first tool starts.

    Args:
        reporter: Receives every event.
    """

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter
        self._begun = False

    def emit(self, event: Event) -> None:
        """Hand the event on."""
        self._reporter.emit(event)
        if isinstance(event, ToolStarted) and not self._begun:
            self._begun = True
            timer = threading.Timer(_HEAD_START_S, import_module, ("wasmtime",))
            timer.daemon = True
            timer.start()
