"""wasmrun: one command that turns a project in any language into WebAssembly and runs it.

The rooms, from the ground up: ``model`` (pure values), ``system`` (the doors outward), ``config`` and
``wasm`` (reading what others wrote), ``toolchain`` (compilers), ``plugin`` (who can build what),
``build`` and ``execute`` (doing it), ``cli`` (telling a person). Imports run downward only.

This file holds the version and nothing else: ``wasmrun --version`` imports it before anything heavy.
"""

__version__ = "0.1.0"
