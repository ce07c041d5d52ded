"""A build from settings to published artifacts, with plugins that misbehave."""

from __future__ import annotations

import os
import uuid
from typing import TYPE_CHECKING

import pytest
import wasmtime

from wasmrun_py.build.compile import compile_project
from wasmrun_py.config.settings import Overrides, resolve_settings
from wasmrun_py.model.errors import (
    ArtifactError,
    OutputError,
    PluginFailedError,
    UsageError,
    WasmrunError,
)
from wasmrun_py.model.events import SilentReporter
from wasmrun_py.plugin.api import PluginContext
from wasmrun_py.plugin.manager import PluginManager
from wasmrun_py.system.paths import Home

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from wasmrun_py.build.compile import CompileReport

PLUGIN = """
import os, pathlib
from wasmrun_py.plugin.api import *

HEADER = b"\\0asm\\1\\0\\0\\0"

class Plugin:
    info = PluginInfo(name="zork", version="1", description="A test.", toolchains=("zorkc",))
    def can_handle_project(self, project_path):
        return Match(confidence=90, reason="it is a test")
    def get_builder(self):
        return Builder()

class Builder:
    language_name = "Zork"
    def build(self, config, reporter):
        wasm = config.output_dir / "out.wasm"
        toolchain = Toolchain(name="zorkc", version="1")
        extra = ()
        BODY
        return BuildResult(wasm_path=wasm, additional_files=extra, toolchain=toolchain)
"""


@pytest.fixture
def build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., CompileReport]:
    """Build a project with a plugin whose ``build`` has this body."""
    (tmp_path / "project").mkdir()

    def run(body: str, *, environ: dict[str, str] | None = None, **overrides: object) -> CompileReport:
        site = tmp_path / f"site-{len(list(tmp_path.glob('site-*')))}"
        info = site / "zork-1.dist-info"
        info.mkdir(parents=True)
        for earlier in tmp_path.glob("site-*/zork-1.dist-info/entry_points.txt"):
            earlier.unlink()
        # Modules stay imported in a worker that runs many tests: each has a name of its own.
        module = f"zork_{uuid.uuid4().hex}"
        source = PLUGIN.replace("BODY", body.replace("\n", "\n        "))
        (site / f"{module}.py").write_text(source, encoding="utf-8")
        (info / "entry_points.txt").write_text(
            f"[wasmrun.plugins]\nzork = {module}:Plugin\n", encoding="utf-8"
        )
        monkeypatch.syspath_prepend(str(site))
        home = Home(root=tmp_path / "home")
        project = tmp_path / "project"
        settings = resolve_settings(project, Overrides(**overrides), environ={}, home=home)  # type: ignore[arg-type]  # a test's own keywords
        manager = PluginManager(PluginContext(environ=environ or {}, home=home))
        return compile_project(project, settings, manager=manager, home=home, reporter=SilentReporter())

    return run


def test_a_good_plugin_is_published(build: Callable[..., CompileReport], tmp_path: Path) -> None:
    """The report tells what was built, with the paths where it lies now."""
    report = build(
        "wasm.write_bytes(HEADER)\nextra = (config.output_dir / 'a.txt',)\nextra[0].write_text('x')"
    )
    assert report.wasm_path == tmp_path / "project" / "dist" / "out.wasm"
    assert report.wasm_path.read_bytes() == b"\0asm\1\0\0\0"
    assert [each.kind for each in report.artifacts] == ["wasm", "file"]
    assert (report.language, report.toolchain.name, report.plugin.name) == ("Zork", "zorkc", "zork")


@pytest.mark.parametrize(
    ("body", "error", "said"),
    [
        ("pass", ArtifactError, "there is no such file"),
        ("wasm.write_bytes(b'')", ArtifactError, "it is empty"),
        ("wasm.write_bytes(b'not wasm')", ArtifactError, "not valid WebAssembly"),
        ("wasm.write_bytes(HEADER + b'\\1')", ArtifactError, "not valid WebAssembly"),
        (
            "wasm = config.project_path / 'x.wasm'\nwasm.write_bytes(HEADER)",
            ArtifactError,
            "outside the folder",
        ),
        ("wasm = pathlib.Path('out.wasm')", ArtifactError, "outside the folder"),
        ("wasm = config.output_dir / '..' / 'x.wasm'\nwasm.write_bytes(HEADER)", ArtifactError, "outside"),
        (
            "(config.work_dir / 'y').write_bytes(HEADER)\nwasm.symlink_to(config.work_dir / 'y')",
            ArtifactError,
            "outside the folder",
        ),
        (
            "(config.output_dir / 'y').write_bytes(HEADER)\nwasm.symlink_to(config.output_dir / 'y')",
            ArtifactError,
            "it is a link",
        ),
        ("wasm.mkdir()", ArtifactError, "there is no such file"),
        ("os.mkfifo(wasm)", ArtifactError, "there is no such file"),
        ("raise ValueError('boom')", PluginFailedError, 'Plugin "zork" failed in build: ValueError: boom'),
        ("raise SystemExit(3)", PluginFailedError, "SystemExit"),
        ("return {'wasm_path': wasm}", PluginFailedError, "it returned a dict, not a BuildResult"),
    ],
)
def test_a_plugin_is_not_believed(
    build: Callable[..., CompileReport], tmp_path: Path, body: str, error: type[WasmrunError], said: str
) -> None:
    """Success is checked: nothing is published for a claim that does not hold up, and nothing is left."""
    with pytest.raises(error) as caught:
        build(body)
    assert said in caught.value.message
    assert not (tmp_path / "project" / "dist").exists()


def test_a_users_module_that_a_plugin_claims_is_not_optimized(
    build: Callable[..., CompileReport], tmp_path: Path
) -> None:
    """wasm-opt replaces the module it makes smaller: it must never be one outside the build's folder."""
    unused = "(func (drop (i32.const 1)))" * 200
    padded = wasmtime.wat2wasm(f'(module {unused} (func (export "f")))')
    mine = tmp_path / "project" / "mine.wasm"
    mine.write_bytes(bytes(padded))
    before = (mine.read_bytes(), mine.stat().st_ino)
    with pytest.raises(ArtifactError, match="outside the folder"):
        build("wasm = config.project_path / 'mine.wasm'", environ=dict(os.environ))
    assert (mine.read_bytes(), mine.stat().st_ino) == before


def test_a_stale_artifact_cannot_be_claimed(build: Callable[..., CompileReport], tmp_path: Path) -> None:
    """The folder a plugin is given is empty: the last build's module is not this build's."""
    build("wasm.write_bytes(HEADER)")
    before = (tmp_path / "project" / "dist" / "out.wasm").stat().st_mtime_ns
    with pytest.raises(ArtifactError, match="there is no such file"):
        build("pass")
    assert (tmp_path / "project" / "dist" / "out.wasm").stat().st_mtime_ns == before


@pytest.mark.parametrize(
    ("overrides", "said"),
    [({"target": "wsam"}, 'no target "wsam"'), ({"toolchain": "zorc"}, 'no toolchain "zorc"')],
)
def test_what_the_manifest_does_not_name_is_refused(
    build: Callable[..., CompileReport], overrides: dict[str, str], said: str
) -> None:
    """A target or toolchain nobody offers is a usage error with the nearest word, before anything runs."""
    with pytest.raises(UsageError, match=said) as caught:
        build("raise ValueError('must not run')", **overrides)
    assert "Did you mean" in caught.value.hint


def test_a_folder_in_the_way_of_an_artifact_is_told(
    build: Callable[..., CompileReport], tmp_path: Path
) -> None:
    """A user's folder with an artifact's name stays, and the build says so."""
    (tmp_path / "project" / "dist" / "out.wasm" / "mine").mkdir(parents=True)
    with pytest.raises(OutputError, match="a folder of that name is in the way"):
        build("wasm.write_bytes(HEADER)")
    assert (tmp_path / "project" / "dist" / "out.wasm" / "mine").is_dir()
