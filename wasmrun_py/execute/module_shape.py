"""The types of a core module's imports and exports, for ``--call`` and for error messages.

Decoded by our own reader: wasmtime's C API ends the whole process when it is asked for a type it cannot
express (``v128``, references of the GC proposal). Pure.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from wasmrun_py.wasm.core_module import decode_core_module
from wasmrun_py.wasm.reader import MalformedModuleError, Reader

_NUMBERS = r"(?:(?:i32|i64|f32|f64)(?:, (?:i32|i64|f32|f64))*)?"
_NUMERIC_FUNCTION = re.compile(rf"\(({_NUMBERS})\)(?: -> (?:\(({_NUMBERS})\)|({_NUMBERS})))?")
_KIND_NAMES = {"func": "function"}


class Signature(NamedTuple):
    """The type of a function that takes and returns numbers only (``i32``, ``i64``, ``f32``, ``f64``)."""

    params: tuple[str, ...]
    results: tuple[str, ...]


class Item(NamedTuple):
    """An import or export.

    Attributes:
        module: Where it is imported from; "" for an export.
        name: Its name.
        kind: function, table, memory, global or tag.
        type: Its type in words, ``(i32, i32) -> i32``.
    """

    module: str
    name: str
    kind: str
    type: str

    def describe(self) -> str:
        """``add(i32, i32) -> i32``, or the name with its kind."""
        full_name = f"{self.module}.{self.name}" if self.module else self.name
        if self.kind != "function":
            return f"{full_name} ({self.kind})"
        return full_name + self.type.removesuffix(" -> ()")

    def find_signature(self) -> Signature | None:
        """The types one by one, or None when it is no function, or one of more than numbers."""
        match = _NUMERIC_FUNCTION.fullmatch(self.type) if self.kind == "function" else None
        if match is None:
            return None
        return Signature(_split(match[1]), _split(match[2] or match[3] or ""))


class ModuleShape(NamedTuple):
    """What a module asks for and offers.

    Attributes:
        imports: In the module's order.
        exports: In the module's order.
        has_start: Whether instantiating it runs something.
    """

    imports: tuple[Item, ...]
    exports: tuple[Item, ...]
    has_start: bool

    def find_export(self, name: str) -> Item | None:
        """The export of that name."""
        return next((item for item in self.exports if item.name == name), None)

    @property
    def functions(self) -> tuple[Item, ...]:
        """The exported functions."""
        return tuple(item for item in self.exports if item.kind == "function")


def parse_shape(data: bytes) -> ModuleShape:
    """Read the imports and exports of a core module that wasmtime has accepted.

    A construct that is newer than our reader leaves the shape empty.
    """
    try:
        module = decode_core_module(Reader(data))
    except MalformedModuleError:
        return ModuleShape((), (), has_start=False)
    imports = [Item(item.module, item.name, _name_kind(item.kind), item.type) for item in module.imports]
    exports = [Item("", item.name, _name_kind(item.kind), item.type) for item in module.exports]
    return ModuleShape(tuple(imports), tuple(exports), module.start is not None)


def _name_kind(kind: str) -> str:
    return _KIND_NAMES.get(kind, kind)


def _split(types: str) -> tuple[str, ...]:
    return tuple(types.split(", ")) if types else ()
