"""``wasmrun plugin info``: everything about one plugin, and whether it answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from wasmrun_py.cli.commands.plugin.arguments import NameArgument
from wasmrun_py.cli.options import JsonOption
from wasmrun_py.cli.render.plugins import plugin_fields

if TYPE_CHECKING:
    from wasmrun_py.cli.context import World
    from wasmrun_py.model.manifest import PluginHealth
    from wasmrun_py.plugin.probe import ProbeReport
    from wasmrun_py.plugin.registry import RegisteredPlugin


def info_command(ctx: typer.Context, *, name: NameArgument, json: JsonOption = False) -> None:
    """Show everything about a plugin: source, digest, transports, capabilities, health, size."""
    from wasmrun_py.plugin.probe import probe_registered  # noqa: PLC0415 - --help needs none of it
    from wasmrun_py.plugin.store.crashes import load_crashes  # noqa: PLC0415 - as above

    world: World = ctx.obj
    manager = world.plugin_manager()
    registered = manager.get_registered(name)
    probe = probe_registered(registered, manager.context)
    health = probe.health
    fields = {
        **plugin_fields(registered, health),
        **_more(world, registered),
        **_transports(probe, registered),
    }
    fields["crashes"] = [
        {
            "at": crash.at,
            "transport": crash.transport,
            "phase": crash.phase,
            "message": crash.message,
            "log_file": crash.log_file,
        }
        for crash in load_crashes(world.home, registered.name)
    ]
    if json:
        world.report("plugin info", {"plugins": [fields]})
    else:
        _show(world, fields, health)


def _transports(probe: ProbeReport, registered: RegisteredPlugin) -> dict[str, Any]:
    """Which transport would be used, and why."""
    if not probe.transports:
        return {"transport": registered.transport, "transport_reason": "", "transport_health": []}
    return {
        "transport": probe.used,
        "transport_reason": probe.reason,
        "transport_health": [
            {"kind": each.kind, "status": each.health.status, "message": each.health.message}
            for each in probe.transports
        ],
    }


def _more(world: World, registered: RegisteredPlugin) -> dict[str, Any]:
    """What only an installed plugin has."""
    installed = registered.installed
    if installed is None:
        return {"missing_tools": ()}
    from wasmrun_py.plugin.store.health import find_missing_tools, measure  # noqa: PLC0415 - only here

    folder = installed.folder(world.home.store)
    return {
        "author": installed.manifest.info.author,
        "requested": installed.requested,
        "checksum": installed.checksum,
        "digest": installed.digest,
        "content_digest": installed.content_digest,
        "generation": installed.generation,
        "installed_at": installed.installed_at.isoformat(timespec="seconds"),
        "path": folder,
        "size_bytes": measure(folder),
        "missing_tools": find_missing_tools(installed, world.environ),
        "rollback_version": installed.previous.version if installed.previous else None,
    }


def _show(world: World, fields: dict[str, Any], health: PluginHealth) -> None:
    from wasmrun_py.cli.render.console import format_size  # noqa: PLC0415 - not with --json

    console = world.console
    console.heading(f"{fields['name']} {fields['version'] or ''}".rstrip())
    if fields["description"]:
        console.data(f"  {fields['description']}")
    capabilities = fields["capabilities"] or {}
    can = [word.replace("_", " ") for word, value in capabilities.items() if value is True]
    size = fields.get("size_bytes")
    lines = (
        ("state", "enabled" if fields["enabled"] else "disabled"),
        ("health", f"{health.status}" + (f": {health.message}" if health.message else "")),
        ("type", fields["type"]),
        ("source", fields["source"]),
        ("languages", ", ".join(fields["languages"])),
        ("entry files", ", ".join(fields["entry_files"])),
        ("extensions", ", ".join(fields["extensions"])),
        ("targets", ", ".join(capabilities.get("custom_targets", ()))),
        ("can", ", ".join(can)),
        ("transports", ", ".join(fields["transports"])),
        ("used", f"{fields['transport'] or 'none'}: {fields['transport_reason']}".rstrip(": ")),
        ("crashes", _crashes(fields["crashes"])),
        ("missing tools", ", ".join(fields["missing_tools"])),
        ("checksum", fields.get("checksum")),
        ("digest", fields.get("digest")),
        ("installed", fields.get("installed_at")),
        ("rollback to", fields.get("rollback_version")),
        ("on disk", f"{format_size(size)} in {fields['path']}" if size is not None else None),
    )
    for label, value in lines:
        if value:
            console.data(f"  {label:<14} {value}")


def _crashes(crashes: list[dict[str, Any]]) -> str:
    """How often, and the last one."""
    if not crashes:
        return ""
    last = crashes[-1]
    where = f" (log: {last['log_file']})" if last["log_file"] else ""
    return f"{len(crashes)}; last {last['at']}: {last['message']}{where}"
