"""One ``wasmrun compile``, from settings to published artifacts (DESIGN §3).

select → take from the cache, or build (``job``) and keep → publish. Nothing that was there before is touched
until the new artifacts are checked; then they replace the old ones together.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from wasmrun_py.build.cache.opening import opened_cache
from wasmrun_py.build.cache.remote.opening import opened_remote
from wasmrun_py.build.produce import CacheStatus, produce
from wasmrun_py.config.toml_file import suggest
from wasmrun_py.model.errors import NotAFolderError, UsageError
from wasmrun_py.system.fs import staging_folder, translate_write_errors

if TYPE_CHECKING:
    from pathlib import Path

    from wasmrun_py.build.cache.build_cache import CacheSource
    from wasmrun_py.build.cache.explanation import Explanation
    from wasmrun_py.build.cache.remote.store import RemoteCache
    from wasmrun_py.build.produce import BuildJob, Produced
    from wasmrun_py.config.settings import Settings
    from wasmrun_py.model.artifact import Artifact, WasmOptRun
    from wasmrun_py.model.build import BuildResult, OptimizationLevel, Toolchain
    from wasmrun_py.model.events import Reporter
    from wasmrun_py.plugin.manager import ChosenPlugin, PluginManager
    from wasmrun_py.system.paths import Home


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
        cache: Whether it was built now.
        cache_source: Which cache it came from, or None.
        explanation: Why, when that was asked.
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
    cache: CacheStatus = CacheStatus.OFF
    cache_source: CacheSource | None = None
    explanation: Explanation | None = None


def compile_project(  # noqa: PLR0913 - the world, taken apart
    project: Path,
    settings: Settings,
    *,
    manager: PluginManager,
    home: Home,
    reporter: Reporter,
    remote: RemoteCache | None = None,
) -> CompileReport:
    """Build ``project`` and publish its artifacts.

    Args:
        project: The project's folder, absolute.
        settings: Everything that was asked for.
        manager: The plugins.
        home: Where outputs are remembered.
        reporter: Receives progress.
        remote: What several builds share of the remote cache; None for one of this build's own.

    Raises:
        WasmrunError: Any of the tree; the previous outputs are whole.
    """
    started = time.monotonic()
    manager.require_needed(project, frozen=settings.frozen)
    chosen = manager.select(project, plugin=settings.plugin, language=settings.language)
    manager.require_acceptable(project, chosen, frozen=settings.frozen)
    _check_request(settings, chosen)
    _check_output_dir(settings.output_dir)
    with (
        opened_remote(project, settings, manager.context, reporter, remote) as shared,
        opened_cache(project, settings, chosen, manager.context, reporter) as cache,
        staging_folder(settings.output_dir, prefix=".wasmrun-") as staging,
    ):
        if cache is not None and shared is not None:
            cache.share(shared)
        made, previous, spare = (staging / name for name in ("made", "previous", "spare"))
        for folder in (made, previous, spare):
            folder.mkdir()

        def make_job() -> BuildJob:
            from wasmrun_py.build.job import ProjectBuild  # noqa: PLC0415 - a hit builds nothing

            return ProjectBuild(project, settings, chosen, manager.context, reporter, spare=spare)

        produced = produce(
            cache,
            make_job,
            made=made,
            reporter=reporter,
            takes_turns=manager.context.confirm is None,
            explain=settings.cache.explain,
        )
        moved_aside = _publish(produced, settings.output_dir, made=made, previous=previous)
        if cache is not None:
            cache.send(settings.output_dir)
    if settings.remember_output:
        from wasmrun_py.build.outputs import remember_output_dir  # noqa: PLC0415 - as above

        remember_output_dir(home, project, settings.output_dir)

    def published(path: Path) -> Path:
        return settings.output_dir / path.relative_to(made)

    result = produced.result
    return CompileReport(
        project=project,
        language=produced.language,
        plugin=chosen,
        toolchain=result.toolchain,
        target=settings.target,
        optimization=settings.optimization,
        output_dir=settings.output_dir,
        wasm_path=published(result.wasm_path),
        js_path=published(result.js_path) if result.js_path else None,
        is_wasm_bindgen=result.is_wasm_bindgen,
        artifacts=tuple(replace(each, path=published(each.path)) for each in produced.artifacts),
        duration_s=time.monotonic() - started,
        warnings=(*result.warnings, *(_moved_aside_warning(path) for path in moved_aside)),
        result=result,
        wasm_opt=produced.wasm_opt,
        cache=produced.cache,
        cache_source=produced.cache_source,
        explanation=produced.explanation,
    )


def _publish(produced: Produced, output_dir: Path, *, made: Path, previous: Path) -> tuple[Path, ...]:
    """Publish the artifacts; files of the user that were in the way, where they are now."""
    from wasmrun_py.build.outputs import StagedFile, publish  # noqa: PLC0415 - as above

    files = [
        StagedFile(source=each.path, name=each.path.relative_to(made), sha256=each.sha256)
        for each in produced.artifacts
    ]
    return publish(files, output_dir, previous=previous)


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


def _moved_aside_warning(path: Path) -> str:
    return f"A file that wasmrun did not write was in the way; it is kept as {path}"
