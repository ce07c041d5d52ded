"""Run every check (DESIGN §5, ``doctor``): Python, home, plugins and their tools, port, browser."""

from __future__ import annotations

import os
import shutil
import socket
import sys
from typing import TYPE_CHECKING

from wasmrun_py.config.plugin_state import load_installed_plugins
from wasmrun_py.config.settings import load_install_policy
from wasmrun_py.doctor.check import Check, CheckStatus
from wasmrun_py.doctor.leftovers import find_held_locks, find_leftovers
from wasmrun_py.model.consent import InstallPolicy
from wasmrun_py.model.errors import ConfigError, WasmrunError
from wasmrun_py.model.manifest import HealthStatus
from wasmrun_py.model.tool import ToolStatus
from wasmrun_py.plugin.api import PluginContext, ReportsTools
from wasmrun_py.plugin.boundary import foreign_code
from wasmrun_py.system.other_process import describe_listener
from wasmrun_py.toolchain.space import nearest_existing

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from wasmrun_py.model.tool import ToolReport
    from wasmrun_py.plugin.registry import RegisteredPlugin
    from wasmrun_py.system.paths import Home

DEFAULT_PORT = 8420
_LEAST_PYTHON = (3, 11)
_LOW_DISK_BYTES = 1_000_000_000
_SHOWN_LEFTOVERS = 5
_POLICIES = {
    InstallPolicy.AUTO: "missing toolchains are installed",
    InstallPolicy.ASK: "wasmrun asks before it installs a missing toolchain",
    InstallPolicy.SYSTEM: "missing toolchains are never installed",
}
_BROWSERS = (
    *("chromium", "chromium-browser", "google-chrome", "firefox", "microsoft-edge", "brave-browser"),
    *("open", "xdg-open", "explorer"),
)
_HEALTH_STATUS = {
    HealthStatus.HEALTHY: CheckStatus.OK,
    HealthStatus.MISSING_DEPENDENCIES: CheckStatus.WARN,
    HealthStatus.NOT_FOUND: CheckStatus.FAIL,
    HealthStatus.LOAD_ERROR: CheckStatus.FAIL,
}
_TOOL_STATUS = {
    ToolStatus.READY: CheckStatus.OK,
    ToolStatus.INSTALLABLE: CheckStatus.WARN,
    ToolStatus.MISSING: CheckStatus.WARN,
    ToolStatus.BROKEN: CheckStatus.FAIL,
}


def examine(
    plugins: Iterable[RegisteredPlugin], *, home: Home, environ: Mapping[str, str], now_s: float
) -> tuple[Check, ...]:
    """Every check, in the order a person would go through them."""
    checks = [_check_python(), _check_engine(), *_check_home(home), _check_policy(home, environ)]
    checks += [*_check_leftovers(home, now_s), *_check_locks(home), _check_disk(home)]
    context = PluginContext(environ=environ, home=home)
    for registered in plugins:
        checks += _check_plugin(registered, context)
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
    folders = (home.root, home.toolchains, home.store, home.locks, home.logs, home.outputs, home.cache)
    closed = [folder for folder in folders if not os.access(nearest_existing(folder), os.W_OK)]
    yield Check(
        name="home",
        status=CheckStatus.FAIL if closed else CheckStatus.OK,
        message=f"{closed[0]} cannot be written" if closed else f"{home.root}",
        hint="Change its permissions, or set WASMRUN_HOME to another folder." if closed else "",
    )
    try:
        load_installed_plugins(home)
    except WasmrunError as error:
        yield Check(name="config", status=CheckStatus.FAIL, message=error.message, hint=error.hint)
    else:
        found = "read" if home.config_file.is_file() else "not there, which is fine"
        yield Check(name="config", status=CheckStatus.OK, message=f"{home.config_file}: {found}")


def _check_policy(home: Home, environ: Mapping[str, str]) -> Check:
    try:
        policy = load_install_policy(environ=environ, home=home)
    except ConfigError:
        return Check(name="policy", status=CheckStatus.WARN, message="unknown: config.toml cannot be read")
    except WasmrunError as error:
        return Check(name="policy", status=CheckStatus.FAIL, message=error.message, hint=error.hint)
    return Check(name="policy", status=CheckStatus.OK, message=f"{policy}: {_POLICIES[policy]}")


def _check_locks(home: Home) -> Iterator[Check]:
    held = find_held_locks(home)
    if held:
        yield Check(
            name="locks",
            status=CheckStatus.WARN,
            message=f"held now: {', '.join(path.name for path in held)}",
            hint="Another wasmrun is at work; whoever needs the same waits for it.",
        )


def _check_leftovers(home: Home, now_s: float) -> Iterator[Check]:
    leftovers = find_leftovers(home, now_s=now_s)
    if leftovers:
        names = ", ".join(path.name for path in leftovers[:_SHOWN_LEFTOVERS])
        more = len(leftovers) - _SHOWN_LEFTOVERS
        names += f" and {more} more" if more > 0 else ""
        yield Check(
            name="leftovers",
            status=CheckStatus.WARN,
            message=f"{len(leftovers)} left by runs that were ended: {names}",
            hint="wasmrun doctor --fix",
        )


def _check_disk(home: Home) -> Check:
    free_bytes = shutil.disk_usage(nearest_existing(home.root)).free
    low = free_bytes < _LOW_DISK_BYTES
    return Check(
        name="disk",
        status=CheckStatus.WARN if low else CheckStatus.OK,
        message=f"{free_bytes // 1_000_000} MB free for {home.root}",
        hint="Toolchains take up to 400 MB each." if low else "",
    )


def _check_plugin(registered: RegisteredPlugin, context: PluginContext) -> Iterator[Check]:
    name = f"plugin:{registered.name}"
    if registered.plugin is None or registered.info is None:
        yield Check(
            name=name,
            status=CheckStatus.FAIL,
            message=registered.health.message,
            hint="Reinstall or remove the plugin.",
        )
        return
    title = f"{registered.info.version} ({registered.type})"
    if not registered.enabled:
        yield Check(name=name, status=CheckStatus.OK, message=f"{title}: disabled")
        return
    if registered.installed is not None:
        yield _check_installed(registered, title, context)
        return
    yield Check(name=name, status=CheckStatus.OK, message=title)
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


def _check_installed(registered: RegisteredPlugin, title: str, context: PluginContext) -> Check:
    """An installed plugin is asked whether it works, and its files are compared with what was installed."""
    from wasmrun_py.plugin.probe import probe_registered  # noqa: PLC0415 - few homes have one

    health = probe_registered(registered, context).health
    hints = {
        HealthStatus.HEALTHY: "",
        HealthStatus.MISSING_DEPENDENCIES: "Install what is missing and put it on PATH.",
        HealthStatus.NOT_FOUND: f"wasmrun plugin update --force {registered.name}",
        HealthStatus.LOAD_ERROR: f"wasmrun plugin info {registered.name}",
    }
    return Check(
        name=f"plugin:{registered.name}",
        status=_HEALTH_STATUS[health.status],
        message=f"{title}: {health.status}" + (f": {health.message}" if health.message else ""),
        hint=hints[health.status],
    )


def _check_tool(plugin: str, report: ToolReport) -> Check:
    shown = report.path is None or str(report.path) in report.message
    where = "" if shown else f" ({report.path})"
    message = f"{report.version}{where}" if report.status is ToolStatus.READY else f"{report.message}{where}"
    return Check(
        name=f"{plugin}:{report.name}", status=_TOOL_STATUS[report.status], message=message, hint=report.hint
    )


def _check_port() -> Check:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        taken = probe.connect_ex(("127.0.0.1", DEFAULT_PORT)) == 0
    if not taken:
        return Check(name="port", status=CheckStatus.OK, message=f"{DEFAULT_PORT} is free on this machine")
    return Check(
        name="port",
        status=CheckStatus.WARN,
        message=f"{DEFAULT_PORT} is in use{describe_listener(DEFAULT_PORT)}",
        hint="wasmrun run takes the next free port; wasmrun status lists servers of ours.",
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
