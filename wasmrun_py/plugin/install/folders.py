"""A folder with a plugin in it, wherever it came from: what kind it is, and the plain kind.

A *plain* folder holds ``wasmrun_plugin.toml`` at its top and a program or a shared library that is ready; it
is copied whole. The other kinds, a crate and a Python package, are ``crates``' and ``pypi``'s business.
"""

from __future__ import annotations

import hashlib
import os
import sys
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from wasmrun_py.config.plugin_manifest import MANIFEST_FILE, find_cargo_table
from wasmrun_py.model.errors import ManifestError, NotAFolderError
from wasmrun_py.model.installed_plugin import Launch
from wasmrun_py.model.manifest import Transports
from wasmrun_py.plugin.ffi.libraries import find_library, library_names
from wasmrun_py.plugin.install.manifests import (
    check_requirement,
    load_manifest,
    load_table,
    missing_manifest,
    nothing_to_call,
)
from wasmrun_py.plugin.install.steps import BuiltPlugin
from wasmrun_py.system.fs import copy_tree

if TYPE_CHECKING:
    from wasmrun_py.model.manifest import PluginManifest

COPY = "plugin"
_ON_WINDOWS = sys.platform == "win32"
_SUFFIXES = ("", ".exe", ".cmd", ".bat") if _ON_WINDOWS else ("",)
# Version control, caches and environments: never part of what runs. node_modules may be, and stays.
_LEFT_OUT = frozenset(
    [
        *(".git", ".hg", ".svn", ".jj", ".bzr", "__pycache__", ".venv", ".tox", ".nox"),
        *(".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis", ".DS_Store"),
    ]
)
_CRATE_LEFT_OUT = frozenset(["target"])


class FolderKind(StrEnum):
    """What lies in a folder."""

    PLAIN = "plain"
    CRATE = "crate"
    PACKAGE = "package"


def find_kind(folder: Path) -> FolderKind:
    """What kind of plugin a folder holds.

    A folder whose manifest names a program or library that lies there is ready to run and taken as it is,
    whatever else is in it. Otherwise a crate with a manifest's table comes first (a Python package built from
    a crate has both files), then a Python package, then a crate, then a plain folder.

    Raises:
        NotAFolderError: It is not a folder.
        ManifestError: None of the files is there that make it a plugin.
    """
    if not folder.is_dir():
        raise NotAFolderError(f"{folder} is not a folder")
    has_manifest = (folder / MANIFEST_FILE).is_file()
    if has_manifest and _is_ready(folder):
        return FolderKind.PLAIN
    cargo = _table_of(folder / "Cargo.toml")
    if cargo is not None and find_cargo_table(cargo) is not None:
        return FolderKind.CRATE
    pyproject = _table_of(folder / "pyproject.toml")
    # A pyproject.toml may hold nothing but the settings of tools.
    if (pyproject is not None and {"project", "build-system"} & pyproject.keys()) or (
        folder / "setup.py"
    ).is_file():
        return FolderKind.PACKAGE
    if cargo is not None and ("package" in cargo or "workspace" in cargo):
        return FolderKind.CRATE
    if has_manifest:
        return FolderKind.PLAIN
    raise missing_manifest(str(folder))


def load_plain(folder: Path) -> PluginManifest:
    """A plain folder's manifest, its program known to be there.

    Raises:
        ManifestError: It is malformed, or names what is not there.
        PluginInstallError: It names nothing that can be called, or does not fit this wasmrun.
    """
    manifest = load_manifest(folder / MANIFEST_FILE)
    check_requirement(manifest)
    transports = manifest.transports
    origin = str(folder / MANIFEST_FILE)
    if transports.python is not None:
        raise ManifestError(
            f'{origin}: "transports.python" needs a package, and this folder is none',
            field="transports.python",
            hint="Add a pyproject.toml, so that it can be installed into an environment.",
        )
    if transports.command is None and transports.ffi is None:
        raise nothing_to_call(manifest, f"{origin} has no [transports] command and no ffi")
    if transports.command is not None and _find_program(folder, transports.command) is None:
        raise ManifestError(
            f'{origin}: "transports.command" names {transports.command}, and there is no such program beside '
            "it or in bin",
            field="transports.command",
            hint="The file must be there and executable.",
        )
    if transports.ffi is not None and find_library(folder, transports.ffi) is None:
        raise ManifestError(
            f'{origin}: "transports.ffi" names {transports.ffi}, and there is no '
            f"{library_names(transports.ffi)[0]} beside it or in lib",
            field="transports.ffi",
            hint="Build it first, as the plugin's README says (make, cargo build, go build, zig build-lib).",
        )
    return replace(manifest, transports=Transports(command=transports.command, ffi=transports.ffi))


def build_plain(folder: Path, generation: Path, *, editable: bool) -> BuiltPlugin:
    """Copy a plain folder to ``generation/plugin``; an editable one is used where it is.

    Raises:
        ManifestError, PluginInstallError: As ``load_plain``.
        UsageError: The folder holds what cannot be copied, or a link that leads out of it.
        OutputError: The copy cannot be written.
    """
    manifest = load_plain(folder)
    transports = manifest.transports
    place = folder if editable else generation / COPY
    if not editable:
        copy_tree(folder, place, left_out=_LEFT_OUT)
    program = _find_program(place, transports.command) if transports.command else None
    library = find_library(place, transports.ffi) if transports.ffi else None
    lost = next(
        (
            field
            for field, name, path in (
                ("transports.command", transports.command, program),
                ("transports.ffi", transports.ffi, library),
            )
            if name is not None and path is None
        ),
        None,
    )
    if lost is not None:
        raise ManifestError(
            f'{folder}: what "{lost}" names was not copied: it lies in a folder that is left out', field=lost
        )

    def launched(path: Path | None) -> str | None:
        if path is None or editable:
            return None if path is None else str(path)
        return f"{COPY}/{path.relative_to(place).as_posix()}"

    return BuiltPlugin(
        manifest=manifest,
        launch=Launch(command=launched(program), library=launched(library)),
        content_paths={} if editable else {COPY: COPY},
    )


def digest_folder(folder: Path, *, crate: bool = False) -> str:
    """``sha256:HEX`` over the names, modes and bytes of what would be copied of a folder.

    Raises:
        OSError: Something in it cannot be read.
    """
    left_out = _LEFT_OUT | _CRATE_LEFT_OUT if crate else _LEFT_OUT
    digest = hashlib.sha256()
    for root, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in left_out)
        links = [name for name in folders if Path(root, name).is_symlink()]
        for name in sorted([*(file for file in files if file not in left_out), *links]):
            path = Path(root, name)
            digest.update(f"{path.relative_to(folder).as_posix()}\0".encode("utf-8", "surrogateescape"))
            if path.is_symlink():
                digest.update(f"link {path.readlink()}\0".encode("utf-8", "surrogateescape"))
            elif path.is_file():
                with path.open("rb") as stream:
                    content = hashlib.file_digest(stream, "sha256").hexdigest()
                runs = path.stat().st_mode & 0o100
                digest.update(f"{'program' if runs else 'file'} {content}\0".encode())
    return f"sha256:{digest.hexdigest()}"


def _is_ready(folder: Path) -> bool:
    """Whether the manifest at the top names what lies there; a malformed one is told later."""
    try:
        table = load_table(folder / MANIFEST_FILE, origin=MANIFEST_FILE)
    except ManifestError:
        return False
    transports = table.get("transports")
    named = transports if isinstance(transports, dict) else {}
    command, ffi = named.get("command"), named.get("ffi")
    has_program = isinstance(command, str) and _find_program(folder, command) is not None
    return has_program or (isinstance(ffi, str) and find_library(folder, ffi) is not None)


def _find_program(folder: Path, name: str) -> Path | None:
    """The program ``name`` in ``bin`` or at the top; only one that stays inside the folder counts."""
    root = folder.resolve()
    for place in ("bin", ""):
        for suffix in _SUFFIXES:
            path = folder / place / f"{name}{suffix}"
            if path.is_file() and os.access(path, os.X_OK) and path.resolve().is_relative_to(root):
                return path
    return None


def _table_of(path: Path) -> dict[str, object] | None:
    """A TOML file's content; None when there is no such file."""
    return load_table(path, origin=str(path)) if path.is_file() else None
