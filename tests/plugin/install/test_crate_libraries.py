"""Crates with a shared library: built beside their program, and left out where it cannot serve."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.conftest import require_tool
from wasmrun_py.model.errors import ManifestError, PluginInstallError
from wasmrun_py.model.events import Message
from wasmrun_py.model.manifest import Transports
from wasmrun_py.model.plugin_source import Local

if TYPE_CHECKING:
    from tests.plugin.install.conftest import Install
    from tests.plugin.installing import Installed

_RUST = Path(__file__).parents[3] / "fixtures" / "plugins" / "rust"
_PROGRAM = 'fn main() { println!("commands: compile"); }\n'
# What waspy's library exports; it is called through nothing else.
_WASPY = """
#[no_mangle]
pub extern "C" fn waspy_compile_project() {}
#[no_mangle]
pub extern "C" fn waspy_compile_python() {}
#[no_mangle]
pub extern "C" fn waspy_free_wasm_data() {}
#[no_mangle]
pub extern "C" fn waspy_free_error_message() {}
"""


@pytest.fixture(autouse=True)
def _cargo() -> None:
    require_tool("cargo")


@pytest.fixture
def crate(tmp_path: Path) -> Path:
    """The reference plugin in Rust, in a folder that a test may change."""
    return shutil.copytree(_RUST, tmp_path / "crate", ignore=shutil.ignore_patterns("target"))


def _replace(path: Path, before: str, after: str) -> None:
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after))


def _declare_nothing(crate: Path) -> None:
    _replace(crate / "Cargo.toml", '\n[package.metadata.wasm_plugin.transports]\nffi = "tally_rust"\n', "")


def _said(found: Installed) -> str:
    return "\n".join(event.text for event in found.reporter.events if isinstance(event, Message))


def test_a_library_alone(install: Install, crate: Path) -> None:
    """A crate without a program installs through its library; nothing is written beside its source."""
    before = {path.name for path in crate.iterdir()}
    found = install(Local(path=crate))
    assert found.built.manifest.transports == Transports(ffi="tally_rust")
    assert found.built.launch.library == "lib/libtally_rust.so"
    assert found.files() == {"lib/libtally_rust.so"}
    assert found.built.content_paths == {"lib": "lib"}
    assert {path.name for path in crate.iterdir()} == before


def test_both(install: Install, crate: Path) -> None:
    """A program and a library give both transports."""
    (crate / "src" / "main.rs").write_text(_PROGRAM)
    found = install(Local(path=crate))
    assert found.built.manifest.transports == Transports(ffi="tally_rust", command="tally-rust")
    assert found.files() == {"bin/tally-rust", "lib/libtally_rust.so"}
    assert found.built.content_paths == {"bin": "bin", "lib": "lib"}


def test_an_older_library_is_built_with_its_feature(install: Install, crate: Path) -> None:
    """A library of waspy's kind needs the feature ``wasm-plugin``, and has no program."""
    _declare_nothing(crate)
    _replace(crate / "Cargo.toml", "[dependencies]\n", "[features]\nwasm-plugin = []\n\n[dependencies]\n")
    (crate / "src" / "lib.rs").write_text('#![cfg(feature = "wasm-plugin")]\n' + _WASPY)
    found = install(Local(path=crate))
    assert found.built.manifest.transports == Transports(ffi="tally_rust")


@pytest.mark.parametrize(
    ("library", "reason"),
    [
        ("pub fn only_for_rust() {}\n", "exports neither wasmrun_abi_version nor"),
        (
            '#[no_mangle]\npub extern "C" fn wasm_plugin_create() {}\n',
            "its wasm_plugin_create returns a Rust trait object",
        ),
        ("this is no Rust\n", "could not be built"),
    ],
    ids=["no plugin", "trait object", "does not compile"],
)
def test_a_library_that_cannot_serve(install: Install, crate: Path, library: str, reason: str) -> None:
    """Beside a program it is left out, and the reason is told; alone it is the end."""
    _declare_nothing(crate)
    (crate / "src" / "lib.rs").write_text(library)
    with pytest.raises(PluginInstallError, match=reason):
        install(Local(path=crate))
    (crate / "src" / "main.rs").write_text(_PROGRAM)
    found = install(Local(path=crate))
    assert found.built.manifest.transports == Transports(command="tally-rust")
    assert found.files() == {"bin/tally-rust"}
    assert "is called through its program alone" in _said(found)
    assert reason in _said(found)


def test_a_declared_library_must_be_the_crates(install: Install, crate: Path) -> None:
    """The manifest and Cargo.toml name the same one."""
    _replace(crate / "Cargo.toml", 'ffi = "tally_rust"', 'ffi = "another"')
    with pytest.raises(
        ManifestError, match=r'"transports\.ffi" names another, and the crate builds tally_rust'
    ):
        install(Local(path=crate))
