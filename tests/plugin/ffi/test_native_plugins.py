"""The reference plugins in C, Rust, Go and Zig: what ``plugin new`` writes builds, installs and works."""

from __future__ import annotations

import filecmp
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.conftest import Wasmrun, require_tool
from wasmrun_py.scaffold.new_plugin import new_plugin

if TYPE_CHECKING:
    from collections.abc import Callable

_FIXTURES = Path(__file__).parents[3] / "fixtures" / "plugins"
_LANGUAGES = [
    "c",
    "rust",
    "go",
    # Its compiler comes from PyPI.
    pytest.param("zig", marks=[pytest.mark.network, pytest.mark.slow]),
]


@pytest.mark.parametrize("lang", ["c", "rust", "go", "zig"])
def test_reference_plugins_are_what_new_writes(lang: str, tmp_path: Path) -> None:
    """``fixtures/plugins/LANG`` is ``wasmrun plugin new tally-LANG --lang LANG``, file by file."""
    files = new_plugin(f"tally-{lang}", lang, tmp_path)
    fixture = _FIXTURES / lang
    for name in files:
        assert filecmp.cmp(tmp_path / f"tally-{lang}" / name, fixture / name, shallow=False), name
    outputs = {"lib", "target"}
    kept = {path.relative_to(fixture) for path in fixture.rglob("*") if path.is_file()}
    assert {path for path in kept if path.parts[0] not in outputs} - set(files) <= {Path("Cargo.lock")}


@pytest.fixture
def find_zig(wasmrun: Wasmrun, home: Path) -> Callable[[], str]:
    """Where a zig is: the user's, else wasmrun's own."""

    def find() -> str:
        found = shutil.which("zig")
        if found is not None:
            return found
        finished = wasmrun("toolchain", "install", "zig")
        assert finished.code == 0, finished.err
        return str(next((home / "toolchains").glob("zig-*/ziglang/zig")))

    return find


@pytest.fixture(params=_LANGUAGES)
def native(request: pytest.FixtureRequest, tmp_path: Path, find_zig: Callable[[], str]) -> tuple[str, Path]:
    """A language, and a copy of its reference plugin, built as its README says."""
    lang = str(request.param)
    folder = shutil.copytree(
        _FIXTURES / lang, tmp_path / f"tally-{lang}", ignore=shutil.ignore_patterns("lib", "target")
    )
    if lang == "rust":
        require_tool("cargo")
        return lang, folder
    require_tool({"c": "cc", "go": "go", "zig": "make"}[lang])
    words = [f"ZIG={find_zig()}"] if lang == "zig" else []
    subprocess.run([require_tool("make"), *words], cwd=folder, check=True, capture_output=True)
    return lang, folder


def test_reference_plugin(wasmrun: Wasmrun, native: tuple[str, Path], tmp_path: Path) -> None:
    """It keeps the contract and ABI 1, installs, builds at each level what runs, and says why it does not."""
    lang, folder = native
    name, entry = f"tally-{lang}", f"main.tally{lang}"
    tried = wasmrun("plugin", "test", folder, "--json")
    assert tried.code == 0, tried.out + tried.err
    (through,) = tried.document["transports"]
    checks = {each["name"]: each["status"] for each in through["checks"]}
    assert through["transport"] == "ffi"
    assert {status for check, status in checks.items() if check.startswith("abi")} == {"pass"}
    assert sum(check.startswith("abi") for check in checks) == 6
    installed = wasmrun("plugin", "install", folder)
    assert installed.code == 0, installed.err
    project = shutil.copytree(folder / "example", tmp_path / "example")
    for level in ("debug", "release", "size"):
        built = wasmrun("compile", project, "-O", level, "--json")
        assert built.code == 0, built.err
        assert built.document["plugin"] == {
            "name": name,
            "version": "0.1.0",
            "type": "external",
            "transport": "ffi",
        }
        assert wasmrun("exec", "-c", "year", built.document["wasm_path"]).out.strip() == "1977"
    (project / entry).write_text("one = 1\n  two == 2\n")
    failed = wasmrun("compile", project, "--json")
    assert failed.code == 1
    (place,) = failed.document["error"]["diagnostics"]
    assert (place["file"], place["line"], place["column"]) == (entry, 2, 3)
    assert wasmrun("plugin", "uninstall", name).code == 0
    store = tmp_path / "wasmrun-home" / "store"
    assert not store.exists()


def test_leak_is_found(wasmrun: Wasmrun, tmp_path: Path) -> None:
    """A plugin that forgets to free one text of each result fails ``plugin test``."""
    folder = shutil.copytree(_FIXTURES / "c", tmp_path / "leaky", ignore=shutil.ignore_patterns("lib"))
    source = folder / "src" / "plugin.c"
    text = source.read_text()
    freed = "    free((void *)result->message.ptr);\n"
    assert freed in text
    source.write_text(text.replace(freed, ""))
    subprocess.run([require_tool("make")], cwd=folder, check=True, capture_output=True)
    tried = wasmrun("plugin", "test", folder, "--json")
    assert tried.code == 1
    (through,) = tried.document["transports"]
    failed = {each["name"]: each["message"] for each in through["checks"] if each["status"] == "fail"}
    assert "something is not freed" in failed["abi-results"]


def test_path_that_is_no_utf8(wasmrun: Wasmrun, tmp_path: Path) -> None:
    """C is given UTF-8 only: a library is not asked about a project whose path is something else."""
    folder = shutil.copytree(_FIXTURES / "c", tmp_path / "tally", ignore=shutil.ignore_patterns("lib"))
    subprocess.run([require_tool("make")], cwd=folder, check=True, capture_output=True)
    assert wasmrun("plugin", "install", folder).code == 0
    odd = Path(str(tmp_path), b"\xff\xfe".decode("utf-8", "surrogateescape"))
    shutil.copytree(folder / "example", odd)
    finished = wasmrun("compile", odd, "--plugin", "tally-c", "--json")
    assert finished.code == 3
    assert "through a shared library: no UTF-8" in finished.document["error"]["message"]
