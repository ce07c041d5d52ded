"""A component with its function bodies emptied, so that compiling it costs little and proves as much.

A component is valid when the core modules in it are valid and everything around them is. The first is
checked module by module; the second depends on the modules' imports and exports only, never on their
bodies. So bodies are replaced by ``unreachable``, and data and element segments are hidden, in place: the
length stays the same and every offset that wasmtime reports is one in the original file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wasmrun_py.wasm.header import HEADER_BYTES
from wasmrun_py.wasm.reader import Reader
from wasmrun_py.wasm.sections import CUSTOM, read_core_sections

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wasmrun_py.wasm.module_info import Section

_ELEMENT, _CODE, _DATA, _DATA_COUNT = 9, 10, 11, 12
# size 3, no locals, unreachable, end.
_EMPTY_BODY = b"\x03\x00\x00\x0b"
_PADDED_SIZE_BYTES = 5
# id, padded size, the length of an empty name.
_CUSTOM_HEADER_BYTES = 1 + _PADDED_SIZE_BYTES + 1


def outline_component(data: bytes, modules: Iterable[Section]) -> bytearray:
    """Copy a component with the bodies of its core modules emptied.

    Args:
        data: The component.
        modules: Its core module sections, each of them known to be valid.
    """
    outline = bytearray(data)
    for module in modules:
        reader = Reader(data, module.offset + HEADER_BYTES, module.offset + module.size_bytes)
        start = reader.offset
        for section in read_core_sections(reader):
            end = section.offset + section.size_bytes
            if section.id == _CODE:
                _empty_bodies(outline, start, section)
            elif section.id in (_ELEMENT, _DATA, _DATA_COUNT):
                # A custom section with an empty name may hold anything.
                outline[start] = CUSTOM
                outline[section.offset] = 0
            start = end
    return outline


def _empty_bodies(outline: bytearray, start: int, section: Section) -> None:
    end = section.offset + section.size_bytes
    bodies = Reader(outline, section.offset, end).u32("function bodies")
    contents = _pad_u32(bodies) + _EMPTY_BODY * bodies
    code = bytes([_CODE]) + _pad_u32(len(contents)) + contents
    rest = end - start - len(code)
    # A module of the tiniest functions has no room to spare, and nothing to gain.
    if rest >= _CUSTOM_HEADER_BYTES:
        filler = bytes([CUSTOM]) + _pad_u32(rest - 1 - _PADDED_SIZE_BYTES) + b"\0"
        outline[start : start + len(code) + len(filler)] = code + filler


def _pad_u32(value: int) -> bytes:
    """Encode with as many bytes as the format allows, so that the length does not depend on the value."""
    last = _PADDED_SIZE_BYTES - 1
    return bytes((value >> 7 * place & 0x7F) | (0x80 if place < last else 0) for place in range(last + 1))
