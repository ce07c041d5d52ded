"""What the ``plugin`` subcommands share: the name of an installed plugin, and how changes are told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from wasmrun_py.cli.render.plugins import change_fields, describe_change

if TYPE_CHECKING:
    from wasmrun_py.cli.context import World
    from wasmrun_py.plugin.store.changes import Change

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The plugin's name, as listed.")]


def report_change(world: World, command: str, change: Change, *, as_json: bool) -> None:
    """Tell what was done to one plugin; a plugin that lacks tools is told with their names."""
    if as_json:
        world.report(command, change_fields(change))
        return
    world.console.data(describe_change(change))
    if change.health is not None and change.health.message:
        world.console.note(f"{change.name}: {change.health.status}: {change.health.message}")
