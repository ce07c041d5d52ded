from __future__ import annotations

import mmap
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wasmrun_py.model.errors import InvalidModuleError
from wasmrun_py.wasm.reader import MalformedModuleError, Reader

if TYPE_CHECKING:
    from pathlib import Path


def encode_unsigned(value: int) -> bytes:
    """Encode as the spec's grammar does (§5.2.2), independently of the reader."""
    if value < 128:
        return bytes([value])
    return bytes([value % 128 + 128]) + encode_unsigned(value // 128)


def encode_signed(value: int) -> bytes:
    """Encode as the spec's grammar does (§5.2.2), independently of the reader."""
    if -64 <= value < 64:
        return bytes([value % 128])
    return bytes([value % 128 + 128]) + encode_signed(value // 128)


@given(st.integers(0, 2**32 - 1))
def test_u32_reads_back_what_was_encoded(value: int) -> None:
    """Every 32-bit number survives, and exactly its bytes are taken."""
    encoded = encode_unsigned(value)
    reader = Reader(encoded + b"\xff")
    assert reader.u32("number") == value
    assert reader.offset == len(encoded)


@given(st.integers(0, 2**64 - 1))
def test_u64_reads_back_what_was_encoded(value: int) -> None:
    """Every 64-bit number survives."""
    assert Reader(encode_unsigned(value)).unsigned(64, "number") == value


@given(st.sampled_from([32, 33, 64]), st.data())
def test_signed_reads_back_what_was_encoded(bits: int, data: st.DataObject) -> None:
    """Every signed number of the width survives, negative ones included."""
    value = data.draw(st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1))
    assert Reader(encode_signed(value)).signed(bits, "number") == value


@given(st.integers(0, 127))
def test_padding_within_the_limit_is_allowed(value: int) -> None:
    """The format allows trailing zero groups as long as a 32-bit number stays within five bytes."""
    assert Reader(bytes([value | 0x80, 0x80, 0x80, 0x80, 0x00])).u32("number") == value


@pytest.mark.parametrize(
    ("encoded", "problem"),
    [
        (b"", "unexpected end in number"),
        (b"\x80", "unexpected end in number"),
        (b"\xff\xff\xff\xff", "unexpected end in number"),
        (b"\x80\x80\x80\x80\x80\x00", "integer representation too long in number"),
        (b"\xff\xff\xff\xff\x1f", "integer too large in number"),
    ],
)
def test_bad_u32_is_refused(encoded: bytes, problem: str) -> None:
    """Unterminated, over-long and too large integers each have their own message."""
    with pytest.raises(MalformedModuleError) as caught:
        Reader(encoded).u32("number")
    assert caught.value.problem == problem


@pytest.mark.parametrize(
    "encoded", [b"\xff\xff\xff\xff\x0f", b"\x80\x80\x80\x80\x08", b"\x80\x80\x80\x80\x70"]
)
def test_bad_s32_is_refused(encoded: bytes) -> None:
    """The unused bits of the last byte must repeat the sign."""
    with pytest.raises(MalformedModuleError, match="integer too large"):
        Reader(encoded).signed(32, "number")


def test_an_error_names_the_byte_both_ways() -> None:
    """The message gives the offset in hexadecimal and in decimal, from the start of the file."""
    with pytest.raises(InvalidModuleError, match=r"unexpected end in number at byte 0x1f \(31\)$") as caught:
        Reader(bytes(40), 31, 31).u32("number")
    assert caught.value.exit_code == 5
    assert caught.value.code == "invalid-module"


@given(st.text())
def test_name_reads_utf8(text: str) -> None:
    """Names are length-prefixed UTF-8 of any content."""
    encoded = text.encode()
    assert Reader(encode_unsigned(len(encoded)) + encoded).name("name") == text


def test_name_with_bad_utf8_names_the_byte() -> None:
    """The offset is that of the first undecodable byte, not of the name."""
    with pytest.raises(MalformedModuleError, match="malformed UTF-8 in name") as caught:
        Reader(b"\x03ab\xff").name("name")
    assert caught.value.offset == 3


def test_name_longer_than_the_rest_is_refused() -> None:
    """A name may not run past the end of what contains it."""
    with pytest.raises(MalformedModuleError, match="name needs 9 bytes and only 2 are left"):
        Reader(b"\x09ab").name("name")


def test_a_huge_count_is_refused_before_anything_is_built() -> None:
    """Four billion items cannot be in two bytes."""
    with pytest.raises(MalformedModuleError, match="4294967295 things announced and only 2 bytes left"):
        Reader(b"\xff\xff\xff\xff\x0fab").count("things")


def test_count_knows_the_least_size_of_an_item() -> None:
    """Three items of at least four bytes cannot be in eleven."""
    with pytest.raises(MalformedModuleError, match="3 things announced"):
        Reader(b"\x03" + bytes(11)).count("things", item_bytes=4)
    assert Reader(b"\x03" + bytes(12)).count("things", item_bytes=4) == 3


def test_a_reader_never_looks_past_its_end() -> None:
    """What follows a section is not part of it."""
    reader = Reader(b"\x01\x02\x03", 0, 1)
    assert reader.byte("thing") == 1
    with pytest.raises(MalformedModuleError):
        reader.byte("thing")
    with pytest.raises(MalformedModuleError):
        reader.peek("thing")


def test_unread_bytes_are_refused() -> None:
    """A section must be used up by its contents."""
    with pytest.raises(MalformedModuleError, match="2 bytes too many in section"):
        Reader(b"ab").finish("section")


def test_a_mapped_file_can_be_read(tmp_path: Path) -> None:
    """A memory map works as bytes do, and can be closed afterwards."""
    file = tmp_path / "names"
    file.write_bytes(b"\x02hi\x05")
    with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        reader = Reader(mapped)
        assert reader.name("name") == "hi"
        assert reader.u32("number") == 5
