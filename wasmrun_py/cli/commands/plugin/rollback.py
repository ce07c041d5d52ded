"""``wasmrun plugin rollback``: back to the generation before the last change."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from wasmrun_py.cli.commands.plugin.arguments import NameArgument, report_change
from wasmrun_py.cli.options import JsonOption

if TYPE_CHECKING:
    from wasmrun_py.cli.context import World


def rollback_command(ctx: typer.Context, *, name: NameArgument, json: JsonOption = False) -> None:
    """Go back to the version that was installed before this one."""
    world: World = ctx.obj
    with world.reporter(verbose=False) as reporter:
        change = world.plugin_store(reporter).rollback(name)
    report_change(world, "plugin rollback", change, as_json=json)
