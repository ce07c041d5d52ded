"""A server of the test's own, in this process, on a free port; and the bytes that a client sends it."""

from __future__ import annotations

import asyncio
import http.client
import re
import socket
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from wasmrun_py.server.http.options import ServeOptions
from wasmrun_py.server.http.serve import Ready, serve

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator, Mapping

    from tests.server.recorded import RecordedSession
    from wasmrun_py.model.events import Event

_TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer; header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


@dataclass(kw_only=True)
class Running:
    """A server that answers."""

    ready: Ready
    session: RecordedSession
    loop: asyncio.AbstractEventLoop
    stopping: asyncio.Event
    events: list[Event]
    context: ssl.SSLContext | None
    token: str = field(init=False)

    def __post_init__(self) -> None:
        match = re.search(r'name="wasmrun-token" content="([^"]+)"', self.ask("/_wasmrun/").text)
        assert match is not None
        self.token = match[1]

    @property
    def port(self) -> int:
        return self.ready.port

    @property
    def origin(self) -> str:
        return f"http://localhost:{self.port}"

    @property
    def page_headers(self) -> dict[str, str]:
        """What one of our pages sends."""
        return {"X-Wasmrun-Token": self.token, "Origin": self.origin}

    def ask(
        self, path: str, *, method: str = "GET", headers: Mapping[str, str] | None = None, body: Any = None
    ) -> Reply:
        """One request on a connection of its own, addressed to ``localhost``."""
        connection = (
            http.client.HTTPConnection("127.0.0.1", self.port, timeout=_TIMEOUT_S)
            if self.context is None
            else http.client.HTTPSConnection("localhost", self.port, timeout=_TIMEOUT_S, context=self.context)
        )
        try:
            named = {"Host": f"localhost:{self.port}", **(headers or {})}
            connection.request(method, path, body=body, headers=named)
            response = connection.getresponse()
            found = {name.lower(): value for name, value in response.getheaders()}
            return Reply(status=response.status, headers=found, body=response.read())
        finally:
            connection.close()

    def connect(self) -> socket.socket:
        """A bare connection."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=_TIMEOUT_S)

    def send_raw(self, data: bytes, *, timeout_s: float = 5.0) -> bytes:
        """Send bytes, and what came back until the server closed or fell silent."""
        with self.connect() as client:
            client.settimeout(timeout_s)
            received = b""
            try:
                client.sendall(data)
                while chunk := client.recv(65536):
                    received += chunk
            except (TimeoutError, ConnectionError):
                pass
            return received

    def in_loop(self, action: Callable[[], object]) -> None:
        """Do something where the session lives."""
        done = threading.Event()

        def run() -> None:
            action()
            done.set()

        self.loop.call_soon_threadsafe(run)
        assert done.wait(_TIMEOUT_S)


class _Listener:
    def __init__(self) -> None:
        self.events: list[Event] = []

    def emit(self, event: Event) -> None:
        self.events.append(event)


@contextmanager
def running(
    session: RecordedSession,
    options: ServeOptions | None = None,
    *,
    context: ssl.SSLContext | None = None,
) -> Iterator[Running]:
    """Serve a session for the block."""
    up = threading.Event()
    found: dict[str, Any] = {}
    listener = _Listener()

    async def main() -> None:
        found["loop"] = asyncio.get_running_loop()
        found["stopping"] = asyncio.Event()

        def note(ready: Ready) -> None:
            found["ready"] = ready
            up.set()

        chosen = options or ServeOptions(port=0)
        await serve(session, chosen, stopping=found["stopping"], on_ready=note, reporter=listener)

    def run() -> None:
        try:
            asyncio.run(main())
        except BaseException as error:  # noqa: BLE001 - raised again where the test sees it
            found["error"] = error
        finally:
            up.set()

    thread = threading.Thread(target=run, name="server", daemon=True)
    thread.start()
    assert up.wait(_TIMEOUT_S)
    if "error" in found:
        raise found["error"]
    try:
        yield Running(
            ready=found["ready"],
            session=session,
            loop=found["loop"],
            stopping=found["stopping"],
            events=listener.events,
            context=context,
        )
    finally:
        if thread.is_alive():
            found["loop"].call_soon_threadsafe(found["stopping"].set)
        thread.join(_TIMEOUT_S)
        assert not thread.is_alive()
