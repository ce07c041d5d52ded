"""Leave the names of functions out of a component: what only a trap's backtrace shows.

componentize-py has no option for it. The component's core modules lose their ``name`` and DWARF sections;
everything else stays byte for byte. Pure: bytes in, bytes out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_HEADER_BYTES = 8
_COMPONENT_VERSION = b"\x0d\x00\x01\x00"
_CUSTOM = 0
# In a component: a core module, and a component inside it.
_NESTED = frozenset({1, 4})
_LEB_MORE, _LEB_BITS = 0x80, 7


def strip_names(binary: bytes) -> bytes:
    """A component, or a module, without names and DWARF.

    Args:
        binary: A well-formed module or component, as a toolchain writes it.

    Raises:
        ValueError: Its sections do not fill it: it is not well-formed.
    """
    is_component = binary[4:_HEADER_BYTES] == _COMPONENT_VERSION
    kept = [binary[:_HEADER_BYTES]]
    for number, content in _sections(binary):
        if is_component and number in _NESTED:
            nested = strip_names(content)
            kept += [bytes([number]), format_leb(len(nested)), nested]
        elif is_component or number != _CUSTOM or not _is_for_debuggers(content):
            kept += [bytes([number]), format_leb(len(content)), content]
    return b"".join(kept)


def format_leb(value: int) -> bytes:
    """Unsigned LEB128."""
    encoded = bytearray()
    while value >= _LEB_MORE:
        encoded.append((value | _LEB_MORE) & 0xFF)
        value >>= _LEB_BITS
    return bytes([*encoded, value])


def _sections(binary: bytes) -> Iterator[tuple[int, bytes]]:
    place = _HEADER_BYTES
    while place < len(binary):
        size, start = _parse_leb(binary, place + 1)
        if start + size > len(binary):
            raise ValueError(f"section {binary[place]} at byte {place} is longer than what holds it")
        yield binary[place], binary[start : start + size]
        place = start + size


def _parse_leb(binary: bytes, place: int) -> tuple[int, int]:
    """The number at ``place`` and the place behind it."""
    value = shift = 0
    while place < len(binary):
        byte = binary[place]
        value |= (byte & ~_LEB_MORE) << shift
        place, shift = place + 1, shift + _LEB_BITS
        if byte < _LEB_MORE:
            return value, place
    raise ValueError("the file ends inside a number")


def _is_for_debuggers(content: bytes) -> bool:
    size, start = _parse_leb(content, 0)
    name = content[start : start + size]
    return name == b"name" or name.startswith(b".debug_")
