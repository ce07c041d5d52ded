"""``wasmrun toolchain list|install|remove``: the toolchains that wasmrun installs itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from wasmrun_py.cli.options import JsonOption, VerboseOption

if TYPE_CHECKING:
    from wasmrun_py.cli.context import World
    from wasmrun_py.toolchain.pin import ToolchainPin

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The toolchain's name, as listed.")]


def list_command(ctx: typer.Context, *, json: JsonOption = False) -> None:
    """List the toolchains that wasmrun can install, and where those are that it has."""
    from wasmrun_py.toolchain.catalog import CATALOG  # noqa: PLC0415 - --help needs none of it

    world: World = ctx.obj
    listed = [_describe(world, pin) for pin in CATALOG]
    if json:
        _print_document(world, "toolchain list", {"toolchains": listed})
        return
    rows = [
        (
            each["name"],
            each["version"],
            f"{each['unpacked_bytes'] // 1_000_000} MB",
            "installed" if each["installed"] else "-",
            str(each["path"] or ""),
        )
        for each in listed
    ]
    world.console.table(("NAME", "VERSION", "SIZE", "STATE", "PATH"), rows)


def install_command(
    ctx: typer.Context, *, name: NameArgument, json: JsonOption = False, verbose: VerboseOption = False
) -> None:
    """Install a toolchain now, at the version wasmrun is tested with."""
    from wasmrun_py.toolchain.install import get_toolchain  # noqa: PLC0415 - --help needs none of it
    from wasmrun_py.toolchain.provision import ProvisionPolicy  # noqa: PLC0415 - as above

    world: World = ctx.obj
    pin = _get_pin(name)
    # Asking for an installation by name is leave enough, whatever the policy says of automatic ones.
    policy = ProvisionPolicy(environ=world.environ, home=world.home, may_install=True)
    with world.reporter(verbose=verbose) as reporter:
        get_toolchain(pin, policy, reporter)
    _report(world, "toolchain install", pin, as_json=json)


def remove_command(ctx: typer.Context, *, name: NameArgument, json: JsonOption = False) -> None:
    """Remove a toolchain that wasmrun installed."""
    from wasmrun_py.toolchain.provision import remove_provisioned  # noqa: PLC0415 - --help needs none of it

    world: World = ctx.obj
    pin = _get_pin(name)
    if not remove_provisioned(pin, world.home):
        world.console.note(f"{pin.title} is not installed by wasmrun: nothing to remove")
    _report(world, "toolchain remove", pin, as_json=json)


def _get_pin(name: str) -> ToolchainPin:
    from wasmrun_py.config.toml_file import suggest  # noqa: PLC0415 - --help needs none of it
    from wasmrun_py.model.errors import UsageError  # noqa: PLC0415 - as above
    from wasmrun_py.toolchain.catalog import CATALOG  # noqa: PLC0415 - as above

    for pin in CATALOG:
        if pin.name == name:
            return pin
    raise UsageError(
        f'wasmrun installs no toolchain "{name}"', hint=suggest(name, [pin.name for pin in CATALOG])
    )


def _describe(world: World, pin: ToolchainPin) -> dict[str, Any]:
    from wasmrun_py.toolchain.provision import find_provisioned  # noqa: PLC0415 - --help needs none of it

    program = find_provisioned(pin, world.home)
    return {
        "name": pin.name,
        "version": pin.version,
        "installed": program is not None,
        "path": program,
        "download_bytes": pin.download_bytes,
        "unpacked_bytes": pin.unpacked_bytes,
    }


def _report(world: World, command: str, pin: ToolchainPin, *, as_json: bool) -> None:
    described = _describe(world, pin)
    if as_json:
        _print_document(world, command, {"toolchain": described})
    elif described["installed"]:
        world.console.data(f"{pin.title}  {described['path']}")


def _print_document(world: World, command: str, fields: dict[str, Any]) -> None:
    from wasmrun_py.cli.render.documents import success_document  # noqa: PLC0415 - only with --json

    world.console.document(success_document(command, fields))
