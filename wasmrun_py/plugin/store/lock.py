"""Who may change the installed plugins now: one process at a time, and whoever waits is told for whom.

Two kinds of lock: one a plugin, held while it is fetched and built (minutes), and one over the pointer
file, held while it is swapped (milliseconds). Always in this order.
"""

from __future__ import annotations

import contextlib
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from wasmrun_py.model.errors import OutputError
from wasmrun_py.model.events import Level, Message
from wasmrun_py.system.fs import atomic_write, exclusive_lock, remove_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from wasmrun_py.model.events import Reporter
    from wasmrun_py.system.paths import Home

_HOLDER_CAP_BYTES = 300


@contextmanager
def plugin_lock(home: Home, name: str, doing: str, reporter: Reporter) -> Iterator[None]:
    """Hold the lock of one plugin while it is fetched and built.

    Args:
        home: Where lock files lie.
        name: The plugin's name, checked.
        doing: What is done, as a person would type it (``plugin install wasmrust``).
        reporter: Is told who holds the lock when it must be waited for.

    Raises:
        OutputError: The lock file cannot be made.
    """
    with _held(home.locks / f"plugin-{name}.lock", doing, reporter):
        yield


@contextmanager
def pointer_lock(home: Home, doing: str, reporter: Reporter) -> Iterator[None]:
    """Hold the lock of ``config.toml`` while it is read, changed and written."""
    with _held(pointer_lock_file(home), doing, reporter):
        yield


def pointer_lock_file(home: Home) -> Path:
    """The lock file of ``config.toml``."""
    return home.locks / "plugins.lock"


@contextmanager
def _held(lock: Path, doing: str, reporter: Reporter) -> Iterator[None]:
    holder = lock.with_suffix(".holder")

    def tell() -> None:
        reporter.emit(Message(level=Level.INFO, text=f"Waiting for {_load_holder(holder)}…"))

    with exclusive_lock(lock, on_wait=tell):
        # A courtesy: without it the lock works all the same.
        with contextlib.suppress(OutputError):
            atomic_write(holder, f"wasmrun {doing} (process {os.getpid()})".encode())
        try:
            yield
        finally:
            remove_file(holder)


def _load_holder(holder: Path) -> str:
    try:
        with holder.open("rb") as stream:
            said = stream.read(_HOLDER_CAP_BYTES).decode("utf-8", "replace").strip()
    except OSError:
        return "another wasmrun"
    return f"another wasmrun: {said}" if said else "another wasmrun"
