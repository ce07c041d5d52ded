"""Install any toolchain of the catalogue, whatever registry it comes from.

``provision`` knows how an installation stays whole and ``pypi`` and ``npm`` how a package is fetched; this
joins them. npm's own needs, a node and an npm, are met first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wasmrun_py.toolchain.node import NodeNeeds, get_node
from wasmrun_py.toolchain.pin import Registry
from wasmrun_py.toolchain.provision import ProvisionPolicy, find_provisioned, get_provisioned, refused

if TYPE_CHECKING:
    from pathlib import Path

    from wasmrun_py.model.events import Reporter
    from wasmrun_py.toolchain.pin import ToolchainPin


def get_toolchain(pin: ToolchainPin, policy: ProvisionPolicy, reporter: Reporter) -> Path:
    """The program of a toolchain, installing it and what its installation needs when it is not there.

    Raises:
        MissingToolError: It is not there and may not be installed.
        ProvisionError: It, or what its installation needs, could not be installed.
        OutputError: The destination cannot be written.
    """
    if pin.python is not None:
        from wasmrun_py.toolchain.python_tools import get_python_tool  # noqa: PLC0415 - only Python's own

        get_python_tool(pin, policy, reporter)
        return pin.program_in(pin.folder(policy.home))
    if pin.registry is Registry.PYPI:
        return get_provisioned(pin, policy, reporter)
    program = find_provisioned(pin, policy.home)
    if program is not None:
        return program
    if not policy.may_install:
        # Before a node is asked for: it is the toolchain that the user misses.
        raise refused(pin)
    from wasmrun_py.toolchain.npm import NpmClient  # noqa: PLC0415 - only an installation needs it

    node = get_node(NodeNeeds(minimum=pin.node, wanted_by=pin.title, npm=True), policy, reporter)
    return get_provisioned(pin, policy, reporter, client=NpmClient(node))
