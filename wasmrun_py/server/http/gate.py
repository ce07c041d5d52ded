"""The door: who may ask at all, and who may ask for what only our own pages do.

A page of another site can make a browser send almost anything to a server on this machine. What it cannot do
is send a Host or an Origin that is not its own (but for a name that it makes resolve to us: hence the list
of hosts), or read the token that stands in our pages.
"""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from wasmrun_py.server.http.exchange import RefusedError

if TYPE_CHECKING:
    from wasmrun_py.server.http.exchange import Exchange

TOKEN_HEADER = b"x-wasmrun-token"
_LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})
_LOCALHOST_CHILD = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+localhost")
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """The two secrets of one server's life.

    Attributes:
        page: Stands in the pages.
        control: Stands in the state file and nowhere else.
    """

    page: str = field(repr=False)
    control: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """What is let in.

    Attributes:
        scheme: ``http`` or ``https``.
        port: Ours.
        hosts: Names and addresses that are us beside the loopback ones, lower case, IPv6 in brackets.
        tokens: The secrets.
    """

    scheme: str
    port: int
    hosts: frozenset[str]
    tokens: Tokens

    def check_address(self, exchange: Exchange) -> None:
        """Refuse what is not addressed to this server.

        Raises:
            RefusedError: The target is not a path, or the Host is missing, doubled, or somebody else's.
        """
        if not exchange.raw_path.startswith(b"/"):
            raise RefusedError(400, "Ask for a path on this server.")
        if exchange.http_version not in {"1.0", "1.1"}:
            raise RefusedError(400, "This server speaks HTTP/1.1.")
        framings = {name for name, _ in exchange.headers if name in {b"content-length", b"transfer-encoding"}}
        if len(framings) > 1:
            raise RefusedError(400, "A body has either a length or chunks, not both.")
        host = exchange.find_header(b"host")
        if host is None or not self._is_ours(host):
            raise RefusedError(
                403, "This server answers only to its own name. Open it by the address that wasmrun printed."
            )

    def check_origin(self, exchange: Exchange, *, required: bool) -> None:
        """Refuse what another site's page sent.

        Raises:
            RefusedError: The Origin is not the address that was asked, or is missing and ``required``.
        """
        if not (self.has_own_origin(exchange) or (not required and exchange.find_header(b"origin") is None)):
            raise RefusedError(403, "Only this server's own pages may ask for that.")

    def has_own_origin(self, exchange: Exchange) -> bool:
        """Whether the Origin is the address that was asked."""
        origin = exchange.find_header(b"origin")
        host = exchange.find_header(b"host") or ""
        return origin is not None and origin.lower() == self._origin_of(host)

    def check_page(self, exchange: Exchange) -> None:
        """Refuse what does not come from one of our pages.

        Raises:
            RefusedError: The token is not the page's, or the Origin is not ours.
        """
        self._check_token(exchange, self.tokens.page)
        self.check_origin(exchange, required=exchange.method not in {"GET", "HEAD"})

    def check_reader(self, exchange: Exchange) -> None:
        """Refuse whoever has neither token; for what may be read by pages and by ``wasmrun status``.

        Raises:
            RefusedError: The token is neither, or the Origin is not ours.
        """
        self._check_token(exchange, self.tokens.page, self.tokens.control)
        self.check_origin(exchange, required=False)

    def check_control(self, exchange: Exchange) -> None:
        """Refuse what does not come from somebody who can read the state file.

        Raises:
            RefusedError: The token is not the one for control, or the Origin is not ours.
        """
        self._check_token(exchange, self.tokens.control)
        self.check_origin(exchange, required=exchange.method not in {"GET", "HEAD"})

    def _check_token(self, exchange: Exchange, *wanted: str) -> None:
        given = (exchange.find_header(TOKEN_HEADER) or "").encode()
        if not any(hmac.compare_digest(given, each.encode()) for each in wanted):
            raise RefusedError(403, "The token is missing or wrong. Load the page again.")

    def _is_ours(self, host: str) -> bool:
        name, port = _split_host(host.lower())
        if port is None:
            port = _DEFAULT_PORTS[self.scheme]
        if port != self.port:
            return False
        return name in _LOOPBACK_NAMES or name in self.hosts or bool(_LOCALHOST_CHILD.fullmatch(name))

    def _origin_of(self, host: str) -> str:
        name, port = _split_host(host.lower())
        shown = "" if port in {None, _DEFAULT_PORTS[self.scheme]} else f":{port}"
        return f"{self.scheme}://{name}{shown}"


def _split_host(host: str) -> tuple[str, int | None]:
    """``name[:port]`` in two; a name that no server has when it is malformed."""
    match = re.fullmatch(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::([0-9]{1,5}))?", host)
    if match is None:
        return "", None
    return match[1], None if match[2] is None else int(match[2])
