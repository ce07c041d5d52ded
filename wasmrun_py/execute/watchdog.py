"""End the guest at its deadline: interrupt it first, so that a backtrace is left, then give it up.

A thread suffices, because ctypes lets go of the interpreter lock while wasmtime runs or compiles.
"""

from __future__ import annotations

import _thread
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

# How long an interrupted guest may take to notice before it is taken to be blocked in the host.
_NOTICE_S = 0.15
# Longer sleeps overflow what some systems count in; nobody waits for the difference.
_LONGEST_S = 1e9


class Watchdog:
    """Watches the wall clock for one run.

    Attributes:
        fired: True once the deadline has passed.
    """

    def __init__(self) -> None:
        self.fired = False

    def start(self, timeout_s: float, *, interrupt: Callable[[], None], give_up: Callable[[], None]) -> None:
        """Begin to watch.

        Args:
            timeout_s: Seconds from now.
            interrupt: Asks the guest to stop at its next function or loop.
            give_up: Called when that did not help: it is compiling, or blocked in a call of the host.
        """

        def watch() -> None:
            time.sleep(min(timeout_s, _LONGEST_S))
            self.fired = True
            interrupt()
            time.sleep(_NOTICE_S)
            give_up()

        _thread.start_new_thread(watch, ())
