"""The build cache and external plugins: kept by the bytes of the plugin, unless it does not want to be."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.cli.rebuilding import Rebuilt
from tests.conftest import FIXTURES, require_tool
from tests.plugin.material import ZORK, write_package, write_plain, write_project

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import Wasmrun
    from tests.plugin.material import Zork

SECOND = replace(ZORK, version="2.0.0", marker="second")


@pytest.mark.parametrize(
    ("write", "transport"), [(write_package, "python"), (write_plain, "command")], ids=["python", "command"]
)
def test_a_plugin_that_says_nothing(
    tmp_path: Path, wasmrun: Wasmrun, write: Callable[[Path, Zork], Path], transport: str
) -> None:
    """Every file and variable counts; another version of it is named; the old one's builds are kept."""
    source = write(tmp_path / "zork", ZORK)
    assert wasmrun("plugin", "install", source).code == 0
    bench = Rebuilt(wasmrun=wasmrun, project=write_project(tmp_path / "app"))
    built = bench.build(tools=False)
    assert built["plugin"]["transport"] == transport
    bench.touch()
    bench.take()
    (bench.project / "beside.txt").write_text("anything")
    assert bench.named(tools=False) == {("file", "beside.txt")}
    env = {"ZORK_WORD": "x"}
    assert replace(bench, env=env).named(tools=False) == {("variable", "ZORK_WORD")}
    write(tmp_path / "zork", SECOND)
    assert wasmrun("plugin", "update", ZORK.name).code == 0
    assert bench.named(tools=False) >= {("plugin", "version"), ("plugin", "code")}
    bench.check_against_build()
    assert b"2.0.0 second" in (bench.project / "dist" / "main.wasm").read_bytes()
    assert wasmrun("plugin", "rollback", ZORK.name).code == 0
    bench.take()
    assert b"1.0.0 first" in (bench.project / "dist" / "main.wasm").read_bytes()
    ran = wasmrun("exec", bench.project)
    assert ran.out == "42\n"


def test_a_library(tmp_path: Path, wasmrun: Wasmrun) -> None:
    """A plugin in a shared library is known by the bytes of its generation."""
    plugins = FIXTURES.parent / "plugins"
    folder = shutil.copytree(plugins / "c", tmp_path / "tally", ignore=shutil.ignore_patterns("lib"))
    subprocess.run([require_tool("make")], cwd=folder, check=True, capture_output=True)
    assert wasmrun("plugin", "install", folder).code == 0
    bench = Rebuilt(wasmrun=wasmrun, project=shutil.copytree(folder / "example", tmp_path / "app"))
    assert bench.build(tools=False)["plugin"]["transport"] == "ffi"
    bench.touch()
    bench.take()
    source = folder / "src" / "plugin.c"
    source.write_text(source.read_text() + "int another_symbol(void) { return 1; }\n")
    manifest = folder / "wasmrun_plugin.toml"
    manifest.write_text(manifest.read_text().replace("0.1.0", "0.2.0"))
    subprocess.run([require_tool("make")], cwd=folder, check=True, capture_output=True)
    assert wasmrun("plugin", "update", "tally-c").code == 0
    assert bench.named(tools=False) == {("plugin", "version"), ("plugin", "code")}
    bench.check_against_build()


def test_a_plugin_that_is_not_to_be_kept(tmp_path: Path, wasmrun: Wasmrun) -> None:
    """``cache = false`` in the manifest: a miss each time, and it is said why."""
    source = write_plain(tmp_path / "zork", replace(ZORK, more_manifest="cache = false\n"))
    assert wasmrun("plugin", "install", source).code == 0
    bench = Rebuilt(wasmrun=wasmrun, project=write_project(tmp_path / "app"))
    bench.build(tools=False)
    again = bench.build(tools=False)
    assert again["explain"]["status"] == "not-kept"
    assert "does not want to be kept" in again["explain"]["note"]
    assert wasmrun("cache", "info", "--json").document["blobs"] == 0


def test_an_editable_plugin_is_never_kept(tmp_path: Path, wasmrun: Wasmrun) -> None:
    """Its code may change at any time: ``off``, and what it makes is always new."""
    source = write_package(tmp_path / "zork", ZORK)
    assert wasmrun("plugin", "install", "--editable", source).code == 0
    bench = Rebuilt(wasmrun=wasmrun, project=write_project(tmp_path / "app"))
    for _ in range(2):
        document, _ = bench.compile()
        assert document["cache"] == "off"
    compiler = source / ZORK.package / "compiler.py"
    compiler.write_text(compiler.read_text().replace('MARKER = "first"', 'MARKER = "edited"'))
    document, _ = bench.compile()
    assert document["cache"] == "off"
    assert b"edited" in (bench.project / "dist" / "main.wasm").read_bytes()
