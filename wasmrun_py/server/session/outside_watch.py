"""Watch the files outside the project that the last good build read: another set after each build.

For one event loop. A folder is watched by itself, without those below it, for the files in it that count.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from wasmrun_py.build.project_files import ProjectFiles
from wasmrun_py.server.session.snapshot import NamedFiles, Snapshot, find_write_time
from wasmrun_py.server.session.watcher import Watched, Watcher

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wasmrun_py.server.session.outcome import Outside
    from wasmrun_py.server.session.snapshot import FileRules
    from wasmrun_py.server.session.watcher import WatchListener

_READY_S = 5.0
_Place = tuple[Path, frozenset[Path] | None]
"""A folder with the files in it that count; None for all of them and those below."""


class OutsideWatch:
    """The watchers of one session.

    Args:
        listener: Told from the watching threads.
        polling: Look at the files again and again instead of waiting for the system's events.
    """

    def __init__(self, listener: WatchListener, *, polling: bool) -> None:
        self._listener = listener
        self._polling = polling
        self._watchers: dict[_Place, Watcher] = {}

    async def follow(self, outside: Outside, since_ns: int) -> tuple[Path, ...]:
        """Watch these from now on, and nothing else.

        Args:
            outside: What the build read.
            since_ns: When it began (nanoseconds since the epoch).

        Returns:
            Files that were not watched while it ran and were written since: it may have read them before.
        """
        wanted = dict(_find_places(outside))
        for place in [place for place in self._watchers if place not in wanted]:
            self._watchers.pop(place).stop()
        new = {place: rules for place, rules in wanted.items() if place not in self._watchers}
        for place, rules in new.items():
            folder, files = place
            watched = Watched(
                folder=folder,
                snapshot=Snapshot(rules),
                recursive=files is None,
                polling=self._polling,
            )
            self._watchers[place] = Watcher(watched, self._listener)
            self._watchers[place].start()
        loop = asyncio.get_running_loop()
        for place in new:
            await loop.run_in_executor(None, self._watchers[place].wait_ready, _READY_S)
        return tuple(
            file
            for rules in new.values()
            for file in rules.walk()
            if (find_write_time(file) or 0) >= since_ns
        )

    def stop(self) -> None:
        """Watch nothing any more."""
        for watcher in self._watchers.values():
            watcher.stop()
        self._watchers.clear()


def _find_places(outside: Outside) -> Iterator[tuple[_Place, FileRules]]:
    folders: dict[Path, list[Path]] = {}
    for file in outside.files:
        folders.setdefault(file.parent, []).append(file)
    for folder, files in folders.items():
        yield (folder, frozenset(files)), NamedFiles(files)
    for tree in outside.trees:
        yield (tree, None), ProjectFiles(tree, with_ignored=True)
