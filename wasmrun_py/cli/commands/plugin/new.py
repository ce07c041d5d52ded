"""``wasmrun plugin new``: a plugin that installs and keeps the contract before a line of it is changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from wasmrun_py.cli.options import JsonOption

if TYPE_CHECKING:
    from wasmrun_py.cli.context import World

NewNameArgument = Annotated[
    str, typer.Argument(metavar="NAME", help="The plugin's name, and the folder it is written into.")
]
LangOption = Annotated[
    str | None,
    typer.Option(
        "--lang", metavar="LANG", help="What it is written in: python, command…", show_default=False
    ),
]


def new_command(
    ctx: typer.Context, *, name: NewNameArgument, lang: LangOption = None, json: JsonOption = False
) -> None:
    """Write a new plugin into ./NAME, with a sample project and a README. Nothing is overwritten."""
    from wasmrun_py.model.errors import UsageError  # noqa: PLC0415 - --help needs none of it
    from wasmrun_py.scaffold.new_plugin import find_plugin_languages, new_plugin  # noqa: PLC0415 - as above

    world: World = ctx.obj
    if lang is None:
        languages = find_plugin_languages()
        raise UsageError(
            "--lang is missing",
            hint=f"For example: wasmrun plugin new {name} --lang python. There are {', '.join(languages)}.",
        )
    files = new_plugin(name, lang, world.cwd)
    if json:
        world.report("plugin new", {"path": world.cwd / name, "lang": lang, "files": files})
        return
    for file in files:
        world.console.data(f"{name}/{file.as_posix()}")
    world.console.note(f"Next: wasmrun plugin test ./{name}, then wasmrun plugin install --editable ./{name}")
