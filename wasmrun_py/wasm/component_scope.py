"""A component's index spaces: what every function, instance and type in it is.

component-model Binary.md. Five kinds of section feed the spaces (import, alias, instance, type, canonical
function), and exports add to them again. A nested component is decoded when an instance of it is made, once.
Core index spaces are not kept: nothing that is imported or exported needs them.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from wasmrun_py.wasm.component_types import (
    COMPONENT,
    CORE_MODULE,
    FUNC,
    INSTANCE,
    RESOURCE,
    TYPE,
    VALUE,
    Extern,
    TypeDef,
    TypeReader,
)
from wasmrun_py.wasm.core_types import read_value_type
from wasmrun_py.wasm.header import HEADER_BYTES
from wasmrun_py.wasm.reader import MalformedModuleError
from wasmrun_py.wasm.sections import open_section, read_component_sections

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wasmrun_py.wasm.module_info import Section
    from wasmrun_py.wasm.reader import Reader

_SORTS = {0x01: FUNC, 0x02: VALUE, 0x03: TYPE, 0x04: COMPONENT, 0x05: INSTANCE}
_CORE_SORT, _CORE_MODULE_SORT = 0x00, 0x11
_CORE_SORTS = frozenset({0x00, 0x01, 0x02, 0x03, 0x04, 0x10, _CORE_MODULE_SORT, 0x12})
_VALUE_SORT, _TYPE_SORT = 0x02, 0x03
_PLAIN_NAMES, _NAME_WITH_OPTIONS = (0x00, 0x01), 0x02
_COMPONENT_TYPE, _INSTANCE_TYPE, _RESOURCE_TYPE, _ASYNC_RESOURCE_TYPE = 0x41, 0x42, 0x3F, 0x3E
_DECLARES_TYPE, _DECLARES_ALIAS, _DECLARES_IMPORT, _DECLARES_EXPORT = 0x01, 0x02, 0x03, 0x04
_ALIAS_EXPORT, _ALIAS_CORE_EXPORT, _ALIAS_OUTER = 0x00, 0x01, 0x02
# Types and components lie in one another; nothing that people write is deeper than a handful.
_MOST_DEPTH = 50

_LIFT = 0x00
# What follows each canonical function's code: i an index, b a byte, o options, r results, v a core type.
_CANONICAL = {
    0x01: "bio", 0x02: "i", 0x03: "i", 0x04: "i", 0x05: "", 0x06: "b", 0x07: "i", 0x08: "", 0x09: "ro",
    0x0A: "vi", 0x0B: "vi", 0x0C: "b", 0x0D: "", 0x0E: "i", 0x0F: "io", 0x10: "io", 0x11: "ib", 0x12: "ib",
    0x13: "i", 0x14: "i", 0x15: "i", 0x16: "io", 0x17: "io", 0x18: "ib", 0x19: "ib", 0x1A: "i", 0x1B: "i",
    0x1C: "o", 0x1D: "o", 0x1E: "", 0x1F: "", 0x20: "bi", 0x21: "bi", 0x22: "", 0x23: "", 0x24: "", 0x25: "",
    0x26: "", 0x27: "ii", 0x28: "", 0x29: "b", 0x2A: "b", 0x2B: "b", 0x2C: "b", 0x2D: "b", 0x40: "bi",
    0x41: "bii", 0x42: "b",
}  # fmt: skip
_OPTIONS_WITH_INDEX = frozenset({0x03, 0x04, 0x05, 0x07, 0x08})
_OPTIONS_WITHOUT = frozenset({0x00, 0x01, 0x02, 0x06, 0x09})


class Scope:
    """The index spaces of one component, component type or instance type.

    Attributes:
        depth: How many scopes it lies in.
        exports: What it exports, by name.
        imports: What it imports, by name.
        parent: The scope it lies in, or None.
    """

    __slots__ = ("_lost", "_spaces", "_types", "depth", "exports", "imports", "parent")

    def __init__(self, parent: Scope | None = None) -> None:
        self.exports: dict[str, Extern] = {}
        self.imports: dict[str, Extern] = {}
        self._lost = False
        self.parent = parent
        self.depth: int = 0 if parent is None else parent.depth + 1
        types: list[TypeDef | None] = []
        self._spaces: dict[str, list[TypeDef | None]] = {each: [] for each in _SORTS.values()}
        self._spaces[TYPE] = types
        self._types = TypeReader(types)

    def read_section(self, section: Section, contents: Reader) -> None:
        """Take in one section, in file order; sections that add nothing to the spaces are passed over."""
        if section.id == _NESTED_COMPONENT:
            self._spaces[COMPONENT].append(_Nested(self, contents))
            return
        read = _READERS.get(section.id)
        if read is None:
            return
        for _ in range(contents.count("definitions")):
            read(self, contents)
        contents.finish(f"section '{section.name}'")

    def give_up(self) -> None:
        """Something could not be read: from here on, what an index means is not known."""
        self._lost = True

    def find(self, kind: str, index: int) -> Extern:
        """What an index means; its type is None when that is not known."""
        if self._lost:
            return Extern(kind)
        space = self._spaces.get(kind, [])
        return Extern(kind, space[index] if index < len(space) else None)

    def read_import(self, contents: Reader) -> tuple[str, Extern]:
        """An import; it is added to its space."""
        name = read_name(contents, "import name")
        extern = self.declare(name, self.read_extern(contents))
        self.imports[name] = extern
        return name, extern

    def read_export(self, contents: Reader) -> tuple[str, Extern]:
        """An export; it is added to its space again, under its name."""
        name = read_name(contents, "export name")
        extern = self._read_sort_index(contents, "export kind")
        if contents.byte("export type"):
            declared = self.read_extern(contents)
            extern = declared if declared.type is not None else extern
        extern = self.declare(name, extern)
        self.exports[name] = extern
        return name, extern

    def read_extern(self, contents: Reader) -> Extern:
        """A kind and the type that goes with it."""
        sort = contents.byte("extern kind")
        if sort == _CORE_SORT:
            if (code := contents.byte("extern kind")) != _CORE_MODULE_SORT:
                contents.fail(f"unknown core extern kind 0x{code:02x}", at=contents.offset - 1)
            contents.u32("type index")
            return Extern(CORE_MODULE)
        kind = _SORTS.get(sort)
        if kind is None:
            contents.fail(f"unknown extern kind 0x{sort:02x}", at=contents.offset - 1)
        if sort in (_VALUE_SORT, _TYPE_SORT):
            return self._read_bound(contents, kind)
        return Extern(kind, self.find(TYPE, contents.u32("type index")).type)

    def read_definition(self, contents: Reader) -> None:
        """One entry of a type section."""
        self._spaces[TYPE].append(self._read_type(contents))

    def read_instance(self, contents: Reader) -> None:
        """One entry of an instance section: made from a component, or out of what is there."""
        form = contents.byte("instance")
        if form == 0:
            component = self.find(COMPONENT, contents.u32("component index")).type
            for _ in range(contents.count("arguments", item_bytes=3)):
                contents.name("argument")
                self._read_sort_index(contents, "argument kind")
            # A nested component is decoded now: what it refers to is what there is at this point.
            known = component is not None and component.members is not None
            self._spaces[INSTANCE].append(component if known else None)
        elif form == 1:
            inline: dict[str, Extern] = {}
            for _ in range(contents.count("exports", item_bytes=4)):
                name = read_name(contents, "export name")
                inline[name] = self._read_sort_index(contents, "export kind")
            self._spaces[INSTANCE].append(TypeDef(members=inline))
        else:
            contents.fail(f"unknown form 0x{form:02x} of an instance", at=contents.offset - 1)

    def read_alias(self, contents: Reader) -> None:
        """One entry of an alias section."""
        kind = self._read_sort(contents, "alias kind")
        form = contents.byte("alias")
        found: TypeDef | None = None
        if form in (_ALIAS_EXPORT, _ALIAS_CORE_EXPORT):
            index = contents.u32("instance index")
            name = contents.name("alias")
            instance = self.find(INSTANCE, index).type if form == _ALIAS_EXPORT else None
            if instance is not None and instance.members is not None:
                found = instance.members.get(name, Extern(kind)).type
        elif form == _ALIAS_OUTER:
            scope = self._find_outer(contents.u32("scope"))
            index = contents.u32("outer index")
            found = scope.find(kind, index).type if scope is not None else None
        else:
            contents.fail(f"unknown form 0x{form:02x} of an alias", at=contents.offset - 1)
        self._add(Extern(kind, found))

    def read_canonical(self, contents: Reader) -> None:
        """One entry of a canonical function section; only lifted functions are the component's own."""
        code = contents.byte("canonical function")
        if code == _LIFT:
            contents.byte("canonical function")
            contents.u32("core function index")
            _skip_options(contents)
            index = contents.u32("type index")
            self._spaces[FUNC].append(self.find(TYPE, index).type)
            return
        operands = _CANONICAL.get(code)
        if operands is None:
            contents.fail(f"unknown canonical function 0x{code:02x}", at=contents.offset - 1)
        for operand in operands:
            if operand == "i":
                contents.u32("index")
            elif operand == "b":
                contents.byte("canonical function")
            elif operand == "o":
                _skip_options(contents)
            elif operand == "r":
                self._types.read_results(contents)
            else:
                read_value_type(contents)

    def declare(self, name: str, extern: Extern) -> Extern:
        """Add an import or export to its space; a type goes by its name from now on."""
        if extern.kind == TYPE and extern.type is not None:
            self._spaces[TYPE].append(extern.type.named(name))
            return extern
        self._add(extern)
        return extern

    def _add(self, extern: Extern) -> None:
        space = self._spaces.get(extern.kind)
        if space is not None:
            space.append(extern.type)

    def _read_bound(self, contents: Reader, kind: str) -> Extern:
        bound = contents.byte("bound")
        if bound > 1:
            contents.fail(f"unknown bound 0x{bound:02x}", at=contents.offset - 1)
        if kind == VALUE and bound:
            return Extern(VALUE, TypeDef(self._types.read_value_type(contents)))
        if not bound:
            return Extern(kind, self.find(kind, contents.u32("bound")).type)
        return Extern(TYPE, RESOURCE)

    def _read_sort(self, contents: Reader, what: str) -> str:
        sort = contents.byte(what)
        if sort == _CORE_SORT:
            core = contents.byte(what)
            if core not in _CORE_SORTS:
                contents.fail(f"unknown core {what} 0x{core:02x}", at=contents.offset - 1)
            return CORE_MODULE if core == _CORE_MODULE_SORT else "core"
        kind = _SORTS.get(sort)
        if kind is None:
            contents.fail(f"unknown {what} 0x{sort:02x}", at=contents.offset - 1)
        return kind

    def _read_sort_index(self, contents: Reader, what: str) -> Extern:
        kind = self._read_sort(contents, what)
        return self.find(kind, contents.u32("index"))

    def _read_type(self, contents: Reader) -> TypeDef:
        code = contents.byte("type")
        if code in (_COMPONENT_TYPE, _INSTANCE_TYPE):
            return TypeDef(members=self._read_declarations(contents).exports)
        if code in (_RESOURCE_TYPE, _ASYNC_RESOURCE_TYPE):
            read_value_type(contents)
            if contents.byte("destructor"):
                contents.u32("destructor")
            if code == _ASYNC_RESOURCE_TYPE and contents.byte("callback"):
                contents.u32("callback")
            return RESOURCE
        return self._types.read_definition(contents, code)

    def _read_declarations(self, contents: Reader) -> Scope:
        """A component or instance type: a scope that has declarations instead of sections."""
        inner = self.open_inner(contents)
        for _ in range(contents.count("declarations", item_bytes=2)):
            form = contents.byte("declaration")
            if form == _DECLARES_TYPE:
                inner.read_definition(contents)
            elif form == _DECLARES_ALIAS:
                inner.read_alias(contents)
            elif form == _DECLARES_IMPORT:
                inner.read_import(contents)
            elif form == _DECLARES_EXPORT:
                name = read_name(contents, "export name")
                inner.exports[name] = inner.declare(name, inner.read_extern(contents))
            else:
                # A core type among them is allowed, and nobody writes one.
                contents.fail(f"unknown declaration 0x{form:02x}", at=contents.offset - 1)
        return inner

    def open_inner(self, contents: Reader) -> Scope:
        """A fresh scope inside this one, refused where it lies too deep."""
        inner = Scope(self)
        if inner.depth > _MOST_DEPTH:
            contents.fail(f"types and components are nested more than {_MOST_DEPTH} deep")
        return inner

    def _find_outer(self, count: int) -> Scope | None:
        scope: Scope | None = self
        while count and scope is not None:
            scope = scope.parent
            count -= 1
        return scope


class _Nested(TypeDef):
    """A nested component, decoded when somebody wants to know what it exports."""

    __slots__ = ("_contents", "_outer")

    def __init__(self, outer: Scope, contents: Reader) -> None:
        super().__init__()
        self._outer = outer
        self._contents: Reader | None = contents

    @property
    def members(self) -> Mapping[str, Extern] | None:
        """What it exports; None while that is being found out, and when it cannot be."""
        contents, self._contents = self._contents, None
        if contents is not None:
            # One that cannot be followed is one whose exports are not known.
            with suppress(MalformedModuleError):
                inner = self._outer.open_inner(contents)
                contents.skip(HEADER_BYTES, "component header")
                for section in read_component_sections(contents):
                    inner.read_section(section, open_section(contents, section))
                self._members = inner.exports
        return self._members


def read_name(contents: Reader, what: str) -> str:
    """The name of an import or export; attributes beside it are passed over."""
    form = contents.byte(what)
    if form not in (*_PLAIN_NAMES, _NAME_WITH_OPTIONS):
        contents.fail(f"unknown form 0x{form:02x} of {what}", at=contents.offset - 1)
    name = contents.name(what)
    if form == _NAME_WITH_OPTIONS:
        for _ in range(contents.count("name options", item_bytes=2)):
            contents.byte("name option")
            contents.name("name option")
    return name


def _skip_options(contents: Reader) -> None:
    for _ in range(contents.count("canonical options")):
        code = contents.byte("canonical option")
        if code in _OPTIONS_WITH_INDEX:
            contents.u32("canonical option")
        elif code not in _OPTIONS_WITHOUT:
            contents.fail(f"unknown canonical option 0x{code:02x}", at=contents.offset - 1)


_NESTED_COMPONENT = 4
_READERS: Mapping[int, Callable[[Scope, Reader], object]] = {
    5: Scope.read_instance,
    6: Scope.read_alias,
    7: Scope.read_definition,
    8: Scope.read_canonical,
    10: Scope.read_import,
    11: Scope.read_export,
}
