"""``wasmrun plugin uninstall``: remove a plugin, leaving nothing of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from wasmrun_py.cli.commands.plugin.arguments import NameArgument, report_change
from wasmrun_py.cli.options import JsonOption

if TYPE_CHECKING:
    from wasmrun_py.cli.context import World


def uninstall_command(ctx: typer.Context, *, name: NameArgument, json: JsonOption = False) -> None:
    """Remove a plugin and every generation of it."""
    world: World = ctx.obj
    with world.reporter(verbose=False) as reporter:
        change = world.plugin_store(reporter).uninstall(name)
    report_change(world, "plugin uninstall", change, as_json=json)
