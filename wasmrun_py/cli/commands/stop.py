"""``wasmrun stop``: end a development server that runs in another terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from wasmrun_py.cli.failure import CommandFailure
from wasmrun_py.cli.options import JsonOption, PathOption

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wasmrun_py.cli.context import World
    from wasmrun_py.server.control.state_file import ServerRecord


def stop_command(  # noqa: PLR0913 - typer: one parameter an option
    ctx: typer.Context,
    *,
    path: Annotated[
        str | None,
        typer.Argument(metavar="[PATH]", help="The project whose server is meant.", show_default=False),
    ] = None,
    path_option: PathOption = None,
    port: Annotated[
        str | None,
        typer.Option("--port", "-P", metavar="PORT", help="The server at this port.", show_default=False),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", "-a", help="All servers.")] = False,
    json: JsonOption = False,
) -> None:
    """End a development server: the only one that runs, or the one of a project or port."""
    from wasmrun_py.cli.paths import choose_path  # noqa: PLC0415 - --help needs none of it
    from wasmrun_py.model.errors import ServerError  # noqa: PLC0415 - as above
    from wasmrun_py.server.control.choose import choose_servers, parse_wanted_port  # noqa: PLC0415 - as above
    from wasmrun_py.server.control.state_file import load_servers  # noqa: PLC0415 - as above
    from wasmrun_py.server.control.talk import stop_server  # noqa: PLC0415 - as above

    world: World = ctx.obj
    project = None
    if path is not None or path_option is not None:
        project = world.absolute(choose_path(path, path_option))
    chosen = choose_servers(
        load_servers(world.home),
        project=project,
        port=None if port is None else parse_wanted_port(port),
        everything=everything,
        cwd=world.cwd,
    )
    failed = [record for record in chosen if not stop_server(record, world.home)]
    stopped = [record for record in chosen if record not in failed]
    if failed:
        raise CommandFailure(
            ServerError(
                f"{_name(failed)} did not end",
                hint=f"Look at the process yourself: {', '.join(str(each.process.pid) for each in failed)}.",
            ),
            _fields(stopped),
        )
    if json:
        world.report("stop", _fields(stopped))
        return
    for record in stopped:
        world.console.data(f"stopped {record.url} ({record.project})")
    if not stopped:
        world.console.note("No server runs.")


def _fields(stopped: Sequence[ServerRecord]) -> dict[str, object]:
    return {
        "stopped": [{"pid": each.process.pid, "port": each.port, "project": each.project} for each in stopped]
    }


def _name(records: Sequence[ServerRecord]) -> str:
    return ", ".join(f"The server at port {each.port}" for each in records)
