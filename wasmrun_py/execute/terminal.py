"""What a guest writes, made harmless for a terminal, or kept up to a limit.

A terminal obeys what is printed on it: titles, clipboards, answers typed back. Only text, the usual layout
characters and colours (SGR, ECMA-48 §8.3.117) get through; every other control is shown, not sent. Pure.
"""

from __future__ import annotations

import codecs
import re

# SGR parameters are digits, ; and :. With a private prefix (<=>?) the sequence is something else.
_LONGEST_SGR = 64
_CONTROL = re.compile(
    rf"\x1b\[[0-9;:]{{0,{_LONGEST_SGR}}}m|[\x00-\x07\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]"
)
_UNFINISHED = re.compile(rf"\x1b(?:\[[0-9;:]{{0,{_LONGEST_SGR}}})?\Z")
_FIRST_C1 = 0x80
_FIRST_SURROGATE = 0xDC00


class TerminalFilter:
    r"""Filters one stream; how it is cut into chunks makes no difference.

    Kept: printable text, newline, tab, carriage return, backspace, SGR. Shown instead of sent: other C0 as
    ``^G``, C1 (raw or encoded) and bytes that are not UTF-8 as ``\x9b``.
    """

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        self._held = ""

    def feed(self, chunk: bytes) -> bytes:
        """Take the next bytes; what can be shown of them now."""
        text = self._held + self._decoder.decode(chunk)
        unfinished = _UNFINISHED.search(text)
        cut = unfinished.start() if unfinished else len(text)
        self._held = text[cut:]
        return _CONTROL.sub(_show, text[:cut]).encode()

    def finish(self) -> bytes:
        """What was held back, now that nothing follows."""
        text = self._held + self._decoder.decode(b"", final=True)
        self._held = ""
        return _CONTROL.sub(_show, text).encode()


class CappedCapture:
    """Keeps the beginning of a stream and counts the rest; a sink for one thread.

    Args:
        limit_bytes: How much to keep.

    Attributes:
        total_bytes: How much came.
    """

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._kept = bytearray()
        self.total_bytes = 0

    def __call__(self, chunk: bytes) -> None:
        """Take the next bytes."""
        self.total_bytes += len(chunk)
        room_bytes = self._limit_bytes - len(self._kept)
        if room_bytes > 0:
            self._kept += chunk[:room_bytes]

    @property
    def data(self) -> bytes:
        """What was kept."""
        return bytes(self._kept)

    @property
    def dropped_bytes(self) -> int:
        """How much came beyond the limit."""
        return self.total_bytes - len(self._kept)

    @property
    def text(self) -> str:
        """What was kept, as text: undecodable bytes replaced, a character cut by the limit left out."""
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        return decoder.decode(self.data, final=not self.dropped_bytes)


def _show(match: re.Match[str]) -> str:
    sequence = match[0]
    if len(sequence) > 1:
        return sequence
    code = ord(sequence)
    if code >= _FIRST_SURROGATE:
        # surrogateescape: the byte that was not UTF-8.
        return f"\\x{code - _FIRST_SURROGATE:02x}"
    if code >= _FIRST_C1:
        return f"\\x{code:02x}"
    return f"^{chr(code ^ 0x40)}"
