"""Reading wasm's primitive values out of a buffer, never past its end and always knowing where.

Integers are LEB128 (core spec §5.2.2), names are length-prefixed UTF-8 (§5.2.4), vectors are
count-prefixed (§5.1.3). What the values mean is for the other modules of the room.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn, TypeAlias

from wasmrun_py.model.errors import InvalidModuleError

if TYPE_CHECKING:
    from mmap import mmap

# All of these index to int and slice to something bytes() takes, so that a mapped file is never copied.
ModuleBytes: TypeAlias = "bytes | bytearray | memoryview | mmap"

_MORE = 0x80
_SIGN = 0x40
_PAYLOAD_BITS = 7


class MalformedModuleError(InvalidModuleError):
    """The bytes break the binary format at a known place.

    Attributes:
        problem: What is wrong, without the place.
        offset: Where, in bytes from the start of the file.
    """

    def __init__(self, problem: str, *, offset: int, hint: str = "") -> None:
        super().__init__(f"{problem} {describe_offset(offset)}", hint=hint)
        self.problem = problem
        self.offset = offset


def describe_offset(offset: int) -> str:
    """Say a byte offset as both tools and people count: ``at byte 0x1f (31)``."""
    return f"at byte 0x{offset:x} ({offset})"


class Reader:
    """A cursor over ``data`` from ``offset`` up to ``end``; every method raises MalformedModuleError.

    Attributes:
        data: The whole file, so that offsets are offsets into the file however deep the reader is.
        offset: The next byte to read.
        end: One past the last byte this reader may touch.
    """

    __slots__ = ("data", "end", "offset")

    def __init__(self, data: ModuleBytes, offset: int = 0, end: int | None = None) -> None:
        self.data = data
        self.offset = offset
        self.end = len(data) if end is None else end

    def fail(self, problem: str, *, at: int | None = None) -> NoReturn:
        """Raise for a problem at ``at``, or at the cursor."""
        raise MalformedModuleError(problem, offset=self.offset if at is None else at)

    def peek(self, what: str) -> int:
        """Look at the next byte without taking it."""
        if self.offset >= self.end:
            self.fail(f"unexpected end in {what}")
        return self.data[self.offset]

    def byte(self, what: str) -> int:
        """Take one byte."""
        value = self.peek(what)
        self.offset += 1
        return value

    def u32(self, what: str) -> int:
        """Take an unsigned 32-bit LEB128 integer."""
        # Nearly every integer in a module is below 128.
        if self.offset < self.end and (value := self.data[self.offset]) < _MORE:
            self.offset += 1
            return value
        return self.unsigned(32, what)

    def unsigned(self, bits: int, what: str) -> int:
        """Take an unsigned LEB128 integer of at most ``bits`` bits."""
        start = self.offset
        value = self._leb128(bits, what)
        if value >> bits:
            self.fail(f"integer too large in {what}", at=start)
        return value

    def signed(self, bits: int, what: str) -> int:
        """Take a signed LEB128 integer of at most ``bits`` bits."""
        start = self.offset
        value = self._leb128(bits, what)
        if self.data[self.offset - 1] & _SIGN:
            value -= 1 << _PAYLOAD_BITS * (self.offset - start)
        if not -(1 << (bits - 1)) <= value < 1 << (bits - 1):
            self.fail(f"integer too large in {what}", at=start)
        return value

    def _leb128(self, bits: int, what: str) -> int:
        start = self.offset
        value = shift = 0
        while True:
            # At most ceil(bits / 7) bytes, padding included (§5.2.2).
            if shift >= bits:
                self.fail(f"integer representation too long in {what}", at=start)
            byte = self.byte(what)
            value |= (byte & ~_MORE) << shift
            if byte < _MORE:
                return value
            shift += _PAYLOAD_BITS

    def skip(self, size_bytes: int, what: str) -> int:
        """Step over ``size_bytes`` and give the offset they began at."""
        start = self.offset
        if size_bytes > self.end - start:
            self.fail(f"{what} needs {size_bytes} bytes and only {self.end - start} are left", at=start)
        self.offset = start + size_bytes
        return start

    def name(self, what: str) -> str:
        """Take a length-prefixed UTF-8 string."""
        start = self.skip(self.u32(what), what)
        try:
            return bytes(self.data[start : self.offset]).decode()
        except UnicodeDecodeError as error:
            raise MalformedModuleError(f"malformed UTF-8 in {what}", offset=start + error.start) from error

    def count(self, what: str, *, item_bytes: int = 1) -> int:
        """Take a vector's length, refused before anything is built when its items cannot fit.

        Args:
            what: What the vector holds, in the plural.
            item_bytes: The fewest bytes one item can take.
        """
        start = self.offset
        count = self.u32(what)
        left = self.end - self.offset
        if count * item_bytes > left:
            self.fail(f"{count} {what} announced and only {left} bytes left", at=start)
        return count

    def finish(self, what: str) -> None:
        """Insist that everything was read."""
        if self.offset != self.end:
            self.fail(f"{self.end - self.offset} bytes too many in {what}")
