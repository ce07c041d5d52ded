"""The environment a plugin's program runs in: the project's own tools, the user's, then wasmrun's.

A plugin that wants ``asc`` and ``node`` looks for them on PATH. The project's ``node_modules/.bin`` comes
first, as for npm's own scripts; of what is on no PATH then, wasmrun's toolchains are put behind it: small
launchers for those that its catalogue knows, installed when that is allowed.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wasmrun_py.model.errors import MissingToolError
from wasmrun_py.system.fs import translate_write_errors
from wasmrun_py.toolchain.find import find_tool

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from wasmrun_py.model.events import Reporter
    from wasmrun_py.plugin.transport.base import TransportWorld
    from wasmrun_py.toolchain.pin import ToolchainPin

_ON_WINDOWS = sys.platform == "win32"
_LOCAL_TOOLS = "node_modules/.bin"


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolRequest:
    """The tools one build needs.

    Attributes:
        required: Without these it cannot build.
        project: The project, for its own tools.
        folder: An empty folder for launchers.
    """

    required: Sequence[str]
    project: Path
    folder: Path


def local_environ(environ: Mapping[str, str], project: Path) -> dict[str, str]:
    """``environ`` with the project's own tools first on PATH."""
    local = project / _LOCAL_TOOLS
    return _with_path(environ, first=(local,) if local.is_dir() else ())


def prepare_environ(request: ToolRequest, world: TransportWorld, reporter: Reporter) -> dict[str, str]:
    """The environment to build in.

    What is nowhere and not in the catalogue is left to the program to miss: it knows whether it needs it.

    Raises:
        ProvisionError: A toolchain could not be installed.
        OutputError: A launcher cannot be written.
    """
    environ = local_environ(world.environ, request.project)
    missing = [name for name in request.required if find_tool(name, environ) is None]
    launchers = [(name, argv) for name in missing if (argv := _find_own(name, world, reporter))]
    if not launchers:
        return environ
    with translate_write_errors(f"write into {request.folder}"):
        request.folder.mkdir(parents=True, exist_ok=True)
        for name, argv in launchers:
            _write_launcher(request.folder, name, argv)
    return _with_path(environ, last=(request.folder,))


def can_provide(name: str, world: TransportWorld) -> bool:
    """Whether ``prepare_environ`` would put a tool of this name on PATH; nothing is installed or run."""
    from wasmrun_py.toolchain.provision import find_provisioned  # noqa: PLC0415 - only a missing tool leads here

    pin = _find_pin(name)
    return pin is not None and (world.may_install or find_provisioned(pin, world.home) is not None)


def _find_pin(name: str) -> ToolchainPin | None:
    """The catalogue's tool of this name that can be started through a launcher."""
    from wasmrun_py.toolchain.catalog import CATALOG  # noqa: PLC0415 - only a missing tool leads here

    return next((pin for pin in CATALOG if pin.name == name and pin.python is None), None)


def _find_own(name: str, world: TransportWorld, reporter: Reporter) -> tuple[str, ...]:
    """How wasmrun's own tool of this name is started; empty when there is none and none may be installed."""
    from wasmrun_py.toolchain.install import get_toolchain  # noqa: PLC0415 - only a missing tool leads here
    from wasmrun_py.toolchain.node import NodeNeeds, get_node  # noqa: PLC0415 - as above
    from wasmrun_py.toolchain.provision import ProvisionPolicy  # noqa: PLC0415 - as above

    pin = _find_pin(name)
    if pin is None or not can_provide(name, world):
        return ()
    policy = ProvisionPolicy(
        environ=world.environ, home=world.home, may_install=world.may_install, confirm=world.confirm
    )
    try:
        program = get_toolchain(pin, policy, reporter)
        if program.suffix != ".js":
            return (str(program),)
        node = get_node(NodeNeeds(minimum=pin.node, wanted_by=pin.title), policy, reporter)
    except MissingToolError:
        if world.may_install:
            raise
        return ()
    # asc's script starts a second node without the option.
    return (str(node.node), "--enable-source-maps", str(program))


def _write_launcher(folder: Path, name: str, argv: tuple[str, ...]) -> None:
    if _ON_WINDOWS:
        quoted = " ".join(f'"{word}"' for word in argv)
        (folder / f"{name}.cmd").write_text(f"@{quoted} %*\r\n", encoding="utf-8")
        return
    import shlex  # noqa: PLC0415 - only a launcher needs it

    launcher = folder / name
    launcher.write_text(f'#!/bin/sh\nexec {shlex.join(argv)} "$@"\n', encoding="utf-8")
    launcher.chmod(0o755)


def _with_path(
    environ: Mapping[str, str], *, first: Sequence[Path] = (), last: Sequence[Path] = ()
) -> dict[str, str]:
    parts = [*map(str, first), environ.get("PATH", ""), *map(str, last)]
    return {**environ, "PATH": os.pathsep.join(part for part in parts if part)}
