"""Load what is needed afterwards while a tool runs, so that nobody waits for it.

Checking and publishing a build imports 80 ms worth of modules, the validator first of all, and while a
compiler runs our own core is idle; so it is while a plugin is installed.
"""

from __future__ import annotations

import threading
from importlib import import_module
from typing import TYPE_CHECKING

from wasmrun_py.model.events import ToolStarted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wasmrun_py.model.events import Event, Reporter

# The tool is given the moment it needs to start before anything competes with it.
_HEAD_START_S = 0.03


class ImportWarmer:
    """A reporter that hands every event on, and begins the imports when the first tool starts.

    Args:
        reporter: Receives every event.
        modules: What will be needed, in this order.
    """

    def __init__(self, reporter: Reporter, modules: Sequence[str]) -> None:
        self._reporter = reporter
        self._modules = tuple(modules)
        self._begun = False

    def emit(self, event: Event) -> None:
        """Hand the event on."""
        self._reporter.emit(event)
        if isinstance(event, ToolStarted) and not self._begun:
            self._begun = True
            timer = threading.Timer(_HEAD_START_S, _load, (self._modules,))
            timer.daemon = True
            timer.start()


def _load(modules: tuple[str, ...]) -> None:
    for module in modules:
        import_module(module)
