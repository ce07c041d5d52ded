"""Ask a plugin whether it works: at its installation, for ``plugin info`` and for ``doctor``.

Unlike a list, which looks at files, this runs the plugin: through every transport it offers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wasmrun_py.model.errors import PluginCorruptError, WasmrunError
from wasmrun_py.model.manifest import HealthStatus, PluginHealth
from wasmrun_py.plugin.boundary import foreign_code
from wasmrun_py.plugin.installed import make_plugin
from wasmrun_py.plugin.store.health import look_at

if TYPE_CHECKING:
    from pathlib import Path

    from wasmrun_py.model.installed_plugin import InstalledPlugin
    from wasmrun_py.plugin.api import PluginContext
    from wasmrun_py.plugin.registry import RegisteredPlugin
    from wasmrun_py.plugin.transport.external import TransportProbe

_FAILED = (HealthStatus.NOT_FOUND, HealthStatus.LOAD_ERROR)


def probe_installed(installed: InstalledPlugin, store: Path, context: PluginContext) -> PluginHealth:
    """Call every transport of an installed plugin once; its files are checked first.

    Args:
        installed: The plugin.
        store: The folder that holds its generation (a staging folder, while it is installed).
        context: The world.
    """
    health = look_at(installed, store, context.environ)
    if health.status is HealthStatus.NOT_FOUND:
        return health
    try:
        with make_plugin(installed, store, context) as plugin:
            return _combine(plugin.probe_transports())
    except PluginCorruptError as error:
        return PluginHealth(status=HealthStatus.LOAD_ERROR, message=error.message)


def probe_registered(registered: RegisteredPlugin, context: PluginContext) -> PluginHealth:
    """Call a plugin of any origin once."""
    if registered.installed is not None:
        return probe_installed(registered.installed, context.home.store, context)
    if registered.plugin is None:
        return registered.health
    try:
        with foreign_code(registered.name, "check_dependencies"):
            missing = tuple(registered.plugin.get_builder().check_dependencies())
    except WasmrunError as error:
        return PluginHealth(status=HealthStatus.LOAD_ERROR, message=error.message)
    if missing:
        return PluginHealth(
            status=HealthStatus.MISSING_DEPENDENCIES, message=f"missing: {', '.join(map(str, missing))}"
        )
    return PluginHealth(status=HealthStatus.HEALTHY)


def _combine(probes: tuple[TransportProbe, ...]) -> PluginHealth:
    """The health of the best transport; one that fails beside it is named."""
    if not probes:
        return PluginHealth(status=HealthStatus.NOT_FOUND, message="it offers no way to call it")
    failed = [each for each in probes if each.health.status in _FAILED]
    working = [each.health for each in probes if each.health.status not in _FAILED]
    if not working:
        return failed[0].health
    said = [working[0].message, *(f"{each.kind} does not work: {each.health.message}" for each in failed)]
    return PluginHealth(status=working[0].status, message="; ".join(text for text in said if text))
