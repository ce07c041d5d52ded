"""The structs and function types of ABI 1, as ``wasmrun_plugin.h`` has them. Standard library only.

Sizes and offsets are compared with the header's, compiled, by a test.
"""

from __future__ import annotations

import ctypes
from ctypes import CFUNCTYPE, POINTER, c_char_p, c_double, c_size_t, c_uint32, c_void_p

ABI_VERSION = 1
DEBUG_INFO, VERBOSE = 1, 2
WASM_BINDGEN = 1
OPTIMIZATION = {"debug": 0, "release": 1, "size": 2}
LOG_LEVELS = ("debug", "info", "warning")


class Str(ctypes.Structure):
    """``wasmrun_str``. What wasmrun passes keeps its bytes alive through ``c_char_p``."""

    _fields_ = (("ptr", c_void_p), ("len", c_size_t))


LogFunction = CFUNCTYPE(None, c_void_p, c_uint32, Str)
ProgressFunction = CFUNCTYPE(None, c_void_p, c_double, Str)
CancelledFunction = CFUNCTYPE(c_uint32, c_void_p)


class HostTable(ctypes.Structure):
    """``wasmrun_host``."""

    _fields_ = (
        ("struct_size", c_uint32),
        ("ctx", c_void_p),
        ("log", LogFunction),
        ("progress", ProgressFunction),
        ("cancelled", CancelledFunction),
    )


class BuildConfigStruct(ctypes.Structure):
    """``wasmrun_build_config``."""

    _fields_ = (
        ("struct_size", c_uint32),
        ("optimization", c_uint32),
        ("flags", c_uint32),
        ("reserved", c_uint32),
        ("project_path", Str),
        ("output_dir", Str),
        ("target", Str),
        ("custom_args", POINTER(Str)),
        ("custom_args_len", c_size_t),
        ("work_dir", Str),
        ("name", Str),
        ("entry", Str),
        ("toolchain", Str),
    )


class BuildResultStruct(ctypes.Structure):
    """``wasmrun_build_result``."""

    _fields_ = (
        ("struct_size", c_uint32),
        ("status", c_uint32),
        ("flags", c_uint32),
        ("reserved", c_uint32),
        ("message", Str),
        ("wasm_path", Str),
        ("js_path", Str),
        ("additional_files", c_void_p),
        ("additional_files_len", c_size_t),
    )


CreateFunction = CFUNCTYPE(c_void_p, POINTER(HostTable))
DestroyFunction = CFUNCTYPE(None, c_void_p)
CanHandleFunction = CFUNCTYPE(c_uint32, c_void_p, Str)
CheckFunction = CFUNCTYPE(c_void_p, c_void_p)
PathFunction = CFUNCTYPE(c_void_p, c_void_p, Str)
BuildFunction = CFUNCTYPE(c_void_p, c_void_p, POINTER(BuildConfigStruct))
FreeFunction = CFUNCTYPE(None, c_void_p, c_void_p)


class PluginTable(ctypes.Structure):
    """``wasmrun_plugin``."""

    _fields_ = (
        ("struct_size", c_uint32),
        ("abi_version", c_uint32),
        ("manifest", Str),
        ("create", CreateFunction),
        ("destroy", DestroyFunction),
        ("can_handle", CanHandleFunction),
        ("check_dependencies", CheckFunction),
        ("validate", PathFunction),
        ("build", BuildFunction),
        ("clean", PathFunction),
        ("free_result", FreeFunction),
    )


STRUCTS: dict[str, type[ctypes.Structure]] = {
    "wasmrun_str": Str,
    "wasmrun_host": HostTable,
    "wasmrun_build_config": BuildConfigStruct,
    "wasmrun_build_result": BuildResultStruct,
    "wasmrun_plugin": PluginTable,
}


def make_str(text: str | bytes, kept: list[object]) -> Str:
    """Text for the plugin; its bytes live as long as ``kept``."""
    data = text.encode("utf-8") if isinstance(text, str) else text
    if not data:
        return Str(None, 0)
    held = c_char_p(data)
    kept.append(held)
    return Str(ctypes.cast(held, c_void_p), len(data))
