"""How the server is to serve: values, parsed from words that a user typed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from wasmrun_py.model.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

DEFAULT_PORT = 8420
"""Where the server is when nobody named a port and nobody else is there."""

LOCALHOST = "localhost"
_LARGEST_PORT = 65535
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_TEXT = re.compile(r"[\x20-\x7e\t]*")
# What the server itself must say, or what belongs to one connection only.
_OURS = frozenset(
    {
        *("connection", "content-encoding", "content-length", "content-range", "date", "etag", "keep-alive"),
        *("proxy-authenticate", "proxy-authorization", "te", "trailer", "transfer-encoding", "upgrade"),
    }
)
_OWN_PREFIX = "/_wasmrun"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyRule:
    """Requests below a prefix go to another server.

    Attributes:
        prefix: The path, ``/api``; it ends at a segment.
        scheme: ``http`` or ``https``.
        netloc: ``host`` or ``host:port``.
        base_path: What takes the prefix's place; None keeps the prefix.
    """

    prefix: str
    scheme: str
    netloc: str
    base_path: str | None

    @property
    def origin(self) -> str:
        """``http://host:port``."""
        return f"{self.scheme}://{self.netloc}"

    def matches(self, path: str) -> bool:
        """Whether a path is this one's."""
        prefix = self.prefix.rstrip("/")
        return path == prefix or path.startswith(f"{prefix}/")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeOptions:
    """What the command line said.

    Attributes:
        host: Which interface: a name or an address. ``localhost`` is both loopback addresses.
        port: The port; 0 for any free one, None for 8420 or the next free one.
        cors: Other sites may read the outputs.
        isolation: COOP and COEP are sent although the program does not need them.
        headers: Further headers of the outputs.
        proxies: What goes to other servers.
        cert: A PEM file with the certificate chain: TLS.
        key: A PEM file with its key; None when ``cert`` has it too.
    """

    host: str = LOCALHOST
    port: int | None = None
    cors: bool = False
    isolation: bool = False
    headers: tuple[tuple[str, str], ...] = ()
    proxies: tuple[ProxyRule, ...] = ()
    cert: Path | None = None
    key: Path | None = None

    @property
    def scheme(self) -> str:
        """``https`` with a certificate, else ``http``."""
        return "http" if self.cert is None else "https"


def parse_port(text: str) -> int:
    """A port number; 0 asks for any free one.

    Raises:
        UsageError: It is none.
    """
    number = int(text) if re.fullmatch(r"[0-9]{1,6}", text) else -1
    if not 0 <= number <= _LARGEST_PORT:
        raise UsageError(
            f'"{text}" is not a port',
            hint=f"--port takes a number from 1 to {_LARGEST_PORT}, or 0 for any free port.",
        )
    return number


def parse_header(text: str) -> tuple[str, str]:
    """``Name: value``.

    Raises:
        UsageError: It is no header, or one that only the server may send.
    """
    name, colon, value = text.partition(":")
    name, value = name.strip(), value.strip()
    if not colon or not _TOKEN.fullmatch(name) or not _HEADER_TEXT.fullmatch(value):
        raise UsageError(
            f'"{text}" is not a header', hint='--header takes "Name: value", in ASCII and on one line.'
        )
    if name.lower() in _OURS:
        raise UsageError(
            f"The header {name} is the server's own", hint="Leave it out: it follows from what is served."
        )
    return name, value


def parse_proxy(text: str) -> ProxyRule:
    """``PREFIX=URL``: ``/api=http://localhost:3000``.

    A URL without a path keeps the prefix (``/api/x`` goes to ``/api/x``); one with a path puts that in the
    prefix's place.

    Raises:
        UsageError: It is no such pair.
    """
    hint = "--proxy takes PREFIX=URL, as in --proxy /api=http://localhost:3000"
    prefix, equals, url = text.partition("=")
    if not equals or not re.fullmatch(r"/[\x21-\x7e]*", prefix) or re.search(r"[?#%\\]|//|/\.", prefix):
        raise UsageError(f'"{text}" is not a prefix and an address', hint=hint)
    if prefix == _OWN_PREFIX or prefix.startswith(f"{_OWN_PREFIX}/"):
        raise UsageError(f"{_OWN_PREFIX} is the server's own and cannot be handed on", hint=hint)
    try:
        parts = urlsplit(url)
        well_formed = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        well_formed = False
    if not well_formed or not url.isascii() or re.search(r"[\x00-\x20\x7f]", url):
        raise UsageError(f'"{url}" is not an http or https address', hint=hint)
    if parts.query or parts.fragment or "@" in parts.netloc:
        raise UsageError(f'"{url}" has more than a host, a port and a path', hint=hint)
    return ProxyRule(
        prefix=prefix, scheme=parts.scheme, netloc=parts.netloc, base_path=parts.path.rstrip("/") or None
    )
