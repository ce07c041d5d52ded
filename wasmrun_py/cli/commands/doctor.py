"""``wasmrun doctor``: what works here, what does not, and what to do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from wasmrun_py.cli.options import JsonOption

if TYPE_CHECKING:
    from wasmrun_py.cli.context import World
    from wasmrun_py.doctor.check import Check
    from wasmrun_py.plugin.manager import PluginManager


def doctor_command(
    ctx: typer.Context,
    *,
    fix: Annotated[bool, typer.Option("--fix", help="Remove what ended runs left behind.")] = False,
    json: JsonOption = False,
) -> None:
    """Check the installation: Python, folders, plugins, toolchains, port, browser."""
    from wasmrun_py.cli.failure import CommandFailure  # noqa: PLC0415 - --help needs none of it
    from wasmrun_py.doctor.check import CheckStatus  # noqa: PLC0415 - as above
    from wasmrun_py.doctor.examine import examine  # noqa: PLC0415 - as above
    from wasmrun_py.doctor.leftovers import remove_leftovers  # noqa: PLC0415 - as above
    from wasmrun_py.model.errors import UnhealthyError  # noqa: PLC0415 - as above

    world: World = ctx.obj
    removed = remove_leftovers(world.home) if fix else ()
    checks = examine(_load_plugins(world), home=world.home, environ=world.environ)
    fields = {
        "checks": [
            {"name": each.name, "status": each.status, "message": each.message, "hint": each.hint}
            for each in checks
        ],
        "removed": removed,
    }
    if not json:
        _show(world, checks)
        for path in removed:
            world.console.note(f"removed {path}")
    failed = [each.name for each in checks if each.status is CheckStatus.FAIL]
    if failed:
        raise CommandFailure(
            UnhealthyError(f"Not everything works: {', '.join(failed)}", hint="See the hints above."), fields
        )
    if json:
        from wasmrun_py.cli.render.documents import success_document  # noqa: PLC0415 - only with --json

        world.console.document(success_document("doctor", fields))


def _load_plugins(world: World) -> PluginManager:
    from wasmrun_py.config.settings import load_install_policy  # noqa: PLC0415 - --help needs none of it
    from wasmrun_py.model.consent import InstallPolicy  # noqa: PLC0415 - as above
    from wasmrun_py.model.errors import WasmrunError  # noqa: PLC0415 - as above

    try:
        policy = load_install_policy(environ=world.environ, home=world.home)
    except WasmrunError:
        # A broken configuration is a finding of its own and must not keep the others from being made.
        policy = InstallPolicy.AUTO
    return world.plugin_manager(may_install=policy is not InstallPolicy.SYSTEM)


def _show(world: World, checks: tuple[Check, ...]) -> None:
    rows = [(each.status, each.name, each.message) for each in checks]
    world.console.table(("STATUS", "CHECK", "FOUND"), rows)
    for each in checks:
        if each.hint:
            world.console.note(f"{each.name}: {each.hint}")
