"""``wasmrun status``: which development servers run, and how they stand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from wasmrun_py.cli.options import JsonOption

if TYPE_CHECKING:
    from wasmrun_py.cli.context import World


def status_command(ctx: typer.Context, *, json: JsonOption = False) -> None:
    """List the development servers that run."""
    from wasmrun_py.server.control.state_file import load_servers  # noqa: PLC0415 - --help needs none of it
    from wasmrun_py.server.control.talk import find_status  # noqa: PLC0415 - as above

    world: World = ctx.obj
    found = [(record, find_status(record)) for record in load_servers(world.home)]
    if json:
        servers = [
            {
                "pid": record.process.pid,
                "port": record.port,
                "url": record.url,
                "project": record.project,
                "started_at": record.started_at,
                "status": status,
            }
            for record, status in found
        ]
        world.report("status", {"servers": servers})
        return
    if not found:
        world.console.note("No server runs. wasmrun run PATH starts one.")
        return
    rows = [
        (str(record.port), status, record.url, str(record.project), str(record.process.pid))
        for record, status in found
    ]
    world.console.table(("PORT", "STATUS", "URL", "PROJECT", "PROCESS"), rows, numbers=("PORT", "PROCESS"))
