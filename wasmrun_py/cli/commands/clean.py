"""``wasmrun clean``: remove what wasmrun wrote for a project, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from wasmrun_py.cli.options import JsonOption, OutputOption, PathArgument, PathOption
from wasmrun_py.cli.paths import choose_path, get_folder

if TYPE_CHECKING:
    from wasmrun_py.cli.context import World


def clean_command(  # noqa: PLR0913 - typer: one parameter an option
    ctx: typer.Context,
    *,
    path: PathArgument = None,
    path_option: PathOption = None,
    output: OutputOption = None,
    everything: Annotated[
        bool, typer.Option("--all", "-a", help="Also drop the compiled modules that exec keeps.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Remove a project's recorded outputs. Files that were changed since, or are not recorded, stay."""
    from wasmrun_py.build.clean import clean_project  # noqa: PLC0415 - --help needs none of it
    from wasmrun_py.config.settings import Overrides, resolve_settings  # noqa: PLC0415 - as above

    world: World = ctx.obj
    project = get_folder(world, choose_path(path, path_option, "."))
    override = Overrides(output=world.absolute(output)) if output is not None else Overrides()
    settings = resolve_settings(project, override, environ=world.environ, home=world.home)
    report = clean_project(project, settings.output_dir, home=world.home, everything=everything)
    if json:
        from wasmrun_py.cli.render.documents import success_document  # noqa: PLC0415 - only with --json

        fields = {"project": project, "removed": report.removed, "kept": report.kept}
        world.console.document(success_document("clean", fields))
        return
    for file in report.removed:
        world.console.data(f"removed {file}")
    for file in report.kept:
        world.console.data(f"kept    {file} (changed since wasmrun wrote it)")
    if not report.removed and not report.kept:
        world.console.note(f"Nothing to clean in {project}: wasmrun has recorded no outputs there")
