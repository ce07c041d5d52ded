"""A time limit that holds whatever a server does: also for a name that is looked up, and for a byte a second.

A client's own timeouts begin anew with each byte. So the work runs in a thread of its own, which is left
behind when time is up: it is a daemon, touches no stream of ours, and ends at its own next check of the
deadline.
"""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future, wait
from typing import TYPE_CHECKING, TypeVar

from wasmrun_py.build.cache.remote.fault import RemoteFault
from wasmrun_py.config.remote_cache import TIMEOUT_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Callable

_Made = TypeVar("_Made")
# Windows delivers Ctrl-C between two waits only.
_SLICE_S = 0.2


class Budget:
    """How much time a build still has for a remote cache; what is spent is not given back.

    Args:
        total_s: All of it.
        abandon: Called when work is left behind, so that it ends soon.
        clock: Seconds that only grow.
    """

    def __init__(
        self, total_s: float, abandon: Callable[[], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._left_s = total_s
        self._abandon = abandon
        self._clock = clock

    def run(self, work: Callable[[Deadline], _Made]) -> _Made:
        """What ``work`` gives, if it gives it before the budget is used up.

        Args:
            work: Runs in another thread; asks its deadline now and then.

        Raises:
            RemoteFault: It did not, or ``work`` raised it.
        """
        started = self._clock()
        deadline = Deadline(started + self._left_s, self._clock)
        try:
            return self._run_beside(lambda: work(deadline), deadline)
        finally:
            self._left_s -= self._clock() - started

    def _run_beside(self, work: Callable[[], _Made], deadline: Deadline) -> _Made:
        deadline.check()
        outcome: Future[_Made] = Future()

        def run() -> None:
            try:
                outcome.set_result(work())
            except BaseException as error:  # noqa: BLE001 - handed to the thread that waits, as it is
                outcome.set_exception(error)

        threading.Thread(target=run, name="remote-cache", daemon=True).start()
        while not outcome.done():
            if deadline.left_s <= 0:
                self._abandon()
                raise too_slow()
            wait([outcome], timeout=min(_SLICE_S, deadline.left_s))
        return outcome.result()


class Deadline:
    """A point in time."""

    def __init__(self, at_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._at_s = at_s
        self._clock = clock

    @property
    def left_s(self) -> float:
        """Seconds until then, at least 0."""
        return max(0.0, self._at_s - self._clock())

    def check(self) -> None:
        """Go on only before it.

        Raises:
            RemoteFault: It has passed.
        """
        if self.left_s <= 0:
            raise too_slow()


def too_slow() -> RemoteFault:
    """The fault of a server that used up its time."""
    return RemoteFault("is too slow", hint=f"{TIMEOUT_VARIABLE} sets how many seconds a build gives it.")
