"""Run every check (DESIGN §5, ``doctor``): Python, home, plugins and their tools, port, browser."""

from __future__ import annotations

import os
import shutil
import socket
import sys
from typing import TYPE_CHECKING

from wasmrun_py.config.settings import load_user_file
from wasmrun_py.doctor.check import Check, CheckStatus
from wasmrun_py.doctor.leftovers import find_leftovers
from wasmrun_py.model.errors import WasmrunError
from wasmrun_py.model.tool import ToolStatus
from wasmrun_py.plugin.api import ReportsTools
from wasmrun_py.plugin.boundary import foreign_code

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from wasmrun_py.model.tool import ToolReport
    from wasmrun_py.plugin.manager import PluginManager
    from wasmrun_py.plugin.registry import RegisteredPlugin
    from wasmrun_py.system.paths import Home

DEFAULT_PORT = 8420
_LEAST_PYTHON = (3, 11)
_LOW_DISK_BYTES = 1_000_000_000
_BROWSERS = (
    *("chromium", "chromium-browser", "google-chrome", "firefox", "microsoft-edge", "brave-browser"),
    *("open", "xdg-open", "explorer"),
)
_TOOL_STATUS = {
    ToolStatus.READY: CheckStatus.OK,
    ToolStatus.INSTALLABLE: CheckStatus.WARN,
    ToolStatus.MISSING: CheckStatus.WARN,
    ToolStatus.BROKEN: CheckStatus.FAIL,
}


def examine(manager: PluginManager, *, home: Home, environ: Mapping[str, str]) -> tuple[Check, ...]:
    """Every check, in the order a person would go through them."""
    checks = [_check_python(), _check_engine(), *_check_home(home), _check_disk(home)]
    for registered in manager.registered:
        checks += _check_plugin(registered)
    checks += [_check_port(), _check_browser(environ)]
    return tuple(checks)


def _check_python() -> Check:
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < _LEAST_PYTHON:  # pragma: no cover - the installer refuses already
        needed = ".".join(map(str, _LEAST_PYTHON))
        return Check(name="python", status=CheckStatus.FAIL, message=f"{version}; {needed} is needed")
    return Check(name="python", status=CheckStatus.OK, message=f"{version} ({sys.executable})")


def _check_engine() -> Check:
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415 - 15 ms, only doctor asks

    try:
        return Check(name="wasmtime", status=CheckStatus.OK, message=version("wasmtime"))
    except PackageNotFoundError:
        return Check(
            name="wasmtime",
            status=CheckStatus.FAIL,
            message="the package is not installed: exec and verify cannot work",
            hint="Install wasmrun again.",
        )


def _check_home(home: Home) -> Iterator[Check]:
    if home.root.exists() and not home.root.is_dir():
        yield Check(
            name="home",
            status=CheckStatus.FAIL,
            message=f"{home.root} is a file",
            hint="Move it away, or set WASMRUN_HOME to a folder.",
        )
        return
    writable = os.access(_nearest_existing(home.root), os.W_OK)
    yield Check(
        name="home",
        status=CheckStatus.OK if writable else CheckStatus.FAIL,
        message=f"{home.root}" + ("" if writable else " cannot be written"),
        hint="" if writable else "Change its permissions, or set WASMRUN_HOME to another folder.",
    )
    try:
        load_user_file(home)
    except WasmrunError as error:
        yield Check(name="config", status=CheckStatus.FAIL, message=error.message, hint=error.hint)
    else:
        found = "read" if home.config_file.is_file() else "not there, which is fine"
        yield Check(name="config", status=CheckStatus.OK, message=f"{home.config_file}: {found}")
    leftovers = find_leftovers(home)
    if leftovers:
        names = ", ".join(path.name for path in leftovers)
        yield Check(
            name="leftovers",
            status=CheckStatus.WARN,
            message=f"{len(leftovers)} left by runs that were ended: {names}",
            hint="wasmrun doctor --fix",
        )


def _check_disk(home: Home) -> Check:
    free_bytes = shutil.disk_usage(_nearest_existing(home.root)).free
    low = free_bytes < _LOW_DISK_BYTES
    return Check(
        name="disk",
        status=CheckStatus.WARN if low else CheckStatus.OK,
        message=f"{free_bytes // 1_000_000} MB free for {home.root}",
        hint="Toolchains take up to 400 MB each." if low else "",
    )


def _nearest_existing(path: Path) -> Path:
    return next(each for each in (path, *path.parents) if each.is_dir())


def _check_plugin(registered: RegisteredPlugin) -> Iterator[Check]:
    name = f"plugin:{registered.name}"
    if registered.plugin is None or registered.info is None:
        yield Check(
            name=name,
            status=CheckStatus.FAIL,
            message=registered.health.message,
            hint="Reinstall or remove the plugin.",
        )
        return
    yield Check(name=name, status=CheckStatus.OK, message=f"{registered.info.version} ({registered.type})")
    if not isinstance(registered.plugin, ReportsTools):
        return
    try:
        with foreign_code(registered.name, "report_tools"):
            reports = tuple(registered.plugin.report_tools())
    except WasmrunError as error:
        yield Check(name=name, status=CheckStatus.FAIL, message=error.message, hint=error.hint)
        return
    yield from (_check_tool(registered.name, report) for report in reports)
    if not any(report.status in {ToolStatus.READY, ToolStatus.INSTALLABLE} for report in reports):
        yield Check(
            name=f"{registered.name}:toolchain",
            status=CheckStatus.FAIL,
            message=f"no toolchain for {registered.name} works, and none may be installed",
            hint="Install one of those above, or unset WASMRUN_TOOLCHAINS.",
        )


def _check_tool(plugin: str, report: ToolReport) -> Check:
    where = f" ({report.path})" if report.path is not None else ""
    message = f"{report.version}{where}" if report.status is ToolStatus.READY else f"{report.message}{where}"
    return Check(
        name=f"{plugin}:{report.name}", status=_TOOL_STATUS[report.status], message=message, hint=report.hint
    )


def _check_port() -> Check:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        taken = probe.connect_ex(("127.0.0.1", DEFAULT_PORT)) == 0
    return Check(
        name="port",
        status=CheckStatus.WARN if taken else CheckStatus.OK,
        message=f"{DEFAULT_PORT} is {'in use' if taken else 'free'} on this machine",
    )


def _check_browser(environ: Mapping[str, str]) -> Check:
    path = environ.get("PATH", "")
    found = next((name for name in _BROWSERS if shutil.which(name, path=path)), None)
    if found is None:
        return Check(
            name="browser",
            status=CheckStatus.WARN,
            message="none found",
            hint="Only pages for the browser need one.",
        )
    return Check(name="browser", status=CheckStatus.OK, message=f"{shutil.which(found, path=path)}")
