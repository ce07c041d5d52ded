"""Every fixture with every compiler at every level, for real."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import wasmtime

from tests.browser import opened_browser, visit
from tests.conftest import FIXTURES, require_tool
from wasmrun_py.plugin.api import BuildResult, OptimizationLevel

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page

    from tests.plugins_builtin.c.conftest import Bench

_C_FIXTURES = ["c-hello", "c-library", "c-makefile", "c-cmake", "c-files"]
_OUTPUT = {
    "c-hello": "Hello, one!\nHello, two!\n",
    "c-makefile": "Hello from make: 168 primes below 1000\n",
    "c-cmake": "2 words\n",
    "cpp-multi": "bolt x12 at 0.25\nhinge x4 at 3.10\nhandle x1 at 15.05\ntotal 30.45\n",
}
_NAMES = {"c-makefile": "app.wasm", "c-cmake": "wordcount.wasm"}


def _build_all(bench: Bench, fixture: str, toolchain: str) -> dict[OptimizationLevel, BuildResult]:
    """Build at each level and check what holds for every build."""
    project = FIXTURES / fixture
    before = _tree(project)
    results = {
        level: bench.build(project, toolchain=toolchain, optimization_level=level)
        for level in OptimizationLevel
    }
    for result in results.values():
        wasmtime.Module.validate(wasmtime.Engine(), result.wasm_path.read_bytes())
        assert result.wasm_path.name == _NAMES.get(fixture, f"{fixture}.wasm")
        assert result.toolchain.name == toolchain
        assert [path.name for path in result.wasm_path.parent.iterdir()] == [result.wasm_path.name]
    assert _tree(project) == before
    return results


def _tree(folder: Path) -> dict[str, int]:
    return {str(path): path.stat().st_mtime_ns for path in folder.rglob("*")}


def _assert_sizes(results: dict[OptimizationLevel, BuildResult]) -> None:
    sizes = {level: result.wasm_path.stat().st_size for level, result in results.items()}
    assert sizes[OptimizationLevel.SIZE] <= sizes[OptimizationLevel.RELEASE], sizes
    assert sizes[OptimizationLevel.RELEASE] <= sizes[OptimizationLevel.DEBUG], sizes


def _run(wasm: Path, tmp_path: Path, *args: str) -> str:
    """Run a WASI command and return what it wrote."""
    engine = wasmtime.Engine()
    store = wasmtime.Store(engine)
    linker = wasmtime.Linker(engine)
    linker.define_wasi()
    wasi = wasmtime.WasiConfig()
    wasi.argv = ["program", *args]
    out = tmp_path / "stdout.txt"
    wasi.stdout_file = str(out)
    store.set_wasi(wasi)
    instance = linker.instantiate(store, wasmtime.Module.from_file(engine, str(wasm)))
    start = instance.exports(store)["_start"]
    assert isinstance(start, wasmtime.Func)
    try:
        start(store)
    except wasmtime.ExitTrap as ended:
        assert ended.code == 0  # noqa: PT017 - exit code 0 is an exception in this binding
    return out.read_text()


def _assert_works(fixture: str, results: dict[OptimizationLevel, BuildResult], tmp_path: Path) -> None:
    for result in results.values():
        if fixture == "c-library":
            _assert_library(result.wasm_path)
        elif fixture in _OUTPUT:
            args = {"c-hello": ["one", "two"], "c-cmake": ["two words"]}.get(fixture, [])
            assert _run(result.wasm_path, tmp_path, *args) == _OUTPUT[fixture]


def _assert_library(wasm: Path) -> None:
    """The functions are there under their own names, and not a hundred of libc's."""
    engine = wasmtime.Engine()
    store = wasmtime.Store(engine)
    module = wasmtime.Module.from_file(engine, str(wasm))
    instance = wasmtime.Linker(engine).instantiate(store, module)
    exports = instance.exports(store)
    for name, args, expected in [
        ("add", (2, 3), 5),
        ("multiply", (3_000_000_000, 3), 9_000_000_000),
        ("average", (1.0, 2.0), 1.5),
        ("hypotenuse_squared", (3.0, 4.0), 25.0),
    ]:
        function = exports[name]
        assert isinstance(function, wasmtime.Func)
        assert function(store, *args) == expected
    names = {export.name for export in module.exports}
    assert "clamp" not in names
    assert "_start" not in names
    assert len(names) < 20


@pytest.mark.parametrize("fixture", _C_FIXTURES)
def test_clang_builds_every_c_fixture(fixture: str, bench: Bench, tmp_path: Path) -> None:
    """Valid, running, size ≤ release ≤ debug, nothing written into the project."""
    require_tool("clang")
    require_tool("wasm-ld")
    results = _build_all(bench, fixture, "clang")
    _assert_sizes(results)
    _assert_works(fixture, results, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("fixture", [*_C_FIXTURES, "cpp-multi"])
def test_emcc_builds_every_fixture(fixture: str, bench: Bench, tmp_path: Path) -> None:
    """Valid, running, size ≤ release ≤ debug, nothing written into the project."""
    require_tool("emcc")
    results = _build_all(bench, fixture, "emcc")
    _assert_sizes(results)
    _assert_works(fixture, results, tmp_path)
    has_warning = any("cannot open files" in words for words in results[OptimizationLevel.RELEASE].warnings)
    assert has_warning is (fixture == "c-files")


@pytest.mark.network
@pytest.mark.slow
@pytest.mark.parametrize("fixture", [*_C_FIXTURES, "cpp-multi"])
def test_zig_builds_every_fixture(fixture: str, zig_bench: Bench, tmp_path: Path) -> None:
    """The same with the zig that wasmrun installs; its caches are in wasmrun's cache folder."""
    results = _build_all(zig_bench, fixture, "zig")
    _assert_sizes(results)
    _assert_works(fixture, results, tmp_path)
    assert results[OptimizationLevel.RELEASE].toolchain.version == "0.13.0"
    assert (zig_bench.home.cache / "zig").is_dir()


@pytest.mark.parametrize("toolchain", ["clang", "emcc"])
def test_release_keeps_function_names_and_size_does_not(toolchain: str, bench: Bench) -> None:
    """A trap in a release build can name its functions; a size build has no names at all."""
    require_tool(toolchain)
    release = bench.build(FIXTURES / "c-hello", toolchain=toolchain)
    size = bench.build(FIXTURES / "c-hello", toolchain=toolchain, optimization_level=OptimizationLevel.SIZE)
    assert b"\x04name" in release.wasm_path.read_bytes()
    assert b"\x04name" not in size.wasm_path.read_bytes()


@pytest.mark.parametrize("toolchain", ["clang", "emcc"])
@pytest.mark.parametrize("fixture", ["c-hello", "c-makefile", "c-cmake"])
def test_debug_info_is_kept_when_asked_for(toolchain: str, fixture: str, bench: Bench) -> None:
    """debug_info adds DWARF to a release build, whichever way it is built."""
    require_tool(toolchain)
    plain = bench.build(FIXTURES / fixture, toolchain=toolchain)
    with_info = bench.build(FIXTURES / fixture, toolchain=toolchain, debug_info=True)
    assert b".debug_info" not in plain.wasm_path.read_bytes()
    assert b".debug_info" in with_info.wasm_path.read_bytes()


@pytest.mark.parametrize("level", list(OptimizationLevel))
def test_web_ships_the_projects_page(level: OptimizationLevel, bench: Bench) -> None:
    """NAME.js and NAME.wasm under the name the page loads, page, style sheet; and it works."""
    require_tool("emcc")
    result = bench.build(FIXTURES / "c-web", target="web", optimization_level=level)
    assert result.js_path is not None
    assert result.js_path.name == "c-web.js"
    assert result.wasm_path.name == "c-web.wasm"
    assert sorted(path.name for path in result.additional_files) == ["index.html", "style.css"]
    assert b"c-web.wasm" in result.js_path.read_bytes()
    corner: list[int] = []

    def look(page: Page) -> None:
        pixel = "document.getElementById('canvas').getContext('2d').getImageData(63, 63, 1, 1).data"
        corner.extend(page.evaluate(f"[...{pixel}]"))

    until = "document.getElementById('output').textContent !== ''"
    with opened_browser() as browser:
        seen = visit(browser, result.js_path.parent, until=until, look=look)
    assert seen.output == "c-web: 64 by 64 pixels\n"
    assert corner == [252, 252, 0, 255]
    assert seen.hosts == {"127.0.0.1"}
    wasmtime.Module.validate(wasmtime.Engine(), result.wasm_path.read_bytes())
