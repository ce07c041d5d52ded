"""Progress of a package client by measurement: how many bytes have appeared in the folders it fills.

Package clients write no progress to a pipe. uv unpacks a wheel while it streams in, into a ``.tmp*`` folder
of its cache, and links it into place at the end; pip uses the temporary folder it is given.
"""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from wasmrun_py.model.events import Progress

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from wasmrun_py.model.events import Reporter

_INTERVAL_S = 0.25


class GrowthMeter:
    """Emits ``Progress`` while a block runs.

    Args:
        label: The step's label.
        whole: A folder whose whole content counts (the staging folder).
        caches: Folders of which only ``.tmp*`` entries that appear after the start count.
        total_bytes: The size at the end, or None when nobody can say.
        reporter: Receives the events, from a second thread.
    """

    def __init__(
        self,
        *,
        label: str,
        whole: Path,
        caches: tuple[Path, ...],
        total_bytes: int | None,
        reporter: Reporter,
    ) -> None:
        self._label = label
        self._whole = whole
        self._caches = caches
        self._total_bytes = total_bytes
        self._reporter = reporter
        self._known = frozenset(entry for cache in caches for entry in _temporary_entries(cache))
        self._done_bytes = 0

    @contextmanager
    def running(self) -> Iterator[None]:
        """Measure for as long as the block runs."""
        stop = threading.Event()

        def watch() -> None:
            while not stop.wait(_INTERVAL_S):
                self._measure()

        thread = threading.Thread(target=watch, name="wasmrun-growth", daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()

    def _measure(self) -> None:
        """Tell how much there is, when it is more than before."""
        cached = sum(
            folder_bytes(entry)
            for cache in self._caches
            for entry in _temporary_entries(cache)
            if entry not in self._known
        )
        # The same bytes appear in the cache first and in the staging folder after: they count once.
        now_bytes = max(cached, folder_bytes(str(self._whole)))
        if self._total_bytes is not None:
            now_bytes = min(now_bytes, self._total_bytes)
        if now_bytes > self._done_bytes:
            self._done_bytes = now_bytes
            event = Progress(label=self._label, done_bytes=now_bytes, total_bytes=self._total_bytes)
            self._reporter.emit(event)


def folder_bytes(folder: str) -> int:
    """The size of every file below a folder; what disappears while we look counts as nothing."""
    total = 0
    waiting = [folder]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
                    else:
                        total += entry.stat(follow_symlinks=False).st_size
        except OSError:
            continue
    return total


def _temporary_entries(cache: Path) -> list[str]:
    try:
        with os.scandir(cache) as entries:
            return [entry.path for entry in entries if entry.name.startswith(".tmp")]
    except OSError:
        return []
