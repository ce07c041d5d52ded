"""Notice changed files, in a thread of its own: events of the system, or polling where there are none."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from watchfiles._rust_notify import RustNotify

    from wasmrun_py.server.session.snapshot import Snapshot

_STEP_MS = 10
_DEBOUNCE_MS = 50
_LOOK_MS = 1000
_POLL_S = 0.3
_GONE_LOOK_S = 0.25
# An editor that saves by renaming leaves the name free for a moment.
_RENAME_S = 0.03


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """What is watched.

    Attributes:
        folder: Absolute.
        snapshot: The files of it that matter.
        recursive: Folders below it are watched too.
        polling: Look at the files again and again instead of waiting for the system's events.
    """

    folder: Path
    snapshot: Snapshot
    recursive: bool = True
    polling: bool = False


class WatchListener(Protocol):
    """Hears of changes; called from the watching thread."""

    def changed(self, files: tuple[Path, ...], at_ns: int) -> None:
        """The bytes of these files differ; noticed at this time (nanoseconds since the epoch)."""

    def vanished(self, folder: Path) -> None:
        """The watched folder is not there any more."""

    def returned(self, folder: Path) -> None:
        """It is there again; what differs in it is told afterwards."""

    def polls(self, folder: Path, reason: str) -> None:
        """The system has no events to give, so that the files are looked at again and again."""


class Watcher:
    """Watches one folder until it is stopped.

    Args:
        watched: What to watch.
        listener: Told from the watching thread.
    """

    def __init__(self, watched: Watched, listener: WatchListener) -> None:
        self._watched = watched
        self._listener = listener
        self._stopping = threading.Event()
        self._ready = threading.Event()
        self._known = False
        self._thread = threading.Thread(target=self._run, name="wasmrun-watch", daemon=True)

    def start(self) -> None:
        """Begin; ``wait_ready`` says when nothing is missed any more."""
        self._thread.start()

    def wait_ready(self, timeout_s: float) -> bool:
        """Wait until the files are known and watched."""
        return self._ready.wait(timeout_s)

    def stop(self) -> None:
        """End the thread, and the waiting for it."""
        self._stopping.set()
        self._ready.set()

    def _run(self) -> None:
        polling = self._watched.polling
        while not self._stopping.is_set():
            if polling:
                self._look()
                self._poll()
                continue
            try:
                notify = _open(self._watched)
            except OSError as error:
                if self._watched.folder.is_dir():
                    polling = True
                    self._listener.polls(self._watched.folder, error.strerror or str(error))
                else:
                    self._wait_for_return()
                continue
            with notify:
                self._look()
                self._wait_for_events(notify)

    def _look(self) -> None:
        """Learn what is there; from the second time on, tell how it differs."""
        if self._known:
            self._tell(self._watched.snapshot.find_all_changed)
            return
        self._watched.snapshot.take()
        self._known = True
        self._ready.set()

    def _wait_for_events(self, notify: RustNotify) -> None:
        """Tell changes until the folder is gone, events were lost, or we are stopped."""
        from watchfiles._rust_notify import WatchfilesRustInternalError  # noqa: PLC0415 - see _open

        inode = _find_inode(self._watched.folder)
        while not self._stopping.is_set():
            try:
                raw = notify.watch(_DEBOUNCE_MS, _STEP_MS, _LOOK_MS, self._stopping)
            except WatchfilesRustInternalError:
                # A name that is no UTF-8: what came with it is lost, and found by looking at everything.
                return
            if _find_inode(self._watched.folder) != inode:
                self._wait_for_return()
                return
            if isinstance(raw, set):
                paths = [self._rebase(Path(path)) for _, path in raw]
                if any(self._watched.snapshot.knows(path) and not path.exists() for path in paths):
                    time.sleep(_RENAME_S)
                self._tell(partial(self._watched.snapshot.find_changed, paths))

    def _rebase(self, path: Path) -> Path:
        """Some systems tell where a file really lies; we go by the name that the user gave."""
        folder = self._watched.folder
        if path.is_relative_to(folder):
            return path
        real = folder.resolve()
        return folder / path.relative_to(real) if path.is_relative_to(real) else path

    def _poll(self) -> None:
        """The same by looking, a tenth of the time at most."""
        pause_s = _POLL_S
        while not self._stopping.wait(pause_s):
            if not self._watched.folder.is_dir():
                self._wait_for_return()
                return
            started = time.monotonic()
            self._tell(self._watched.snapshot.find_all_changed)
            pause_s = max(_POLL_S, 9 * (time.monotonic() - started))

    def _tell(self, find: Callable[[], tuple[Path, ...]]) -> None:
        at_ns = time.time_ns()
        changed = find()
        if changed:
            self._listener.changed(changed, at_ns)

    def _wait_for_return(self) -> None:
        self._listener.vanished(self._watched.folder)
        while not self._stopping.is_set() and not self._watched.folder.is_dir():
            self._stopping.wait(_GONE_LOOK_S)
        if not self._stopping.is_set():
            self._listener.returned(self._watched.folder)


def _open(watched: Watched) -> RustNotify:
    """Begin to collect events.

    Raises:
        OSError: There is no such folder, or the system watches no more.
    """
    # Its own log of every event would go through ours.
    logging.getLogger("watchfiles").setLevel(logging.ERROR)
    from watchfiles._rust_notify import RustNotify, WatchfilesRustInternalError  # noqa: PLC0415 - 20 ms

    try:
        return RustNotify([str(watched.folder)], False, False, 0, watched.recursive, True)  # noqa: FBT003 - its own signature
    except WatchfilesRustInternalError as error:
        raise OSError(str(error)) from error


def _find_inode(folder: Path) -> tuple[int, int] | None:
    try:
        status = folder.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino
