"""Imports beside WASI: the few that compilers add and that need no browser, and whose the others are.

Runs in the child only.
"""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING

from wasmtime import Caller, Func, FuncType, Memory, ValType

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wasmtime import Linker, Store

    from wasmrun_py.execute.module_shape import Item, ModuleShape

_ABORT = (("i32", "i32", "i32", "i32"), ())
_MEMORY_GREW = (("i32",), ())
_LONGEST_TEXT_BYTES = 4096
_BROWSER_HINT = (
    "It was built to run with JavaScript: serve it to a browser with `wasmrun run`,"
    " or build it for `-t wasm` to run it here."
)

THREADS_HINT = "It was built with threads, which are not provided here: build it without them."


class GuestAbortError(Exception):
    """The guest called ``abort`` with a message and a place."""


def define_known_imports(linker: Linker, store: Store, shape: ModuleShape) -> None:
    """Provide what a standalone module of a known compiler may ask of ``env``, where the types agree.

    ``abort`` is AssemblyScript's (``lib/assembly/builtins.ts``), ``emscripten_notify_memory_growth``
    emscripten's with ``-sSTANDALONE_WASM`` and growing memory; the host has nothing to do for it.
    """
    for item in shape.imports:
        match item.module, item.name, item.find_signature():
            case "env", "abort", signature if signature == _ABORT:
                function = Func(store, FuncType([ValType.i32()] * 4, []), _abort, access_caller=True)
                linker.define(store, "env", "abort", function)
            case "env", "emscripten_notify_memory_growth", signature if signature == _MEMORY_GREW:
                function = Func(store, FuncType([ValType.i32()], []), lambda _index: None)
                linker.define(store, "env", "emscripten_notify_memory_growth", function)


def foreign_imports_hint(missing: Sequence[Item]) -> str:
    """What to do about imports that only JavaScript provides; "" when they look like something else."""
    if any(_is_javascript(item) for item in missing):
        return _BROWSER_HINT
    if any(item.name == "thread-spawn" for item in missing):
        return THREADS_HINT
    if any(item.module == "wasi_unstable" for item in missing):
        return "It was built for a WASI older than preview 1: build it with a newer compiler."
    return "Only WASI preview 1 is provided."


def _is_javascript(item: Item) -> bool:
    """Recognise emscripten's glue (also minified, module ``a``) and wasm-bindgen's."""
    if item.module in {"a", "wbg", "__wbindgen_placeholder__", "gojs", "go"} or item.module.endswith(".js"):
        return True
    glue = ("emscripten_", "_emscripten_", "__syscall_", "_embind_", "invoke_", "__cxa_", "_abort_js")
    return item.module == "env" and item.name.startswith(glue)


def _abort(caller: Caller, message: int, file_name: int, line: int, column: int) -> None:
    memory = caller.get("memory")
    text = _read_text(caller, memory, message) if isinstance(memory, Memory) else ""
    place = _read_text(caller, memory, file_name) if isinstance(memory, Memory) else ""
    raise GuestAbortError(f"{text or 'no message'} ({place or 'unknown'}:{line}:{column})")


def _read_text(caller: Caller, memory: Memory, pointer: int) -> str:
    """An AssemblyScript string: UTF-16, its size in bytes stands 4 bytes before it."""
    size_bytes = memory.data_len(caller)
    pointer &= 0xFFFFFFFF
    if not 4 <= pointer <= size_bytes:  # noqa: PLR2004 - room for the length field
        return ""
    start = ctypes.addressof(memory.data_ptr(caller).contents)
    length_bytes = int.from_bytes(ctypes.string_at(start + pointer - 4, 4), "little")
    length_bytes = min(length_bytes, _LONGEST_TEXT_BYTES, size_bytes - pointer)
    return ctypes.string_at(start + pointer, length_bytes).decode("utf-16-le", "replace")
