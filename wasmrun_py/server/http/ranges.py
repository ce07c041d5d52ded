"""Which bytes of a body were asked for (RFC 9110, section 14). Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

# More digits than any size has: what is longer is no number that anybody means.
_ONE_RANGE = re.compile(r"bytes=[ \t]*([0-9]{0,18})-([0-9]{0,18})[ \t]*", re.IGNORECASE)


class UnsatisfiableRangeError(Exception):
    """The range lies outside; answered with 416."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ByteRange:
    """A part of a body.

    Attributes:
        start: Its first byte.
        stop: The byte after its last.
    """

    start: int
    stop: int

    @property
    def size_bytes(self) -> int:
        """How long it is."""
        return self.stop - self.start

    def content_range(self, size_bytes: int) -> bytes:
        """The value of ``Content-Range`` in a body of that size."""
        return f"bytes {self.start}-{self.stop - 1}/{size_bytes}".encode()


def parse_range(header: str | None, size_bytes: int) -> ByteRange | None:
    """The one range that a header asks for: ``bytes=0-9``, ``bytes=10-``, ``bytes=-5``.

    None means the whole body: there is no header, or it has another unit, several ranges, or no sense, all of
    which a server may ignore.

    Raises:
        UnsatisfiableRangeError: It begins behind the end, or wants the last 0 bytes.
    """
    match = _ONE_RANGE.fullmatch(header or "")
    if match is None or not (match[1] or match[2]):
        return None
    if not match[1]:
        wanted = min(int(match[2]), size_bytes)
        if not wanted:
            raise UnsatisfiableRangeError
        return ByteRange(start=size_bytes - wanted, stop=size_bytes)
    start = int(match[1])
    last = int(match[2]) if match[2] else size_bytes - 1
    if match[2] and last < start:
        return None
    if start >= size_bytes:
        raise UnsatisfiableRangeError
    return ByteRange(start=start, stop=min(last, size_bytes - 1) + 1)
