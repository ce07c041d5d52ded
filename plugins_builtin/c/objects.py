"""Read the symbols of a wasm object file, and drop custom sections from a linked module.

The object format is the tool conventions' "Object file linking" (custom section ``linking``, version 2).
Twenty lines of reading replace a run of ``llvm-nm``, which is not there with every compiler.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

WASM_MAGIC = b"\0asm"
# What compilers call main, by signature and version of LLVM.
MAIN_SYMBOLS = frozenset({"main", "__main_argc_argv", "__main_void", "__original_main"})

_HEADER_BYTES = 8
_CUSTOM_SECTION = 0
_SYMBOL_TABLE = 8
_KIND_FUNCTION, _KIND_DATA, _KIND_SECTION = 0, 1, 3
_FLAG_WEAK, _FLAG_LOCAL, _FLAG_HIDDEN, _FLAG_UNDEFINED, _FLAG_EXPLICIT_NAME = 0x01, 0x02, 0x04, 0x10, 0x40


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectSymbols:
    """The functions an object defines for others.

    Attributes:
        functions: Names of its strong, visible functions in the object's order, without ``main``.
        has_main: It defines ``main`` in one of its spellings.
    """

    functions: tuple[str, ...]
    has_main: bool


class NotAnObjectError(ValueError):
    """The bytes are not a wasm object file (LTO bitcode, a truncated file)."""


def parse_symbols(data: bytes) -> ObjectSymbols:
    """Read the symbol table of an object file.

    Raises:
        NotAnObjectError: The bytes are not a wasm object.
    """
    try:
        names = [name for name, flags in _defined_functions(data) if not flags & _FLAG_LOCAL]
        visible = [
            name
            for name, flags in _defined_functions(data)
            if not flags & (_FLAG_LOCAL | _FLAG_WEAK | _FLAG_HIDDEN) and name not in MAIN_SYMBOLS
        ]
    except (IndexError, UnicodeDecodeError) as error:
        raise NotAnObjectError("the object file is damaged") from error
    return ObjectSymbols(functions=tuple(visible), has_main=not MAIN_SYMBOLS.isdisjoint(names))


def is_object(data: bytes) -> bool:
    """True when the module is relocatable: not yet linked."""
    try:
        return any(name == "linking" for _, name, _ in _sections(data))
    except (IndexError, UnicodeDecodeError, NotAnObjectError):
        return False


def strip_sections(module: bytes, *, names: bool) -> bytes:
    """The module without its DWARF sections, and without its function names when ``names`` is set.

    Custom sections carry no semantics (core specification §2.5), so that they can be left out as they are.

    Raises:
        NotAnObjectError: The bytes are not a wasm module.
    """
    kept = [module[:_HEADER_BYTES]]
    try:
        for span, name, _ in _sections(module):
            dropped = name is not None and (name.startswith(".debug_") or (names and name == "name"))
            if not dropped:
                kept.append(module[span])
    except (IndexError, UnicodeDecodeError) as error:
        raise NotAnObjectError("the module is damaged") from error
    return b"".join(kept)


def _sections(data: bytes) -> Iterator[tuple[slice, str | None, int]]:
    """Each section: where it lies whole, its name when it is a custom one, where its content begins."""
    if data[: len(WASM_MAGIC)] != WASM_MAGIC:
        raise NotAnObjectError("the file is not WebAssembly")
    position = _HEADER_BYTES
    while position < len(data):
        size, body = _leb(data, position + 1)
        end = body + size
        if end > len(data):
            raise IndexError(end)
        name = None
        content = body
        if data[position] == _CUSTOM_SECTION:
            name, content = _name(data, body)
        yield slice(position, end), name, content
        position = end


def _defined_functions(data: bytes) -> Iterator[tuple[str, int]]:
    """Name and flags of every function the object defines."""
    for span, name, content in _sections(data):
        if name != "linking":
            continue
        _version, position = _leb(data, content)
        while position < span.stop:
            kind = data[position]
            size, body = _leb(data, position + 1)
            if kind == _SYMBOL_TABLE:
                yield from _symbols(data, body)
            position = body + size
        return
    raise NotAnObjectError("the file has no symbol table")


def _symbols(data: bytes, position: int) -> Iterator[tuple[str, int]]:
    count, position = _leb(data, position)
    for _ in range(count):
        kind = data[position]
        flags, position = _leb(data, position + 1)
        defined = not flags & _FLAG_UNDEFINED
        name = ""
        if kind == _KIND_DATA:
            name, position = _name(data, position)
            for _field in range(3 if defined else 0):
                _value, position = _leb(data, position)
        elif kind == _KIND_SECTION:
            _index, position = _leb(data, position)
        else:
            _index, position = _leb(data, position)
            if defined or flags & _FLAG_EXPLICIT_NAME:
                name, position = _name(data, position)
        if kind == _KIND_FUNCTION and defined:
            yield name, flags


def _name(data: bytes, position: int) -> tuple[str, int]:
    size, start = _leb(data, position)
    return data[start : start + size].decode("utf-8"), start + size


def _leb(data: bytes, position: int) -> tuple[int, int]:
    """An unsigned LEB128 number and the position behind it."""
    value = shift = 0
    while True:
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:  # noqa: PLR2004 - the continuation bit of LEB128
            return value, position
        shift += 7
