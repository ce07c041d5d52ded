"""Call off work that runs in other threads: every child process of it is ended, and no new one starts.

Signals reach the main thread only. It hands a ``Cancellation`` to the threads it starts, through the context
they run in; ``system.process`` puts each child under the one of its thread. Nothing else is known here.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

from wasmrun_py.model.errors import InterruptError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# A context variable and not a parameter: a plugin that starts a tool need not know of it.
_CURRENT: ContextVar[Cancellation | None] = ContextVar("wasmrun-cancellation", default=None)


class Cancellation:
    """Work that can be called off from another thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._cancelled = False
        self._running: dict[int, Callable[[], None]] = {}
        self._last_number = 0

    @property
    def cancelled(self) -> bool:
        """It was called off."""
        return self._cancelled

    @contextmanager
    def active(self) -> Iterator[None]:
        """What this thread does inside the block can be called off."""
        token = _CURRENT.set(self)
        try:
            yield
        finally:
            _CURRENT.reset(token)

    def cancel(self) -> None:
        """End every running child, side by side; returns when they are gone."""
        with self._lock:
            self._cancelled = True
            ends = list(self._running.values())
        threads = [threading.Thread(target=end, name="wasmrun-end", daemon=True) for end in ends]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def require_going(self) -> None:
        """Go on only while it was not called off.

        Raises:
            InterruptError: It was.
        """
        if self._cancelled:
            raise InterruptError("Interrupted", hint="Outputs of earlier builds are as they were.")

    @contextmanager
    def watch(self, end: Callable[[], None]) -> Iterator[None]:
        """Have ``end`` called when the work is called off during the block.

        Raises:
            InterruptError: The work was called off, before or during the block.
        """
        with self._lock:
            self._last_number += 1
            number = self._last_number
            self._running[number] = end
        try:
            self.require_going()
            yield
        finally:
            with self._lock:
                del self._running[number]
        self.require_going()


def find_cancellation() -> Cancellation | None:
    """The one that this thread's work is under, or None."""
    return _CURRENT.get()
