"""``wasmrun plugin sync``: install exactly the plugins that a project's lock names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from wasmrun_py.cli.options import JsonOption, PathArgument, PathOption, VerboseOption
from wasmrun_py.cli.paths import choose_path, get_folder
from wasmrun_py.cli.render.plugins import change_fields, describe_change

if TYPE_CHECKING:
    from wasmrun_py.cli.context import World


def sync_command(
    ctx: typer.Context,
    *,
    path: PathArgument = None,
    path_option: PathOption = None,
    json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Install what wasmrun.lock says, to the byte."""
    from wasmrun_py.plugin.store.project_lock import sync  # noqa: PLC0415 - --help needs none of it

    world: World = ctx.obj
    project = get_folder(world, choose_path(path, path_option, "."))
    with world.reporter(verbose=verbose) as reporter:
        changes = sync(project, world.plugin_store(reporter))
    if json:
        world.report("plugin sync", {"changes": [change_fields(change) for change in changes]})
        return
    for change in changes:
        world.console.data(describe_change(change))
