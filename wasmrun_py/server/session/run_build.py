"""One build for the development server: which target, where it goes, and how a browser runs it.

Runs in the build's own process.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from wasmrun_py.build.compile import compile_project
from wasmrun_py.build.outputs import find_output_dirs
from wasmrun_py.model.errors import MissingToolError, UnsupportedBuildError
from wasmrun_py.model.events import Level, Message
from wasmrun_py.model.page import find_page_file
from wasmrun_py.model.target import WASM_TARGET, WEB_TARGET
from wasmrun_py.server.dev_state import ServedFile
from wasmrun_py.server.session.outcome import Made
from wasmrun_py.server.session.outside_inputs import find_outside
from wasmrun_py.server.session.program import PAGE_URL, describe_program
from wasmrun_py.system.fs import copy_file, make_folder
from wasmrun_py.wasm.mapped import map_module

if TYPE_CHECKING:
    from pathlib import Path

    from wasmrun_py.build.cache.remote.store import RemoteCache
    from wasmrun_py.build.compile import CompileReport
    from wasmrun_py.config.settings import Settings
    from wasmrun_py.model.events import Reporter
    from wasmrun_py.plugin.manager import PluginManager
    from wasmrun_py.server.session.outcome import BuildTask, Order


def build_to_serve(  # noqa: PLR0913 - a build has this many sides
    order: Order,
    settings: Settings,
    *,
    task: BuildTask,
    manager: PluginManager,
    reporter: Reporter,
    remote: RemoteCache | None = None,
) -> Made:
    """Build the project into the order's folder, and into the output folder that was asked for.

    Args:
        order: Which build it is.
        settings: Everything that was asked for.
        task: The same for every build of the session.
        manager: The plugins.
        reporter: Receives progress.
        remote: What the builds of the session share of the remote cache.

    Raises:
        WasmrunError: Any of the tree.
    """
    project = task.project
    own_folder = task.overrides.output
    settings = replace(
        settings,
        output_dir=order.folder if own_folder is None else own_folder,
        remember_output=own_folder is not None,
    )
    manager.require_needed(project, frozen=settings.frozen)
    chosen = manager.select(project, plugin=settings.plugin, language=settings.language)
    settings = replace(settings, plugin=chosen.name)
    has_page = find_page_file(project) is not None

    def compile_for(target: str) -> CompileReport:
        wanted = replace(settings, target=target)
        return compile_project(
            project, wanted, manager=manager, home=task.home, reporter=reporter, remote=remote
        )

    if "target" in settings.origins:
        report = compile_for(settings.target)
    elif chosen.info.run_target is not None:
        report = compile_for(chosen.info.run_target)
    elif has_page and WEB_TARGET in chosen.info.capabilities.targets:
        try:
            report = compile_for(WEB_TARGET)
        except (UnsupportedBuildError, MissingToolError) as error:
            text = f"Its page is not served: {error.message}"
            reporter.emit(Message(level=Level.WARNING, text=text))
            report = compile_for(WASM_TARGET)
            report = replace(report, warnings=(*report.warnings, text))
    else:
        report = compile_for(settings.target)
    own = (
        task.home.root,
        task.home.cache,
        order.folder,
        report.output_dir,
        *find_output_dirs(task.home, project),
    )
    outside = find_outside(report.result.inputs, project, own=own, environ=manager.context.environ)
    return replace(_describe(report, order.folder), outside=outside)


def _describe(report: CompileReport, folder: Path) -> Made:
    """What was built, as files of ``folder``."""

    def url(path: Path) -> str:
        return "/" + path.relative_to(report.output_dir).as_posix()

    files: dict[str, ServedFile] = {}
    for artifact in report.artifacts:
        path = folder / artifact.path.relative_to(report.output_dir)
        if path != artifact.path:
            # The user's own output folder may be changed by anybody; what is served may not.
            make_folder(path.parent)
            copy_file(artifact.path, path)
        files[url(artifact.path)] = ServedFile(
            path=path, size_bytes=artifact.size_bytes, sha256=artifact.sha256, kind=artifact.kind
        )
    pages = [name for name in files if name.endswith(".html") and name.count("/") == 1]
    if PAGE_URL not in files and len(pages) == 1:
        files[PAGE_URL] = files[pages[0]]
    registered = report.plugin.registered
    return Made(
        files=files,
        program=describe_program(
            map_module(report.wasm_path),
            module=url(report.wasm_path),
            script=None if report.js_path is None else url(report.js_path),
            is_wasm_bindgen=report.is_wasm_bindgen,
            urls=files,
        ),
        duration_s=report.duration_s,
        plugin={
            "name": report.plugin.name,
            "version": report.plugin.info.version,
            "type": registered.type,
            "transport": registered.used_transport,
        },
        toolchain={"name": report.toolchain.name, "version": report.toolchain.version},
        target=report.target,
        optimization=report.optimization,
        cache=report.cache.value,
        warnings=report.warnings,
        diagnostics=report.result.diagnostics,
    )
