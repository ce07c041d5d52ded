"""``wasmrun exec`` through the command line: what belongs to whom, and every exit code."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
import wasmtime

from tests.conftest import require_tool

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Wasmrun

LIBRARY = """
(module
  (func (export "add") (param i32 i32) (result i32) local.get 0 local.get 1 i32.add)
  (func (export "add64") (param i64 i64) (result i64) local.get 0 local.get 1 i64.add)
  (func (export "half") (param f32) (result f32) local.get 0 f32.const 0.5 f32.mul)
  (func (export "third") (param f64) (result f64) local.get 0 f64.const 3 f64.div)
  (func (export "swap") (param i32 i64) (result i64 i32) local.get 1 local.get 0)
  (func $inner unreachable)
  (func $outer (export "boom") call $inner)
  (func (export "spin") (loop br 0))
  (memory (export "memory") 1)
  (func (export "grow") (result i32) i32.const 2000 memory.grow)
)
"""

PROGRAM = """
(module
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (import "wasi_snapshot_preview1" "args_sizes_get" (func $sizes (param i32 i32) (result i32)))
  (memory (export "memory") 1)
  ;; ends with the number of its arguments, argv[0] included
  (func (export "_start")
    (drop (call $sizes (i32.const 0) (i32.const 4)))
    (call $exit (i32.load (i32.const 0))))
)
"""


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """A module of plain exports."""
    return write_module(tmp_path / "lib.wasm", LIBRARY)


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """A program whose exit code is the number of its arguments."""
    return write_module(tmp_path / "prog.wasm", PROGRAM)


def write_module(path: Path, text: str) -> Path:
    path.write_bytes(bytes(wasmtime.wat2wasm(text)))
    return path


@pytest.mark.parametrize(
    ("args", "printed"),
    [
        (["--call", "add", "lib.wasm", "2", "3"], "5\n"),
        (["-c", "add", "lib.wasm", "-2", "-3"], "-5\n"),
        (["lib.wasm", "--call", "add", "2", "3"], "5\n"),
        (["lib.wasm", "--call=add", "2", "3"], "5\n"),
        (["-p", "lib.wasm", "--call", "add", "2", "3"], "5\n"),
        (["--call", "add64", "lib.wasm", "9223372036854775807", "0"], "9223372036854775807\n"),
        (["--call", "half", "lib.wasm", "0.2"], "0.1\n"),
        (["--call", "third", "lib.wasm", "1"], "0.3333333333333333\n"),
        (["--call", "swap", "lib.wasm", "1", "2"], "2\n1\n"),
    ],
)
def test_an_export_is_called_with_typed_arguments(
    wasmrun: Wasmrun, library: Path, args: list[str], printed: str
) -> None:
    """Before FILE or directly after it, negative numbers included; one result a line."""
    assert library.exists()
    finished = wasmrun("exec", *args)
    assert (finished.out, finished.err, finished.code) == (printed, "", 0)


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (["--call", "add", "lib.wasm", "2"], 125, ["add(i32, i32) -> i32", "2 arguments"]),
        (["--call", "add", "lib.wasm", "2", "x"], 125, ["add(i32, i32) -> i32", "x"]),
        (["--call", "add", "lib.wasm", "2", "4294967296"], 125, ["add(i32, i32) -> i32", "4294967296"]),
        (["--call", "ad", "lib.wasm", "2", "3"], 127, ["ad", "add(i32, i32) -> i32"]),
        (["--call", "memory", "lib.wasm"], 125, ["memory"]),
        (["lib.wasm", "--call"], 125, ["--call needs the name"]),
        (["--call", "add", "lib.wasm", "--call", "add", "1", "2"], 125, ["--call is given twice"]),
        (["lib.wasm"], 126, ["_start", "--call"]),
    ],
)
def test_a_wrong_call_shows_the_signature(
    wasmrun: Wasmrun, library: Path, args: list[str], code: int, said: list[str]
) -> None:
    """Wrong count, type, range or name: the export's signature or the near names stand in the message."""
    assert library.exists()
    finished = wasmrun("exec", *args)
    assert finished.code == code
    for words in said:
        assert words in finished.err


@pytest.mark.parametrize(
    ("args", "count"),
    [
        (["prog.wasm"], 1),
        (["prog.wasm", "a", "b"], 3),
        (["prog.wasm", "--", "--call", "x"], 3),
        (["prog.wasm", "a", "--call", "x"], 4),
        (["prog.wasm", "--json", "-v", "--timeout", "1"], 5),
        (["prog.wasm", "a", "--", "b"], 4),
        (["-p", "prog.wasm", "a"], 2),
        (["-p", "missing.wasm", "prog.wasm", "a"], 2),
    ],
)
def test_what_follows_file_belongs_to_the_guest(
    wasmrun: Wasmrun, program: Path, args: list[str], count: int
) -> None:
    """Options come before FILE; the guest sees all the rest, and its exit code is ours."""
    assert program.exists()
    assert wasmrun("exec", *args).code == count


def test_exit_code_seven_is_exit_code_seven(wasmrun: Wasmrun, program: Path) -> None:
    """A guest's own code is passed through, also with --json, where it stands in the document."""
    finished = wasmrun("exec", "--json", program, *"123456")
    assert finished.code == 7
    assert finished.document["ok"] is True
    assert finished.document["exit_code"] == 7


def test_a_trap_is_134_with_the_backtrace(wasmrun: Wasmrun, library: Path) -> None:
    """The frames are named, innermost first."""
    finished = wasmrun("exec", "--call", "boom", library)
    assert finished.code == 134
    assert finished.err.index("inner") < finished.err.index("outer")
    assert "unreachable" in finished.err


@pytest.mark.parametrize("as_json", [[], ["--json"]])
def test_an_endless_loop_is_ended(wasmrun: Wasmrun, library: Path, as_json: list[str]) -> None:
    """--timeout ends it with 124, soon after the time is up."""
    started = time.monotonic()
    finished = wasmrun("exec", *as_json, "--timeout", "1", "--call", "spin", library)
    assert finished.code == 124
    assert "1 s" in finished.err + finished.out
    assert time.monotonic() - started < 2.5


def test_fuel_is_a_limit(wasmrun: Wasmrun, library: Path) -> None:
    """--fuel ends a loop with 124 without a clock."""
    finished = wasmrun("exec", "--fuel", "10000", "--call", "spin", library)
    assert finished.code == 124
    assert "fuel" in finished.err


def test_memory_is_a_limit(wasmrun: Wasmrun, library: Path) -> None:
    """A guest that asks for more than --max-memory is stopped; one that stays below is not."""
    finished = wasmrun("exec", "--max-memory", "64MB", "--call", "grow", library)
    assert finished.code == 124
    assert "64" in finished.err
    assert wasmrun("exec", "--max-memory", "256MB", "--call", "grow", library).out == "1\n"


@pytest.mark.parametrize("content", [b"", b"not wasm", b"\0asm\1\0\0\0\1", b"(module)"])
def test_what_is_not_wasm_is_not_runnable(wasmrun: Wasmrun, tmp_path: Path, content: bytes) -> None:
    """126 with the reason; WebAssembly text is not run behind one's back either."""
    (tmp_path / "x.wasm").write_bytes(content)
    finished = wasmrun("exec", "x.wasm")
    assert finished.code == 126
    assert "x.wasm" in finished.err


def test_nothing_is_granted_by_default(wasmrun: Wasmrun, tmp_path: Path) -> None:
    """No variable and no folder of the host reaches the guest; what is granted read-only stays as it is."""
    clang = require_tool("clang")
    assert clang
    (tmp_path / "probe.c").write_text(
        r"""
        #include <stdio.h>
        #include <stdlib.h>
        int main(void) {
            FILE *file = fopen("/data/file", "r+");
            printf("write=%d", file != NULL);
            file = fopen("/data/file", "r");
            printf(" read=%d", file != NULL);
            file = fopen("/data/new", "w");
            printf(" create=%d unlink=%d env=%s\n", file != NULL, remove("/data/file") == 0,
                   getenv("SECRET") ? getenv("SECRET") : "none");
        }
        """,
        encoding="utf-8",
    )
    (tmp_path / "src").mkdir()
    (tmp_path / "probe.c").rename(tmp_path / "src" / "main.c")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "file").write_text("x", encoding="utf-8")
    built = wasmrun("compile", "--toolchain", "clang", "--json", env={"SECRET": "yes"})
    module = built.document["wasm_path"]
    env = {"SECRET": "yes"}
    assert wasmrun("exec", module, env=env).out == "write=0 read=0 create=0 unlink=0 env=none\n"
    granted = wasmrun("exec", "--dir", "data:/data:ro", "--env", "SECRET", module, env=env)
    assert granted.out == "write=0 read=1 create=0 unlink=0 env=yes\n"
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["file"]
    granted = wasmrun("exec", "--dir", "data:/data", "--env", "SECRET=other", module, env=env)
    assert granted.out == "write=1 read=1 create=1 unlink=1 env=other\n"
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["new"]


def test_a_project_is_built_and_run(wasmrun: Wasmrun, project: Path) -> None:
    """A folder is built first; the build's progress is on stderr, the program's output alone on stdout."""
    require_tool("emcc")
    finished = wasmrun("exec", project, "one", "two")
    assert finished.code == 0
    assert finished.out == "Hello, one!\nHello, two!\n"
    assert (project / "dist" / "c-hello.wasm").is_file()


def test_a_project_that_does_not_build_is_125(wasmrun: Wasmrun, project: Path) -> None:
    """Whatever keeps the guest from being run is wasmrun's own failure; the compiler's words are shown."""
    require_tool("emcc")
    (project / "main.c").write_text("int main(void) { return nope; }\n", encoding="utf-8")
    finished = wasmrun("exec", project)
    assert finished.code == 125
    assert "nope" in finished.err


def test_stdin_reaches_the_guest(wasmrun: Wasmrun, tmp_path: Path) -> None:
    """The guest reads what is piped in."""
    require_tool("clang")
    (tmp_path / "main.c").write_text(
        "#include <stdio.h>\nint main(void) { int c; while ((c = getchar()) != EOF) putchar(c); }\n",
        encoding="utf-8",
    )
    assert wasmrun("exec", "--toolchain", "clang", ".", stdin="through\n").out == "through\n"
