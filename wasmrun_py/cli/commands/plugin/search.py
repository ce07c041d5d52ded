"""``wasmrun plugin search``: the known plugins, and what the registries' own clients find."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from wasmrun_py.cli.options import JsonOption, VerboseOption

if TYPE_CHECKING:
    from wasmrun_py.cli.context import World

TermArgument = Annotated[str, typer.Argument(metavar="TERM", help="A word: a language, a name.")]


def search_command(
    ctx: typer.Context, *, term: TermArgument, json: JsonOption = False, verbose: VerboseOption = False
) -> None:
    """Find plugins by a word of their name or description."""
    world: World = ctx.obj
    with world.reporter(verbose=verbose) as reporter:
        result = world.plugin_store(reporter).search(term)
    found = [
        {
            "name": hit.name,
            "version": hit.version,
            "registry": hit.registry,
            "description": hit.description,
            "known": hit.known,
        }
        for hit in result.hits
    ]
    if json:
        world.report("plugin search", {"term": term, "plugins": found, "not_asked": result.not_asked})
        return
    for reason in result.not_asked:
        world.console.note(reason)
    if not found:
        world.console.note(f"Nothing was found for {term!r}")
        return
    rows = [
        (hit.name, hit.version or "", hit.registry, "yes" if hit.known else "", hit.description)
        for hit in result.hits
    ]
    world.console.table(("NAME", "VERSION", "REGISTRY", "KNOWN", "DESCRIPTION"), rows)
