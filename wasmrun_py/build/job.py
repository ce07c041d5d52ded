"""Have a project built into a staging folder: the plugin builds, the artifacts are checked, wasm-opt tries.

What it imports is loaded for a real build only; taking a build from the cache comes past here.
"""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from wasmrun_py.build.fingerprint.presumption import add_outside, presume_inputs
from wasmrun_py.build.outputs import find_output_dirs, find_pure_outputs
from wasmrun_py.build.produce import Produced, WarningKeeper
from wasmrun_py.model.build import BuildConfig, BuildResult
from wasmrun_py.model.errors import BuildError, OutputError
from wasmrun_py.plugin.boundary import foreign_code
from wasmrun_py.plugin.import_warmer import ImportWarmer
from wasmrun_py.system.fs import staging_folder

if TYPE_CHECKING:
    from wasmrun_py.build.optimize import OptimizeRequest
    from wasmrun_py.config.settings import Settings
    from wasmrun_py.model.artifact import Artifact, WasmOptRun
    from wasmrun_py.model.build_inputs import BuildInputs
    from wasmrun_py.model.events import Reporter
    from wasmrun_py.plugin.api import PluginContext
    from wasmrun_py.plugin.manager import ChosenPlugin

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


class ProjectBuild:
    """One project's build (a ``produce.BuildJob``).

    Args:
        project: The project's folder, absolute.
        settings: Everything that was asked for.
        chosen: Who builds.
        context: The environment and the folders.
        reporter: Receives progress.
        spare: An empty folder on the file system of the artifacts.
    """

    def __init__(  # noqa: PLR0913 - a build has this many sides
        self,
        project: Path,
        settings: Settings,
        chosen: ChosenPlugin,
        context: PluginContext,
        reporter: Reporter,
        *,
        spare: Path,
    ) -> None:
        self._project = project
        self._settings = settings
        self._chosen = chosen
        self._context = context
        self._keeper = WarningKeeper(reporter)
        self._spare = spare

    def build(self, made: Path) -> Produced:
        """Build into the empty folder ``made``."""
        language, result = self._run(made)
        # Loaded by the warmer while the toolchain ran.
        from wasmrun_py.build.optimize import OptimizeRequest  # noqa: PLC0415

        request = OptimizeRequest(
            level=self._settings.optimization,
            debug_info=self._settings.debug_info,
            folder=self._spare,
            environ=self._context.environ,
        )
        artifacts, wasm_opt = _check_and_optimize(
            result, self._chosen.name, request, made=made, reporter=self._keeper
        )
        return Produced(
            language=language,
            result=result,
            artifacts=artifacts,
            wasm_opt=wasm_opt,
            messages=tuple(self._keeper.messages),
        )

    def find_inputs(self, produced: Produced) -> BuildInputs | None:
        """What the build read, or must be taken to have read; None when it must not be kept."""
        project, settings = self._project, self._settings
        said = produced.result.inputs or presume_inputs(self._chosen, project, self._context.environ)
        if said is None:
            return None
        known = (settings.output_dir, *find_output_dirs(self._context.home, project))
        # wasm-opt is the host's own step, wherever it is found and whatever it did.
        inputs = replace(said, programs=(*said.programs, "wasm-opt"))
        return add_outside(inputs, project, settings.args, find_pure_outputs(project, known))

    def find_obstacle(self, produced: Produced) -> str:
        """Why this build must not be kept, or nothing."""
        del produced
        registered = self._chosen.registered
        if registered.used_transport is not registered.transport:
            return f"the plugin was called through {registered.used_transport} instead"
        return ""

    def _run(self, made: Path) -> tuple[str, BuildResult]:
        """Let the plugin build into the empty folder ``made``; its language and its result."""
        temporary = Path(tempfile.gettempdir())
        settings = self._settings
        with staging_folder(temporary, prefix="wasmrun-build-") as work_dir:
            config = BuildConfig(
                project_path=self._project,
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
                with foreign_code(self._chosen.name, "build"):
                    builder = self._chosen.plugin.get_builder()
                    result = builder.build(config, ImportWarmer(self._keeper, _NEEDED_AFTERWARDS))
                    if not isinstance(result, BuildResult):
                        raise TypeError(f"it returned a {type(result).__name__}, not a BuildResult")
                    return builder.language_name, result
            except BuildError as error:
                _raise_when_disk_is_full(error, made, work_dir)
                raise


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
