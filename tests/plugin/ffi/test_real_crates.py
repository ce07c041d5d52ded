"""The real plugins of the crates registry through their libraries, as a user installs them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.conftest import copy_project, require_tool
from tests.plugin.material import write_tree

if TYPE_CHECKING:
    from tests.conftest import Wasmrun

pytestmark = [pytest.mark.network, pytest.mark.slow]

_ASC_OPTIONS = {"debug": "--debug", "release": "--optimize", "size": "--optimize --shrinkLevel 2"}


@pytest.mark.timeout(1200)
def test_wasmasc(wasmrun: Wasmrun, tmp_path: Path, home: Path) -> None:
    """Wasmasc compiles AssemblyScript at each level through its library; without it, by its program."""
    require_tool("cargo")
    installed = wasmrun("plugin", "install", "wasmasc")
    assert installed.code == 0, installed.err
    project = copy_project("as-library", tmp_path)
    before = sorted(path.name for path in project.iterdir())
    for level, options in _ASC_OPTIONS.items():
        built = wasmrun(
            *("compile", project, "--plugin", "wasmasc", "-O", level, "-o", tmp_path / level, "--json", "-v")
        )
        assert built.code == 0, built.err
        assert built.document["plugin"]["transport"] == "ffi"
        asked = next(line for line in built.err.splitlines() if line.startswith("Executing: asc "))
        assert asked.endswith(f"index.wasm {options}")
    assert sorted(path.name for path in project.iterdir()) == before
    next((home / "store").glob("wasmasc-*/lib/*")).unlink()
    built = wasmrun("compile", project, "--plugin", "wasmasc", "--json")
    assert built.document["plugin"]["transport"] == "command"


@pytest.mark.by_hand
@pytest.mark.timeout(1200)
def test_wasmrust(wasmrun: Wasmrun, tmp_path: Path) -> None:
    """Wasmrust compiles a crate through its library; rustup gives it the target that it needs."""
    require_tool("rustup")
    installed = wasmrun("plugin", "install", "wasmrust")
    assert installed.code == 0, installed.err
    info = wasmrun("plugin", "info", "wasmrust", "--json").document["plugins"][0]
    assert info["transports"] == ["ffi", "command"]
    project = tmp_path / "crate"
    (project / "src").mkdir(parents=True)
    (project / "Cargo.toml").write_text('[package]\nname = "one"\nversion = "0.1.0"\nedition = "2021"\n')
    (project / "src" / "main.rs").write_text('fn main() { println!("hello"); }\n')
    built = wasmrun("compile", project, "--plugin", "wasmrust", "--transport", "ffi", "--json")
    assert built.code == 0, built.err
    assert built.document["plugin"]["transport"] == "ffi"
    assert Path(built.document["wasm_path"]).read_bytes().startswith(b"\0asm")
    assert sorted(path.name for path in project.iterdir()) == ["Cargo.toml", "dist", "src"]


@pytest.mark.by_hand
@pytest.mark.timeout(3600)
def test_waspy(wasmrun: Wasmrun, environ: dict[str, str], tmp_path: Path, home: Path) -> None:
    """Waspy has a library and no program: it compiles Python, and what it made computes."""
    require_tool("cargo")
    project = write_tree(tmp_path / "app", {"main.py": "def add(a: int, b: int) -> int:\n    return a + b\n"})
    # Its optimizer is a C++ project of its own: longer than any other command may take.
    install = [sys.executable, "-m", "wasmrun_py", "plugin", "install", "waspy"]
    subprocess.run(install, env=environ, check=True, timeout=3500)
    built = wasmrun("compile", project, "--plugin", "waspy", "--json")
    assert built.document["plugin"]["transport"] == "ffi"
    assert wasmrun("exec", "-c", "add", built.document["wasm_path"], "40", "2").out.strip() == "42"
    next((home / "store").glob("waspy-*/lib/*")).unlink()
    failed = wasmrun("compile", project, "--plugin", "waspy", "--json")
    assert failed.code == 3
