"""The private folders that are served from: one a good build, the newest and the one before it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from wasmrun_py.system.fs import remove_tree

if TYPE_CHECKING:
    from pathlib import Path


class Generations:
    """Hands out folders and throws old ones away.

    Args:
        root: A private folder; its owner removes it with everything in it.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._kept: list[Path] = []

    def plan(self, number: int) -> Path:
        """The folder of a build; not made yet."""
        return self._root / str(number)

    def adopt(self, folder: Path) -> None:
        """Keep ``folder``, and the one before it: a page in the middle of loading reads that one."""
        self._kept.append(folder)
        while len(self._kept) > 2:  # noqa: PLR2004 - the newest and the one before
            self.discard(self._kept.pop(0))

    def discard(self, folder: Path) -> None:
        """Remove a folder, beside the event loop."""
        asyncio.get_running_loop().run_in_executor(None, remove_tree, folder)
