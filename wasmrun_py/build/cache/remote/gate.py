"""When a remote cache is still asked: not after it failed, and not for longer than a build can spare.

One gate for all builds of a command: the first fault is told once and closes it, so that a dead server
costs its time limit once. A session that lives on (``run``) tries again after a while. Safe for several
threads.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from wasmrun_py.build.cache.remote.fault import RemoteFault

RETRY_AFTER_S = 60.0


class Gate:
    """Open until a fault, then closed for ``RETRY_AFTER_S``; for reading and for writing.

    Args:
        host: What the server is called in messages.
        clock: Seconds that only grow.
    """

    def __init__(self, host: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._host = host
        self._clock = clock
        self._lock = threading.Lock()
        self._closed_until_s = {False: float("-inf"), True: float("-inf")}
        self._told: set[str] = set()

    def is_open(self, *, writing: bool = False) -> bool:
        """Whether the server is still asked, or written to."""
        with self._lock:
            until_s = self._closed_until_s
            return self._clock() >= (max(until_s.values()) if writing else until_s[False])

    def close(self, fault: RemoteFault) -> str | None:
        """Close it, for writing only where only that failed; the sentence for the user, or None if told."""
        with self._lock:
            self._closed_until_s[fault.writing] = self._clock() + RETRY_AFTER_S
            if fault.problem in self._told:
                return None
            self._told.add(fault.problem)
        what = "Builds are not sent there." if fault.writing else "The build goes on without it."
        return " ".join(filter(None, (f"The remote cache {self._host} {fault.problem}.", what, fault.hint)))
