"""Read what a plugin left in memory, with every length checked before it is believed. Helper's side.

A pointer cannot be checked: a wild one ends this process, which the other side reports as a crash.
"""

from __future__ import annotations

import ctypes
from ctypes import c_size_t, c_uint32, c_void_p

from wasmrun_py.plugin.ffi.layouts import Str

TEXT_CAP_BYTES = 1024 * 1024
PATH_CAP_BYTES = 8192
_STRUCT_CAP_BYTES = 4096
_LIST_CAP = 10_000


class RefusedError(Exception):
    """The library cannot be used in this way; nothing of it has been called that matters."""


class MisbehavedError(Exception):
    """A function of the library answered what is no answer."""


def read_text(value: Str, what: str, *, cap_bytes: int = TEXT_CAP_BYTES) -> str:
    """A ``wasmrun_str``, copied.

    Raises:
        MisbehavedError: NULL with a length, too long, or not UTF-8.
    """
    if not value.len:
        return ""
    if not value.ptr:
        raise MisbehavedError(f"{what} is a null pointer with a length of {value.len}")
    if value.len > cap_bytes:
        raise MisbehavedError(f"{what} is {value.len} bytes long; {cap_bytes} is the most")
    return _decode(ctypes.string_at(value.ptr, value.len), what)


def read_texts(pointer: int | None, count: int, what: str) -> list[str]:
    """An array of ``wasmrun_str``, copied.

    Raises:
        MisbehavedError: As ``read_text``, or a count that is none.
    """
    if not count:
        return []
    if not pointer:
        raise MisbehavedError(f"{what} is a null pointer with {count} entries")
    if count > _LIST_CAP:
        raise MisbehavedError(f"{what} has {count} entries; {_LIST_CAP} is the most")
    entries = (Str * count).from_address(pointer)
    return [
        read_text(each, f"{what}[{number}]", cap_bytes=PATH_CAP_BYTES) for number, each in enumerate(entries)
    ]


def read_c_text(pointer: int | None, what: str, *, cap_bytes: int = TEXT_CAP_BYTES) -> str:
    """A zero-terminated string, copied; empty for NULL.

    Raises:
        MisbehavedError: No zero within ``cap_bytes``, or not UTF-8.
    """
    if not pointer:
        return ""
    length = _strnlen()(pointer, cap_bytes + 1)
    if length > cap_bytes:
        raise MisbehavedError(f"{what} has no end within {cap_bytes} bytes")
    return _decode(ctypes.string_at(pointer, length), what)


def check_struct_size(address: int, wanted: type[ctypes.Structure], what: str) -> None:
    """Compare the size that a struct says it has with what is known of it.

    Raises:
        MisbehavedError: It is smaller, or absurdly large.
    """
    said = c_uint32.from_address(address).value
    least = ctypes.sizeof(wanted)
    if not least <= said <= _STRUCT_CAP_BYTES:
        raise MisbehavedError(f"{what} says that it is {said} bytes large, and ABI 1 has {least}")


def read_bool(value: int, what: str) -> bool:
    """A C ``bool``; anything but 0 and 1 is none.

    Raises:
        MisbehavedError: It is something else.
    """
    if value not in (0, 1):
        raise MisbehavedError(f"{what} is {value}, and a bool is 0 or 1")
    return value == 1


def _decode(data: bytes, what: str) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise MisbehavedError(f"{what} is not UTF-8 (byte {error.start})") from error


def _strnlen() -> ctypes._NamedFuncPointer:
    """The C library's; on Windows its runtime's."""
    library = ctypes.CDLL("msvcrt") if hasattr(ctypes, "windll") else ctypes.CDLL(None)
    function = library.strnlen
    function.argtypes = (c_void_p, c_size_t)
    function.restype = c_size_t
    return function
