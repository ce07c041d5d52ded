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
from wasmrun_py.toolchain.provision import find_provisioned
from wasmrun_py.toolchain.report import report_provisionable
from wasmrun_py.toolchain.version import load_version

if TYPE_CHECKING:
    from pathlib import Path

    from wasmrun_py.plugin.api import PluginContext


def report_tools(context: PluginContext) -> tuple[ToolReport, ...]:
    """node, then the compiler for projects that bring none."""
    return (_report_node(context), _report_asc(context))


def _report_asc(context: PluginContext) -> ToolReport:
    package = find_global_package(context.environ)
    if package is None:
        return report_provisionable(ASC, context.provision_policy())
    script = package / "bin" / "asc.js"
    node = find_tool("node", context.environ) or find_provisioned(NODE, context.home)
    if node is None:
        # Said of node already.
        return ToolReport(name="asc", status=ToolStatus.READY, version=_load_version(package), path=package)
    try:
        version = load_version((str(node), str(script), "--version"), context.environ)
    except ToolCrashedError as error:
        return ToolReport(
            name="asc",
            status=ToolStatus.BROKEN,
            path=package,
            message=f"{package} does not run: {_find_reason(error)}",
            hint="Install it again (`npm install --global assemblyscript`), or remove it; wasmrun then uses "
            "its own.",
        )
    return ToolReport(name="asc", status=ToolStatus.READY, version=version, path=package)


def _find_reason(error: ToolCrashedError) -> str:
    """The line of a failed script's text that says why; node puts it between its own lines."""
    lines = (line.strip() for line in error.output.splitlines())
    return next((line for line in lines if "Error" in line), error.message)


def _load_version(package: Path) -> str:
    """What package.json says; the package was recognised by it."""
    return str((load_json_object(package / PACKAGE_FILE) or {}).get("version", ""))


def _report_node(context: PluginContext) -> ToolReport:
    system = find_tool("node", context.environ)
    if system is None:
        return report_provisionable(NODE, context.provision_policy())
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
    own = report_provisionable(NODE, context.provision_policy())
    oldest = ".".join(str(part) for part in ASC.node)
    old = f"{system} is {version}, and asc {ASC.version} needs {oldest} or newer"
    if own.status in {ToolStatus.READY, ToolStatus.BROKEN}:
        return own
    return ToolReport(
        name="node",
        status=own.status,
        path=system,
        message=f"{old}; wasmrun's own is {own.message}",
        hint=own.hint,
    )
