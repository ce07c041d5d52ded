"""``wasmrun init``: a new project that builds and runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from wasmrun_py.cli.options import JsonOption

if TYPE_CHECKING:
    from wasmrun_py.cli.context import World


def init_command(
    ctx: typer.Context,
    *,
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="The project's name and folder.", show_default=False)
    ] = None,
    template: Annotated[
        str | None,
        typer.Option("--template", "-t", metavar="TEMPLATE", help="What to begin with.", show_default=False),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Create a project from a template, in a folder of its own. Nothing is overwritten."""
    from wasmrun_py.model.errors import UsageError  # noqa: PLC0415 - --help needs none of it
    from wasmrun_py.scaffold.new_project import create_project, find_templates  # noqa: PLC0415 - as above

    world: World = ctx.obj
    if name is None or template is None:
        missing = "A name" if name is None else "A template"
        raise UsageError(
            f"{missing} is missing",
            hint=f"For example: wasmrun init hello -t c. Templates: {', '.join(find_templates())}.",
        )
    files = create_project(name, template, parent=world.cwd)
    if json:
        from wasmrun_py.cli.render.documents import success_document  # noqa: PLC0415 - only with --json

        fields = {"project": world.cwd / name, "template": template, "files": files}
        world.console.document(success_document("init", fields))
        return
    for file in files:
        world.console.data(f"{name}/{file.as_posix()}")
    world.console.note(f"Created {name} from the template {template}. Next: see {name}/README.md")
