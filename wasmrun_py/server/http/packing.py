"""Packed forms of outputs: made once for each digest, away from the event loop, kept up to a total."""

from __future__ import annotations

import asyncio
import gzip

from wasmrun_py.server.http.contents import ByteCache

_LEAST_BYTES = 4 * 1024
# Fast levels: the reader sits on this machine, and waits.
_BROTLI_QUALITY = 4
_GZIP_LEVEL = 5
# What takes longer is sent as it is, and is ready for the next one who asks.
_PATIENCE_S = 0.5
_BROTLI, _GZIP = "br", "gzip"


class Packer:
    """Makes and keeps packed forms. Belongs to one event loop."""

    def __init__(self) -> None:
        self._made = ByteCache()
        self._underway: dict[str, asyncio.Task[bytes]] = {}

    async def find_packed(self, digest: str, coding: str, body: bytes) -> bytes | None:
        """The body in this coding; None when it is not smaller, or takes long and is only being made.

        Args:
            digest: What the body is known by.
            coding: ``br`` or ``gzip``.
            body: The bytes.
        """
        name = f"{digest}.{coding}"
        found = self._made.find(name)
        if found is None:
            task = self._underway.get(name)
            if task is None:
                task = asyncio.create_task(self._make(name, coding, body))
                self._underway[name] = task
                task.add_done_callback(lambda _task: self._underway.pop(name, None))
            try:
                found = await asyncio.wait_for(asyncio.shield(task), _PATIENCE_S)
            except TimeoutError:
                return None
        return found or None

    async def _make(self, name: str, coding: str, body: bytes) -> bytes:
        packed = await asyncio.to_thread(_pack, body, coding)
        # Empty: it was tried, and is no smaller.
        kept = packed if len(packed) < len(body) else b""
        self._made.put(name, kept)
        return kept


def choose_coding(accepted: str) -> str | None:
    """The better coding of those that a request's ``Accept-Encoding`` allows; None to send it as it is."""
    weights: dict[str, float] = {}
    for each in accepted.lower().split(","):
        coding, _, parameter = each.strip().partition(";")
        name, _, weight = parameter.strip().partition("=")
        try:
            weights[coding.strip()] = float(weight) if name.strip() == "q" else 1.0
        except ValueError:
            weights[coding.strip()] = 0.0
    everything = weights.get("*", 0.0)
    usable = [coding for coding in (_BROTLI, _GZIP) if weights.get(coding, everything) > 0]
    return max(usable, key=lambda coding: weights.get(coding, everything), default=None)


def is_packable(size_bytes: int, *, cap_bytes: int) -> bool:
    """Whether a body of that size is worth it."""
    return _LEAST_BYTES <= size_bytes <= cap_bytes


def _pack(body: bytes, coding: str) -> bytes:
    if coding == _BROTLI:
        import brotli  # noqa: PLC0415 - only a client that asks for it needs it

        packed: bytes = brotli.compress(body, quality=_BROTLI_QUALITY)
        return packed
    return gzip.compress(body, _GZIP_LEVEL, mtime=0)
