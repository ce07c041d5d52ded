"""``wasmrun plugin enable``: let an installed plugin take part in detection and builds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from wasmrun_py.cli.commands.plugin.arguments import NameArgument, report_change
from wasmrun_py.cli.options import JsonOption

if TYPE_CHECKING:
    from wasmrun_py.cli.context import World

DisableOption = Annotated[bool, typer.Option("--disable", help="Disable it instead.")]


def enable_command(
    ctx: typer.Context, *, name: NameArgument, disable: DisableOption = False, json: JsonOption = False
) -> None:
    """Let an installed plugin take part in detection and builds."""
    set_enabled(ctx.obj, name, enabled=not disable, as_json=json)


def set_enabled(world: World, name: str, *, enabled: bool, as_json: bool) -> None:
    """Enable or disable a plugin and tell it."""
    command = "plugin enable" if enabled else "plugin disable"
    with world.reporter(verbose=False) as reporter:
        change = world.plugin_store(reporter).set_enabled(name, enabled=enabled)
    report_change(world, command, change, as_json=as_json)
