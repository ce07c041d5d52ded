"""The state of node and asc on this machine, for ``doctor``. Asks node for its version; builds nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plugins_builtin.assemblyscript.compiler import find_global_package
from plugins_builtin.assemblyscript.detect import PACKAGE_FILE
from plugins_builtin.assemblyscript.json_file import load_json_object
from wasmrun_py.model.errors import ToolCrashedError
from wasmrun_py.model.tool import ToolReport, ToolStatus
from wasmrun_py.toolchain.catalog import ASC, NODE
from wasmrun_py.toolchain.find import find_tool
from wasmrun_py.toolchain.report import report_provisionable
from wasmrun_py.toolchain.version import load_version

if TYPE_CHECKING:
    from wasmrun_py.plugin.api import PluginContext


def report_tools(context: PluginContext) -> tuple[ToolReport, ...]:
    """node, then the compiler for projects that bring none."""
    return (_report_node(context), _report_asc(context))


def _report_asc(context: PluginContext) -> ToolReport:
    package = find_global_package(context.environ)
    if package is None:
        return report_provisionable(ASC, context.home, may_install=context.may_install)
    version = str((load_json_object(package / PACKAGE_FILE) or {}).get("version", ""))
    return ToolReport(name="asc", status=ToolStatus.READY, version=version, path=package)


def _report_node(context: PluginContext) -> ToolReport:
    system = find_tool("node", context.environ)
    if system is None:
        return report_provisionable(NODE, context.home, may_install=context.may_install)
    try:
        version = load_version((str(system), "--version"), context.environ)
    except ToolCrashedError as error:
        return ToolReport(
            name="node",
            status=ToolStatus.BROKEN,
            path=system,
            message=error.message,
            hint="Repair or remove it; wasmrun then uses its own.",
        )
    if tuple(int(part) for part in version.split(".")) >= ASC.node:
        return ToolReport(name="node", status=ToolStatus.READY, version=version, path=system)
    own = report_provisionable(NODE, context.home, may_install=context.may_install)
    oldest = ".".join(str(part) for part in ASC.node)
    old = f"{system} is {version}, and asc {ASC.version} needs {oldest} or newer"
    if own.status is ToolStatus.READY:
        return own
    return ToolReport(
        name="node",
        status=own.status,
        path=system,
        message=f"{old}; wasmrun's own is {own.message}",
        hint=own.hint,
    )
