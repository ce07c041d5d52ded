"""Read the manifest that was found, and check what it asks of us.

Where it is found differs by source and is ``environment``'s, ``crates``' and ``folders``' business.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import wasmrun_py
from wasmrun_py.config.plugin_manifest import MANIFEST_FILE, parse_manifest
from wasmrun_py.model.errors import ManifestError, PluginInstallError

if TYPE_CHECKING:
    from pathlib import Path

    from wasmrun_py.config.plugin_manifest import Package
    from wasmrun_py.model.manifest import PluginManifest

_FILE_CAP_BYTES = 256 * 1024


def load_manifest(path: Path, *, package: Package | None = None, origin: str = "") -> PluginManifest:
    """Read a ``wasmrun_plugin.toml``.

    Args:
        path: The file.
        package: The package around it.
        origin: What messages call it; its path unless said otherwise.

    Raises:
        ManifestError: It cannot be read, is not TOML, or a field is missing or malformed.
    """
    origin = origin or str(path)
    return parse_manifest(load_table(path, origin=origin), origin=origin, package=package)


def load_table(path: Path, *, origin: str) -> dict[str, Any]:
    """Read a TOML file.

    Raises:
        ManifestError: It cannot be read, is too long, not UTF-8 or not TOML; says where.
    """
    import tomllib  # noqa: PLC0415 - only an installation reads manifests

    try:
        with path.open("rb") as stream:
            data = stream.read(_FILE_CAP_BYTES + 1)
    except OSError as error:
        raise ManifestError(f"{origin} cannot be read: {error.strerror or error}") from error
    if len(data) > _FILE_CAP_BYTES:
        raise ManifestError(f"{origin} is larger than 256 KiB, which no manifest is")
    try:
        return tomllib.loads(data.decode("utf-8"))
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ManifestError(f"{origin} is not UTF-8 text (line {line})") from error
    except tomllib.TOMLDecodeError as error:
        raise ManifestError(f"{origin} is not valid TOML: {error}") from error
    except RecursionError as error:
        raise ManifestError(f"{origin} is nested too deeply") from error


def missing_manifest(where: str) -> ManifestError:
    """The error for a plugin that says nothing of itself."""
    return ManifestError(
        f"{where} holds no {MANIFEST_FILE}: it is not a wasmrun plugin, or its author forgot the manifest",
        hint=f"A plugin's package carries its {MANIFEST_FILE} as package data; docs/plugins.md shows one.",
    )


def check_requirement(manifest: PluginManifest) -> None:
    """Refuse a plugin that was made for another wasmrun.

    Raises:
        PluginInstallError: ``requires_wasmrun`` does not hold; names both versions.
    """
    if manifest.requires_wasmrun is None:
        return
    from packaging.specifiers import SpecifierSet  # noqa: PLC0415 - few manifests ask for it

    ours = wasmrun_py.__version__
    # The digits only: a development version counts as the release it leads to.
    digits = re.match(r"[\d.]+\d|\d+", ours)
    version = digits[0] if digits else ours
    if not SpecifierSet(manifest.requires_wasmrun).contains(version, prereleases=True):
        info = manifest.info
        wanted = f"wasmrun {manifest.requires_wasmrun}"
        raise PluginInstallError(
            f"{info.name} {info.version} needs {wanted}, and this is wasmrun {ours}",
            hint="Update wasmrun, or install another version of the plugin with --version.",
        )


def nothing_to_call(manifest: PluginManifest, looked_for: str) -> PluginInstallError:
    """The error for a plugin without a transport."""
    info = manifest.info
    return PluginInstallError(
        f"{info.name} {info.version} offers nothing that wasmrun can call: {looked_for}",
        hint="docs/plugins.md describes the transports a plugin can have.",
    )
