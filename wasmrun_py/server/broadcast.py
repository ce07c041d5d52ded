"""One session tells every open page: the newest state, reloads, and the log.

Belongs to one event loop. A subscriber that does not read costs a bounded amount of memory: only the newest
state is kept for it, and the oldest log lines fall out.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from wasmrun_py.server.dev_state import DevState

_EVENTS_AHEAD = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerEvent:
    """One message to the pages.

    Attributes:
        name: ``state`` (a whole ``DevState``), ``reload`` (``{generation, changed}``), ``css``
            (``{generation, changed}``: only style sheets changed, swap them in place), ``log``
            (``{build, lines}``) or ``goodbye`` (``{}``: the server ends).
        data: Its JSON object.
    """

    name: str
    data: Mapping[str, Any]


class Subscription:
    """What one page has not been told yet."""

    def __init__(self) -> None:
        self._waiting: deque[ServerEvent] = deque(maxlen=_EVENTS_AHEAD)
        self._arrived = asyncio.Event()

    def put(self, event: ServerEvent) -> None:
        """Queue an event; an older state that was not read yet is obsolete and goes."""
        if event.name == "state":
            kept = [each for each in self._waiting if each.name != "state"]
            self._waiting.clear()
            self._waiting.extend(kept)
        self._waiting.append(event)
        self._arrived.set()

    async def get(self) -> ServerEvent:
        """The next event, as soon as there is one."""
        while not self._waiting:
            self._arrived.clear()
            await self._arrived.wait()
        return self._waiting.popleft()


class Broadcast:
    """Hands events to every subscriber."""

    def __init__(self) -> None:
        self._subscriptions: set[Subscription] = set()

    @contextmanager
    def subscribed(self) -> Iterator[Subscription]:
        """A subscription for as long as the block lasts."""
        subscription = Subscription()
        self._subscriptions.add(subscription)
        try:
            yield subscription
        finally:
            self._subscriptions.discard(subscription)

    def publish(self, event: ServerEvent) -> None:
        """Tell everybody; never blocks."""
        for subscription in self._subscriptions:
            subscription.put(event)


class Session(Protocol):
    """What ``http`` sees of ``session``."""

    @property
    def state(self) -> DevState:
        """The state now; a new object after each change."""

    @property
    def broadcast(self) -> Broadcast:
        """Where events are published."""

    def request_rebuild(self) -> None:
        """Build again although nothing changed."""

    def find_log(self, build: int) -> tuple[str, ...] | None:
        """The lines a build's tools wrote, capped; None for a build that is not known any more."""
