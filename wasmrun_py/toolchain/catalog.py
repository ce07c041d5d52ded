"""The toolchains that wasmrun can install, as data.

A further one is a ``ToolchainPin`` here and a file of hashes in ``pins/`` (made with
``uv pip compile --generate-hashes``); no code.
"""

from __future__ import annotations

from pathlib import Path

from wasmrun_py.toolchain.pin import ToolchainPin
from wasmrun_py.toolchain.zig_libcxx import guard_thread_sources

_PINS = Path(__file__).with_name("pins")

ZIG = ToolchainPin(
    name="zig",
    version="0.13.0",
    package="ziglang",
    requirements=_PINS / "zig.txt",
    program="ziglang/zig",
    probe=("version",),
    download_bytes=81_000_000,
    unpacked_bytes=314_300_000,
    manual_install="wasmrun toolchain install zig",
    prepare=guard_thread_sources,
)

CATALOG = (ZIG,)
