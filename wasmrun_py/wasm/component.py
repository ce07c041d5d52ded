"""Decoding a component's outer level, and the core modules inside it.

component-model Binary.md. Imports and exports are listed with name and kind; the types behind them live
in index spaces that five kinds of section feed, and are left to wasmtime. Nested components are walked
only to find the core modules in them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wasmrun_py.wasm.core_module import decode_core_module
from wasmrun_py.wasm.header import COMPONENT_HEADER, HEADER_BYTES
from wasmrun_py.wasm.module_info import Export, Import
from wasmrun_py.wasm.reader import Reader
from wasmrun_py.wasm.sections import open_section, read_component_sections

if TYPE_CHECKING:
    from collections.abc import Iterator

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

_PLAIN_NAMES = (0x00, 0x01)
_NAME_WITH_OPTIONS = 0x02
_CORE_SORT = 0x00
_CORE_MODULE_SORT = 0x11
_SORTS = {0x01: "func", 0x02: "value", 0x03: "type", 0x04: "component", 0x05: "instance"}
_CORE_MODULE = "core module"
_VALUE, _TYPE = 0x02, 0x03


class Component:
    """What one component declares, filled in by ``decode_component``.

    Attributes:
        sections: Of the outermost level, in file order.
        imports: Of the outermost level.
        exports: Of the outermost level.
        start: Index of the component-level start function, or None.
        modules: Every core module inside, however deep, in file order.
    """

    __slots__ = ("exports", "imports", "modules", "sections", "start")

    def __init__(self, sections: tuple[Section, ...]) -> None:
        self.sections = sections
        self.imports: list[Import] = []
        self.exports: list[Export] = []
        self.start: int | None = None
        self.modules: list[CoreModule] = []

    def read_section(self, section: Section, contents: Reader) -> None:
        """Take in one section of the outermost level."""
        if section.id == IMPORT_SECTION:
            for _ in range(contents.count("imports", item_bytes=4)):
                name = _read_name(contents, "import name")
                kind, words = _read_extern_desc(contents)
                self.imports.append(Import(module="", name=name, kind=kind, type=words))
            contents.finish("section 'import'")
        elif section.id == EXPORT_SECTION:
            for _ in range(contents.count("exports", item_bytes=5)):
                self.exports.append(_read_export(contents))
            contents.finish("section 'export'")
        elif section.id == START_SECTION:
            self.start = contents.u32("start function")


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
        decode_core_module(Reader(data, section.offset, section.offset + section.size_bytes))
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


def _read_name(contents: Reader, what: str) -> str:
    form = contents.byte(what)
    if form not in (*_PLAIN_NAMES, _NAME_WITH_OPTIONS):
        contents.fail(f"unknown form 0x{form:02x} of {what}", at=contents.offset - 1)
    name = contents.name(what)
    if form == _NAME_WITH_OPTIONS:
        for _ in range(contents.count("name options", item_bytes=2)):
            contents.byte("name option")
            contents.name("name option")
    return name


def _read_extern_desc(contents: Reader) -> tuple[str, str]:
    sort = contents.byte("extern kind")
    if sort == _CORE_SORT:
        if (code := contents.byte("extern kind")) != _CORE_MODULE_SORT:
            contents.fail(f"unknown core extern kind 0x{code:02x}", at=contents.offset - 1)
        contents.u32("type index")
        return _CORE_MODULE, _CORE_MODULE
    kind = _SORTS.get(sort)
    if kind is None:
        contents.fail(f"unknown extern kind 0x{sort:02x}", at=contents.offset - 1)
    if sort not in (_VALUE, _TYPE):
        contents.u32("type index")
        return kind, kind
    bound = contents.byte("bound")
    if bound > 1:
        contents.fail(f"unknown bound 0x{bound:02x}", at=contents.offset - 1)
    if sort == _VALUE and bound:
        contents.signed(33, "value type")
    elif not bound:
        contents.u32("bound")
    return kind, "resource" if sort == _TYPE and bound else kind


def _read_export(contents: Reader) -> Export:
    name = _read_name(contents, "export name")
    sort = contents.byte("export kind")
    kind = _SORTS.get(sort)
    if sort == _CORE_SORT and contents.byte("export kind") == _CORE_MODULE_SORT:
        kind = _CORE_MODULE
    if kind is None:
        contents.fail(f"unknown export kind 0x{sort:02x}", at=contents.offset - 1)
    contents.u32("export index")
    words = kind
    if contents.byte("export type"):
        _, words = _read_extern_desc(contents)
    return Export(name=name, kind=kind, type=words)
