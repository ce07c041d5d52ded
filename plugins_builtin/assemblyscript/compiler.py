"""Find the asc that compiles a project, and the node to run it with.

The project's own comes first, then one that the user installed for all projects, then the provisioned one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from plugins_builtin.assemblyscript.detect import COMPILER_PACKAGE, PACKAGE_FILE
from plugins_builtin.assemblyscript.json_file import load_json_object
from plugins_builtin.assemblyscript.package import find_package
from wasmrun_py.model.errors import ConfigError, UnsupportedBuildError
from wasmrun_py.toolchain.catalog import ASC
from wasmrun_py.toolchain.find import find_tool
from wasmrun_py.toolchain.install import get_toolchain
from wasmrun_py.toolchain.node import NodeNeeds, get_node, parse_minimum

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from wasmrun_py.model.events import Reporter
    from wasmrun_py.toolchain.provision import ProvisionPolicy

_OLDEST_NODE = (16,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiler:
    """An asc that is ready to run.

    Attributes:
        argv: How it is started; arguments follow.
        version: Its version.
    """

    argv: tuple[str, ...]
    version: str


def get_compiler(folder: Path, policy: ProvisionPolicy, reporter: Reporter) -> Compiler:
    """The compiler for a project whose dependencies are in place.

    Args:
        folder: The project, or the copy of it that is built.
        policy: The world a missing compiler or node is installed in.
        reporter: Receives notices and progress.

    Raises:
        MissingToolError: It, or node, is not there and may not be installed.
        UnsupportedBuildError: The project's own asc is too old to be driven.
    """
    local = find_package(COMPILER_PACKAGE, folder) or find_global_package(policy.environ)
    if local is None:
        script, version, minimum = get_toolchain(ASC, policy, reporter), ASC.version, ASC.node
    else:
        script = local / "bin" / "asc.js"
        version, minimum = _describe_local(local)
        if not script.is_file():
            raise UnsupportedBuildError(
                f"The {COMPILER_PACKAGE} {version} in {local} has no bin/asc.js",
                hint=f"wasmrun needs {COMPILER_PACKAGE} 0.20 or newer: `npm install --save-dev "
                f"{COMPILER_PACKAGE}@latest` in the project.",
            )
    needs = NodeNeeds(minimum=minimum, wanted_by=f"{COMPILER_PACKAGE} {version}")
    node = get_node(needs, policy, reporter)
    # Without the first option asc's script starts a second node with it; without the second it colours
    # what it says wherever the environment looks like a CI job's.
    argv = (str(node.node), "--enable-source-maps", str(script), "--noColors")
    return Compiler(argv=argv, version=version)


def find_global_package(environ: Mapping[str, str]) -> Path | None:
    """The package behind the ``asc`` on PATH (``npm install --global assemblyscript``), or None.

    npm links the command into the package; on Windows it writes a script beside ``node_modules``.
    """
    command = find_tool("asc", environ)
    if command is None:
        return None
    places = (command.resolve().parent.parent, command.parent / "node_modules" / COMPILER_PACKAGE)
    return next((place for place in places if _is_compiler(place)), None)


def _is_compiler(folder: Path) -> bool:
    try:
        document = load_json_object(folder / PACKAGE_FILE) or {}
    except ConfigError:
        return False
    return document.get("name") == COMPILER_PACKAGE


def _describe_local(package: Path) -> tuple[str, tuple[int, ...]]:
    """The version of an installed compiler and the oldest node it says it runs on."""
    document = load_json_object(package / PACKAGE_FILE) or {}
    engines = document.get("engines")
    node = engines.get("node") if isinstance(engines, dict) else None
    minimum = parse_minimum(node if isinstance(node, str) else "", default=_OLDEST_NODE)
    return str(document.get("version", "")), minimum
