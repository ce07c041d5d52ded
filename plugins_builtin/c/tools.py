"""The state of the C compilers on this machine, for ``doctor``. Asks each for its version; builds nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plugins_builtin.c.compilers.choose import CLANG_HINT, EMCC_HINT
from plugins_builtin.c.compilers.clang import find_clang
from plugins_builtin.c.compilers.emcc import find_emcc
from wasmrun_py.model.errors import ToolCrashedError
from wasmrun_py.model.tool import ToolReport, ToolStatus
from wasmrun_py.toolchain.catalog import ZIG
from wasmrun_py.toolchain.find import find_tool
from wasmrun_py.toolchain.report import report_provisionable
from wasmrun_py.toolchain.version import load_version

if TYPE_CHECKING:
    from collections.abc import Callable

    from wasmrun_py.plugin.api import PluginContext


def report_tools(context: PluginContext) -> tuple[ToolReport, ...]:
    """One report a compiler, in order of preference."""
    return tuple(
        _guarded(name, report, context)
        for name, report in (("emcc", _report_emcc), ("clang", _report_clang), ("zig", _report_zig))
    )


def _guarded(name: str, report: Callable[[PluginContext], ToolReport], context: PluginContext) -> ToolReport:
    try:
        return report(context)
    except ToolCrashedError as error:
        return ToolReport(
            name=name,
            status=ToolStatus.BROKEN,
            path=find_tool(name, context.environ),
            message=error.message,
            hint="Repair or remove it.",
        )


def _report_emcc(context: PluginContext) -> ToolReport:
    emcc = find_emcc(context.environ)
    if emcc is None:
        return ToolReport(name="emcc", status=ToolStatus.MISSING, message="not on PATH", hint=f"{EMCC_HINT}.")
    path = find_tool("emcc", context.environ)
    # The version file answers for builds; here the compiler itself must.
    version = load_version((emcc.c_argv[0], "--version"), context.environ)
    return ToolReport(name="emcc", status=ToolStatus.READY, version=version, path=path)


def _report_clang(context: PluginContext) -> ToolReport:
    finding = find_clang(context.environ, has_cxx=False)
    path = find_tool("clang", context.environ)
    if finding.clang is None:
        missing = "not on PATH" if path is None else f"cannot build for WASI: no {', '.join(finding.missing)}"
        return ToolReport(
            name="clang", status=ToolStatus.MISSING, path=path, message=missing, hint=f"{CLANG_HINT}."
        )
    version = load_version((finding.clang.c_argv[0], "--version"), context.environ)
    return ToolReport(name="clang", status=ToolStatus.READY, version=version, path=path)


def _report_zig(context: PluginContext) -> ToolReport:
    system = find_tool("zig", context.environ)
    if system is not None:
        version = load_version((str(system), "version"), context.environ)
        return ToolReport(name="zig", status=ToolStatus.READY, version=version, path=system)
    return report_provisionable(ZIG, context.provision_policy())
