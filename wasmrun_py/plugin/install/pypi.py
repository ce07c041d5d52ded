"""Python packages: from PyPI, a wheel, or a package's folder, into a virtual environment of the plugin's own.

The whole tree of dependencies is resolved with hashes by uv, then installed from that list and nothing else.
Files are copied out of uv's cache, never linked: what happens to one must not happen to the other.
"""

from __future__ import annotations

import hashlib
import re
import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from wasmrun_py.config.plugin_manifest import MANIFEST_FILE
from wasmrun_py.model.errors import PluginInstallError, PluginNotFoundError, UsageError
from wasmrun_py.model.plugin_source import PyPI, check_name
from wasmrun_py.plugin.install.clients import client_failure, get_client, run_client, step
from wasmrun_py.plugin.install.environment import (
    INSTALLER_FILES,
    VENV,
    canonical_name,
    fit_transports,
    interpreter,
    load_distribution,
    load_installed_manifest,
    make_scripts_relocatable,
    parse_metadata,
    site_packages,
)
from wasmrun_py.plugin.install.manifests import check_requirement, load_table
from wasmrun_py.plugin.install.steps import BuiltPlugin, ResolvedPlugin
from wasmrun_py.system.fs import copy_tree, write_staged

if TYPE_CHECKING:
    from pathlib import Path

    from wasmrun_py.config.plugin_manifest import Package
    from wasmrun_py.plugin.install.steps import InstallWorld
    from wasmrun_py.system.process import ToolResult

_SETTINGS = "uv's index and proxy settings"
_REQUIREMENTS = "requirements.txt"
_COPY = "package"
_QUIET = ("--no-progress", "--color", "never")
_METADATA_CAP_BYTES = 1024 * 1024
_DIRECT_FILE = re.compile(r"^(?P<name>\S+) @ file:\S+", re.MULTILINE)
_PINNED = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)(?:\[[^\]]*\])?==(?P<version>[^\s;\\]+)", re.MULTILINE)
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")
# What a build backend must not find in the copy of a package's folder; version control stays, since some
# take the version from it.
_NOT_BUILT = frozenset(["__pycache__", ".venv", "venv", ".tox", ".nox", ".mypy_cache", ".pytest_cache"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Wheel:
    """What a wheel says before it is installed.

    Attributes:
        package: Name, version, description, author.
        depends: It names dependencies.
        sha256: The digest of its bytes.
    """

    package: Package
    depends: bool
    sha256: str


def resolve_pypi(source: PyPI, *, scratch: Path, world: InstallWorld) -> ResolvedPlugin:
    """Find the exact version of a distribution and of everything it needs, with hashes.

    Raises:
        PluginNotFoundError: The index has no such distribution.
        PluginInstallError: uv could not resolve it, in its own words.
        MissingToolError: There is no uv.
    """
    wanted = f"{source.name}=={source.version}" if source.version else source.name
    with step(f"Resolving {wanted}", world):
        result = compile_requirements(wanted, scratch=scratch, world=world)
    if result.returncode != 0:
        if names_absence(result.output):
            raise PluginNotFoundError(
                f"PyPI has no package {source.name}",
                hint="Check the name's spelling, and uv's index settings if it is on another index.",
            )
        raise client_failure(f"{wanted} could not be resolved", result, world, settings=_SETTINGS)
    requirements = scratch / _REQUIREMENTS
    text = requirements.read_text(encoding="utf-8")
    version, hashes = _own_entry(text, source.name)
    return ResolvedPlugin(
        name=check_name(source.name),
        version=version,
        source=PyPI(name=source.name, version=version),
        checksum=_one_checksum(hashes),
        fetched=requirements,
    )


def compile_requirements(wanted: str, *, scratch: Path, world: InstallWorld, deep: bool = True) -> ToolResult:
    """Let uv resolve one requirement into ``scratch/requirements.txt``, with the hashes of everything.

    Args:
        wanted: The requirement.
        scratch: A folder of ours.
        world: Where it happens.
        deep: With its dependencies.

    Raises:
        MissingToolError: There is no uv.
    """
    uv = get_client("uv", world, needed_for="a Python plugin")
    write_staged(scratch / "requirements.in", f"{wanted}\n".encode())
    argv = (
        *(uv, "pip", "compile", "--generate-hashes", "--no-header", "--no-annotate", "--quiet", *_QUIET),
        *("--python", sys.executable, *(() if deep else ("--no-deps",))),
        *("--output-file", str(scratch / _REQUIREMENTS), str(scratch / "requirements.in")),
    )
    return run_client(argv, folder=scratch, world=world)


def names_absence(output: str) -> bool:
    """Whether uv's words say that the index has no such name."""
    said = " ".join(output.split())
    return "was not found in the" in said and "in the cache" not in said


def resolve_wheel(path: Path, *, scratch: Path, world: InstallWorld) -> ResolvedPlugin:
    """Read a wheel, and resolve what it needs with hashes.

    The result's ``source`` is not a source yet: the caller knows where the wheel came from.

    Raises:
        PluginInstallError: It is not a wheel, or uv could not resolve its dependencies.
        MissingToolError: There is no uv.
    """
    wheel = load_wheel(path)
    name, version = wheel.package.name or "", wheel.package.version or ""
    wanted = f"{name} @ {path.as_uri()}"
    requirements = scratch / _REQUIREMENTS
    if wheel.depends:
        result = compile_requirements(wanted, scratch=scratch, world=world)
        if result.returncode != 0:
            raise client_failure(f"What {path.name} needs was not found", result, world, settings=_SETTINGS)
    else:
        write_staged(requirements, f"{wanted} --hash=sha256:{wheel.sha256}\n".encode())
    return ResolvedPlugin(
        name=name,
        version=version,
        source=PyPI(name=name, version=version),
        checksum=f"sha256:{wheel.sha256}",
        fetched=requirements,
    )


def load_wheel(path: Path) -> Wheel:
    """Read a wheel's name, version and digest.

    Raises:
        PluginInstallError: It is not a wheel.
        UsageError: Its name cannot be a plugin's.
    """
    import zipfile  # noqa: PLC0415 - 5 ms, and only wheels need it

    try:
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
            with zipfile.ZipFile(stream) as archive:
                metadata = [
                    name for name in archive.namelist() if re.fullmatch(r"[^/]+\.dist-info/METADATA", name)
                ]
                if len(metadata) != 1:
                    raise PluginInstallError(
                        f"{path} is not a wheel: it holds {len(metadata)} METADATA files"
                    )
                with archive.open(metadata[0]) as member:
                    text = member.read(_METADATA_CAP_BYTES).decode("utf-8", "replace")
    except OSError as error:
        raise PluginInstallError(f"{path} cannot be read: {error.strerror or error}") from error
    except (zipfile.BadZipFile, NotImplementedError, EOFError, RuntimeError) as error:
        raise PluginInstallError(f"{path} is not a wheel: {error}", hint="Download it again.") from error
    package = parse_metadata(text)
    if not package.name or not package.version:
        raise PluginInstallError(f"{path} is not a wheel: its METADATA names no name or no version")
    check_name(package.name)
    head = text.partition("\n\n")[0]
    return Wheel(package=package, depends="\nRequires-Dist:" in f"\n{head}", sha256=digest)


def load_compiled_version(scratch: Path, name: str) -> str:
    """The version of ``name`` in what ``compile_requirements`` wrote."""
    return _own_entry((scratch / _REQUIREMENTS).read_text(encoding="utf-8"), name)[0]


def resolve_package(folder: Path, *, editable: bool, scratch: Path, world: InstallWorld) -> ResolvedPlugin:
    """A package's folder: built into a wheel, or, when it is editable, only asked for its name.

    The result's ``source`` is not a source yet: the caller knows where the folder came from.

    Raises:
        PluginInstallError: It does not build, or uv could not resolve its dependencies.
        MissingToolError: There is no uv.
    """
    static = _static_project(folder) if editable else None
    if static is not None:
        name, version = static
        source = PyPI(name=check_name(name), version=version)
        return ResolvedPlugin(name=name, version=version, source=source, checksum=None, fetched=folder)
    found = resolve_wheel(build_wheel(folder, scratch=scratch, world=world), scratch=scratch, world=world)
    return replace(found, checksum=None, fetched=folder) if editable else found


def build_wheel(folder: Path, *, scratch: Path, world: InstallWorld) -> Path:
    """Build a package's folder into a wheel, from a copy: build backends write where they build.

    Raises:
        PluginInstallError: The build failed; names the log.
        MissingToolError: There is no uv.
    """
    uv = get_client("uv", world, needed_for=f"building {folder}")
    copy = scratch / _COPY
    copy_tree(folder, copy, left_out=_NOT_BUILT)
    out = scratch / "wheel"
    argv = (uv, "build", "--wheel", "--out-dir", str(out), "--python", sys.executable, *_QUIET, str(copy))
    with step(f"Building {folder.name}", world):
        result = run_client(argv, folder=scratch, world=world)
    if result.returncode != 0:
        raise client_failure(f"{folder} could not be built", result, world, settings=_SETTINGS)
    wheels = sorted(out.glob("*.whl"))
    if len(wheels) != 1:
        raise PluginInstallError(f"Building {folder} gave {len(wheels)} wheels", log_file=world.log_file)
    return wheels[0]


def build_environment(
    resolved: ResolvedPlugin, generation: Path, *, scratch: Path, world: InstallWorld
) -> BuiltPlugin:
    """Install a resolved list of packages into ``generation/venv``.

    Raises:
        ManifestError: The plugin has no manifest, or a malformed one.
        PluginInstallError: uv could not install it, or it does not fit this wasmrun.
        MissingToolError: There is no uv.
    """
    requirements = resolved.fetched
    if requirements is None:  # pragma: no cover - resolve always gives it
        raise UsageError(f"{resolved.name} was not resolved")
    arguments = ("--require-hashes", "-r", str(requirements))
    _install(arguments, resolved, generation, scratch=scratch, world=world)
    text = requirements.read_text(encoding="utf-8")
    kept = _DIRECT_FILE.sub(lambda match: f"{match['name']}=={resolved.version}", text)
    write_staged(generation / _REQUIREMENTS, kept.encode())
    # A manifest that its author put beside pyproject.toml instead of into the package.
    beside = [path for path in (scratch / _COPY / MANIFEST_FILE,) if path.is_file()]
    return _built(resolved, generation, beside=beside, editable=False)


def build_editable(
    resolved: ResolvedPlugin, generation: Path, *, scratch: Path, world: InstallWorld
) -> BuiltPlugin:
    """Install a package's folder into ``generation/venv`` so that it is used where it is.

    Raises:
        As ``build_environment``.
    """
    folder = resolved.fetched
    if folder is None:  # pragma: no cover - resolve always gives it
        raise UsageError(f"{resolved.name} was not resolved")
    _install(("--editable", str(folder)), resolved, generation, scratch=scratch, world=world)
    places = ("", "src/*/", "*/")
    beside = [path for place in places for path in sorted(folder.glob(f"{place}{MANIFEST_FILE}"))]
    return _built(resolved, generation, beside=beside[:1], editable=True)


def _install(
    arguments: tuple[str, ...],
    resolved: ResolvedPlugin,
    generation: Path,
    *,
    scratch: Path,
    world: InstallWorld,
) -> None:
    uv = get_client("uv", world, needed_for="a Python plugin")
    venv = generation / VENV
    make = (uv, "venv", "--relocatable", "--no-project", "--quiet", "--python", sys.executable, str(venv))
    # The same bytes everywhere, and shared with nobody.
    alone = ("--no-compile-bytecode", "--link-mode", "copy")
    install = (uv, "pip", "install", *_QUIET, *alone, *_into(venv), *arguments)
    title = f"{resolved.name} {resolved.version}"
    with step(f"Installing {title}", world):
        for argv in (make, install):
            result = run_client(argv, folder=scratch, world=world)
            if result.returncode != 0:
                doing = f"{title} could not be installed"
                raise client_failure(doing, result, world, settings=_SETTINGS)
    make_scripts_relocatable(venv, sys.executable)
    # Whoever starts a program of the environment, by hand too, leaves it as it was installed.
    write_staged(site_packages(venv) / "_wasmrun.pth", b"import sys; sys.dont_write_bytecode = True\n")


def _into(venv: Path) -> tuple[str, ...]:
    """Where uv installs to. Our own Python it knows already; a new one it would have to ask (50 ms)."""
    if sys.platform == "win32" or sys.prefix == sys.base_prefix:
        # Programs there hold their Python's path; and Debian's own Python has a layout of its own.
        return ("--python", str(interpreter(venv)))
    return ("--python", sys.executable, "--prefix", str(venv))


def _built(resolved: ResolvedPlugin, generation: Path, *, beside: list[Path], editable: bool) -> BuiltPlugin:
    site = site_packages(generation / VENV)
    distribution = load_distribution(site, resolved.name)
    manifest = load_installed_manifest(site, distribution, beside=beside)
    check_requirement(manifest)
    manifest, launch = fit_transports(manifest, generation, distribution, editable=editable)
    return BuiltPlugin(
        manifest=manifest,
        launch=launch,
        content_paths={site.relative_to(generation).as_posix(): "site-packages"},
        left_out=INSTALLER_FILES,
    )


def _static_project(folder: Path) -> tuple[str, str] | None:
    """The name and version that stand in a pyproject.toml; None when its backend works them out."""
    path = folder / "pyproject.toml"
    project = load_table(path, origin=str(path)).get("project") if path.is_file() else None
    if not isinstance(project, dict):
        return None
    name, version = project.get("name"), project.get("version")
    return (name, version) if isinstance(name, str) and isinstance(version, str) else None


def _own_entry(text: str, name: str) -> tuple[str, list[str]]:
    """The version and hashes of ``name`` in a compiled requirement list."""
    for match in _PINNED.finditer(text):
        if canonical_name(match["name"]) == canonical_name(name):
            rest = text[match.end() :]
            following = _PINNED.search(rest)
            return match["version"], _HASH.findall(rest[: following.start() if following else len(rest)])
    raise PluginInstallError(f"uv resolved {name} to a list without it")


def _one_checksum(hashes: list[str]) -> str | None:
    """The registry's digest; over all of them, sorted, where a version has several files."""
    if not hashes:
        return None
    if len(hashes) == 1:
        return f"sha256:{hashes[0]}"
    return "sha256:" + hashlib.sha256("\n".join(sorted(hashes)).encode()).hexdigest()
