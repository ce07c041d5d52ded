"""``wasmrun plugin header``: the C header that a plugin in a shared library is written against."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from wasmrun_py.cli.context import World


def header_command(ctx: typer.Context) -> None:
    """Print wasmrun_plugin.h, the C interface of a plugin: wasmrun plugin header > wasmrun_plugin.h."""
    from wasmrun_py.plugin.ffi.header import load_header  # noqa: PLC0415 - --help needs none of it

    world: World = ctx.obj
    world.console.data(load_header().rstrip("\n"))
