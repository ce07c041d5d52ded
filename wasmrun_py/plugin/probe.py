"""Ask a plugin whether it works: at its installation, for ``plugin info`` and for ``doctor``.

Unlike a list, which looks at files, this runs the plugin: through every transport it offers.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from wasmrun_py.model.errors import PluginCorruptError, WasmrunError
from wasmrun_py.model.manifest import HealthStatus, PluginHealth
from wasmrun_py.plugin.boundary import foreign_code
from wasmrun_py.plugin.installed import make_plugin
from wasmrun_py.plugin.store.crashes import load_crashes
from wasmrun_py.plugin.store.health import look_at
from wasmrun_py.plugin.transport.external import ExternalPlugin

if TYPE_CHECKING:
    from pathlib import Path

    from wasmrun_py.model.installed_plugin import InstalledPlugin
    from wasmrun_py.model.manifest import TransportKind
    from wasmrun_py.plugin.api import PluginContext
    from wasmrun_py.plugin.registry import RegisteredPlugin
    from wasmrun_py.plugin.store.crashes import Crash
    from wasmrun_py.plugin.transport.external import TransportProbe

_FAILED = (HealthStatus.NOT_FOUND, HealthStatus.LOAD_ERROR)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeReport:
    """What a plugin answered.

    Attributes:
        health: The health of the transport that will be used; others that fail are named.
        transports: Each transport's, in the order they are tried; empty for a plugin of our own process.
    """

    health: PluginHealth
    transports: tuple[TransportProbe, ...] = ()

    @property
    def used(self) -> TransportKind | None:
        """The transport that will be used, or None."""
        return next((each.kind for each in self.transports if each.health.status not in _FAILED), None)

    @property
    def reason(self) -> str:
        """Why that one, in words."""
        before = [each for each in self.transports if each.health.status in _FAILED]
        failed = "; ".join(f"{each.kind} cannot be used: {each.health.message}" for each in before)
        if self.used is None:
            return failed
        skipped = [each.kind for each in self.transports].index(self.used)
        if skipped:
            return failed
        others = ", ".join(each.kind for each in self.transports if each.kind is not self.used)
        return f"it answers, and comes before {others}" if others else "it is the only one, and it answers"


def probe_installed(installed: InstalledPlugin, store: Path, context: PluginContext) -> PluginHealth:
    """Call every transport of an installed plugin once; its files are checked first.

    Args:
        installed: The plugin.
        store: The folder that holds its generation (a staging folder, while it is installed).
        context: The world.
    """
    return _probe_store(installed, store, context).health


def probe_registered(registered: RegisteredPlugin, context: PluginContext) -> ProbeReport:
    """Call a plugin of any origin once, through each of its transports."""
    if registered.installed is not None:
        return _probe_store(registered.installed, context.home.store, context)
    if registered.plugin is None:
        return ProbeReport(health=registered.health)
    if isinstance(registered.plugin, ExternalPlugin):
        with registered.plugin as plugin:
            return _report(plugin.probe_transports(), ())
    try:
        with foreign_code(registered.name, "check_dependencies"):
            missing = tuple(registered.plugin.get_builder().check_dependencies())
    except WasmrunError as error:
        return ProbeReport(health=PluginHealth(status=HealthStatus.LOAD_ERROR, message=error.message))
    if missing:
        message = f"missing: {', '.join(map(str, missing))}"
        return ProbeReport(health=PluginHealth(status=HealthStatus.MISSING_DEPENDENCIES, message=message))
    return ProbeReport(health=PluginHealth(status=HealthStatus.HEALTHY))


def _probe_store(installed: InstalledPlugin, store: Path, context: PluginContext) -> ProbeReport:
    health = look_at(installed, store, context.environ)
    if health.status is HealthStatus.NOT_FOUND:
        return ProbeReport(health=health)
    # Before this probe: what it finds is in its own answer.
    crashes = load_crashes(context.home, installed.name, build=installed.generation)
    try:
        with make_plugin(installed, store, context) as plugin:
            return _report(plugin.probe_transports(), crashes)
    except PluginCorruptError as error:
        return ProbeReport(health=PluginHealth(status=HealthStatus.LOAD_ERROR, message=error.message))


def _report(probes: tuple[TransportProbe, ...], crashes: tuple[Crash, ...]) -> ProbeReport:
    health = _combine(probes)
    if crashes:
        last = crashes[-1]
        often = "once" if len(crashes) == 1 else f"{len(crashes)} times"
        said = f"it crashed {often}, last in {last.phase} through {last.transport} ({last.at})"
        health = replace(health, message="; ".join(text for text in (health.message, said) if text))
    return ProbeReport(health=health, transports=probes)


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
