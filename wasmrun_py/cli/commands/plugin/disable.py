"""``wasmrun plugin disable``: keep an installed plugin out of detection and builds."""

from __future__ import annotations

import typer

from wasmrun_py.cli.commands.plugin.arguments import NameArgument
from wasmrun_py.cli.commands.plugin.enable import set_enabled
from wasmrun_py.cli.options import JsonOption


def disable_command(ctx: typer.Context, *, name: NameArgument, json: JsonOption = False) -> None:
    """Keep an installed plugin out of detection and builds; it stays installed."""
    set_enabled(ctx.obj, name, enabled=False, as_json=json)
