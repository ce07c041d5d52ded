"""Answer with a body that has a digest: 304, ranges, packed forms, HEAD (RFC 9110)."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wasmrun_py.server.http.contents import IN_MEMORY_BYTES
from wasmrun_py.server.http.packing import choose_coding, is_packable
from wasmrun_py.server.http.ranges import ByteRange, UnsatisfiableRangeError, parse_range

if TYPE_CHECKING:
    from wasmrun_py.server.http.exchange import Exchange, Headers
    from wasmrun_py.server.http.packing import Packer

_CHUNK_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """What is to be sent.

    Attributes:
        digest: Its SHA-256, lower-case hex.
        size_bytes: Its size.
        headers: ``Content-Type`` and whatever else goes with it, also with a 304.
        content: The bytes; None when they come from ``descriptor``.
        descriptor: An open file, which the sender closes.
        packable: Worth packing.
    """

    digest: str
    size_bytes: int
    headers: Headers
    content: bytes | None = None
    descriptor: int | None = None
    packable: bool = False


async def send_body(exchange: Exchange, body: Body, packer: Packer) -> None:
    """Answer a GET or HEAD request with a body, or with the part, the form or the 304 that it asks for."""
    try:
        await _send(exchange, body, packer)
    finally:
        if body.descriptor is not None:
            os.close(body.descriptor)


async def _send(exchange: Exchange, body: Body, packer: Packer) -> None:
    may_pack = (
        body.packable and body.content is not None and is_packable(body.size_bytes, cap_bytes=IN_MEMORY_BYTES)
    )
    headers = [*body.headers, (b"accept-ranges", b"bytes")]
    if may_pack:
        headers.append((b"vary", b"Accept-Encoding"))
    plain_tag = f'"{body.digest}"'
    if _is_known(exchange, body.digest):
        await exchange.start(304, [*headers, (b"etag", plain_tag.encode())])
        await exchange.write(b"", more=False)
        return
    try:
        wanted = _find_range(exchange, body, plain_tag)
    except UnsatisfiableRangeError:
        headers.append((b"content-range", f"bytes */{body.size_bytes}".encode()))
        await exchange.answer(416, headers)
        return
    coding = choose_coding(exchange.list_header(b"accept-encoding")) if may_pack and wanted is None else None
    if coding is not None:
        packed = await packer.find_packed(body.digest, coding, body.content or b"")
        if packed is not None:
            tag = f'"{body.digest}-{coding}"'.encode()
            headers += [(b"etag", tag), (b"content-encoding", coding.encode())]
            await exchange.answer(200, headers, packed)
            return
    headers.append((b"etag", plain_tag.encode()))
    await _send_plain(exchange, body, wanted, headers)


async def _send_plain(exchange: Exchange, body: Body, wanted: ByteRange | None, headers: Headers) -> None:
    status = 200
    part = ByteRange(start=0, stop=body.size_bytes)
    if wanted is not None:
        status, part = 206, wanted
        headers.append((b"content-range", wanted.content_range(body.size_bytes)))
    if body.content is not None:
        content = body.content if wanted is None else body.content[part.start : part.stop]
        await exchange.answer(status, headers, content)
        return
    await exchange.start(status, [*headers, (b"content-length", str(part.size_bytes).encode())])
    if exchange.method == "HEAD" or body.descriptor is None:
        await exchange.write(b"", more=False)
        return
    await exchange.run_while_there(_stream(exchange, body.descriptor, part))


async def _stream(exchange: Exchange, descriptor: int, part: ByteRange) -> None:
    """Send a part of a file, a chunk at a time and no faster than it is taken."""
    at = part.start
    os.lseek(descriptor, at, os.SEEK_SET)
    while at < part.stop:
        reading = asyncio.ensure_future(
            asyncio.to_thread(os.read, descriptor, min(_CHUNK_BYTES, part.stop - at))
        )
        try:
            chunk = await asyncio.shield(reading)
        except asyncio.CancelledError:
            # The descriptor is closed next, and its number may be somebody else's at once.
            await reading
            raise
        if not chunk:
            # Somebody cut the file short: the answer stays short too, and the other end sees that it broke.
            raise OSError("a served file was cut short while it was sent")
        at += len(chunk)
        await exchange.write(chunk, more=at < part.stop)


def _is_known(exchange: Exchange, digest: str) -> bool:
    """Whether ``If-None-Match`` has the body in one of its forms (weak comparison, as the RFC wants)."""
    given = exchange.list_header(b"if-none-match")
    if not given:
        return False
    known = {f'"{digest}"', f'"{digest}-br"', f'"{digest}-gzip"', "*"}
    return any(each.strip().removeprefix("W/") in known for each in given.split(","))


def _find_range(exchange: Exchange, body: Body, plain_tag: str) -> ByteRange | None:
    if exchange.method != "GET":
        return None
    condition = exchange.find_header(b"if-range")
    if condition is not None and condition.strip() != plain_tag:
        return None
    return parse_range(exchange.find_header(b"range"), body.size_bytes)
