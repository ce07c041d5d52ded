"""What can be said of an installed plugin's health without running it: for lists, in a millisecond."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wasmrun_py.model.manifest import HealthStatus, PluginHealth
from wasmrun_py.toolchain.find import find_tool

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from wasmrun_py.model.installed_plugin import InstalledPlugin


def look_at(plugin: InstalledPlugin, store: Path, environ: Mapping[str, str]) -> PluginHealth:
    """Whether its files are there and the tools that its manifest names are on PATH."""
    launch = plugin.launch
    wanted = [path for path in (launch.interpreter, launch.command) if path is not None]
    # A library that is gone is one way less to call the plugin; the others serve.
    if not wanted and launch.library is not None:
        wanted.append(launch.library)
    gone = next((path for path in wanted if not plugin.start_path(store, path).exists()), None)
    if gone is not None or not plugin.folder(store).is_dir():
        where = plugin.start_path(store, gone) if gone else plugin.folder(store)
        return PluginHealth(status=HealthStatus.NOT_FOUND, message=f"{where} is not there")
    missing = find_missing_tools(plugin, environ)
    if missing:
        return PluginHealth(
            status=HealthStatus.MISSING_DEPENDENCIES, message=f"not on PATH: {', '.join(missing)}"
        )
    return PluginHealth(status=HealthStatus.HEALTHY)


def find_missing_tools(plugin: InstalledPlugin, environ: Mapping[str, str]) -> tuple[str, ...]:
    """The programs that its manifest says it needs and that are not on PATH."""
    return tuple(tool for tool in plugin.manifest.tools if find_tool(tool, environ) is None)


def measure(folder: Path) -> int:
    """Bytes that a generation takes on disk; links count as nothing."""
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
