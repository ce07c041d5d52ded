"""From an entry of ``config.toml`` to a plugin that can be asked: ``store`` and ``transport`` meet here."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from wasmrun_py.model.manifest import HealthStatus, PluginType, TransportKind
from wasmrun_py.plugin.registry import RegisteredPlugin
from wasmrun_py.plugin.store.health import look_at

if TYPE_CHECKING:
    from pathlib import Path

    from wasmrun_py.model.installed_plugin import InstalledPlugin
    from wasmrun_py.model.manifest import Match, NoMatch, PluginInfo
    from wasmrun_py.model.tool import ToolReport
    from wasmrun_py.plugin.api import PluginContext
    from wasmrun_py.plugin.transport.base import Incident, TransportWorld
    from wasmrun_py.plugin.transport.external import ExternalBuilder, ExternalPlugin


class DeferredPlugin:
    """An installed plugin that is put together when something is asked that its manifest cannot answer.

    Lists and most detections end before that; the transports cost 20 ms to import.

    Args:
        installed: Its entry in ``config.toml``.
        context: The world of this run.
    """

    def __init__(self, installed: InstalledPlugin, context: PluginContext) -> None:
        self._installed = installed
        self._context = context
        self._opened: ExternalPlugin | None = None

    @property
    def info(self) -> PluginInfo:
        """Who it is and what it can do, from its manifest."""
        return self._installed.manifest.info

    @property
    def transport(self) -> TransportKind:
        """The transport that was used, or would be tried first."""
        return self.open().transport

    @property
    def incidents(self) -> tuple[Incident, ...]:
        """The transports that were given up so far, and why."""
        return () if self._opened is None else self._opened.incidents

    def can_handle_project(self, project_path: Path) -> Match | NoMatch:
        """As ``ExternalPlugin.can_handle_project``; the manifest alone refuses most projects."""
        from wasmrun_py.model.manifest import NoMatch  # noqa: PLC0415 - a type elsewhere in this module
        from wasmrun_py.plugin.transport.matching import (  # noqa: PLC0415 - lists need none of it
            has_entry_file,
            match_manifest,
        )

        matched = match_manifest(self.info, project_path)
        if isinstance(matched, NoMatch) and not has_entry_file(self.info, project_path):
            return matched
        return self.open().can_handle_project(project_path)

    def get_builder(self) -> ExternalBuilder:
        """A builder over its transports."""
        return self.open().get_builder()

    def report_tools(self) -> tuple[ToolReport, ...]:
        """The state of its tools."""
        return self.open().report_tools()

    def open(self) -> ExternalPlugin:
        """The plugin itself; nothing of it is started."""
        if self._opened is None:
            self._opened = make_plugin(self._installed, self._context.home.store, self._context)
        return self._opened


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
        plugin=DeferredPlugin(installed, context) if usable else None,
        health=health,
        enabled=installed.enabled,
        installed=installed,
    )


def make_plugin(installed: InstalledPlugin, store: Path, context: PluginContext) -> ExternalPlugin:
    """The plugin's object; its files are compared with what was installed before it is first called."""
    from wasmrun_py.plugin.store.generation import require_intact  # noqa: PLC0415 - lists need none of it
    from wasmrun_py.plugin.transport.external import open_installed  # noqa: PLC0415 - as above

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
    from wasmrun_py.plugin.transport.base import TransportWorld  # noqa: PLC0415 - lists need none of it

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
