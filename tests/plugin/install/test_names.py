"""A bare name: known, on one registry, on both, on none; and what search shows."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from tests.conftest import require_tool
from tests.plugin.installing import path_without
from tests.plugin.material import Zork, wheel_index, write_crate, write_crate_registry, write_wheel
from tests.toolchain.registry import closed_registry
from wasmrun_py.model.errors import PluginInstallError, PluginNotFoundError, UsageError
from wasmrun_py.model.events import Message
from wasmrun_py.model.plugin_source import BareName, CratesIo, PyPI
from wasmrun_py.plugin.install.names import resolve_name
from wasmrun_py.plugin.install.search import search

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.plugin.installing import Installer
    from wasmrun_py.plugin.install.search import SearchResult


@pytest.fixture
def registries(tmp_path: Path) -> dict[str, str]:
    """Two registries: ``zork-wheel`` on one, ``zork-crate`` on the other, ``zork-both`` on both."""
    require_tool("cargo")
    for name in ("zork-wheel", "zork-both"):
        write_wheel(tmp_path / "wheels", Zork(name=name, version="1.5.0"))
    crates = [write_crate(tmp_path / name, Zork(name=name)) for name in ("zork-crate", "zork-both")]
    return wheel_index(tmp_path / "wheels") | write_crate_registry(tmp_path, *crates)


def look_up(
    installer: Installer, name: str, env: Mapping[str, str], version: str | None = None
) -> PyPI | CratesIo:
    bare = BareName(name=name, version=version)
    return resolve_name(bare, scratch=installer.scratch(), world=installer.world(env))


def test_known_names_ask_nobody(installer: Installer) -> None:
    """They need neither a client nor a network."""
    for name in ("wasmrust", "wasmgo", "wasmasc", "waspy"):
        assert look_up(installer, name, {"PATH": ""}) == CratesIo(name=name)
    assert look_up(installer, "WasmRust", {}, "0.3.0") == CratesIo(name="wasmrust", version="0.3.0")


def test_the_registry_that_has_it(installer: Installer, registries: dict[str, str]) -> None:
    """The version goes along."""
    assert look_up(installer, "zork-wheel", registries, "1.5.0") == PyPI(name="zork-wheel", version="1.5.0")
    assert look_up(installer, "zork-crate", registries) == CratesIo(name="zork-crate")


def test_a_name_on_both_is_never_guessed(installer: Installer, registries: dict[str, str]) -> None:
    """Exit code 2; the hint has both prefixes."""
    with pytest.raises(UsageError, match="on PyPI and on the crates registry") as caught:
        look_up(installer, "zork-both", registries)
    assert "pypi:zork-both or crates:zork-both" in caught.value.hint


def test_a_name_on_none(installer: Installer, registries: dict[str, str]) -> None:
    """Exit code 3, with a near miss."""
    with pytest.raises(PluginNotFoundError, match="Not on PyPI and not on the crates registry") as caught:
        look_up(installer, "wasmrusty", registries)
    assert caught.value.hint == "Did you mean wasmrust?"


def test_without_cargo_the_other_registry_counts(
    installer: Installer, registries: dict[str, str], tmp_path: Path
) -> None:
    """No crate could be installed anyway; who was not asked is told."""
    env = registries | path_without("cargo", folder=tmp_path)
    assert look_up(installer, "zork-wheel", env) == PyPI(name="zork-wheel")
    said = [event.text for event in installer.reporter.of(Message)]
    assert said == ["the crates registry could not be asked: cargo is not installed"]
    with pytest.raises(PluginNotFoundError, match=r"Not on PyPI\. the crates registry could not be asked"):
        look_up(installer, "zork-crate", env)


def test_without_uv_the_other_registry_counts(
    installer: Installer, registries: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The same the other way round."""
    monkeypatch.setitem(sys.modules, "uv", None)
    env = registries | path_without("uv", folder=tmp_path)
    assert look_up(installer, "zork-crate", env) == CratesIo(name="zork-crate")


@pytest.mark.parametrize("name", ["zork-wheel", "zork-crate", "zork-none"])
def test_a_silent_registry_may_have_the_name_too(
    installer: Installer, registries: dict[str, str], name: str, tmp_path: Path
) -> None:
    """Without an answer from both nothing is chosen."""
    config = tmp_path / "silent.toml"
    config.write_text(f'index-url = "{closed_registry()}simple"\n')
    env = registries | {"UV_CONFIG_FILE": str(config), "UV_HTTP_RETRIES": "0"}
    with pytest.raises(PluginInstallError, match="PyPI could not be asked") as caught:
        look_up(installer, name, env)
    assert f"pypi:{name} or crates:{name}" in caught.value.hint


def find(installer: Installer, term: str, env: Mapping[str, str]) -> SearchResult:
    return search(term, scratch=installer.scratch(), world=installer.world(env))


def test_search_shows_known_plugins_first(installer: Installer, registries: dict[str, str]) -> None:
    """By name and description; a registry that cannot be searched is told."""
    found = find(installer, "wasm", registries)
    assert [hit.name for hit in found.hits] == ["wasmasc", "wasmgo", "wasmrust"]
    assert all(hit.known and hit.registry == "crates" and hit.description for hit in found.hits)
    assert found.not_asked[0].startswith("The crates registry could not be asked: ")
    assert [hit.name for hit in find(installer, "tinygo", registries).hits] == ["wasmgo"]


def test_search_finds_the_exact_name_on_pypi(installer: Installer, registries: dict[str, str]) -> None:
    """With its newest version; PyPI itself cannot be searched."""
    (hit,) = find(installer, "zork-wheel", registries).hits
    assert (hit.name, hit.version, hit.registry, hit.known) == ("zork-wheel", "1.5.0", "pypi", False)


def test_search_reads_what_cargo_says(
    installer: Installer, registries: dict[str, str], tmp_path: Path
) -> None:
    """A known plugin gets its version and its own words."""
    tools = path_without("cargo", folder=tmp_path)
    env = registries | tools
    cargo = tmp_path / "tools" / "cargo"
    said = 'wasmrust = "0.3.0"    # Rust "plugin" # one\nwasm-other = "1.0.0"\n... and 3 crates more\n'
    cargo.write_text(f"#!/bin/sh\n[ \"$1 $7\" = 'search wasm' ] || exit 9\ncat <<'END'\n{said}END\n")
    cargo.chmod(0o755)
    hits = {hit.name: hit for hit in find(installer, "wasm", {**env, "PATH": f"{tools['PATH']}:/bin"}).hits}
    assert list(hits) == ["wasmasc", "wasmgo", "wasmrust", "wasm-other"]
    assert (hits["wasmrust"].version, hits["wasmrust"].description) == ("0.3.0", 'Rust "plugin" # one')
    assert hits["wasmrust"].known
    assert (hits["wasm-other"].known, hits["wasm-other"].version) == (False, "1.0.0")


@pytest.mark.parametrize("term", ["-rf", "--help", "a b", "x" * 300])
def test_search_terms_are_never_options(installer: Installer, registries: dict[str, str], term: str) -> None:
    """What begins with a dash is looked for, not obeyed."""
    assert find(installer, term, registries).hits == ()
