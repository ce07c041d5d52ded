"""How plugins look: the members of ``plugin list`` and ``plugin info``, a line for a change (DESIGN §5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wasmrun_py.model.manifest import PluginType

if TYPE_CHECKING:
    from wasmrun_py.model.installed_plugin import InstalledPlugin
    from wasmrun_py.model.manifest import PluginCapabilities, PluginHealth
    from wasmrun_py.plugin.registry import RegisteredPlugin
    from wasmrun_py.plugin.store.changes import Change

_DONE = {
    "installed": "Installed {name} {version}",
    "already-installed": "{name} {version} is installed already",
    "updated": "Updated {name} {before} -> {version}",
    "up-to-date": "{name} {version} is the newest",
    "would-update": "{name} {before} would be updated to {available}",
    "repaired": "Installed {name} {version} again",
    "uninstalled": "Uninstalled {name} {before}",
    "enabled": "Enabled {name}",
    "disabled": "Disabled {name}",
    "rolled-back": "Rolled {name} back: {before} -> {version}",
    "unchanged": "{name} is {state} already",
}


def plugin_fields(registered: RegisteredPlugin, health: PluginHealth | None = None) -> dict[str, Any]:
    """One plugin's members, the same for a built-in and an installed one.

    Args:
        registered: The plugin.
        health: What a probe said, or None for what the list knows.
    """
    info = registered.info
    shown = health or registered.health
    installed = registered.installed
    return {
        "name": registered.name,
        "version": info.version if info else None,
        "description": info.description if info else "",
        "type": registered.type,
        "languages": info.capabilities.supported_languages if info else (),
        "extensions": info.extensions if info else (),
        "entry_files": info.entry_files if info else (),
        "enabled": registered.enabled,
        "source": source_of(registered),
        "transports": registered.transports,
        "capabilities": _capabilities(info.capabilities) if info else None,
        "health": {"status": shown.status, "message": shown.message},
        **({"editable": True} if installed is not None and installed.editable else {}),
    }


def source_of(registered: RegisteredPlugin) -> str:
    """Where a plugin comes from, in one word or as its exact source."""
    if registered.installed is not None:
        return registered.installed.source
    if registered.library is not None:
        return str(registered.library)
    return "builtin" if registered.type is PluginType.BUILTIN else "environment"


def change_fields(change: Change) -> dict[str, Any]:
    """What an operation did, for documents."""
    after = change.after
    return {
        "name": change.name,
        "outcome": change.outcome,
        "version": after.version if after else None,
        "previous_version": change.before.version if change.before else None,
        "available_version": change.available,
        "source": after.source if after else None,
        "digest": after.digest if after else None,
        "enabled": after.enabled if after else None,
        "transports": after.manifest.transports.kinds if after else (),
        "health": None
        if change.health is None
        else {"status": change.health.status, "message": change.health.message},
    }


def describe_change(change: Change) -> str:
    """What an operation did, in one line."""
    after, before = change.after, change.before
    enabled = after is not None and after.enabled
    return _DONE[change.outcome].format(
        name=change.name,
        version=_version(after),
        before=_version(before),
        available=change.available,
        state="enabled" if enabled else "disabled",
    )


def _version(plugin: InstalledPlugin | None) -> str:
    return plugin.version if plugin is not None else ""


def _capabilities(capabilities: PluginCapabilities) -> dict[str, Any]:
    return {name: getattr(capabilities, name) for name in type(capabilities).__slots__}
