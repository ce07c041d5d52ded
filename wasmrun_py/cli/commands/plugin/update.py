"""``wasmrun plugin update``: the newest version of what was installed, built beside the old and swapped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from wasmrun_py.cli.commands.plugin.arguments import report_change
from wasmrun_py.cli.options import JsonOption, VerboseOption
from wasmrun_py.cli.render.plugins import change_fields, describe_change

if TYPE_CHECKING:
    from wasmrun_py.cli.context import World
    from wasmrun_py.plugin.store.changes import Change, PluginStore

NameArgument = Annotated[
    str | None, typer.Argument(metavar="[NAME]", help="The plugin to update.", show_default=False)
]
AllOption = Annotated[bool, typer.Option("--all", "-a", help="Update every installed plugin.")]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Only say what would be updated.")]
ForceOption = Annotated[bool, typer.Option("--force", help="Install it again although it is the newest.")]


def update_command(  # noqa: PLR0913 - a command has as many parameters as options
    ctx: typer.Context,
    *,
    name: NameArgument = None,
    all_: AllOption = False,
    dry_run: DryRunOption = False,
    force: ForceOption = False,
    json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Update one plugin, or all of them, to the newest version of their source."""
    world: World = ctx.obj
    _check_arguments(name, all_=all_)
    with world.reporter(verbose=verbose) as reporter:
        store = world.plugin_store(reporter)
        if name is not None:
            change = store.update(name, force=force, dry_run=dry_run)
            report_change(world, "plugin update", change, as_json=json)
            return
        _update_all(world, store, force=force, dry_run=dry_run, as_json=json)


def _check_arguments(name: str | None, *, all_: bool) -> None:
    from wasmrun_py.model.errors import UsageError  # noqa: PLC0415 - --help needs none of it

    if (name is None) == (not all_):
        raise UsageError(
            "Name one plugin, or give --all",
            hint="wasmrun plugin update NAME, or wasmrun plugin update --all",
        )


def _update_all(world: World, store: PluginStore, *, force: bool, dry_run: bool, as_json: bool) -> None:
    """Every plugin, one failing or not; the first failure is the command's own in the end."""
    from wasmrun_py.cli.failure import CommandFailure  # noqa: PLC0415 - only here
    from wasmrun_py.config.plugin_state import load_installed_plugins  # noqa: PLC0415 - as above
    from wasmrun_py.model.errors import WasmrunError  # noqa: PLC0415 - as above

    changes: list[Change] = []
    failures: list[tuple[str, WasmrunError]] = []
    for plugin in load_installed_plugins(world.home):
        try:
            change = store.update(plugin.name, force=force, dry_run=dry_run)
        except WasmrunError as error:
            failures.append((plugin.name, error))
            if not as_json:
                world.console.note(f"{plugin.name}: {error.message}")
            continue
        changes.append(change)
        if not as_json:
            world.console.data(describe_change(change))
    fields = {
        "changes": [change_fields(change) for change in changes],
        "failed": [{"name": name, "code": error.code, "message": error.message} for name, error in failures],
    }
    if failures:
        raise CommandFailure(failures[0][1], fields)
    if as_json:
        world.report("plugin update", fields)
    elif not changes:
        world.console.note("No plugin is installed: nothing to update")
