"""wasmrun's own pages and what they are made of: read from the package, never from a project."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING

from wasmrun_py.server.http.bodies import Body
from wasmrun_py.server.http.injection import token_tag
from wasmrun_py.server.http.media_types import is_worth_packing, type_header

if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.resources.abc import Traversable

    from wasmrun_py.server.http.exchange import Headers

OWN = "/_wasmrun/"
CLIENT = f"{OWN}client.js"
_PAIR_PAGE = f"{OWN}app/"
_PACKAGE = "wasmrun_py.server"
_END_OF_HEAD = "</head>"
_NOT_BUILT = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>wasmrun</title></head>
<body><h1>The page has not been built</h1>
<p>The server runs, and serves what the project builds. wasmrun's own page is TypeScript and is missing from
this installation. In a checkout, build it with <code>npm ci &amp;&amp; npm run build</code> in
<code>wasmrun_py/server/ui</code>, and load this page again.</p></body></html>
"""
# What wasmrun's page may do: run WebAssembly, in workers too, and talk to this server.
_UI_POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; worker-src 'self' blob:; "
    "frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnPages:
    """The files of wasmrun's page by URL path, and the two pages themselves.

    Attributes:
        ui: The page at ``/_wasmrun/``.
        assets: What lies beside it.
    """

    ui: Body
    assets: dict[str, Body]

    def find(self, path: str) -> Body | None:
        """What lies at a URL path below ``/_wasmrun/``, or None."""
        return self.ui if path == OWN else self.assets.get(path)


def load_own_pages(token: str) -> OwnPages:
    """Read wasmrun's pages from the package."""
    package = resources.files(_PACKAGE)
    assets: dict[str, Body] = {}
    index = _NOT_BUILT
    built = package / "ui_dist"
    if built.is_dir():
        for url, entry in _walk(built, OWN):
            if url == f"{OWN}index.html":
                index = entry.read_text(encoding="utf-8")
            else:
                assets[url] = _asset(url, entry.read_bytes())
    for name, url in (("pair.js", f"{_PAIR_PAGE}pair.js"), ("pair.css", f"{_PAIR_PAGE}pair.css")):
        assets[url] = _asset(url, (package / "http" / "pair" / name).read_bytes())
    pair = (package / "http" / "pair" / "index.html").read_text(encoding="utf-8")
    assets[_PAIR_PAGE] = _page(pair, token, b"frame-ancestors 'self'")
    return OwnPages(ui=_page(index, token, _UI_POLICY.encode()), assets=assets)


def _walk(folder: Traversable, prefix: str) -> Iterator[tuple[str, Traversable]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _walk(entry, f"{prefix}{entry.name}/")
        elif not entry.name.startswith("."):
            yield f"{prefix}{entry.name}", entry


def _page(text: str, token: str, policy: bytes) -> Body:
    content = text.replace(_END_OF_HEAD, f"{token_tag(token)}{_END_OF_HEAD}", 1).encode()
    return _body("/index.html", content, [(b"content-security-policy", policy)], packable=False)


def _asset(url: str, content: bytes) -> Body:
    return _body(url, content, [], packable=is_worth_packing(url))


def _body(url: str, content: bytes, headers: Headers, *, packable: bool) -> Body:
    fixed = [
        *type_header(url),
        (b"cache-control", b"no-cache"),
        (b"cross-origin-resource-policy", b"same-origin"),
    ]
    return Body(
        digest=hashlib.sha256(content).hexdigest(),
        size_bytes=len(content),
        headers=[*fixed, *headers],
        content=content,
        packable=packable,
    )
