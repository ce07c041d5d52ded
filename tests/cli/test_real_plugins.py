"""The plugins that exist, from the registry they are on: installed, used, updated, removed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.conftest import require_tool

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Wasmrun

SOURCE = "export function add(a: i32, b: i32): i32 {\n  return a + b;\n}\n"


@pytest.mark.network
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_wasmasc(tmp_path: Path, home: Path, wasmrun: Wasmrun) -> None:
    """Wasmasc builds an AssemblyScript project into a module that runs, is updated and removed."""
    require_tool("cargo")
    require_tool("node")
    installed = wasmrun("plugin", "install", "wasmasc", "--json")
    assert installed.code == 0, installed.err
    assert wasmrun("plugin", "update", "wasmasc", "--json").document["outcome"] == "up-to-date"
    project = tmp_path / "sum"
    (project / "assembly").mkdir(parents=True)
    (project / "assembly" / "index.ts").write_text(SOURCE, encoding="utf-8")
    built = wasmrun("compile", project, "--plugin", "wasmasc", "--json")
    assert built.code == 0, built.err
    assert built.document["plugin"]["name"] == "wasmasc"
    called = wasmrun("exec", built.document["wasm_path"], "--call", "add", "2", "3")
    assert called.out == "5\n", called.err
    assert wasmrun("plugin", "uninstall", "wasmasc").code == 0
    assert not (home / "store").exists()


@pytest.mark.network
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_wasmrust(tmp_path: Path, wasmrun: Wasmrun) -> None:
    """Wasmrust answers info, and names what it misses with exit 4, or builds where nothing is missing."""
    require_tool("cargo")
    installed = wasmrun("plugin", "install", "wasmrust", "--json")
    assert installed.code == 0, installed.err
    (info,) = wasmrun("plugin", "info", "wasmrust", "--json").document["plugins"]
    assert info["languages"] == ["rust"]
    assert info["checksum"].startswith("sha256:")
    project = tmp_path / "sum"
    (project / "src").mkdir(parents=True)
    (project / "Cargo.toml").write_text(
        '[package]\nname = "sum"\nversion = "0.1.0"\nedition = "2021"\n\n[lib]\ncrate-type = ["cdylib"]\n',
        encoding="utf-8",
    )
    (project / "src" / "lib.rs").write_text(
        '#[no_mangle]\npub extern "C" fn add(a: i32, b: i32) -> i32 {\n    a + b\n}\n', encoding="utf-8"
    )
    built = wasmrun("compile", project, "--json")
    if info["health"]["status"] == "healthy":
        assert built.code == 0, built.err
        assert built.document["plugin"]["name"] == "wasmrust"
    else:
        assert built.code == 4, built.out
        error = built.document["error"]
        assert error["code"] == "missing-tool"
        missing = info["health"]["message"].removeprefix("missing: ").split(", ")
        assert any(name in error["message"] for name in missing)
    assert wasmrun("plugin", "uninstall", "wasmrust").code == 0
