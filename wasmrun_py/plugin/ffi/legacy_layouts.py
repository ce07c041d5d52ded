"""The structs of the plugins that are older than ABI 1 (DESIGN §6, "Legacy ABIs"). Standard library only.

They stand in the sources of the crates: wasmrust 0.2.1 and 0.3, wasmasc 0.1, waspy 0.18. Booleans are read
as bytes, so that a garbage one is seen.
"""

from __future__ import annotations

import ctypes
from ctypes import c_char_p, c_size_t, c_uint8, c_uint64, c_void_p


class ShortConfig(ctypes.Structure):
    """wasmasc, and wasmrust up to 0.2.1: 24 bytes."""

    _fields_ = (
        ("project_path", c_char_p),
        ("output_dir", c_char_p),
        ("optimization_level", c_uint8),
        ("verbose", c_uint8),
        ("watch", c_uint8),
    )


class ShortResult(ctypes.Structure):
    """The same plugins' result: 32 bytes."""

    _fields_ = (
        ("wasm_path", c_void_p),
        ("js_path", c_void_p),
        ("is_wasm_bindgen", c_uint8),
        ("success", c_uint8),
        ("error_message", c_void_p),
    )


class LongConfig(ctypes.Structure):
    """wasmrust from 0.3 on: 40 bytes."""

    _fields_ = (
        ("project_path", c_char_p),
        ("output_dir", c_char_p),
        ("optimization_level", c_uint8),
        ("target_type", c_char_p),
        ("verbose", c_uint8),
        ("watch", c_uint8),
    )


class LongResult(ctypes.Structure):
    """The same plugin's result: 40 bytes."""

    _fields_ = (
        ("wasm_path", c_void_p),
        ("language", c_void_p),
        ("file_size", c_uint64),
        ("success", c_uint8),
        ("error_message", c_void_p),
    )


class BytesResult(ctypes.Structure):
    """waspy's result, returned by value: 32 bytes."""

    _fields_ = (
        ("success", c_uint8),
        ("wasm_data", c_void_p),
        ("wasm_len", c_size_t),
        ("error_message", c_void_p),
    )
