"""Core modules: programs, calls of exports, traps, and files that cannot be run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from wasmrun_py.execute.request import RunOutcome, RunRequest
from wasmrun_py.model.errors import CallError, NotFoundError, NotRunnableError, TrapError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Execute = Callable[[RunRequest], tuple[RunOutcome, str]]
    Wat = Callable[[str], Path]

_MATHS = """(module
  (memory (export "memory") 1)
  (global (export "answer") i32 (i32.const 42))
  (table (export "table") 1 funcref)
  (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
  (func (export "i64") (param i64) (result i64) (local.get 0))
  (func (export "f32") (param f32) (result f32) (local.get 0))
  (func (export "f64") (param f64) (result f64) (local.get 0))
  (func (export "swap") (param i32 f64) (result f64 i32) (local.get 1) (local.get 0))
  (func (export "nothing"))
  (func (export "vector") (param v128))
  (func (export "any") (result anyref) (ref.null any))
  (func (export "reference") (param externref)))"""


def _program(body: str) -> str:
    return f"""(module
      (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
      (memory (export "memory") 1)
      (func (export "_start") {body}))"""


@pytest.mark.parametrize(
    ("status", "exit_code"), [(0, 0), (7, 7), (126, 126), (255, 255), (-1, 255), (256, 0)]
)
def test_the_guests_exit_code_is_passed_through(
    wat: Wat, execute: Execute, status: int, exit_code: int
) -> None:
    """``proc_exit`` ends the run with its low eight bits, as a process would."""
    outcome, _ = execute(RunRequest(module=wat(_program(f"(call $exit (i32.const {status}))"))))
    assert outcome.exit_code == exit_code
    assert outcome.results == ()
    assert outcome.duration_s > 0


def test_a_program_that_returns_exits_with_zero(wat: Wat, execute: Execute) -> None:
    """Coming back from ``_start`` is success."""
    assert execute(RunRequest(module=wat(_program(""))))[0].exit_code == 0


def test_a_start_function_is_enough_to_run(wat: Wat, execute: Execute) -> None:
    """A module whose instantiation runs code needs no ``_start``."""
    text = _program("").replace(
        '(func (export "_start") )', "(func $s (call $exit (i32.const 3))) (start $s)"
    )
    assert execute(RunRequest(module=wat(text)))[0].exit_code == 3


@pytest.mark.parametrize(
    ("name", "args", "results"),
    [
        ("add", ("2", "3"), ("5",)),
        ("add", ("0x7fffffff", "1"), ("-2147483648",)),
        ("add", ("4294967295", "1"), ("0",)),
        ("i64", ("-9223372036854775808",), ("-9223372036854775808",)),
        ("i64", ("18446744073709551615",), ("-1",)),
        ("f32", ("0.1",), ("0.1",)),
        ("f32", ("nan",), ("nan",)),
        ("f64", ("-inf",), ("-inf",)),
        ("f64", ("1e300",), ("1e+300",)),
        ("swap", ("1", "2.5"), ("2.5", "1")),
        ("nothing", (), ()),
    ],
)
def test_an_export_is_called_with_typed_arguments(
    wat: Wat, execute: Execute, name: str, args: tuple[str, ...], results: tuple[str, ...]
) -> None:
    """Arguments are read by the export's types, and every result is printed so that it reads the same."""
    outcome, _ = execute(RunRequest(module=wat(_MATHS), call=name, args=args))
    assert outcome == RunOutcome(exit_code=0, results=results, duration_s=outcome.duration_s)


@pytest.mark.parametrize(
    ("name", "args", "message"),
    [
        ("add", ("1",), r"add\(i32, i32\) -> i32 takes 2 arguments, and 1 came"),
        ("nothing", ("1",), r"nothing\(\) takes 0 arguments, and 1 came"),
        ("add", ("1", "x"), r"Argument 2 of add\(i32, i32\) -> i32: 'x' is not an integer"),
        ("add", ("1", "1.5"), r"Argument 2 .* '1.5' is not an integer, and i32 is wanted"),
        ("add", ("4294967296", "1"), r"4294967296 does not fit i32"),
        ("f32", ("1e39",), r"1e39 does not fit f32"),
        ("memory", (), r"'memory' is a memory, not a function"),
        ("answer", (), r"'answer' is a global, not a function"),
        ("table", (), r"'table' is a table, not a function"),
        ("vector", ("1",), r"vector\(v128\) cannot be called"),
        ("reference", ("1",), r"reference\(externref\) cannot be called"),
        ("any", (), r"any\(\) -> anyref cannot be called"),
    ],
)
def test_a_call_that_does_not_fit_shows_the_signature(
    wat: Wat, execute: Execute, name: str, args: tuple[str, ...], message: str
) -> None:
    """Count, type, range, and exports that are no function or take more than numbers: exit code 125."""
    with pytest.raises(CallError, match=message) as caught:
        execute(RunRequest(module=wat(_MATHS), call=name, args=args))
    assert caught.value.exit_code == 125


def test_an_unknown_export_names_near_ones_and_all_signatures(wat: Wat, execute: Execute) -> None:
    """A slip of the finger is answered with what was meant: exit code 127."""
    with pytest.raises(NotFoundError, match="has no export 'ad'") as caught:
        execute(RunRequest(module=wat(_MATHS), call="ad"))
    assert caught.value.hint.startswith("Did you mean add? ")
    assert "add(i32, i32) -> i32" in caught.value.hint
    assert "nothing()" in caught.value.hint
    assert caught.value.exit_code == 127


def test_a_wrong_call_runs_nothing_of_the_guest(wat: Wat, execute: Execute) -> None:
    """The arguments are checked before a start function could have an effect."""
    text = '(module (func $s unreachable) (start $s) (func (export "f") (param i32)))'
    with pytest.raises(CallError):
        execute(RunRequest(module=wat(text), call="f"))


def test_a_reactor_is_initialised_before_the_call(wat: Wat, execute: Execute) -> None:
    """``_initialize`` runs first, once, and is itself callable."""
    text = """(module (global $ready (mut i32) (i32.const 0))
      (func (export "_initialize") (global.set $ready (i32.add (global.get $ready) (i32.const 1))))
      (func (export "ready") (result i32) (global.get $ready)))"""
    assert execute(RunRequest(module=wat(text), call="ready"))[0].results == ("1",)
    assert execute(RunRequest(module=wat(text), call="_initialize"))[0].results == ()


def test_an_export_of_a_wasi_module_can_be_called(compile_c: Callable[..., Path], execute: Execute) -> None:
    """The call may print and exit; what it prints is the guest's, not a result."""
    module = compile_c(
        """#include <stdio.h>
        #include <stdlib.h>
        __attribute__((export_name("shout"))) int shout(int n) {
          printf("n=%d\\n", n);
          fflush(stdout);
          return n * 2;
        }
        __attribute__((export_name("leave"))) int leave(int n) { exit(n); }
        """,
        "-mexec-model=reactor",
    )
    outcome, stdout = execute(RunRequest(module=module, call="shout", args=("21",)))
    assert (outcome.results, stdout) == (("42",), "n=21\n")
    assert execute(RunRequest(module=module, call="leave", args=("9",)))[0].exit_code == 9


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("unreachable", "unreachable"),
        ("(drop (i32.div_s (i32.const 1) (i32.const 0)))", "integer divide by zero"),
        ("(drop (i32.load (i32.const -1)))", "out of bounds memory access"),
        ("(call $inner)", "call stack exhausted"),
    ],
)
def test_a_trap_carries_its_reason_and_backtrace(wat: Wat, execute: Execute, body: str, reason: str) -> None:
    """Innermost frame first, with names and module offsets: exit code 134."""
    text = f"""(module (memory 1)
      (func $inner {body})
      (func $outer (call $inner))
      (func (export "_start") (call $outer)))"""
    with pytest.raises(TrapError, match=f"The guest trapped: .*{reason}") as caught:
        execute(RunRequest(module=wat(text)))
    assert caught.value.backtrace[0].endswith("inner")
    assert caught.value.backtrace[1].startswith("0x")
    assert caught.value.exit_code == 134
    if reason != "call stack exhausted":
        assert [line.split(" ", 1)[1] for line in caught.value.backtrace] == [
            "inner",
            "outer",
            "<wasm function 2>",
        ]


def test_debug_information_adds_source_places(compile_c: Callable[..., Path], execute: Execute) -> None:
    """A module with DWARF is traced to file and line."""
    module = compile_c(
        """static volatile int zero;
        int main(void) {
          return 1 / zero;
        }""",
        "-g",
        "-O0",
    )
    with pytest.raises(TrapError) as caught:
        execute(RunRequest(module=module))
    assert "guest.c:3:" in caught.value.backtrace[0]


def test_a_library_lists_what_can_be_called(wat: Wat, execute: Execute) -> None:
    """No ``_start`` and no ``--call``: exit code 126 and the exports to choose from."""
    with pytest.raises(NotRunnableError, match="no _start function") as caught:
        execute(RunRequest(module=wat(_MATHS)))
    assert "--call NAME" in caught.value.hint
    assert "add(i32, i32) -> i32" in caught.value.hint
    assert caught.value.exit_code == 126


def test_missing_imports_are_named(wat: Wat, execute: Execute) -> None:
    """What nobody provides is listed with its type, and WASI's own are not among it."""
    text = """(module
      (import "wasi_snapshot_preview1" "proc_exit" (func (param i32)))
      (import "host" "read" (func (param i32) (result i64)))
      (import "host" "vectors" (func (param v128)))
      (import "host" "memory" (memory 1))
      (func (export "_start")))"""
    with pytest.raises(NotRunnableError) as caught:
        execute(RunRequest(module=wat(text)))
    _, _, listed = caught.value.message.partition("needs imports that nobody provides here: ")
    assert listed == "host.read(i32) -> i64, host.vectors(v128), host.memory (memory)"


@pytest.mark.parametrize(
    "glue", ['"a" "b"', '"env" "emscripten_run_script"', '"./app_bg.js" "__wbg_log"', '"env" "invoke_ii"']
)
def test_glue_for_javascript_is_recognised(wat: Wat, execute: Execute, glue: str) -> None:
    """Emscripten's (also minified) and wasm-bindgen's imports lead to the browser."""
    with pytest.raises(NotRunnableError) as caught:
        execute(RunRequest(module=wat(f'(module (import {glue} (func)) (func (export "_start")))')))
    assert "browser" in caught.value.hint
    assert "-t wasm" in caught.value.hint


@pytest.mark.parametrize(
    "item", ["(memory 1 2 shared)", '(import "wasi" "thread-spawn" (func (param i32) (result i32)))']
)
def test_a_module_with_threads_says_what_is_missing(wat: Wat, execute: Execute, item: str) -> None:
    """Shared memories and spawned threads are not provided, and the hint says what to do."""
    with pytest.raises(NotRunnableError) as caught:
        execute(RunRequest(module=wat(f'(module {item} (func (export "_start")))')))
    assert "without them" in caught.value.hint


def test_an_import_of_the_wrong_type_is_not_runnable(wat: Wat, execute: Execute) -> None:
    """A WASI function imported with another signature is refused in words."""
    text = '(module (import "wasi_snapshot_preview1" "fd_write" (func)) (func (export "_start")))'
    with pytest.raises(NotRunnableError, match="cannot be run"):
        execute(RunRequest(module=wat(text)))


def test_assemblyscripts_abort_is_provided(wat: Wat, execute: Execute) -> None:
    """``env.abort`` ends the run as a trap that carries AssemblyScript's message and place."""
    text = r"""(module (import "env" "abort" (func $abort (param i32 i32 i32 i32)))
      (memory (export "memory") 1)
      (data (i32.const 8) "\06\00\00\00b\00a\00d\00") (data (i32.const 32) "\08\00\00\00a\00.\00t\00s\00")
      (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
      (func (export "fail") (call $abort (i32.const 12) (i32.const 36) (i32.const 3) (i32.const 5)))
      (func (export "wild") (call $abort (i32.const -1) (i32.const 0) (i32.const 3) (i32.const 5))))"""
    module = wat(text)
    assert execute(RunRequest(module=module, call="add", args=("1", "2")))[0].results == ("3",)
    with pytest.raises(TrapError, match=r"aborted: bad \(a.ts:3:5\)"):
        execute(RunRequest(module=module, call="fail"))
    with pytest.raises(TrapError, match=r"aborted: no message \(unknown:3:5\)"):
        execute(RunRequest(module=module, call="wild"))


def test_emscriptens_growth_notice_is_provided(wat: Wat, execute: Execute) -> None:
    """A standalone module that tells its host of growing memory runs."""
    text = """(module (import "env" "emscripten_notify_memory_growth" (func $grew (param i32)))
      (func (export "_start") (call $grew (i32.const 0))))"""
    assert execute(RunRequest(module=wat(text)))[0].exit_code == 0


@pytest.mark.parametrize(
    ("data", "message", "hint"),
    [
        (b"", "the file is empty", ""),
        (b"(module)", "not WebAssembly", "wat2wasm"),
        (b"\n;; note\n(module)", "not WebAssembly", "wat2wasm"),
        (b"\0asm\1\0\0", "ends inside its 8-byte header", ""),
        (b"\0asm\2\0\0\0", "unknown WebAssembly version 2", ""),
        (b"\x1f\x8b\x08\0", "not WebAssembly", "gzip"),
        (b"\0asm\1\0\0\0\xff\0", r"not valid WebAssembly: .*offset 0x8\)", "verify"),
        (b"\0asm\x0d\0\1\0\xff\0", r"not valid WebAssembly: .*offset 0x8\)", "verify"),
    ],
)
def test_a_file_that_is_no_wasm_is_not_runnable(
    tmp_path: Path, execute: Execute, data: bytes, message: str, hint: str
) -> None:
    """Text, other formats, cut-off and corrupt files: exit code 126, saying what it is or where it breaks."""
    path = tmp_path / "guest.wasm"
    path.write_bytes(data)
    with pytest.raises(NotRunnableError, match=message) as caught:
        execute(RunRequest(module=path))
    assert hint in caught.value.hint


def test_a_missing_file_is_not_found_and_a_folder_not_runnable(tmp_path: Path, execute: Execute) -> None:
    """127 and 126, as ``env(1)`` has it."""
    with pytest.raises(NotFoundError, match="does not exist"):
        execute(RunRequest(module=tmp_path / "missing.wasm"))
    with pytest.raises(NotRunnableError, match="is a folder"):
        execute(RunRequest(module=tmp_path))
