"""``wasmrun plugin list``: every plugin, also disabled and broken ones; no plugin is run for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from wasmrun_py.cli.options import JsonOption
from wasmrun_py.cli.render.plugins import plugin_fields, source_of

if TYPE_CHECKING:
    from wasmrun_py.cli.context import World


def list_command(ctx: typer.Context, *, json: JsonOption = False) -> None:
    """List every plugin: built in, installed, disabled, broken."""
    world: World = ctx.obj
    plugins = world.plugin_manager().registered
    if json:
        world.report("plugin list", {"plugins": [plugin_fields(each) for each in plugins]})
        return
    rows = [
        (
            each.name,
            each.info.version if each.info else "?",
            each.type,
            ", ".join(each.info.capabilities.supported_languages) if each.info else "?",
            each.health.status if each.enabled else "disabled",
            source_of(each),
        )
        for each in plugins
    ]
    world.console.table(("NAME", "VERSION", "TYPE", "LANGUAGES", "STATE", "SOURCE"), rows)
