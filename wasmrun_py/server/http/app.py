"""Who answers what: the addresses of ``docs/dev-server.md``, behind the gate."""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from wasmrun_py.model.errors import WasmrunError
from wasmrun_py.model.events import Level, Message
from wasmrun_py.server.http.bodies import send_body
from wasmrun_py.server.http.events import EventStreams
from wasmrun_py.server.http.exchange import Exchange, RefusedError
from wasmrun_py.server.http.files import Outputs, cors_headers, isolation_headers
from wasmrun_py.server.http.packing import Packer
from wasmrun_py.server.http.pages import OWN, load_own_pages

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.types import Receive, Scope, Send

    from wasmrun_py.model.events import Reporter
    from wasmrun_py.server.broadcast import Session
    from wasmrun_py.server.http.gate import Gate
    from wasmrun_py.server.http.options import ServeOptions
    from wasmrun_py.server.http.proxy import Proxy

_MODULE_VIEW = "wasmrun_py.server.module_view"
_LOG = f"{OWN}log/"
_READS = ("GET", "HEAD")
_LOG_DIGITS = 9
_ICON = "/favicon.ico"
# Pages whose address ends in a slash that people leave out.
_FOLDERS = frozenset({OWN, f"{OWN}app/"})
_BAD_REQUEST = 400

STREAM_CAP = 1000
"""How many pages may listen at once."""


class DevApp:
    """The ASGI application of one session.

    Args:
        session: What is served.
        options: How.
        gate: Who is let in.
        stopping: Set when somebody with the control token asks.
        reporter: Hears of faults.
    """

    def __init__(
        self,
        session: Session,
        options: ServeOptions,
        *,
        gate: Gate,
        stopping: asyncio.Event,
        reporter: Reporter,
    ) -> None:
        self._session = session
        self._options = options
        self._gate = gate
        self._stopping = stopping
        self._reporter = reporter
        self._packer = Packer()
        self._outputs = Outputs(options, token=gate.tokens.page, packer=self._packer, reporter=reporter)
        self._own = load_own_pages(gate.tokens.page)
        self._streams = EventStreams(session, cap=STREAM_CAP)
        self._proxy = _make_proxy(options)
        self._gets: dict[str, Callable[[Exchange], Awaitable[None]]] = {
            f"{OWN}state": self._get_state,
            f"{OWN}module": self._get_module,
        }
        self._posts: dict[str, Callable[[Exchange], Awaitable[None]]] = {
            f"{OWN}events": self._post_events,
            f"{OWN}rebuild": self._post_rebuild,
            f"{OWN}stop": self._post_stop,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        exchange = Exchange(scope, receive, send)
        try:
            await self._answer(exchange)
        except RefusedError as refused:
            if not exchange.answered:
                await _refuse(exchange, refused)
        except OSError:
            # The file or the other end went away while it was sent: the answer breaks off, which it shows.
            if not exchange.answered:
                await exchange.answer_text(500, "What was asked for cannot be read.")
        except Exception as error:  # noqa: BLE001 - the edge: a defect of ours ends one request, not the server
            self._reporter.emit(
                Message(
                    level=Level.WARNING,
                    text=f"A request could not be answered: {type(error).__name__}: {error}",
                )
            )
            if not exchange.answered:
                await exchange.answer_text(500, "This is a fault of wasmrun. Its terminal says more.")

    async def close(self) -> None:
        """Let go of connections to other servers."""
        if self._proxy is not None:
            await self._proxy.close()

    async def _answer(self, exchange: Exchange) -> None:
        self._gate.check_address(exchange)
        if f"{exchange.path}/" in _FOLDERS:
            await exchange.answer(307, [(b"location", f"{exchange.path}/".encode())])
            return
        if exchange.path.startswith(OWN):
            await self._answer_own(exchange)
            return
        rule = None if self._proxy is None else self._proxy.find_rule(exchange.path)
        if self._proxy is not None and rule is not None:
            self._gate.check_origin(exchange, required=False)
            await self._proxy.serve(exchange, rule)
            return
        await self._answer_output(exchange)

    async def _answer_output(self, exchange: Exchange) -> None:
        if self._options.cors:
            if exchange.method == "OPTIONS":
                allowed = [
                    (b"access-control-allow-methods", b"GET, HEAD"),
                    (b"access-control-allow-headers", b"*"),
                ]
                await exchange.answer(204, [*cors_headers(), *allowed])
                return
        else:
            self._gate.check_origin(exchange, required=False)
        if exchange.method not in _READS:
            raise RefusedError(405, "Outputs are read only.", headers=[(b"allow", b"GET, HEAD")])
        # A page of another site may read an HTML output then, but not the token in it.
        foreign = exchange.find_header(b"origin") is not None and not self._gate.has_own_origin(exchange)
        if await self._outputs.send(exchange, self._session.state, with_client=not foreign):
            return
        if exchange.path == "/":
            self._gate.check_origin(exchange, required=False)
            await self._send_own(exchange, OWN)
            return
        if exchange.path == _ICON:
            # Every browser asks for one; that there is none is no fault of the user's.
            await exchange.answer(204, [(b"cache-control", b"no-cache")])
            return
        raise RefusedError(404, "The build made no such file.")

    async def _answer_own(self, exchange: Exchange) -> None:
        if exchange.method == "POST":
            answer = self._posts.get(exchange.path)
            if answer is not None:
                await answer(exchange)
                return
        elif exchange.method in _READS:
            answer = self._gets.get(exchange.path)
            if answer is not None:
                await answer(exchange)
            elif exchange.path.startswith(_LOG):
                await self._get_log(exchange)
            else:
                self._gate.check_origin(exchange, required=False)
                await self._send_own(exchange, exchange.path)
            return
        raise RefusedError(405, "That is not how this address is used.")

    async def _send_own(self, exchange: Exchange, path: str) -> None:
        body = self._own.find(path)
        if body is None:
            raise RefusedError(404, "wasmrun has no such page.")
        isolation = isolation_headers(self._session.state, asked=self._options.isolation)
        await send_body(exchange, replace(body, headers=[*body.headers, *isolation]), self._packer)

    async def _get_state(self, exchange: Exchange) -> None:
        self._gate.check_reader(exchange)
        await exchange.answer_json(self._session.state.to_json())

    async def _get_log(self, exchange: Exchange) -> None:
        self._gate.check_page(exchange)
        number = exchange.path.removeprefix(_LOG)
        known = number.isascii() and number.isdecimal() and len(number) <= _LOG_DIGITS
        lines = self._session.find_log(int(number)) if known else None
        if lines is None:
            raise RefusedError(404, "There is no log of that build.")
        await exchange.answer_json({"build": int(number), "lines": list(lines)})

    async def _get_module(self, exchange: Exchange) -> None:
        self._gate.check_page(exchange)
        state = self._session.state
        module = None if state.program is None else state.program.module
        file = None if module is None else state.files.get(module)
        if file is None or importlib.util.find_spec(_MODULE_VIEW) is None:
            raise RefusedError(404, "There is no module to describe.")
        view = importlib.import_module(_MODULE_VIEW)
        try:
            document: dict[str, Any] = await asyncio.to_thread(view.module_view, file.path)
        except WasmrunError as error:
            raise RefusedError(422, error.message) from error
        await exchange.answer_json(document)

    async def _post_events(self, exchange: Exchange) -> None:
        self._gate.check_page(exchange)
        if self._stopping.is_set():
            raise RefusedError(503, "The server ends.")
        await self._streams.serve(exchange)

    async def _post_rebuild(self, exchange: Exchange) -> None:
        self._gate.check_page(exchange)
        self._session.request_rebuild()
        await exchange.answer_json({}, status=202)

    async def _post_stop(self, exchange: Exchange) -> None:
        self._gate.check_control(exchange)
        await exchange.answer_json({}, status=202)
        self._stopping.set()


async def _refuse(exchange: Exchange, refused: RefusedError) -> None:
    headers = list(refused.headers)
    if refused.status == _BAD_REQUEST or exchange.method not in _READS:
        # What follows on the connection may be a part of this request, or another one: nobody finds out.
        headers.append((b"connection", b"close"))
    await exchange.answer_text(refused.status, refused.text, headers)


def _make_proxy(options: ServeOptions) -> Proxy | None:
    if not options.proxies:
        return None
    from wasmrun_py.server.http.proxy import Proxy  # noqa: PLC0415 - httpx: 60 ms, and few servers hand on

    return Proxy(options.proxies)
