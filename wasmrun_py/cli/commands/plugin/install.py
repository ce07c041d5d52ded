"""``wasmrun plugin install``: from a registry, git, the web or a folder into the store."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from wasmrun_py.cli.commands.plugin.arguments import report_change
from wasmrun_py.cli.options import JsonOption, VerboseOption

if TYPE_CHECKING:
    from wasmrun_py.cli.context import World
    from wasmrun_py.model.plugin_source import BareName, PluginSource

SourceArgument = Annotated[
    str,
    typer.Argument(
        metavar="SOURCE",
        help="NAME, pypi:NAME[==V], crates:NAME[@V], git+URL[@REF][#subdirectory=DIR], "
        "https://…#sha256=HEX, or a path (./folder, plugin.whl).",
    ),
]
VersionOption = Annotated[
    str | None,
    typer.Option("--version", metavar="V", help="The exact version of a NAME.", show_default=False),
]
EditableOption = Annotated[
    bool, typer.Option("--editable", "-e", help="Use a folder where it is, for its author.")
]
UnverifiedOption = Annotated[
    bool, typer.Option("--allow-unverified", help="Take a web address that names no sha256.")
]
ForceOption = Annotated[bool, typer.Option("--force", help="Install again what is installed already.")]


def install_command(  # noqa: PLR0913 - a command has as many parameters as options
    ctx: typer.Context,
    *,
    source: SourceArgument,
    version: VersionOption = None,
    editable: EditableOption = False,
    allow_unverified: UnverifiedOption = False,
    force: ForceOption = False,
    json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Install a plugin, or replace the one of its name."""
    world: World = ctx.obj
    wanted = _parse(world, source, version=version, editable=editable)
    with world.reporter(verbose=verbose) as reporter:
        change = world.plugin_store(reporter).install(wanted, allow_unverified=allow_unverified, force=force)
    report_change(world, "plugin install", change, as_json=json)


def _parse(world: World, text: str, *, version: str | None, editable: bool) -> PluginSource | BareName:
    from wasmrun_py.model.errors import UsageError  # noqa: PLC0415 - --help needs none of it
    from wasmrun_py.model.plugin_source import Local, parse_source  # noqa: PLC0415 - as above

    source = parse_source(text, cwd=world.cwd, version=version)
    if isinstance(source, Local):
        return replace(source, path=world.absolute(source.path), editable=editable)
    if editable:
        raise UsageError(
            f"--editable wants a folder, and {text} is none", hint=f"A folder's path has a slash: ./{text}"
        )
    return source
