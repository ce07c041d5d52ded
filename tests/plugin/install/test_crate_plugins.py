"""Crates: from a registry and from a folder, compiled with the machine's own cargo."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.conftest import require_tool
from tests.plugin.installing import path_without
from tests.plugin.material import ZORK, Zork, sha256_of, write_crate, write_crate_registry, write_tree
from tests.toolchain.registry import closed_registry
from wasmrun_py.model.errors import (
    ManifestError,
    MissingToolError,
    PluginInstallError,
    PluginNotFoundError,
    UsageError,
)
from wasmrun_py.model.events import ToolOutput
from wasmrun_py.model.manifest import Transports
from wasmrun_py.model.plugin_source import CratesIo, Local

if TYPE_CHECKING:
    from pathlib import Path

    from tests.plugin.install.conftest import Install
    from tests.plugin.installing import Installer


def digests(folder: Path) -> dict[str, str]:
    """Every file of a folder with its digest."""
    return {str(path.relative_to(folder)): sha256_of(path) for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(autouse=True)
def _cargo() -> None:
    require_tool("cargo")


@pytest.mark.parametrize("spelling", ["wasm_plugin", "wasm-plugin"])
def test_a_crate_of_a_registry_is_compiled(install: Install, tmp_path: Path, spelling: str) -> None:
    """The newest version is pinned with the checksum of cargo's own lock; only the program is left."""
    newer = Zork(version="1.3.0", marker="third")
    crates = [
        write_crate(tmp_path / "one", spelling=spelling),
        write_crate(tmp_path / "two", newer, spelling=spelling, cli_feature=True),
    ]
    found = install(CratesIo(name="wasmrun-zork"), env=write_crate_registry(tmp_path, *crates))
    assert found.resolved.source == CratesIo(name="wasmrun-zork", version="1.3.0")
    index = (tmp_path / "crates-registry/index/wa/sm/wasmrun-zork").read_text().splitlines()
    assert (found.resolved.checksum or "").removeprefix("sha256:") in index[1]
    assert found.files() == {"bin/wasmrun-zork"}
    assert found.built.content_paths == {"bin": "bin"}
    manifest = found.built.manifest
    assert (manifest.info.name, manifest.language, manifest.info.author) == (
        *("wasmrun-zork", "zork", "The tests"),
    )
    assert manifest.transports == Transports(command="wasmrun-zork")
    assert found.builds(newer, tmp_path / "use")


def test_the_exact_version_that_was_asked_for(installer: Installer, tmp_path: Path) -> None:
    """``@V`` takes that one, and a version that is not there is told with those that are."""
    crates = [write_crate(tmp_path / v, Zork(version=v)) for v in ("1.0.0", "1.1.0")]
    env = write_crate_registry(tmp_path, *crates)
    assert (
        installer.install(CratesIo(name="wasmrun-zork", version="1.0.0"), env=env).resolved.version == "1.0.0"
    )
    with pytest.raises(PluginInstallError, match=r"1\.1\.0, 1\.0\.0"):
        installer.install(CratesIo(name="wasmrun-zork", version="3.0.0"), env=env)


def test_a_name_that_the_registry_does_not_have(install: Install, tmp_path: Path) -> None:
    """Exit code 3, with the name that cargo would have understood."""
    env = write_crate_registry(tmp_path, write_crate(tmp_path / "crate"))
    with pytest.raises(PluginNotFoundError, match="no crate zork-none"):
        install(CratesIo(name="zork-none"), env=env)
    with pytest.raises(PluginNotFoundError) as caught:
        install(CratesIo(name="wasmrun_zork"), env=env)
    assert caught.value.hint == "Did you mean crates:wasmrun-zork?"


@pytest.mark.parametrize("lock", [True, False])
def test_a_crate_folder_is_left_as_it_was(install: Install, tmp_path: Path, lock: bool) -> None:  # noqa: FBT001 - a parametrised test
    """Neither a target folder nor a Cargo.lock appears beside the user's files."""
    folder = write_crate(tmp_path / "crate", lock=lock)
    before = digests(folder)
    found = install(Local(path=folder))
    assert digests(folder) == before
    assert found.resolved.source == Local(path=folder)
    assert (found.resolved.checksum or "").startswith("sha256:")
    assert found.builds(ZORK, tmp_path / "use")


def test_a_crate_in_a_workspace(install: Install, tmp_path: Path) -> None:
    """A member's version may come from its workspace; the workspace itself is no plugin."""
    member = write_crate(tmp_path / "all" / "member", lock=False)
    text = (member / "Cargo.toml").read_text().replace("\n[workspace]\n", "\n")
    text = text.replace('version = "1.0.0"', "version.workspace = true", 1)
    text = text.replace("[profile.release]\nopt-level = 0\n", "")
    workspace = '[workspace]\nmembers = ["member"]\nresolver = "2"\n[workspace.package]\nversion = "4.5.6"\n'
    write_tree(tmp_path / "all", {"member/Cargo.toml": text, "Cargo.toml": workspace})
    found = install(Local(path=member))
    assert found.resolved.version == "4.5.6"
    assert not (tmp_path / "all" / "Cargo.lock").exists()
    with pytest.raises(PluginInstallError, match="is a workspace and no crate itself"):
        install(Local(path=tmp_path / "all"))


def test_a_library_has_no_program(install: Install, tmp_path: Path) -> None:
    """Cargo would end with 0 and install nothing; the error says it by name, before anything is compiled."""
    folder = write_crate(tmp_path / "crate", binary=False)
    with pytest.raises(
        PluginInstallError, match=r"wasmrun-zork 1\.0\.0 has no program and no shared library"
    ):
        install(Local(path=folder))


def test_a_library_of_a_registry_has_no_program(install: Install, tmp_path: Path) -> None:
    """The same for a crate that cargo knows as a dependency."""
    env = write_crate_registry(tmp_path, write_crate(tmp_path / "crate", binary=False))
    with pytest.raises(PluginInstallError, match="no program and no shared library"):
        install(CratesIo(name="wasmrun-zork"), env=env)


def test_a_crate_without_a_manifest(install: Install, tmp_path: Path) -> None:
    """The error names the table."""
    folder = write_crate(tmp_path / "crate", Zork(manifest=False))
    with pytest.raises(ManifestError, match=r"no \[package\.metadata\.wasm_plugin\]"):
        install(Local(path=folder))


def test_a_declared_program_that_is_not_built(install: Install, tmp_path: Path) -> None:
    """``[transports] command`` must be one of the crate's programs."""
    folder = write_crate(tmp_path / "crate", Zork(declared=True))
    text = (folder / "Cargo.toml").read_text().replace('command = "wasmrun-zork"', 'command = "other"')
    write_tree(folder, {"Cargo.toml": text})
    with pytest.raises(ManifestError, match="names other, and the crate builds wasmrun-zork") as caught:
        install(Local(path=folder))
    assert caught.value.field == "transports.command"


def test_a_crate_that_does_not_compile(installer: Installer, tmp_path: Path) -> None:
    """The compiler's lines are reported as they come, kept in the log, and the log is named."""
    folder = write_crate(tmp_path / "crate")
    write_tree(folder, {"src/main.rs": 'fn main() { let lamp: i32 = "lit"; }\n'})
    with pytest.raises(PluginInstallError, match="could not be built") as caught:
        installer.install(Local(path=folder))
    assert caught.value.log_file == installer.log_file
    assert "mismatched types" in installer.log_file.read_text()
    assert any("mismatched types" in event.line for event in installer.reporter.of(ToolOutput))


def test_without_cargo_it_is_named(install: Install, tmp_path: Path) -> None:
    """Exit code 4 with what to install."""
    with pytest.raises(
        MissingToolError, match="cargo is not on PATH, and the crate wasmasc needs it"
    ) as caught:
        install(CratesIo(name="wasmasc"), env=path_without("cargo", folder=tmp_path))
    assert caught.value.tools == ("cargo",)
    assert "rustup" in caught.value.hint


def test_without_a_network_the_reason_is_cargos(install: Install, tmp_path: Path) -> None:
    """Its last words, and where to look."""
    config = (
        '[source.crates-io]\nreplace-with = "far"\n[source.far]\n'
        f'registry = "sparse+{closed_registry()}"\n[net]\nretry = 0\n'
    )
    home = write_tree(tmp_path / "cargo-home", {"config.toml": config})
    env = write_crate_registry(tmp_path / "unused") | {"CARGO_HOME": str(home)}
    with pytest.raises(PluginInstallError, match="wasmrun-zork could not be resolved") as caught:
        install(CratesIo(name="wasmrun-zork"), env=env)
    assert "Check the network" in caught.value.hint


def test_a_crate_cannot_be_editable(install: Install, tmp_path: Path) -> None:
    """It is compiled."""
    with pytest.raises(UsageError, match="is a crate, which is compiled"):
        install(Local(path=write_crate(tmp_path / "crate"), editable=True))
