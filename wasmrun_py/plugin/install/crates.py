"""Crates: from the registry, or a crate's folder, built with cargo into ``generation/bin`` and ``lib``.

A crate may have a program, a shared library that wasmrun knows how to call, or both.

What a crate says of itself is read from cargo's own metadata of exactly that version, before anything is
compiled. Nothing is written into a folder of the user's: cargo's target folder is ours, and a workspace
without a Cargo.lock is copied first.
"""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wasmrun_py.config.plugin_manifest import (
    CARGO_KEYS,
    MANIFEST_FILE,
    Package,
    find_cargo_table,
    parse_manifest,
)
from wasmrun_py.model.errors import ManifestError, PluginInstallError, PluginNotFoundError
from wasmrun_py.model.installed_plugin import Launch
from wasmrun_py.model.manifest import Transports
from wasmrun_py.model.plugin_source import CratesIo, check_name
from wasmrun_py.plugin.install.clients import client_failure, get_client, run_client, step
from wasmrun_py.plugin.install.crate_library import SETTINGS, LibraryOrder, build_library
from wasmrun_py.plugin.install.manifests import check_requirement, load_manifest
from wasmrun_py.plugin.install.steps import BuiltPlugin, ResolvedPlugin
from wasmrun_py.system.fs import copy_tree, remove_file, write_staged

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wasmrun_py.model.manifest import PluginManifest
    from wasmrun_py.plugin.install.steps import InstallWorld
    from wasmrun_py.system.process import ToolResult

_COPY = "crate"
_CLI_FEATURE = "cli"
_PLUGIN_FEATURE = "wasm-plugin"
_NOT_BUILT = frozenset(["target", ".git", ".hg", ".svn", ".jj", "node_modules"])
_CARGO_RECORDS = (".crates.toml", ".crates2.json")
_EXE = ".exe" if sys.platform == "win32" else ""
_NEAR_MISS = re.compile(r"perhaps you meant:\s+(?P<name>[\w-]+)")
_ABSENT = re.compile(r"no matching package(?: named `[^`]+`)? found")


@dataclass(frozen=True, slots=True, kw_only=True)
class Crate:
    """What cargo says of one crate.

    Attributes:
        package: Name, version, description, author.
        folder: Where its source lies.
        workspace: Its workspace's folder; the same when it is alone.
        metadata: Its ``[package.metadata]``, or None.
        features: The names of its features.
        binaries: Program name -> the features it needs.
        library: The name of its shared library (``cdylib``), or None.
    """

    package: Package
    folder: Path
    workspace: Path
    metadata: Mapping[str, Any] | None
    features: frozenset[str]
    binaries: Mapping[str, tuple[str, ...]]
    library: str | None = None

    @property
    def title(self) -> str:
        """Its name and version."""
        return f"{self.package.name} {self.package.version}"


def resolve_crate(source: CratesIo, *, scratch: Path, world: InstallWorld) -> ResolvedPlugin:
    """Find a crate's exact version and checksum, and check that it is a plugin that can be built.

    Raises:
        PluginNotFoundError: The registry has no such crate.
        ManifestError: That version has no manifest, or a malformed one.
        PluginInstallError: cargo failed, the crate has no program, or it does not fit this wasmrun.
        MissingToolError: There is no cargo.
    """
    wanted = f"={source.version}" if source.version else "*"
    shown = f"{source.name}@{source.version}" if source.version else source.name
    with step(f"Resolving {shown}", world):
        result = lock_crate(source.name, wanted, scratch=scratch, world=world)
    if result.returncode != 0:
        if names_absence(result.output):
            near = find_near_miss(result.output)
            raise PluginNotFoundError(
                f"The crates registry has no crate {source.name}",
                hint=f"Did you mean crates:{near}?" if near else "Check the name's spelling.",
            )
        raise client_failure(f"{shown} could not be resolved", result, world, settings=SETTINGS)
    version, checksum = _load_locked(scratch / "Cargo.lock", source.name)
    folder = _fetch(source.name, version, scratch=scratch, world=world)
    crate = load_crate(folder, scratch=scratch, world=world)
    _check(crate)
    return ResolvedPlugin(
        name=check_name(source.name),
        version=version,
        source=CratesIo(name=source.name, version=version),
        checksum=f"sha256:{checksum}" if checksum else None,
        fetched=folder,
    )


def lock_crate(name: str, wanted: str, *, scratch: Path, world: InstallWorld) -> ToolResult:
    """Let cargo resolve one dependency of an empty crate in ``scratch``; downloads no source.

    Raises:
        MissingToolError: There is no cargo.
    """
    cargo = get_client("cargo", world, needed_for=f"the crate {name}")
    dependency = f"{json.dumps(name)} = {{ version = {json.dumps(wanted)}, default-features = false }}"
    text = (
        '[package]\nname = "wasmrun-resolution"\nversion = "0.0.0"\nedition = "2021"\n\n'
        f"[workspace]\nexclude = [{json.dumps(_COPY)}]\n\n"
        f"[dependencies]\n{dependency}\n"
    )
    write_staged(scratch / "Cargo.toml", text.encode())
    write_staged(scratch / "src" / "lib.rs", b"")
    return run_client((cargo, "generate-lockfile", "--color", "never"), folder=scratch, world=world)


def names_absence(output: str) -> bool:
    """Whether cargo's words say that the registry has no such crate."""
    return _ABSENT.search(output) is not None and "offline" not in output


def find_near_miss(output: str) -> str | None:
    """The name that cargo offers in place of one that is not there."""
    match = _NEAR_MISS.search(output)
    return match["name"] if match else None


def resolve_crate_folder(folder: Path, *, scratch: Path, world: InstallWorld) -> tuple[str, str]:
    """The name and version of the crate in a folder, checked to be a plugin that can be built.

    Raises:
        As ``resolve_crate``.
    """
    crate = load_crate(folder, scratch=scratch, world=world)
    _check(crate)
    return check_name(crate.package.name or ""), crate.package.version or ""


def build_crate(
    resolved: ResolvedPlugin, generation: Path, *, scratch: Path, world: InstallWorld
) -> BuiltPlugin:
    """Compile a crate's program into ``generation/bin`` and its shared library into ``generation/lib``.

    A library that does not compile, or that wasmrun cannot call, is left out where there is a program.

    Raises:
        PluginInstallError: It does not compile (the log is named), or gave nothing that can be called.
        MissingToolError: There is no cargo.
    """
    folder = resolved.fetched
    if folder is None:  # pragma: no cover - resolve always gives it
        raise PluginInstallError(f"{resolved.name} was not resolved")
    crate = load_crate(folder, scratch=scratch, world=world)
    manifest, program = _check(crate)
    path = None
    if program is not None:
        path = _build_program(resolved, crate, program, generation, scratch=scratch, world=world)
    library = None
    if crate.library is not None:
        order = LibraryOrder(
            title=crate.title,
            name=crate.library,
            folder=copy_crate(crate, scratch),
            locked=(crate.workspace / "Cargo.lock").is_file(),
            features=crate.features & {_PLUGIN_FEATURE},
            manifest=manifest,
            needed=program is None or manifest.transports.ffi is not None,
        )
        library = build_library(order, generation, scratch=scratch, world=world)
    for name in _CARGO_RECORDS:
        remove_file(generation / name)
    return BuiltPlugin(
        manifest=replace(
            manifest, transports=Transports(command=program, ffi=crate.library if library else None)
        ),
        launch=Launch(
            command=path.relative_to(generation).as_posix() if path else None,
            library=library.relative_to(generation).as_posix() if library else None,
        ),
        content_paths={**({"bin": "bin"} if path else {}), **({"lib": "lib"} if library else {})},
    )


def load_crate(folder: Path, *, scratch: Path, world: InstallWorld) -> Crate:
    """Ask cargo what the crate in a folder is; resolves and writes nothing.

    Raises:
        PluginInstallError: cargo cannot read it, or it is a workspace without a crate at its top.
        MissingToolError: There is no cargo.
    """
    cargo = get_client("cargo", world, needed_for=f"the crate in {folder}")
    cargo_toml = folder / "Cargo.toml"
    argv = (
        *(cargo, "metadata", "--format-version", "1", "--no-deps", "--offline"),
        *("--color", "never", "--manifest-path", str(cargo_toml)),
    )
    result = run_client(argv, folder=scratch, world=world, quiet=True)
    if result.returncode != 0:
        raise client_failure(f"cargo cannot read {cargo_toml}", result, world, settings=SETTINGS)
    document = _load_metadata(result)
    own = [each for each in document["packages"] if Path(each["manifest_path"]).samefile(cargo_toml)]
    if not own:
        members = ", ".join(sorted(each["name"] for each in document["packages"]))
        raise PluginInstallError(
            f"{cargo_toml} is a workspace and no crate itself (its crates: {members})",
            hint="Name the plugin's own folder inside it.",
        )
    return _parse_crate(own[0], workspace=Path(document["workspace_root"]))


def _parse_crate(found: dict[str, Any], *, workspace: Path) -> Crate:
    authors = found.get("authors") or [""]
    description = " ".join((found.get("description") or "").split())
    return Crate(
        package=Package(
            name=found["name"],
            version=found["version"],
            description=description,
            author=authors[0].partition("<")[0].strip(),
        ),
        folder=Path(found["manifest_path"]).parent,
        workspace=workspace,
        metadata=found.get("metadata"),
        features=frozenset(found.get("features") or {}),
        binaries={
            target["name"]: tuple(target.get("required-features") or ())
            for target in found["targets"]
            if "bin" in target["kind"]
        },
        library=next((each["name"] for each in found["targets"] if "cdylib" in each["kind"]), None),
    )


def _check(crate: Crate) -> tuple[PluginManifest, str | None]:
    """The crate's manifest, and its command transport's program or None for a library alone."""
    manifest = _manifest(crate)
    check_requirement(manifest)
    name = crate.package.name or ""
    declared = manifest.transports.ffi
    if declared is not None and declared != crate.library:
        built = f"builds {crate.library}" if crate.library else 'has no library with crate-type = ["cdylib"]'
        raise ManifestError(
            f'{name}: "transports.ffi" names {declared}, and the crate {built}',
            field="transports.ffi",
            hint="Its author must correct the manifest, or the [lib] table.",
        )
    if not crate.binaries and crate.library is None:
        raise PluginInstallError(
            f"{crate.title} has no program and no shared library: there is nothing that wasmrun can call",
            hint="Its author can add a [[bin]] target or a cdylib; docs/plugins.md says what it must answer.",
        )
    return manifest, _choose_program(crate, manifest)


def _choose_program(crate: Crate, manifest: PluginManifest) -> str | None:
    declared, name = manifest.transports.command, crate.package.name or ""
    if not crate.binaries and declared is None:
        return None
    if declared is not None and declared not in crate.binaries:
        raise ManifestError(
            f'{name}: "transports.command" names {declared}, and the crate builds '
            f"{', '.join(sorted(crate.binaries)) or 'no program'}",
            field="transports.command",
            hint="Its author must correct the manifest.",
        )
    candidates = (declared, name, next(iter(crate.binaries)) if len(crate.binaries) == 1 else None)
    program = next((each for each in candidates if each in crate.binaries), None)
    if program is None:
        raise ManifestError(
            f"{crate.title} builds {', '.join(sorted(crate.binaries))}, and none is called {name}",
            field="transports.command",
            hint='Its author must say which: [package.metadata.wasm_plugin.transports] command = "name".',
        )
    return program


def _manifest(crate: Crate) -> PluginManifest:
    table = find_cargo_table({"package": {"metadata": crate.metadata or {}}})
    origin = f"{crate.package.name}: Cargo.toml"
    if table is not None:
        key = next(key for key in CARGO_KEYS if key in (crate.metadata or {}))
        return parse_manifest(table, origin=f"{origin} [package.metadata.{key}]", package=crate.package)
    beside = crate.folder / MANIFEST_FILE
    if beside.is_file():
        return load_manifest(beside, package=crate.package, origin=f"{crate.package.name}: {MANIFEST_FILE}")
    raise ManifestError(
        f"{origin} of {crate.package.version} has no [package.metadata.wasm_plugin]: "
        "it is not a wasmrun plugin, or its author forgot the manifest",
        hint="docs/plugins.md shows the table.",
    )


def _build_program(  # noqa: PLR0913 - what, as what, from where and to where
    resolved: ResolvedPlugin,
    crate: Crate,
    program: str,
    generation: Path,
    *,
    scratch: Path,
    world: InstallWorld,
) -> Path:
    cargo = get_client("cargo", world, needed_for=f"the crate {resolved.name}")
    wanted = {*crate.binaries[program], *({_CLI_FEATURE} & crate.features)}
    features = ("--features", ",".join(sorted(wanted))) if wanted else ()
    argv = (
        *(cargo, "install", *_what(resolved, crate, scratch), "--force", "--color", "never"),
        *("--bin", program, *features, "--root", str(generation), "--target-dir", str(scratch / "target")),
    )
    result = run_client(argv, folder=scratch, world=world)
    if result.returncode != 0:
        raise client_failure(f"{crate.title} could not be built", result, world, settings=SETTINGS)
    path = generation / "bin" / f"{program}{_EXE}"
    if not path.is_file():
        raise PluginInstallError(
            f"{crate.title} was built and gave no program {program}",
            hint=f"The whole output is in {world.log_file}.",
            log_file=world.log_file,
        )
    return path


def _what(resolved: ResolvedPlugin, crate: Crate, scratch: Path) -> tuple[str, ...]:
    """What ``cargo install`` is told to install."""
    if isinstance(resolved.source, CratesIo):
        return (resolved.source.name, "--version", f"={resolved.version}", "--locked")
    if (crate.workspace / "Cargo.lock").is_file():
        return ("--path", str(crate.folder), "--locked")
    return ("--path", str(copy_crate(crate, scratch)))


def copy_crate(crate: Crate, scratch: Path) -> Path:
    """The crate's folder in a copy of its workspace: cargo would write beside the user's files."""
    copy = scratch / _COPY
    if not copy.is_dir():
        copy_tree(crate.workspace, copy, left_out=_NOT_BUILT)
    return copy / crate.folder.relative_to(crate.workspace)


def _fetch(name: str, version: str, *, scratch: Path, world: InstallWorld) -> Path:
    """Where cargo keeps the source of a locked crate, downloading it."""
    cargo = get_client("cargo", world, needed_for=f"the crate {name}")
    argv = (cargo, "metadata", "--format-version", "1", "--locked", "--color", "never")
    with step(f"Fetching {name} {version}", world):
        result = run_client(argv, folder=scratch, world=world, quiet=True)
    if result.returncode != 0:
        raise client_failure(f"{name} {version} could not be fetched", result, world, settings=SETTINGS)
    for package in _load_metadata(result)["packages"]:
        if package["name"] == name and package["version"] == version:
            return Path(package["manifest_path"]).parent
    # A crate without a library is no dependency, so that cargo fetches it and passes it over in silence.
    home = Path(world.environ.get("CARGO_HOME") or Path.home() / ".cargo")
    for folder in sorted((home / "registry" / "src").glob(f"*/{name}-{version}")):
        if (folder / "Cargo.toml").is_file():
            return folder
    raise PluginInstallError(
        f"{name} {version} was fetched and its source is not in cargo's home ({home})",
        hint="Install it from its repository: git+https://…",
    )


def _load_metadata(result: ToolResult) -> dict[str, Any]:
    """The JSON document among what cargo said; warnings may stand before it."""
    line = next((line for line in result.output.splitlines() if line.startswith('{"packages"')), None)
    if line is None and result.log_file is not None:
        text = result.log_file.read_text(encoding="utf-8", errors="replace")
        line = next((line for line in text.splitlines() if line.startswith('{"packages"')), None)
    if line is None:
        raise PluginInstallError(f"cargo metadata gave no answer: {result.output[:200]!r}")
    document: dict[str, Any] = json.loads(line)
    return document


def _load_locked(path: Path, name: str) -> tuple[str, str | None]:
    """A crate's version and checksum in a Cargo.lock; cargo takes ``-`` and ``_`` for the same."""
    import tomllib  # noqa: PLC0415 - only an installation reads it

    document = tomllib.loads(path.read_text(encoding="utf-8"))
    for package in document.get("package", ()):
        if package["name"] == name and "source" in package:
            return package["version"], package.get("checksum")
    raise PluginInstallError(f"cargo locked {name} to a list without it")
