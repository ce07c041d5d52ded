"""Load what a build needs afterwards while its toolchain runs, so that nobody waits for it.

Checking and publishing import 80 ms worth of modules, the validator first of all, and while a compiler
runs our own core is idle.
"""

from __future__ import annotations

import threading
from importlib import import_module
from typing import TYPE_CHECKING

from wasmrun_py.model.events import ToolStarted

if TYPE_CHECKING:
    from wasmrun_py.model.events import Event, Reporter

_NEEDED_AFTERWARDS = (
    "wasmrun_py.plugin.artifacts",
    "wasmrun_py.build.optimize",
    "wasmrun_py.build.outputs",
    "wasmrun_py.wasm.verify",
    "wasmrun_py.wasm.engine",
    "wasmtime",
)
# The tool is given the moment it needs to start before anything competes with it.
_HEAD_START_S = 0.03


class ImportWarmer:
    """A reporter that hands every event on, and begins the imports when the first tool starts.

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
            timer = threading.Timer(_HEAD_START_S, _load)
            timer.daemon = True
            timer.start()


def _load() -> None:
    for module in _NEEDED_AFTERWARDS:
        import_module(module)
