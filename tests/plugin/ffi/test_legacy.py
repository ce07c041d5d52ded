"""Libraries that are older than ABI 1: recognised by their symbols, called with their own layouts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.plugin.transport.conftest import compile_library
from tests.toolchain.recording import RecordingReporter
from wasmrun_py.model.build import BuildConfig, OptimizationLevel
from wasmrun_py.model.errors import BuildError
from wasmrun_py.model.manifest import Match, PluginInfo, PluginManifest, Transports
from wasmrun_py.plugin.transport.base import Callee, StartPaths, TransportWorld
from wasmrun_py.plugin.transport.external import ExternalPlugin
from wasmrun_py.system.fs import make_empty
from wasmrun_py.system.paths import Home

if TYPE_CHECKING:
    from collections.abc import Iterator

_SOURCE = Path(__file__).with_name("legacy.c")
_KINDS = ["WASMRUST_LONG", "WASMRUST_SHORT", "WASMASC", "WASPY"]
_LEVELS = {OptimizationLevel.DEBUG: 0, OptimizationLevel.RELEASE: 1, OptimizationLevel.SIZE: 2}


@pytest.fixture(params=_KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    """Which of the old interfaces."""
    return str(request.param)


@pytest.fixture
def plugin(kind: str, tmp_path: Path) -> Iterator[ExternalPlugin]:
    """A plugin with a library of that kind and nothing else."""
    library = tmp_path / "old.so"
    compile_library(_SOURCE, library, f"-D{kind}")
    manifest = PluginManifest(
        info=PluginInfo(
            name="old", version="0.1", description="Old.", entry_files=("main.old",), extensions=("old",)
        ),
        language="old",
        transports=Transports(ffi="old"),
    )
    world = TransportWorld(environ={"PATH": "/usr/bin:/bin"}, home=Home(root=tmp_path / "home"))
    callee = Callee(name="old", manifest=manifest, paths=StartPaths(library=library), world=world)
    with ExternalPlugin(callee) as opened:
        yield opened


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "main.old").write_text("anything\n")
    return folder


def _config(project: Path, **changes: object) -> BuildConfig:
    folders = {name: project.parent / name for name in ("out", "work")}
    for folder in folders.values():
        make_empty(folder)
    fields: dict[str, object] = {
        "project_path": project,
        "output_dir": folders["out"],
        "work_dir": folders["work"],
        "optimization_level": OptimizationLevel.RELEASE,
    }
    return BuildConfig(**{**fields, **changes})  # type: ignore[arg-type]  # the test names fields


def _received(module: Path) -> str:
    return module.read_bytes().partition(b"\3got")[2].decode()


@pytest.mark.parametrize("level", list(OptimizationLevel))
def test_options_reach_it(plugin: ExternalPlugin, kind: str, project: Path, level: OptimizationLevel) -> None:
    """Every option that the old struct has arrives in its place; the project is left alone."""
    config = _config(project, optimization_level=level, verbose=True)
    result = plugin.get_builder().build(config, RecordingReporter())
    expected = {
        "WASPY": f"project project optimize={min(_LEVELS[level], 1)}",
        "WASMASC": f"optimization={_LEVELS[level]} verbose=1 watch=0",
        "WASMRUST_SHORT": f"optimization={_LEVELS[level]} verbose=1 watch=0",
        "WASMRUST_LONG": f"optimization={_LEVELS[level]} verbose=1 watch=0 target=wasm",
    }
    assert _received(result.wasm_path) == expected[kind]
    assert [path.name for path in project.iterdir()] == ["main.old"]
    assert plugin.incidents == ()


def test_questions(plugin: ExternalPlugin, project: Path) -> None:
    """It is asked whether it takes a project; ``clean`` is not called: it removes what is not its own."""
    answer = plugin.can_handle_project(project)
    assert isinstance(answer, Match)
    assert answer.reason == "main.old is there"
    assert plugin.get_builder().check_dependencies() == ()
    assert plugin.get_builder().clean(project) == ()
    plugin.get_builder().validate_project(project)
    assert plugin.incidents == ()


def test_failure_is_its_own_word(plugin: ExternalPlugin, kind: str, project: Path) -> None:
    """``success`` is looked at; its message becomes the error, with places in the user's own project."""
    if kind == "WASPY":
        project = project.rename(project.with_name("broken"))
    (project / "broken").touch()
    with pytest.raises(BuildError, match=r"no Python at all|it is broken") as raised:
        plugin.get_builder().build(_config(project), RecordingReporter())
    places = [(each.file, each.line, each.column) for each in raised.value.diagnostics]
    assert places == ([] if kind == "WASPY" else [("main.old", 2, 3)])


def test_javascript_means_a_pair(plugin: ExternalPlugin, kind: str, project: Path) -> None:
    """An output ``app.js`` stands for ``app_bg.wasm`` and ``app.js``; waspy gives bytes and no JavaScript."""
    (project / "pair").touch()
    result = plugin.get_builder().build(_config(project), RecordingReporter())
    if kind == "WASPY":
        assert (result.js_path, result.is_wasm_bindgen) == (None, False)
        return
    assert (result.wasm_path.name, result.is_wasm_bindgen) == ("app_bg.wasm", True)
    assert result.js_path is not None
    assert result.js_path.name == "app.js"


def test_named_entry_is_compiled_as_source(tmp_path: Path, project: Path) -> None:
    """An entry that the user names goes to waspy as its text, and the module is called as asked."""
    library = tmp_path / "old.so"
    compile_library(_SOURCE, library, "-DWASPY")
    manifest = PluginManifest(info=PluginInfo(name="old", version="1", description=""), language="old")
    world = TransportWorld(environ={}, home=Home(root=tmp_path / "home"))
    callee = Callee(name="old", manifest=manifest, paths=StartPaths(library=library), world=world)
    with ExternalPlugin(callee) as plugin:
        config = _config(project, entry=project / "main.old", name="given")
        result = plugin.get_builder().build(config, RecordingReporter())
    assert result.wasm_path.name == "given.wasm"
    assert _received(result.wasm_path) == "source anything\n optimize=1"
