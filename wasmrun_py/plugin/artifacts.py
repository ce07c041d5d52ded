"""Check what a build claims to have made, and describe it.

Success is checked, never assumed (DESIGN §1.3): every artifact is a plain, non-empty file inside the
folder the build was given, which was empty before, and the module validates.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wasmrun_py.model.artifact import Artifact
from wasmrun_py.model.errors import ArtifactError, InvalidModuleError
from wasmrun_py.system.fs import digest_file
from wasmrun_py.wasm.verify import require_valid_module

if TYPE_CHECKING:
    from pathlib import Path

    from wasmrun_py.model.build import BuildResult

_KINDS = {
    ".wasm": "wasm",
    ".js": "js",
    ".mjs": "js",
    ".html": "html",
    ".css": "css",
    ".map": "source-map",
    ".ts": "typescript",
    ".wat": "wat",
    ".data": "data",
}


def check_artifacts(result: BuildResult, staging: Path, *, plugin: str) -> tuple[Artifact, ...]:
    """Check every artifact of ``result`` and describe it, the module first.

    Args:
        result: What the plugin claims.
        staging: The folder it was given, which was empty before.
        plugin: The plugin's name, for messages.

    Raises:
        ArtifactError: An artifact is missing, empty, a link, outside, or not valid WebAssembly.
    """
    claimed = [result.wasm_path, *([result.js_path] if result.js_path else []), *result.additional_files]
    artifacts = tuple(_check_file(path, staging, plugin) for path in dict.fromkeys(claimed))
    try:
        require_valid_module(result.wasm_path.read_bytes(), result.wasm_path)
    except InvalidModuleError as error:
        raise ArtifactError(
            f'Plugin "{plugin}" built an artifact that is not valid WebAssembly: {error.message}',
            hint="This is a fault of the toolchain; try another one with --toolchain.",
        ) from error
    return artifacts


def _check_file(path: Path, staging: Path, plugin: str) -> Artifact:
    said = f'Plugin "{plugin}" reported the artifact {path.name!r}, but'
    if not path.is_absolute() or not path.resolve().is_relative_to(staging.resolve()):
        raise ArtifactError(f"{said} it lies outside the folder it was given: {path}")
    if path.is_symlink():
        raise ArtifactError(f"{said} it is a link, not a file")
    if not path.is_file():
        raise ArtifactError(f"{said} there is no such file")
    size_bytes = path.stat().st_size
    if size_bytes == 0:
        raise ArtifactError(f"{said} it is empty")
    return Artifact(
        path=path,
        kind=_KINDS.get(path.suffix.lower(), "file"),
        size_bytes=size_bytes,
        sha256=digest_file(path),
    )
