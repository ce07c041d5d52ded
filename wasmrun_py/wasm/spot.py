"""Which part of a module or component a byte lies in: the section, and the function where it is code.

For people who look for the cause of one byte; a file that breaks the format is followed as far as it goes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wasmrun_py.wasm.core_module import decode_core_module
from wasmrun_py.wasm.header import HEADER_BYTES, find_kind
from wasmrun_py.wasm.module_info import ModuleKind
from wasmrun_py.wasm.reader import MalformedModuleError, Reader
from wasmrun_py.wasm.sections import CUSTOM, open_section, read_component_sections, read_core_sections

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wasmrun_py.wasm.module_info import Section

_CODE = 10
_CORE_MODULE, _COMPONENT = 1, 4
_FUNCTION_NAMES = 1
_DEEPEST = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """Where a byte lies.

    Attributes:
        section: The innermost section's name (``code``, ``data``, a custom section's own); None for the
            header of the file.
        is_custom: It is a custom section, which changes nothing about what the module does.
        function: The index of the function whose body it is in, imports counted; None outside of code.
        function_name: That function's name from the name section, or None.
    """

    section: str | None
    is_custom: bool = False
    function: int | None = None
    function_name: str | None = None

    @property
    def words(self) -> str:
        """``section code, function 12 (main)``; empty when nothing is known."""
        if self.section is None:
            return ""
        kind = "custom section" if self.is_custom else "section"
        if self.function is None:
            return f"{kind} {self.section}"
        name = f" ({self.function_name})" if self.function_name else ""
        return f"{kind} {self.section}, function {self.function}{name}"


_NOWHERE = Spot(section=None)


def find_spot(data: bytes, offset: int) -> Spot:
    """Where the byte at ``offset`` lies; a spot without a section when that cannot be told."""
    try:
        return _find(data, offset, 0, len(data), _DEEPEST)
    except MalformedModuleError:
        return _NOWHERE


def _find(data: bytes, offset: int, start: int, end: int, deeper: int) -> Spot:
    kind = find_kind(data[start : start + HEADER_BYTES])
    if kind is ModuleKind.UNKNOWN or not deeper:
        return _NOWHERE
    reader = Reader(data, start + HEADER_BYTES, end)
    is_core = kind is ModuleKind.MODULE
    sections = read_core_sections(reader) if is_core else read_component_sections(reader)
    # A section's id and size, which stand before its contents, are its own.
    section = next((each for each in sections if offset < each.offset + each.size_bytes), None)
    if section is None or offset < start + HEADER_BYTES:
        return _NOWHERE
    if offset < section.offset:
        return Spot(section=section.name, is_custom=section.id == CUSTOM)
    if not is_core and section.id in (_CORE_MODULE, _COMPONENT):
        inner = _find(data, offset, section.offset, section.offset + section.size_bytes, deeper - 1)
        return inner if inner.section is not None else Spot(section=section.name)
    if is_core and section.id == _CODE:
        return _find_function(Reader(data, start, end), section, sections, offset)
    return Spot(section=section.name, is_custom=section.id == CUSTOM)


def _find_function(module: Reader, code: Section, sections: Sequence[Section], offset: int) -> Spot:
    imported = decode_core_module(Reader(module.data, module.offset, module.end)).functions.imported
    bodies = open_section(module, code)
    for number in range(bodies.count("function bodies")):
        size_bytes = bodies.u32("function body")
        start = bodies.skip(size_bytes, "function body")
        if start <= offset < start + size_bytes:
            index = imported + number
            return Spot(section=code.name, function=index, function_name=_find_name(module, sections, index))
    return Spot(section=code.name)


def _find_name(module: Reader, sections: Sequence[Section], wanted: int) -> str | None:
    """A function's name in the name section; a damaged one names nothing."""
    section = next((each for each in sections if each.id == CUSTOM and each.name == "name"), None)
    if section is None:
        return None
    try:
        contents = open_section(module, section)
        while contents.offset < contents.end:
            kind = contents.byte("name subsection")
            size_bytes = contents.u32("name subsection")
            if kind != _FUNCTION_NAMES:
                contents.skip(size_bytes, "name subsection")
                continue
            for _ in range(contents.count("function names")):
                index, name = contents.u32("function index"), contents.name("function name")
                if index == wanted:
                    return name
            return None
    except MalformedModuleError:
        pass
    return None
