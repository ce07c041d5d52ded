"""Numbers in and out of ``--call``: text to wasm values by type, and back so that it reads the same again.

Pure, and without imports that cost the child time.
"""

from __future__ import annotations

import math
import re
import struct

from wasmrun_py.execute.failure import CallFailure

_INTEGER = re.compile(r"([+-]?)(?:0[xX]([0-9a-fA-F]+)|([0-9]+))")
_DECIMAL_FLOAT = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_HEX_FLOAT = re.compile(r"[+-]?0[xX](?:[0-9a-fA-F]+\.?[0-9a-fA-F]*|\.[0-9a-fA-F]+)(?:[pP][+-]?[0-9]+)?")
_SPECIAL_FLOAT = re.compile(r"[+-]?(?:nan|inf|infinity)", re.IGNORECASE)
_INTEGER_BITS = {"i32": 32, "i64": 64}
# Longer digit strings fit no type, and Python takes quadratic time over them.
_MOST_DIGITS = 40
_FLOAT32_DIGITS = 9


def parse_value(text: str, type_name: str) -> int | float:
    """Read one argument of a core function.

    Args:
        text: An integer (decimal or ``0x``, signed or in the unsigned range) or a float (decimal, ``0x1p-3``,
            ``nan``, ``inf``).
        type_name: ``i32``, ``i64``, ``f32`` or ``f64``.

    Returns:
        A signed int, or a float that the type can hold (rounded to the nearest).

    Raises:
        CallFailure: The text is not such a number, or does not fit.
    """
    bits = _INTEGER_BITS.get(type_name)
    if bits is not None:
        return parse_integer(text, type_name, -(2 ** (bits - 1)), 2**bits - 1, wrap_bits=bits)
    return parse_float(text, type_name, is_single=type_name == "f32")


def parse_integer(text: str, type_name: str, least: int, most: int, *, wrap_bits: int = 0) -> int:
    """Read an integer between ``least`` and ``most``; ``wrap_bits`` folds the upper half to negative.

    Raises:
        CallFailure: The text is not an integer, or is out of range.
    """
    match = _INTEGER.fullmatch(text)
    if match is None:
        raise CallFailure(f"{text!r} is not an integer, and {type_name} is wanted")
    digits = (match[2] or match[3]).lstrip("0") or "0"
    if len(digits) > _MOST_DIGITS:
        raise CallFailure(f"{text[:_MOST_DIGITS]}… does not fit {type_name}")
    number = int(digits, 16 if match[2] else 10)
    number = -number if match[1] == "-" else number
    if not least <= number <= most:
        raise CallFailure(f"{text} does not fit {type_name} ({least} to {most})")
    if wrap_bits and number >= 2 ** (wrap_bits - 1):
        number -= 2**wrap_bits
    return number


def parse_float(text: str, type_name: str, *, is_single: bool) -> float:
    """Read a float of 64 or, with ``is_single``, 32 bits.

    Raises:
        CallFailure: The text is not a number, or is too large for the type.
    """
    if _HEX_FLOAT.fullmatch(text):
        number = _parse_hex_float(text, type_name)
    elif _DECIMAL_FLOAT.fullmatch(text) or _SPECIAL_FLOAT.fullmatch(text):
        number = float(text)
        if math.isinf(number) and _DECIMAL_FLOAT.fullmatch(text):
            raise CallFailure(f"{text} does not fit {type_name}")
    else:
        raise CallFailure(f"{text!r} is not a number, and {type_name} is wanted")
    if not is_single:
        return number
    try:
        return _to_single(number)
    except OverflowError as error:
        raise CallFailure(f"{text} does not fit {type_name}") from error


def format_float(number: float, *, is_single: bool) -> str:
    """The shortest decimal that reads as the same float of 64 or, with ``is_single``, 32 bits."""
    if is_single and math.isfinite(number):
        for digits in range(1, _FLOAT32_DIGITS + 1):
            short = float(f"{number:.{digits}g}")
            if _survives(short, number):
                return repr(short)
    return repr(number)


def format_value(number: float, type_name: str) -> str:
    """Write one result of a core function; integers are signed, as wasm prints them."""
    if type_name in _INTEGER_BITS:
        return str(number)
    return format_float(number, is_single=type_name == "f32")


def _parse_hex_float(text: str, type_name: str) -> float:
    try:
        return float.fromhex(text)
    except OverflowError as error:
        raise CallFailure(f"{text} does not fit {type_name}") from error


def _to_single(number: float) -> float:
    single: float = struct.unpack("<f", struct.pack("<f", number))[0]
    return single


def _survives(short: float, number: float) -> bool:
    try:
        return _to_single(short) == number
    except OverflowError:
        return False
