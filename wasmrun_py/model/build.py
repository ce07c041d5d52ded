"""What a build is asked for and what it gives back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wasmrun_py.model.target import WASM_TARGET, WEB_TARGET, OptimizationLevel

if TYPE_CHECKING:
    from pathlib import Path

    from wasmrun_py.model.build_inputs import BuildInputs
    from wasmrun_py.model.diagnostic import Diagnostic

__all__ = ["WASM_TARGET", "WEB_TARGET", "BuildConfig", "BuildResult", "OptimizationLevel", "Toolchain"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Toolchain:
    """The compiler that did the work.

    Attributes:
        name: ``emcc``, ``clang``, ``zig``…
        version: As the tool says it, digits and dots (``3.1.6``).
    """

    name: str
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildConfig:
    """What a builder is asked for (the article's name; DESIGN §6).

    Attributes:
        project_path: The project's folder, absolute. A builder never writes into it.
        output_dir: A fresh, empty folder for the artifacts, absolute.
        work_dir: A fresh, empty folder for objects and other intermediate files, absolute.
        optimization_level: debug, release or size.
        target: ``wasm``, ``web`` or a plugin's own word.
        debug_info: Keep debug information whatever the level.
        custom_args: Arguments for the toolchain, passed on as they are.
        verbose: The user asked for more output.
        name: The artifact's base name without an extension, or None for the builder's choice.
        entry: The entry file, absolute, or None for the builder's choice.
        toolchain: The toolchain to use, or None for the builder's choice.
    """

    project_path: Path
    output_dir: Path
    work_dir: Path
    optimization_level: OptimizationLevel
    target: str = WASM_TARGET
    debug_info: bool = False
    custom_args: tuple[str, ...] = ()
    verbose: bool = False
    name: str | None = None
    entry: Path | None = None
    toolchain: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildResult:
    """What a builder made, inside ``BuildConfig.output_dir`` (the article's name; DESIGN §6).

    Attributes:
        wasm_path: The module or component, absolute.
        js_path: The JavaScript that loads it, absolute, or None.
        additional_files: Everything else worth keeping (HTML, data files, source maps), absolute.
        is_wasm_bindgen: The JavaScript is wasm-bindgen's.
        toolchain: What compiled it.
        warnings: Sentences for the user.
        diagnostics: What the toolchain said although it succeeded.
        binaryen_ran: The toolchain has run Binaryen's optimizer itself; the host then does not run wasm-opt.
        inputs: What it read beside the project's own files; None when the builder does not say.
    """

    wasm_path: Path
    js_path: Path | None = None
    additional_files: tuple[Path, ...] = ()
    is_wasm_bindgen: bool = False
    toolchain: Toolchain
    warnings: tuple[str, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()
    binaryen_ran: bool = False
    inputs: BuildInputs | None = None
