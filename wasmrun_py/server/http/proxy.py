"""Hand requests on to another server, streaming both ways."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx

from wasmrun_py.server.http.exchange import RefusedError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from wasmrun_py.server.http.exchange import Exchange, Headers
    from wasmrun_py.server.http.options import ProxyRule

_CONNECT_TIMEOUT_S = 10.0
_ON_THIS_MACHINE = frozenset({"localhost", "127.0.0.1", "::1"})
# They belong to one connection (RFC 9110, section 7.6.1), whatever the header Connection says.
_HOP_BY_HOP = frozenset(
    {
        *(b"connection", b"keep-alive", b"proxy-authenticate", b"proxy-authorization", b"proxy-connection"),
        *(b"te", b"trailer", b"transfer-encoding", b"upgrade"),
    }
)
# Ours to say: what the other server is told instead stands in ``_request_headers``.
_NOT_HANDED_ON = frozenset(
    {b"host", b"x-wasmrun-token", b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-proto"}
)


class Proxy:
    """Hands on what the rules say; belongs to one event loop.

    Args:
        rules: The longest prefix that matches wins.
    """

    def __init__(self, rules: Sequence[ProxyRule]) -> None:
        self._rules = sorted(rules, key=lambda rule: len(rule.prefix), reverse=True)
        self._clients: dict[bool, httpx.AsyncClient] = {}

    def find_rule(self, path: str) -> ProxyRule | None:
        """The rule for a path, or None."""
        return next((rule for rule in self._rules if rule.matches(path)), None)

    async def close(self) -> None:
        """Close the connections."""
        for client in self._clients.values():
            await client.aclose()

    async def serve(self, exchange: Exchange, rule: ProxyRule) -> None:
        """Answer as the other server does.

        Raises:
            RefusedError: It does not answer (502), or the path is not one that both understand alike (400).
        """
        client = self._client(rule)
        request = client.build_request(
            exchange.method,
            httpx.URL(f"{rule.origin}/").copy_with(raw_path=_target(exchange, rule)),
            headers=_request_headers(exchange, rule),
            content=_body(exchange) if _has_body(exchange) else None,
        )
        try:
            response = await client.send(request, stream=True)
        except (httpx.HTTPError, OSError) as error:
            reason = str(error) or type(error).__name__
            raise RefusedError(
                502,
                f"{rule.origin} does not answer ({reason}).\n"
                f"Requests below {rule.prefix} go there (--proxy). Start that server, or mend the address.",
            ) from error
        try:
            await self._hand_back(exchange, response, rule)
        finally:
            await response.aclose()

    async def _hand_back(self, exchange: Exchange, response: httpx.Response, rule: ProxyRule) -> None:
        await exchange.start(response.status_code, _response_headers(response, rule))
        await exchange.run_while_there(_send_on(exchange, response))

    def _client(self, rule: ProxyRule) -> httpx.AsyncClient:
        # What is on this machine is not reached through the proxy of a company's network.
        far = urlsplit(rule.origin).hostname not in _ON_THIS_MACHINE
        if far not in self._clients:
            self._clients[far] = httpx.AsyncClient(
                timeout=httpx.Timeout(None, connect=_CONNECT_TIMEOUT_S),
                limits=httpx.Limits(max_connections=None),
                follow_redirects=False,
                trust_env=far,
            )
        return self._clients[far]


async def _send_on(exchange: Exchange, response: httpx.Response) -> None:
    try:
        async for chunk in response.aiter_raw():
            await exchange.write(chunk, more=True)
    except httpx.HTTPError as error:
        raise OSError("the other server broke off") from error
    await exchange.write(b"", more=False)


async def _body(exchange: Exchange) -> AsyncIterator[bytes]:
    while chunk := await exchange.receive_chunk():
        yield chunk
    if chunk is None:
        raise httpx.ReadError("whoever asked has gone")


def _has_body(exchange: Exchange) -> bool:
    return any(name in {b"content-length", b"transfer-encoding"} for name, _ in exchange.headers)


def _target(exchange: Exchange, rule: ProxyRule) -> bytes:
    """The path and query for the other server: as sent, but for a prefix that the rule replaces."""
    raw = exchange.raw_path
    prefix = rule.prefix.rstrip("/").encode()
    segments = exchange.path.split("/")
    # A path that climbs, or hides its prefix in escapes, may mean another place over there.
    if not raw.startswith(prefix) or ".." in segments or "." in segments or "\\" in exchange.path:
        raise RefusedError(400, "That path cannot be handed on.")
    if rule.base_path is not None:
        raw = rule.base_path.encode() + raw[len(prefix) :]
    return (raw or b"/") + (b"?" + exchange.query if exchange.query else b"")


def _request_headers(exchange: Exchange, rule: ProxyRule) -> Headers:
    dropped = _HOP_BY_HOP | _NOT_HANDED_ON | _named_by_connection(exchange.list_header(b"connection"))
    headers = [(name, value) for name, value in exchange.headers if name not in dropped and name != b"origin"]
    if exchange.find_header(b"origin") is not None:
        # It was ours, or the request would not be here; over there, its own stands for the same.
        headers.append((b"origin", rule.origin.encode()))
    host = exchange.find_header(b"host") or ""
    return [
        *headers,
        (b"host", rule.netloc.encode()),
        (b"x-forwarded-for", exchange.client.encode()),
        (b"x-forwarded-host", host.encode("latin-1")),
        (b"x-forwarded-proto", exchange.scheme.encode()),
    ]


def _response_headers(response: httpx.Response, rule: ProxyRule) -> Headers:
    dropped = _HOP_BY_HOP | {b"date"} | _named_by_connection(response.headers.get("connection", ""))
    headers: Headers = []
    for raw_name, value in response.headers.raw:
        name = raw_name.lower()
        if name in dropped:
            continue
        # A redirect to the other server comes back through us, when it keeps its paths here.
        origin = rule.origin.encode()
        if name == b"location" and rule.base_path is None and value.startswith(origin + b"/"):
            headers.append((name, value[len(origin) :]))
        else:
            headers.append((name, value))
    return headers


def _named_by_connection(value: str) -> set[bytes]:
    return {each.strip().lower().encode("latin-1") for each in value.split(",") if each.strip()}
