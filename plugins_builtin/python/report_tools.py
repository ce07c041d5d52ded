"""What is known about Python's toolchains on this machine, for ``doctor``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wasmrun_py.model.tool import ToolReport, ToolStatus
from wasmrun_py.toolchain.catalog import COMPONENTIZE_PY, PY2WASM, PYODIDE
from wasmrun_py.toolchain.python_tools import find_python
from wasmrun_py.toolchain.report import report_provisionable

if TYPE_CHECKING:
    from wasmrun_py.plugin.api import PluginContext


def report_tools(context: PluginContext) -> tuple[ToolReport, ...]:
    """One report a toolchain, in order of preference."""
    component = report_provisionable(COMPONENTIZE_PY, context.provision_policy())
    page = report_provisionable(PYODIDE, context.provision_policy())
    return (component, _report_py2wasm(context), page)


def _report_py2wasm(context: PluginContext) -> ToolReport:
    report = report_provisionable(PY2WASM, context.provision_policy())
    version = PY2WASM.python or ""
    if report.status is ToolStatus.READY and find_python(version, context.environ) is None:
        return ToolReport(
            name=PY2WASM.name,
            status=ToolStatus.INSTALLABLE if context.may_install else ToolStatus.MISSING,
            path=report.path,
            message=f"installed, but the Python {version} that it runs on is not there",
            hint=f"Install it with `uv python install {version}`.",
        )
    return report
