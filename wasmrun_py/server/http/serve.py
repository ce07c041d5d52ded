"""Run the server: sockets, uvicorn, and an end that takes a second at most."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import socket
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import uvicorn

from wasmrun_py.model.errors import UsageError
from wasmrun_py.model.events import SilentReporter
from wasmrun_py.server.broadcast import ServerEvent
from wasmrun_py.server.http.app import DevApp
from wasmrun_py.server.http.events import GOODBYE
from wasmrun_py.server.http.gate import Gate, Tokens
from wasmrun_py.server.http.listening import listen
from wasmrun_py.server.http.options import LOCALHOST
from wasmrun_py.server.http.protocol import GuardedProtocol
from wasmrun_py.system.descriptors import raise_descriptor_limit

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

    from wasmrun_py.model.events import Reporter
    from wasmrun_py.server.broadcast import Session
    from wasmrun_py.server.http.options import ServeOptions

_GRACE_S = 1
# A thousand streams, as many connections again, and what builds need.
_DESCRIPTORS = 4096
_TOKEN_BYTES = 32
_HEAD_CAP_BYTES = 64 * 1024
_EVERYWHERE = frozenset({"0.0.0.0", "::"})  # noqa: S104 - compared with, not bound to


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """A server that answers.

    Attributes:
        port: Its port.
        url: Where to open it, with a slash at its end.
        network_urls: Where other machines find it, when it is open to them.
        control_token: What ``POST /_wasmrun/stop`` wants; for the state file only.
    """

    port: int
    url: str
    network_urls: tuple[str, ...]
    control_token: str = field(repr=False)


async def serve(
    session: Session,
    options: ServeOptions,
    *,
    stopping: asyncio.Event,
    on_ready: Callable[[Ready], None],
    reporter: Reporter | None = None,
) -> None:
    """Serve a session until ``stopping`` is set; every page is told goodbye, and is let go within a second.

    Signals are the caller's. The event loop must be the session's.

    Args:
        session: What is served.
        options: How.
        stopping: Ends the server when it is set; ``POST /_wasmrun/stop`` sets it too.
        on_ready: Called once, when the port is ours and requests are answered.
        reporter: Hears of faults and of pages that keep live reload out.

    Raises:
        UsageError: The host, the port or the certificate cannot be used.
    """
    listeners = listen(options)
    raise_descriptor_limit(_DESCRIPTORS)
    try:
        server, app, ready = _set_up(session, options, listeners, stopping, reporter or SilentReporter())
    except BaseException:
        for listener in listeners:
            listener.close()
        raise
    running = asyncio.create_task(server.serve(listeners))
    quiet = logging.NullHandler()
    # asyncio has a word on connections that others break off; with no handler it would go to the terminal.
    logging.getLogger("asyncio").addHandler(quiet)
    try:
        await _first_of(running, server.up.wait())
        if not running.done():
            on_ready(ready)
            await _first_of(running, stopping.wait())
    finally:
        await _end(session, server, running)
        await app.close()
        logging.getLogger("asyncio").removeHandler(quiet)


async def _first_of(running: asyncio.Task[None], awaited: Coroutine[Any, Any, Any]) -> None:
    """Wait for something, but no longer than the server lives."""
    task = asyncio.ensure_future(awaited)
    try:
        await asyncio.wait([running, task], return_when=asyncio.FIRST_COMPLETED)
    finally:
        task.cancel()


class _Server(uvicorn.Server):
    """Without signal handlers, which are the command's; tells when it is up."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to answer."""
        await super().startup(sockets)
        self.up.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals alone."""
        yield


def _set_up(
    session: Session,
    options: ServeOptions,
    listeners: list[socket.socket],
    stopping: asyncio.Event,
    reporter: Reporter,
) -> tuple[_Server, DevApp, Ready]:
    port: int = listeners[0].getsockname()[1]
    tokens = Tokens(page=secrets.token_urlsafe(_TOKEN_BYTES), control=secrets.token_urlsafe(_TOKEN_BYTES))
    names = _own_names(options.host)
    gate = Gate(scheme=options.scheme, port=port, hosts=names, tokens=tokens)
    app = DevApp(session, options, gate=gate, stopping=stopping, reporter=reporter)
    config = uvicorn.Config(
        app,
        http=GuardedProtocol,
        ws="none",
        loop="none",
        lifespan="off",
        log_config=None,
        log_level="critical",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        h11_max_incomplete_event_size=_HEAD_CAP_BYTES,
        timeout_graceful_shutdown=_GRACE_S,
        ssl_certfile=options.cert,
        ssl_keyfile=options.key,
    )
    try:
        config.load()
    except OSError as error:
        raise UsageError(
            f"The certificate {options.cert} cannot be used: {error.strerror or error}",
            hint="--cert takes a PEM file with the certificate chain, and --key one with its private key.",
        ) from error
    shown = LOCALHOST if options.host in _EVERYWHERE else options.host
    ready = Ready(
        port=port,
        url=_url(options.scheme, shown, port),
        network_urls=tuple(_url(options.scheme, name, port) for name in sorted(names))
        if options.host in _EVERYWHERE
        else (),
        control_token=tokens.control,
    )
    return _Server(config), app, ready


async def _end(session: Session, server: _Server, running: asyncio.Task[None]) -> None:
    session.broadcast.publish(ServerEvent(name=GOODBYE, data={}))
    server.should_exit = True
    await running
    for connection in list(server.server_state.connections):
        connection.transport.abort()


def _own_names(host: str) -> frozenset[str]:
    """What this server may be called beside the loopback names, as a Host header has it."""
    if host not in _EVERYWHERE:
        return frozenset({_bracketed(host.lower())})
    import psutil  # noqa: PLC0415 - 20 ms, and few servers are open to the network

    names = {socket.gethostname().lower()}
    for addresses in psutil.net_if_addrs().values():
        for each in addresses:
            if each.family in {socket.AF_INET, socket.AF_INET6}:
                names.add(_bracketed(each.address.partition("%")[0].lower()))
    return frozenset(names - {"127.0.0.1", "[::1]", LOCALHOST})


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host and not host.startswith("[") else host


def _url(scheme: str, host: str, port: int) -> str:
    return f"{scheme}://{_bracketed(host)}:{port}/"
