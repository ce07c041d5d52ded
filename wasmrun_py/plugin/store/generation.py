"""One installed version on disk: sealing a folder that was just built, and checking one before it is used.

A generation is never changed after it was sealed. ``receipt.toml`` says what it is, ``files.sha256`` lists
every file of it; the digest of that list stands in ``config.toml``.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from wasmrun_py.config.plugin_state import parse_installed_plugins, plugin_to_table
from wasmrun_py.config.schema_version import PLUGINS_TABLE
from wasmrun_py.model.errors import ConfigError, PluginCorruptError
from wasmrun_py.model.installed_plugin import InstalledPlugin
from wasmrun_py.model.plugin_source import Local, format_source
from wasmrun_py.plugin.store.listing import (
    LISTING_FILE,
    content_digest_of,
    digest_of,
    find_first_difference,
    list_files,
    without,
)
from wasmrun_py.system.fs import atomic_write, translate_write_errors

if TYPE_CHECKING:
    from pathlib import Path

    from wasmrun_py.plugin.install.steps import BuiltPlugin, ResolvedPlugin

RECEIPT_FILE = "receipt.toml"
_UNSEALED = "sha256:" + "0" * 64
_DIGEST_SHOWN = 8
_VERSION_SHOWN = 40


def seal(
    folder: Path, resolved: ResolvedPlugin, built: BuiltPlugin, *, requested: str, now: datetime | None = None
) -> InstalledPlugin:
    """Write the receipt and the list of files into a folder that was just built.

    Args:
        folder: The generation's folder, still in staging.
        resolved: What was installed.
        built: How it was laid out.
        requested: The source as the user gave it.
        now: The time of the installation; None for the present.

    Returns:
        The plugin's entry, enabled, without a previous generation.

    Raises:
        OutputError: The folder cannot be written.
    """
    editable = isinstance(resolved.source, Local) and resolved.source.editable
    unsealed = InstalledPlugin(
        name=resolved.name,
        enabled=True,
        requested=requested,
        source=format_source(resolved.source),
        version=resolved.version,
        checksum=resolved.checksum,
        content_digest=_UNSEALED,
        digest=_UNSEALED,
        generation=f"{resolved.name}-unsealed",
        installed_at=now or datetime.now(UTC),
        editable=editable,
        manifest=built.manifest,
        launch=built.launch,
    )
    with translate_write_errors(f"read back {folder}"):
        content_digest = content_digest_of(list_files(folder), built.content_paths, built.left_out)
    entry = replace(unsealed, content_digest=content_digest)
    atomic_write(folder / RECEIPT_FILE, _format_receipt(entry))
    with translate_write_errors(f"read back {folder}"):
        listing = list_files(folder)
    atomic_write(folder / LISTING_FILE, listing)
    digest = digest_of(listing)
    return replace(entry, digest=digest, generation=_name(entry, digest))


def require_intact(plugin: InstalledPlugin, store: Path, *, may_lack: str | None = None) -> None:
    """Compare every file of an installed plugin with what was installed. An editable one is its author's.

    Args:
        plugin: The plugin.
        store: Where generations are.
        may_lack: A file that may be gone (not changed): what is not there is not loaded.

    Raises:
        PluginCorruptError: A file was changed, added or removed; the message names it and both digests.
    """
    if plugin.editable:
        return
    folder = plugin.folder(store)
    try:
        recorded = (folder / LISTING_FILE).read_bytes()
        now = list_files(folder)
        if digest_of(recorded) == plugin.digest and now in {recorded, without(recorded, may_lack)}:
            return
    except OSError as error:
        raise PluginCorruptError(
            f'Plugin "{plugin.name}" cannot be read: {error.filename}: {error.strerror}',
            plugin=plugin.name,
            expected=plugin.digest,
            found="",
            hint=_repair(plugin),
        ) from error
    explained = _explain(plugin, recorded, now)
    raise PluginCorruptError(
        f'Plugin "{plugin.name}" {plugin.version} is not what was installed: {explained}',
        plugin=plugin.name,
        expected=plugin.digest,
        found=digest_of(now) if now != recorded else digest_of(recorded),
        hint=_repair(plugin),
    )


def is_intact(plugin: InstalledPlugin, store: Path) -> bool:
    """Whether ``require_intact`` accepts it."""
    try:
        require_intact(plugin, store)
    except PluginCorruptError:
        return False
    return True


def load_receipt(plugin: InstalledPlugin, store: Path) -> InstalledPlugin:
    """The entry of ``plugin``'s previous generation, from the receipt there.

    Raises:
        PluginCorruptError: The generation is gone, or is not what was installed.
    """
    from wasmrun_py.config.toml_file import load_toml  # noqa: PLC0415 - only a rollback reads receipts

    previous = plugin.previous
    if previous is None:
        raise ValueError("there is no previous generation")
    stand_in = replace(
        plugin,
        generation=previous.generation,
        version=previous.version,
        digest=previous.digest,
        previous=None,
        editable=False,
    )
    require_intact(stand_in, store)
    path = stand_in.folder(store) / RECEIPT_FILE
    try:
        file = load_toml(path, {}, elsewhere=(PLUGINS_TABLE,))
        entries = parse_installed_plugins(file) if file is not None else ()
    except ConfigError as error:
        raise PluginCorruptError(
            f'The receipt of "{plugin.name}" {previous.version} is broken: {error.message}',
            plugin=plugin.name,
            expected=previous.digest,
            found=previous.digest,
            hint=_repair(plugin),
        ) from error
    return replace(entries[0], generation=previous.generation, digest=previous.digest, enabled=plugin.enabled)


def _format_receipt(entry: InstalledPlugin) -> bytes:
    import tomlkit  # noqa: PLC0415 - 40 ms, and only an installation writes

    return tomlkit.dumps({PLUGINS_TABLE: {entry.name: plugin_to_table(entry)}}).encode()


def _name(entry: InstalledPlugin, digest: str) -> str:
    version = entry.version[:_VERSION_SHOWN]
    return f"{entry.name}-{version}-{digest.removeprefix('sha256:')[:_DIGEST_SHOWN]}"


def _explain(plugin: InstalledPlugin, recorded: bytes, now: bytes) -> str:
    if digest_of(recorded) != plugin.digest:
        return f"its list of files has digest {digest_of(recorded)} instead of {plugin.digest}"
    difference = find_first_difference(recorded, now)
    if difference is None:  # pragma: no cover - the digests differ, so that the lists do
        return "its digest differs"
    name, before, found = difference
    if not found:
        return f"{name} (sha256 {before}) is gone"
    if not before:
        return f"{name} (sha256 {found}) was added"
    return f"{name} was installed with sha256 {before} and has {found} now"


def _repair(plugin: InstalledPlugin) -> str:
    repair = f"wasmrun plugin update --force {plugin.name}"
    rollback = f" or wasmrun plugin rollback {plugin.name}" if plugin.previous else ""
    return f"Install it again: {repair}{rollback}"
