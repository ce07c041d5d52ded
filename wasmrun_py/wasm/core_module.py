"""Decoding one core module, wherever in the file it lies (a component holds several).

Core spec §5.5. Types, imports, functions' types, tables, memories, tags, globals, exports, the start
function and two custom sections are read; element, code and data sections are stepped over, so that the
cost follows the number of declarations and not the size of the code.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wasmrun_py.wasm.const_expr import skip_const_expr
from wasmrun_py.wasm.core_types import (
    describe_memory,
    read_global_type,
    read_memory_type,
    read_table_type,
    read_types,
)
from wasmrun_py.wasm.header import HEADER_BYTES, MODULE_HEADER
from wasmrun_py.wasm.module_info import Export, FunctionCounts, Import
from wasmrun_py.wasm.sections import CUSTOM, open_section, read_core_sections, read_features, read_producers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wasmrun_py.wasm.module_info import Memory, Section
    from wasmrun_py.wasm.reader import Reader

_KINDS = ("func", "table", "memory", "global", "tag")
_FUNC, _TABLE, _MEMORY, _GLOBAL, _TAG = range(len(_KINDS))
# An imported function whose type must match exactly (custom-descriptors proposal).
_EXACT_FUNC = 0x20
# A table with an initialiser begins with these two bytes instead of a reference type (§5.5.7).
_INITIALISED_TABLE = 0x40
_CODE_SECTION = 10


class CoreModule:
    """What one core module declares, filled in by ``decode_core_module``.

    Attributes:
        sections: In file order.
        imports: In file order.
        exports: In file order.
        memories: Imported first.
        start: Index of the start function, or None.
        producers: See ``ModuleInfo``.
        features: See ``ModuleInfo``.
    """

    __slots__ = (
        "_defined_functions",
        "_types",
        "_words",
        "exports",
        "features",
        "imports",
        "memories",
        "producers",
        "sections",
        "start",
    )

    def __init__(self, sections: Sequence[Section]) -> None:
        self.sections = tuple(sections)
        self.imports: list[Import] = []
        self.exports: list[Export] = []
        self.memories: list[Memory] = []
        self.start: int | None = None
        self.producers: dict[str, tuple[str, ...]] = {}
        self.features: tuple[str, ...] = ()
        self._types: list[str] = []
        # The type in words of everything in each index space, by kind.
        self._words: tuple[list[str], ...] = tuple([] for _ in _KINDS)
        self._defined_functions = 0

    @property
    def functions(self) -> FunctionCounts:
        """How many functions come from outside and from inside."""
        return FunctionCounts(
            imported=len(self._words[_FUNC]) - self._defined_functions, defined=self._defined_functions
        )

    def read_section(self, section: Section, contents: Reader) -> None:
        """Take in one section; the order of calls is the order in the file."""
        read = _READERS.get(section.id)
        if read is not None:
            read(self, contents)
            contents.finish(f"section '{section.name}'")
        elif section.id == CUSTOM and section.name == "producers":
            self.producers = read_producers(contents)
        elif section.id == CUSTOM and section.name == "target_features":
            self.features = read_features(contents)

    def read_type_section(self, contents: Reader) -> None:
        """§5.5.4."""
        self._types = read_types(contents)

    def read_import_section(self, contents: Reader) -> None:
        """§5.5.5."""
        for _ in range(contents.count("imports", item_bytes=4)):
            module = contents.name("import module name")
            name = contents.name("import name")
            kind = contents.byte("import kind")
            words = self._read_import_type(contents, kind)
            kind = _FUNC if kind == _EXACT_FUNC else kind
            self._words[kind].append(words)
            self.imports.append(Import(module=module, name=name, kind=_KINDS[kind], type=words))

    def _read_import_type(self, contents: Reader, kind: int) -> str:
        if kind in (_FUNC, _EXACT_FUNC):
            return self._read_type_use(contents)
        if kind == _TABLE:
            return read_table_type(contents)
        if kind == _MEMORY:
            self.memories.append(read_memory_type(contents, imported=True))
            return describe_memory(self.memories[-1])
        if kind == _GLOBAL:
            return read_global_type(contents)
        if kind == _TAG:
            return self._read_tag_type(contents)
        return contents.fail(f"unknown import kind 0x{kind:02x}", at=contents.offset - 1)

    def _read_type_use(self, contents: Reader) -> str:
        start = contents.offset
        index = contents.u32("type index")
        if index >= len(self._types):
            contents.fail(f"type {index} does not exist, there are {len(self._types)}", at=start)
        return self._types[index]

    def _read_tag_type(self, contents: Reader) -> str:
        if attribute := contents.byte("tag attribute"):
            contents.fail(f"unknown tag attribute 0x{attribute:02x}", at=contents.offset - 1)
        return self._read_type_use(contents)

    def read_function_section(self, contents: Reader) -> None:
        """§5.5.6."""
        self._defined_functions = contents.count("functions")
        words = self._words[_FUNC]
        for _ in range(self._defined_functions):
            words.append(self._read_type_use(contents))

    def read_table_section(self, contents: Reader) -> None:
        """§5.5.7."""
        for _ in range(contents.count("tables", item_bytes=3)):
            initialised = contents.peek("table") == _INITIALISED_TABLE
            if initialised:
                contents.offset += 1
                if contents.byte("table"):
                    contents.fail("malformed table initialiser", at=contents.offset - 1)
            self._words[_TABLE].append(read_table_type(contents))
            if initialised:
                skip_const_expr(contents)

    def read_memory_section(self, contents: Reader) -> None:
        """§5.5.8."""
        for _ in range(contents.count("memories", item_bytes=2)):
            self.memories.append(read_memory_type(contents, imported=False))
            self._words[_MEMORY].append(describe_memory(self.memories[-1]))

    def read_tag_section(self, contents: Reader) -> None:
        """§5.5.9."""
        for _ in range(contents.count("tags", item_bytes=2)):
            self._words[_TAG].append(self._read_tag_type(contents))

    def read_global_section(self, contents: Reader) -> None:
        """§5.5.10."""
        for _ in range(contents.count("globals", item_bytes=3)):
            self._words[_GLOBAL].append(read_global_type(contents))
            skip_const_expr(contents)

    def read_export_section(self, contents: Reader) -> None:
        """§5.5.11."""
        for _ in range(contents.count("exports", item_bytes=3)):
            name = contents.name("export name")
            start = contents.offset
            kind = contents.byte("export kind")
            if kind >= len(_KINDS):
                contents.fail(f"unknown export kind 0x{kind:02x}", at=start)
            index = contents.u32("export index")
            if index >= len(self._words[kind]):
                contents.fail(
                    f"export '{name}' names {_KINDS[kind]} {index} and there are {len(self._words[kind])}",
                    at=start,
                )
            self.exports.append(Export(name=name, kind=_KINDS[kind], type=self._words[kind][index]))

    def read_start_section(self, contents: Reader) -> None:
        """§5.5.12."""
        start = contents.offset
        self.start = contents.u32("start function")
        if self.start >= len(self._words[_FUNC]):
            contents.fail(f"start names func {self.start} and there are {len(self._words[_FUNC])}", at=start)

    def read_code_section(self, contents: Reader) -> None:
        """§5.5.14: only the number of bodies, which must fit the function section."""
        start = contents.offset
        bodies = contents.count("function bodies", item_bytes=3)
        if bodies != self._defined_functions:
            contents.fail(
                f"{self._defined_functions} functions are declared and {bodies} have a body", at=start
            )
        contents.offset = contents.end


_READERS = {
    1: CoreModule.read_type_section,
    2: CoreModule.read_import_section,
    3: CoreModule.read_function_section,
    4: CoreModule.read_table_section,
    5: CoreModule.read_memory_section,
    6: CoreModule.read_global_section,
    7: CoreModule.read_export_section,
    8: CoreModule.read_start_section,
    _CODE_SECTION: CoreModule.read_code_section,
    13: CoreModule.read_tag_section,
}


def decode_core_module(reader: Reader) -> CoreModule:
    """Decode the core module that fills the reader, header included.

    Raises:
        MalformedModuleError: The bytes break the format; its offset is one in the whole file.
    """
    start = reader.skip(HEADER_BYTES, "module header")
    if bytes(reader.data[start : reader.offset]) != MODULE_HEADER:
        reader.fail("a core module was expected", at=start)
    module = CoreModule(read_core_sections(reader))
    for section in module.sections:
        module.read_section(section, open_section(reader, section))
    if module.functions.defined and not any(section.id == _CODE_SECTION for section in module.sections):
        reader.fail(f"{module.functions.defined} functions are declared and there is no code section")
    return module
