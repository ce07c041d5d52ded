"""Stepping over constant expressions, to reach what follows them.

Core spec §5.4 (instructions) limited to §3.4.15 (constant expressions, extended constants and GC
allocation included). Their values are of no interest here, only their length.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wasmrun_py.wasm.core_types import read_heap_type

if TYPE_CHECKING:
    from wasmrun_py.wasm.reader import Reader

_WHAT = "constant expression"

_END = 0x0B
_GLOBAL_GET = 0x23
_I32_CONST = 0x41
_I64_CONST = 0x42
_F32_CONST = 0x43
_F64_CONST = 0x44
_REF_NULL = 0xD0
_REF_FUNC = 0xD2
_GC = 0xFB
_SIMD = 0xFD
# i32 and i64 add, sub, mul.
_ARITHMETIC = frozenset({0x6A, 0x6B, 0x6C, 0x7C, 0x7D, 0x7E})
_FLOAT_BYTES = {_F32_CONST: 4, _F64_CONST: 8}
_V128_CONST = 12
_V128_BYTES = 16
# How many indices follow: struct.new(_default), array.new(_default, _fixed), the two conversions, ref.i31.
_GC_INDICES = {0: 1, 1: 1, 6: 1, 7: 1, 8: 2, 26: 0, 27: 0, 28: 0}


def skip_const_expr(reader: Reader) -> None:
    """Step over one constant expression and its ``end``.

    Raises:
        MalformedModuleError: It runs past the section, or holds an instruction that is not constant.
    """
    while (opcode := reader.byte(_WHAT)) != _END:
        if opcode == _I32_CONST:
            reader.signed(32, _WHAT)
        elif opcode == _I64_CONST:
            reader.signed(64, _WHAT)
        elif opcode in _FLOAT_BYTES:
            reader.skip(_FLOAT_BYTES[opcode], _WHAT)
        elif opcode in (_GLOBAL_GET, _REF_FUNC):
            reader.u32(_WHAT)
        elif opcode == _REF_NULL:
            read_heap_type(reader)
        elif opcode in (_GC, _SIMD):
            _skip_prefixed(reader, opcode)
        elif opcode not in _ARITHMETIC:
            reader.fail(f"instruction 0x{opcode:02x} in a {_WHAT}", at=reader.offset - 1)


def _skip_prefixed(reader: Reader, prefix: int) -> None:
    start = reader.offset - 1
    opcode = reader.u32(_WHAT)
    if prefix == _SIMD and opcode == _V128_CONST:
        reader.skip(_V128_BYTES, _WHAT)
    elif prefix == _GC and opcode in _GC_INDICES:
        for _ in range(_GC_INDICES[opcode]):
            reader.u32(_WHAT)
    else:
        reader.fail(f"instruction 0x{prefix:02x} {opcode} in a {_WHAT}", at=start)
