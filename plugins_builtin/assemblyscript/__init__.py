"""AssemblyScript: the project's own ``asc``, else a provisioned one (DESIGN §7).

``plugin`` and ``detect`` are what every ``wasmrun detect`` imports and stay light. ``builder`` is where a
build begins: ``project`` reads the configuration, ``dependencies`` sees to node_modules, ``compiler`` finds
asc and ``arguments`` writes its command line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from plugins_builtin.assemblyscript.plugin import AssemblyScriptPlugin

if TYPE_CHECKING:
    from wasmrun_py.plugin.api import PluginContext


def plugin(context: PluginContext) -> AssemblyScriptPlugin:
    """The plugin, as the entry point gives it to the host."""
    return AssemblyScriptPlugin(context)
