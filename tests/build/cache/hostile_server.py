"""A server on the loopback that keeps what it is given and, when told so, lies, hangs or breaks off."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_MOST_CONNECTIONS = 500
_PATIENCE_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What came in.

    Attributes:
        method: GET, HEAD or PUT.
        path: ``/ac/…`` or ``/cas/…``.
        headers: Names in lower case.
        kept: What the server keeps under the path, or None.
    """

    method: str
    path: str
    headers: dict[str, str]
    kept: bytes | None


class Wire:
    """The client's side of a connection."""

    def __init__(self, connection: socket.socket, ended: threading.Event) -> None:
        self._connection = connection
        self._ended = ended

    def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        self._connection.sendall(data)

    def answer(self, status: str, body: bytes = b"", *headers: str) -> None:
        """Send a whole and proper answer."""
        lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
        self.send("\r\n".join(lines).encode("latin-1") + body)

    def drip(self, data: bytes, *, pause_s: float = 0.05) -> None:
        """Send bytes one by one."""
        for index in range(len(data)):
            if self._ended.wait(pause_s):
                return
            self.send(data[index : index + 1])

    def hang(self) -> None:
        """Say nothing until the client goes, or the test is over."""
        self._connection.settimeout(0.1)
        until_s = time.monotonic() + _PATIENCE_S
        while time.monotonic() < until_s and not self._ended.is_set():
            with suppress(TimeoutError):
                if not self._connection.recv(1):
                    return

    def pause(self, most_s: float) -> None:
        """Neither read nor send until the test is over."""
        self._ended.wait(most_s)

    def reset(self) -> None:
        """Break off with a reset."""
        self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self._connection.close()


@dataclass(slots=True, kw_only=True)
class HostileServer:
    """A server that runs.

    Attributes:
        address: What ``WASMRUN_REMOTE_CACHE`` is set to.
        kept: Path -> bytes.
        misdeed: What it does instead of its duty; what it gives False for is served honestly.
        requests: ``METHOD /path`` in the order they came.
        authorizations: The headers of that name that came.
    """

    address: str = ""
    kept: dict[str, bytes] = field(default_factory=dict)
    misdeed: Callable[[Request, Wire], bool] | None = None
    requests: list[str] = field(default_factory=list)
    authorizations: list[str] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)

    def serve(self, connection: socket.socket) -> None:
        """Answer the requests of one connection."""
        connection.settimeout(_PATIENCE_S)
        with connection, suppress(OSError, ValueError, IndexError), connection.makefile("rb") as stream:
            while not self.ended.is_set() and self._serve_one(connection, stream.readline, stream.read):
                pass

    def _serve_one(
        self, connection: socket.socket, readline: Callable[[int], bytes], read: Callable[[int], bytes]
    ) -> bool:
        first = readline(65536).decode("latin-1").split()
        if not first:
            return False
        headers: dict[str, str] = {}
        while (line := readline(65536).decode("latin-1").strip()) != "":
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        method, path = first[0], first[1]
        self.requests.append(f"{method} {path}")
        if "authorization" in headers:
            self.authorizations.append(headers["authorization"])
        request = Request(method=method, path=path, headers=headers, kept=self.kept.get(path))
        wire = Wire(connection, self.ended)
        if self.misdeed is not None and self.misdeed(request, wire):
            return False
        body = read(int(headers.get("content-length", "0")))
        if method == "PUT":
            self.kept[path] = body
            wire.answer("200 OK")
        elif request.kept is None:
            wire.answer("404 Not Found")
        elif method == "HEAD":
            wire.send(f"HTTP/1.1 200 OK\r\nContent-Length: {len(request.kept)}\r\n\r\n".encode())
        else:
            wire.answer("200 OK", request.kept)
        return True


@contextmanager
def hostile_server() -> Iterator[HostileServer]:
    """A server that is honest until its ``misdeed`` is set."""
    server = HostileServer()
    listener = socket.create_server(("127.0.0.1", 0))
    server.address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    threads: list[threading.Thread] = []
    connections: list[socket.socket] = []

    def accept() -> None:
        with suppress(OSError):
            while len(threads) < _MOST_CONNECTIONS:
                connection, _ = listener.accept()
                connections.append(connection)
                thread = threading.Thread(target=server.serve, args=(connection,), daemon=True)
                threads.append(thread)
                thread.start()

    acceptor = threading.Thread(target=accept, daemon=True)
    acceptor.start()
    try:
        yield server
    finally:
        server.ended.set()
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        acceptor.join(5)
        for connection in connections:
            # Closed already, or a thread that waits for a request wakes up.
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join(5)
