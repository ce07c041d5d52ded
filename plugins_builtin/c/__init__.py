"""C and C++: emcc, clang with wasi-libc, or zig; single files, Makefiles and CMake (DESIGN §7).

``plugin`` and ``detect`` are what every ``wasmrun detect`` imports and stay light. ``builder`` is where a
build begins; it picks a compiler (``compilers/``) and one of three ways: ``direct``, ``make`` or ``cmake``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from plugins_builtin.c.plugin import CPlugin

if TYPE_CHECKING:
    from wasmrun_py.plugin.api import PluginContext


def plugin(context: PluginContext) -> CPlugin:
    """The plugin, as the entry point gives it to the host."""
    return CPlugin(context)
