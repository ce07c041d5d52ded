"""What is known about Python's toolchains on this machine, for ``doctor``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wasmrun_py.toolchain.catalog import COMPONENTIZE_PY, PY2WASM
from wasmrun_py.toolchain.report import report_provisionable

if TYPE_CHECKING:
    from wasmrun_py.model.tool import ToolReport
    from wasmrun_py.plugin.api import PluginContext


def report_tools(context: PluginContext) -> tuple[ToolReport, ...]:
    """One report a toolchain, in order of preference."""
    policy = context.provision_policy()
    return (report_provisionable(COMPONENTIZE_PY, policy), report_provisionable(PY2WASM, policy))
