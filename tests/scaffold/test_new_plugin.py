"""A new plugin installs and keeps the contract before its author has changed a line."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from typing import TYPE_CHECKING

import pytest

from tests.toolchain.recording import RecordingReporter
from wasmrun_py.model.errors import PluginInstallError, UsageError
from wasmrun_py.model.manifest import TransportKind
from wasmrun_py.plugin.contract import CheckStatus
from wasmrun_py.plugin.install.steps import InstallWorld
from wasmrun_py.plugin.transport.base import TransportWorld
from wasmrun_py.plugin.try_out import TryOutReport, try_out
from wasmrun_py.scaffold.new_plugin import find_plugin_languages, new_plugin
from wasmrun_py.system.paths import Home

if TYPE_CHECKING:
    from pathlib import Path


def try_plugin(folder: Path, tmp_path: Path, sample: Path | None = None) -> TryOutReport:
    environ = dict(os.environ)
    reporter = RecordingReporter()
    install = InstallWorld(environ=environ, reporter=reporter, log_file=tmp_path / "install.log")
    world = TransportWorld(environ=environ, home=Home(root=tmp_path / "home"))
    return try_out(folder, sample, install=install, world=world)


def broken(report: TryOutReport) -> dict[str, str]:
    """Every check that did not pass, with what it said."""
    return {
        f"{each.transport} {result.name}": result.message
        for each in report.transports
        for result in each.report.results
        if result.status is not CheckStatus.PASS
    }


@pytest.mark.parametrize(
    ("lang", "transport"),
    [
        # Its build backend comes from PyPI.
        pytest.param("python", TransportKind.PYTHON, marks=pytest.mark.network),
        ("command", TransportKind.COMMAND),
    ],
)
def test_it_passes_at_once(tmp_path: Path, lang: str, transport: TransportKind) -> None:
    """``plugin test`` on the new folder: every check passes, none is skipped, with its own example."""
    new_plugin("wasmrun-zork", lang, tmp_path)
    report = try_plugin(tmp_path / "wasmrun-zork", tmp_path)
    assert [each.transport for each in report.transports] == [transport]
    assert broken(report) == {}
    assert report.passed
    assert (report.name, report.version) == ("wasmrun-zork", "0.1.0")


def test_a_broken_one_does_not_pass(tmp_path: Path) -> None:
    """A program that reports success whatever it is given fails the check that sees to it."""
    new_plugin("zork", "command", tmp_path)
    program = tmp_path / "zork" / "bin" / "zork"
    refusal = 'raise SourceError("expected NAME = NUMBER", number, column)'
    assert refusal in program.read_text()
    program.write_text(program.read_text().replace(refusal, "functions['x'] = 1; continue"))
    report = try_plugin(tmp_path / "zork", tmp_path)
    assert not report.passed
    assert [result.name for each in report.transports for result in each.report.failures] == ["failure"]


def test_a_folder_that_is_no_plugin_is_an_error(tmp_path: Path) -> None:
    """With what was looked for."""
    (tmp_path / "empty").mkdir()
    with pytest.raises((PluginInstallError, UsageError)):
        try_plugin(tmp_path / "empty", tmp_path)


@pytest.mark.parametrize("lang", find_plugin_languages())
@pytest.mark.parametrize("name", ["a", "9lives", "Zork.Two", "wasm", "wasmrun", "class", "json", "x-_y"])
def test_any_name_will_do(tmp_path: Path, name: str, lang: str) -> None:
    """Names that are no module's, or another module's, give files that Python and TOML can read."""
    files = new_plugin(name, lang, tmp_path)
    for file in files:
        path = tmp_path / name / file
        assert "{{" not in path.read_text()
        if path.suffix == ".toml":
            tomllib.loads(path.read_text())
        if path.suffix == ".py" or path.parent.name == "bin":
            compile(path.read_text(), str(path), "exec")
    manifest = next(file for file in files if file.name in {"wasmrun_plugin.toml", "Cargo.toml"})
    document = tomllib.loads((tmp_path / name / manifest).read_text())
    table = document["package"]["metadata"]["wasm_plugin"] if manifest.name == "Cargo.toml" else document
    assert table["entry_files"] == [f"main.{table['extensions'][0]}"]


def test_it_compiles_its_example(tmp_path: Path) -> None:
    """The program works by hand too; the module answers 42, debug keeps the names."""
    new_plugin("zork", "command", tmp_path)
    folder = tmp_path / "zork"
    sizes = []
    for level in ("size", "debug"):
        command = [sys.executable, str(folder / "bin/zork"), "compile", "-p", str(folder / "example")]
        command += ["-o", str(tmp_path), "--optimization", level]
        said = subprocess.run(command, check=True, capture_output=True, text=True)
        assert said.stdout == f"WASM file: {tmp_path / 'main.wasm'}\n"
        sizes.append((tmp_path / "main.wasm").stat().st_size)
    assert sizes[0] < sizes[1]
    called = [sys.executable, "-m", "wasmrun_py", "exec", str(tmp_path / "main.wasm"), "--call", "answer"]
    assert subprocess.run(called, check=True, capture_output=True, text=True).stdout == "42\n"


@pytest.mark.parametrize("name", ["../x", "-rf", "CON", "a/b", "x" * 65, ""])
def test_a_name_that_is_none_is_refused(tmp_path: Path, name: str) -> None:
    """Nothing is written."""
    with pytest.raises(UsageError):
        new_plugin(name, "python", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    """A folder that is there and not empty stays as it is; an unknown language writes nothing."""
    (tmp_path / "zork").mkdir()
    (tmp_path / "zork" / "mine").touch()
    with pytest.raises(UsageError, match="already there"):
        new_plugin("zork", "command", tmp_path)
    with pytest.raises(UsageError, match="cobol"):
        new_plugin("other", "cobol", tmp_path)
    assert [path.name for path in tmp_path.rglob("*")] == ["zork", "mine"]
