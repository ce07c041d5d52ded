"""What lies in a plugin's own virtual environment: its distribution, manifest, entry points and scripts.

Only files are read; nothing of the plugin is run. Formats: PyPA "Recording installed projects" and "Entry
points specification".
"""

from __future__ import annotations

import csv
import re
import sys
import sysconfig
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from wasmrun_py.config.plugin_manifest import MANIFEST_FILE, Package
from wasmrun_py.model.errors import ManifestError, PluginInstallError
from wasmrun_py.model.installed_plugin import Launch
from wasmrun_py.model.manifest import Transports
from wasmrun_py.plugin.api import ENTRY_POINT_GROUP
from wasmrun_py.plugin.entry_points import parse_group
from wasmrun_py.plugin.install.manifests import load_manifest, missing_manifest, nothing_to_call
from wasmrun_py.system.fs import write_staged

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wasmrun_py.model.manifest import PluginManifest

VENV = "venv"
# Files that installers write beside a distribution's own, and that differ from one machine to the next.
INSTALLER_FILES = frozenset(
    [
        *("RECORD", "INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json", "uv_build.json"),
        *("_virtualenv.py", "_virtualenv.pth", "__pycache__"),
    ]
)

_ON_WINDOWS = sys.platform == "win32"
_METADATA_CAP_BYTES = 1024 * 1024
_RELOCATABLE = b"""#!/bin/sh
'''exec' "$(dirname -- "$(realpath -- "$0")")"/'python' "$0" "$@"
' '''
"""
_SCRIPT_SUFFIXES = (".exe", "") if _ON_WINDOWS else ("",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Distribution:
    """One installed distribution.

    Attributes:
        package: Its name, version, description and author.
        folder: Its ``dist-info`` folder.
        files: What its RECORD lists inside site-packages.
    """

    package: Package
    folder: Path
    files: tuple[PurePosixPath, ...]


def make_scripts_relocatable(venv: Path, python: str) -> None:
    """Let programs that name ``python`` start the Python beside them instead, wherever the folder is moved.

    The three lines are a shell's and Python's at once; distlib, pip and uv write the same.

    Raises:
        OutputError: A program cannot be written.
    """
    named = f"#!{python}\n".encode()
    for script in sorted((venv / "bin").iterdir()):
        if script.is_symlink() or not script.is_file():
            continue
        data = script.read_bytes()
        if data.startswith(named):
            write_staged(script, _RELOCATABLE + data[len(named) :])


def canonical_name(name: str) -> str:
    """A distribution's name as all of its spellings are compared (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def site_packages(venv: Path) -> Path:
    """Where an environment made for our own Python keeps packages."""
    return Path(sysconfig.get_path("purelib", "venv", {"base": str(venv), "platbase": str(venv)}))


def scripts_folder(venv: Path) -> Path:
    """Where an environment keeps its programs."""
    return venv / ("Scripts" if _ON_WINDOWS else "bin")


def interpreter(venv: Path) -> Path:
    """An environment's Python."""
    return scripts_folder(venv) / ("python.exe" if _ON_WINDOWS else "python")


def load_distribution(site: Path, name: str) -> Distribution:
    """Read what an installed distribution says of itself.

    Raises:
        PluginInstallError: It is not installed there, or cannot be read.
    """
    wanted = canonical_name(name)
    for folder in sorted(site.glob("*.dist-info")):
        if canonical_name(folder.name.removesuffix(".dist-info").rpartition("-")[0]) == wanted:
            return Distribution(
                package=parse_metadata(_read(folder / "METADATA")), folder=folder, files=_listed(folder)
            )
    raise PluginInstallError(f"{name} was installed and is not in {site}")


def parse_metadata(text: str) -> Package:
    """A distribution's name, version, summary and author from its METADATA."""
    fields: dict[str, str] = {}
    for line in text.splitlines():
        if not line:
            break
        key, _, value = line.partition(":")
        fields.setdefault(key.strip().lower(), value.strip())
    author = fields.get("author") or fields.get("author-email", "")
    return Package(
        name=fields.get("name"),
        version=fields.get("version"),
        description=fields.get("summary", ""),
        author=author.partition("<")[0].strip(" \"'") or author,
    )


def load_installed_manifest(
    site: Path, distribution: Distribution, *, beside: Iterable[Path] = ()
) -> PluginManifest:
    """The manifest in a distribution's package data.

    Args:
        site: The environment's site-packages.
        distribution: The distribution.
        beside: Manifests in the package's source folder, for a distribution that holds none.

    Raises:
        ManifestError: There is none, more than one, or a malformed one.
    """
    found = [site / file for file in distribution.files if file.name == MANIFEST_FILE]
    found = found or list(beside)
    name = distribution.package.name
    if not found:
        raise missing_manifest(f"{name} {distribution.package.version}")
    if len(found) > 1:
        raise ManifestError(
            f"{name} holds {len(found)} manifests: {', '.join(str(path) for path in found)}",
            hint="One distribution is one plugin: keep one of them.",
        )
    return load_manifest(found[0], package=distribution.package, origin=f"{name}: {found[0].name}")


def fit_transports(
    manifest: PluginManifest, generation: Path, distribution: Distribution, *, editable: bool = False
) -> tuple[PluginManifest, Launch]:
    """Find the transports that are really there; what the manifest does not name is found by entry points.

    Raises:
        ManifestError: A declared one is not there.
        PluginInstallError: There is none.
    """
    venv = generation / VENV
    announced = _read(distribution.folder / "entry_points.txt", optional=True)
    declared = manifest.transports
    if not declared.kinds:
        declared = Transports(
            python=_choose(dict(parse_group(announced, ENTRY_POINT_GROUP)), manifest),
            command=_command(dict(parse_group(announced, "console_scripts")), manifest),
        )
    origin = f"{manifest.info.name}: {MANIFEST_FILE}"
    if declared.python is not None and not editable and not _has_module(venv, declared.python):
        raise _not_there(origin, "python", declared.python, "no such module is in its package")
    program = None
    if declared.command is not None:
        program = _script(venv, declared.command)
        if program is None:
            raise _not_there(origin, "command", declared.command, "its package installs no such program")
    if declared.python is None and program is None:
        raise nothing_to_call(
            manifest,
            f"it has no [transports], no entry point in the group {ENTRY_POINT_GROUP} and no program",
        )
    launch = Launch(
        interpreter=interpreter(venv).relative_to(generation).as_posix(),
        python=declared.python,
        command=program.relative_to(generation).as_posix() if program else None,
    )
    transports = Transports(python=declared.python, command=declared.command if program else None)
    return replace(manifest, transports=transports), launch


def _choose(entry_points: dict[str, str], manifest: PluginManifest) -> str | None:
    """The plugin's entry point: the only one, or the one named as the package or the language."""
    if not entry_points:
        return None
    if len(entry_points) == 1:
        value = next(iter(entry_points.values()))
    else:
        info = manifest.info
        wanted = [canonical_name(word) for word in (info.name, manifest.language)]
        by_name = {canonical_name(key): value for key, value in entry_points.items()}
        chosen = next((by_name[word] for word in wanted if word in by_name), None)
        if chosen is None:
            names = ", ".join(sorted(entry_points))
            raise ManifestError(
                f"{info.name} has {len(entry_points)} entry points in {ENTRY_POINT_GROUP} ({names}), and "
                "none has its name",
                field="transports.python",
                hint='Its author must say which: [transports] python = "module:object".',
            )
        value = chosen
    return value.partition("[")[0].replace(" ", "")


def _command(scripts: dict[str, str], manifest: PluginManifest) -> str | None:
    """The plugin's program: the only one, or the one named as the package."""
    if len(scripts) == 1:
        return next(iter(scripts))
    wanted = canonical_name(manifest.info.name)
    return next((name for name in scripts if canonical_name(name) == wanted), None)


def _has_module(venv: Path, reference: str) -> bool:
    """Whether ``module:object``'s module is in the environment, by its files."""
    place = site_packages(venv).joinpath(*reference.partition(":")[0].split("."))
    if (place / "__init__.py").is_file() or place.with_name(f"{place.name}.py").is_file():
        return True
    return any(place.parent.glob(f"{place.name}.*.so")) or any(place.parent.glob(f"{place.name}.*.pyd"))


def _script(venv: Path, name: str) -> Path | None:
    candidates = (scripts_folder(venv) / f"{name}{suffix}" for suffix in _SCRIPT_SUFFIXES)
    return next((path for path in candidates if path.is_file()), None)


def _not_there(origin: str, kind: str, value: str, why: str) -> ManifestError:
    return ManifestError(
        f'{origin}: "transports.{kind}" names {value}, and {why}',
        field=f"transports.{kind}",
        hint="Its author must correct the manifest or the package.",
    )


def _listed(folder: Path) -> tuple[PurePosixPath, ...]:
    """The files of a RECORD that lie inside site-packages."""
    rows: Iterable[list[str]] = csv.reader(_read(folder / "RECORD").splitlines())
    paths = [PurePosixPath(row[0].replace("\\", "/")) for row in rows if row and row[0]]
    return tuple(path for path in paths if not path.is_absolute() and ".." not in path.parts)


def _read(path: Path, *, optional: bool = False) -> str:
    try:
        with path.open("rb") as stream:
            return stream.read(_METADATA_CAP_BYTES).decode("utf-8", "replace")
    except FileNotFoundError:
        if optional:
            return ""
        raise PluginInstallError(f"{path.name} of {path.parent.name} is missing") from None
    except OSError as error:
        raise PluginInstallError(f"{path} cannot be read: {error.strerror or error}") from error
