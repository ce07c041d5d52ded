"""What holds for ``wasmrun run``: the ``[run]`` table of ``wasmrun.toml``, and what it changes about a build.

The command line wins over the table, which wins over ``[build]``. Addresses, headers and proxies are text
here; what they may be is the server's to say.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from wasmrun_py.config.settings import PROJECT_FILE, load_project_file, resolve_settings
from wasmrun_py.model.target import OptimizationLevel

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from wasmrun_py.config.settings import Overrides, Settings
    from wasmrun_py.system.paths import Home

RUN_TABLE = "run"
DEFAULT_PORT = 8420
_LAST_PORT = 65535
_ORIGIN = f"{PROJECT_FILE} [{RUN_TABLE}]"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunTable:
    """The ``[run]`` table; None or empty is "nothing".

    Attributes:
        port: 0 for any free one.
        host: The address to listen on.
        open: Open a browser.
        cors: Let pages of other origins read what is served.
        isolate: Send COOP and COEP with every page.
        headers: ``NAME: VALUE`` each.
        proxies: ``/PREFIX=URL`` each.
    """

    port: int | None = None
    host: str | None = None
    open: bool = False
    cors: bool = False
    isolate: bool = False
    headers: tuple[str, ...] = ()
    proxies: tuple[str, ...] = ()


def load_run_table(project: Path) -> RunTable:
    """The ``[run]`` table of a project.

    Raises:
        ConfigError: The file is broken.
    """
    file = load_project_file(project)
    table: Mapping[str, Any] = {} if file is None else file.tables.get(RUN_TABLE, {})
    port = table.get("port")
    if file is not None and port is not None and not 0 <= port <= _LAST_PORT:
        raise file.error(RUN_TABLE, "port", f'[{RUN_TABLE}] "port" cannot be {port}', hint="0 to 65535.")
    return RunTable(
        port=port,
        host=table.get("host"),
        open=table.get("open", False),
        cors=table.get("cors", False),
        isolate=table.get("isolate", False),
        headers=tuple(table.get("headers", ())),
        proxies=tuple(table.get("proxy", ())),
    )


def resolve_run_build(
    project: Path, overrides: Overrides, *, environ: Mapping[str, str], home: Home
) -> Settings:
    """The settings of a build for ``run``: ``[run]`` before ``[build]``, and fast builds unless asked.

    Raises:
        ConfigError, UsageError: As ``resolve_settings``.
    """
    settings = resolve_settings(project, overrides, environ=environ, home=home)
    file = load_project_file(project)
    table: Mapping[str, Any] = {} if file is None else file.tables.get(RUN_TABLE, {})
    origins = dict(settings.origins)
    if "target" in table and _may_change(settings, "target"):
        origins["target"] = _ORIGIN
        settings = replace(settings, target=table["target"])
    if "optimization" in table and _may_change(settings, "optimization"):
        origins["optimization"] = _ORIGIN
        settings = replace(settings, optimization=OptimizationLevel(table["optimization"]))
    elif "optimization" not in origins:
        settings = replace(settings, optimization=OptimizationLevel.DEBUG)
    return replace(settings, origins=origins)


def _may_change(settings: Settings, option: str) -> bool:
    """The command line and the environment win; the files do not."""
    origin = settings.origins.get(option, PROJECT_FILE)
    return not origin.startswith(("--", "WASMRUN_"))
