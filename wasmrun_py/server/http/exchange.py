"""One request and the answer to it, as ASGI has them: small, so that a served file costs little."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Coroutine, Mapping, Sequence

    from starlette.types import Receive, Scope, Send

Headers = list[tuple[bytes, bytes]]

# No answer of ours is ever sniffed into another type, or tells another site where the reader was.
_ALWAYS: Headers = [(b"x-content-type-options", b"nosniff"), (b"referrer-policy", b"same-origin")]
_BODY_CAP_BYTES = 64 * 1024
_PIECE_BYTES = 1024 * 1024


class RefusedError(Exception):
    """The request is not answered as it is; never leaves this room.

    Attributes:
        status: The HTTP status.
        text: One sentence for whoever asked.
        headers: Further headers of the answer.
    """

    def __init__(self, status: int, text: str, *, headers: Sequence[tuple[bytes, bytes]] = ()) -> None:
        super().__init__(text)
        self.status = status
        self.text = text
        self.headers = list(headers)


class Exchange:
    """A request, and the one answer that may be given.

    Attributes:
        http_version: ``1.1`` or what else the client says.
        method: Upper case.
        path: The path, percent-decoded once.
        raw_path: The path as it was sent.
        query: What follows the ``?``.
        scheme: ``http`` or ``https``.
        answered: The answer has begun.
    """

    __slots__ = (
        "_read_whole",
        "_receive",
        "_scope",
        "_send",
        "answered",
        "http_version",
        "method",
        "path",
        "query",
        "raw_path",
        "scheme",
    )

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self._read_whole = False
        self.http_version: str = scope["http_version"]
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.raw_path: bytes = scope["raw_path"]
        self.query: bytes = scope["query_string"]
        self.scheme: str = scope["scheme"]
        self.answered = False

    @property
    def headers(self) -> Headers:
        """All headers in their order, names in lower case."""
        headers: Headers = self._scope["headers"]
        return headers

    @property
    def client(self) -> str:
        """Who asks; empty when the system does not tell."""
        client = self._scope.get("client")
        return str(client[0]) if client else ""

    def find_header(self, name: bytes) -> str | None:
        """The one value of a header, or None.

        Raises:
            RefusedError: It was sent twice: nobody honest does, and two readers could take different ones.
        """
        values = [value for each, value in self._scope["headers"] if each == name]
        if not values:
            return None
        if len(values) > 1:
            raise RefusedError(400, f"More than one {name.decode()} header was sent.")
        return str(values[0], "latin-1")

    def list_header(self, name: bytes) -> str:
        """All values of a header that may be sent in several lines, joined with commas."""
        return ", ".join(str(value, "latin-1") for each, value in self._scope["headers"] if each == name)

    async def start(self, status: int, headers: Headers) -> None:
        """Send the status and the headers."""
        self.answered = True
        await self._send(
            {"type": "http.response.start", "status": status, "headers": [*_ALWAYS, *headers]},
        )

    async def write(self, body: bytes, *, more: bool) -> None:
        """Send a part of the body."""
        await self._send({"type": "http.response.body", "body": body, "more_body": more})

    async def answer(self, status: int, headers: Headers, body: bytes = b"") -> None:
        """Send the whole answer; a HEAD request is spared the body."""
        await self.start(status, [*headers, (b"content-length", str(len(body)).encode())])
        if self.method == "HEAD":
            body = b""
        # What a socket does not take at once is copied by the event loop, and moved with each part it takes:
        # a large body is handed over in pieces.
        at = 0
        while len(body) - at > _PIECE_BYTES:
            await self.write(body[at : at + _PIECE_BYTES], more=True)
            at += _PIECE_BYTES
            # Others have their turn, and a connection that was lost is noticed.
            await asyncio.sleep(0)
        await self.write(body[at:], more=False)

    async def answer_text(self, status: int, text: str, headers: Sequence[tuple[bytes, bytes]] = ()) -> None:
        """Send a sentence."""
        fixed = [
            (b"content-type", b"text/plain; charset=utf-8"),
            (b"cache-control", b"no-store"),
            (b"cross-origin-resource-policy", b"same-origin"),
            (b"content-security-policy", b"frame-ancestors 'self'"),
            *headers,
        ]
        await self.answer(status, fixed, f"{text}\n".encode())

    async def answer_json(self, document: Mapping[str, Any], *, status: int = 200) -> None:
        """Send an object that nobody but our own pages may read, and nobody may keep."""
        headers = [
            (b"content-type", b"application/json"),
            (b"cache-control", b"no-store"),
            (b"cross-origin-resource-policy", b"same-origin"),
        ]
        await self.answer(status, headers, json.dumps(document).encode())

    async def receive_chunk(self) -> bytes | None:
        """The next part of the request's body: ``b""`` at its end, None when whoever asked has gone."""
        while not self._read_whole:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                return None
            self._read_whole = not message.get("more_body", False)
            body: bytes = message.get("body", b"")
            if body:
                return body
        return b""

    async def run_while_there(self, answering: Coroutine[Any, Any, None]) -> None:
        """Answer for as long as the other end listens; when it hangs up, the answer is cancelled.

        Whoever goes on sending more than a page of ours ever does has hung up too.
        """
        tasks = [asyncio.ensure_future(answering), asyncio.ensure_future(self._wait_until_gone())]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if tasks[0].done():
                tasks[0].result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _wait_until_gone(self) -> None:
        received_bytes = 0
        while received_bytes <= _BODY_CAP_BYTES:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                return
            received_bytes += len(message.get("body", b""))
