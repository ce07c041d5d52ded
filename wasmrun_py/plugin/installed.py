"""From an entry of ``config.toml`` to a plugin that can be asked: ``store`` and ``transport`` meet here."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from wasmrun_py.model.manifest import HealthStatus, PluginType, TransportKind
from wasmrun_py.plugin.registry import RegisteredPlugin
from wasmrun_py.plugin.store.generation import require_intact
from wasmrun_py.plugin.store.health import look_at
from wasmrun_py.plugin.transport.base import TransportWorld
from wasmrun_py.plugin.transport.external import open_installed

if TYPE_CHECKING:
    from pathlib import Path

    from wasmrun_py.model.installed_plugin import InstalledPlugin
    from wasmrun_py.plugin.api import PluginContext
    from wasmrun_py.plugin.transport.external import ExternalPlugin


def register(installed: InstalledPlugin, context: PluginContext) -> RegisteredPlugin:
    """An installed plugin among the others; its files are looked for and nothing of it is run."""
    store = context.home.store
    health = look_at(installed, store, context.environ)
    transports = installed.manifest.transports.kinds or (TransportKind.COMMAND,)
    usable = health.status is not HealthStatus.NOT_FOUND
    return RegisteredPlugin(
        name=installed.name,
        type=PluginType.EXTERNAL,
        transport=transports[0],
        transports=transports,
        info=installed.manifest.info,
        plugin=make_plugin(installed, store, context) if usable else None,
        health=health,
        enabled=installed.enabled,
        installed=installed,
    )


def make_plugin(installed: InstalledPlugin, store: Path, context: PluginContext) -> ExternalPlugin:
    """The plugin's object; its files are compared with what was installed before it is first called."""
    world = TransportWorld(
        environ=context.environ,
        home=context.home,
        may_install=context.may_install,
        confirm=context.confirm,
        verify=partial(require_intact, installed, store),
    )
    return open_installed(installed, store, world)
