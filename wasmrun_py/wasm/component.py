"""Decoding a component's outer level, and the core modules inside it.

component-model Binary.md. Imports and exports are listed with name, kind and type; the types come from the
index spaces of ``component_scope``. Where those cannot be followed (a form newer than this reader), the kind
stands for the type: names and kinds are in the import and export sections themselves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wasmrun_py.wasm.component_scope import Scope
from wasmrun_py.wasm.core_module import decode_core_module
from wasmrun_py.wasm.header import COMPONENT_HEADER, HEADER_BYTES
from wasmrun_py.wasm.module_info import Export, Import
from wasmrun_py.wasm.reader import MalformedModuleError, Reader
from wasmrun_py.wasm.sections import open_section, read_component_sections

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wasmrun_py.wasm.component_types import Extern
    from wasmrun_py.wasm.core_module import CoreModule
    from wasmrun_py.wasm.module_info import Section
    from wasmrun_py.wasm.reader import ModuleBytes

CORE_MODULE_SECTION = 1
NESTED_COMPONENT_SECTION = 4
START_SECTION = 9
IMPORT_SECTION = 10
EXPORT_SECTION = 11

# wasmtime refuses more than this many modules and components in one file, so nothing valid nests deeper.
_MAX_NESTING = 1000

# How many members of instances are listed in all: a file can name one instance many thousand times.
_MOST_MEMBERS = 10_000


class Component:
    """What one component declares, filled in by ``decode_component``.

    Attributes:
        sections: Of the outermost level, in file order.
        imports: Of the outermost level.
        exports: Of the outermost level.
        start: Index of the component-level start function, or None.
        modules: Every core module inside with its section, however deep, in file order.
    """

    __slots__ = ("_members_left", "_scope", "exports", "imports", "modules", "sections", "start")

    def __init__(self, sections: tuple[Section, ...]) -> None:
        self.sections = sections
        self.imports: list[Import] = []
        self.exports: list[Export] = []
        self.start: int | None = None
        self.modules: list[tuple[Section, CoreModule]] = []
        self._scope = Scope()
        self._members_left = _MOST_MEMBERS

    def read_section(self, section: Section, contents: Reader) -> None:
        """Take in one section of the outermost level."""
        if section.id == IMPORT_SECTION:
            for _ in range(contents.count("imports", item_bytes=4)):
                name, extern = self._scope.read_import(contents)
                members = self._list_members(extern)
                item = Import(module="", name=name, kind=extern.kind, type=extern.words, members=members)
                self.imports.append(item)
            contents.finish("section 'import'")
        elif section.id == EXPORT_SECTION:
            for _ in range(contents.count("exports", item_bytes=5)):
                name, extern = self._scope.read_export(contents)
                self.exports.append(self._describe(name, extern))
            contents.finish("section 'export'")
        elif section.id == START_SECTION:
            self.start = contents.u32("start function")
        else:
            try:
                self._scope.read_section(section, contents)
            except MalformedModuleError:
                # For ``verify`` to judge; the names in the other sections are good all the same.
                self._scope.give_up()

    def _describe(self, name: str, extern: Extern) -> Export:
        members = self._list_members(extern)
        return Export(name=name, kind=extern.kind, type=extern.words, members=members)

    def _list_members(self, extern: Extern) -> tuple[Export, ...]:
        """What is in an instance, one level deep."""
        found = None if extern.type is None else extern.type.members
        if not found or len(found) > self._members_left:
            return ()
        self._members_left -= len(found)
        return tuple(Export(name=name, kind=member.kind, type=member.words) for name, member in found.items())


def decode_component(data: ModuleBytes) -> Component:
    """Decode the component that ``data`` is, header included.

    Raises:
        MalformedModuleError: The bytes break the format; its offset is one in the whole file.
    """
    reader = Reader(data)
    _skip_header(reader)
    component = Component(tuple(read_component_sections(reader)))
    for section in component.sections:
        component.read_section(section, open_section(reader, section))
    component.modules += [
        (section, decode_core_module(Reader(data, section.offset, section.offset + section.size_bytes)))
        for section in find_core_modules(data)
    ]
    return component


def find_core_modules(data: ModuleBytes) -> Iterator[Section]:
    """List the core module sections of a component and of the components inside it, in file order.

    Raises:
        MalformedModuleError: A section overruns, or components nest deeper than wasmtime allows.
    """
    levels = [_list_nested(Reader(data))]
    while levels:
        section = next(levels[-1], None)
        if section is None:
            levels.pop()
        elif section.id == CORE_MODULE_SECTION:
            yield section
        else:
            inner = Reader(data, section.offset, section.offset + section.size_bytes)
            if len(levels) > _MAX_NESTING:
                inner.fail(f"components are nested more than {_MAX_NESTING} deep")
            levels.append(_list_nested(inner))


def _list_nested(reader: Reader) -> Iterator[Section]:
    _skip_header(reader)
    nested = (CORE_MODULE_SECTION, NESTED_COMPONENT_SECTION)
    return (section for section in read_component_sections(reader) if section.id in nested)


def _skip_header(reader: Reader) -> None:
    start = reader.skip(HEADER_BYTES, "component header")
    if bytes(reader.data[start : reader.offset]) != COMPONENT_HEADER:
        reader.fail("a component was expected", at=start)
