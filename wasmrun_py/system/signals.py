"""What asks this process to end, and holding it back while a few renames must stay together."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


def list_ending_signals() -> tuple[int, ...]:
    """The signals that ask us to end: Ctrl-C, a polite end, and the closing of the terminal.

    The last is not among them where it is ignored: ``nohup`` wants it so.
    """
    hangup = getattr(signal, "SIGHUP", None)
    if hangup is None or signal.getsignal(hangup) is signal.SIG_IGN:
        return (signal.SIGINT, signal.SIGTERM)
    return (signal.SIGINT, signal.SIGTERM, hangup)


@contextmanager
def deferred_interrupts() -> Iterator[None]:
    """Delay what asks us to end to the end of the block, then raise KeyboardInterrupt for them.

    Only for blocks of milliseconds. Outside the main thread signals do not arrive, and nothing is done.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    arrived: list[int] = []

    def note(number: int, _frame: Any) -> None:
        arrived.append(number)

    previous = {number: signal.signal(number, note) for number in list_ending_signals()}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
        if arrived:
            raise KeyboardInterrupt
