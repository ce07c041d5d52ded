"""``wasmrun doctor``: what works here, what does not, and what to do about it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from wasmrun_py.cli.options import JsonOption
from wasmrun_py.cli.render.console import Style

if TYPE_CHECKING:
    from pathlib import Path

    from wasmrun_py.cli.context import World
    from wasmrun_py.doctor.check import Check
    from wasmrun_py.doctor.repair import Repair
    from wasmrun_py.model.consent import InstallPolicy
    from wasmrun_py.plugin.registry import RegisteredPlugin

_COLOURS = {"ok": Style.GREEN, "warn": Style.YELLOW, "fail": Style.RED}


def doctor_command(
    ctx: typer.Context,
    *,
    fix: Annotated[
        bool, typer.Option("--fix", help="Remove what ended runs left, and mend broken toolchains.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Check the installation: Python, folders, plugins, toolchains, port, browser."""
    from wasmrun_py.cli.failure import CommandFailure  # noqa: PLC0415 - --help needs none of it
    from wasmrun_py.doctor.check import CheckStatus  # noqa: PLC0415 - as above
    from wasmrun_py.doctor.examine import examine  # noqa: PLC0415 - as above
    from wasmrun_py.model.errors import UnhealthyError  # noqa: PLC0415 - as above

    world: World = ctx.obj
    now_s = time.time()
    done = _fix(world, now_s=now_s, may_ask=not json) if fix else _Done()
    checks = examine(_load_plugins(world), home=world.home, environ=world.environ, now_s=now_s)
    fields = {
        "checks": [
            {"name": each.name, "status": each.status, "message": each.message, "hint": each.hint}
            for each in checks
        ],
        "removed": done.removed,
        "repaired": [
            {
                "toolchain": each.toolchain,
                "action": each.action,
                "damage": each.damage,
                "message": each.message,
            }
            for each in done.repaired
        ],
    }
    if not json:
        _show(world, checks)
        _show_done(world, done, asked=fix)
    failed = [each.name for each in checks if each.status is CheckStatus.FAIL]
    if failed:
        raise CommandFailure(
            UnhealthyError(f"Not everything works: {', '.join(failed)}", hint="See the hints above."), fields
        )
    if json:
        from wasmrun_py.cli.render.documents import success_document  # noqa: PLC0415 - only with --json

        world.console.document(success_document("doctor", fields))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Done:
    """What ``--fix`` did."""

    removed: tuple[Path, ...] = ()
    repaired: tuple[Repair, ...] = ()


def _fix(world: World, *, now_s: float, may_ask: bool) -> _Done:
    from wasmrun_py.doctor.leftovers import remove_leftovers  # noqa: PLC0415 - only --fix needs it
    from wasmrun_py.doctor.repair import repair_toolchains  # noqa: PLC0415 - as above
    from wasmrun_py.plugin.api import PluginContext  # noqa: PLC0415 - as above

    removed = remove_leftovers(world.home, now_s=now_s)
    with world.reporter(verbose=False) as reporter:
        may_install, confirm = world.find_leave(_load_policy(world), reporter, may_ask=may_ask)
        context = PluginContext(
            environ=world.environ, home=world.home, may_install=may_install, confirm=confirm
        )
        return _Done(removed=removed, repaired=repair_toolchains(context.provision_policy(), reporter))


def _show_done(world: World, done: _Done, *, asked: bool) -> None:
    for path in done.removed:
        world.console.note(f"removed {path}")
    for each in done.repaired:
        why = f" ({each.message})" if each.message else ""
        world.console.note(f"{each.action} {each.toolchain}, which was {each.damage}{why}")
    if asked and not done.removed and not done.repaired:
        world.console.note("nothing to fix")


def _load_plugins(world: World) -> tuple[RegisteredPlugin, ...]:
    from wasmrun_py.model.consent import InstallPolicy  # noqa: PLC0415 - --help needs none of it
    from wasmrun_py.model.errors import ConfigError  # noqa: PLC0415 - as above
    from wasmrun_py.plugin.api import PluginContext  # noqa: PLC0415 - as above
    from wasmrun_py.plugin.registry import load_announced_plugins  # noqa: PLC0415 - as above

    may_install = _load_policy(world) is not InstallPolicy.SYSTEM
    try:
        return world.plugin_manager(may_install=may_install).registered
    except ConfigError:
        # Which others are installed stands in the file that cannot be read.
        context = PluginContext(environ=world.environ, home=world.home, may_install=may_install)
        return load_announced_plugins(context)


def _load_policy(world: World) -> InstallPolicy:
    from wasmrun_py.config.settings import load_install_policy  # noqa: PLC0415 - --help needs none of it
    from wasmrun_py.model.consent import InstallPolicy  # noqa: PLC0415 - as above
    from wasmrun_py.model.errors import WasmrunError  # noqa: PLC0415 - as above

    try:
        return load_install_policy(environ=world.environ, home=world.home)
    except WasmrunError:
        # A broken configuration is a finding of its own and must not keep the others from being made.
        return InstallPolicy.AUTO


def _show(world: World, checks: tuple[Check, ...]) -> None:
    rows = [(each.status, each.name, each.message) for each in checks]
    world.console.table(("STATUS", "CHECK", "FOUND"), rows, colours=_COLOURS)
    for each in checks:
        if each.hint:
            world.console.note(f"{each.name}: {each.hint}")
