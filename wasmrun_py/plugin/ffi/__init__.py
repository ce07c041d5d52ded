"""Plugins as shared libraries: the C interface, and the helper's side of calling it.

``wasmrun_plugin.h`` is the interface; ``layouts`` and ``legacy_layouts`` are its structs and those of the
plugins that are older than it. Everything but ``header`` and ``libraries`` runs inside a helper process
only: the standard library and this room are all it imports, and no library is ever opened elsewhere.
"""
