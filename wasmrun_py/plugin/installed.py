"""From an entry of ``config.toml`` to a plugin that can be asked: ``store`` and ``transport`` meet here."""

from __future__ import annotations

from dataclasses import replace
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
    from wasmrun_py.plugin.transport.base import Incident
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
    world = make_world(context, plugin=installed.name, build=installed.generation)
    launch = installed.launch
    others = launch.python is not None or launch.command is not None
    verify = partial(require_intact, installed, store, may_lack=launch.library if others else None)
    return open_installed(installed, store, replace(world, verify=verify))


def make_world(context: PluginContext, *, plugin: str, build: str) -> TransportWorld:
    """The world that an external plugin of this name is called in; its crashes are kept.

    Args:
        context: The world of this run.
        plugin: The plugin's name.
        build: What identifies its files.
    """

    def keep(incident: Incident) -> None:
        from datetime import UTC, datetime  # noqa: PLC0415 - only a crash has a date

        from wasmrun_py.plugin.store.crashes import Crash, record_crash  # noqa: PLC0415 - as above

        crash = Crash(
            at=datetime.now(UTC).isoformat(timespec="seconds"),
            build=build,
            transport=incident.transport,
            phase=incident.phase,
            message=incident.message,
            log_file=str(incident.log_file) if incident.log_file else None,
        )
        record_crash(context.home, plugin, crash)

    return TransportWorld(
        environ=context.environ,
        home=context.home,
        may_install=context.may_install,
        confirm=context.confirm,
        on_crash=keep,
        forced=context.transport,
    )
