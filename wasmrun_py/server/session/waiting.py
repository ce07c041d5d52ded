"""What changed since the last build began, and how long to wait for more. For one event loop."""

from __future__ import annotations

import asyncio
from time import monotonic

# Saves that follow each other this closely are one edit (an editor, its formatter, a checkout)…
_BURST_S = 0.25
# …which is over when nothing was saved for this long, or after this long in any case.
_QUIET_S = 0.12
_LONGEST_WAIT_S = 2.0
# What a tool seems to have written is built once nothing has changed for this long.
_SUSPICION_S = 1.0


class WaitingChanges:
    """The names of files that changed and are not built yet."""

    def __init__(self) -> None:
        self._names: dict[str, None] = {}
        self._asked = False
        self._arrived = asyncio.Event()
        self._since = 0.0
        self._last = 0.0
        self._not_before = 0.0
        self.plugins_changed = False

    def ask(self) -> None:
        """Build although nothing changed."""
        self._asked = True
        self._arrived.set()

    def add(self, names: list[str], *, later: bool, is_plugin: bool, building: bool) -> None:
        """Files changed."""
        now = monotonic()
        if not self._names:
            self._since = now
        quiet = _SUSPICION_S if later else _QUIET_S if building or now - self._last < _BURST_S else 0.0
        self._not_before = now + quiet
        self._last = now
        self._names.update(dict.fromkeys(names))
        self.plugins_changed = self.plugins_changed or is_plugin
        self._arrived.set()

    def take(self) -> tuple[str, ...]:
        """What changed; nothing waits afterwards."""
        names = tuple(self._names)
        self._names.clear()
        self._asked = self.plugins_changed = False
        self._arrived.clear()
        return names

    async def wait(self) -> None:
        """Until something changed, and the last of it a moment ago."""
        await self._arrived.wait()
        while not self._asked:
            until = min(self._not_before, self._since + _LONGEST_WAIT_S)
            left = until - monotonic()
            if left <= 0:
                return
            await asyncio.sleep(left)
