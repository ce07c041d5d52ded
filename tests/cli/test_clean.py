"""``wasmrun clean``: what wasmrun recorded, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.conftest import require_tool

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Wasmrun


@pytest.fixture
def built(wasmrun: Wasmrun, project: Path, tmp_path: Path) -> Path:
    """A project built into its own folder and into another."""
    require_tool("clang")
    for output in ([], ["-o", str(tmp_path / "elsewhere")]):
        assert wasmrun("compile", project, "--toolchain", "clang", *output).code == 0
    return project


def test_recorded_outputs_go_and_the_rest_stays(wasmrun: Wasmrun, built: Path, tmp_path: Path) -> None:
    """Every folder the project was built into is emptied of outputs; the user's files are not touched."""
    (built / "dist" / "mine.wasm").write_bytes(b"mine")
    (built / "build").mkdir()
    (built / "build" / "out").write_bytes(b"mine")
    before = {path for path in built.rglob("*") if "c-hello.wasm" not in path.name}
    document = wasmrun("clean", built, "--json").document
    assert document["ok"] is True
    assert sorted(document["removed"]) == sorted(
        [str(built / "dist" / "c-hello.wasm"), str(tmp_path / "elsewhere" / "c-hello.wasm")]
    )
    assert set(built.rglob("*")) == before - {built / "dist" / ".wasmrun-outputs.json"}
    assert not (tmp_path / "elsewhere").exists()


def test_an_edited_output_is_kept(wasmrun: Wasmrun, built: Path) -> None:
    """A file whose bytes changed since is the user's, and the report says that it was kept."""
    (built / "dist" / "c-hello.wasm").write_bytes(b"edited")
    document = wasmrun("clean", built, "--json").document
    assert document["kept"] == [str(built / "dist" / "c-hello.wasm")]
    assert (built / "dist" / "c-hello.wasm").read_bytes() == b"edited"


def test_cleaning_twice_is_no_failure(wasmrun: Wasmrun, built: Path) -> None:
    """The second time there is nothing to do, and that is said."""
    assert wasmrun("clean", built).code == 0
    finished = wasmrun("clean", built)
    assert finished.code == 0
    assert "Nothing to clean" in finished.err


def test_all_also_drops_compiled_modules(wasmrun: Wasmrun, built: Path, home: Path) -> None:
    """-a drops the modules that exec keeps compiled."""
    assert wasmrun("exec", built / "dist" / "c-hello.wasm").code == 0
    assert list((home / "cache" / "modules").iterdir())
    assert wasmrun("clean", built, "-a").code == 0
    assert not (home / "cache" / "modules").exists()
