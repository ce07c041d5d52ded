"""Types of core modules, read and put into words.

Core spec §5.3 (number, vector, reference, function, recursive, limit, memory, table, global and tag
types), with the proposals that add to them: threads, memory64, custom page sizes, shared-everything,
stack switching. Reading only: whether a type may stand where it stands is for the validator.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wasmrun_py.wasm.module_info import DEFAULT_PAGE_SIZE_BYTES, Memory

if TYPE_CHECKING:
    from collections.abc import Callable

    from wasmrun_py.wasm.reader import Reader

_NUMBERS = {0x7F: "i32", 0x7E: "i64", 0x7D: "f32", 0x7C: "f64", 0x7B: "v128"}
_PACKED = {0x78: "i8", 0x77: "i16"}
# Abstract heap types: (name, what WAT calls a nullable reference to it).
_ABSTRACT = {
    0x75: ("nocont", "nullcontref"),
    0x74: ("noexn", "nullexnref"),
    0x73: ("nofunc", "nullfuncref"),
    0x72: ("noextern", "nullexternref"),
    0x71: ("none", "nullref"),
    0x70: ("func", "funcref"),
    0x6F: ("extern", "externref"),
    0x6E: ("any", "anyref"),
    0x6D: ("eq", "eqref"),
    0x6C: ("i31", "i31ref"),
    0x6B: ("struct", "structref"),
    0x6A: ("array", "arrayref"),
    0x69: ("exn", "exnref"),
    0x68: ("cont", "contref"),
}
_SHARED = 0x65
_REF = 0x64
_REF_NULL = 0x63
_EXACT = 0x62

_FUNC = 0x60
_STRUCT = 0x5F
_ARRAY = 0x5E
_CONT = 0x5D
_SUB = 0x50
_SUB_FINAL = 0x4F
_REC = 0x4E
_DESCRIBES = 0x4C
_DESCRIPTOR = 0x4D

_HAS_MAX = 1
_IS_SHARED = 2
_IS_64 = 4
_HAS_PAGE_SIZE = 8
_MAX_PAGE_SIZE_LOG2 = 63

# Words are for reading: a type of thousands of parts, named by thousands of exports, must not multiply.
_SHOWN_PARTS = 64


def read_heap_type(reader: Reader) -> str:
    """Read a heap type: ``func``, ``extern``, or a type index."""
    start = reader.offset
    code = reader.peek("heap type")
    if code in _ABSTRACT:
        reader.offset += 1
        return _ABSTRACT[code][0]
    if code == _SHARED:
        reader.offset += 1
        if (code := reader.byte("heap type")) not in _ABSTRACT:
            reader.fail(f"unknown heap type 0x{code:02x}", at=reader.offset - 1)
        return f"(shared {_ABSTRACT[code][0]})"
    if code == _EXACT:
        reader.offset += 1
        return f"(exact {reader.u32('heap type')})"
    index = reader.signed(33, "heap type")
    if index < 0:
        reader.fail(f"unknown heap type 0x{code:02x}", at=start)
    return str(index)


def read_value_type(reader: Reader) -> str:
    """Read a value type: ``i32``, ``funcref``, ``(ref null 3)``."""
    code = reader.byte("value type")
    if name := _NUMBERS.get(code):
        return name
    if code in _ABSTRACT:
        return _ABSTRACT[code][1]
    if code == _REF_NULL:
        return f"(ref null {read_heap_type(reader)})"
    if code == _REF:
        return f"(ref {read_heap_type(reader)})"
    if code == _SHARED:
        reader.offset -= 1
        return f"(ref null {read_heap_type(reader)})"
    return reader.fail(f"unknown value type 0x{code:02x}", at=reader.offset - 1)


def read_types(reader: Reader) -> list[str]:
    """Read the entries of a type section, one string per type index; recursion groups are flattened.

    Functions read ``(i32, i32) -> i32``, aggregates ``struct {i32, mut i64}`` and ``array {mut i8}``.
    """
    types: list[str] = []
    for _ in range(reader.count("types")):
        if reader.peek("type") == _REC:
            reader.offset += 1
            types += [_read_sub_type(reader) for _ in range(reader.count("types in a recursion group"))]
        else:
            types.append(_read_sub_type(reader))
    return types


def _read_sub_type(reader: Reader) -> str:
    code = reader.byte("type")
    if code in (_SUB, _SUB_FINAL):
        for _ in range(reader.count("supertypes")):
            reader.u32("supertype")
        code = reader.byte("type")
    shared = code == _SHARED
    if shared:
        code = reader.byte("type")
    while code in (_DESCRIBES, _DESCRIPTOR):
        reader.u32("descriptor type")
        code = reader.byte("type")
    words = _read_composite_type(reader, code)
    return f"shared {words}" if shared else words


def _read_composite_type(reader: Reader, code: int) -> str:
    if code == _FUNC:
        params = _read_parts(reader, read_value_type, "parameters")
        results = _read_parts(reader, read_value_type, "results")
        plain = len(results) == 1
        return f"({', '.join(params)}) -> {results[0] if plain else '(' + ', '.join(results) + ')'}"
    if code == _STRUCT:
        return f"struct {{{', '.join(_read_parts(reader, _read_field_type, 'fields'))}}}"
    if code == _ARRAY:
        return f"array {{{_read_field_type(reader)}}}"
    if code == _CONT:
        return f"continuation of type {read_heap_type(reader)}"
    return reader.fail(f"unknown type form 0x{code:02x}", at=reader.offset - 1)


def _read_parts(reader: Reader, read: Callable[[Reader], str], what: str) -> list[str]:
    parts = [read(reader) for _ in range(reader.count(what))]
    if len(parts) > _SHOWN_PARTS:
        parts[_SHOWN_PARTS:] = [f"… {len(parts) - _SHOWN_PARTS} more"]
    return parts


def _read_field_type(reader: Reader) -> str:
    code = reader.peek("field type")
    if code in _PACKED:
        reader.offset += 1
        name = _PACKED[code]
    else:
        name = read_value_type(reader)
    return f"mut {name}" if _read_flag(reader, "field mutability") else name


def _read_flag(reader: Reader, what: str) -> int:
    flag = reader.byte(what)
    if flag > 1:
        reader.fail(f"malformed {what} 0x{flag:02x}", at=reader.offset - 1)
    return flag


def read_memory_type(reader: Reader, *, imported: bool) -> Memory:
    """Read a memory type: limits in pages, and the page size when it is given."""
    start = reader.offset
    flags = reader.u32("memory limits")
    if flags > _HAS_MAX | _IS_SHARED | _IS_64 | _HAS_PAGE_SIZE:
        reader.fail(f"unknown memory flags 0x{flags:02x}", at=start)
    bits = 64 if flags & _IS_64 else 32
    min_pages = reader.unsigned(bits, "memory minimum")
    max_pages = reader.unsigned(bits, "memory maximum") if flags & _HAS_MAX else None
    page_size_bytes = DEFAULT_PAGE_SIZE_BYTES
    if flags & _HAS_PAGE_SIZE:
        at = reader.offset
        log2 = reader.u32("memory page size")
        if log2 > _MAX_PAGE_SIZE_LOG2:
            reader.fail("memory page size too large", at=at)
        page_size_bytes = 1 << log2
    return Memory(
        min_pages=min_pages,
        max_pages=max_pages,
        shared=bool(flags & _IS_SHARED),
        memory64=bool(flags & _IS_64),
        page_size_bytes=page_size_bytes,
        imported=imported,
    )


def describe_memory(memory: Memory) -> str:
    """Put a memory into words: ``min 2 pages, max 10 pages, shared``."""
    words = [f"min {_count_pages(memory.min_pages)}"]
    if memory.max_pages is not None:
        words.append(f"max {_count_pages(memory.max_pages)}")
    if memory.shared:
        words.append("shared")
    if memory.memory64:
        words.append("64-bit")
    if memory.page_size_bytes != DEFAULT_PAGE_SIZE_BYTES:
        words.append(f"page size {memory.page_size_bytes}")
    return ", ".join(words)


def _count_pages(pages: int) -> str:
    return f"{pages} page" if pages == 1 else f"{pages} pages"


def read_table_type(reader: Reader) -> str:
    """Read a table type: ``funcref min 1 max 10``."""
    words = [read_value_type(reader)]
    start = reader.offset
    flags = reader.u32("table limits")
    if flags > _HAS_MAX | _IS_SHARED | _IS_64:
        reader.fail(f"unknown table flags 0x{flags:02x}", at=start)
    bits = 64 if flags & _IS_64 else 32
    words.append(f"min {reader.unsigned(bits, 'table minimum')}")
    if flags & _HAS_MAX:
        words.append(f"max {reader.unsigned(bits, 'table maximum')}")
    if flags & _IS_SHARED:
        words.append("shared")
    if flags & _IS_64:
        words.append("64-bit")
    return " ".join(words)


def read_global_type(reader: Reader) -> str:
    """Read a global type: ``mut i32`` or ``const i64``."""
    value_type = read_value_type(reader)
    start = reader.offset
    flags = reader.byte("global mutability")
    if flags > 1 | _IS_SHARED:
        reader.fail(f"malformed global mutability 0x{flags:02x}", at=start)
    words = f"mut {value_type}" if flags & 1 else f"const {value_type}"
    return f"shared {words}" if flags & _IS_SHARED else words
