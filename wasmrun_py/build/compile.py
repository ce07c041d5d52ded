"""One ``wasmrun compile``, from settings to published artifacts (DESIGN §3).

select → stage → the plugin builds → check → wasm-opt → publish. Nothing that was there before is touched
until the new artifacts are checked; then they replace the old ones together.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from wasmrun_py.config.toml_file import suggest
from wasmrun_py.model.build import BuildConfig, BuildResult, OptimizationLevel, Toolchain
from wasmrun_py.model.errors import (
    BuildError,
    NotAFolderError,
    OutputError,
    UsageError,
)
from wasmrun_py.plugin.boundary import foreign_code
from wasmrun_py.plugin.import_warmer import ImportWarmer
from wasmrun_py.system.fs import staging_folder, translate_write_errors

if TYPE_CHECKING:
    from wasmrun_py.build.optimize import OptimizeRequest, WasmOptRun
    from wasmrun_py.config.settings import Settings
    from wasmrun_py.model.events import Reporter
    from wasmrun_py.plugin.artifacts import Artifact
    from wasmrun_py.plugin.manager import ChosenPlugin, PluginManager
    from wasmrun_py.system.paths import Home

_NEEDED_AFTERWARDS = (
    "wasmrun_py.plugin.artifacts",
    "wasmrun_py.build.optimize",
    "wasmrun_py.build.outputs",
    "wasmrun_py.wasm.verify",
    "wasmrun_py.wasm.engine",
    "wasmtime",
)
_FULL_DISK_BYTES = 64 * 1024
_FULL_DISK_WORDS = ("no space left on device", "nospaceleft", "disk quota exceeded")


@dataclass(frozen=True, slots=True, kw_only=True)
class CompileReport:
    """A finished build, published.

    Attributes:
        project: The project's folder.
        language: In the builder's words.
        plugin: The plugin that built it.
        toolchain: The toolchain that compiled it.
        target: What it was built for.
        optimization: At which level.
        output_dir: Where the artifacts are.
        wasm_path: The module, absolute.
        js_path: Its JavaScript, or None.
        is_wasm_bindgen: The JavaScript is wasm-bindgen's.
        artifacts: Every published file, the module first.
        duration_s: Wall-clock seconds of the whole build.
        warnings: Sentences for the user.
        result: What the plugin gave, its paths where they were published.
        wasm_opt: What wasm-opt did after the build, or None when it did nothing.
    """

    project: Path
    language: str
    plugin: ChosenPlugin
    toolchain: Toolchain
    target: str
    optimization: OptimizationLevel
    output_dir: Path
    wasm_path: Path
    js_path: Path | None
    is_wasm_bindgen: bool
    artifacts: tuple[Artifact, ...]
    duration_s: float
    warnings: tuple[str, ...]
    result: BuildResult
    wasm_opt: WasmOptRun | None = None


def compile_project(
    project: Path, settings: Settings, *, manager: PluginManager, home: Home, reporter: Reporter
) -> CompileReport:
    """Build ``project`` and publish its artifacts.

    Args:
        project: The project's folder, absolute.
        settings: Everything that was asked for.
        manager: The plugins.
        home: Where outputs are remembered.
        reporter: Receives progress.

    Raises:
        WasmrunError: Any of the tree; the previous outputs are whole.
    """
    started = time.monotonic()
    manager.require_needed(project, frozen=settings.frozen)
    chosen = manager.select(project, plugin=settings.plugin, language=settings.language)
    manager.require_acceptable(project, chosen, frozen=settings.frozen)
    _check_request(settings, chosen)
    _check_output_dir(settings.output_dir)
    with staging_folder(settings.output_dir, prefix=".wasmrun-") as staging:
        made, previous, optimized = (staging / name for name in ("made", "previous", "optimized"))
        for folder in (made, previous, optimized):
            folder.mkdir()
        language, result = _build(project, settings, chosen, made=made, reporter=reporter)
        # Loaded by the warmer while the toolchain ran.
        from wasmrun_py.build.optimize import OptimizeRequest  # noqa: PLC0415
        from wasmrun_py.build.outputs import StagedFile, publish, remember_output_dir  # noqa: PLC0415

        request = OptimizeRequest(
            level=settings.optimization,
            debug_info=settings.debug_info,
            folder=optimized,
            environ=manager.context.environ,
        )
        staged, wasm_opt = _check_and_optimize(result, chosen.name, request, made=made, reporter=reporter)
        files = [
            StagedFile(source=each.path, name=each.path.relative_to(made), sha256=each.sha256)
            for each in staged
        ]
        moved_aside = publish(files, settings.output_dir, previous=previous)
    if settings.remember_output:
        remember_output_dir(home, project, settings.output_dir)

    def published(path: Path) -> Path:
        return settings.output_dir / path.relative_to(made)

    return CompileReport(
        project=project,
        language=language,
        plugin=chosen,
        toolchain=result.toolchain,
        target=settings.target,
        optimization=settings.optimization,
        output_dir=settings.output_dir,
        wasm_path=published(result.wasm_path),
        js_path=published(result.js_path) if result.js_path else None,
        is_wasm_bindgen=result.is_wasm_bindgen,
        artifacts=tuple(replace(each, path=published(each.path)) for each in staged),
        duration_s=time.monotonic() - started,
        warnings=(*result.warnings, *(_moved_aside_warning(path) for path in moved_aside)),
        result=result,
        wasm_opt=wasm_opt,
    )


def _check_and_optimize(
    result: BuildResult, plugin: str, request: OptimizeRequest, *, made: Path, reporter: Reporter
) -> tuple[tuple[Artifact, ...], WasmOptRun | None]:
    """Check the artifacts, then let wasm-opt at the module.

    In this order: what a plugin only claims to have made may be a file of the user's, and wasm-opt's result
    replaces the module.
    """
    from wasmrun_py.build.optimize import optimize_module  # noqa: PLC0415 - as above
    from wasmrun_py.plugin.artifacts import check_artifacts  # noqa: PLC0415 - loaded by the warmer

    staged = check_artifacts(result, made, plugin=plugin)
    wasm_opt = optimize_module(result, request, reporter)
    return (check_artifacts(result, made, plugin=plugin) if wasm_opt else staged), wasm_opt


def _build(
    project: Path, settings: Settings, chosen: ChosenPlugin, *, made: Path, reporter: Reporter
) -> tuple[str, BuildResult]:
    """Let the plugin build into the empty folder ``made``; its language and its result."""
    temporary = Path(tempfile.gettempdir())
    with staging_folder(temporary, prefix="wasmrun-build-") as work_dir:
        config = BuildConfig(
            project_path=project,
            output_dir=made,
            work_dir=work_dir,
            optimization_level=settings.optimization,
            target=settings.target,
            debug_info=settings.debug_info,
            custom_args=settings.args,
            verbose=settings.verbose,
            name=settings.name,
            entry=settings.entry,
            toolchain=settings.toolchain,
        )
        try:
            with foreign_code(chosen.name, "build"):
                builder = chosen.plugin.get_builder()
                result = builder.build(config, ImportWarmer(reporter, _NEEDED_AFTERWARDS))
                if not isinstance(result, BuildResult):
                    raise TypeError(f"it returned a {type(result).__name__}, not a BuildResult")
                return builder.language_name, result
        except BuildError as error:
            _raise_when_disk_is_full(error, made, work_dir)
            raise


def _check_request(settings: Settings, chosen: ChosenPlugin) -> None:
    """Refuse a target or toolchain that the plugin's manifest does not name, before anything runs."""
    targets = chosen.info.capabilities.targets
    if settings.target not in targets:
        raise UsageError(
            f'Plugin "{chosen.name}" has no target "{settings.target}"',
            hint=suggest(settings.target, targets),
        )
    toolchains = chosen.info.toolchains
    if settings.toolchain is not None and toolchains and settings.toolchain not in toolchains:
        raise UsageError(
            f'Plugin "{chosen.name}" has no toolchain "{settings.toolchain}"',
            hint=suggest(settings.toolchain, toolchains),
        )


def _check_output_dir(output_dir: Path) -> None:
    with translate_write_errors(f"use {output_dir}"):
        if output_dir.exists() and not output_dir.is_dir():
            raise NotAFolderError(
                f"The output folder {output_dir} is a file", hint="Choose another folder with -o/--output."
            )


def _raise_when_disk_is_full(error: BuildError, *folders: Path) -> None:
    """A toolchain that fails on a full disk says so in its own words, or not at all."""
    said = error.output.lower()
    full = [folder for folder in folders if shutil.disk_usage(folder).free < _FULL_DISK_BYTES]
    if full or any(words in said for words in _FULL_DISK_WORDS):
        where = full[0] if full else folders[0]
        raise OutputError(
            f"Could not build: the disk that holds {where.parent} is full",
            hint="Free some space, or choose another folder with -o/--output.",
            diagnostics=error.diagnostics,
        ) from error


def _moved_aside_warning(path: Path) -> str:
    return f"A file that wasmrun did not write was in the way; it is kept as {path}"
