"""What is known of an installed plugin: one entry of ``[external_plugins]`` (DESIGN §6, Installed state)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from wasmrun_py.model.manifest import PluginManifest


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """How an installed plugin is started. Paths are relative to its generation, with forward slashes.

    An editable plugin's ``command`` is absolute: it stays where its author works on it.

    Attributes:
        interpreter: The Python of the plugin's own environment, or None.
        python: ``module:object`` inside that environment, or None.
        command: Its program, or None.
        library: Its shared library, or None.
    """

    interpreter: str | None = None
    python: str | None = None
    command: str | None = None
    library: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviousGeneration:
    """The generation that ``rollback`` goes back to; its receipt holds the rest.

    Attributes:
        generation: The name of its folder in the store.
        version: Its version.
        digest: ``sha256:`` over every file of it.
    """

    generation: str
    version: str
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InstalledPlugin:
    """One installed plugin.

    Attributes:
        name: Its name.
        enabled: It takes part in detection and builds.
        requested: The source as the user gave it: what ``update`` follows.
        source: The exact source: version, commit or digest pinned.
        version: Its version.
        checksum: What identifies the source's bytes: the registry's checksum, an archive's sha256, a
            commit; None for an editable folder.
        content_digest: ``sha256:`` over the files that will be loaded, the same wherever the same thing is
            installed: what ``wasmrun.lock`` records.
        digest: ``sha256:`` over every file of the generation: checked before each load.
        generation: The name of its folder in the store.
        installed_at: When, UTC.
        editable: It is used where its author works on it, and its files are not checked.
        manifest: What it says of itself.
        launch: How it is started.
        previous: The generation before this one, for ``rollback``.
    """

    name: str
    enabled: bool
    requested: str
    source: str
    version: str
    checksum: str | None
    content_digest: str
    digest: str
    generation: str
    installed_at: datetime
    editable: bool
    manifest: PluginManifest
    launch: Launch
    previous: PreviousGeneration | None = None

    def folder(self, store: Path) -> Path:
        """Its generation's folder inside ``store``."""
        return store / self.generation

    def start_path(self, store: Path, launched: str) -> Path:
        """Where one of ``launch``'s paths lies, absolute."""
        return self.folder(store) / launched
