"""Find the plugins of this run: those of the entry-point group ``wasmrun.plugins``, and the installed ones.

A plugin that cannot be loaded stays in the list with its health, so that ``detect`` can say why it was not
asked; a disabled one stays so that ``plugin list`` shows it. An installed plugin's code is not run here.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wasmrun_py.model.errors import PluginFailedError
from wasmrun_py.model.manifest import (
    HealthStatus,
    PluginHealth,
    PluginInfo,
    PluginType,
    TransportKind,
)
from wasmrun_py.plugin.api import ENTRY_POINT_GROUP
from wasmrun_py.plugin.boundary import foreign_code
from wasmrun_py.plugin.entry_points import load_entry_points

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from wasmrun_py.model.installed_plugin import InstalledPlugin
    from wasmrun_py.plugin.api import Plugin, PluginContext
    from wasmrun_py.plugin.entry_points import EntryPoint

_OWN_DISTRIBUTION = "wasmrun-py"
_HEALTHY = PluginHealth(status=HealthStatus.HEALTHY)


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredPlugin:
    """One announced plugin.

    Attributes:
        name: The entry point's name.
        type: builtin when wasmrun's own distribution announces it.
        transport: How it is called, as far as is known before it is.
        transports: Every way it offers, in the order they are tried.
        info: Its manifest, or None when it could not be loaded.
        plugin: The object, or None when it could not be loaded.
        health: Healthy, or why it could not be loaded.
        enabled: It takes part in detection and builds.
        installed: Its entry in ``config.toml``, or None when it is no installed plugin.
        library: Where it was found, when it is one of ``WASMRUN_PLUGIN_PATH``.
    """

    name: str
    type: PluginType
    transport: TransportKind
    info: PluginInfo | None
    plugin: Plugin | None
    health: PluginHealth
    transports: tuple[TransportKind, ...] = (TransportKind.PYTHON,)
    enabled: bool = True
    installed: InstalledPlugin | None = None
    library: Path | None = None

    @property
    def used_transport(self) -> TransportKind:
        """The transport that was used last; before any was, the one that would be tried first."""
        used = getattr(self.plugin, "transport", None)
        return used if isinstance(used, TransportKind) else self.transport


def load_registered_plugins(context: PluginContext) -> tuple[RegisteredPlugin, ...]:
    """Load every plugin of the entry-point group, the search path and the store: external ones first.

    A plugin that fails to load is returned with its health and no object, behind the others; nothing is
    raised for it.

    Raises:
        ConfigError: ``config.toml`` is broken.
    """
    loaded = [
        *load_announced_plugins(context),
        # The user names these folders for this run: of two plugins of one name theirs is taken.
        *_load_search_path(context),
        *_load_installed(context),
    ]
    return tuple(_without_namesakes(sorted(loaded, key=_order)))


def load_announced_plugins(context: PluginContext) -> tuple[RegisteredPlugin, ...]:
    """Those of the entry-point group alone: what there is while ``config.toml`` cannot be read."""
    loaded = (_load(each, context) for each in load_entry_points(ENTRY_POINT_GROUP, sys.path))
    return tuple(sorted(loaded, key=_order))


def _load_search_path(context: PluginContext) -> list[RegisteredPlugin]:
    if not context.plugin_path:
        return []
    from wasmrun_py.plugin.search_path import load_search_path  # noqa: PLC0415 - few runs have one

    return load_search_path(context)


def _load_installed(context: PluginContext) -> list[RegisteredPlugin]:
    """The plugins of the store; what a killed command left there is tidied on the way."""
    home = context.home
    if not home.config_file.exists() and not home.store.exists():
        return []
    from wasmrun_py.config.plugin_state import load_installed_plugins  # noqa: PLC0415 - most homes have none
    from wasmrun_py.plugin.store.tidy import tidy  # noqa: PLC0415 - as above

    installed = load_installed_plugins(home)
    tidy(home, installed)
    if not installed:
        return []
    from wasmrun_py.plugin.installed import register  # noqa: PLC0415 - as above

    return [register(each, context) for each in installed]


def _order(registered: RegisteredPlugin) -> tuple[bool, bool, str]:
    usable = registered.plugin is not None and registered.enabled
    return not usable, registered.type is PluginType.BUILTIN, registered.name


def _without_namesakes(plugins: Iterable[RegisteredPlugin]) -> Iterable[RegisteredPlugin]:
    """An external plugin hides a built-in of its name, unless it cannot be used; both then stay listed."""
    seen: set[str] = set()
    for registered in plugins:
        if registered.name not in seen or registered.installed is not None:
            seen.add(registered.name)
            yield registered


def _load(entry_point: EntryPoint, context: PluginContext) -> RegisteredPlugin:
    own = entry_point.distribution == _OWN_DISTRIBUTION
    plugin: Plugin | None = None
    info: PluginInfo | None = None
    health = _HEALTHY
    try:
        with foreign_code(entry_point.name, "load"):
            plugin = _instantiate(entry_point.load(), context)
            info = plugin.info
            if not isinstance(info, PluginInfo):
                raise TypeError(f"its info is a {type(info).__name__}, not a PluginInfo")
    except PluginFailedError as error:
        plugin, info = None, None
        health = PluginHealth(status=HealthStatus.LOAD_ERROR, message=error.message)
    return RegisteredPlugin(
        name=entry_point.name,
        type=PluginType.BUILTIN if own else PluginType.EXTERNAL,
        transport=TransportKind.PYTHON,
        info=info,
        plugin=plugin,
        health=health,
    )


def _instantiate(announced: Any, context: PluginContext) -> Plugin:
    """An announced object is a plugin, or a class or function that gives one (``api``'s docstring)."""
    if not isinstance(announced, type) and hasattr(announced, "info"):
        plugin = announced
    else:
        import inspect  # noqa: PLC0415 - dataclasses has imported it already

        takes_context = bool(inspect.signature(announced).parameters)
        plugin = announced(context) if takes_context else announced()
    for member in ("info", "can_handle_project", "get_builder"):
        if not hasattr(plugin, member):
            raise TypeError(f'it has no "{member}"')
    return plugin  # type: ignore[no-any-return]  # checked member by member above
