"""What passes between the two steps of an installation, ``resolve`` and ``build``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from wasmrun_py.model.events import Reporter
    from wasmrun_py.model.installed_plugin import Launch
    from wasmrun_py.model.manifest import PluginManifest
    from wasmrun_py.model.plugin_source import PluginSource


@dataclass(frozen=True, slots=True, kw_only=True)
class InstallWorld:
    """The world an installation happens in.

    Attributes:
        environ: The user's environment, handed to uv, cargo and git whole.
        reporter: Receives steps, commands and the builders' lines.
        log_file: Where the builders' whole output goes; it is kept and named when the installation fails.
        allow_unverified: A web address without a sha256 may be used.
        frozen: Nothing may be fetched that is not named exactly.
    """

    environ: Mapping[str, str]
    reporter: Reporter
    log_file: Path
    allow_unverified: bool = False
    frozen: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedPlugin:
    """Exactly what will be installed.

    Attributes:
        name: The plugin's name: the package's where there is a package, else the manifest's.
        version: Its version.
        source: The source with everything pinned: an exact version, a commit, a sha256.
        checksum: ``sha256:HEX`` of the registry's artifact, the wheel or the archive; ``git:COMMIT``;
            ``sha256:HEX`` over a local folder's files; None for an editable folder.
        fetched: What has been fetched for it so far, inside the scratch folder (or the user's own folder,
            for a local source), or None when ``build`` fetches it.
    """

    name: str
    version: str
    source: PluginSource
    checksum: str | None
    fetched: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltPlugin:
    """What ``build`` laid out in the generation's folder.

    Attributes:
        manifest: What the plugin of that version says of itself, its transports narrowed to those that are
            really there.
        launch: How it is started, relative to the generation.
        content_paths: Glob-free prefixes (relative, forward slashes) of the files that are loaded and are
            the same wherever this is installed: what the lock's digest is taken over, each with the name it
            has there (``venv/lib/python3.11/site-packages`` -> ``site-packages``).
        left_out: File names below those prefixes that differ from one installation to the next (records
            that an installer writes).
    """

    manifest: PluginManifest
    launch: Launch
    content_paths: Mapping[str, str]
    left_out: frozenset[str] = frozenset()
