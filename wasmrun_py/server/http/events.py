"""Event streams: what a page is told, as ``text/event-stream``, until either side ends."""

from __future__ import annotations

import asyncio
import json
from collections import OrderedDict
from typing import TYPE_CHECKING

from wasmrun_py.server.broadcast import ServerEvent
from wasmrun_py.server.http.exchange import RefusedError

if TYPE_CHECKING:
    from wasmrun_py.server.broadcast import Session, Subscription
    from wasmrun_py.server.http.exchange import Exchange

GOODBYE = "goodbye"
# A comment now and then finds out about readers that vanished without a word.
_PING_S = 20.0
_PING = b": still here\n\n"
_ENCODED_KEPT = 32
_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"cross-origin-resource-policy", b"same-origin"),
]


class EventStreams:
    """All open streams of a server.

    Args:
        session: What they tell about.
        cap: How many there may be at once.
    """

    def __init__(self, session: Session, *, cap: int) -> None:
        self._session = session
        self._cap = cap
        self._open = 0
        # All streams send the same event objects; each is encoded once. The event is kept with its bytes, so
        # that its id stays its own.
        self._encoded: OrderedDict[int, tuple[ServerEvent, bytes]] = OrderedDict()

    async def serve(self, exchange: Exchange) -> None:
        """Tell one page everything until it leaves, or the server says goodbye.

        Raises:
            RefusedError: There are too many streams.
        """
        if self._open >= self._cap:
            raise RefusedError(
                503,
                f"{self._cap} pages listen already. Close some of them.",
                headers=[(b"retry-after", b"5")],
            )
        self._open += 1
        try:
            # Subscribed first: a change between the two is then told twice, and not never.
            with self._session.broadcast.subscribed() as subscription:
                await exchange.start(200, _HEADERS)
                await exchange.write(self._encode(self._now()), more=True)
                await exchange.run_while_there(self._tell(exchange, subscription))
        finally:
            self._open -= 1

    async def _tell(self, exchange: Exchange, subscription: Subscription) -> None:
        while True:
            try:
                event = await asyncio.wait_for(subscription.get(), _PING_S)
            except TimeoutError:
                await exchange.write(_PING, more=True)
                continue
            leaving = event.name == GOODBYE
            await exchange.write(self._encode(event), more=not leaving)
            if leaving:
                return

    def _now(self) -> ServerEvent:
        return ServerEvent(name="state", data=self._session.state.to_json())

    def _encode(self, event: ServerEvent) -> bytes:
        found = self._encoded.get(id(event))
        if found is not None:
            return found[1]
        # JSON has no line ends outside of strings, and escapes them inside.
        encoded = f"event: {event.name}\ndata: {json.dumps(event.data)}\n\n".encode()
        self._encoded[id(event)] = (event, encoded)
        if len(self._encoded) > _ENCODED_KEPT:
            self._encoded.popitem(last=False)
        return encoded
