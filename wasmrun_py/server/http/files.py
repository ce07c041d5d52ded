"""Serve the outputs: by exact look-up in what the session lists, never by joining a path."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wasmrun_py.model.events import Level, Message
from wasmrun_py.server.http.bodies import Body, send_body
from wasmrun_py.server.http.contents import IN_MEMORY_BYTES, ByteCache, is_in_place, load_served, open_served
from wasmrun_py.server.http.exchange import RefusedError
from wasmrun_py.server.http.injection import inject_client
from wasmrun_py.server.http.media_types import is_page, is_worth_packing, type_header

if TYPE_CHECKING:
    from wasmrun_py.model.events import Reporter
    from wasmrun_py.server.dev_state import DevState, ServedFile
    from wasmrun_py.server.http.exchange import Exchange, Headers
    from wasmrun_py.server.http.options import ServeOptions
    from wasmrun_py.server.http.packing import Packer

_INDEX = "index.html"
_PAGES_KEPT = 64
_POLICY = b"content-security-policy"


class Outputs:
    """The build's outputs, as they are sent.

    Args:
        options: Further headers, CORS, isolation.
        token: The page token, for the client in HTML pages.
        packer: Makes packed forms.
        reporter: Hears of pages that may keep the client out.
    """

    def __init__(self, options: ServeOptions, *, token: str, packer: Packer, reporter: Reporter) -> None:
        self._options = options
        self._token = token
        self._packer = packer
        self._reporter = reporter
        self._hot = ByteCache()
        # The digest of an HTML output, and which generation's -> the page with the client in it.
        self._pages: dict[tuple[str, int], _Page] = {}
        self._warned_of: set[str] = set()
        self._fixed = _fixed_headers(options)

    async def send(self, exchange: Exchange, state: DevState, *, with_client: bool = True) -> bool:
        """Answer with an output; False when none has the path that was asked for.

        Args:
            exchange: A GET or HEAD request.
            state: What there is.
            with_client: The reload client and its token are put into HTML pages.

        Raises:
            RefusedError: There is one, and its file is not what was built any more.
        """
        path = find_output(state, exchange.path)
        if path is None:
            return False
        body = await self._load(path, state, with_client=with_client)
        await send_body(exchange, body, self._packer)
        return True

    async def _load(self, path: str, state: DevState, *, with_client: bool) -> Body:
        file = state.files[path]
        headers = [*self._fixed, *isolation_headers(state, asked=self._options.isolation)]
        if file.size_bytes > IN_MEMORY_BYTES:
            descriptor = open_served(file)
            if descriptor is None:
                raise _gone(path)
            return Body(
                digest=file.sha256,
                size_bytes=file.size_bytes,
                headers=self._merged([*type_header(path), *headers]),
                descriptor=descriptor,
            )
        if is_page(path) and with_client:
            page = await self._load_page(path, file, state.generation)
            typed: Headers = [(b"content-type", f"text/html; charset={page.charset}".encode())]
            content, digest = page.content, page.digest
        else:
            typed = type_header(path)
            content, digest = await self._load_bytes(path, file), file.sha256
        return Body(
            digest=digest,
            size_bytes=len(content),
            headers=self._merged([*typed, *headers]),
            content=content,
            packable=is_worth_packing(path),
        )

    def _merged(self, headers: Headers) -> Headers:
        """Our headers and the user's, which take the place of ours.

        A policy is added to ours: both hold, and theirs cannot open the frame that ours closes.
        """
        if not self._options.headers:
            return headers
        theirs = [(name.lower().encode(), value.encode()) for name, value in self._options.headers]
        replaced = {name for name, _ in theirs} - {_POLICY}
        return [*(each for each in headers if each[0] not in replaced), *theirs]

    async def _load_bytes(self, path: str, file: ServedFile) -> bytes:
        content = self._hot.find(file.sha256)
        if content is None:
            content = await asyncio.to_thread(load_served, file)
            if content is None:
                raise _gone(path)
            self._hot.put(file.sha256, content)
        elif not is_in_place(file):
            raise _gone(path)
        return content

    async def _load_page(self, path: str, file: ServedFile, generation: int) -> _Page:
        content = await self._load_bytes(path, file)
        found = self._pages.get((file.sha256, generation))
        if found is not None:
            return found
        injected = inject_client(content, self._token, generation=generation)
        if injected.has_policy and file.sha256 not in self._warned_of:
            self._warned_of.add(file.sha256)
            text = f"{path} has a Content-Security-Policy of its own, which may keep live reload out of it"
            self._reporter.emit(Message(level=Level.WARNING, text=text))
        page = _Page(
            content=injected.content,
            charset=injected.charset,
            digest=hashlib.sha256(injected.content).hexdigest(),
        )
        if len(self._pages) >= _PAGES_KEPT:
            self._pages.clear()
        self._pages[file.sha256, generation] = page
        return page


@dataclass(frozen=True, slots=True, kw_only=True)
class _Page:
    """An HTML output with the client in it."""

    content: bytes
    charset: str
    digest: str


def find_output(state: DevState, path: str) -> str | None:
    """The key of the output that a decoded URL path names, or None."""
    if path == "/" and (state.program is None or state.program.page is None):
        return None
    wanted = f"{path}{_INDEX}" if path.endswith("/") else path
    return wanted if wanted in state.files else None


def isolation_headers(state: DevState, *, asked: bool) -> Headers:
    """What makes a page cross-origin isolated, when the program shares memory or the user asked for it."""
    if not asked and (state.program is None or not state.program.needs_isolation):
        return []
    return [
        (b"cross-origin-opener-policy", b"same-origin"),
        (b"cross-origin-embedder-policy", b"require-corp"),
    ]


def cors_headers() -> Headers:
    """What lets every other site read an answer."""
    return [
        (b"access-control-allow-origin", b"*"),
        (b"access-control-expose-headers", b"*"),
        (b"cross-origin-resource-policy", b"cross-origin"),
    ]


def _fixed_headers(options: ServeOptions) -> Headers:
    readable: Headers = [(b"cross-origin-resource-policy", b"same-origin")]
    return [
        (b"cache-control", b"no-cache"),
        (_POLICY, b"frame-ancestors 'self'"),
        *(cors_headers() if options.cors else readable),
    ]


def _gone(path: str) -> RefusedError:
    return RefusedError(404, f"{path} is not the file that was built any more. Build again.")
