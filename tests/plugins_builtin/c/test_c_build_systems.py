"""Makefiles and CMake: which goal, which flags, which products, and nothing written into the project."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
import wasmtime

from plugins_builtin.c.arguments import is_cmake_arg, is_make_arg, split_custom_args
from plugins_builtin.c.cmake import parse_project_name
from plugins_builtin.c.make import parse_has_target
from plugins_builtin.c.products import sanitise_name
from plugins_builtin.c.wrappers import Wrapper, batch_text, shell_text, write_wrappers
from tests.conftest import FIXTURES, copy_project, require_tool
from tests.plugins_builtin.c.conftest import write_project
from wasmrun_py.model.errors import ArtifactError, BuildError, MissingToolError
from wasmrun_py.model.events import ToolStarted

if TYPE_CHECKING:
    from pathlib import Path

    from tests.plugins_builtin.c.conftest import Bench

_MAIN = "int main(void) { return 0; }\n"


@pytest.mark.parametrize(
    ("makefile", "has_wasm"),
    [
        ("wasm: main.c\n\tcc\n", True),
        ("all wasm: x\n", True),
        ("wasm web:\n", True),
        ("wasm::\n", True),
        ("wasm := 1\n", False),
        ("wasm = x: y\n", False),
        ("all: wasm\n", False),
        ("app.wasm: x\n", False),
        ("# wasm: x\n", False),
        ("\twasm: x\n", False),
        ("", False),
    ],
)
def test_targets_of_a_makefile(makefile: str, has_wasm: bool) -> None:  # noqa: FBT001 - a table's column
    """Only a rule's own targets count, not variables, prerequisites, comments or recipes."""
    assert parse_has_target(makefile, "wasm") is has_wasm


def test_make_runs_the_wasm_goal_when_there_is_one(bench: Bench) -> None:
    """The default goal of such a Makefile is the native program."""
    require_tool("clang")
    files = {
        "main.c": _MAIN,
        "Makefile": "all:\n\tfalse\nwasm:\n\t$(CC) -o tiny.wasm main.c\n",
    }
    result = bench.build(write_project(bench.tmp_path / "p", files), toolchain="clang")
    assert result.wasm_path.name == "tiny.wasm"


def test_the_level_has_an_effect_on_a_makefile_with_its_own(bench: Bench) -> None:
    """The wrapper adds the level behind the Makefile's -O0, and its own defines stay."""
    require_tool("clang")
    files = {
        "main.c": "int main(void) {\n#ifndef __OPTIMIZE__\n#error not optimized\n#endif\nreturn MINE; }\n",
        "Makefile": "CC = gcc\nCFLAGS = -O0 -DMINE=0\napp: main.c\n\t$(CC) $(CFLAGS) -o app main.c\n",
    }
    result = bench.build(write_project(bench.tmp_path / "p", files), toolchain="clang")
    assert result.wasm_path.name == "app.wasm"


def test_native_leftovers_do_not_pass_for_up_to_date(bench: Bench) -> None:
    """Objects and programs of an ordinary make in the same folder are built anew for wasm."""
    require_tool("clang")
    require_tool("gcc")
    require_tool("make")
    project = copy_project("c-makefile", bench.tmp_path)
    subprocess.run(["make"], cwd=project, check=True, capture_output=True)
    native = (project / "app").read_bytes()
    result = bench.build(project, toolchain="clang")
    wasmtime.Module.validate(wasmtime.Engine(), result.wasm_path.read_bytes())
    assert (project / "app").read_bytes() == native


def test_a_makefile_may_reach_its_neighbours(bench: Bench) -> None:
    """``../common.mk`` means the same file as in the project itself."""
    require_tool("clang")
    write_project(
        bench.tmp_path / "mono", {"common.mk": "FLAGS = -DSHARED=0\n", "lib/shared.h": "#define N 0\n"}
    )
    files = {
        "main.c": '#include "shared.h"\nint main(void) { return SHARED + N; }\n',
        "Makefile": "include ../common.mk\napp: main.c\n\t$(CC) $(FLAGS) -I../lib -o app main.c\n",
    }
    result = bench.build(write_project(bench.tmp_path / "mono" / "one", files), toolchain="clang")
    assert result.wasm_path.name == "app.wasm"


def test_an_error_in_a_makefile_build_names_the_projects_file(bench: Bench) -> None:
    """The copy that make works on does not show in diagnostics, in sub-folders neither."""
    require_tool("clang")
    files = {
        "main.c": _MAIN,
        "lib/bad.c": "int x = ;\n",
        "lib/Makefile": "bad.o: bad.c\n\t$(CC) -c bad.c\n",
        "Makefile": "all:\n\t$(MAKE) -C lib\n",
    }
    with pytest.raises(BuildError, match="make could not build p: 1 error") as caught:
        bench.build(write_project(bench.tmp_path / "p", files), toolchain="clang")
    (diagnostic,) = caught.value.diagnostics
    assert (diagnostic.file, diagnostic.line, diagnostic.source) == ("lib/bad.c", 1, "clang")


def test_a_makefile_that_makes_no_module_is_told_what_it_made(bench: Bench) -> None:
    """The list says what kind of file each is."""
    require_tool("clang")
    files = {"calc.c": "int x;\n", "Makefile": "all: calc.o\n\t$(AR) rcs libcalc.a calc.o\n"}
    with pytest.raises(ArtifactError, match=r"libcalc\.a \(a static library\)") as caught:
        bench.build(write_project(bench.tmp_path / "p", files), toolchain="clang")
    assert "$(CC)" in caught.value.hint


@pytest.mark.parametrize(("fixture", "tool"), [("c-makefile", "make"), ("c-cmake", "cmake")])
def test_a_missing_build_tool_is_exit_4(fixture: str, tool: str, bench: Bench) -> None:
    """It is named with the command that installs it."""
    bench.with_only("emcc")
    with pytest.raises(MissingToolError) as caught:
        bench.build(FIXTURES / fixture, toolchain="emcc")
    assert caught.value.tools == (tool,)
    assert f"apt install {tool}" in caught.value.hint


def test_cmake_without_a_generator_is_exit_4(bench: Bench) -> None:
    """CMake alone cannot build; what it needs is named."""
    bench.with_only("emcc", "cmake")
    with pytest.raises(MissingToolError, match="make or ninja"):
        bench.build(FIXTURES / "c-cmake", toolchain="emcc")


def test_a_configure_error_has_its_place(bench: Bench) -> None:
    """CMake's message names the line of CMakeLists.txt."""
    require_tool("clang")
    files = {
        "main.c": _MAIN,
        "CMakeLists.txt": "cmake_minimum_required(VERSION 3.16)\nproject(x C)\nmessage(FATAL_ERROR stop)\n",
    }
    with pytest.raises(BuildError, match="cmake could not configure p: 1 error") as caught:
        bench.build(write_project(bench.tmp_path / "p", files), toolchain="clang")
    (diagnostic,) = caught.value.diagnostics
    assert (diagnostic.file, diagnostic.line, diagnostic.message) == ("CMakeLists.txt", 3, "stop")


def test_the_main_product_is_the_projects_namesake(bench: Bench) -> None:
    """Of several programs the one with the project's name is the module, the others come along."""
    require_tool("clang")
    files = {
        "main.c": _MAIN,
        "CMakeLists.txt": "cmake_minimum_required(VERSION 3.16)\nproject(zoo C)\n"
        "add_executable(ape main.c)\nadd_executable(zoo main.c)\n",
    }
    project = write_project(bench.tmp_path / "p", files)
    result = bench.build(project, toolchain="clang")
    assert result.wasm_path.name == "zoo.wasm"
    assert [path.name for path in result.additional_files] == ["ape.wasm"]
    assert bench.build(project, toolchain="clang", name="ape").wasm_path.name == "ape.wasm"


def test_custom_arguments_go_where_they_belong(bench: Bench) -> None:
    """Variables and jobs to make, the rest to the compiler."""
    require_tool("clang")
    files = {
        "main.c": "int main(void) { return FROM_MAKE + FROM_CC; }\n",
        "Makefile": "app: main.c\n\t$(CC) $(EXTRA) -o app main.c\n",
    }
    bench.build(
        write_project(bench.tmp_path / "p", files),
        toolchain="clang",
        custom_args=("EXTRA=-DFROM_MAKE=0", "-j2", "-DFROM_CC=0"),
    )
    argv = bench.reporter.of(ToolStarted)[-1].argv
    assert "EXTRA=-DFROM_MAKE=0" in argv
    assert "-DFROM_CC=0" not in argv


def test_argument_kinds() -> None:
    """Each tool's own arguments are told from the compiler's."""
    assert [is_make_arg(arg) for arg in ("CC=x", "-j4", "-DX=1", "-O2")] == [True, True, False, False]
    assert [is_cmake_arg(arg) for arg in ("-DCMAKE_X=1", "-DA:BOOL=ON", "-GNinja", "-DA=1")] == [
        True,
        True,
        True,
        False,
    ]
    split = split_custom_args(("-DA", "-lm", "-Xlinker", "--x", "-std=c11", "-s", "A=1", "-Wl,-y"))
    assert split.compile == ("-DA", "-std=c11")
    assert len(split.link) == 8


def test_project_names_of_cmake() -> None:
    """The first project() with a plain name counts."""
    assert parse_project_name('cmake_minimum_required(VERSION 3)\nPROJECT( "my-app" C)') == "my-app"
    assert parse_project_name("project(${NAME})") is None
    assert parse_project_name("# project(x)") is None


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("c-hello", "c-hello"),
        ("my project", "my-project"),
        ("...", "main"),
        ("-x", "x"),
        ("caf\udce9", "caf"),
    ],
)
def test_folder_names_become_file_names(folder: str, name: str) -> None:
    """Only letters, digits and a few signs; never hidden, never empty, never like an option."""
    assert sanitise_name(folder) == name


def test_wrappers_add_flags_by_stage(tmp_path: Path) -> None:
    """Link flags are added only when the call links; arguments with spaces stay whole."""
    wrapper = Wrapper(name="cc", argv=("printf", "%s|"), always=("-O3",), linking=("-Wl,a b",))
    path = write_wrappers(tmp_path, (wrapper,))["cc"]

    def said(*args: str) -> str:
        return subprocess.run([path, *args], capture_output=True, text=True, check=True).stdout

    assert said("x y.c", "-c") == "x y.c|-c|-O3|"
    assert said("x.o") == "x.o|-O3|-Wl,a b|"
    assert shell_text(wrapper).startswith("#!/bin/sh\n")
    assert '"-Wl,a b"' in batch_text(wrapper)
