"""``wasmrun plugin lock``: write down exactly which plugins a project is built with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from wasmrun_py.cli.options import JsonOption, PathArgument, PathOption, VerboseOption
from wasmrun_py.cli.paths import choose_path, get_folder
from wasmrun_py.cli.render.plugins import change_fields, describe_change

if TYPE_CHECKING:
    from wasmrun_py.cli.context import World


def lock_command(
    ctx: typer.Context,
    *,
    path: PathArgument = None,
    path_option: PathOption = None,
    json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Write wasmrun.lock: version and digest of every plugin that wasmrun.toml names."""
    from wasmrun_py.config.project_plugins import LOCK_FILE  # noqa: PLC0415 - --help needs none of it
    from wasmrun_py.plugin.store.project_lock import write_lock  # noqa: PLC0415 - as above

    world: World = ctx.obj
    project = get_folder(world, choose_path(path, path_option, "."))
    with world.reporter(verbose=verbose) as reporter:
        locked, changes = write_lock(project, world.plugin_store(reporter))
    if json:
        plugins = [
            {
                "name": plugin.name,
                "version": plugin.version,
                "source": plugin.source,
                "checksum": plugin.checksum,
                "digests": dict(plugin.digests),
            }
            for plugin in locked.values()
        ]
        changed = [change_fields(change) for change in changes]
        world.report("plugin lock", {"path": project / LOCK_FILE, "plugins": plugins, "changes": changed})
        return
    for change in changes:
        world.console.note(describe_change(change))
    names = ", ".join(f"{plugin.name} {plugin.version}" for plugin in locked.values())
    world.console.data(f"Locked {names} in {project / LOCK_FILE}")
