"""The AssemblyScript compiler that wasmrun installs for projects without one of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wasmrun_py.system.fs import remove_tree
from wasmrun_py.toolchain.provision import ProvisionPolicy, find_provisioned, get_provisioned, refused

if TYPE_CHECKING:
    from pathlib import Path

    from wasmrun_py.model.events import Reporter

# What assemblyscript's own package.json asks for, in "engines".
ASC_NODE = (20,)


def get_asc(policy: ProvisionPolicy, reporter: Reporter) -> Path:
    """The provisioned compiler's script for node (``bin/asc.js``), installing it when it is not there.

    Raises:
        MissingToolError: It is not there and may not be installed.
        ProvisionError: It, or the node and npm that install it, could not be installed.
    """
    from wasmrun_py.toolchain.catalog import ASC  # noqa: PLC0415 - the catalogue names this module's step
    from wasmrun_py.toolchain.node import NodeNeeds, get_node  # noqa: PLC0415 - as above

    script = find_provisioned(ASC, policy.home)
    if script is not None:
        return script
    if not policy.may_install:
        raise refused(ASC)
    from wasmrun_py.toolchain.npm import NpmClient  # noqa: PLC0415 - only an installation needs it

    needs = NodeNeeds(minimum=ASC_NODE, wanted_by=ASC.title, npm=True)
    client = NpmClient(get_node(needs, policy, reporter))
    return get_provisioned(ASC, policy, reporter, client=client)


def drop_native_tools(folder: Path) -> None:
    """Leave out binaryen's command-line tools: four fifths of the package, and asc uses its library only."""
    remove_tree(folder / "node_modules" / "binaryen" / "bin")
